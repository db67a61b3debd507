/** How often bodies on the host run, as far as that is known before the run: what their cost is multiplied with. */
import { attributeInt, continuesAlways, type Graph, type Node, type ValueId } from '../../graph/index.ts';

export interface Trips {
  /** What costs are counted for: 1 where nothing is known. */
  readonly counted: number;
  /** `most`: a condition may end it earlier. `unknown`: one iteration stands for all. */
  readonly certainty: 'exact' | 'most' | 'unknown';
}

const once: Trips = { counted: 1, certainty: 'exact' };

/** Of a node with bodies; a branch of an If counts once. */
export function tripsOf(graph: Graph, node: Node): Trips {
  if (node.domain !== '') return once;
  if (node.op === 'Loop') return loopTrips(graph, node);
  if (node.op !== 'Scan') return once;
  const count = attributeInt(node, 'num_scan_inputs', 0);
  const captures = node.captures ?? 0;
  const id = node.inputs[node.inputs.length - captures - count] ?? null;
  const extent = id === null ? undefined : graph.values[id]?.type.shape[0];
  return typeof extent === 'number' ? { counted: extent, certainty: 'exact' } : { counted: 1, certainty: 'unknown' };
}

function loopTrips(graph: Graph, node: Node): Trips {
  const [limit = null, condition = null] = node.inputs;
  const body = bodiesOf(node)[0];
  if (condition !== null && scalarOf(graph, condition) === 0) return { counted: 0, certainty: 'exact' };
  const goesOn = body !== undefined && continuesAlways(body) && (condition === null || scalarOf(graph, condition) !== null);
  const most = limit === null ? null : scalarOf(graph, limit);
  if (most !== null) return { counted: Math.max(0, Math.min(most, Number.MAX_SAFE_INTEGER)), certainty: goesOn ? 'exact' : 'most' };
  // Rows kept from each iteration have a size by now, given with --dim or assumed with a warning of its own.
  const carried = Math.max(0, node.inputs.length - (node.captures ?? 0) - 2);
  const rows = node.outputs[carried];
  const extent = rows === undefined ? undefined : graph.values[rows]?.type.shape[0];
  return typeof extent === 'number' ? { counted: extent, certainty: 'exact' } : { counted: 1, certainty: 'unknown' };
}

/** A loop whose cost stands for a number of iterations that the run may not keep to. */
export interface OpenLoop {
  readonly node: Node;
  readonly trips: Trips;
  /** The one input of the model that decides; null where that is not one, or none. */
  readonly input: string | null;
}

/** Those among the node and the nodes of its bodies. */
export function openLoops(graph: Graph, node: Node): readonly OpenLoop[] {
  const trips = tripsOf(graph, node);
  const own: OpenLoop[] = trips.certainty === 'exact' ? [] : [{ node, trips, input: decidingInput(graph, node.inputs.slice(0, 2)) }];
  return [
    ...own,
    ...bodiesOf(node).flatMap((body) => body.nodes.flatMap((inner) => openLoops(body, inner).map((l) => ({ ...l, input: null })))),
  ];
}

export function bodiesOf(node: Node): readonly Graph[] {
  return Object.values(node.attributes).flatMap((a) => (a.kind === 'graph' ? [a.value] : []));
}

function decidingInput(graph: Graph, from: readonly (ValueId | null)[]): string | null {
  const producers = new Map(graph.nodes.flatMap((n) => n.outputs.map((id) => [id, n] as const)));
  const inputs = new Set(graph.inputs);
  const seen = new Set<ValueId>();
  const pending = from.filter((id) => id !== null);
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    pending.push(...(producers.get(id)?.inputs ?? []).filter((x) => x !== null));
  }
  const [only, ...others] = [...seen].filter((id) => inputs.has(id));
  return only === undefined || others.length > 0 ? null : (graph.values[only]?.name ?? null);
}

/** The one integer or truth value of a constant; null where it is not known. */
function scalarOf(graph: Graph, id: ValueId): number | null {
  const value = graph.values[id];
  const constant = value?.constant;
  if (value === undefined || constant === null || constant === undefined || constant.kind === 'absent' || constant.kind === 'strings')
    return null;
  const bytes = constant.kind === 'splat' ? constant.element : constant.bytes;
  if (value.type.dtype === 'bool') return bytes[0] ?? 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return value.type.dtype === 'int64' ? Number(view.getBigInt64(0, true)) : value.type.dtype === 'int32' ? view.getInt32(0, true) : null;
}
