/** What the gates of a recurrent cell sum up: products of operands with weights, and biases, each perhaps cut from wider ones. */
import { bytesOf } from '../../../core/index.ts';
import { constantOf, floatsOf } from '../../../graph/index.ts';
import type { Constant, Node, Value, ValueId } from '../../../graph/ir.ts';
import { lazyBytes } from '../constants.ts';
import { bothWays, frontAxis, input, output, type Pattern } from './match.ts';

/** `count` columns, from `column` on, of a product of an operand with a constant. */
export interface Product {
  readonly operand: ValueId;
  readonly weight: Value;
  /** The weight is [outputs, inputs]. */
  readonly transposed: boolean;
  readonly column: number;
  /** Rows of the weight that belong to the operand: all, or those of one part of a Concat. */
  readonly row: number;
  readonly rows: number;
}

export interface Bias {
  readonly value: Value;
  readonly column: number;
}

/** The sum behind one gate. */
export interface Linear {
  readonly products: readonly Product[];
  readonly biases: readonly Bias[];
  readonly number: number;
  readonly nodes: readonly Node[];
  /** Terms that are none of these: a product with a reset gate, say. */
  readonly others: readonly ValueId[];
}

const nothing: Linear = { products: [], biases: [], number: 0, nodes: [], others: [] };

function together(a: Linear, b: Linear, node: Node): Linear {
  return {
    products: [...a.products, ...b.products],
    biases: [...a.biases, ...b.biases],
    number: a.number + b.number,
    nodes: [node, ...a.nodes, ...b.nodes],
    others: [...a.others, ...b.others],
  };
}

/**
 * @param constantAt  a constant of this graph, or one that comes from outside of it
 * @param column      which column of the value the gate begins at
 */
export function linearOf(
  p: Pattern,
  id: ValueId,
  constantAt: (id: ValueId) => Value | null,
  column: number = 0,
  depth: number = 6,
): Linear {
  const other: Linear = { ...nothing, others: [id] };
  const known = constantAt(id);
  if (known !== null) return biasOf(p, id, known, column) ?? other;
  const node = p.made(id, 'Add', 'Gemm', 'MatMul', 'Split', 'Slice');
  if (node === null || depth === 0) return other;
  if (node.op === 'Split' || node.op === 'Slice') {
    const cut = columnOf(p, node, id);
    if (cut === null) return other;
    const inner = linearOf(p, input(node, 0), constantAt, column + cut, depth - 1);
    return inner.others.length > 0 ? other : { ...inner, nodes: [node, ...inner.nodes] };
  }
  if (node.op === 'Add') {
    const [a, b] = [input(node, 0), input(node, 1)];
    return together(linearOf(p, a, constantAt, column, depth - 1), linearOf(p, b, constantAt, column, depth - 1), node);
  }
  const weight = constantAt(input(node, 1));
  if (weight === null || weight.type.shape.length !== 2 || weight.type.dtype !== 'float32' || weight.quantization !== null) return other;
  if (node.op === 'Gemm' && !isPlain(node)) return other;
  const transB = node.op === 'Gemm' && node.attributes['transB']?.kind === 'int' && node.attributes['transB'].value !== 0;
  const products = productsOf(p, input(node, 0), weight, transB, column);
  if (products === null) return other;
  const c = node.op === 'Gemm' ? (node.inputs[2] ?? null) : null;
  const bias = c === null ? nothing : linearOf(p, c, constantAt, column, 1);
  return bias.others.length > 0
    ? other
    : together({ ...nothing, products: products.list }, { ...bias, nodes: [...products.nodes, ...bias.nodes] }, node);
}

function isPlain(gemm: Node): boolean {
  const float = (name: string): number => (gemm.attributes[name]?.kind === 'float' ? gemm.attributes[name].value : 1);
  const transA = gemm.attributes['transA'];
  return float('alpha') === 1 && float('beta') === 1 && (transA?.kind !== 'int' || transA.value === 0);
}

function biasOf(p: Pattern, id: ValueId, value: Value, column: number): Linear | null {
  if (value.type.dtype !== 'float32' || value.quantization !== null) return null;
  const number = p.scalar(id);
  if (number !== null) return { ...nothing, number };
  const isVector = value.type.shape.length > 0 && value.type.shape.slice(0, -1).every((d) => d === 1);
  return isVector ? { ...nothing, biases: [{ value, column }] } : null;
}

