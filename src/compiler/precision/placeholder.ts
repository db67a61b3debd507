/** Scales nobody measured: right for timing, refused for values. */
import type { Quantization } from '../../graph/ir.ts';

/** 1/16: an int8 value then spans -8 … 7.94, the order of magnitude of activations. Exact in fp32. */
export const placeholderScale: number = 1 / 16;

/** Per tensor. */
export const placeholderQuantization: Quantization = {
  scale: Float32Array.of(placeholderScale),
  zeroPoint: Int32Array.of(0),
  axis: null,
  source: 'placeholder',
};

/** One placeholder per index of `axis`; the arrays are made when read. */
export function placeholderPerChannel(channels: number, axis: number): Quantization {
  return perChannel(channels, axis, 'placeholder', () => new Float32Array(channels).fill(placeholderScale));
}

/** Symmetric quantization whose scales are computed on first read; `axis` null with one channel: per tensor. */
export function perChannel(
  channels: number,
  axis: number | null,
  source: Quantization['source'],
  compute: () => Float32Array,
): Quantization {
  let scale: Float32Array | null = null;
  let zeroPoint: Int32Array | null = null;
  return {
    get scale(): Float32Array {
      scale ??= compute();
      return scale;
    },
    get zeroPoint(): Int32Array {
      zeroPoint ??= new Int32Array(channels);
      return zeroPoint;
    },
    axis,
    source,
  };
}
