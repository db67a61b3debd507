/** Normalization of rows: RMSNormalization and what com.microsoft makes of it and of LayerNormalization (skip and bias added first). */
import { elementCount, sigmoid32, type Tensor } from '../../core/index.ts';
import type { TensorType } from '../ir.ts';
import { broadcastRows, broadcastShapes, checkBroadcastsTo } from './broadcast.ts';
import { inverseRootOf } from './functions.ts';
import { floatsOf, tensorOf } from './numbers.ts';
import {
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

export interface RowStatistics {
  readonly normalized: Float32Array;
  /** 0 for RMS. */
  readonly mean: Float32Array;
  /** 1 / √(variance or mean square + ε) */
  readonly inverse: Float32Array;
}

/** Rows of `length`, sums in order: (x - mean) · inverse; without centring the mean counts as 0. `rows`: how many, also of no elements. */
export function normalizedRows(
  x: Float32Array,
  length: number,
  epsilon: number,
  centred: boolean,
  rows: number = length === 0 ? 0 : x.length / length,
  inverseRoot: (x: number) => number = (v) => round(1 / round(Math.sqrt(v))),
): RowStatistics {
  const result = { normalized: new Float32Array(x.length), mean: new Float32Array(rows), inverse: new Float32Array(rows) };
  for (let n = 0; n < rows; n++) {
    const from = n * length;
    let mean = 0;
    if (centred) {
      for (let i = 0; i < length; i++) mean = round(mean + (x[from + i] ?? 0));
      mean = round(mean / length);
    }
    let squares = 0;
    for (let i = 0; i < length; i++) {
      const d = round((x[from + i] ?? 0) - mean);
      squares = round(squares + round(d * d));
    }
    const inverse = inverseRoot(round(round(squares / length) + epsilon));
    for (let i = 0; i < length; i++) result.normalized[from + i] = round((x[from + i] ?? 0) - mean) * inverse;
    result.mean[n] = mean;
    result.inverse[n] = inverse;
  }
  return result;
}

/** x · scale (+ shift), the factors repeated over rows of their own length. */
export function scaleRows(x: Float32Array, scale: Float32Array, shift: Float32Array | null): Float32Array {
  const out = new Float32Array(x.length);
  for (let i = 0; i < out.length; i++) {
    const scaled = round((x[i] ?? 0) * (scale[i % scale.length] ?? 0));
    out[i] = shift === null ? scaled : scaled + (shift[i % shift.length] ?? 0);
  }
  return out;
}

function lastAxes(context: OpContext, type: { readonly shape: readonly unknown[] }): number {
  return normalizeAxis(context, intAttribute(context, 'axis', -1), type.shape.length);
}

export const rmsNormalization: OpDef = defineOp({
  name: 'RMSNormalization',
  since: [23],
  kernelClass: 'softmax',
  attributes: { axis: -1, epsilon: 1e-5, stash_type: 1 },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const { shape } = requiredType(context, 1, 'scale');
    lastAxes(context, x);
    checkBroadcastsTo(context, x.shape, shape, 'the scale');
    return [x];
  },
  /** Y = X / √(mean(X²) + ε) · scale over the axes from `axis` on; scale broadcasts to them. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const scale = requiredTensor(context, 1, 'scale');
    const inner = elementCount(x.shape.slice(lastAxes(context, x)));
    const epsilon = floatAttribute(context, 'epsilon', 1e-5);
    const { normalized } = normalizedRows(floatsOf(x), inner, epsilon, false, undefined, inverseRootOf(context, round));
    const factors = floatsOf(scale);
    const loop = broadcastRows(x.shape, [scale.shape]);
    const step = loop.step[0] ?? 0;
    for (let r = 0, at = 0; r < loop.rows && normalized.length > 0; r++) {
      let from = loop.base[0]?.[r] ?? 0;
      for (let i = 0; i < loop.length; i++, at++, from += step) normalized[at] = (normalized[at] ?? 0) * (factors[from] ?? 0);
    }
    return [tensorOf(x.dtype, x.shape, normalized)];
  },
});

/** ONNX Runtime's name of RMSNormalization, emitted into ai.onnx before opset 23; its second output is 1 / √(mean(X²) + ε). */
function simplified(domain: string): OpDef {
  return defineOp({
    domain,
    name: 'SimplifiedLayerNormalization',
    since: [1],
    kernelClass: 'softmax',
    attributes: { axis: -1, epsilon: 1e-5, stash_type: 1 },
    infer(context) {
      const x = requiredType(context, 0, 'X');
      const axis = lastAxes(context, x);
      checkBroadcastsTo(context, x.shape.slice(axis), requiredType(context, 1, 'scale').shape, 'the scale');
      return [x, { dtype: 'float32', shape: x.shape.map((d, i) => (i < axis ? d : 1)) }];
    },
    evaluate(context) {
      const x = requiredTensor(context, 0, 'X');
      const inner = elementCount(x.shape.slice(lastAxes(context, x)));
      const rows = elementCount(x.shape.slice(0, lastAxes(context, x)));
      const { normalized, inverse } = normalizedRows(floatsOf(x), inner, floatAttribute(context, 'epsilon', 1e-5), false, rows);
      const y = tensorOf(x.dtype, x.shape, scaleRows(normalized, floatsOf(requiredTensor(context, 1, 'scale')), null));
      const statistics = context.outputs[1];
      return statistics === undefined ? [y] : [y, tensorOf('float32', statistics.shape, inverse)];
    },
  });
}

/** The sum of two tensors that broadcast, fp32. */
export function addTensors(context: OpContext, a: Tensor, b: Tensor): Float32Array {
  const shape = broadcastShapes(context, [a.shape, b.shape]).map(Number);
  const out = new Float32Array(elementCount(shape));
  const [x, y] = [floatsOf(a), floatsOf(b)];
  const loop = broadcastRows(shape, [a.shape, b.shape]);
  const [stepA = 0, stepB = 0] = loop.step;
  for (let r = 0, at = 0; r < loop.rows && out.length > 0; r++) {
    let i = loop.base[0]?.[r] ?? 0;
    let j = loop.base[1]?.[r] ?? 0;
    for (let n = 0; n < loop.length; n++, at++, i += stepA, j += stepB) out[at] = (x[i] ?? 0) + (y[j] ?? 0);
  }
  return out;
}

/** Outputs of the Skip operators: the result, mean, 1 / deviation, and the sum that was normalized. */
function inferSkip(context: InferContext, bias: number): readonly TensorType[] {
  const x = requiredType(context, 0, 'input');
  const skip = requiredType(context, 1, 'skip');
  requiredType(context, 2, 'gamma');
  for (const i of [2, 3, 4]) {
    const factors = context.inputs[i] ?? null;
    // gamma, beta and the bias have one number for each element of a row.
    if (factors !== null && i <= bias) checkBroadcastsTo(context, x.shape.slice(-1), factors.shape, `input ${i}`);
  }
  const shape = broadcastShapes(context, [x.shape, skip.shape]);
  if (shape.length !== x.shape.length) misfit(context, `skip ${printShape(skip.shape)} does not fit the input ${printShape(x.shape)}`);
  const type: TensorType = { dtype: x.dtype, shape };
  const statistics: TensorType = { dtype: 'float32', shape: shape.map((d, i) => (i < shape.length - 1 ? d : 1)) };
  return [type, statistics, statistics, type];
}

function evaluateSkip(context: EvaluateContext, centred: boolean, beta: number | null, bias: number): readonly Tensor[] {
  const x = requiredTensor(context, 0, 'input');
  const type = outputType(context);
  let sum = addTensors(context, x, requiredTensor(context, 1, 'skip'));
  if (hasInput(context, bias)) {
    sum = addTensors(context, { dtype: 'float32', shape: type.shape, data: sum }, requiredTensor(context, bias, 'bias'));
  }
  const rows = elementCount(type.shape.slice(0, -1));
  const { normalized, mean, inverse } = normalizedRows(
    sum,
    type.shape.at(-1) ?? 1,
    floatAttribute(context, 'epsilon', 1e-12),
    centred,
    rows,
  );
  const shift = beta === null || !hasInput(context, beta) ? null : floatsOf(requiredTensor(context, beta, 'beta'));
  const y = scaleRows(normalized, floatsOf(requiredTensor(context, 2, 'gamma')), shift);
  return [y, mean, inverse, sum]
    .slice(0, context.outputs.length)
    .map((data, i) => tensorOf(context.outputs[i]?.dtype ?? x.dtype, context.outputs[i]?.shape ?? [], data));
}

/** LayerNormalization of input + skip (+ bias). Inputs: input, skip, gamma, beta, bias. */
const skipLayerNormalization: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'SkipLayerNormalization',
  since: [1],
  kernelClass: 'softmax',
  attributes: { epsilon: 1e-12 },
  infer: (context) => inferSkip(context, 4),
  evaluate: (context) => evaluateSkip(context, true, 3, 4),
});

