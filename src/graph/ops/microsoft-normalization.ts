/** Normalization of com.microsoft that is more than rows: embeddings, and groups of channels. */
import { elementCount, type Tensor } from '../../core/index.ts';
import type { TensorType } from '../ir.ts';
import { silu } from './microsoft-activations.ts';
import { transposed } from './move.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  intAttribute,
  misfit,
  printShape,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type InferContext,
  type OpDef,
} from './op-def.ts';
import { optionalTensor } from './quantized-ops.ts';
import { normalizedRows, scaleRows } from './rms-normalization.ts';

const round = Math.fround;

/**
 * LayerNormalization of word + position (+ segment) embeddings. Inputs: input_ids, segment_ids, word_embedding, position_embedding,
 * segment_embedding, gamma, beta, mask, position_ids. Outputs: the result, how many tokens of each sequence the mask keeps, the sum.
 */
const embedLayerNormalization: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'EmbedLayerNormalization',
  since: [1],
  kernelClass: 'host',
  attributes: { epsilon: 1e-12, mask_index_type: 0 },
  infer(context) {
    const ids = requiredType(context, 0, 'input_ids');
    const words = requiredType(context, 2, 'word_embedding');
    requiredType(context, 3, 'position_embedding');
    if (ids.shape.length !== 2 || words.shape.length !== 2) {
      misfit(context, `input_ids ${printShape(ids.shape)} and word_embedding ${printShape(words.shape)} are not both of rank 2`);
    }
    const [batch = 1, length = 1] = ids.shape;
    const type: TensorType = { dtype: words.dtype, shape: [batch, length, words.shape[1] ?? 1] };
    return [type, { dtype: 'int32', shape: [batch] }, type];
  },
  evaluate: (context) => evaluateEmbedding(context),
});

function evaluateEmbedding(context: EvaluateContext): readonly Tensor[] {
  const ids = requiredTensor(context, 0, 'input_ids');
  const [batch = 1, length = 1] = ids.shape;
  const words = requiredTensor(context, 2, 'word_embedding');
  const width = words.shape[1] ?? 1;
  const row = (table: Tensor, what: string): ((n: number, into: Float32Array, at: number) => void) => {
    const data = floatsOf(table);
    const rows = table.shape[0] ?? 0;
    return (n, into, at) => {
      if (n < 0 || n >= rows) misfit(context, `${what} has no row ${n}, it has ${rows}`);
      for (let i = 0; i < width; i++) into[at + i] = (into[at + i] ?? 0) + (data[n * width + i] ?? 0);
    };
  };
  const tokens = numbersOf(ids);
  const positionTensor = optionalTensor(context, 8);
  const positions = positionTensor === null ? null : numbersOf(positionTensor);
  const segmentTensor = optionalTensor(context, 1);
  const segmentTable = optionalTensor(context, 4);
  const segments = segmentTensor === null || segmentTable === null ? null : numbersOf(segmentTensor);
  const addWord = row(words, 'word_embedding');
  const addPosition = row(requiredTensor(context, 3, 'position_embedding'), 'position_embedding');
  const addSegment = segmentTable === null ? null : row(segmentTable, 'segment_embedding');
  const sum = new Float32Array(batch * length * width);
  for (let n = 0; n < batch * length; n++) {
    addWord(tokens[n] ?? 0, sum, n * width);
    const position = positions === null ? n % length : (positions[positions.length === length ? n % length : n] ?? 0);
    addPosition(position, sum, n * width);
    if (segments !== null) addSegment?.(segments[n] ?? 0, sum, n * width);
  }
  const { normalized } = normalizedRows(sum, width, floatAttribute(context, 'epsilon', 1e-12), true);
  const y = scaleRows(normalized, floatsOf(requiredTensor(context, 5, 'gamma')), floatsOf(requiredTensor(context, 6, 'beta')));
  const mask = optionalTensor(context, 7);
  const kept = new Int32Array(batch);
  if (mask !== null) {
    const data = numbersOf(mask);
    for (let n = 0; n < batch * length; n++) if (data[n] === 1) kept[Math.floor(n / length)] = (kept[Math.floor(n / length)] ?? 0) + 1;
  }
  return [y, kept, sum].slice(0, context.outputs.length).map((data, i) => {
    const type = context.outputs[i];
    return tensorOf(type?.dtype ?? words.dtype, type?.shape ?? [], data);
  });
}

