/**
 * What a trip of a repeated region need not do goes in front of the region: what no trip changes, and products of entries, which are one
 * product of the whole.
 *
 *     %x = RepeatBegin(%xs)                         %p = MatMul(%xs, %w)
 *     %p = MatMul(%x, %w)                     =>    %y = RepeatBegin(%p)
 *     ...                                           ...
 *
 *     MatMul(Concat(%x, %h), %w)              =>    MatMul(%x, %w[:k]) + MatMul(%h, %w[k:])      the first in front
 *
 * The array then takes all trips' rows at once and reads the weights once. A product cut in two sums in another order.
 */
import { elementCount, tensorBytes } from '../../core/index.ts';
import { isRepeatEnd, repeatRanges, type RepeatForm } from '../../graph/index.ts';
import type { Attribute, Node, Value, ValueId } from '../../graph/ir.ts';
import type { Pass } from '../passes/pass.ts';
import { cutProduct, fromEntries, isProduct, onAllTrips, startMaker, type Comes, type Maker } from './all-trips.ts';
import { mostStackBytes } from './regions.ts';
import { writtenOpset } from './writer.ts';

export const hoistFromRegions: Pass = {
  name: 'hoist-from-regions',
  summary: 'Puts what no trip changes, and products of entries, in front of repeated regions',
  run(graph) {
    if (!graph.nodes.some(isRepeatEnd)) return graph;
    const values = graph.values.slice();
    const nodes: Node[] = [];
    let from = 0;
    let changed = false;
    for (const { begin, end, form } of repeatRanges(graph.nodes)) {
      nodes.push(...graph.nodes.slice(from, begin));
      const region = graph.nodes.slice(begin, end + 1);
      const hoisted = hoist(values, region, form);
      changed ||= hoisted !== region;
      nodes.push(...hoisted);
      from = end + 1;
    }
    nodes.push(...graph.nodes.slice(from));
    return changed ? { ...graph, values, nodes } : graph;
  },
};

/** What is made of all trips at once takes memory: so much is always there, or so many times what the trips are handed. */
const alwaysFits = 2 ** 20;
const mostGrowth = 8;

