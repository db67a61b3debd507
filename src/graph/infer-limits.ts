/** What inference looks at: which values are small enough to be shapes, and which graph input their numbers come from. */
import { bitsOf, elementCount, integerRange, isInteger, SystoleError, type DType } from '../core/index.ts';
import type { Dim } from './dim.ts';
import { isLongDim } from './dim-range.ts';
import type { Graph, Node, TensorType } from './ir.ts';
import { concreteShape } from './ops/contents.ts';
import type { OpDef } from './ops/op-def.ts';
import type { Unknowns } from './unknowns.ts';

/** Contents longer than this are data, not shapes. */
export const longestShape: number = 1024;

/** Longer expressions become symbols of their own: chains of thousands of operators must not make each other slow. */
const longestDim = 24;

export function isTooLong(dim: Dim): boolean {
  return typeof dim !== 'number' && isLongDim(dim, longestDim);
}

/** Which graph input's numbers decide a value's: its name, null for none, `several` for more than one or something else. */
export type Source = string | null;
export const several: Source = '\0';

export function joinSources(sources: Iterable<Source>): Source {
  let joined: Source = null;
  for (const source of sources) {
    if (source === null || source === joined) continue;
    if (joined !== null) return several;
    joined = source;
  }
  return joined;
}

export function dimSource(unknowns: Unknowns, symbol: string): Source {
  const unknown = unknowns.record(symbol);
  return unknown === undefined ? null : (unknown.input ?? several);
}

const packed: ReadonlySet<DType> = new Set<DType>(['int4', 'uint4', 'int2', 'uint2', 'float4e2m1', 'string', 'complex64', 'complex128']);

/** Element types whose numbers may be sizes. */
export function countable(dtype: DType): boolean {
  return !packed.has(dtype) && !dtype.startsWith('float8');
}

/** Whether a known number is one of the type: what wraps around is left to the evaluators. */
export function holds(dtype: DType, n: Dim | null): boolean {
  if (typeof n !== 'number' || !isInteger(dtype)) return true;
  if (bitsOf(dtype) > 32) return Number.isSafeInteger(n);
  const [least, most] = integerRange(dtype);
  return Number.isInteger(n) && n >= least && n <= most;
}

export function isSmall(type: TensorType): boolean {
  const shape = concreteShape(type);
  // Each size too: loops run along axes even where another one is 0.
  return shape !== null && elementCount(shape) <= longestShape && shape.every((d) => d >= 0 && d <= longestShape);
}

/**
 * Operators that are evaluated while types are inferred: what shapes are computed with. All of them take time in proportion to their
 * operands and results, which are small; windows, sums over letters and pools of n-grams can be made to run for years by one attribute.
 */
export function isComputed(def: OpDef): boolean {
  if (def.contents !== undefined || def.contentsOf !== undefined) return true;
  if (def.domain !== '') return false;
  return def.kernelClass === 'elementwise' || def.kernelClass === 'reduce' || def.kernelClass === 'move' || computed.has(def.name);
}

const computed: ReadonlySet<string> = new Set(
  (
    'ArgMax ArgMin Compress ConstantOfShape CumProd CumSum EyeLike Gather GatherElements GatherND Gemm MatMul NonZero OneHot Range ' +
    'ReverseSequence Scatter ScatterElements ScatterND TopK Trilu Unique'
  ).split(' '),
);

/** null where operands do not fit: whoever runs the node will report it. */
export function withoutError<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof SystoleError) return null;
    throw error;
  }
}

/** Nodes of bodies that may still be looked at: for this node of the graph, and in all. */
export interface Work {
  left: number;
  total: number;
}

/** Loops in loops in loops, each with its rounds, come to an end. */
export const usualBodyWork: number = 10_000;
/** Large bodies are looked at so often whatever their size. */
export const looks: number = 4;
/** The most for all nodes of a graph together. */
export const mostBodyWork: number = 500_000;

const sizes = new WeakMap<Graph, number>();

/** How many nodes the bodies of a node have, and their bodies in turn. */
export function nodesInBodies(node: Node): number {
  let count = 0;
  for (const a of Object.values(node.attributes)) {
    if (a.kind !== 'graph') continue;
    const size = sizes.get(a.value) ?? a.value.nodes.reduce((n, inner) => n + 1 + nodesInBodies(inner), 0);
    sizes.set(a.value, size);
    count += size;
  }
  return count;
}
