/** Products in the forms the array runs: Gemm without factors and with a constant bias vector, MatMul with equal or no batches. */
import { elementCount } from '../../core/index.ts';
import { attributeFloat, attributeInt } from '../../graph/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import type { Rule, Rules } from './rule.ts';
import type { Writer } from './writer.ts';

/** %y = Gemm(%a, %b, %c) {alpha, beta}  =>  alpha · Gemm(%a, %b) + beta · %c, each factor only where it is not 1. */
const gemm: Rule = (w, node) => {
  const [a = null, b = null, c = null] = node.inputs;
  if (a === null || b === null) return null;
  const alpha = Math.fround(attributeFloat(node, 'alpha', 1));
  const beta = Math.fround(attributeFloat(node, 'beta', 1));
  const n = w.shape(b)[attributeInt(node, 'transB', 0) === 0 ? 1 : 0] ?? 1;
  const plainBias =
    c === null || (w.isConstant(c) && w.shape(c).length <= 2 && elementCount(w.shape(c)) === n && (w.shape(c).at(-1) ?? 1) === n);
  if (alpha === 1 && (c === null || beta === 1) && plainBias) return null;
  const { transA, transB } = node.attributes;
  const [product] = w.node({
    ...node,
    inputs: [a, b],
    outputs: node.outputs,
    attributes: { ...(transA === undefined ? {} : { transA }), ...(transB === undefined ? {} : { transB }) },
  });
  const scaled = alpha === 1 ? (product as ValueId) : w.op('Mul', [product as ValueId, w.float(alpha)]);
  if (c === null || beta === 0) return [scaled];
  return [w.op('Add', [scaled, beta === 1 ? c : w.op('Mul', [c, w.float(beta)])])];
};

/** Batches that neither agree nor are single on one side are written out; so are vectors. */
const matMul: Rule = (w, node) => {
  const [a = null, b = null] = node.inputs;
  if (a === null || b === null) return null;
  const [sa, sb] = [w.shape(a), w.shape(b)];
  if (sa.includes(0) || sb.includes(0)) return null;
  const product = (left: ValueId, right: ValueId): ValueId => {
    const made = w.op('MatMul', [left, right]);
    return node.outputs[0] === undefined ? made : w.held(made, node.outputs[0]);
  };
  if (sa.length < 2 || sb.length < 2) {
    const left = sa.length === 1 ? w.held(w.reshape(a, [1, ...sa]), a) : a;
    const right = sb.length === 1 ? w.held(w.reshape(b, [...sb, 1]), b) : b;
    return [w.reshape(product(left, right), outputShape(w, node.outputs[0]))];
  }
  const [ba, bb] = [sa.slice(0, -2), sb.slice(0, -2)];
  const [na, nb] = [elementCount(ba), elementCount(bb)];
  const rank = Math.max(ba.length, bb.length);
  const batch = Array.from({ length: rank }, (_, i) => Math.max(ba[i - rank + ba.length] ?? 1, bb[i - rank + bb.length] ?? 1));
  const all = elementCount(batch);
  if ((na === 1 || na === all) && (nb === 1 || nb === all)) return null;
  const isByChannel = (x: ValueId, count: number): boolean =>
    count !== 1 && count !== all && (w.value(x).quantization?.axis ?? null) !== null;
  if (isByChannel(a, na) || isByChannel(b, nb)) return { reason: 'integers with a scale for each column would be expanded' };
  const whole = (x: ValueId, shape: readonly number[], count: number): ValueId =>
    count === 1 || count === all ? x : w.held(w.op('Expand', [x, w.ints([...batch, ...shape.slice(-2)])]), x);
  return [product(whole(a, sa, na), whole(b, sb, nb))];
};

function outputShape(w: Writer, id: number | undefined): readonly number[] {
  return id === undefined ? [] : w.shape(id);
}

export const productRules: Rules = { Gemm: gemm, MatMul: matMul };
