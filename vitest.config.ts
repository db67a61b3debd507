import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'threads',
    maxWorkers: 2,
    // Against hangs, not against slowness: a machine may be shared by many.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
