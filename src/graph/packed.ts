/** Numbers of a constant as memory may hold them: codes of few bits that stand for (code − zero) · scale. */
import { tensorBytes, type DType } from '../core/index.ts';

/** Numbers that are read when asked for. */
export interface LazyNumbers {
  readonly dtype: DType;
  /** Floats as their type holds them, integers and floats of 8 bits one byte each. */
  read(): Uint8Array;
}

export interface PackedNumbers {
  /** Of the constant. */
  readonly shape: readonly number[];
  /** int4 and uint4 lie two to a byte in memory; int8, uint8 and floats of 8 bits a byte each. In the order of the constant. */
  readonly codes: LazyNumbers;
  /** How many neighbours along each axis share a scale. */
  readonly per: readonly number[];
  /** float32, float16 or bfloat16, one for each block, row-major: see `gridOf`. */
  readonly scales: LazyNumbers;
  /** One for each block, or one number for all. */
  readonly zeros: LazyNumbers | number;
  /** What the products f32((code − zero) · scale) are rounded to, one after the other; `clamps`: to the largest number where too large. */
  readonly rounded: readonly { readonly dtype: 'float16' | 'bfloat16'; readonly clamps: boolean }[];
}

/** How many blocks lie along each axis. */
export function gridOf({ shape, per }: Pick<PackedNumbers, 'shape' | 'per'>): readonly number[] {
  return shape.map((d, axis) => Math.ceil(d / (per[axis] ?? 1)));
}

/** Bytes of codes, scales and zero points. */
export function packedBytes(p: PackedNumbers): number {
  const count = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
  const blocks = count(gridOf(p));
  const zeros = typeof p.zeros === 'number' ? 0 : tensorBytes(p.zeros.dtype, blocks);
  return tensorBytes(p.codes.dtype, count(p.shape)) + tensorBytes(p.scales.dtype, blocks) + zeros;
}
