/** Normalization by the statistics of the data at hand: GroupNormalization, MeanVarianceNormalization, LpNormalization. */
import { elementCount, pow64, type Tensor } from '../../core/index.ts';
import { roundingOf } from './elements.ts';
import { inverseRootOf } from './functions.ts';
import { allocate, numbersOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  intAttribute,
  intsAttribute,
  misfit,
  normalizeAxis,
  printShape,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type OpDef,
} from './op-def.ts';
import { transposed } from './move.ts';

export const groupNormalization: OpDef = defineOp({
  name: 'GroupNormalization',
  since: [18, 21],
  kernelClass: 'softmax',
  attributes: { epsilon: 1e-5, num_groups: 'required', stash_type: 1 },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const groups = intAttribute(context, 'num_groups', 0);
    const channels = x.shape[1];
    if (groups < 1) badAttribute(context, 'num_groups', String(groups), 'a whole number from 1');
    if (channels === undefined || (typeof channels === 'number' && channels % groups !== 0)) {
      misfit(context, `the channels of ${printShape(x.shape)} do not divide into ${groups} groups`);
    }
    for (const [i, what] of [
      [1, 'scale'],
      [2, 'bias'],
    ] as const) {
      const v = requiredType(context, i, what);
      const expected = context.opset >= 21 ? channels : groups;
      const size = v.shape[0];
      if (v.shape.length !== 1 || (typeof size === 'number' && typeof expected === 'number' && size !== expected)) {
        misfit(context, `${what} ${printShape(v.shape)} does not give one number for each ${context.opset >= 21 ? 'channel' : 'group'}`);
      }
    }
    return [x];
  },
  /** (x - mean) / √(variance + ε) over each group of channels, then scale and bias: per group in opset 18, per channel from 21 on. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const scale = numbersOf(requiredTensor(context, 1, 'scale'));
    const bias = numbersOf(requiredTensor(context, 2, 'bias'));
    const groups = intAttribute(context, 'num_groups', 1);
    const channels = x.shape[1] ?? 1;
    const round = roundingOf(x.dtype);
    const inner = elementCount(x.shape.slice(2));
    const out = normalized(x, (channels / groups) * inner, floatAttribute(context, 'epsilon', 1e-5), inverseRootOf(context, round));
    for (let i = 0; i < out.length; i++) {
      const c = Math.floor(i / inner) % channels;
      const k = context.opset >= 21 ? c : Math.floor((c * groups) / channels);
      out[i] = round((out[i] ?? 0) * (scale[k] ?? 1)) + (bias[k] ?? 0);
    }
    return [tensorOf(x.dtype, x.shape, out)];
  },
});

/** Rows of `length`: (x - mean) · (1 / √(variance + ε)); sums in order, fp32 but for doubles. */
function normalized(x: Tensor, length: number, epsilon: number, inverseRoot: (x: number) => number): Float32Array | Float64Array {
  const source = numbersOf(x);
  const round = roundingOf(x.dtype);
  const out = x.dtype === 'float64' ? new Float64Array(source.length) : new Float32Array(source.length);
  for (let row = 0; row + length <= source.length && length > 0; row += length) {
    let sum = 0;
    for (let i = row; i < row + length; i++) sum = round(sum + (source[i] ?? 0));
    const mean = round(sum / length);
    let squares = 0;
    for (let i = row; i < row + length; i++) {
      const d = round((source[i] ?? 0) - mean);
      out[i] = d;
      squares = round(squares + round(d * d));
    }
    const inverse = inverseRoot(round(round(squares / length) + epsilon));
    for (let i = row; i < row + length; i++) out[i] = (out[i] ?? 0) * inverse;
  }
  return out;
}

export const meanVarianceNormalization: OpDef = defineOp({
  name: 'MeanVarianceNormalization',
  since: [9, 13],
  kernelClass: 'host',
  attributes: { axes: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    normalizedAxes(context, x.shape.length);
    return [x];
  },
  /** (x - mean) / √variance over the axes (by default batch, height, width), guarded against zero by 1e-9 added to the deviation. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const axes = normalizedAxes(context, x.shape.length);
    const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    const order = [...kept, ...axes];
    const turned = transposed(x, order);
    const length = elementCount(axes.map((a) => x.shape[a] ?? 1));
    const round = roundingOf(x.dtype);
    const source = numbersOf(turned);
    const out = allocate(x.dtype, source.length);
    for (let row = 0; row + length <= source.length && length > 0; row += length) {
      let sum = 0;
      let squares = 0;
      for (let i = row; i < row + length; i++) sum = round(sum + (source[i] ?? 0));
      const mean = round(sum / length);
      for (let i = row; i < row + length; i++) {
        const d = round((source[i] ?? 0) - mean);
        squares = round(squares + round(d * d));
      }
      const deviation = round(round(Math.sqrt(round(squares / length))) + 1e-9);
      for (let i = row; i < row + length; i++) out[i] = round((source[i] ?? 0) - mean) / deviation;
    }
    const back = order.map((_, i) => order.indexOf(i));
    return [transposed(tensorOf(x.dtype, turned.shape, out), back)];
  },
});

function normalizedAxes(context: EvaluateContext | Parameters<OpDef['infer']>[0], rank: number): readonly number[] {
  const axes = (intsAttribute(context, 'axes') ?? [0, 2, 3]).map((a) => normalizeAxis(context, a, rank, 'axes'));
  return [...new Set(axes)].sort((a, b) => a - b);
}

export const lpNormalization: OpDef = defineOp({
  name: 'LpNormalization',
  since: [1, 22],
  kernelClass: 'host',
  attributes: { axis: -1, p: 2 },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    normalizeAxis(context, intAttribute(context, 'axis', -1), x.shape.length);
    const p = intAttribute(context, 'p', 2);
    if (p !== 1 && p !== 2) badAttribute(context, 'p', String(p), '1, 2');
    return [x];
  },
  /** x / (Σ |x|^p)^(1/p) along the axis; 0 where all are 0. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', -1), x.shape.length);
    const p = intAttribute(context, 'p', 2);
    const round = roundingOf(x.dtype);
    const source = numbersOf(x);
    const size = x.shape[axis] ?? 1;
    const inner = elementCount(x.shape.slice(axis + 1));
    const out = allocate(x.dtype, source.length);
    for (let line = 0; line * size < source.length; line++) {
      const start = Math.floor(line / inner) * size * inner + (line % inner);
      let sum = 0;
      for (let k = 0, at = start; k < size; k++, at += inner) sum = round(sum + round(powerOf(source[at] ?? 0, p)));
      const norm = p === 2 ? round(Math.sqrt(sum)) : sum;
      for (let k = 0, at = start; k < size; k++, at += inner) out[at] = norm === 0 ? 0 : (source[at] ?? 0) / norm;
    }
    return [tensorOf(x.dtype, x.shape, out)];
  },
});

/** |x|^p */
export function powerOf(x: number, p: number): number {
  return p === 2 ? x * x : p === 1 ? Math.abs(x) : pow64(Math.abs(x), p);
}

export const groupNormalizationOps: readonly OpDef[] = [groupNormalization, meanVarianceNormalization, lpNormalization];
