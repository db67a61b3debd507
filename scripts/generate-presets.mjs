/**
 * Writes src/hw-configs/presets.generated.ts (each preset's YAML and the machine it resolves to) and schema.json.
 * The loader runs from dist/, built first. That never waits on its own output: the loader does not import the presets, and a
 * stale presets file still compiles.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const build = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit', cwd: root });
if (build.status !== 0) process.exit(build.status ?? 1);

const { readMachine, descriptionJsonSchema } = await import(pathToFileURL(join(root, 'dist', 'hw-configs', 'load.js')).href);

const folder = join(root, 'src', 'hw-configs', 'presets');
const presets = [];
for (const file of readdirSync(folder).sort()) {
  const yaml = readFileSync(join(folder, file), 'utf8');
  const { machine, diagnostics } = await readMachine(yaml, file, []);
  for (const { location, code, message } of diagnostics) console.error(`${file}:${location?.line ?? 0}: ${code}: ${message}`);
  if (machine === null || diagnostics.length > 0) process.exit(1);
  presets.push({ name: machine.name, yaml, machine });
}

const literal = (text) => `\`${text.replace(/[\\`]|\$\{/g, '\\$&')}\``;
const entries = presets.map(
  ({ name, yaml, machine }) => `{ name: ${JSON.stringify(name)}, yaml: ${literal(yaml)}, machine: ${JSON.stringify(machine)} },`,
);
await write(
  'src/hw-configs/presets.generated.ts',
  `/** Written by scripts/generate-presets.mjs from presets/*.yaml. Do not edit. */
import type { Preset } from './preset.ts';

export const presets: readonly Preset[] = [${entries.join('\n')}];
`,
);
writeFileSync(join(root, 'schema.json'), `${JSON.stringify(descriptionJsonSchema(), null, 2)}\n`);

async function write(path, text) {
  const target = join(root, path);
  writeFileSync(target, await format(text, { ...(await resolveConfig(target)), filepath: target }));
}
