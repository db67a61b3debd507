/** How far numbers are from others, in the units engineers argue in. */
import { bytesOf, formatCount, isFloat, log64, type Tensor } from '../../core/index.ts';
import { dequantizeTensor, numbersOf, sameQuantization, type Quantization } from '../../graph/index.ts';

/** Numbers with what they mean; `quantization` null for plain numbers. */
export interface Meant {
  readonly tensor: Tensor;
  readonly quantization: Quantization | null;
}

/** Real numbers throughout: quantized values are taken for what they stand for. */
export interface ErrorMetrics {
  readonly elements: number;
  /** Elements that are another number; NaN is NaN, and zeros are equal. */
  readonly differing: number;
  /** Elements where one side is NaN or infinite and the other something else; the figures below leave them out. */
  readonly unordered: number;
  /** Largest |actual − reference|, and the row-major index of the first element that has it; −1 where nothing differs. */
  readonly maxAbs: number;
  readonly maxAbsAt: number;
  /** Largest |actual − reference| over the largest |reference|; 0 where nothing differs, Infinity against zeros. */
  readonly peak: number;
  /** 10·log10(Σ reference² / Σ (actual − reference)²) in dB, within ±999; null where nothing differs. */
  readonly sqnrDb: number | null;
  /** Cosine of the angle between both, as vectors; null where one of them is zero. */
  readonly cosine: number | null;
  /** Floats of one type: the most representable numbers that lie between the two. null for others. */
  readonly maxUlp: number | null;
  /** Integers of one type and scale: the largest difference of the stored integers. null for others. */
  readonly maxLsb: number | null;
}

/** null where the two have different numbers of elements, or are not numbers. */
export function compareTensors(actual: Meant, reference: Meant): ErrorMetrics | null {
  if (!isNumeric(actual.tensor) || !isNumeric(reference.tensor)) return null;
  const a = numbersOf(dequantizeTensor(actual));
  const r = numbersOf(dequantizeTensor(reference));
  if (a.length !== r.length) return null;
  const steps = stepsBetween(actual, reference);
  let [differing, unordered, maxAbs, maxAbsAt, largest] = [0, 0, 0, -1, 0];
  let [signal, noise, dot, power] = [0, 0, 0, 0];
  let maxSteps = 0;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? 0, r[i] ?? 0];
    if (x === y || (x !== x && y !== y)) {
      if (!Number.isFinite(y)) continue;
    } else {
      differing++;
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        unordered++;
        continue;
      }
      const error = Math.abs(x - y);
      noise += error * error;
      if (error > maxAbs) [maxAbs, maxAbsAt] = [error, i];
      if (steps !== null) maxSteps = Math.max(maxSteps, steps(i));
    }
    signal += y * y;
    power += x * x;
    dot += x * y;
    largest = Math.max(largest, Math.abs(y));
  }
  const sameKind = steps !== null;
  return {
    elements: a.length,
    differing,
    unordered,
    maxAbs,
    maxAbsAt,
    peak: maxAbs === 0 ? 0 : maxAbs / largest,
    sqnrDb: noise === 0 ? null : decibels(signal, noise),
    cosine: signal === 0 || power === 0 ? null : Math.min(1, dot / (Math.sqrt(signal) * Math.sqrt(power))),
    maxUlp: sameKind && isFloat(actual.tensor.dtype) ? maxSteps : null,
    maxLsb: sameKind && !isFloat(actual.tensor.dtype) ? maxSteps : null,
  };
}

/** Whether bits, scales and types are the same: the strictest comparison. */
export function sameBits(actual: Meant, reference: Meant): boolean {
  const [a, r] = [actual.tensor, reference.tensor];
  if (a.dtype !== r.dtype || a.data.length !== r.data.length || !sameQuantization(actual.quantization, reference.quantization))
    return false;
  if (!ArrayBuffer.isView(a.data)) return Array.from(a.data).every((text, i) => text === r.data[i]);
  const [one, other] = [bytesOf(a), bytesOf(r)];
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** The error that says more: unordered elements first, then the lower SQNR. */
export function worse(a: ErrorMetrics | null, b: ErrorMetrics | null): ErrorMetrics | null {
  if (a === null || b === null) return a ?? b;
  if (a.unordered !== b.unordered) return a.unordered > b.unordered ? a : b;
  return (b.sqnrDb ?? Infinity) < (a.sqnrDb ?? Infinity) ? b : a;
}

/** In words: how many elements, by how much, where. */
export function describeError(error: ErrorMetrics | null): string {
  if (error === null) return 'the result has another size';
  const { differing, elements, unordered, maxAbs, maxAbsAt, maxLsb, maxUlp } = error;
  const which = `${formatCount(differing)} of ${formatCount(elements)} elements differ`;
  const odd = unordered === 0 ? '' : `, ${formatCount(unordered)} of them infinite or NaN on one side only`;
  if (maxAbsAt < 0) return `${which}${odd}`;
  const units = maxLsb ?? maxUlp;
  const steps = units === null ? '' : `, ${formatCount(units)} ${maxLsb === null ? 'ULP' : 'LSB'}`;
  return `${which}${odd}, by up to ${Number(maxAbs.toPrecision(3))}${steps}, first at index ${maxAbsAt}`;
}

function isNumeric({ dtype }: Tensor): boolean {
  return dtype !== 'string' && !dtype.startsWith('complex');
}

function decibels(signal: number, noise: number): number {
  if (signal === 0) return -999;
  return Math.max(-999, Math.min(999, (10 * (log64(signal) - log64(noise))) / log64(10)));
}

/** By index, how many steps of the element type lie between the two; null where they are of two kinds. */
function stepsBetween(actual: Meant, reference: Meant): ((index: number) => number) | null {
  const [a, r] = [actual.tensor, reference.tensor];
  if (a.dtype !== r.dtype || !sameQuantization(actual.quantization, reference.quantization)) return null;
  if (!isFloat(a.dtype)) {
    const [x, y] = [numbersOf(a), numbersOf(r)];
    return (i) => Math.abs((x[i] ?? 0) - (y[i] ?? 0));
  }
  const [x, y] = [orderedBits(a), orderedBits(r)];
  return x === null || y === null ? null : (i) => Math.abs(x(i) - y(i));
}

/** Floats as integers that count representable numbers from zero: neighbours differ by 1, both zeros are 0. */
function orderedBits({ dtype, data }: Tensor): ((index: number) => number) | null {
  if (dtype === 'float32' && data instanceof Float32Array) {
    const bits = new Int32Array(data.buffer, data.byteOffset, data.length);
    return (i) => fold(bits[i] ?? 0, 0x7fffffff);
  }
  if ((dtype === 'float16' || dtype === 'bfloat16') && data instanceof Uint16Array) {
    return (i) => fold(((data[i] ?? 0) << 16) >> 16, 0x7fff);
  }
  return null;
}

function fold(bits: number, magnitude: number): number {
  return bits < 0 ? -(bits & magnitude) : bits;
}
