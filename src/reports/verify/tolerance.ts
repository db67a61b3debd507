/** What counts as right: see docs/verify.md, which states every number here with its reason. */
import { isFloat, type DType } from '../../core/index.ts';
import type { Executable } from '../../isa/index.ts';
import type { ErrorMetrics } from './metrics.ts';

export interface Tolerance {
  /** Least SQNR in dB of float outputs of the program against the float model. */
  readonly sqnrDb: number;
  /** Least SQNR in dB of float outputs of the interpreter of the model against ONNX Runtime, and against expected outputs. */
  readonly referenceDb: number;
  /** There, outputs that are off by no more than this are near enough whatever their size. */
  readonly referenceAbs: number;
  /** Least SQNR in dB of a kernel of float products, fed with the program's own operands, against the interpreter; by element type of its result. */
  readonly kernelDb: Readonly<Record<'float32' | 'float16' | 'bfloat16', number>>;
  /** Largest error of one element of such a kernel, as a share of its largest element. */
  readonly kernelPeak: Readonly<Record<'float32' | 'float16' | 'bfloat16', number>>;
  /** Integer results of such a kernel: stored integers off by at most this. */
  readonly kernelLsb: number;
}

/** By how many dB the SQNR must fall from a kernel's inputs to its outputs to be called a jump. */
export const jumpDb = 10;

/** SQNR of the float model that a program's precision may reach at best: better inputs say nothing about what a kernel should keep. */
const bestDb: Readonly<Record<string, number>> = { int8: 40, fp8: 35, fp32: 130, fp16: 65, bf16: 45 };

const leastDb: Readonly<Record<string, number>> = { int8: 15, fp8: 12, fp32: 80, fp16: 40, bf16: 25 };

/** What of a model makes it more than a matter of rounding. */
export interface ModelNumbers {
  /** It brings its own quantization: then others may round another way at every step of it. */
  readonly quantizedModel?: boolean;
  /** It allows products of floats on activations of 8 bits, a scale for each row: 30 to 45 dB of what it computes in float. */
  readonly bytesAllowed?: boolean;
}

export function defaultTolerance(precision: string, { quantizedModel = false, bytesAllowed = false }: ModelNumbers = {}): Tolerance {
  const sqnrDb = leastDb[precision] ?? 15;
  return {
    sqnrDb: bytesAllowed ? Math.min(sqnrDb, 25) : sqnrDb,
    referenceDb: quantizedModel || bytesAllowed ? 30 : 60,
    referenceAbs: 1e-5,
    kernelDb: { float32: 90, float16: 55, bfloat16: 38 },
    kernelPeak: { float32: 2 ** -14, float16: 2 ** -8, bfloat16: 2 ** -5 },
    kernelLsb: 1,
  };
}

/** What can be asked of a model whose own output has this type: rounded once it keeps 66 dB as float16, 48 as bfloat16, 24 and less as float8. */
export function leastDbFor(dtype: DType, wanted: number): number {
  if (dtype === 'float32' || dtype === 'float64' || !isFloat(dtype)) return wanted;
  return Math.min(wanted, dtype === 'float16' ? 40 : dtype === 'bfloat16' ? 25 : 12);
}

/** Of values that the model itself rounds to a type: a program that keeps them in another differs by those roundings. */
export function ceilingOf(dtype: DType | undefined): number {
  return dtype === 'float16' ? ceilingDb('fp16') : dtype === 'bfloat16' ? ceilingDb('bf16') : Infinity;
}

export function ceilingDb(precision: string): number {
  return bestDb[precision] ?? 130;
}

/**
 * Whether a kernel must repeat the interpreter bit for bit. All do but products of floats, whose sums the mapper may cut in pieces: then
 * rounding differs (docs/numerics.md).
 */
export function isExact(kernel: Executable['kernels'][number]): boolean {
  return kernel.engine === 'host' || (kernel.class !== 'contraction' && kernel.class !== 'attention') || !isFloat(kernel.dtype);
}

/** Whether the result of a kernel that need not be exact is near enough. */
export function isNear(metrics: ErrorMetrics, dtype: DType, tolerance: Tolerance): boolean {
  if (metrics.differing === 0) return true;
  if (metrics.unordered > 0) return false;
  if (metrics.maxUlp !== null && metrics.maxUlp <= 1) return true;
  if (!isFloat(dtype)) return metrics.maxLsb !== null && metrics.maxLsb <= tolerance.kernelLsb;
  const type = dtype === 'float16' || dtype === 'bfloat16' ? dtype : 'float32';
  return (metrics.sqnrDb ?? Infinity) >= tolerance.kernelDb[type] && metrics.peak <= tolerance.kernelPeak[type];
}

/** In the place of an SQNR, in dB, where numbers are NaN on one side only: below every figure there is. */
export const notNumbers = -999;
