/** One kernel by itself: the graph nodes it was made from, run by the interpreter on the values the program gave it. */
import { elementCount, viewBytes, bitsOf, bytesOf, type Tensor } from '../../core/index.ts';
import { interpret, leafNodes, type Graph, type Node, type Value, type ValueId } from '../../graph/index.ts';
import type { Compilation } from '../../compiler/index.ts';

type Kernel = Compilation['selection']['kernels'][number];

/** Where the pieces of a compilation are looked up. */
export interface Pieces {
  readonly graph: Graph;
  readonly views: Compilation['selection']['views'];
  /** The view node that makes a value. */
  readonly viewMaker: ReadonlyMap<ValueId, Node>;
  readonly regions: Compilation['selection']['regions'];
}

export function piecesOf({ lowered, selection }: Compilation): Pieces {
  const viewMaker = new Map(selection.viewNodes.flatMap((node) => node.outputs.map((id) => [id, node] as const)));
  return { graph: lowered, views: selection.views, viewMaker, regions: selection.regions };
}

/** The values a kernel leaves in memory. */
export function writtenBy(kernel: Kernel): readonly ValueId[] {
  const views = kernel.kind === 'host' ? kernel.outputs : [kernel.out];
  return [...new Set(views.map((v) => v.root))].filter((id) => id >= 0);
}

/** Those, and the values that what it writes is a part of. */
export function touchedBy(kernel: Kernel, { placed }: Compilation['selection']): readonly ValueId[] {
  const found = new Set(writtenBy(kernel));
  // A set grows while it is walked: parts of parts.
  for (const id of found) {
    const place = placed.get(id);
    if (place !== undefined) found.add(place.into);
  }
  return [...found];
}

/** The values a kernel reads that others made: by their own names, views resolved. */
export interface Reading {
  readonly value: Value;
  /** Who owns the bytes. */
  readonly root: ValueId;
  /** Where they begin, in elements. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** What a trip of a repeated region found, which the same trip wrote over: nobody can read it behind the kernel. */
  readonly isGone: boolean;
}

export interface Isolated {
  readonly readings: readonly Reading[];
  /** The nodes of the kernel and the views between them, as a graph of its own on the values of the whole. */
  readonly graph: Graph;
}

/** null where the nodes of a kernel do not make what it writes. */
export function isolate(kernel: Kernel, pieces: Pieces): Isolated | null {
  const { graph, views, viewMaker } = pieces;
  const own = leafNodes(kernel.nodes);
  const made = new Set(own.flatMap((node) => node.outputs));
  const written = writtenBy(kernel);
  if (!written.every((id) => made.has(id))) return null;
  const nodes: Node[] = [];
  const shown = new Set<ValueId>();
  const readings = new Map<ValueId, Reading>();
  const bring = (id: ValueId): void => {
    const value = graph.values[id];
    if (value === undefined || made.has(id) || shown.has(id) || readings.has(id) || value.constant !== null) return;
    const maker = viewMaker.get(id);
    const root = views.rootOf(id);
    if (maker !== undefined && made.has(root)) {
      shown.add(id);
      for (const input of maker.inputs) if (input !== null) bring(input);
      nodes.push(maker);
      return;
    }
    const { offset = 0, shape } = views.view(id);
    readings.set(id, { value, shape, ...placeOf(pieces.regions, kernel.region, root, offset) });
  };
  for (const node of own) {
    for (const id of node.inputs) if (id !== null) bring(id);
    nodes.push(node);
  }
  const inputs = [...readings.keys()];
  return { readings: [...readings.values()], graph: { ...graph, inputs, outputs: written, nodes, retired: {} } };
}

/** Where a kernel that runs in a repeated region (or in none) reads in the last trip, for where it reads in the first. */
function placeOf(
  regions: Pieces['regions'],
  inside: number | undefined,
  root: ValueId,
  offset: number,
): Pick<Reading, 'root' | 'offset' | 'isGone'> {
  const region = regions[inside ?? -1];
  const moved = (whole: ValueId): number => (region === undefined ? 0 : (region.trips - 1) * (region.moves.get(whole) ?? 0));
  for (const r of regions) {
    const carried = r.carried.find((c) => c.seen === root);
    if (carried === undefined) continue;
    // What is stacked as well is found in the row before the first.
    const stack = r.rows.find((row) => row.whole === carried.rolled);
    if (stack === undefined) return { root, offset, isGone: r === region };
    return { root: stack.whole, offset: stack.first - (r.moves.get(stack.whole) ?? 0) + offset + moved(stack.whole), isGone: false };
  }
  return { root, offset: offset + moved(root), isGone: false };
}

/** The part of its root that a view shows; null for packed elements that begin inside a byte. */
export function readingOf({ offset, shape, value }: Reading, root: Tensor): Tensor | null {
  const count = elementCount(shape);
  if (offset === 0 && root.data.length === count) return { ...root, shape };
  const bits = bitsOf(root.dtype);
  if (!ArrayBuffer.isView(root.data)) return { ...root, shape, data: root.data.slice(offset, offset + count) };
  if ((offset * bits) % 8 !== 0) return null;
  const start = (offset * bits) / 8;
  return {
    dtype: value.type.dtype,
    shape,
    data: viewBytes(root.dtype, bytesOf(root).subarray(start, start + Math.ceil((count * bits) / 8))),
  };
}

/** What a kernel must write, given what it read; by value name. */
export function evaluateIsolated({ graph }: Isolated, inputs: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  return interpret(graph, inputs);
}
