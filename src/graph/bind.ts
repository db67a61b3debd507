/** From symbolic to fixed sizes. */
import { fail, graphMessages, type Diagnostic } from '../core/index.ts';
import { symbolsOf } from './dim.ts';
import { inferInPlace, leafNodes, startInference } from './infer.ts';
import { sizeProblem } from './infer-checks.ts';
import { isUnranked } from './infer-unranked.ts';
import type { Graph, Node, TensorType, UnknownDim, Value, ValueId } from './ir.ts';
import { printShape } from './ops/op-def.ts';
import { bindType } from './unknowns.ts';

export interface BoundGraph {
  readonly graph: Graph;
  /** Warnings: dimensions that only a run decides and that took their upper bound. */
  readonly diagnostics: readonly Diagnostic[];
}

/** A dimension, or the rank of a value, that still has no number. */
export interface OpenDim {
  /** null where not even the rank is known. */
  readonly symbol: string | null;
  /** Set where only a run decides it. */
  readonly unknown: UnknownDim | null;
  /** The first node that needs it; null for the model inputs. */
  readonly node: Node | null;
  readonly value: Value;
}

/**
 * The graph with every dimension a number: symbols of inputs are replaced, all other shapes inferred anew.
 * @param dims  size by symbol, of unknown dimensions too; names that the graph does not use are ignored
 * Throws a coded error for each symbol left open, naming the first node that needs it, and where the sizes do not fit.
 */
export function bindDims(graph: Graph, dims: Readonly<Record<string, number>>): Graph {
  return bindGraph(graph, dims).graph;
}

/** The same with what was assumed: unknown dimensions without a size take their upper bound where there is one. */
export function bindGraph(graph: Graph, dims: Readonly<Record<string, number>>): BoundGraph {
  const bound = rebind(graph, dims, false);
  requireSizes(bound.graph);
  return bound;
}

/** @throws a coded error for each size or rank still open, naming the first node that needs it */
export function requireSizes(graph: Graph): void {
  const open = openDims(graph);
  if (open.length > 0) fail(...open.map((o) => describeOpen(graph, o)));
}

/** The graph with these symbols replaced; others stay, and unknown dimensions too. */
export function bindPartly(graph: Graph, dims: Readonly<Record<string, number>>): Graph {
  return rebind(graph, dims, true).graph;
}

function rebind(graph: Graph, dims: Readonly<Record<string, number>>, partial: boolean): BoundGraph {
  const bad = Object.entries(dims).filter(([, n]) => !Number.isInteger(n) || n < 0);
  if (bad.length > 0) fail(...bad.map(([symbol, given]) => graphMessages.badBinding({ symbol, given })));
  if (graph.values.every(({ type }) => !isOpen(type))) return { graph, diagnostics: [] };
  const values: Value[] = graph.values.map((value) => {
    const type = bindType(value.type, dims);
    return type === value.type ? value : { ...value, type };
  });
  const at = (id: ValueId): Value => {
    const value = values[id];
    if (value === undefined) throw new Error(`no value ${id}`);
    return value;
  };
  const impossible = graph.inputs.flatMap((id) => sizeProblem(at(id).type, null, () => at(id).name) ?? []);
  if (impossible.length > 0) fail(...impossible);
  const inference = startInference(graph.opset, at, { graph, sizes: dims, ...(partial ? { partial } : {}) });
  const nodes = graph.nodes.map((node) =>
    inferInPlace(node, inference, (id, type) => {
      const value = at(id);
      // A quantized value keeps the element type it is held in.
      values[id] = { ...value, type: { ...type, dtype: value.type.dtype } };
    }),
  );
  const { unknowns: _, ...rest } = graph;
  const left = stillOpen(inference.unknowns(), values);
  return {
    graph: { ...rest, values, nodes, ...(left.length > 0 ? { unknowns: left } : {}) },
    diagnostics: [
      ...inference.assumed().map(({ unknown, size }) => {
        const { symbol, node, op, why } = unknown;
        return graphMessages.unknownTakesUpper({ symbol, size, node, op, why }, { origin: [node] });
      }),
      ...inference.assumedRanks().map(({ node, op, why, taken, others }) => {
        const parts = { node, op, why, taken: printShape(taken), others: others.map(printShape) };
        return graphMessages.unknownRankTakesLargest(parts, { origin: [node] });
      }),
    ],
  };
}

function isOpen(type: TensorType): boolean {
  return isUnranked(type) || (type.container === undefined && type.shape.some((d) => typeof d !== 'number'));
}

function stillOpen(unknowns: readonly UnknownDim[], values: readonly Value[]): readonly UnknownDim[] {
  const open = new Set(values.flatMap(({ type }) => type.shape.flatMap(symbolsOf)));
  return unknowns.filter((u) => open.has(u.symbol));
}

/**
 * Every symbol that still occurs, and every value without a rank whose node's inputs have one, each at the first node (or
 * input) that has it. Sequences and optionals may stay open.
 */
export function openDims(graph: Graph): readonly OpenDim[] {
  const unknowns = new Map(graph.unknowns?.map((u) => [u.symbol, u]));
  const found = new Map<string, OpenDim>();
  const unranked: OpenDim[] = [];
  const note = (id: ValueId, node: Node | null): void => {
    const value = graph.values[id];
    if (value === undefined || value.type.container !== undefined) return;
    for (const symbol of value.type.shape.flatMap(symbolsOf)) {
      if (!found.has(symbol)) found.set(symbol, { symbol, unknown: unknowns.get(symbol) ?? null, node, value });
    }
  };
  const rankless = (id: ValueId | null): boolean => id !== null && isUnranked(graph.values[id]?.type ?? null);
  for (const node of leafNodes(graph.nodes)) {
    for (const id of [...node.inputs, ...node.outputs]) if (id !== null) note(id, node);
    const [first] = node.inputs.some(rankless) ? [] : node.outputs.filter(rankless);
    const value = first === undefined ? undefined : graph.values[first];
    if (value !== undefined) unranked.push({ symbol: null, unknown: null, node, value });
  }
  for (const id of graph.inputs) {
    note(id, null);
    const value = graph.values[id];
    if (value !== undefined && rankless(id)) unranked.push({ symbol: null, unknown: null, node: null, value });
  }
  return [...found.values(), ...unranked];
}

/** The one graph input that the operands of a node behind the first (its data) are computed from; null where that is not one. */
function decidingInput(graph: Graph, node: Node | null): string | null {
  if (node === null) return null;
  const producers = new Map(graph.nodes.flatMap((n) => n.outputs.map((id) => [id, n] as const)));
  const seen = new Set<ValueId>();
  const pending = node.inputs.length > 1 ? node.inputs.slice(1) : [...node.inputs];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (id === null || seen.has(id)) continue;
    seen.add(id);
    pending.push(...(producers.get(id)?.inputs ?? []));
  }
  const [first, ...others] = graph.inputs.filter((id) => seen.has(id));
  return first === undefined || others.length > 0 ? null : (graph.values[first]?.name ?? null);
}

function describeOpen(graph: Graph, { symbol, unknown, node, value }: OpenDim): Diagnostic {
  const where = { node: node?.name ?? '', op: node?.op ?? '' };
  const origin = node?.origin ?? [];
  if (symbol === null) return graphMessages.unknownRank({ ...where, value: value.name, input: decidingInput(graph, node) }, { origin });
  if (unknown !== null) return graphMessages.unknownDimension(unknown, { origin: [unknown.node] });
  const shape = printShape(value.type.shape).slice(1, -1);
  return graphMessages.unboundDimension({ symbol, ...where, value: value.name, shape }, { origin });
}
