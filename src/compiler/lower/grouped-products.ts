/** Products with weights in blocks of few bits, each block of a column with a scale of its own (MatMulNBits). */
import { attributeInt } from '../../graph/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import { dequantizedBlocks, integerBlocks, type BlockSizes, type IntegerBlocks } from './blocks.ts';
import { dtypeCode } from './float-types.ts';
import { numberOf } from './ranking.ts';
import type { Rule, Rules } from './rule.ts';
import type { Writer } from './writer.ts';

/** `accuracy_level` from which on the activations may be int8. */
const asBytes = 4;
/** Sums of several blocks stand in memory at once, at most so many of them. */
const mostSums = 2 ** 20;

/**
 * The weights become a constant of floats, made when first read. Where the node allows int8 activations blocks are products of integers instead (see
 * `productsOfBlocks`), unless the whole program is to be int8: precision then finds scales for the activations, and for the weights by columns.
 */
const matMulNBits: Rule = (w, node) => {
  const [a = null, b = null, scales = null, zeros = null, order = null, bias = null] = node.inputs;
  if (a === null || b === null || scales === null) return null;
  if (order !== null) return { reason: 'its blocks are in an order of their own (g_idx)' };
  const sizes: BlockSizes = {
    k: attributeInt(node, 'K', 0),
    n: attributeInt(node, 'N', 0),
    bits: attributeInt(node, 'bits', 4),
    block: attributeInt(node, 'block_size', 32),
  };
  const plus = (y: ValueId): ValueId => (bias === null ? y : w.op('Add', [y, bias]));
  const inBytes = w.floatProducts && attributeInt(node, 'accuracy_level', 0) >= asBytes;
  const blocks =
    inBytes && w.value(a).type.dtype === 'float32' && !w.shape(a).includes(0) ? integerBlocks(w, [b, scales, zeros], sizes) : null;
  if (blocks !== null) return [plus(productsOfBlocks(w, a, blocks, sizes))];
  const weights = dequantizedBlocks(w, [b, scales, zeros], sizes);
  if (weights === null) return { reason: 'its weights are computed at run time' };
  return [plus(w.op('MatMul', [a, weights]))];
};

/**
 * Each row of a becomes int8 by a scale of its own, max |a| / 127. The blocks are batches of one product of integers, int32 and exact; each is scaled by its
 * block's scale, then they are added in fp32 in the order of the blocks, and the row's scale is taken in last.
 */
function productsOfBlocks(w: Writer, a: ValueId, { weights, scales }: IntegerBlocks, { k, n, block }: BlockSizes): ValueId {
  const shape = w.shape(a);
  const rows = shape.slice(0, -1).reduce((count, d) => count * d, 1);
  const blocks = Math.ceil(k / block);
  const x = w.reshape(a, [rows, k]);
  const largest = w.op('ReduceMax', [w.op('Abs', [x]), w.ints([1])]);
  const step = w.op('Where', [w.op('Equal', [largest, w.float(0)]), w.float(1), w.op('Div', [largest, w.float(127)])]);
  const bytes = w.op('QuantizeLinear', [x, w.reshape(step, [rows]), w.op('Expand', [numberOf(w, 'int8', 0), w.ints([rows])])], { axis: 0 });
  const padded = k === blocks * block ? bytes : w.op('Pad', [bytes, w.ints([0, 0, 0, blocks * block - k])]);
  const batches = w.transpose(w.reshape(padded, [rows, blocks, block]), [1, 0, 2]);
  const each = Math.max(1, Math.min(blocks, Math.floor(mostSums / Math.max(1, rows * n))));
  let sum: ValueId | null = null;
  for (let at = 0; at < blocks; at += each) {
    const part = (id: ValueId): ValueId => w.slice(id, 0, at, Math.min(blocks, at + each));
    const products = w.op('MatMulInteger', [part(batches), part(weights)]);
    const scaled = w.op('Mul', [w.op('Cast', [products], { to: dtypeCode('float32') }), part(scales)]);
    const added = w.op('ReduceSum', [scaled, w.ints([0])], { keepdims: 0 });
    sum = sum === null ? added : w.op('Add', [sum, added]);
  }
  return w.reshape(w.op('Mul', [sum as ValueId, step]), [...shape.slice(0, -1), n]);
}

export const groupedProductRules: Rules = { MatMulNBits: matMulNBits };
