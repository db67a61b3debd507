/** Normalizations that no single kernel does: by statistics of the run or of the batch, by a norm, over neighbouring channels, or with statistics read. */
import { attributeFloat, attributeInt } from '../../graph/index.ts';
import type { Node, ValueId } from '../../graph/ir.ts';
import { dtypeCode } from './float-types.ts';
import type { Rule, Rules } from './rule.ts';
import type { Writer } from './writer.ts';

function epsilonOf(w: Writer, node: Node): ValueId {
  return w.float(Math.fround(attributeFloat(node, 'epsilon', 1e-5)));
}

/** Of a channel each, along axis 1 of `rank` axes. */
function column(w: Writer, id: ValueId, rank: number): ValueId {
  return w.reshape(id, [w.shape(id)[0] ?? 1, ...Array.from({ length: rank - 2 }, () => 1)]);
}

/** %y = BatchNormalization(%x, %scale, %b, %mean, %var)  =>  (%x - %mean) · (%scale / √(%var + ε)) + %b */
const batchNormalization: Rule = (w, node) => {
  const [x = null, scale = null, shift = null, mean = null, variance = null] = node.inputs;
  if (x === null || scale === null || shift === null || mean === null || variance === null) return null;
  const rank = w.shape(x).length;
  const version = node.version ?? w.opset;
  if (version < 9 && attributeInt(node, 'spatial', 1) === 0) return { reason: 'it normalizes every position by itself (spatial 0)' };
  if (rank < 2 || [scale, shift, mean, variance].some((id) => w.value(id).type.dtype !== w.value(x).type.dtype)) return null;
  if (attributeInt(node, 'training_mode', 0) !== 0) return batchStatistics(w, node, { x, scale, shift, mean, variance });
  if (node.outputs.length > 1) return { reason: 'its statistics are read outside of training' };
  const factor = w.op('Div', [scale, w.op('Sqrt', [w.op('Add', [variance, epsilonOf(w, node)])])]);
  const centred = w.op('Sub', [x, column(w, mean, rank)]);
  return [w.op('Add', [w.op('Mul', [centred, column(w, factor, rank)]), column(w, shift, rank)])];
};

interface BatchOperands {
  readonly x: ValueId;
  readonly scale: ValueId;
  readonly shift: ValueId;
  readonly mean: ValueId;
  readonly variance: ValueId;
}

/** By mean and variance of the batch; then the running statistics, running · momentum + batch · (1 − momentum). */
function batchStatistics(w: Writer, node: Node, { x, scale, shift, mean, variance }: BatchOperands): readonly ValueId[] {
  const shape = w.shape(x);
  const channels = shape[1] ?? 1;
  const axes = w.ints(shape.map((_, i) => i).filter((i) => i !== 1));
  const count = shape.reduce((n, d, i) => (i === 1 ? n : n * d), 1);
  const batchMean = w.op('ReduceMean', [x, axes]);
  const centred = w.op('Sub', [x, batchMean]);
  const batchVariance = w.op('Div', [w.op('ReduceSumSquare', [centred, axes]), w.float(count)]);
  const gain = w.op('Div', [column(w, scale, shape.length), w.op('Sqrt', [w.op('Add', [batchVariance, epsilonOf(w, node)])])]);
  const y = w.op('Add', [w.op('Mul', [centred, gain]), column(w, shift, shape.length)]);
  const momentum = Math.fround(attributeFloat(node, 'momentum', 0.9));
  const running = (before: ValueId, now: ValueId): ValueId =>
    w.op('Add', [w.op('Mul', [before, w.float(momentum)]), w.op('Mul', [w.reshape(now, [channels]), w.float(Math.fround(1 - momentum))])]);
  if (node.outputs.length === 1) return [y];
  const statistics = [running(mean, batchMean), running(variance, batchVariance)];
  return [y, ...statistics, ...statistics].slice(0, node.outputs.length);
}

/** With its mean and inverse deviation, which are read: %c = %x − mean, %y = %c · 1/√(mean of %c² + ε) · scale + bias. */
const layerNormalization: Rule = (w, node) => {
  const [x = null, scale = null, shift = null] = node.inputs;
  if (x === null || scale === null || node.outputs.length < 2 || w.shape(x).includes(0)) return null;
  // Statistics are float32 also of 16-bit floats, which are widened before this rule sees them.
  const { dtype } = w.value(x).type;
  const wide = (id: ValueId): ValueId => (dtype === 'float32' ? id : w.op('Cast', [id], { to: dtypeCode('float32') }));
  const shape = w.shape(x);
  const axis = (attributeInt(node, 'axis', -1) + shape.length) % shape.length;
  const axes = w.ints(shape.map((_, i) => i).slice(axis));
  const count = shape.slice(axis).reduce((n, d) => n * d, 1);
  const mean = w.op('ReduceMean', [x, axes]);
  const centred = w.op('Sub', [x, mean]);
  const variance = w.op('Div', [w.op('ReduceSumSquare', [centred, axes]), w.float(count)]);
  const inverse = w.op('Div', [w.float(1), w.op('Sqrt', [w.op('Add', [variance, epsilonOf(w, node)])])]);
  const scaled = w.op('Mul', [w.op('Mul', [centred, inverse]), scale]);
  const y = shift === null ? scaled : w.op('Add', [scaled, shift]);
  return [y, wide(mean), wide(inverse)].slice(0, node.outputs.length);
};

/** %x / (Σ |%x|^p)^(1/p) along an axis, 0 where all are 0. */
const lpNormalization: Rule = (w, node) => {
  const [x = null] = node.inputs;
  if (x === null || w.shape(x).includes(0)) return null;
  const rank = w.shape(x).length;
  const axis = (attributeInt(node, 'axis', -1) + rank) % rank;
  const norm = w.op(attributeInt(node, 'p', 2) === 1 ? 'ReduceL1' : 'ReduceL2', [x, w.ints([axis])]);
  return [w.op('Div', [x, w.op('Where', [w.op('Equal', [norm, w.float(0)]), w.float(1), norm])])];
};

/** %x / (bias + α · mean of %x² over `size` neighbouring channels)^β: the mean is a pooling along the channels, padding counted. */
const localResponse: Rule = (w, node) => {
  const [x = null] = node.inputs;
  if (x === null || w.shape(x).includes(0)) return null;
  const shape = w.shape(x);
  const [batch = 1, channels = 1, ...rest] = shape;
  const size = attributeInt(node, 'size', 1);
  const squares = w.reshape(w.op('Mul', [x, x]), [batch, 1, channels, rest.reduce((n, d) => n * d, 1)]);
  const mean = w.op('AveragePool', [squares], {
    kernel_shape: [size, 1],
    strides: [1, 1],
    pads: [Math.floor((size - 1) / 2), 0, Math.ceil((size - 1) / 2), 0],
    count_include_pad: 1,
  });
  const number = (name: string, otherwise: number): ValueId => w.float(Math.fround(attributeFloat(node, name, otherwise)));
  const spread = w.op('Mul', [w.reshape(mean, shape), number('alpha', 0.0001)]);
  return [w.op('Div', [x, w.op('Pow', [w.op('Add', [spread, number('bias', 1)]), number('beta', 0.75)])])];
};

export const normalizationRules: Rules = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  LpNormalization: lpNormalization,
  LRN: localResponse,
};
