/** A verification for the command line: inputs read, the model compiled, everything compared, files written. */
import { fail, formatDiagnostic, isFloat, suggest, verifyMessages, type Diagnostic, type Tensor } from '../core/index.ts';
import { compile, type Compilation, type CompileOptions } from '../compiler/index.ts';
import { attributeInt, bindGraph, numbersOf, type Graph } from '../graph/index.ts';
import { decodeExecutable, verifyExecutable, type Executable } from '../isa/index.ts';
import {
  defaultTolerance,
  describeError,
  programInputs,
  verifyCompilation,
  type Expectation,
  type KernelName,
  type Tolerance,
  type VerifyRun,
} from '../reports/index.ts';
import { recordVectors } from '../simulator/index.ts';
import { calibrateModel, calibrateOn, inputsOf, readMethod, unusedCalibration } from './calibration.ts';
import { checkVerifiable, effortOf, longRun } from './effort.ts';
import { inFile, isFile, readBytes, standardStream } from './files.ts';
import { readModelOptions, resolveInputValues } from './model-options.ts';
import { note, type Progress } from './output.ts';
import { readModelAndMachine, readPrecision, usesCalibration, type Named } from './session.ts';
import { tellingSizes } from './sizes.ts';
import { numbers, UsageError, type Values } from './values.ts';
import { dumpKernel, openFolder, type OutputFolder } from './verify-files.ts';
import { sizesOf } from './input-sizes.ts';
import { readSamples, type Sample } from './samples.ts';
import { failed, findJudge, type Judge } from './verify-runtime.ts';

/** What `--json` prints. */
export interface VerifyDocument {
  readonly formatVersion: 1;
  readonly model: { readonly name: string; readonly sha256: string };
  readonly target: { readonly name: string; readonly planHash: string };
  readonly precision: string;
  readonly tolerance: Tolerance;
  /** The package of ONNX Runtime that was compared with, and its version: "onnxruntime-node 1.22.0"; null where there was none. */
  readonly judge: string | null;
  /** What was compared with and what could not be. */
  readonly notes: readonly Diagnostic[];
  readonly passed: boolean;
  readonly runs: readonly (VerifyRun & { readonly inputs: string })[];
  /** Files written by --dump and --vectors, in their directories. */
  readonly files: readonly string[];
}

export interface Verification {
  readonly document: VerifyDocument;
  /** Why the command ends with exit code 1; empty where all is well. */
  readonly faults: readonly Diagnostic[];
}

export async function verifyModel(values: Values, progress: Progress): Promise<Verification> {
  const output = outputOptions(values);
  // Made before anything is computed: a path that cannot be written is told at once.
  const folders: Folders = {
    dump: output.dump.length === 0 ? null : openFolder(output.out),
    vectors: output.vectors === null ? null : openFolder(output.vectors),
  };
  try {
    return await compareAll(values, progress, output, folders);
  } catch (error) {
    folders.dump?.discard();
    folders.vectors?.discard();
    throw error;
  }
}

interface Folders {
  readonly dump: OutputFolder | null;
  readonly vectors: OutputFolder | null;
}

async function compareAll(values: Values, progress: Progress, output: OutputOptions, folders: Folders): Promise<Verification> {
  const given = await readModelAndMachine(values, progress, 'verify');
  const sizes = await sizesOf(given.model.graph, values.texts('inputs'), given.dims);
  const named = { ...given, dims: { ...sizes, ...given.dims } };
  const notes = Object.keys(sizes).length === 0 ? [] : [verifyMessages.sizesFromInputs({ sizes })];
  return tellingSizes(named, () => compareNamed(values, progress, output, folders, named, notes));
}

