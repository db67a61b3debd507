/** Normalization by known statistics, and over neighbouring channels. */
import { elementCount, pow32, type Tensor } from '../../core/index.ts';
import type { Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { trainingBatchNormalization } from './batch-statistics.ts';
import { roundingOf, type Rounding } from './elements.ts';
import { inverseRootOf } from './functions.ts';
import { allocate, floatsOf, numbersOf, reshaped, tensorOf, type Numbers } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  hasInput,
  intAttribute,
  misfit,
  normalizeAxis,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';

const round = Math.fround;

/** y = f(x, channel) with the channel on axis 1 (axis 0 of a vector). */
function perChannel(x: Tensor, f: (x: number, channel: number) => number): Tensor {
  const channels = x.shape.length > 1 ? (x.shape[1] ?? 1) : 1;
  const inner = elementCount(x.shape.slice(2));
  const source = numbersOf(x);
  const out = allocate(x.dtype, source.length);
  for (let at = 0, plane = 0; at < out.length; plane++) {
    const channel = plane % channels;
    for (let i = 0; i < inner; i++, at++) out[at] = f(source[at] ?? 0, channel);
  }
  return tensorOf(x.dtype, x.shape, out);
}

function checkChannelVector(context: InferContext, x: TensorType, index: number, what: string): void {
  const v = requiredType(context, index, what);
  const channels = x.shape.length > 1 ? (x.shape[1] ?? 1) : 1;
  const [size] = v.shape;
  if (v.shape.length !== 1 || (typeof size === 'number' && typeof channels === 'number' && size !== channels)) {
    misfit(context, `${what} ${printShape(v.shape)} does not give one number for each channel of ${printShape(x.shape)}`);
  }
}

export const batchNormalization: OpDef = defineOp({
  name: 'BatchNormalization',
  since: [1, 6, 7, 9, 14, 15],
  kernelClass: 'elementwise',
  attributes: { epsilon: 1e-5, momentum: 0.9, spatial: 1, training_mode: 0 },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    for (const [i, what] of ['scale', 'B', 'input_mean', 'input_var'].entries())
      if (hasChannels(context)) checkChannelVector(context, x, i + 1, what);
    const mean = requiredType(context, 3, 'input_mean');
    return [x, mean, mean, mean, mean];
  },
  /** y = (x - mean) · (scale / √(var + ε)) + B */
  evaluate(context) {
    if (intAttribute(context, 'training_mode', 0) !== 0) return trainingBatchNormalization(context);
    const x = seenChannels(context, requiredTensor(context, 0, 'X'));
    const round = roundingOf(x.dtype);
    const [scale, shift, mean, variance] = [1, 2, 3, 4].map((i) => numbersOf(requiredTensor(context, i, 'a statistic')));
    const epsilon = floatAttribute(context, 'epsilon', 1e-5);
    const factor = Float64Array.from(scale ?? [], (s, c) => round(s / round(Math.sqrt(round((variance?.[c] ?? 0) + epsilon)))));
    const normal = perChannel(x, (v, c) => round(round(v - (mean?.[c] ?? 0)) * (factor[c] ?? 0)) + (shift?.[c] ?? 0));
    const y = reshaped(normal, outputType(context).shape);
    const statistics = [requiredTensor(context, 3, 'input_mean'), requiredTensor(context, 4, 'input_var')];
    return [y, ...statistics, ...statistics].slice(0, context.outputs.length);
  },
});

/** Opset 7 could normalize every position by itself (spatial 0): all axes but the batch are then one channel axis. */
function seenChannels(context: OpContext, x: Tensor): Tensor {
  if (hasChannels(context)) return x;
  return reshaped(x, [x.shape[0] ?? 1, elementCount(x.shape.slice(1))]);
}

function hasChannels(context: OpContext): boolean {
  return context.opset >= 9 || intAttribute(context, 'spatial', 1) !== 0;
}

/** Ours: what a BatchNormalization becomes that cannot be folded into a contraction. */
export const scaleShift: OpDef = defineOp({
  domain: 'systole',
  name: 'ScaleShift',
  since: [1],
  kernelClass: 'elementwise',
  infer(context) {
    const x = requiredType(context, 0, 'X');
    checkChannelVector(context, x, 1, 'scale');
    checkChannelVector(context, x, 2, 'shift');
    return [x];
  },
  /** y = f32(f32(x · scale[c]) + shift[c]) */
  evaluate(context) {
    const scale = floatsOf(requiredTensor(context, 1, 'scale'));
    const shift = floatsOf(requiredTensor(context, 2, 'shift'));
    return [perChannel(requiredTensor(context, 0, 'X'), (x, c) => round(x * (scale[c] ?? 0)) + (shift[c] ?? 0))];
  },
});

