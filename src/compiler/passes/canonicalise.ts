import { attributeInt, attributeInts, attributeString, dtypeCodes, opDef } from '../../graph/index.ts';
import type { Attributes, Node, TensorType, ValueId } from '../../graph/ir.ts';
import { addToGemmBias, plainGemm } from './canonicalise-gemm.ts';
import { integers, splatNumber, staticCount, staticShape } from './constants.ts';
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
  CastLike: plainCast,
  Identity: passOn,
  Dropout: dropoutAtRest,
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

/** The type is known: what stood for it is not read any more. */
function plainCast(node: Node, edit: Edit): boolean {
  const [x = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || out === undefined) return false;
  const code = Object.entries(dtypeCodes).find(([, dtype]) => dtype === edit.value(out).type.dtype)?.[0];
  if (code === undefined) return false;
  edit.emit({ ...node, op: 'Cast', inputs: [x], attributes: { ...node.attributes, to: { kind: 'int', value: Number(code) } } });
  return true;
}

/** Outside of training a Dropout is nothing; one that trains, or may, stays. */
function dropoutAtRest(node: Node, edit: Edit): boolean {
  const [x, , training = null] = node.inputs;
  if (training !== null) {
    const { constant } = edit.value(training);
    const element = constant?.kind === 'bytes' ? constant.bytes : constant?.kind === 'splat' ? constant.element : null;
    if (element === null || x === undefined || element.some((byte) => byte !== 0)) return false;
    if (passOn(node, edit)) return true;
    edit.emit({ ...node, inputs: [x] });
    return true;
  }
  return passOn(node, edit);
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
    edit.emit({
      ...node,
      op: 'Add',
      name: isLast ? node.name : `${node.name}.${i + 2}`,
      inputs: [left, right],
      outputs: [sum],
      attributes: {},
    });
    left = sum;
  });
  return true;
}

/** The type of an elementwise result of these operands. */
function broadcast(node: Node, inputs: readonly TensorType[]): TensorType | null {
  const add = opDef('', 'Add');
  const never = (): never => {
    throw new Error('Add needs nothing but types');
  };
  const context = { node: { ...node, op: 'Add' }, opset: 13, inputs, tensor: () => null, dims: () => null, elements: () => null };
  return add?.infer({ ...context, unknownDim: never, inferGraph: never, contradicts: never, unknownRank: never })[0] ?? null;
}

/** min and max as attributes, the form before opset 11, with their defaults left out. */
function clipBounds(node: Node, edit: Edit): boolean {
  const [x, low, high] = node.inputs;
  if (x === undefined || (low ?? high ?? null) === null) return false;
  const attributes: Record<string, Attributes[string]> = {};
  for (const [name, id] of [
    ['min', low],
    ['max', high],
  ] as const) {
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
  if (constant === null || constant.kind === 'absent' || constant.kind === 'strings') return null;
  if (staticCount(type) !== 1 || type.dtype !== 'float32') return null;
  const element = constant.kind === 'splat' ? constant.element : constant.bytes;
  return splatNumber({ kind: 'splat', element }, type.dtype);
}

function axesToAttribute(node: Node, edit: Edit): boolean {
  const [x, axes] = node.inputs;
  if (x === undefined || axes === undefined || axes === null || node.attributes['axes'] !== undefined) return false;
  const value = integers(edit.constant(axes), edit.value(axes).type);
  if (value === null) return false;
  edit.emit({ ...node, inputs: [x], attributes: { axes: { kind: 'ints', value } } });
  return true;
}

/** The one window covers the image, and padding, if any, is not counted: the mean of the image. */
function wholeImagePool(node: Node, edit: Edit): boolean {
  const [x] = node.inputs;
  const [out] = node.outputs;
  if (x === undefined || x === null || out === undefined) return false;
  const image = staticShape(edit.value(x).type)?.slice(2);
  const windows = staticShape(edit.value(out).type)?.slice(2);
  const kernel = attributeInts(node, 'kernel_shape', []);
  const pads = attributeInts(
    node,
    'pads',
    kernel.flatMap(() => [0, 0]),
  );
  const auto = attributeString(node, 'auto_pad', 'NOTSET');
  if (image === undefined || windows === undefined || (auto !== 'NOTSET' && auto !== 'VALID')) return false;
  const isCounted = attributeInt(node, 'count_include_pad', 0) !== 0 && pads.some((p) => p !== 0);
  if (isCounted || windows.some((d) => d !== 1) || attributeInts(node, 'dilations', []).some((d) => d !== 1)) return false;
  if (!image.every((size, i) => (kernel[i] ?? 0) - (auto === 'VALID' ? 0 : (pads[i] ?? 0)) >= size)) return false;
  edit.emit({ ...node, op: 'GlobalAveragePool', inputs: [x], attributes: {} });
  return true;
}
