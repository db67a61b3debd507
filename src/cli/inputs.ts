/** Input values a command line names: a numpy file, or `random:SEED`. */
import { cliMessages, elementCount, fail, hashName, seededRandom, type DType, type Tensor } from '../core/index.ts';
import { tensorOf } from '../graph/index.ts';
import { readBytes } from './files.ts';
import { describeTensor, parseArrays } from './npy.ts';
import { UsageError } from './values.ts';

/** What a model takes: names, types and bound shapes. */
export interface InputType {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Of the table it indexes, where it is known to index one. */
  readonly rows?: number;
}

/** One tensor per input. Errors: SYS8004 not numpy, SYS8005 an input is missing, SYS8006 wrong type or shape. */
export async function readInputs(source: string, inputs: readonly InputType[]): Promise<ReadonlyMap<string, Tensor>> {
  const random = /^random:(.*)$/.exec(source)?.[1];
  if (random !== undefined) {
    if (!/^\d{1,10}$/.test(random)) throw new UsageError(`"${source}": write random:SEED with a whole number of up to ten digits`);
    return new Map(inputs.map((input) => [input.name, randomTensor(input, Number(random))]));
  }
  const found = parseArrays(await readBytes(source), source);
  const lone = inputs.length === 1 && found.size === 1 ? found.get('') : undefined;
  const pick = (name: string): Tensor | undefined => found.get(name) ?? lone;
  const missing = inputs.filter((input) => pick(input.name) === undefined).map((input) => input.name);
  if (missing.length > 0)
    fail(cliMessages.missingInputs({ file: source, missing, found: [...found.keys()].filter((name) => name !== '') }));
  const pairs = inputs.map((input) => ({ input, tensor: pick(input.name) as Tensor }));
  const wrong = pairs.filter(({ input, tensor }) => describeTensor(input) !== describeTensor(tensor));
  if (wrong.length > 0) {
    fail(
      ...wrong.map(({ input, tensor }) =>
        cliMessages.mismatchedInput({ file: source, name: input.name, found: describeTensor(tensor), expected: describeTensor(input) }),
      ),
    );
  }
  return new Map(pairs.map(({ input, tensor }) => [input.name, tensor]));
}

/**
 * Bell-shaped floats of unit variance, bytes of the whole range; other integers are rows of the table they index, 0 or 1 where no table is
 * known. Each input draws its own, by its name.
 */
export function randomTensor(input: InputType, seed: number): Tensor {
  const random = seededRandom((hashName(input.name) ^ seed) >>> 0);
  const count = elementCount(input.shape);
  const { dtype, shape, rows = 2 } = input;
  switch (dtype) {
    case 'float32':
      return { dtype, shape, data: Float32Array.from({ length: count }, () => random.bell()) };
    case 'float16':
    case 'bfloat16':
      return tensorOf(
        dtype,
        shape,
        Array.from({ length: count }, () => random.bell()),
      );
    case 'float64':
      return { dtype, shape, data: Float64Array.from({ length: count }, () => random.bell()) };
    case 'int8':
      return { dtype, shape, data: Int8Array.from({ length: count }, () => random.integer(-128, 127)) };
    case 'uint8':
      return { dtype, shape, data: Uint8Array.from({ length: count }, () => random.integer(0, 255)) };
    case 'int32':
      return { dtype, shape, data: Int32Array.from({ length: count }, () => random.integer(0, rows - 1)) };
    case 'int64':
      return { dtype, shape, data: BigInt64Array.from({ length: count }, () => BigInt(random.integer(0, rows - 1))) };
    case 'bool':
      return { dtype, shape, data: Uint8Array.from({ length: count }, () => random.integer(0, 1)) };
    default:
      throw new UsageError(`random values of ${dtype} are not made; give input "${input.name}" in a .npz file`);
  }
}
