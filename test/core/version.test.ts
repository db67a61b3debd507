import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { version } from '../../src/core/index.ts';

test('the version in result documents is the version of the package', () => {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(manifest).toMatchObject({ version });
});
