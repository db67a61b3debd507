import { constantOf, evaluateNode, numbersOf } from '../../graph/index.ts';
import type { Constant, Graph, Node, TensorType, ValueId } from '../../graph/ir.ts';
import { staticCount, staticShape } from './constants.ts';
import { rewrite, type Edit } from './edit.ts';
import type { Pass } from './pass.ts';
import { lazyResult, withOneZeroPoint } from './quantization-values.ts';

/**
 * Integer products whose zero points the array cannot subtract, because they are computed at run time or differ from column to column.
 *
 *     Σ (a - za)(b - zb[n]) = Σ a·b - za · Σ_k b[k, n] - zb[n] · (Σ_k a[m, k] - K · za)
 *
 *     %y = MatMulInteger(%a, %b, %za)     =>     %p = MatMulInteger(%a, %b)
 *                                                %s = MatMulInteger(ones[1, K], %b)
 *                                                %y = Sub(%p, Mul(%s, Cast(%za)))
 *
 * Row and column sums are products with ones, so they run on the array too; sums of constants are constants. The corrections are int32
 * arithmetic. Constant weights with a zero point for each column are written with one instead. Exact: int32 wraps throughout.
 * A convolution likewise: the sums of its windows are its convolution with ones.
 * Does not apply to operands of rank 1, to zero points for each row, or to grouped convolutions with several zero points of their weights.
 */
export const splitZeroPoints: Pass = {
  name: 'split-zero-points',
  summary: 'Splits zero points that are not one known number from MatMulInteger and ConvInteger',
  run: (graph: Graph) =>
    rewrite(graph, (node, edit) => {
      if (node.domain !== '') return false;
      if (node.op === 'MatMulInteger') return splitProduct(node, edit, graph.opset);
      return node.op === 'ConvInteger' && splitConvolution(node, edit, graph.opset);
    }),
};

/** One number known before the run, or none at all. */
function isPlain(id: ValueId | null, edit: Edit): boolean {
  if (id === null) return true;
  const { constant, type } = edit.value(id);
  return constant !== null && staticCount(type) === 1;
}

/** Weights of several constant zero points, written with one; null where that is not so or cannot be. */
function oneZero(
  weights: ValueId,
  zeros: ValueId | null,
  axis: number,
  edit: Edit,
): { readonly weights: ValueId; readonly zero: ValueId } | null {
  if (zeros === null) return null;
  const value = edit.value(weights);
  const given = edit.value(zeros);
  const count = staticCount(given.type);
  const known = given.constant;
  if (value.constant === null || value.constant.kind === 'absent' || known === null || known.kind === 'absent') return null;
  if (count === null || count === 1 || value.type.shape[axis] !== count) return null;
  const numbers = Int32Array.from(numbersOf(constantOf(given.type, known, given.name, '')));
  const quantization = { scale: new Float32Array(count).fill(1), zeroPoint: numbers, axis, source: 'model' as const };
  const made = withOneZeroPoint({ ...value, quantization });
  if (made === null) return null;
  const zero = Uint8Array.of(made.quantization.zeroPoint[0] ?? 0);
  return {
    weights: edit.add(`${value.name}.centred`, value.type, made.constant),
    zero: edit.add(`${value.name}.zero`, { dtype: value.type.dtype, shape: [] }, { kind: 'splat', element: zero }),
  };
}

/** Writes int32 arithmetic behind a product. */
function writer(node: Node, edit: Edit) {
  const name = edit.value(node.outputs[0] ?? -1).name;
  const emit = (
    op: string,
    inputs: readonly (ValueId | null)[],
    shape: TensorType['shape'],
    suffix: string,
    out: ValueId | null = null,
  ) => {
    const made = out ?? edit.add(`${name}.${suffix}`, { dtype: 'int32', shape });
    // Sums and corrections are none of the products the file counts.
    const isProduct = op.endsWith('Integer');
    edit.emit({
      op,
      domain: '',
      name: `${node.name}.${suffix}`,
      inputs,
      outputs: [made],
      attributes: op === 'Cast' ? { to: { kind: 'int', value: 6 } } : op === 'ConvInteger' ? node.attributes : {},
      origin: node.origin,
      ...(isProduct ? { macs: 0 } : {}),
    });
    return made;
  };
  return {
    emit,
    constant: (suffix: string, type: TensorType, constant: Constant): ValueId => edit.add(`${name}.${suffix}`, type, constant),
  };
}

