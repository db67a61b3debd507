/**
 * Writes everything that is generated and committed: the ONNX and program codecs, the presets, schema.json, the page's scripts,
 * docs/operators.md.
 * `--check` writes nothing new: it fails when a committed file is not what would be generated.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const steps = readdirSync(join(root, 'scripts'))
  .filter((name) => /^generate-.+\.mjs$/.test(name))
  .sort((a, b) => (a < b ? -1 : 1));
const check = process.argv.includes('--check');

const before = check ? generatedFiles() : new Map();
for (const step of steps) {
  const run = spawnSync(process.execPath, [join(root, 'scripts', step)], { stdio: 'inherit', cwd: root });
  if (run.status !== 0) process.exit(run.status ?? 1);
}
if (!check) process.exit(0);

const after = generatedFiles();
const stale = [...new Set([...before.keys(), ...after.keys()])]
  .filter((file) => before.get(file) !== after.get(file))
  .sort((a, b) => (a < b ? -1 : 1));
for (const [file, text] of before) writeFileSync(join(root, file), text);
if (stale.length > 0) {
  console.error(`Not what \`npm run generate\` writes:\n${stale.map((file) => `  ${file}`).join('\n')}\nRun it and commit the result.`);
  process.exit(1);
}

function generatedFiles() {
  const files = filesUnder(join(root, 'src')).filter((file) => file.includes('generated'));
  files.push(...['schema.json', 'docs/operators.md'].map((file) => join(root, file)).filter(existsSync));
  return new Map(files.map((file) => [relative(root, file), readFileSync(file, 'utf8')]));
}

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesUnder(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}
