/** DynamicQuantizeLSTM of com.microsoft: weights in bytes, products of what is quantized while the model runs. */
import { elementCount, type Tensor } from '../../core/index.ts';
import { mulDim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  defineOp,
  floatAttribute,
  intAttribute,
  misfit,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type EvaluateContext,
  type InferContext,
  type OpDef,
} from './op-def.ts';
import { eightBits, quantizeDynamically } from './quantized-ops.ts';
import { readActivations } from './recurrent-activations.ts';
import { lstmCell } from './recurrent-cells.ts';
import { batchMajor, checkShape, common, directionsOf, partOf } from './recurrent.ts';

const activationNames = ['Sigmoid', 'Tanh', 'Tanh'];

/**
 * Inputs: X, W [directions, input, 4 · hidden], R [directions, hidden, 4 · hidden], B, sequence_lens, initial_h, initial_c, P, then scale and
 * zero point of W and of R: one a direction, or one a column.
 */
function infer(context: InferContext): readonly TensorType[] {
  const x = requiredType(context, 0, 'X');
  const [w, r] = [eightBits(context, 1, 'W'), eightBits(context, 2, 'R')];
  const directions = directionsOf(context);
  readActivations(context, directions, activationNames);
  for (const [what, type] of [
    ['X', x],
    ['W', w],
    ['R', r],
  ] as const) {
    if (type.shape.length !== 3) misfit(context, `${what} ${printShape(type.shape)} is not of rank 3`);
  }
  const [first = 1, second = 1, features = 1] = x.shape;
  const hidden = r.shape[1] ?? 1;
  const rows = mulDim(4, hidden);
  checkShape(context, 1, 'W', [directions, features, rows]);
  checkShape(context, 2, 'R', [directions, hidden, rows]);
  const [length, batch] = batchMajor(context) ? [second, first] : [first, second];
  const state: TensorType = { dtype: x.dtype, shape: batchMajor(context) ? [batch, directions, hidden] : [directions, batch, hidden] };
  const y: TensorType = {
    dtype: x.dtype,
    shape: batchMajor(context) ? [batch, length, directions, hidden] : [length, directions, batch, hidden],
  };
  checkShape(context, 3, 'B', [directions, mulDim(2, rows)]);
  checkShape(context, 4, 'sequence_lens', [batch]);
  checkShape(context, 5, 'initial_h', state.shape);
  checkShape(context, 6, 'initial_c', state.shape);
  checkShape(context, 7, 'P', [directions, mulDim(3, hidden)]);
  for (const index of [8, 9, 10, 11]) {
    const type = requiredType(context, index, 'a scale or zero point of the weights');
    checkShape(context, index, 'a scale or zero point', type.shape.length === 1 ? [directions] : [directions, rows]);
  }
  return [y, state, state];
}

/** (q − zero) · scale of one direction, transposed as LSTM has weights: [4 · hidden, rows]. */
function realWeights(context: EvaluateContext, index: number, at: number, d: number): Float32Array {
  const weights = requiredTensor(context, index, 'weights');
  const [directions = 1, rows = 1, columns = 1] = weights.shape;
  const [scale, zero] = [floatsOf(requiredTensor(context, at, 'scale')), numbersOf(requiredTensor(context, at + 1, 'zero point'))];
  const numbers = numbersOf(weights);
  const out = new Float32Array(rows * columns);
  const of = (list: ArrayLike<number>, column: number): number => list[list.length === directions ? d : d * columns + column] ?? 0;
  for (let k = 0; k < rows; k++) {
    for (let n = 0; n < columns; n++) out[n * rows + k] = ((numbers[(d * rows + k) * columns + n] ?? 0) - of(zero, n)) * of(scale, n);
  }
  return out;
}

function rounded(x: Float32Array): Float32Array {
  const { scale, zeroPoint, integers } = quantizeDynamically(x);
  return Float32Array.from(integers, (q) => (q - zeroPoint) * scale);
}