const one: Constant = { kind: 'splat', element: Uint8Array.of(1) };

function splitProduct(node: Node, edit: Edit, opset: number): boolean {
  const [a = null, given = null, za = null, givenZero = null] = node.inputs;
  const [out] = node.outputs;
  if (a === null || given === null || out === undefined) return false;
  const centred = oneZero(given, givenZero, edit.value(given).type.shape.length - 1, edit);
  const b = centred?.weights ?? given;
  const zb = centred?.zero ?? givenZero;
  const [plainA, plainB] = [isPlain(za, edit), isPlain(zb, edit)];
  if (plainA && plainB) {
    if (centred === null) return false;
    edit.emit({ ...node, inputs: [a, b, za, zb] });
    return true;
  }
  const [left, right, result] = [a, b, out].map((id) => edit.value(id).type);
  if (left === undefined || right === undefined || result === undefined) return false;
  const k = left.shape.at(-1);
  const n = right.shape.at(-1);
  const oneOf = (id: ValueId | null, size: TensorType['shape'][number] | undefined): boolean => {
    const shape = id === null ? [] : edit.value(id).type.shape;
    return shape.length === 0 || (shape.length === 1 && (shape[0] === 1 || shape[0] === size));
  };
  const rowZeros = za !== null && !plainA && edit.value(za).type.shape.some((d) => d !== 1);
  if (left.shape.length < 2 || right.shape.length < 2 || k === undefined || n === undefined || typeof k !== 'number') return false;
  if (rowZeros || (!plainB && !oneOf(zb, n))) return false;

  const w = writer(node, edit);
  const [knownA, knownB] = [plainA ? za : null, plainB ? zb : null];
  let sums = edit.add(`${edit.value(out).name}.products`, result);
  edit.emit({ ...node, inputs: [a, b, knownA, knownB], outputs: [sums] });
  const last = (isLast: boolean): ValueId | null => (isLast ? out : null);
  const zeroOf = (id: ValueId, suffix: string): ValueId => w.emit('Cast', [id], edit.value(id).type.shape, suffix);
  const ones = (shape: TensorType['shape'], suffix: string): ValueId => w.constant(suffix, { dtype: 'int8', shape }, one);
  const alpha = za === null || plainA ? null : zeroOf(za, 'za');
  if (alpha !== null) {
    const type: TensorType = { dtype: 'int32', shape: [...right.shape.slice(0, -2), 1, n] };
    const row = ones([1, k], 'row');
    const columns =
      constantSums(node, [row, b, null, knownB], type, edit, opset) ??
      w.emit('MatMulInteger', [row, b, null, knownB], type.shape, 'columns');
    const shift = w.emit('Mul', [columns, alpha], type.shape, 'shift');
    sums = w.emit('Sub', [sums, shift], result.shape, 'less', last(plainB));
  }
  if (zb !== null && !plainB) {
    const shape = [...left.shape.slice(0, -1), 1];
    let rows = w.emit('MatMulInteger', [a, ones([k, 1], 'column'), knownA, null], shape, 'rows');
    if (alpha !== null) {
      const count: Constant = { kind: 'splat', element: new Uint8Array(Int32Array.of(k).buffer) };
      const whole = w.emit('Mul', [alpha, w.constant('k', { dtype: 'int32', shape: [] }, count)], edit.value(alpha).type.shape, 'whole');
      rows = w.emit('Sub', [rows, whole], shape, 'centred');
    }
    const zeros = zeroOf(zb, 'zb');
    const isOne = edit.value(zeros).type.shape.every((d) => d === 1);
    const shift = w.emit('Mul', [rows, zeros], isOne ? shape : [...shape.slice(0, -1), n], 'tilt');
    w.emit('Sub', [sums, shift], result.shape, 'level', out);
  }
  return true;
}

