/** What patterns ask of a graph: producers, single uses, numbers of small constants, products taken apart. */
import { constantOf, equalDim, numbersOf } from '../../../graph/index.ts';
import type { Dim } from '../../../graph/index.ts';
import type { Constant, Graph, Node, TensorType, Value, ValueId } from '../../../graph/ir.ts';

export interface Pattern {
  readonly graph: Graph;
  value(id: ValueId): Value;
  /** The node that computes a value; null for inputs and constants. */
  producer(id: ValueId | null | undefined): Node | null;
  /** The producer, where it is one of these operators of ai.onnx. */
  made(id: ValueId | null | undefined, ...ops: readonly string[]): Node | null;
  /** Nodes that read the value, each once. */
  users(id: ValueId): readonly Node[];
  isOutput(id: ValueId): boolean;
  /** Place among the nodes of the graph. */
  position(node: Node): number;
  /** The one number a value of one element holds, through casts and arithmetic on such numbers; null for everything else. */
  scalar(id: ValueId | null | undefined): number | null;
  /** The numbers of a small constant; null for everything else. */
  numbers(id: ValueId | null | undefined): readonly number[] | null;
  shape(id: ValueId): readonly Dim[];
  /** The one number of a tensor attribute. */
  filled(tensor: { readonly type: TensorType; readonly constant: Constant }): number | null;
}

/** Larger constants are weights: patterns do not look into them. */
const smallConstant = 4096;

const looksThrough: ReadonlySet<string> = new Set(['Cast', 'CastLike', 'Identity', 'Reshape', 'Unsqueeze', 'Squeeze']);

/** @param values  the graph's, and those that recoveries add to the end */
export function patternOf(graph: Graph, values: readonly Value[] = graph.values): Pattern {
  const producers = new Map<ValueId, Node>();
  const positions = new Map<Node, number>();
  const readers = new Map<ValueId, Node[]>();
  for (const node of graph.nodes) {
    positions.set(node, positions.size);
    for (const id of node.outputs) producers.set(id, node);
    for (const id of new Set(node.inputs)) {
      if (id === null) continue;
      const list = readers.get(id);
      if (list === undefined) readers.set(id, [node]);
      else list.push(node);
    }
  }
  const outputs = new Set(graph.outputs);
  const value = (id: ValueId): Value => {
    const found = values[id];
    if (found === undefined) throw new Error(`no value ${id}`);
    return found;
  };
  const producer = (id: ValueId | null | undefined): Node | null => (id === null || id === undefined ? null : (producers.get(id) ?? null));
  const numbers = (id: ValueId | null | undefined): readonly number[] | null => {
    if (id === null || id === undefined) return null;
    const v = value(id);
    if (v.constant === null || (v.constant.kind !== 'bytes' && v.constant.kind !== 'splat') || v.quantization !== null) return null;
    const count = v.type.shape.reduce<number>((n, d) => n * (typeof d === 'number' ? d : Infinity), 1);
    return count > smallConstant ? null : [...numbersOf(constantOf(v.type, v.constant, v.name, ''))];
  };
  /** Bodies of functions write numbers as Cast, CastLike and Sqrt of constants; a constant of one element is a number wherever it stands. */
  const scalar = (id: ValueId | null | undefined, depth: number): number | null => {
    if (id === null || id === undefined) return null;
    const { type } = value(id);
    if (type.unranked === true || !type.shape.every((d) => d === 1)) return null;
    const known = numbers(id)?.[0];
    const node = known === undefined && depth > 0 ? producer(id) : null;
    if (known !== undefined || node === null || node.domain !== '') return known ?? null;
    const [a, b] = [node.inputs[0], node.inputs[1]].map((x, i) => (i === 1 && node.op === 'CastLike' ? null : scalar(x, depth - 1)));
    if (a === null || a === undefined) return null;
    if (looksThrough.has(node.op) && /float|double/.test(type.dtype)) return a;
    if (node.op === 'Sqrt') return Math.sqrt(a);
    if (node.op === 'Reciprocal') return 1 / a;
    if (node.op === 'Neg') return -a;
    if (b === null || b === undefined) return null;
    return node.op === 'Mul' ? a * b : node.op === 'Div' ? a / b : node.op === 'Add' ? a + b : node.op === 'Sub' ? a - b : null;
  };
  return {
    graph,
    value,
    producer,
    made(id, ...ops) {
      const node = producer(id);
      return node !== null && node.domain === '' && ops.includes(node.op) ? node : null;
    },
    users: (id) => readers.get(id) ?? [],
    isOutput: (id) => outputs.has(id),
    position: (node) => positions.get(node) ?? -1,
    numbers,
    scalar: (id) => scalar(id, 4),
    shape: (id) => value(id).type.shape,
    filled: ({ type, constant }) => {
      if (constant.kind !== 'bytes' && constant.kind !== 'splat') return null;
      return type.shape.every((d) => d === 1) ? (numbersOf(constantOf(type, constant, '', ''))[0] ?? null) : null;
    },
  };
}