/** RMSNormalization of input + skip (+ bias). Inputs: input, skip, gamma, bias. */
const skipSimplifiedLayerNormalization: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'SkipSimplifiedLayerNormalization',
  since: [1],
  kernelClass: 'softmax',
  attributes: { epsilon: 1e-12 },
  infer: (context) => inferSkip(context, 3),
  evaluate: (context) => evaluateSkip(context, false, null, 3),
});

/** X / √(mean(X²) + ε) · scale · SiLU(gate), the mean over groups as long as scale. */
const gatedRmsNorm: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'GatedRMSNorm',
  since: [1],
  kernelClass: 'softmax',
  attributes: { epsilon: 1e-5 },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const [size] = requiredType(context, 1, 'scale').shape;
    const last = x.shape.at(-1);
    if (size === undefined || size === 0 || (typeof size === 'number' && typeof last === 'number' && last % size !== 0))
      misfit(
        context,
        `rows of ${printShape(x.shape)} do not divide into groups as long as the scale ${printShape(requiredType(context, 1, 'scale').shape)}`,
      );
    checkBroadcastsTo(context, x.shape, requiredType(context, 2, 'gate').shape, 'the gate');
    return [x];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const scale = floatsOf(requiredTensor(context, 1, 'scale'));
    const gate = floatsOf(requiredTensor(context, 2, 'gate'));
    const { normalized } = normalizedRows(floatsOf(x), scale.length, floatAttribute(context, 'epsilon', 1e-5), false);
    const out = scaleRows(normalized, scale, null);
    for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) * round((gate[i] ?? 0) * sigmoid32(gate[i] ?? 0));
    return [tensorOf(x.dtype, x.shape, out)];
  },
});

export const rowNormalizationOps: readonly OpDef[] = [
  rmsNormalization,
  simplified(''),
  simplified('com.microsoft'),
  skipLayerNormalization,
  skipSimplifiedLayerNormalization,
  gatedRmsNorm,
];