function splitConvolution(node: Node, edit: Edit, opset: number): boolean {
  const [x = null, given = null, zx = null, givenZero = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || given === null || out === undefined) return false;
  const centred = oneZero(given, givenZero, 0, edit);
  const weights = centred?.weights ?? given;
  const zw = centred?.zero ?? givenZero;
  if (!isPlain(zw, edit)) return isPlain(zx, edit) && zw !== null && splitWeightZeros(node, edit, { x, weights, zx, zw, out });
  if (isPlain(zx, edit)) {
    if (centred === null) return false;
    edit.emit({ ...node, inputs: [x, weights, zx, zw] });
    return true;
  }
  const image = edit.value(x).type;
  const result = edit.value(out).type;
  if (zx === null || staticCount(edit.value(zx).type) !== 1) return false;
  const w = writer(node, edit);
  // Padding is the zero point: it adds nothing to the sums, and taps in it nothing to the correction.
  const ones = w.constant('ones', { dtype: 'int8', shape: [1, ...image.shape.slice(1)] }, one);
  const type: TensorType = { dtype: 'int32', shape: [1, ...result.shape.slice(1)] };
  const taps =
    constantSums(node, [ones, weights, null, zw], type, edit, opset) ??
    w.emit('ConvInteger', [ones, weights, null, zw], type.shape, 'taps');
  const products = edit.add(`${edit.value(out).name}.products`, result);
  edit.emit({ ...node, inputs: [x, weights, null, zw], outputs: [products] });
  const shift = w.emit('Mul', [taps, w.emit('Cast', [zx], edit.value(zx).type.shape, 'zx')], type.shape, 'shift');
  w.emit('Sub', [products, shift], result.shape, 'less', out);
  return true;
}

interface Convolution {
  readonly x: ValueId;
  readonly weights: ValueId;
  readonly zx: ValueId | null;
  readonly zw: ValueId;
  readonly out: ValueId;
}

/** Σ (x − zx)(w − zw[m]) = Σ (x − zx) w − zw[m] · Σ (x − zx): the sums of a window are its convolution with ones. */
function splitWeightZeros(node: Node, edit: Edit, { x, weights, zx, zw, out }: Convolution): boolean {
  const kernel = edit.value(weights).type;
  const zeros = edit.value(zw).type;
  const result = edit.value(out).type;
  const [channels, ...window] = kernel.shape;
  const group = node.attributes['group'];
  if (channels === undefined || zeros.shape.length > 1 || (group?.kind === 'int' && group.value !== 1)) return false;
  const w = writer(node, edit);
  const ones = w.constant('ones', { dtype: 'int8', shape: [1, ...window] }, one);
  const shape = [result.shape[0] ?? 1, 1, ...result.shape.slice(2)];
  const sums = w.emit('ConvInteger', [x, ones, zx, null], shape, 'sums');
  const products = edit.add(`${edit.value(out).name}.products`, result);
  edit.emit({ ...node, inputs: [x, weights, zx, null], outputs: [products] });
  let level = w.emit('Cast', [zw], zeros.shape, 'zw');
  if (zeros.shape.length === 1) {
    const axes = BigInt64Array.from(result.shape.slice(2), (_, i) => BigInt(i + 1));
    const list: Constant = { kind: 'bytes', bytes: new Uint8Array(axes.buffer) };
    const column = [zeros.shape[0] ?? 1, ...result.shape.slice(2).map(() => 1)];
    level = w.emit('Unsqueeze', [level, w.constant('axes', { dtype: 'int64', shape: [axes.length] }, list)], column, 'column');
  }
  const shift = w.emit('Mul', [sums, level], result.shape, 'tilt');
  w.emit('Sub', [products, shift], result.shape, 'level', out);
  return true;
}

/** The result of the operator on constants, computed when read; null where an operand is not one. */
function constantSums(node: Node, inputs: readonly (ValueId | null)[], type: TensorType, edit: Edit, opset: number): ValueId | null {
  const operands = inputs.map((id) => (id === null ? null : edit.value(id)));
  if (operands.some((v) => v !== null && v.constant === null) || staticShape(type) === null) return null;
  const absent = operands.find((v) => v?.constant?.kind === 'absent')?.constant ?? null;
  const contents = lazyResult(() =>
    evaluateNode(
      { ...node, inputs },
      opset,
      operands.map((v) => (v === null || v.constant === null ? null : constantOf(v.type, v.constant, v.name, node.name))),
    ),
  );
  return edit.add(`${edit.value(node.outputs[0] ?? -1).name}.fixed`, type, absent ?? contents);
}
