/** What the outputs of every kernel look like: how many, how many were cut off by the number format, how many different ones. */
import { integerRange, isInteger, type DType } from '../../core/index.ts';

export interface KernelStats {
  /** Elements written by drains, pools and vector stores; parts that leave more than once count each time. */
  readonly outputs: number;
  /**
   * Integer outputs whose unclamped value lay outside the number format. Bounds that belong to an activation do not count:
   * any finite bound of the command (the 6 of a ReLU6 too, where it is the format's largest number), or the lower one where it is
   * the zero point (a ReLU's zero).
   */
  readonly saturated: number;
  /** Different values among the 8-bit outputs, at most 256; null where no output has 8 bits. */
  readonly distinctValues: number | null;
}

/** Collects for one kernel. */
export interface Tally {
  outputs: number;
  saturated: number;
  /** Seen 8-bit patterns; null until one is written. */
  seen: Uint8Array | null;
}

export function createTally(): Tally {
  return { outputs: 0, saturated: 0, seen: null };
}

export function statsOf(tally: Tally): KernelStats {
  const distinctValues = tally.seen === null ? null : tally.seen.reduce((n, flag) => n + flag, 0);
  return { outputs: tally.outputs, saturated: tally.saturated, distinctValues };
}

/** Counts `values` as outputs of `dtype`. */
export function countOutputs(tally: Tally, dtype: DType, values: Int32Array | Float32Array | Float64Array): void {
  tally.outputs += values.length;
  if (dtype !== 'int8' && dtype !== 'uint8') return;
  const seen = (tally.seen ??= new Uint8Array(256));
  for (let i = 0; i < values.length; i++) seen[(values[i] ?? 0) & 255] = 1;
}

export interface IntegerBounds {
  readonly lo: number;
  readonly hi: number;
  /** Results below / above count as saturated; ±Infinity where the bound is an activation's. */
  readonly saturatedBelow: number;
  readonly saturatedAbove: number;
}

/** Clamp bounds of an integer output: the command's, within its type. */
export function integerBounds(dtype: DType, lo: number, hi: number, zero: number): IntegerBounds {
  const [min, max] =
    dtype === 'int64' ? integerRange('int32') : isInteger(dtype) || dtype === 'bool' ? integerRange(dtype) : [-Infinity, Infinity];
  return {
    lo: Math.max(lo, min),
    hi: Math.min(hi, max),
    saturatedBelow: Number.isFinite(lo) || zero <= min ? -Infinity : min,
    saturatedAbove: Number.isFinite(hi) ? Infinity : max,
  };
}