export function input(node: Node, index: number): ValueId {
  const id = node.inputs[index];
  if (id === undefined || id === null) throw new Error(`${node.op} "${node.name}" has no input ${index}`);
  return id;
}

export function output(node: Node): ValueId {
  const [id] = node.outputs;
  if (id === undefined) throw new Error(`${node.op} "${node.name}" has no output`);
  return id;
}

/** Within a thousandth: exporters round their literals to a few digits. */
export function near(x: number | null, wanted: number): boolean {
  return x !== null && Math.abs(x - wanted) <= 1e-3 * Math.abs(wanted);
}

/** The two operands of a node of two inputs, both ways round. */
export function bothWays(node: Node): readonly (readonly [ValueId, ValueId])[] {
  const [a, b] = node.inputs;
  if (a === null || a === undefined || b === null || b === undefined || node.inputs.length !== 2) return [];
  return [
    [a, b],
    [b, a],
  ];
}

/** One operand a number, the other not: [the other, the number]. */
export function withScalar(p: Pattern, node: Node): readonly [ValueId, number] | null {
  for (const [a, b] of bothWays(node)) {
    const number = p.scalar(b);
    if (number !== null) return [a, number];
  }
  return null;
}

export interface Product {
  /** All numbers of the product together. */
  readonly factor: number;
  readonly values: readonly ValueId[];
  readonly nodes: readonly Node[];
}

/** A product through Mul, and Div by numbers, as far as partial products have no other reader. */
export function productOf(p: Pattern, root: Node): Product | null {
  const values: ValueId[] = [];
  const nodes: Node[] = [];
  let factor = 1;
  const visit = (given: ValueId, top: boolean): void => {
    const cast = top ? { id: given, nodes: [] } : privateCasts(p, given);
    const { id } = cast;
    const node = p.made(id, 'Mul', 'Div');
    const inside = node !== null && (top || (p.users(id).length === 1 && !p.isOutput(id)));
    if (node === null || !inside || nodes.length > 4) {
      const number = p.scalar(given);
      if (number === null) values.push(given);
      else factor *= number;
      return;
    }
    const divisor = node.op === 'Div' ? p.scalar(node.inputs[1]) : 1;
    if (divisor === null || divisor === 0) {
      values.push(given);
      return;
    }
    nodes.push(...cast.nodes, node);
    factor /= divisor;
    if (node.op === 'Div') {
      visit(input(node, 0), false);
      return;
    }
    visit(input(node, 0), false);
    visit(input(node, 1), false);
  };
  visit(output(root), true);
  return nodes.length === 0 ? null : { factor, values, nodes };
}

/** The same for sums: Add, and Sub of numbers. */
export function sumOf(
  p: Pattern,
  id: ValueId,
): { readonly term: number; readonly values: readonly ValueId[]; readonly nodes: readonly Node[] } | null {
  const node = p.made(id, 'Add', 'Sub');
  if (node === null) return null;
  const found = withScalar(p, node);
  if (found !== null && (node.op === 'Add' || node.inputs[0] === found[0])) {
    return { term: node.op === 'Add' ? found[1] : -found[1], values: [found[0]], nodes: [node] };
  }
  return node.op === 'Add' ? { term: 0, values: [input(node, 0), input(node, 1)], nodes: [node] } : null;
}

export function sameShape(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((d, i) => equalDim(d, b[i] ?? 0));
}

/** An axis counted from the front. */
export function frontAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** The permutation of a Transpose; null where the value is made by something else. */
export function permOf(p: Pattern, id: ValueId): { readonly node: Node; readonly perm: readonly number[]; readonly x: ValueId } | null {
  const node = p.made(id, 'Transpose');
  if (node === null) return null;
  const perm = node.attributes['perm'];
  const rank = p.shape(id).length;
  return { node, perm: perm?.kind === 'ints' ? perm.value : Array.from({ length: rank }, (_, i) => rank - 1 - i), x: input(node, 0) };
}

/** The same, as long as nobody else reads them. */
function privateCasts(p: Pattern, id: ValueId): { readonly id: ValueId; readonly nodes: readonly Node[] } {
  const cast = throughCasts(p, id);
  return cast.nodes.every((n) => n.outputs.every((o) => p.users(o).length === 1 && !p.isOutput(o))) ? cast : { id, nodes: [] };
}

/** Casts between floating-point types are looked through: half-precision exports wrap norms in them. */
export function throughCasts(p: Pattern, id: ValueId): { readonly id: ValueId; readonly nodes: readonly Node[] } {
  const nodes: Node[] = [];
  let at = id;
  for (let cast = p.made(at, 'Cast', 'CastLike'); cast !== null; cast = p.made(at, 'Cast', 'CastLike')) {
    const from = input(cast, 0);
    if (!/^b?float(16|32)$/.test(p.value(from).type.dtype) || !/^b?float(16|32)$/.test(p.value(at).type.dtype)) break;
    nodes.push(cast);
    at = from;
  }
  return { id: at, nodes };
}
