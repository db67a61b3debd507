/** The steps commands share: a program for a machine, from a model or from a file. */
import { cliMessages, fail } from '../core/index.ts';
import type { Compilation, CompileOptions, ImportedModel } from '../compiler/index.ts';
import type { Machine } from '../hw-configs/index.ts';
import type { CheckReport } from '../reports/index.ts';
import type { Executable } from '../isa/index.ts';
import { inFile, readBytes } from './files.ts';
import { isProgram, loadModel } from './model.ts';
import { readModelOptions } from './model-options.ts';
import type { OptionName } from './options.ts';
import type { Progress } from './output.ts';
import { UsageError, wholeNumbers, type Values } from './values.ts';

/** The options that decide what a program is. */
export const programOptions: readonly OptionName[] = [
  'target',
  'set',
  'precision',
  'dim',
  'shape',
  'input-value',
  'calibrate',
  'calibration',
];

/** Files the command line names to be read: no output may be one of them. */
export function inputFiles(values: Values): readonly string[] {
  const listed = (['target', 'values', 'program', 'calibrate', 'inputs'] as const).flatMap((name) => values.texts(name));
  const contents = values.texts('input-value').map((text) => text.slice(text.indexOf('=') + 1));
  return [values.positional('model'), ...listed, ...contents].filter((path) => path !== '');
}

export interface Prepared {
  readonly executable: Executable;
  readonly machine: Machine;
}

/** Compiles the model, or reads the finished program; a program without --target runs on the preset it was compiled for. */
export async function prepareProgram(values: Values, progress: Progress): Promise<Prepared> {
  const name = values.positional('model');
  if (!(await isProgram(name))) {
    const { compilation, machine } = await compileModel(values, progress, 'simulate');
    return { executable: compilation.executable, machine };
  }
  if (values.texts('calibrate').length > 0) fail(cliMessages.programNotModel({ path: name, command: '--calibrate' }));
  progress.say(`reading ${name}`);
  for (const option of ['dim', 'shape', 'input-value', 'precision'] as const) {
    const given =
      option === 'precision'
        ? values.text('precision') !== undefined && values.text('precision') !== 'auto'
        : values.texts(option).length > 0;
    if (given) fail(cliMessages.programNotModel({ path: name, command: `--${option}` }));
  }
  const { decodeExecutable, verifyExecutable } = await import('../isa/index.ts');
  const bytes = await readBytes(name);
  const executable = await inFile(name, () => decodeExecutable(bytes));
  const { loadTarget } = await import('./target.ts');
  const machine = await loadTarget(values.text('target') ?? executable.target.name, values.texts('set'));
  // A file may have been made by hand: nothing of it runs before it is known to be legal.
  const faults = machine.planHash === executable.target.planHash ? verifyExecutable(executable, machine) : [];
  const errors = faults.filter((d) => d.severity === 'error');
  if (errors.length > 0) await inFile(name, () => fail(...errors.slice(0, 20)));
  return { executable, machine };
}

export async function compileModel(
  values: Values,
  progress: Progress,
  command: string,
): Promise<{ compilation: Compilation; machine: Machine }> {
  const named = await readModelAndMachine(values, progress, command);
  const { tellingSizes } = await import('./sizes.ts');
  return tellingSizes(named, () => compileNamed(values, progress, named));
}

async function compileNamed(
  values: Values,
  progress: Progress,
  { name, model, machine, dims }: Named,
): Promise<{ compilation: Compilation; machine: Machine }> {
  const { compile } = await import('../compiler/index.ts');
  const options: CompileOptions = { precision: readPrecision(values), dims, calibration: null };
  const sources = values.texts('calibrate');
  if (sources.length > 0) {
    progress.say('calibrating');
    const { calibrateModel, readMethod, unusedCalibration } = await import('./calibration.ts');
    const method = readMethod(values.text('calibration'));
    const calibration = usesCalibration(options.precision) ? await calibrateModel(model, sources, dims, method) : null;
    progress.say(`compiling ${name}`);
    const made = compile(model, machine, { ...options, calibration });
    const diagnostics = [...made.executable.diagnostics, ...unusedCalibration(values, made)];
    return { compilation: { ...made, executable: { ...made.executable, diagnostics } }, machine };
  }
  if (values.text('calibration') !== undefined) throw new UsageError('--calibration says how: name the samples with --calibrate');
  progress.say(`compiling ${name}`);
  return { compilation: compile(model, machine, options), machine };
}

export interface Named {
  readonly name: string;
  readonly model: ImportedModel;
  readonly machine: Machine;
  readonly dims: CompileOptions['dims'];
}

/** What a command that starts from a model works on. */
export async function readModelAndMachine(values: Values, progress: Progress, command: string): Promise<Named> {
  const name = values.positional('model');
  if (await isProgram(name)) fail(cliMessages.programNotModel({ path: name, command }));
  const dims = wholeNumbers(values.assignments('dim'), 'dim');
  progress.say('reading the machine');
  const { loadTarget } = await import('./target.ts');
  const machine = await loadTarget(values.text('target'), values.texts('set'));
  progress.say(`importing ${name}`);
  return { name, model: await loadModel(name, await readModelOptions(values)), machine, dims };
}

/** Fates and costs of a model's nodes: what `check` prints. */
export async function checkNamedModel(values: Values, progress: Progress): Promise<CheckReport> {
  const { name, model, machine, dims } = await readModelAndMachine(values, progress, 'check');
  progress.say(`checking ${name}`);
  const { checkModel } = await import('../reports/index.ts');
  return checkModel(model, machine, { precision: readPrecision(values), dims, calibration: null });
}

/** Programs asked to be in floats have no scales to find. */
export function usesCalibration(precision: CompileOptions['precision']): boolean {
  return precision === 'auto' || precision === 'int8' || precision === 'fp8';
}

export function readPrecision(values: Values): CompileOptions['precision'] {
  const precision = values.text('precision');
  const known = ['int8', 'fp8', 'fp32', 'fp16', 'bf16'] as const;
  return known.find((name) => name === precision) ?? 'auto';
}
