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
  verifyMessages,
  viewBytes,
  bytesOf,
  type DType,
  type Tensor,
} from '../core/index.ts';
import { numbersOf, tensorOf } from '../graph/index.ts';
import { decodeTensor } from '../onnx/index.ts';
import { isFile, readBytes } from './files.ts';
import type { InputType } from './inputs.ts';
import { describeTensor, parseArrays } from './npy.ts';
import { UsageError } from './values.ts';

export interface Sample {
  /** Where it comes from, for people: "in.npz[2]". */
  readonly source: string;
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** By place among the model's outputs; empty where nobody knows them. */
  readonly expected: readonly Tensor[];
}

/**
 * All samples of a source. Floats of another width than the input's are converted.
 * Errors: SYS8002 unreadable, SYS8004 to 8006 arrays that do not fit, SYS8065 no data set, SYS8066 uneven samples.
 */
export async function readSamples(source: string, inputs: readonly InputType[]): Promise<readonly Sample[]> {
  const seed = /^random:(.*)$/.exec(source)?.[1];
  if (seed !== undefined) {
    if (!/^\d{1,10}$/.test(seed)) throw new UsageError(`"${source}": write random:SEED with a whole number`);
    return [{ source, inputs: new Map(inputs.map((input) => [input.name, seededTensor(input, Number(seed))])), expected: [] }];
  }
  if (!isFile(source)) return readFolder(source, inputs);
  if (/\.pb$/i.test(source)) {
    const tensor = await readProto(source);
    return [{ source, inputs: matched(source, inputs, new Map([[tensor.name, tensor.tensor]]), tensor.tensor), expected: [] }];
  }
  const found = parseArrays(await readBytes(source), source);
  return samplesOf(source, inputs, found);
}

/** `tensor` in another width of float, rounded once; anything else as it is. */
export function asType(tensor: Tensor, dtype: DType | undefined): Tensor {
  if (dtype === undefined || tensor.dtype === dtype || !isFloat(tensor.dtype) || !isFloat(dtype)) return tensor;
  return tensorOf(dtype, tensor.shape, numbersOf(tensor));
}

/** Bell-shaped floats of unit variance; bytes of their whole range; indices any row of their table; other integers 0 or 1. */
function seededTensor({ name, dtype, shape, rows = 2 }: InputType, seed: number): Tensor {
  const random = seededRandom((hashName(name) ^ seed) >>> 0);
  const draw = (): number => {
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
  const lone = inputs.length === 1 && found.size === 1 ? found.get('') : undefined;
  const missing = inputs.filter(({ name }) => (found.get(name) ?? lone) === undefined).map(({ name }) => name);
  if (missing.length > 0)
    fail(cliMessages.missingInputs({ file: source, missing, found: [...found.keys()].filter((name) => name !== '') }));
  const pairs = inputs.flatMap((input) => {
    const tensor = found.get(input.name) ?? lone;
    return tensor === undefined ? [] : [{ input, tensor, count: samplesIn(input, tensor) }];
  });
  const wrong = pairs.filter(({ count }) => count === null);
  if (wrong.length > 0) {
    fail(
      ...wrong.map(({ input, tensor }) =>
        cliMessages.mismatchedInput({ file: source, name: input.name, found: describeTensor(tensor), expected: describeTensor(input) }),
      ),
    );
  }
  const total = Math.max(1, ...pairs.map(({ count }) => count ?? 1));
  if (pairs.some(({ count }) => count !== 1 && count !== total)) {
    fail(verifyMessages.unevenSamples({ file: source, counts: pairs.map(({ input, count }) => `${count} of "${input.name}"`) }));
  }
  return Array.from({ length: total }, (_, i) => ({
    source: total === 1 ? source : `${source}[${i}]`,
    inputs: new Map(
      pairs.map(({ input, tensor, count }) => [
        input.name,
        asType(count === 1 ? whole(input, tensor) : part(input, tensor, i), input.dtype),
      ]),
    ),
    expected: [],
  }));
}

/** How many samples of an input an array holds; null where it does not fit. */
function samplesIn(input: InputType, { dtype, shape }: Tensor): number | null {
  if (dtype !== input.dtype && !(isFloat(dtype) && isFloat(input.dtype))) return null;
  const want = input.shape;
  const endsAlike = (from: number): boolean => want.slice(from).every((d, i) => d === shape[shape.length - want.length + from + i]);
  if (shape.length === want.length + 1 && endsAlike(0)) return shape[0] ?? null;
  if (shape.length !== want.length || !endsAlike(1)) return null;
  const [first = 1, own = 1] = [shape[0], want[0]];
  if (first === own) return 1;
  return own > 0 && first % own === 0 && first > 0 ? first / own : null;
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

async function readFolder(path: string, inputs: readonly InputType[]): Promise<readonly Sample[]> {
  let names: readonly string[];
  try {
    names = await readdir(path);
  } catch {
    await readBytes(path);
    return [];
  }
  const sets = names.filter((name) => /^test_data_set_\d+$/.test(name)).sort(byNumber);
  const folders = sets.length > 0 ? sets.map((name) => join(path, name)) : [path];
  return Promise.all(folders.map((folder) => readDataSet(folder, inputs)));
}

function byNumber(a: string, b: string): number {
  return Number(/\d+/.exec(a)?.[0]) - Number(/\d+/.exec(b)?.[0]);
}

async function readDataSet(folder: string, inputs: readonly InputType[]): Promise<Sample> {
  const names = await readdir(folder);
  const files = (kind: string): readonly string[] => names.filter((name) => new RegExp(`^${kind}_\\d+\\.pb$`).test(name)).sort(byNumber);
  const given = await Promise.all(files('input').map((name) => readProto(join(folder, name))));
  if (given.length === 0 && inputs.length > 0) fail(verifyMessages.badDataSet({ path: folder, why: 'it holds no input_0.pb' }));
  const known = new Set(inputs.map(({ name }) => name));
  // Names say it where all are right; some writers leave them out.
  const named = given.every(({ name }) => known.has(name));
  const found = new Map(
    given.flatMap(({ name, tensor }, i) => {
      const key = named ? name : inputs[i]?.name;
      return key === undefined ? [] : [[key, tensor] as const];
    }),
  );
  const expected = await Promise.all(files('output').map(async (name) => (await readProto(join(folder, name))).tensor));
  return { source: basename(folder), inputs: matched(folder, inputs, found, undefined), expected };
}

/** One tensor for each input, in its type and shape. */
function matched(
  source: string,
  inputs: readonly InputType[],
  found: ReadonlyMap<string, Tensor>,
  lone: Tensor | undefined,
): ReadonlyMap<string, Tensor> {
  const all = new Map(found);
  const [only] = inputs;
  if (lone !== undefined && inputs.length === 1 && only !== undefined) all.set(only.name, lone);
  const [sample] = samplesOf(source, inputs, all);
  return sample?.inputs ?? new Map();
}

async function readProto(path: string): Promise<{ readonly name: string; readonly tensor: Tensor }> {
  const { name, dtype, dims: shape, data } = decodeTensor(await readBytes(path));
  if (data.kind === 'bytes') return { name, tensor: { dtype, shape, data: viewBytes(dtype, data.bytes) } };
  if (data.kind === 'absent' && elementCount(shape) === 0)
    return { name, tensor: { dtype, shape, data: viewBytes(dtype, new Uint8Array()) } };
  return fail(verifyMessages.badDataSet({ path, why: 'only tensors of numbers can be compared' }));
}
