/** Views: values that are other values' bytes under another shape. Row-major everywhere, so every reshape is one. */
import { elementCount, rowMajorStrides } from '../../core/index.ts';
import {
  attributeInt,
  isRepeatBegin,
  isRepeatEnd,
  isView,
  repeatRanges,
  type Graph,
  type Node,
  type RepeatForm,
  type Value,
  type ValueId,
} from '../../graph/index.ts';
import { isReading } from './conversions.ts';
import { sliceWalk } from './move.ts';
import { constantScalar, shapeOf } from './values.ts';
import type { View } from './spec.ts';

export interface ViewMap {
  /** Who owns the bytes of a value. */
  rootOf(id: ValueId): ValueId;
  view(id: ValueId): View;
}

/** @returns the views of a graph and the nodes that are not views, in order; ends of repeated regions are among both */
export function resolveViews(graph: Graph): {
  readonly views: ViewMap;
  readonly nodes: readonly Node[];
  readonly viewNodes: readonly Node[];
} {
  const places = new Map<ValueId, Place>();
  const placeOf = (id: ValueId): Place => places.get(id) ?? { root: id, offset: 0 };
  const nodes: Node[] = [];
  const viewNodes: Node[] = [];
  const facts: GraphFacts = { graph, inputs: new Set(graph.inputs), outputs: new Set(graph.outputs) };
  const regions = regionPlaces(graph);
  for (const node of graph.nodes) {
    if (isRepeatBegin(node) || isRepeatEnd(node)) {
      for (const id of node.outputs) {
        const at = regions.get(id);
        if (at === undefined) continue;
        const { root, offset } = placeOf(at.root);
        places.set(id, { root, offset: offset + at.offset });
      }
      viewNodes.push(node);
      nodes.push(node);
      continue;
    }
    const [output] = node.outputs;
    const place = placeOfView(facts, node, placeOf);
    if (place !== null && output !== undefined) {
      places.set(output, place);
      viewNodes.push(node);
    } else nodes.push(node);
  }
  const view = (id: ValueId): View => {
    const value = graph.values[id];
    if (value === undefined) throw new Error(`no value ${id}`);
    // Sequences and optionals have no bytes that an engine could see: only the host knows them.
    if (value.type.container !== undefined) return { root: id, shape: [0], dtype: value.type.dtype };
    const { root, offset } = placeOf(id);
    return { root, ...(offset === 0 ? {} : { offset }), shape: shapeOf(graph, id), dtype: value.type.dtype };
  };
  return { views: { rootOf: (id) => placeOf(id).root, view }, nodes, viewNodes };
}

/** Where a value lies: in the bytes of `root`, from this element on. */
interface Place {
  readonly root: ValueId;
  readonly offset: number;
}

interface GraphFacts {
  readonly graph: Graph;
  readonly inputs: ReadonlySet<ValueId>;
  readonly outputs: ReadonlySet<ValueId>;
}

/**
 * Where values lie that the ends of repeated regions make of others, relative to those: entries in their wholes, in the first trip; and
 * carried values where they were carried. One that is stacked as well is carried from row to row of the stack (`isRolled`): it ends as many
 * rows behind its start as there are trips.
 */
function regionPlaces(graph: Graph): ReadonlyMap<ValueId, Place> {
  const places = new Map<ValueId, Place>();
  for (const { form } of repeatRanges(graph.nodes)) {
    const firstOf = (entry: ValueId, reversed: boolean): number => (reversed ? (form.trips - 1) * elementCount(shapeOf(graph, entry)) : 0);
    for (const s of form.scanned) places.set(s.entry, { root: s.whole, offset: firstOf(s.entry, s.reversed) });
    for (const c of form.carried) {
      const stack = form.stacked.find((s) => isRolled(c, s));
      const rows = stack === undefined ? 0 : stack.reversed ? -form.trips : form.trips;
      places.set(c.final, { root: c.seen, offset: rows * elementCount(shapeOf(graph, c.seen)) });
    }
  }
  return places;
}

