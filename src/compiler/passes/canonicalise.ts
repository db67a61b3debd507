import { opDef } from '../../graph/index.ts';
import { attributeFloat, attributeInt, attributeInts, attributeString, type Attributes, type Node, type TensorType, type ValueId } from '../../graph/ir.ts';
import { combine, integers, splatFloat, splatNumber, staticCount, staticShape } from './constants.ts';
import { rewrite, type Edit } from './edit.ts';
import type { Pass } from './pass.ts';

/**
 * One way to write each thing, so that later passes and kernels see fewer forms.
 *
 *     %s = Sum(%a, %b, %c)                     %t = Add(%a, %b)   %s = Add(%t, %c)
 *     %d = Dropout(%s)  %r = Relu(%d)     =>   %r = Relu(%s)
 *     %y = Clip(%x, %zero, %six)               %y = Clip(%x) {min = 0, max = 6}
 *     %g = Gemm(%x, %w, %c) {alpha = 2}        %g = Gemm(%x, %w2, %c)
 *     %p = AveragePool(%x) {kernel = image}    %p = GlobalAveragePool(%x)
 *
 * Operands that are only known at run time (the bounds of a Clip, the axes of a Squeeze) leave the node as it is. A Dropout
 * whose mask is read stays. A view of a graph input or constant that is itself a graph output stays.
 */
export const canonicalise: Pass = {
  name: 'canonicalise',
  summary: 'Writes every operator in one form: Sum as Add, attributes instead of constant operands, no Identity or Dropout, plain Gemm',
  run: (graph) =>
    rewrite(graph, (node, edit) => {
      const rule = node.domain === '' ? rules[node.op] : undefined;
      return rule === undefined ? false : rule(node, edit);
    }),
};

/** Deals with a node or answers false. */
type Rule = (node: Node, edit: Edit) => boolean;

const rules: Readonly<Partial<Record<string, Rule>>> = {
  Identity: passOn,
  Dropout: passOn,
  Sum: sumToAdds,
  Clip: clipBounds,
  Squeeze: axesToAttribute,
  Unsqueeze: axesToAttribute,
  Gemm: plainGemm,
  Add: addToGemmBias,
  AveragePool: wholeImagePool,
};

function passOn(node: Node, edit: Edit): boolean {
  const [from, mask] = node.outputs;
  const [to] = node.inputs;
  if (from === undefined || to === undefined || to === null) return false;
  if (mask !== undefined && edit.uses(mask) > 0) return false;
  // A graph output needs a node that makes it, and one value has one name.
  if (edit.isOutput(from) && (edit.producer(to) === null || edit.isOutput(to))) return false;
  edit.redirect(from, to);
  edit.retire(node.origin, 'view');
  return true;
}

/** Left to right, as Sum is evaluated. */
function sumToAdds(node: Node, edit: Edit): boolean {
  const [out] = node.outputs;
  const [first, ...rest] = node.inputs;
  if (out === undefined || first === undefined || first === null) return false;
  if (rest.length === 0) return passOn(node, edit);
  let left: ValueId = first;
  rest.forEach((right, i) => {
    if (right === null) return;
    const isLast = i === rest.length - 1;
    const types = [edit.value(left).type, edit.value(right).type];
    const sum = isLast ? out : edit.add(`${edit.value(out).name}.sum${i + 2}`, broadcast(node, types) ?? edit.value(out).type);
    edit.emit({ ...node, op: 'Add', name: isLast ? node.name : `${node.name}.${i + 2}`, inputs: [left, right], outputs: [sum], attributes: {} });
    left = sum;
  });
  return true;
}

/** The type of an elementwise result of these operands. */
function broadcast(node: Node, inputs: readonly TensorType[]): TensorType | null {
  const add = opDef('', 'Add');
  return add?.infer({ node: { ...node, op: 'Add' }, opset: 13, inputs, tensor: () => null, dims: () => null })[0] ?? null;
}

/** min and max as attributes, the form before opset 11, with their defaults left out. */
function clipBounds(node: Node, edit: Edit): boolean {
  const [x, low, high] = node.inputs;
  if (x === undefined || (low ?? high ?? null) === null) return false;
  const attributes: Record<string, Attributes[string]> = {};
  for (const [name, id] of [['min', low], ['max', high]] as const) {
    if (id === undefined || id === null) continue;
    const bound = scalarNumber(id, edit);
    if (bound === null) return false;
    attributes[name] = { kind: 'float', value: bound };
  }
  edit.emit({ ...node, inputs: [x], attributes });
  return true;
}

/** The number of a constant of one element; null when unknown or not a plain number. */
function scalarNumber(id: ValueId, edit: Edit): number | null {
  const { constant, type } = edit.value(id);
  if (constant === null || constant.kind === 'absent' || staticCount(type) !== 1 || type.dtype !== 'float32') return null;
  const element = constant.kind === 'splat' ? constant.element : constant.bytes;
  return splatNumber({ kind: 'splat', element }, type.dtype);
}