/** The LSTM of the real weights on an input that is quantized as a whole, and on states that are quantized together in each step. */
function evaluate(context: EvaluateContext): readonly Tensor[] {
  const x = requiredTensor(context, 0, 'X');
  const directions = directionsOf(context);
  const [first = 1, second = 1, input = 1] = x.shape;
  const [length, batch] = batchMajor(context) ? [second, first] : [first, second];
  const hidden = requiredTensor(context, 2, 'R').shape[1] ?? 1;
  const source = rounded(floatsOf(x));
  const activations = readActivations(context, directions, activationNames);
  const lengths = context.inputs[4] === null || context.inputs[4] === undefined ? null : numbersOf(context.inputs[4]);
  const y = new Float32Array(length * directions * batch * hidden);
  const [lastH, lastC] = [new Float32Array(directions * batch * hidden), new Float32Array(directions * batch * hidden)];
  const xAt = (t: number, b: number): number => (batchMajor(context) ? b * length + t : t * batch + b) * input;
  const yAt = (t: number, d: number, b: number): number =>
    (batchMajor(context) ? (b * length + t) * directions + d : (t * directions + d) * batch + b) * hidden;
  const stateAt = (d: number, b: number): number => (batchMajor(context) ? b * directions + d : d * batch + b) * hidden;
  for (let d = 0; d < directions; d++) {
    const reverse = d === 1 || stringAttribute(context, 'direction', 'forward') === 'reverse';
    const cell = lstmCell(
      { input, hidden, gates: 4 },
      {
        w: realWeights(context, 1, 8, d),
        r: realWeights(context, 2, 10, d),
        b: partOf(context, 3, d, 8 * hidden),
        p: partOf(context, 7, d, 3 * hidden),
        activations: activations[d] ?? [],
        clip: floatAttribute(context, 'clip', 0),
        linearBeforeReset: false,
        inputForget: intAttribute(context, 'input_forget', 0) !== 0,
      },
    );
    const initial = (index: number, b: number): Float32Array => {
      const t = context.inputs[index] ?? null;
      return t === null ? new Float32Array(hidden) : floatsOf(t).slice(stateAt(d, b), stateAt(d, b) + hidden);
    };
    const h = new Float32Array(batch * hidden);
    const c = Array.from({ length: batch }, (_, b) => initial(6, b));
    for (let b = 0; b < batch; b++) h.set(initial(5, b), b * hidden);
    for (let s = 0; s < length; s++) {
      const seen = rounded(h);
      for (let b = 0; b < batch; b++) {
        const steps = lengths === null ? length : Math.min(length, lengths[b] ?? length);
        if (s >= steps) continue;
        const t = reverse ? steps - 1 - s : s;
        const now = seen.slice(b * hidden, (b + 1) * hidden);
        cell(source, xAt(t, b), now, c[b] as Float32Array);
        h.set(now, b * hidden);
        y.set(now, yAt(t, d, b));
      }
    }
    for (let b = 0; b < batch; b++) {
      lastH.set(h.subarray(b * hidden, (b + 1) * hidden), stateAt(d, b));
      lastC.set(c[b] as Float32Array, stateAt(d, b));
    }
  }
  return [y, lastH, lastC].slice(0, context.outputs.length).map((data, i) => tensorOf(x.dtype, context.outputs[i]?.shape ?? [], data));
}

const dynamicQuantizeLstm: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'DynamicQuantizeLSTM',
  since: [1],
  kernelClass: 'host',
  attributes: { ...common, input_forget: 0 },
  infer,
  evaluate,
  /** As of LSTM: for each step and direction 4 · hidden · (input + hidden) of every sequence of the batch. */
  macs(context) {
    const [x, , r] = context.inputs;
    if (x === null || x === undefined || r === null || r === undefined) return 0;
    const hidden = r.shape[1] ?? 1;
    return directionsOf(context) * 4 * hidden * ((x.shape[2] ?? 1) + hidden) * elementCount(x.shape.slice(0, 2));
  },
});

export const microsoftRecurrentOps: readonly OpDef[] = [dynamicQuantizeLstm];