/** A product, or one for each part of an operand joined from two. */
function productsOf(
  p: Pattern,
  operand: ValueId,
  weight: Value,
  transposed: boolean,
  column: number,
): { readonly list: readonly Product[]; readonly nodes: readonly Node[] } | null {
  const all = weight.type.shape[transposed ? 1 : 0];
  if (typeof all !== 'number' || p.shape(operand).length !== 2) return null;
  const concat = p.made(operand, 'Concat');
  const axis = concat?.attributes['axis'];
  if (concat === null || axis?.kind !== 'int' || frontAxis(axis.value, 2) !== 1) {
    return { list: [{ operand, weight, transposed, column, row: 0, rows: all }], nodes: [] };
  }
  const list: Product[] = [];
  let row = 0;
  for (const part of concat.inputs) {
    const rows = part === null ? undefined : p.shape(part)[1];
    if (part === null || typeof rows !== 'number') return null;
    list.push({ operand: part, weight, transposed, column, row, rows });
    row += rows;
  }
  return { list, nodes: [concat] };
}

/** Where along the last axis a Split or Slice takes this value from. */
function columnOf(p: Pattern, node: Node, id: ValueId): number | null {
  const rank = p.shape(input(node, 0)).length;
  if (node.op === 'Split') {
    const axis = node.attributes['axis'];
    const widths = node.outputs.map((o) => p.shape(o).at(-1));
    const at = node.outputs.indexOf(id);
    const before = widths.slice(0, at);
    if (frontAxis(axis?.kind === 'int' ? axis.value : 0, rank) !== rank - 1 || !before.every((d): d is number => typeof d === 'number'))
      return null;
    return before.reduce((n, d) => n + d, 0);
  }
  const [starts, axes] = [p.numbers(node.inputs[1]), p.numbers(node.inputs[3])];
  const steps = node.inputs[4] === undefined ? [1] : p.numbers(node.inputs[4]);
  const width = p.shape(input(node, 0)).at(-1);
  // Other axes may be sliced along, as long as nothing of them goes.
  const last = axes?.findIndex((a) => frontAxis(a, rank) === rank - 1) ?? -1;
  const same = p
    .shape(id)
    .slice(0, -1)
    .every((d, i) => d === p.shape(input(node, 0))[i]);
  const start = starts?.[last];
  if (start === undefined || typeof width !== 'number' || !same || steps?.some((s) => s !== 1) !== false) return null;
  return start < 0 ? start + width : start;
}

/** The products with one operand, joined over gates: [1, gates · hidden, features] as recurrent operators take them, computed when read. */
export function stackedWeights(gates: readonly Product[], hidden: number, features: number): Constant {
  const absent = gates.find((g) => g.weight.constant?.kind === 'absent');
  if (absent?.weight.constant) return absent.weight.constant;
  return lazyBytes(() => {
    const out = new Float32Array(gates.length * hidden * features);
    gates.forEach((g, k) => {
      const data = numbersIn(g.weight);
      const width = Number(g.weight.type.shape[1] ?? 1);
      for (let h = 0; h < hidden; h++) {
        for (let f = 0; f < features; f++) {
          const [row, column] = g.transposed ? [g.column + h, g.row + f] : [g.row + f, g.column + h];
          out[(k * hidden + h) * features + f] = data[row * width + column] ?? 0;
        }
      }
    });
    return bytesOf({ dtype: 'float32', shape: [1, gates.length * hidden, features], data: out });
  });
}

/** Sums of biases, gate by gate. */
export interface GateBias {
  readonly biases: readonly Bias[];
  readonly number: number;
}

/** [1, gates · hidden] numbers. */
export function stackedBiases(gates: readonly GateBias[], hidden: number): Constant {
  const absent = gates.flatMap((g) => g.biases).find((b) => b.value.constant?.kind === 'absent');
  if (absent?.value.constant) return absent.value.constant;
  return lazyBytes(() => {
    const out = new Float32Array(gates.length * hidden);
    gates.forEach(({ biases, number }, k) => {
      const all = biases.map((b) => ({ data: numbersIn(b.value), column: b.column }));
      for (let h = 0; h < hidden; h++) {
        let sum = number;
        for (const { data, column } of all) sum = Math.fround(sum + (data[column + h] ?? 0));
        out[k * hidden + h] = sum;
      }
    });
    return bytesOf({ dtype: 'float32', shape: [1, gates.length * hidden], data: out });
  });
}

function numbersIn(value: Value): Float32Array {
  if (value.constant === null) throw new Error(`${value.name} is no constant`);
  return floatsOf(constantOf(value.type, value.constant, value.name, ''));
}

/** Both factors of a Mul, either way round, as the patterns of cells ask for them. */
export function factorsOf(
  p: Pattern,
  id: ValueId | null | undefined,
): readonly { readonly node: Node; readonly a: ValueId; readonly b: ValueId }[] {
  const node = p.made(id, 'Mul');
  return node === null ? [] : bothWays(node).map(([a, b]) => ({ node, a, b }));
}

export function madeBy(p: Pattern, id: ValueId, op: string): { readonly node: Node; readonly x: ValueId } | null {
  const node = p.made(id, op);
  return node === null || output(node) !== id ? null : { node, x: input(node, 0) };
}
