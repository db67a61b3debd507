/** The rules of canonicalise that bring matrix products to one form. */
import { attributeFloat, attributeInt } from '../../graph/index.ts';
import type { Attributes, Node, TensorType, ValueId } from '../../graph/ir.ts';
import { combine, splatFloat, staticCount } from './constants.ts';
import type { Edit } from './edit.ts';

/** alpha = beta = 1, A not transposed, C absent or a constant vector over the columns; what does not fit becomes its own node. */
export function plainGemm(node: Node, edit: Edit): boolean {
  const [a, b, c = null] = node.inputs;
  const [out] = node.outputs;
  if (a === undefined || a === null || b === undefined || b === null || out === undefined) return false;
  const alpha = Math.fround(attributeFloat(node, 'alpha', 1));
  const beta = Math.fround(attributeFloat(node, 'beta', 1));
  const transA = attributeInt(node, 'transA', 0) !== 0;
  const isBias = c === null || isPlainBias(c, out, edit);
  const columns = columnsOf(out, edit);
  const vector = c === null || isBias || columns === null ? null : biasVector(c, columns, edit);
  if (alpha === 1 && (beta === 1 || c === null) && !transA && isBias) {
    if (!['alpha', 'beta', 'transA'].some((name) => name in node.attributes)) return false;
    edit.emit({ ...node, attributes: keepTransB(node) });
    return true;
  }
  if (edit.value(out).type.dtype !== 'float32') return false;

  let left = a;
  if (transA) {
    const { type, name } = edit.value(a);
    left = edit.add(`${name}.T`, { dtype: type.dtype, shape: [...type.shape].reverse() });
    edit.emit({
      ...node,
      op: 'Transpose',
      name: `${node.name}.T`,
      inputs: [a],
      outputs: [left],
      attributes: { perm: { kind: 'ints', value: [1, 0] } },
    });
  }
  // alpha goes into constant weights, beta into a constant C. (Rounds once more than alpha times the sum would.)
  const right = alpha === 1 ? b : scaledConstant(b, alpha, edit);
  const scaleLater = right === null;
  const biasSource = isBias ? c : vector;
  const bias = biasSource === null || scaleLater ? null : beta === 1 ? biasSource : scaledConstant(biasSource, beta, edit);
  const addLater = c !== null && bias === null;
  const product = scaleLater || addLater ? edit.add(`${edit.value(out).name}.product`, productType(left, b, node, edit)) : out;
  edit.emit({
    ...node,
    inputs: bias === null ? [left, right ?? b] : [left, right ?? b, bias],
    outputs: [product],
    attributes: keepTransB(node),
  });
  let sum = product;
  if (scaleLater) {
    const scaled = addLater ? edit.add(`${edit.value(out).name}.scaled`, edit.value(product).type) : out;
    edit.emit({
      ...node,
      op: 'Mul',
      name: `${node.name}.alpha`,
      inputs: [sum, addScalar(`${node.name}.alpha`, alpha, edit)],
      outputs: [scaled],
      attributes: {},
    });
    sum = scaled;
  }
  if (addLater) {
    let term = c;
    if (beta !== 1) {
      term = scaledConstant(c, beta, edit) ?? edit.add(`${edit.value(c).name}.beta`, edit.value(c).type);
      if (edit.constant(term) === null) {
        edit.emit({
          ...node,
          op: 'Mul',
          name: `${node.name}.beta`,
          inputs: [c, addScalar(`${node.name}.beta`, beta, edit)],
          outputs: [term],
          attributes: {},
        });
      }
    }
    edit.emit({ ...node, op: 'Add', name: `${node.name}.add`, inputs: [sum, term], outputs: [out], attributes: {} });
  }
  return true;
}

/** Of A · B alone: what C adds to is known to have its sizes, the product need not be. */
function productType(left: ValueId, b: ValueId, node: Node, edit: Edit): TensorType {
  const [x, y] = [edit.value(left).type, edit.value(b).type];
  const rows = x.shape[0];
  const columns = y.shape[attributeInt(node, 'transB', 0) === 0 ? 1 : 0];
  return rows === undefined || columns === undefined
    ? { dtype: x.dtype, shape: [], unranked: true }
    : { dtype: x.dtype, shape: [rows, columns] };
}

function keepTransB(node: Node): Attributes {
  const transB = node.attributes['transB'];
  return transB === undefined || attributeInt(node, 'transB', 0) === 0 ? {} : { transB };
}

function columnsOf(out: ValueId, edit: Edit): number | null {
  const columns = edit.value(out).type.shape.at(-1);
  return typeof columns === 'number' ? columns : null;
}

/** One number per column, on one axis: what the requantizer and the matrix engine take. */
function isPlainBias(c: ValueId, out: ValueId, edit: Edit): boolean {
  const { type, constant } = edit.value(c);
  return constant !== null && type.shape.length === 1 && type.shape[0] === edit.value(out).type.shape.at(-1);
}

/** A constant of one number, or of one row, as a vector over the columns; null when it is neither. */
function biasVector(c: ValueId, columns: number, edit: Edit): ValueId | null {
  const { type, constant, name } = edit.value(c);
  const count = staticCount(type);
  if (constant === null || type.dtype !== 'float32' || count === null) return null;
  const isRow = count === columns && (type.shape.length === 0 || type.shape.at(-1) === columns);
  if (!isRow && count !== 1) return null;
  const vector = combine([{ constant, count, inner: 1 }], columns, ([x = 0]) => x);
  return edit.add(`${name}.row`, { dtype: 'float32', shape: [columns] }, isRow ? constant : vector);
}

function scaledConstant(id: ValueId, factor: number, edit: Edit): ValueId | null {
  const { constant, type, name } = edit.value(id);
  const count = staticCount(type);
  if (constant === null || type.dtype !== 'float32' || count === null) return null;
  return edit.add(
    `${name}.scaled`,
    type,
    combine([{ constant, count, inner: 1 }], count, ([x = 0]) => x * factor),
  );
}

function addScalar(name: string, x: number, edit: Edit): ValueId {
  return edit.add(`${name}.factor`, { dtype: 'float32', shape: [] }, splatFloat(x));
}

/** MatMul of matrices plus a constant row is a Gemm: the same products and sums in the same order. */
export function addToGemmBias(node: Node, edit: Edit): boolean {
  const [out] = node.outputs;
  if (out === undefined) return false;
  for (const [at, other] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const product = node.inputs[at] ?? null;
    const c = node.inputs[other] ?? null;
    const matmul = edit.producer(product);
    if (product === null || c === null || matmul?.op !== 'MatMul' || matmul.domain !== '') continue;
    if (edit.uses(product) > 0 || matmul.inputs.some((id) => id !== null && edit.value(id).type.shape.length !== 2)) continue;
    const columns = columnsOf(product, edit);
    if (columns === null || edit.value(out).type.shape.length !== 2) continue;
    const bias = isPlainBias(c, product, edit) ? c : biasVector(c, columns, edit);
    if (bias === null) continue;
    edit.replaceNode(matmul, {
      ...matmul,
      op: 'Gemm',
      inputs: [...matmul.inputs, bias],
      outputs: [out],
      origin: [...matmul.origin, ...node.origin],
    });
    return true;
  }
  return false;
}