async function compareNamed(
  values: Values,
  progress: Progress,
  output: OutputOptions,
  folders: Folders,
  named: Named,
  told: readonly Diagnostic[],
): Promise<Verification> {
  const { model, machine, dims } = named;
  const { graph } = bindGraph(model.graph, dims);
  const effort = effortOf(graph);
  checkVerifiable(effort, readPrecision(values));
  const samples = await readAll(values.texts('inputs'), graph);
  const passes = (values.texts('calibrate').length === 0 && usesCalibration(readPrecision(values)) ? 3 : 2) * samples.length;
  if (!values.flag('quiet')) for (const d of longRun(effort, passes)) note(formatDiagnostic(d));
  progress.say(`compiling ${named.name}`);
  const compilation = await compileRunnable(values, named, samples);
  const executable = await programOf(values.text('program'), compilation, named);
  checkKernelNames(executable, [
    ...output.dump.map((name) => ['--dump', name] as const),
    ...output.kernels.map((name) => ['--kernels', name] as const),
  ]);
  const precision = String(executable.options['precision'] ?? '');
  const isQuantized = compilation.quantizedGraph.values.some((v) => v.quantization?.source === 'model');
  const tolerance = readTolerance(
    values,
    defaultTolerance(precision, { quantizedModel: isQuantized, bytesAllowed: allowsBytes(model.graph) }),
  );
  progress.say('loading ONNX Runtime');
  const notes: Diagnostic[] = [...told, ...unusedCalibration(values, compilation)];
  const judge = await judgeOf(named.name, notes);
  const given = await fixedInputs(values, named.name);
  const runs: (VerifyRun & { readonly inputs: string })[] = [];
  for (const [index, sample] of samples.entries()) {
    progress.say(`comparing on ${sample.source}`);
    notes.push(...sample.notes, ...oddNumbers(sample), ...shortCaches(sample, graph));
    const expectations = [...expectationsOf(sample, graph), ...(await judged(judge, new Map([...given, ...sample.inputs]), notes))];
    const onKernel = (kernel: KernelName, tensors: Parameters<typeof dumpKernel>[2]): void => {
      if (index === 0 && folders.dump !== null && output.dump.some((name) => isCalled(kernel, name)))
        dumpKernel(folders.dump, kernel, tensors);
    };
    const run = verifyCompilation({
      compilation,
      executable,
      machine,
      model: graph,
      inputs: sample.inputs,
      expectations,
      tolerance,
      onKernel,
    });
    runs.push({ inputs: sample.source, ...run });
  }
  if (folders.vectors !== null && samples[0] !== undefined) {
    progress.say('recording vectors');
    writeVectors(folders.vectors, output, executable, named, samples[0]);
  }
  const document: VerifyDocument = {
    formatVersion: 1,
    model: { name: executable.model.name, sha256: executable.model.sha256 },
    target: { name: machine.name, planHash: machine.planHash },
    precision,
    tolerance,
    judge: runs.some((run) => run.outputs.some((o) => o.expectations.some((e) => e.name === 'onnxruntime'))) ? (judge?.name ?? null) : null,
    notes,
    passed: runs.every((run) => run.passed),
    runs,
    files: [...(folders.dump?.files ?? []), ...(folders.vectors?.files ?? [])],
  };
  return { document, faults: runs.flatMap(faultsOf) };
}

interface OutputOptions {
  readonly dump: readonly string[];
  readonly out: string;
  readonly vectors: string | null;
  readonly kernels: readonly string[];
  readonly count: number;
}

/** Whole megabytes of numbers that fit in a review; commands of one kernel are alike. */
const defaultCount = 8;
const vectorLimitBytes = 2 ** 30;

function outputOptions(values: Values): OutputOptions {
  const vectors = values.text('vectors') ?? null;
  const dump = values.texts('dump');
  const kernels = values.texts('kernels');
  const count = values.text('count');
  if (vectors === null && (kernels.length > 0 || count !== undefined))
    throw new UsageError('--kernels and --count say which commands --vectors writes: give it a directory');
  if (dump.length === 0 && values.text('out') !== undefined) throw new UsageError('--out is where --dump writes: name a kernel');
  if (count !== undefined && !/^[1-9]\d{0,8}$/.test(count))
    throw new UsageError(`--count ${count}: "${count}" is not a whole number above 0`);
  return { dump, out: values.text('out') ?? 'verify-dump', vectors, kernels, count: count === undefined ? defaultCount : Number(count) };
}

