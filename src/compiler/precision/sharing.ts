/**
 * Which values have one quantization together, and what range each group has to hold.
 *
 * - MaxPool, largest and smallest elements, views and data movement only pass numbers on: input and output share.
 * - A cache that goes in and comes out longer shares with what is appended to it: what one run gives out the next one takes in.
 * - A value read by one Relu or Clip and by nobody else shares with that node's output: what the clamp cuts off need not be held.
 *   (Only clamps: a Sigmoid needs its input in full.) A graph input keeps its own range.
 * - What a repeated region carries, hands out and stacks shares across its ends: all trips run on the same numbers.
 *
 * The decision is made on the flat list of nodes, so a fused graph and the same graph unfused agree on every value.
 */
import { attributeString, isRepeatBegin, isRepeatEnd, repeatRanges } from '../../graph/index.ts';
import type { Graph, Node, ValueId } from '../../graph/ir.ts';
import { joinRanges, type Range } from './range.ts';

/** Operators whose outputs hold elements of input 0, chosen or put elsewhere, and nothing else (Pad may add its constant). */
const passingOn: ReadonlySet<string> = new Set([
  'MaxPool',
  'GlobalMaxPool',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Identity',
  'Dropout',
  'Transpose',
  'Slice',
  'Split',
  'Expand',
  'Tile',
  'Pad',
  'DepthToSpace',
  'SpaceToDepth',
  'Gather',
  'GatherElements',
  // The extremes of a tensor are compared with its elements.
  'ReduceMax',
  'ReduceMin',
]);
const clamps: ReadonlySet<string> = new Set(['Relu', 'Clip']);

function passesOn(node: Node): boolean {
  if (node.domain === 'systole') return node.op === 'Lookup';
  if (node.domain !== '') return false;
  const isResize = node.op === 'Resize' || node.op === 'Upsample';
  return isResize ? attributeString(node, 'mode', 'nearest') === 'nearest' : passingOn.has(node.op);
}

export interface Sharing {
  /** The value that stands for the group of `id`. */
  groupOf(id: ValueId): ValueId;
  /** The range the group must hold, from observed ranges; null where nothing was observed. */
  rangeOf(group: ValueId): Range | null;
}

/**
 * @param isReal says whether a value takes part (float activations, and float constants that are moved)
 * @param observed the range a value took; null when unknown
 */
export function shareQuantization(
  graph: Graph,
  nodes: readonly Node[],
  isReal: (id: ValueId) => boolean,
  observed: (id: ValueId) => Range | null,
): Sharing {
  const parent = graph.values.map((v) => v.id);
  const groupOf = (id: ValueId): ValueId => {
    let root = id;
    while (parent[root] !== root) root = parent[root] ?? root;
    for (let at = id; at !== root;) {
      const next = parent[at] ?? root;
      parent[at] = root;
      at = next;
    }
    return root;
  };
  const join = (a: ValueId, b: ValueId): void => {
    parent[groupOf(b)] = groupOf(a);
  };

  const uses = countUses(graph, nodes);
  const isInput = new Set(graph.inputs);
  const isClamped = (node: Node, id: ValueId): boolean =>
    node.domain === '' && clamps.has(node.op) && node.inputs[0] === id && uses[id] === 1 && !isInput.has(id);

  const needs = graph.values.map((): Range | null => null);
  const need = (id: ValueId, range: Range | null): void => {
    needs[id] = joinRanges(needs[id] ?? null, range);
  };
  for (const id of [...graph.inputs, ...graph.outputs]) if (isReal(id)) need(id, observed(id));
  // Backwards: when a node is met, all readers of its outputs have said what they need.
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (node === undefined) continue;
    for (const out of node.outputs) if (isReal(out) && uses[out] === 0) need(out, observed(out));
    if (isRepeatBegin(node) || isRepeatEnd(node)) continue;
    const [first = null] = node.inputs;
    const [out] = node.outputs;
    for (const id of new Set(node.inputs)) {
      if (id === null || !isReal(id)) continue;
      if (id === first && out !== undefined && isReal(out) && (passesOn(node) || isClamped(node, id))) {
        for (const made of passesOn(node) ? node.outputs : [out]) {
          if (!isReal(made)) continue;
          join(id, made);
          need(id, needs[made] ?? null);
        }
      } else need(id, observed(id));
    }
  }
  for (const node of appends(graph, nodes)) {
    const [out] = node.outputs;
    for (const id of node.inputs) if (id !== null && out !== undefined && isReal(id) && isReal(out)) join(out, id);
  }
  for (const [a, b] of handedOn(nodes)) {
    for (const id of [a, b]) if (isReal(id)) need(id, observed(id));
    if (isReal(a) && isReal(b)) join(a, b);
  }
  const ranges = new Map<ValueId, Range | null>();
  for (const { id } of graph.values) {
    if (!isReal(id)) continue;
    const group = groupOf(id);
    ranges.set(group, joinRanges(ranges.get(group) ?? null, needs[id] ?? null));
  }
  return { groupOf, rangeOf: (group) => ranges.get(group) ?? null };
}

/** Concats between a graph input and a graph output, with nothing but moves and other Concats before and behind. */
function appends(graph: Graph, nodes: readonly Node[]): readonly Node[] {
  const isConcat = (node: Node): boolean => node.domain === '' && node.op === 'Concat';
  const given = new Set<ValueId | null>(graph.inputs);
  const out = new Set<ValueId>(graph.outputs);
  for (const node of nodes) {
    const from = isConcat(node) ? node.inputs : passesOn(node) ? node.inputs.slice(0, 1) : [];
    if (from.some((id) => given.has(id))) for (const id of node.outputs) given.add(id);
  }
  const found: Node[] = [];
  for (const node of nodes.toReversed()) {
    const leads = node.outputs.some((id) => out.has(id));
    if (!leads || !(isConcat(node) || passesOn(node))) continue;
    for (const id of isConcat(node) ? node.inputs : node.inputs.slice(0, 1)) if (id !== null && given.has(id)) out.add(id);
    if (isConcat(node) && node.inputs.some((id) => given.has(id))) found.push(node);
  }
  return found;
}

/** Pairs of values that are one across the ends of a repeated region: what is carried from trip to trip, entries and their wholes. */
function handedOn(nodes: readonly Node[]): readonly (readonly [ValueId, ValueId])[] {
  return repeatRanges(nodes).flatMap(({ form }) => [
    ...form.carried.flatMap((c) => [[c.initial, c.seen] as const, [c.seen, c.next] as const, [c.next, c.final] as const]),
    ...form.scanned.map((x) => [x.whole, x.entry] as const),
    ...form.stacked.map((x) => [x.entry, x.whole] as const),
  ]);
}

function countUses(graph: Graph, nodes: readonly Node[]): Uint32Array {
  const uses = new Uint32Array(graph.values.length);
  const use = (id: ValueId): void => {
    uses[id] = (uses[id] ?? 0) + 1;
  };
  for (const node of nodes) for (const id of node.inputs) if (id !== null) use(id);
  for (const id of graph.outputs) use(id);
  return uses;
}

/** Float constants whose elements are moved, not computed with: they live in the numbers of where they go. */
export function movedConstants(graph: Graph, nodes: readonly Node[]): ReadonlySet<ValueId> {
  const moved = new Set<ValueId>();
  for (const node of nodes) {
    const [first = null] = node.inputs;
    if (first !== null && passesOn(node) && (graph.values[first]?.constant ?? null) !== null) moved.add(first);
  }
  return moved;
}
