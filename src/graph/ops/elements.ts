/**
 * Loops over elements: one function for all, or two operands that broadcast. Sums, differences, products and quotients of fp32 have
 * loops of their own: a call per element would cost several times the arithmetic.
 */
import { elementCount, type DType, type Tensor } from '../../core/index.ts';
import { broadcastRows } from './broadcast.ts';
import { allocate, numbersOf, tensorOf, type Numbers } from './numbers.ts';

export type UnaryFunction = (x: number) => number;
export type BinaryFunction = (a: number, b: number) => number;
export type BigFunction = (a: bigint, b: bigint) => bigint;

/** How results of intermediate steps are rounded: to fp32 for all floats but doubles. */
export type Rounding = (x: number) => number;

export function roundingOf(dtype: DType): Rounding {
  return dtype === 'float64' ? (x) => x : Math.fround;
}

export function mapElements(x: Tensor, dtype: DType, f: UnaryFunction): Tensor {
  const source = numbersOf(x);
  const out = allocate(dtype, source.length);
  for (let i = 0; i < out.length; i++) out[i] = f(source[i] ?? 0);
  return tensorOf(dtype, x.shape, out);
}

export type Arithmetic = 'add' | 'sub' | 'mul' | 'div';

/** Two operands, broadcast to `shape`. `arithmetic` says that `f` is that operation, so that fp32 takes the short way. */
export function combine(
  a: Tensor,
  b: Tensor,
  type: { readonly dtype: DType; readonly shape: readonly number[] },
  f: BinaryFunction,
  arithmetic: Arithmetic | null = null,
): Tensor {
  const { dtype, shape } = type;
  const x = numbersOf(a);
  const y = numbersOf(b);
  const out = allocate(dtype, elementCount(shape));
  if (out.length === 0) return tensorOf(dtype, shape, out);
  const loop = broadcastRows(shape, [a.shape, b.shape]);
  const [stepA = 0, stepB = 0] = loop.step;
  const fast = arithmetic !== null && x instanceof Float32Array && y instanceof Float32Array && out instanceof Float32Array;
  for (let r = 0, at = 0; r < loop.rows; r++, at += loop.length) {
    const run: Run = { i: loop.base[0]?.[r] ?? 0, j: loop.base[1]?.[r] ?? 0, stepA, stepB, at, end: at + loop.length };
    if (fast) arithmeticRun(arithmetic, x, y, out, run);
    else anyRun(f, x, y, out, run);
  }
  return tensorOf(dtype, shape, out);
}

interface Run {
  readonly i: number;
  readonly j: number;
  readonly stepA: number;
  readonly stepB: number;
  readonly at: number;
  readonly end: number;
}

function anyRun(f: BinaryFunction, x: Numbers, y: Numbers, out: Numbers, run: Run): void {
  const { stepA, stepB, end } = run;
  for (let at = run.at, i = run.i, j = run.j; at < end; at++, i += stepA, j += stepB) out[at] = f(x[i] ?? 0, y[j] ?? 0);
}

function arithmeticRun(arithmetic: Arithmetic, x: Float32Array, y: Float32Array, out: Float32Array, run: Run): void {
  const { stepA, stepB, end } = run;
  let { at, i, j } = run;
  switch (arithmetic) {
    case 'add':
      for (; at < end; at++, i += stepA, j += stepB) out[at] = (x[i] ?? 0) + (y[j] ?? 0);
      return;
    case 'sub':
      for (; at < end; at++, i += stepA, j += stepB) out[at] = (x[i] ?? 0) - (y[j] ?? 0);
      return;
    case 'mul':
      for (; at < end; at++, i += stepA, j += stepB) out[at] = (x[i] ?? 0) * (y[j] ?? 0);
      return;
    case 'div':
      for (; at < end; at++, i += stepA, j += stepB) out[at] = (x[i] ?? 0) / (y[j] ?? 0);
  }
}

/** Whether both hold 64-bit integers, which doubles do not hold exactly. */
export function areWide(a: Tensor, b: Tensor): boolean {
  return (
    (a.data instanceof BigInt64Array && b.data instanceof BigInt64Array) ||
    (a.data instanceof BigUint64Array && b.data instanceof BigUint64Array)
  );
}

/** The same on 64-bit integers, exact and wrapping. The result has the type of the operands. */
export function combineWide(a: Tensor, b: Tensor, shape: readonly number[], f: BigFunction): Tensor {
  const signed = a.data instanceof BigInt64Array;
  const x = a.data as BigInt64Array;
  const y = b.data as BigInt64Array;
  const count = elementCount(shape);
  const out = signed ? new BigInt64Array(count) : new BigUint64Array(count);
  // Storing wraps.
  forBroadcast(shape, a.shape, b.shape, (at, i, j) => {
    out[at] = f(x[i] ?? 0n, y[j] ?? 0n);
  });
  return { dtype: a.dtype, shape, data: out };
}

/** Calls `visit` with the flat indices of the result and both operands, in row-major order. */
export function forBroadcast(
  shape: readonly number[],
  a: readonly number[],
  b: readonly number[],
  visit: (at: number, i: number, j: number) => void,
): void {
  if (elementCount(shape) === 0) return;
  const loop = broadcastRows(shape, [a, b]);
  const [stepA = 0, stepB = 0] = loop.step;
  for (let r = 0, at = 0; r < loop.rows; r++) {
    let i = loop.base[0]?.[r] ?? 0;
    let j = loop.base[1]?.[r] ?? 0;
    for (let n = 0; n < loop.length; n++, at++, i += stepA, j += stepB) visit(at, i, j);
  }
}

/** Comparison of 64-bit integers and strings, which have no exact numbers. */
export function compareStored(a: Tensor, b: Tensor, shape: readonly number[], holds: (sign: number) => boolean): Tensor {
  const out = new Uint8Array(elementCount(shape));
  const x = a.data as readonly string[];
  const y = b.data as readonly string[];
  forBroadcast(shape, a.shape, b.shape, (at, i, j) => {
    const p = x[i] ?? '';
    const q = y[j] ?? '';
    out[at] = holds(p < q ? -1 : p > q ? 1 : 0) ? 1 : 0;
  });
  return { dtype: 'bool', shape, data: out };
}