/** Whether a carried value is handed on through its stack: what a trip leaves there is what the next one sees. */
export function isRolled(c: RepeatForm['carried'][number], s: RepeatForm['stacked'][number]): boolean {
  return c.next === s.entry;
}

/** Where the output of a node lies when nothing needs to move; null otherwise. */
function placeOfView(facts: GraphFacts, node: Node, placeOf: (id: ValueId) => Place): Place | null {
  const [input = null] = node.inputs;
  const [output] = node.outputs;
  if (input === null || output === undefined || node.outputs.length !== 1) return null;
  const { graph } = facts;
  const [from, to] = [graph.values[input], graph.values[output]];
  if (from === undefined || to === undefined || from.type.container !== undefined || to.type.container !== undefined) return null;
  const { root, offset } = placeOf(input);
  const constant = (graph.values[root]?.constant ?? null) !== null;
  // A graph output must have bytes of its own: not those of an input or a constant, nor a part of another value's.
  const reading = isReading(graph, node, from, to);
  const begin = isView(node) || reading ? 0 : constant ? null : sliceBegin(graph, node, from, to);
  if (begin === null || !(reading || sameNumbers(from, to))) return null;
  if (facts.outputs.has(output) && (facts.inputs.has(root) || constant || offset + begin !== 0)) return null;
  if (facts.outputs.has(output) && partOfRoot(graph, root, to)) return null;
  return { root, offset: offset + begin };
}

function partOfRoot(graph: Graph, root: ValueId, value: Value): boolean {
  return elementCount(shapeOf(graph, root)) !== elementCount(shapeOf(graph, value.id));
}

/** A view shows the same bytes, so they must mean the same. */
export function sameNumbers(a: Value, b: Value): boolean {
  if (a.type.dtype !== b.type.dtype) return false;
  const [p, q] = [a.quantization, b.quantization];
  if (p === null || q === null) return p === q;
  if (p === q) return true;
  return p.scale.length === 1 && q.scale.length === 1 && p.scale[0] === q.scale[0] && p.zeroPoint[0] === q.zeroPoint[0];
}

/** The first element of a Gather that takes one index along the outermost axis that is not 1; null for other nodes. */
function gatherBegin(graph: Graph, node: Node, from: Value): number | null {
  const shape = shapeOf(graph, from.id);
  const index = graph.values[node.inputs[1] ?? -1];
  const at = index === undefined ? null : constantScalar(index);
  const axis = (attributeInt(node, 'axis', 0) + shape.length) % shape.length;
  if (at === null || shape.includes(0) || shape.slice(0, axis).some((extent) => extent !== 1)) return null;
  return (at < 0 ? at + (shape[axis] ?? 1) : at) * elementCount(shape.slice(axis + 1));
}

/** The first element of a Slice or Gather whose elements lie in one piece, in order; null for other nodes. */
function sliceBegin(graph: Graph, node: Node, from: Value, to: Value): number | null {
  if (node.domain === '' && node.op === 'Gather') return gatherBegin(graph, node, from);
  if (node.domain !== '' || node.op !== 'Slice') return null;
  const shape = shapeOf(graph, from.id);
  const kept = shapeOf(graph, to.id);
  if (shape.includes(0) || kept.includes(0)) return null;
  const walk = sliceWalk({ graph }, node, shape);
  if ('reason' in walk) return null;
  const cut = kept.findIndex((extent, axis) => extent !== shape[axis]);
  if (walk.steps.some((step, axis) => step !== 1 && (kept[axis] ?? 1) > 1)) return null;
  // Behind the first axis that is cut everything is whole, before it there is one of each.
  if (cut >= 0 && (kept.slice(0, cut).some((e) => e !== 1) || kept.slice(cut + 1).some((e, i) => e !== shape[cut + 1 + i]))) return null;
  return rowMajorStrides(shape).reduce((sum, stride, axis) => sum + stride * (walk.starts[axis] ?? 0), 0);
}