function inferGroups(context: InferContext): readonly TensorType[] {
  const x = requiredType(context, 0, 'X');
  requiredType(context, 1, 'gamma');
  requiredType(context, 2, 'beta');
  if (x.shape.length < 3) misfit(context, `the input ${printShape(x.shape)} has no spatial axes`);
  const groups = intAttribute(context, 'groups', 0);
  const channels = x.shape[intAttribute(context, 'channels_last', 1) !== 0 ? x.shape.length - 1 : 1] ?? 1;
  if (groups < 1 || (typeof channels === 'number' && channels % groups !== 0)) {
    badAttribute(context, 'groups', String(groups), `a divisor of the ${printShape([channels])} channels`);
  }
  return [x, x];
}

/** sum = X (+ skip + bias); (sum - mean) / √(variance + ε) · gamma + beta of each group of channels, then SiLU where activation is 1. */
function evaluateGroups(context: EvaluateContext, skip: number | null): readonly Tensor[] {
  const x = requiredTensor(context, 0, 'X');
  const rank = x.shape.length;
  const last = intAttribute(context, 'channels_last', 1) !== 0;
  const first = [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
  const back = [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
  const planar = (t: Tensor): Tensor => (last ? transposed(t, first) : t);
  const own = planar(x);
  const [batch = 1, channels = 1] = own.shape;
  const plane = elementCount(own.shape.slice(2));
  const sum = Float32Array.from(floatsOf(own));
  if (skip !== null) {
    const t = requiredTensor(context, skip, 'skip');
    // A skip without spatial axes is the same at every position.
    const whole = elementCount(t.shape) === sum.length;
    const data = floatsOf(whole ? planar(t) : t);
    const bias = optionalTensor(context, skip + 1);
    const b = bias === null ? null : floatsOf(bias);
    for (let i = 0; i < sum.length; i++) {
      const added = round((sum[i] ?? 0) + (data[whole ? i : Math.floor(i / plane)] ?? 0));
      sum[i] = b === null ? added : added + (b[Math.floor(i / plane) % channels] ?? 0);
    }
  }
  const groups = intAttribute(context, 'groups', 1);
  const { normalized } = normalizedRows(sum, (channels / groups) * plane, floatAttribute(context, 'epsilon', 1e-5), true);
  const [gamma, beta] = [floatsOf(requiredTensor(context, 1, 'gamma')), floatsOf(requiredTensor(context, 2, 'beta'))];
  const activated = intAttribute(context, 'activation', 0) === 1;
  for (let i = 0; i < batch * channels * plane; i++) {
    const c = Math.floor(i / plane) % channels;
    const y = round(round((normalized[i] ?? 0) * (gamma[c] ?? 0)) + (beta[c] ?? 0));
    normalized[i] = activated ? silu(y) : y;
  }
  const result = (data: Float32Array): Tensor => {
    const t = tensorOf(x.dtype, own.shape, data);
    return last ? transposed(t, back) : t;
  };
  return context.outputs.length > 1 ? [result(normalized), result(sum)] : [result(normalized)];
}

const groupAttributes = { activation: 'required', channels_last: 1, epsilon: 1e-5, groups: 'required' } as const;

const groupNorm: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'GroupNorm',
  since: [1],
  kernelClass: 'host',
  attributes: groupAttributes,
  infer: (context) => inferGroups(context).slice(0, 1),
  evaluate: (context) => evaluateGroups(context, null),
});

/** Inputs: X, gamma, beta, skip, bias; the second output is the sum. */
const skipGroupNorm: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'SkipGroupNorm',
  since: [1],
  kernelClass: 'host',
  attributes: groupAttributes,
  infer(context) {
    requiredType(context, 3, 'skip');
    return inferGroups(context);
  },
  evaluate: (context) => evaluateGroups(context, 3),
});

export const microsoftNormalizationOps: readonly OpDef[] = [embedLayerNormalization, groupNorm, skipGroupNorm];