function readTolerance(values: Values, usual: Tolerance): Tolerance {
  const given = numbers(values.assignments('tolerance'), 'tolerance');
  const unknown = Object.keys(given).find((name) => name !== 'sqnr' && name !== 'reference');
  if (unknown !== undefined) throw new UsageError(`--tolerance ${unknown}: it takes sqnr=DB and reference=DB`);
  return { ...usual, sqnrDb: given['sqnr'] ?? usual.sqnrDb, referenceDb: given['reference'] ?? usual.referenceDb };
}

async function readAll(sources: readonly string[], graph: Graph): Promise<readonly Sample[]> {
  const inputs = inputsOf(graph);
  const named = sources.length === 0 ? ['random:0'] : sources;
  return (await Promise.all(named.map((source) => readSamples(source, inputs)))).flat();
}

/** Whether the model lets products of floats take activations of 8 bits (MatMulNBits). */
function allowsBytes(graph: Graph): boolean {
  return graph.nodes.some((node) => node.op === 'MatMulNBits' && attributeInt(node, 'accuracy_level', 0) === 4);
}

/** Inputs that are no numbers in part: what they prove is less than it seems. */
function oddNumbers({ source, inputs }: Sample): readonly Diagnostic[] {
  return [...inputs].flatMap(([name, tensor]) => {
    if (!isFloat(tensor.dtype)) return [];
    let [nan, infinite] = [0, 0];
    const numbers = numbersOf(tensor);
    for (const x of numbers) {
      if (Number.isNaN(x)) nan++;
      else if (!Number.isFinite(x)) infinite++;
    }
    return nan + infinite === 0 ? [] : [verifyMessages.oddInputs({ source, name, nan, infinite, elements: numbers.length })];
  });
}

/** Programs are made for full caches: what others mean they do not compute. */
function shortCaches({ source, inputs }: Sample, graph: Graph): readonly Diagnostic[] {
  return inputsOf(graph).flatMap(({ name, full }) => {
    const tensor = inputs.get(name);
    const other = tensor === undefined || full === undefined ? undefined : numbersOf(tensor).find((x) => x !== full);
    return other === undefined || full === undefined ? [] : [verifyMessages.cacheNotFull({ source, name, full, found: other })];
  });
}

/** A program with numbers: where scales are missing, they are found on the very inputs to compare on, unless samples were named. */
async function compileRunnable(values: Values, { model, machine, dims }: Named, samples: readonly Sample[]): Promise<Compilation> {
  const options: CompileOptions = { precision: readPrecision(values), dims, calibration: null };
  const method = readMethod(values.text('calibration'));
  const sources = values.texts('calibrate');
  if (sources.length > 0 && usesCalibration(options.precision))
    return compile(model, machine, { ...options, calibration: await calibrateModel(model, sources, dims, method) });
  const first = compile(model, machine, options);
  if (!first.quantizedGraph.values.some((v) => v.quantization?.source === 'placeholder')) return first;
  const inputs = samples.map((sample) => sample.inputs);
  return compile(model, machine, { ...options, calibration: calibrateOn(model, inputs, dims, method) });
}

/** The program of --program, which must have the kernels and the inputs and outputs of the compilation. */
async function programOf(path: string | undefined, { executable: own }: Compilation, { machine }: Named): Promise<Executable> {
  if (path === undefined) return own;
  const bytes = await readBytes(path);
  const given = await inFile(path, () => decodeExecutable(bytes));
  const refuse = (why: string): never => fail(verifyMessages.otherProgram({ path, why }));
  if (given.target.planHash !== own.target.planHash) refuse(`it is for ${given.target.name}`);
  const names = (e: Executable): string => e.kernels.map((k) => k.name).join('\n');
  if (names(given) !== names(own)) refuse(`it has ${given.kernels.length} kernels, this model gives ${own.kernels.length}, or others`);
  const ends = (e: Executable): string => JSON.stringify([e.regions, e.entryPoints]);
  if (ends(given) !== ends(own)) refuse('its regions, or the places and scales of its inputs and outputs, differ');
  const errors = verifyExecutable(given, machine).filter((d) => d.severity === 'error');
  if (errors.length > 0) fail(...errors.slice(0, 20));
  return given;
}

