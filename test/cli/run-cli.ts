/** Runs the built command line as a user would: another process, in a folder of its own. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Brings dist/ up to date; quick when it is. */
export function build(): void {
  const run = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`the build failed:\n${run.stdout}${run.stderr}`);
}

export function systole(words: readonly string[], folder: string, environment: Readonly<Record<string, string>> = {}): Outcome {
  const run = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), ...words], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, SYSTOLE_DEBUG: '', ...environment },
    maxBuffer: 1 << 28,
  });
  return { code: run.status, out: run.stdout, err: run.stderr };
}

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'systole-cli-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export const projectRoot: string = root;