export const instanceNormalization: OpDef = defineOp({
  name: 'InstanceNormalization',
  since: [1, 6, 22],
  kernelClass: 'host',
  attributes: { epsilon: 1e-5 },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    checkChannelVector(context, x, 1, 'scale');
    checkChannelVector(context, x, 2, 'B');
    return [x];
  },
  /** Mean and variance over the spatial axes of each image and channel, summed in fp32 in order. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const round = roundingOf(x.dtype);
    const scale = numbersOf(requiredTensor(context, 1, 'scale'));
    const shift = numbersOf(requiredTensor(context, 2, 'B'));
    const out = normalizeRows(
      numbersOf(x),
      elementCount(x.shape.slice(2)),
      floatAttribute(context, 'epsilon', 1e-5),
      round,
      inverseRootOf(context, round),
    );
    const channels = x.shape[1] ?? 1;
    const inner = elementCount(x.shape.slice(2));
    for (let i = 0; i < out.length; i++) {
      const c = Math.floor(i / inner) % channels;
      out[i] = round((out[i] ?? 0) * (scale[c] ?? 0)) + (shift[c] ?? 0);
    }
    return [tensorOf(x.dtype, x.shape, out)];
  },
});

export const layerNormalization: OpDef = defineOp({
  name: 'LayerNormalization',
  since: [17],
  kernelClass: 'softmax',
  attributes: { axis: -1, epsilon: 1e-5, stash_type: 1 },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', -1), x.shape.length);
    const statistics: TensorType = { dtype: 'float32', shape: x.shape.map((d, i) => (i < axis ? d : 1)) };
    for (const [index, what] of [[1, 'Scale'] as const, [2, 'B'] as const]) {
      const shape = context.inputs[index]?.shape ?? [];
      const differs = (d: Dim, i: number): boolean => {
        const size = x.shape[x.shape.length - shape.length + i];
        return typeof d === 'number' && typeof size === 'number' && d !== 1 && d !== size;
      };
      if (shape.length > x.shape.length || shape.some(differs))
        misfit(context, `${what} is ${printShape(shape)}, which does not fit the axes of ${printShape(x.shape)}`);
    }
    return [x, statistics, statistics];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', -1), x.shape.length);
    const inner = elementCount(x.shape.slice(axis));
    const statistics = context.outputs.slice(1).map((type) => ({ type, data: new Float32Array(elementCount(type.shape)) }));
    const round = roundingOf(x.dtype);
    const out = normalizeRows(
      numbersOf(x),
      inner,
      floatAttribute(context, 'epsilon', 1e-5),
      round,
      inverseRootOf(context, round),
      (row, mean, inverse) => {
        for (const [i, { data }] of statistics.entries()) data[row] = i === 0 ? mean : inverse;
      },
    );
    const scale = numbersOf(requiredTensor(context, 1, 'Scale'));
    const shift = !hasInput(context, 2) ? null : numbersOf(requiredTensor(context, 2, 'B'));
    for (let i = 0; i < out.length; i++) {
      const at = i % inner;
      const scaled = round((out[i] ?? 0) * (scale[at % scale.length] ?? 0));
      out[i] = shift === null ? scaled : scaled + (shift[at % shift.length] ?? 0);
    }
    return [tensorOf(x.dtype, x.shape, out), ...statistics.map(({ type, data }) => tensorOf(type.dtype, type.shape, data))];
  },
});

/** Rows of `length`: (x - mean) · (1 / √(variance + ε)), all in fp32, sums in order. */
function normalizeRows(
  x: Numbers,
  length: number,
  epsilon: number,
  round: Rounding,
  inverseRoot: Rounding,
  observe: (row: number, mean: number, inverse: number) => void = () => undefined,
): Numbers {
  const out = x instanceof Float64Array ? new Float64Array(x.length) : new Float32Array(x.length);
  for (let row = 0, n = 0; row + length <= x.length && length > 0; row += length, n++) {
    let sum = 0;
    for (let i = row; i < row + length; i++) sum = round(sum + (x[i] ?? 0));
    const mean = round(sum / length);
    let squares = 0;
    for (let i = row; i < row + length; i++) {
      const d = round((x[i] ?? 0) - mean);
      out[i] = d;
      squares = round(squares + round(d * d));
    }
    const inverse = inverseRoot(round(round(squares / length) + epsilon));
    for (let i = row; i < row + length; i++) out[i] = (out[i] ?? 0) * inverse;
    observe(n, mean, inverse);
  }
  return out;
}

export const lrn: OpDef = defineOp({
  name: 'LRN',
  since: [1, 13],
  // Sums over channels, then a power: no engine of ours does this.
  kernelClass: 'host',
  attributes: { alpha: 0.0001, beta: 0.75, bias: 1, size: 'required' },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    if (x.shape.length < 2) misfit(context, `the input ${printShape(x.shape)} has no channels`);
    const size = intAttribute(context, 'size', 0);
    if (size < 1) badAttribute(context, 'size', String(size), 'a whole number from 1');
    return [x];
  },
  /** y = x / (bias + alpha / size · Σ x²)^beta, the sum over channels c - floor((size-1)/2) .. c + ceil((size-1)/2). */
  evaluate: (context) => [evaluateLrn(context)],
});

function evaluateLrn(context: EvaluateContext): Tensor {
  const x = requiredTensor(context, 0, 'X');
  const type = outputType(context);
  const size = intAttribute(context, 'size', 1);
  const scale = round(floatAttribute(context, 'alpha', 0.0001) / size);
  const beta = floatAttribute(context, 'beta', 0.75);
  const bias = floatAttribute(context, 'bias', 1);
  const source = floatsOf(x);
  const out = new Float32Array(source.length);
  const channels = x.shape[1] ?? 1;
  const inner = elementCount(x.shape.slice(2));
  const before = Math.floor((size - 1) / 2);
  const after = Math.ceil((size - 1) / 2);
  for (let n = 0; n < (x.shape[0] ?? 1); n++) {
    for (let c = 0; c < channels; c++) {
      const from = Math.max(0, c - before);
      const to = Math.min(channels - 1, c + after);
      const base = n * channels * inner;
      for (let i = 0; i < inner; i++) {
        let sum = 0;
        for (let d = from; d <= to; d++) {
          const v = source[base + d * inner + i] ?? 0;
          sum = round(sum + round(v * v));
        }
        const at = base + c * inner + i;
        out[at] = (source[at] ?? 0) / pow32(round(bias + round(scale * sum)), beta);
      }
    }
  }
  return tensorOf(type.dtype, type.shape, out);
}

export const normalizationOps: readonly OpDef[] = [batchNormalization, scaleShift, instanceNormalization, layerNormalization, lrn];