function isCalled(kernel: { readonly name: string; readonly origin: readonly string[] }, name: string): boolean {
  return kernel.name === name || kernel.origin.includes(name);
}

function checkKernelNames({ kernels }: Executable, names: readonly (readonly [string, string])[]): void {
  const unknown = names.filter(([, name]) => !kernels.some((k) => isCalled(k, name)));
  if (unknown.length === 0) return;
  const known = [...new Set(kernels.flatMap((k) => [k.name, ...k.origin]))];
  const called = [...new Set(kernels.map((k) => k.name))];
  fail(
    ...unknown.map(([option, name]) =>
      verifyMessages.unknownKernel({ option, name, near: suggest(name, known), kernels: called.length, some: called.slice(0, mostNames) }),
    ),
  );
}

/** Of kernels in a message: enough to see how they are called. */
const mostNames = 8;

async function judgeOf(name: string, notes: Diagnostic[]): Promise<Judge | null> {
  const found = await findJudge(name === standardStream ? await readBytes(name) : isFile(name) ? name : await builtIn(name));
  if ('judge' in found) return found.judge;
  notes.push(found.diagnostic);
  return null;
}

async function builtIn(name: string): Promise<Uint8Array> {
  const { buildModel } = await import('../models/index.ts');
  return buildModel(name);
}

async function judged(judge: Judge | null, inputs: ReadonlyMap<string, Tensor>, notes: Diagnostic[]): Promise<readonly Expectation[]> {
  if (judge === null) return [];
  try {
    return [{ name: 'onnxruntime', outputs: await judge.run(inputs) }];
  } catch (error) {
    notes.push(failed(error));
    return [];
  }
}

/** Inputs that --input-value turned into constants: the file still asks for them. */
async function fixedInputs(values: Values, name: string): Promise<ReadonlyMap<string, Tensor>> {
  const options = await readModelOptions(values);
  if (options.inputValues.size === 0) return new Map();
  return resolveInputValues(isFile(name) ? await readBytes(name) : await builtIn(name), options);
}

function expectationsOf({ expected }: Sample, graph: Graph): readonly Expectation[] {
  if (expected.length === 0) return [];
  const outputs = new Map(
    graph.outputs.flatMap((id, i) => {
      const tensor = expected[i];
      return tensor === undefined ? [] : [[graph.values[id]?.name ?? '', tensor] as const];
    }),
  );
  return [{ name: 'expected', outputs }];
}

function writeVectors(
  folder: OutputFolder,
  { kernels, count }: OutputOptions,
  executable: Executable,
  { machine }: Named,
  sample: Sample,
): void {
  const chosen = executable.kernels.filter((k) => kernels.length === 0 || kernels.some((name) => isCalled(k, name)));
  const options = { kernels: new Set(chosen.map((k) => k.name)), commandsPerKernel: count, limitBytes: vectorLimitBytes };
  const given = programInputs(executable, sample.inputs);
  const manifest = recordVectors(executable, machine, given, options, (stem, tensor) => folder.writeTensor(stem, tensor));
  folder.writeText('manifest.json', `${JSON.stringify(manifest, null, 2)}\n`);
}

function faultsOf(run: VerifyRun & { readonly inputs: string }): readonly Diagnostic[] {
  const { inputs } = run;
  const faults: Diagnostic[] = [];
  const findings = run.sanitizer.filter((d) => d.severity !== 'info');
  if (findings.length > 0) faults.push(verifyMessages.sanitizerFaults({ count: findings.length, inputs }));
  const wrong = run.kernels.filter((k) => k.verdict === 'wrong');
  const [first] = wrong;
  if (first !== undefined) {
    const what = describeError(first.isolated);
    faults.push(
      verifyMessages.kernelDiffers(
        { kernel: first.name, wrong: wrong.length, kernels: run.kernels.length, inputs, what },
        { origin: first.origin },
      ),
    );
  }
  return [...faults, ...run.misses.map(({ output, what }) => verifyMessages.outputDiffers({ output, inputs, what }))];
}
