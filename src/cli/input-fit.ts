/** Whether an array is what an input takes: converted where no number is lost by it, else what to change. */
import { cliMessages, integerRange, isFloat, isInteger, type Diagnostic, type DType, type Tensor } from '../core/index.ts';
import { numbersOf, tensorOf } from '../graph/index.ts';
import { describeTensor } from './npy.ts';

/** What a model takes: names, types and bound shapes. */
export interface InputType {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Of the table it indexes, where it is known to index one. */
  readonly rows?: number;
  /** The one number its elements can have in the program, where there is one: see fullCaches. */
  readonly full?: number;
}

/** How many samples of an input an array of this shape holds; null where it does not fit. */
export function samplesIn({ shape: want }: InputType, shape: readonly number[]): number | null {
  const endsAlike = (from: number): boolean => want.slice(from).every((d, i) => d === shape[shape.length - want.length + from + i]);
  if (shape.length === want.length + 1 && endsAlike(0)) return (shape[0] ?? 0) > 0 ? (shape[0] ?? 0) : null;
  if (shape.length !== want.length || !endsAlike(1)) return null;
  const [first = 1, own = 1] = [shape[0], want[0]];
  if (first === own) return 1;
  return own > 0 && first % own === 0 && first > 0 ? first / own : null;
}

/** `tensor` in another width of float, rounded once; anything else as it is. */
export function asType(tensor: Tensor, dtype: DType | undefined): Tensor {
  if (dtype === undefined || tensor.dtype === dtype || !isFloat(tensor.dtype) || !isFloat(dtype)) return tensor;
  return tensorOf(dtype, tensor.shape, numbersOf(tensor));
}

/** In the type of the input: floats rounded, integers of another width where every number fits; null where neither can be done. */
export function converted(tensor: Tensor, dtype: DType): Tensor | null {
  if (tensor.dtype === dtype || (isFloat(tensor.dtype) && isFloat(dtype))) return asType(tensor, dtype);
  return isWhole(tensor.dtype) && isWhole(dtype) && misfitOf(tensor, dtype) === null
    ? tensorOf(dtype, tensor.shape, numbersOf(tensor))
    : null;
}

function isWhole(dtype: DType): boolean {
  return isInteger(dtype) || dtype === 'bool';
}

/** The first number that the integer type does not hold. Numbers of 2^53 and more are kept out: they may not be exact. */
function misfitOf(tensor: Tensor, dtype: DType): number | null {
  const wide = dtype === 'int64' || dtype === 'uint64';
  const [lo, hi] = dtype === 'bool' ? [0, 1] : wide ? [dtype === 'int64' ? -(2 ** 53) : 0, 2 ** 53] : integerRange(dtype);
  return numbersOf(tensor).find((x) => x < lo || x > hi) ?? null;
}

/** Why an array cannot be taken for an input, and what would make it one. */
export function misfit(file: string, input: InputType, tensor: Tensor): Diagnostic {
  const change =
    tensor.dtype === input.dtype || converted(tensor, input.dtype) !== null ? shapeChange(input, tensor) : typeChange(input, tensor);
  return cliMessages.mismatchedInput({
    file,
    name: input.name,
    found: describeTensor(tensor),
    expected: describeTensor(input),
    change: change ?? 'Give an array of that type and shape',
  });
}

function typeChange({ dtype }: InputType, tensor: Tensor): string | null {
  if (isWhole(tensor.dtype) && isWhole(dtype)) {
    const wrong = misfitOf(tensor, dtype);
    return wrong === null ? null : `${dtype} does not hold all of its numbers, ${wrong} for one`;
  }
  if (dtype === 'string' || tensor.dtype === 'string') return null;
  const why = isFloat(dtype) ? 'scaled as the model wants it' : 'rounded as you want it';
  return `Integers and floats are not converted: save it as x.astype(np.${dtype === 'bfloat16' ? 'float32' : dtype}), ${why}`;
}

/** Axes in the order of images elsewhere, a batch axis left out, other shapes of as many elements. */
function shapeChange({ shape: want }: InputType, { shape }: Tensor): string | null {
  if (shape.length + 1 === want.length && want[0] === 1 && shape.every((d, i) => d === want[i + 1])) {
    return 'The leading axis of 1 is missing: save it as x[np.newaxis]';
  }
  const order = [[0, 3, 1, 2], [0, 2, 3, 1], ...swaps(shape.length)].find(
    (axes) => axes.length === shape.length && shape.length === want.length && axes.every((axis, i) => shape[axis] === want[i]),
  );
  if (order !== undefined) return `The axes stand in another order: save it as np.transpose(x, (${order.join(', ')}))`;
  const count = (sizes: readonly number[]): number => sizes.reduce((n, d) => n * d, 1);
  return count(shape) === count(want)
    ? `It has as many elements: if they stand in that order, save it as x.reshape(${want.join(', ')})`
    : null;
}

/** Orders of axes with two of them exchanged. */
function swaps(rank: number): readonly (readonly number[])[] {
  const axes = Array.from({ length: rank }, (_, i) => i);
  return axes.flatMap((a) => axes.slice(a + 1).map((b) => axes.map((i) => (i === a ? b : i === b ? a : i))));
}