function hoist(values: Value[], region: readonly Node[], form: RepeatForm): readonly Node[] {
  const make = startMaker(values, form.trips);
  const seen = new Map<ValueId, Comes>();
  for (const c of form.carried) seen.set(c.seen, 'carried');
  for (const s of form.scanned) seen.set(s.entry, s.reversed ? 'backward' : 'forward');
  const comes = (id: ValueId | null): Comes => (id === null ? 'same' : (seen.get(id) ?? 'same'));
  const front: Node[] = [];
  const body: Node[] = [];
  const joins = new Map<ValueId, Node>();
  const place = (node: Node): void => {
    const how = node.inputs.map(comes);
    const isSame = node.inputs.some((id) => id !== null) && how.every((h) => h === 'same');
    const all = isSame ? 'same' : fromEntries(make, node, how);
    for (const id of node.outputs) seen.set(id, all);
    (isSame ? front : body).push(node);
    if (node.op === 'Concat' && node.domain === '') joins.set(node.outputs[0] as ValueId, node);
  };
  const given = region.slice(1, -1);
  for (const node of given) {
    const join = joins.get(node.inputs[0] ?? -1);
    const parts = join === undefined ? null : cutProduct(make, node, join, comes);
    for (const part of parts ?? [node]) place(part);
  }

  const { lifted, made } = liftable(make, form, body, (id) => comes(id) !== 'carried');
  const whole = new Map(form.scanned.map((s) => [s.entry, s.whole]));
  for (const node of lifted) front.push(...onAllTrips(make, node, whole));
  const [first, last] = [region[0] as Node, region.at(-1) as Node];
  const isRowOf = (entry: ValueId, reversed: boolean): boolean => whole.has(entry) && reversed === (comes(entry) === 'backward');
  const stays = form.stacked.filter((s) => !isRowOf(s.entry, s.reversed));
  if (body.length === given.length && made.size === 0 && stays.length === form.stacked.length) return region;

  // What is stacked as it was handed out is there already.
  const behind = form.stacked
    .filter((s) => isRowOf(s.entry, s.reversed))
    .map((s): Node => {
      const from = whole.get(s.entry) as ValueId;
      const common = { domain: '', origin: last.origin, version: writtenOpset };
      return {
        ...common,
        op: 'Identity',
        name: `${last.name}:${make.at(s.whole).name}`,
        inputs: [from],
        outputs: [s.whole],
        attributes: {},
      };
    });
  const ends = [...form.carried.map((c) => c.next), ...stays.map((s) => s.entry)];
  const inside = alive(
    body.filter((node) => !made.has(node)),
    ends,
  );
  if (ends.length === 0) return [...front, ...behind];
  const read = new Set([...inside.flatMap((node) => node.inputs), ...ends]);
  const entries = [...whole]
    .filter(([entry]) => read.has(entry))
    .map(([entry, from]) => ({ entry, from, reversed: comes(entry) === 'backward' }));
  const [spare] = form.scanned;
  if (form.carried.length + entries.length === 0 && spare !== undefined)
    entries.push({ entry: spare.entry, from: spare.whole, reversed: spare.reversed });
  const flags = (list: readonly { readonly reversed: boolean }[]): Attribute => ({
    kind: 'ints',
    value: list.map((e) => (e.reversed ? 1 : 0)),
  });
  return [
    ...front,
    {
      ...first,
      inputs: [...form.carried.map((c) => c.initial), ...entries.map((e) => e.from)],
      outputs: [...form.carried.map((c) => c.seen), ...entries.map((e) => e.entry)],
      attributes: { ...first.attributes, directions: flags(entries) },
    },
    ...inside,
    {
      ...last,
      inputs: [form.carried[0]?.seen ?? entries[0]?.entry ?? null, ...ends],
      outputs: [...form.carried.map((c) => c.final), ...stays.map((s) => s.whole)],
      attributes: { ...last.attributes, directions: flags(stays) },
    },
    ...behind,
  ];
}

interface Lift {
  /** Nodes to run on all trips at once, in order. */
  readonly lifted: readonly Node[];
  /** Those among them that the trips can do without; of what these are made the trips may read too. */
  readonly made: ReadonlySet<Node>;
}

/** Products of entries, what they are made of, and what is made of them and of nothing that is carried. */
function liftable(make: Maker, form: RepeatForm, body: readonly Node[], isOfEntries: (id: ValueId) => boolean): Lift {
  const bytes = (id: ValueId): number => form.trips * tensorBytes(make.at(id).type.dtype, elementCount(make.shape(id)));
  const most = Math.min(mostStackBytes, Math.max(alwaysFits, mostGrowth * form.scanned.reduce((n, s) => n + bytes(s.entry), 0)));
  const maker = new Map<ValueId, Node>();
  const can = new Set<Node>();
  const made = new Set<Node>();
  const partsOf = (node: Node): readonly Node[] => node.inputs.flatMap((id) => (id === null ? [] : (maker.get(id) ?? [])));
  for (const node of body) {
    for (const id of node.outputs) maker.set(id, node);
    const parts = partsOf(node);
    if (!node.outputs.every((id) => isOfEntries(id) && bytes(id) <= most) || !parts.every((p) => can.has(p))) continue;
    can.add(node);
    if (isProduct(node) || parts.some((p) => made.has(p))) made.add(node);
  }
  const needed = new Set(made);
  for (const node of body.toReversed()) if (needed.has(node)) for (const part of partsOf(node)) needed.add(part);
  return { lifted: body.filter((node) => needed.has(node)), made };
}

/** The nodes that `ends` depend on. */
function alive(nodes: readonly Node[], ends: readonly ValueId[]): readonly Node[] {
  const read = new Set<ValueId | null>(ends);
  const kept: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((id) => read.has(id))) continue;
    for (const id of node.inputs) read.add(id);
    kept.push(node);
  }
  return kept.reverse();
}
