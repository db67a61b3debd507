/** Builds dist/ from src/: type check and emit, generated JavaScript copied beside it. Does nothing when nothing changed. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stampFile = join(dist, '.built');

const sources = filesUnder(join(root, 'src'));
const settings = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'].map((f) =>
  join(root, f),
);
const stamp = [...sources, ...settings].map((file) => `${relative(root, file)} ${fingerprint(file)}`).join('\n');
const before = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : '';
if (before === stamp) process.exit(0);

// A source that went away must not live on as its output.
if (paths(before) !== paths(stamp)) rmSync(dist, { recursive: true, force: true });
rmSync(stampFile, { force: true });

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const run = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit', cwd: root });
if (run.status !== 0) process.exit(run.status ?? 1);

for (const file of sources) {
  if (!file.split(sep).includes('generated')) continue;
  const target = join(dist, relative(join(root, 'src'), file));
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(file, target);
}
chmodSync(join(dist, 'cli', 'main.js'), 0o755);
writeFileSync(stampFile, stamp);

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? filesUnder(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();
}

function fingerprint(file) {
  const { mtimeMs, size } = statSync(file);
  return `${size} ${mtimeMs}`;
}

function paths(text) {
  return text.replaceAll(/ .*$/gm, '');
}
