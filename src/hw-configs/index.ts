/**
 * hw-configs: the machine.
 * In: YAML with units and formulas (a preset's or the user's) and `path=value` settings. Out: a `Machine`, every quantity a plain
 * number in base units, or diagnostics that name all problems with file, line and column.
 * Always: a machine that comes out passed schema, units, formulas, names and lint; equal input gives equal machine and hashes;
 * runs in a browser (reading files is the caller's); presets without settings load without yaml, zod or mathjs.
 * Must not know: graphs, programs, how a machine is compiled for or simulated.
 */
import { fail, hwMessages as messages, suggest, type Diagnostic } from '../core/index.ts';
import type { Machine } from './machine.ts';
import type { MachineRead } from './load.ts';
import type { Preset } from './preset.ts';
import { presets } from './presets.generated.ts';

export * from './access.ts';
export * from './describe.ts';
export type { MachineRead } from './load.ts';
export type * from './machine.ts';

/** A built-in machine by name, or a description; `file` is what diagnostics call it. */
export type MachineSource = { readonly preset: string } | { readonly yaml: string; readonly file: string };

export const presetNames: readonly string[] = presets.map((preset) => preset.name);

/** One line for each preset: its description. */
export const presetSummaries: Readonly<Record<string, string>> = Object.fromEntries(
  presets.map((preset) => [preset.name, preset.machine.description]),
);

/**
 * The machine, with settings applied (`cores.npu.matrix.rows=64`). Warnings are left out; `readMachineSource` has them.
 * @throws SystoleError with every problem found
 */
export async function loadMachine(source: MachineSource, settings: readonly string[] = []): Promise<Machine> {
  const { machine, diagnostics } = await readMachineSource(source, settings);
  return machine ?? fail(...diagnostics);
}

/** Like `loadMachine`, but tells problems instead of throwing, warnings included. Throws only for an unknown preset. */
export async function readMachineSource(source: MachineSource, settings: readonly string[] = []): Promise<MachineRead> {
  if ('yaml' in source) return (await import('./load.ts')).readMachine(source.yaml, source.file, settings);
  const preset = presetNamed(source.preset);
  // Presets have no warnings (tested), so the machine is all there is to say.
  if (settings.length === 0) return { machine: preset.machine, diagnostics: [] };
  return (await import('./load.ts')).readMachine(preset.yaml, `preset ${preset.name}`, settings);
}

/** Everything there is to say about a description: errors and warnings, in the order of the file. */
export async function validateMachine(yaml: string, file: string): Promise<readonly Diagnostic[]> {
  return (await readMachineSource({ yaml, file })).diagnostics;
}

/** The YAML of a preset, comments with sources included. @throws SystoleError for an unknown name */
export function presetYaml(name: string): string {
  return presetNamed(name).yaml;
}

/** JSON Schema of a description: the contents of `schema.json`. */
export async function machineJsonSchema(): Promise<object> {
  return (await import('./load.ts')).descriptionJsonSchema();
}

function presetNamed(name: string): Preset {
  return (
    presets.find((preset) => preset.name === name) ??
    fail(messages.unknownTarget({ name, known: presetNames, near: suggest(name, presetNames) }))
  );
}
