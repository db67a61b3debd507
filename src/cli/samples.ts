/** Samples a command line names: numpy files with one or many, ONNX test data, or numbers from a seed. */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  bytesPerElement,
  cliMessages,
  elementCount,
  fail,
  hashName,
  isFloat,
  seededRandom,
  suggest,
  SystoleError,
  verifyMessages,
  viewBytes,
  bytesOf,
  type Diagnostic,
  type Tensor,
} from '../core/index.ts';
import { tensorOf } from '../graph/index.ts';
import { decodeTensor } from '../onnx/index.ts';
import { isFile, isText, readBytes } from './files.ts';
import { converted, misfit, samplesIn, type InputType } from './input-fit.ts';
import { describeTensor, parseArrays } from './npy.ts';
import { UsageError } from './values.ts';

export interface Sample {
  /** Where it comes from, for people: "in.npz[2]". */
  readonly source: string;
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** By place among the model's outputs; empty where nobody knows them. */
  readonly expected: readonly Tensor[];
  /** What of the source was not used. */
  readonly notes: readonly Diagnostic[];
}

/**
 * All samples of a source. Floats of another width than the input's are rounded, integers converted where all fit.
 * Errors: SYS8002 unreadable, SYS8004 to 8006 arrays that do not fit, SYS8065 no data set, SYS8066 uneven samples, SYS8070 no tensor.
 */
export async function readSamples(source: string, inputs: readonly InputType[]): Promise<readonly Sample[]> {
  const seed = /^random:(.*)$/.exec(source)?.[1];
  if (seed !== undefined) {
    if (!/^\d{1,10}$/.test(seed)) throw new UsageError(`"${source}": write random:SEED with a whole number`);
    return [{ source, inputs: new Map(inputs.map((input) => [input.name, seededTensor(input, Number(seed))])), expected: [], notes: [] }];
  }
  if (!isFile(source)) return Promise.all((await dataSetsIn(source)).map((folder) => readDataSet(folder, inputs)));
  return samplesOf(source, inputs, await arraysOfFile(source, inputs.length));
}

/** The arrays of a source by the name of the input (no name where the file has none), fitting or not; of several data sets the first. */
export async function arraysIn(source: string, names: readonly string[]): Promise<ReadonlyMap<string, Tensor>> {
  if (source.startsWith('random:')) return new Map();
  if (isFile(source)) return arraysOfFile(source, names.length);
  const [folder] = await dataSetsIn(source);
  return folder === undefined ? new Map() : arraysOfSet(folder, await readdir(folder), names);
}

async function arraysOfFile(source: string, inputs: number): Promise<ReadonlyMap<string, Tensor>> {
  if (!/\.pb$/i.test(source)) return parseArrays(await readBytes(source), source);
  const { name, tensor } = await readProto(source);
  // Names are often left out, and one input needs none.
  return new Map([[inputs === 1 ? '' : name, tensor]]);
}

/** Bell-shaped floats of unit variance; bytes of their whole range; indices any row of their table; caches are full; other integers 0 or 1. */
function seededTensor({ name, dtype, shape, rows = 2, full }: InputType, seed: number): Tensor {
  const random = seededRandom((hashName(name) ^ seed) >>> 0);
  const draw = (): number => {
    if (full !== undefined) return full;
    if (isFloat(dtype)) return random.bell();
    return dtype === 'int8' ? random.integer(-128, 127) : dtype === 'uint8' ? random.integer(0, 255) : random.integer(0, rows - 1);
  };
  return tensorOf(
    dtype,
    shape,
    Array.from({ length: elementCount(shape) }, () => draw()),
  );
}

/** One sample for each index of a leading axis, or of the first axis where it is several times the input's. */
function samplesOf(source: string, inputs: readonly InputType[], found: ReadonlyMap<string, Tensor>): readonly Sample[] {
  const [only] = found.values();
  // A lone array needs no name: a .npy has none, and numpy.savez calls it arr_0 where it got none.
  const lone = inputs.length === 1 && found.size === 1 && (found.has('') || found.has('arr_0')) ? only : undefined;
  const missing = inputs.filter(({ name }) => (found.get(name) ?? lone) === undefined);
  if (missing.length > 0) {
    const names = [...found.keys()].filter((name) => name !== '');
    const nameless = found.has('') ? `one array without a name (${only === undefined ? '' : describeTensor(only)})` : null;
    fail(
      cliMessages.missingInputs({
        file: source,
        missing: missing.map((input) => `"${input.name}" (${describeTensor(input)})`),
        found: nameless === null ? names.map((name) => `"${name}"`) : [nameless],
        change: changeFor(missing, names, nameless !== null),
      }),
    );
  }
  const pairs = inputs.flatMap((input) => {
    const tensor = found.get(input.name) ?? lone;
    if (tensor === undefined) return [];
    return [{ input, tensor, count: samplesIn(input, tensor.shape), own: converted(tensor, input.dtype) }];
  });
  const wrong = pairs.filter(({ count, own }) => count === null || own === null);
  if (wrong.length > 0) fail(...wrong.map(({ input, tensor }) => misfit(source, input, tensor)));
  const total = Math.max(1, ...pairs.map(({ count }) => count ?? 1));
  if (pairs.some(({ count }) => count !== 1 && count !== total)) {
    fail(verifyMessages.unevenSamples({ file: source, counts: pairs.map(({ input, count }) => `${count} of "${input.name}"`) }));
  }
  const known = new Set(inputs.map(({ name }) => name));
  const unused = lone === undefined ? [...found.keys()].filter((name) => !known.has(name)) : [];
  return Array.from({ length: total }, (_, i) => ({
    source: total === 1 ? source : `${source}[${i}]`,
    inputs: new Map(
      pairs.flatMap(({ input, own, count }) => (own === null ? [] : [[input.name, count === 1 ? whole(input, own) : part(input, own, i)]])),
    ),
    expected: [],
    notes: unused.length === 0 ? [] : [verifyMessages.unusedArrays({ file: source, names: unused })],
  }));
}

