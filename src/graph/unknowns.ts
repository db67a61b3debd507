/** Dimensions that only a run decides: their names, bounds, and what would settle them. */
import { elementCount } from '../core/index.ts';
import { bindDim, replaceSymbols, symbolDim, symbolsOf, type Dim } from './dim.ts';
import type { Graph, Node, TensorType, UnknownDim } from './ir.ts';

/** What an operator says of a dimension when it asks for one. */
export interface Asked {
  readonly upper: Dim | null;
  readonly why: string;
  readonly input: string | null;
}

/** A value whose rank only a run decides, taken as the largest it can be. */
export interface AssumedRank {
  readonly node: string;
  readonly op: string;
  readonly why: string;
  readonly taken: readonly Dim[];
  readonly others: readonly (readonly Dim[])[];
}

export interface Unknowns {
  /**
   * Names the dimensions a node asked for, standing in its types as `placeholder(0)`, `placeholder(1)`, …
   * @param previous  types the outputs had before, whose symbols are kept; undefined for a node that is new
   */
  name(
    node: Node,
    types: readonly TensorType[],
    asked: readonly Asked[],
    previous: (output: number) => TensorType | undefined,
  ): readonly TensorType[];
  record(symbol: string): UnknownDim | undefined;
  /** In the order in which nodes asked. */
  records(): readonly UnknownDim[];
  /** Symbols that took their upper bound for want of a size. */
  assumed(): readonly { readonly unknown: UnknownDim; readonly size: number }[];
  /** One of several types of different rank: unranked; where unknown dimensions take their upper bound, the type of most elements. */
  rank(node: Node, types: readonly TensorType[], why: string): TensorType;
  assumedRanks(): readonly AssumedRank[];
  /** Notes the unknown dimensions of a body, so that its types keep their symbols. */
  recognise(graph: Graph): void;
  bind(type: TensorType): TensorType;
}

/** Cannot occur in a name. */
const mark = '\0';

export function placeholder(index: number): Dim {
  return symbolDim(`${mark}${index}`);
}

export function isPlaceholder(symbol: string): boolean {
  return symbol.startsWith(mark);
}

/**
 * @param sizes      sizes by symbol; null where none are bound
 * @param takeUpper  unknown dimensions that have no size take their upper bound where it is a number
 */
export function startUnknowns(
  taken: Iterable<string>,
  known: readonly UnknownDim[],
  sizes: Readonly<Record<string, number>> | null,
  takeUpper: boolean,
): Unknowns {
  const names = new Set<string>(taken);
  const before = new Map<string, UnknownDim>();
  const records = new Map<string, UnknownDim>();
  const assumed = new Map<string, { readonly unknown: UnknownDim; readonly size: number }>();
  const byNode = new Map<Node, string[]>();
  const ranks = new Map<Node, AssumedRank>();
  const recognise = (list: readonly UnknownDim[]): void => {
    for (const u of list) {
      before.set(u.symbol, u);
      names.add(u.symbol);
    }
  };
  recognise(known);
  const fresh = (base: string): string => {
    let name = base;
    for (let n = 2; names.has(name); n++) name = `${base}_${n}`;
    names.add(name);
    return name;
  };
  const resolve = (unknown: UnknownDim): Dim => {
    const { symbol, upper } = unknown;
    if (sizes === null) return symbolDim(symbol);
    if (Object.hasOwn(sizes, symbol)) return sizes[symbol] ?? symbolDim(symbol);
    const size = upper === null || !takeUpper ? null : bindDim(upper, sizes);
    if (typeof size !== 'number') return symbolDim(symbol);
    assumed.set(symbol, { unknown, size });
    return size;
  };
  return {
    name(node, types, asked, previous) {
      if (asked.length === 0) return types;
      const own = byNode.get(node) ?? [];
      byNode.set(node, own);
      const sizesOf: Dim[] = [];
      for (const [k, { upper, why, input }] of asked.entries()) {
        own[k] ??= nameOf(node, types, k, previous);
        const symbol = own[k] ?? '';
        const settled = upper === null ? null : replaceSymbols(upper, (name) => sizesOf[indexOf(name)]);
        const unknown: UnknownDim = { symbol, upper: settled, node: node.name, op: node.op, why, input };
        records.set(symbol, unknown);
        sizesOf.push(resolve(unknown));
      }
      return types.map((type) => ({ ...type, shape: type.shape.map((d) => replaceSymbols(d, (name) => sizesOf[indexOf(name)])) }));
    },
    record: (symbol) => records.get(symbol) ?? before.get(symbol),
    records: () => [...records.values()],
    assumed: () => [...assumed.values()],
    rank(node, types, why) {
      const ranked = types.filter((t) => t.unranked !== true);
      const sized = ranked.filter((t) => t.shape.every((d) => typeof d === 'number'));
      const count = (t: TensorType): number => elementCount(t.shape.map(Number));
      const [first, ...others] = [...sized].sort((a, b) => count(b) - count(a) || b.shape.length - a.shape.length);
      if (sizes === null || !takeUpper || first === undefined || sized.length < ranked.length) {
        const { dtype = 'float32', container } = types[0] ?? {};
        return { dtype, shape: [], unranked: true, ...(container === undefined ? {} : { container }) };
      }
      ranks.set(node, { node: node.name, op: node.op, why, taken: first.shape, others: others.map((t) => t.shape) });
      return first;
    },
    assumedRanks: () => [...ranks.values()],
    recognise: (graph) => recognise(graph.unknowns ?? []),
    bind: (type) => (sizes === null ? type : bindType(type, sizes)),
  };

  function nameOf(node: Node, types: readonly TensorType[], k: number, previous: (output: number) => TensorType | undefined): string {
    const wanted = `${mark}${k}`;
    for (const [i, type] of types.entries()) {
      const axis = type.shape.findIndex((d) => typeof d !== 'number' && d.kind === 'symbol' && d.name === wanted);
      if (axis < 0) continue;
      const old = previous(i)?.shape[axis];
      if (old !== undefined && typeof old !== 'number' && old.kind === 'symbol' && before.has(old.name)) return old.name;
      return fresh(`${node.name}${types.length > 1 ? `_out${i}` : ''}_axis${axis}`);
    }
    return fresh(`${node.name}_size${k}`);
  }
}

function indexOf(symbol: string): number {
  return isPlaceholder(symbol) ? Number(symbol.slice(mark.length)) : -1;
}

export function bindType(type: TensorType, sizes: Readonly<Record<string, number>>): TensorType {
  if (type.shape.every((d) => typeof d === 'number')) return type;
  return { ...type, shape: type.shape.map((d) => bindDim(d, sizes)) };
}

/** Every symbol in the types of a graph's values. */
export function symbolsIn(graph: Graph): Set<string> {
  const found = new Set<string>();
  for (const { type } of graph.values) for (const d of type.shape) for (const s of typeof d === 'number' ? [] : symbolsOf(d)) found.add(s);
  return found;
}
