/** From the range of a value to its int8 scale. */
import { clamp, roundHalfEven } from '../../core/index.ts';
import type { Quantization } from '../../graph/ir.ts';

/** Smallest and largest number a value took. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Ranges by value name, of one graph. */
export type CalibrationTable = ReadonlyMap<string, Range>;

export function joinRanges(a: Range | null, b: Range | null): Range | null {
  if (a === null || b === null) return a ?? b;
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

/**
 * Asymmetric int8 of a range, stretched to hold 0 (padding and ReLU need an exact zero):
 *
 *     scale     = f32((max - min) / 255)
 *     zeroPoint = clamp(roundHalfEven(-128 - min / scale), -128, 127)
 *
 * Example: [0, 6] gives scale f32(6/255) = 0.0235294122248888, zero point -128; [-1, 1.55] gives f32(2.55/255) = 0.00999999977648258
 * and -28. An empty range gives scale 1 and zero point -128.
 */
export function int8Quantization(range: Range): Quantization {
  const min = Math.min(range.min, 0);
  const max = Math.max(range.max, 0);
  const step = Math.fround((max - min) / 255);
  // A range below fp32's smallest step is as good as empty; one beyond its largest number is cut there.
  const scale = step === 0 ? 1 : Math.min(step, 3.4028234663852886e38);
  const zeroPoint = clamp(roundHalfEven(-128 - min / scale), -128, 127);
  return { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zeroPoint), axis: null, source: 'calibrated' };
}
