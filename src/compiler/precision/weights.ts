/**
 * Weights as int8, symmetric per output channel, and biases as int32. Nothing is read before somebody asks for scales or bytes:
 * a program that is only timed never touches its weights.
 */
import { elementCount, quantize } from '../../core/index.ts';
import type { Constant, Quantization, TensorType } from '../../graph/ir.ts';
import { floats, lazyBytes, splatNumber } from '../passes/constants.ts';
import { placeholderPerChannel, placeholderQuantization, perChannel } from './placeholder.ts';

export interface QuantizedConstant {
  readonly type: TensorType;
  readonly constant: Constant;
  readonly quantization: Quantization;
}

/**
 * q = clamp(roundHalfEven(f32(w / scale[c])), -127, 127), scale[c] = f32(max|w[c]| / 127), or 1 where a channel is all zero.
 * @param axis the output channels; null: one scale for all
 */
export function quantizeWeights(shape: readonly number[], constant: Constant, axis: number | null): QuantizedConstant {
  const type: TensorType = { dtype: 'int8', shape };
  const channels = axis === null ? 1 : (shape[axis] ?? 1);
  switch (constant.kind) {
    case 'strings':
      throw new Error('text has no scales');
    case 'absent':
      return { type, constant, quantization: axis === null ? placeholderQuantization : placeholderPerChannel(channels, axis) };
    case 'splat': {
      const w = splatNumber(constant, 'float32') ?? 0;
      const scale = weightScale(Math.abs(w));
      const quantization = perChannel(channels, axis, 'calibrated', () => new Float32Array(channels).fill(scale));
      return {
        type,
        constant: { kind: 'splat', element: new Uint8Array(Int8Array.of(quantize(w, scale, 0, -127, 127)).buffer) },
        quantization,
      };
    }
    case 'bytes': {
      const count = elementCount(shape);
      const inner = axis === null ? count : elementCount(shape.slice(axis + 1));
      const quantization = perChannel(channels, axis, 'calibrated', () =>
        channelMaxima(floats(constant, count), channels, inner).map(weightScale),
      );
      const bytes = lazyBytes(() => {
        const source = floats(constant, count);
        const { scale } = quantization;
        const q = new Int8Array(count);
        for (let i = 0; i < count; i++) {
          const c = axis === null ? 0 : Math.floor(i / inner) % channels;
          q[i] = quantize(source[i] ?? 0, scale[c] ?? 1, 0, -127, 127);
        }
        return new Uint8Array(q.buffer);
      });
      return { type, constant: bytes, quantization };
    }
  }
}

function weightScale(largest: number): number {
  const scale = Math.fround(largest / 127);
  return scale > 0 ? scale : 1;
}

function channelMaxima(source: Float32Array, channels: number, inner: number): Float32Array {
  const largest = new Float32Array(channels);
  for (let i = 0; i < source.length; i++) {
    const c = Math.floor(i / inner) % channels;
    const size = Math.abs(source[i] ?? 0);
    if (size > (largest[c] ?? 0)) largest[c] = size;
  }
  return largest;
}

/**
 * Bias in units of the accumulator: int32, scale[c] = f32(sx · sw[c]), zero point 0,
 * q = clamp(roundHalfEven(f32(b / scale[c])), int32).
 */
export function quantizeBias(shape: readonly number[], constant: Constant, x: Quantization, w: Quantization): QuantizedConstant {
  const count = elementCount(shape);
  const type: TensorType = { dtype: 'int32', shape };
  const isPlaceholder = x.source === 'placeholder' || w.source === 'placeholder';
  const quantization = perChannel(count, shape.length - 1, isPlaceholder ? 'placeholder' : x.source, () => {
    const scale = new Float32Array(count);
    for (let c = 0; c < count; c++) scale[c] = (x.scale[0] ?? 1) * (w.scale[w.scale.length === 1 ? 0 : c % w.scale.length] ?? 1);
    return scale;
  });
  if (constant.kind === 'absent') return { type, constant, quantization };
  if (splatNumber(constant, 'float32') === 0) return { type, constant: { kind: 'splat', element: new Uint8Array(4) }, quantization };
  const bytes = lazyBytes(() => {
    const source = floats(constant, count);
    const q = new Int32Array(count);
    for (let c = 0; c < count; c++) q[c] = quantize(source[c] ?? 0, quantization.scale[c] ?? 1, 0, -2147483648, 2147483647);
    return new Uint8Array(q.buffer);
  });
  return { type, constant: bytes, quantization };
}

/** A constant that moves through the graph like an activation (the table of a Gather), in the numbers of where it goes. */
export function quantizeMoved(shape: readonly number[], constant: Constant, quantization: Quantization): QuantizedConstant {
  const count = elementCount(shape);
  const type: TensorType = { dtype: 'int8', shape };
  const scale = quantization.scale[0] ?? 1;
  const zeroPoint = quantization.zeroPoint[0] ?? 0;
  if (constant.kind === 'absent') return { type, constant, quantization };
  const x = splatNumber(constant, 'float32');
  if (x !== null) {
    const q = quantize(x, scale, zeroPoint, -128, 127);
    return { type, constant: { kind: 'splat', element: new Uint8Array(Int8Array.of(q).buffer) }, quantization };
  }
  const bytes = lazyBytes(() => {
    const q = Int8Array.from(floats(constant, count), (v) => quantize(v, scale, zeroPoint, -128, 127));
    return new Uint8Array(q.buffer);
  });
  return { type, constant: bytes, quantization };
}