function axesToAttribute(node: Node, edit: Edit): boolean {
  const [x, axes] = node.inputs;
  if (x === undefined || axes === undefined || axes === null) return false;
  const value = integers(edit.constant(axes), edit.value(axes).type);
  if (value === null) return false;
  edit.emit({ ...node, inputs: [x], attributes: { axes: { kind: 'ints', value } } });
  return true;
}

/** alpha = beta = 1, A not transposed, C absent or a constant vector over the columns; what does not fit becomes its own node. */
function plainGemm(node: Node, edit: Edit): boolean {
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
    edit.emit({ ...node, op: 'Transpose', name: `${node.name}.T`, inputs: [a], outputs: [left], attributes: { perm: { kind: 'ints', value: [1, 0] } } });
  }
  const type = edit.value(out).type;
  // alpha goes into constant weights, beta into a constant C. (Rounds once more than alpha times the sum would.)
  const right = alpha === 1 ? b : scaledConstant(b, alpha, edit);
  const scaleLater = right === null;
  const biasSource = isBias ? c : vector;
  const bias = biasSource === null || scaleLater ? null : beta === 1 ? biasSource : scaledConstant(biasSource, beta, edit);
  const addLater = c !== null && bias === null;
  const product = scaleLater || addLater ? edit.add(`${edit.value(out).name}.product`, type) : out;
  edit.emit({ ...node, inputs: bias === null ? [left, right ?? b] : [left, right ?? b, bias], outputs: [product], attributes: keepTransB(node) });
  let sum = product;
  if (scaleLater) {
    const scaled = addLater ? edit.add(`${edit.value(out).name}.scaled`, type) : out;
    edit.emit({ ...node, op: 'Mul', name: `${node.name}.alpha`, inputs: [sum, addScalar(`${node.name}.alpha`, alpha, edit)], outputs: [scaled], attributes: {} });
    sum = scaled;
  }
  if (addLater) {
    let term = c;
    if (beta !== 1) {
      term = scaledConstant(c, beta, edit) ?? edit.add(`${edit.value(c).name}.beta`, edit.value(c).type);
      if (edit.constant(term) === null) {
        edit.emit({ ...node, op: 'Mul', name: `${node.name}.beta`, inputs: [c, addScalar(`${node.name}.beta`, beta, edit)], outputs: [term], attributes: {} });
      }
    }
    edit.emit({ ...node, op: 'Add', name: `${node.name}.add`, inputs: [sum, term], outputs: [out], attributes: {} });
  }
  return true;
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
  return edit.add(`${name}.scaled`, type, combine([{ constant, count, inner: 1 }], count, ([x = 0]) => x * factor));
}

function addScalar(name: string, x: number, edit: Edit): ValueId {
  return edit.add(`${name}.factor`, { dtype: 'float32', shape: [] }, splatFloat(x));
}

/** MatMul of matrices plus a constant row is a Gemm: the same products and sums in the same order. */
function addToGemmBias(node: Node, edit: Edit): boolean {
  const [out] = node.outputs;
  if (out === undefined) return false;
  for (const [at, other] of [[0, 1], [1, 0]] as const) {
    const product = node.inputs[at] ?? null;
    const c = node.inputs[other] ?? null;
    const matmul = edit.producer(product);
    if (product === null || c === null || matmul?.op !== 'MatMul' || matmul.domain !== '') continue;
    if (edit.uses(product) > 0 || matmul.inputs.some((id) => id !== null && edit.value(id).type.shape.length !== 2)) continue;
    const columns = columnsOf(product, edit);
    if (columns === null || edit.value(out).type.shape.length !== 2) continue;
    const bias = isPlainBias(c, out, edit) ? c : biasVector(c, columns, edit);
    if (bias === null) continue;
    edit.replaceNode(matmul, { ...matmul, op: 'Gemm', inputs: [...matmul.inputs, bias], outputs: [out], origin: [...matmul.origin, ...node.origin] });
    return true;
  }
  return false;
}

/** The one window covers the image, and padding, if any, is not counted: the mean of the image. */
function wholeImagePool(node: Node, edit: Edit): boolean {
  const [x] = node.inputs;
  const [out] = node.outputs;
  if (x === undefined || x === null || out === undefined) return false;
  const image = staticShape(edit.value(x).type)?.slice(2);
  const windows = staticShape(edit.value(out).type)?.slice(2);
  const kernel = attributeInts(node, 'kernel_shape', []);
  const pads = attributeInts(node, 'pads', new Array<number>(kernel.length * 2).fill(0));
  const auto = attributeString(node, 'auto_pad', 'NOTSET');
  if (image === undefined || windows === undefined || (auto !== 'NOTSET' && auto !== 'VALID')) return false;
  const isCounted = attributeInt(node, 'count_include_pad', 0) !== 0 && pads.some((p) => p !== 0);
  if (isCounted || windows.some((d) => d !== 1) || attributeInts(node, 'dilations', []).some((d) => d !== 1)) return false;
  if (!image.every((size, i) => (kernel[i] ?? 0) - (auto === 'VALID' ? 0 : (pads[i] ?? 0)) >= size)) return false;
  edit.emit({ ...node, op: 'GlobalAveragePool', inputs: [x], attributes: {} });
  return true;
}