function changeFor(missing: readonly InputType[], names: readonly string[], isLone: boolean): string {
  if (isLone) return 'A file with one array is enough for a model with one input: give an .npz of all of them (numpy.savez)';
  const near = missing.flatMap(({ name }) => {
    const like = suggest(name, names);
    return like === undefined ? [] : [`"${like}" to "${name}"`];
  });
  return near.length === 0 ? 'Name the arrays as the model names its inputs' : `Rename ${near.join(', ')}`;
}

function whole(input: InputType, tensor: Tensor): Tensor {
  return { ...tensor, shape: input.shape };
}

function part(input: InputType, tensor: Tensor, index: number): Tensor {
  const bytes = elementCount(input.shape) * bytesPerElement(tensor.dtype);
  return {
    dtype: tensor.dtype,
    shape: input.shape,
    data: viewBytes(tensor.dtype, bytesOf(tensor).slice(index * bytes, (index + 1) * bytes)),
  };
}

async function dataSetsIn(path: string): Promise<readonly string[]> {
  let names: readonly string[];
  try {
    names = await readdir(path);
  } catch {
    await readBytes(path);
    return [];
  }
  const sets = names.filter((name) => /^test_data_set_\d+$/.test(name)).sort(byNumber);
  return sets.length > 0 ? sets.map((name) => join(path, name)) : [path];
}

function byNumber(a: string, b: string): number {
  return Number(/\d+/.exec(a)?.[0]) - Number(/\d+/.exec(b)?.[0]);
}

async function readDataSet(folder: string, inputs: readonly InputType[]): Promise<Sample> {
  const names = await readdir(folder);
  const found = await arraysOfSet(
    folder,
    names,
    inputs.map(({ name }) => name),
  );
  const expected = await Promise.all(filesOf(names, 'output').map(async (name) => (await readProto(join(folder, name))).tensor));
  const [sample] = samplesOf(folder, inputs, found);
  return { inputs: new Map(), notes: [], ...sample, source: basename(folder), expected };
}

async function arraysOfSet(folder: string, files: readonly string[], inputs: readonly string[]): Promise<ReadonlyMap<string, Tensor>> {
  const given = await Promise.all(filesOf(files, 'input').map((name) => readProto(join(folder, name))));
  if (given.length === 0 && inputs.length > 0) fail(verifyMessages.badDataSet({ path: folder, why: 'it holds no input_0.pb' }));
  // Names say it where all are right; some writers leave them out.
  const named = given.every(({ name }) => inputs.includes(name));
  return new Map(
    given.flatMap(({ name, tensor }, i) => {
      const key = named ? name : inputs[i];
      return key === undefined ? [] : [[key, tensor] as const];
    }),
  );
}

function filesOf(names: readonly string[], kind: 'input' | 'output'): readonly string[] {
  return names.filter((name) => new RegExp(`^${kind}_\\d+\\.pb$`).test(name)).sort(byNumber);
}

async function readProto(path: string): Promise<{ readonly name: string; readonly tensor: Tensor }> {
  const { name, dtype, dims: shape, data } = decodeProto(path, await readBytes(path));
  if (data.kind === 'bytes') return { name, tensor: { dtype, shape, data: viewBytes(dtype, data.bytes) } };
  if (data.kind === 'absent' && elementCount(shape) === 0)
    return { name, tensor: { dtype, shape, data: viewBytes(dtype, new Uint8Array()) } };
  const why = data.kind === 'external' ? 'its numbers are in another file' : `${describeTensor({ dtype, shape })} without numbers`;
  return fail(verifyMessages.badTensorFile({ path, why }));
}

/** The decoder speaks of models; here the file is one tensor. */
function decodeProto(path: string, bytes: Uint8Array): ReturnType<typeof decodeTensor> {
  if (bytes.length === 0) fail(verifyMessages.badTensorFile({ path, why: 'it is empty (0 bytes)' }));
  try {
    return decodeTensor(bytes, { file: path });
  } catch (error) {
    if (!(error instanceof SystoleError)) throw error;
    const why = isText(bytes) ? 'it is a text file' : `it does not decode as one (${error.diagnostics.map((d) => d.code).join(', ')})`;
    return fail(verifyMessages.badTensorFile({ path, why }));
  }
}
