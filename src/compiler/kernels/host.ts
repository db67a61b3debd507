/**
 * What no engine can do runs on the host: a graph of its own in textual form. Neighbours share one hand-over: they are one graph.
 */
import { isRepeatBegin, isRepeatEnd, printGraph, type Graph, type Node, type Value, type ValueId } from '../../graph/index.ts';
import type { NotHere, SelectContext } from './context.ts';
import { hostBytes, hostMacs, hostOps } from './host-cost.ts';
import type { HostKernel, HostMember, KernelSpec } from './spec.ts';
import type { ViewMap } from './views.ts';

export function selectHost(cx: SelectContext, node: Node, why: NotHere): HostKernel {
  const member: HostMember = {
    node,
    reason: why.reason,
    ...(why.limit === undefined ? {} : { limit: why.limit }),
    ...(why.fix === undefined ? {} : { fix: why.fix }),
    ops: hostOps(cx.graph, node),
    bytes: hostBytes(cx.graph, node),
  };
  return hostKernel(cx.graph, cx.views, [member], [node], new Set(node.outputs), cx);
}

/**
 * @param nodes  those of the members, and the views between them
 * @param kept   what others read, or the model gives: the segment's outputs
 */
function hostKernel(
  graph: Graph,
  views: ViewMap,
  members: readonly HostMember[],
  nodes: readonly Node[],
  kept: ReadonlySet<ValueId>,
  named: { readonly name: string; readonly origin: readonly string[] },
): HostKernel {
  const at = (id: ValueId): Value => graph.values[id] as Value;
  const made = new Set(nodes.flatMap((n) => n.outputs));
  const read = new Set(nodes.flatMap((n) => n.inputs).filter((id) => id !== null));
  const inputs = [...read].filter((id) => !made.has(id) && at(id).constant === null).map(at);
  const outputs = [...made].filter((id) => kept.has(id)).map(at);
  const outputViews = outputs.map((v) => views.view(v.id));
  const first = members[0] as HostMember;
  return {
    kind: 'host',
    name: named.name,
    origin: named.origin,
    class: 'host',
    engine: 'host',
    dtype: outputViews[0]?.dtype ?? 'float32',
    macs: members.reduce((n, m) => n + hostMacs(graph, m.node), 0),
    out: outputViews[0] ?? { root: -1, shape: [], dtype: 'float32' },
    nodes: members.map((m) => m.node),
    reason: first.reason,
    ...(first.limit === undefined ? {} : { limit: first.limit }),
    ...(first.fix === undefined ? {} : { fix: first.fix }),
    members,
    inputs: inputs.map((v) => views.view(v.id)),
    outputs: outputViews,
    graphText: () => printGraph(segment(graph, named.name, nodes, inputs, outputs)),
    ops: members.reduce((n, m) => n + m.ops, 0),
    bytes: members.reduce((n, m) => n + m.bytes, 0),
  };
}

/** The nodes alone: their run-time operands are the graph's inputs, constants stay constants. */
function segment(graph: Graph, name: string, nodes: readonly Node[], inputs: readonly Value[], outputs: readonly Value[]): Graph {
  const mentioned = nodes.flatMap((n) => [...n.inputs.filter((id) => id !== null), ...n.outputs]);
  const used = [...new Set([...inputs.map((v) => v.id), ...mentioned])];
  const renumber = new Map(used.map((id, i) => [id, i]));
  const at = (id: number): number => renumber.get(id) as number;
  return {
    name,
    opset: graph.opset,
    inputs: inputs.map((v) => at(v.id)),
    outputs: outputs.map((v) => at(v.id)),
    values: used.map((id, i) => ({ ...(graph.values[id] as Value), id: i })),
    nodes: nodes.map((n) => ({ ...n, inputs: n.inputs.map((id) => (id === null ? null : at(id))), outputs: n.outputs.map(at) })),
    retired: {},
  };
}

/**
 * Host kernels that may run one after the other become one: a later one joins the last before it when nothing between makes what it
 * reads. Their values in between need no home.
 * @param viewNodes  nodes that are no kernels: those that show a member's results to another go into the segment
 * @param sides  of each kernel, how many ends of repeated regions come before it: only kernels of one side are joined
 */
export function joinHostKernels(
  graph: Graph,
  views: ViewMap,
  kernels: readonly KernelSpec[],
  viewNodes: readonly Node[],
  sides: readonly number[],
): readonly KernelSpec[] {
  if (kernels.filter((k) => k.kind === 'host').length < 2) return kernels;
  const shows = viewNodes.filter((n) => !isRepeatBegin(n) && !isRepeatEnd(n));
  const viewMaker = new Map(shows.map((n) => [n.outputs[0] as ValueId, n]));
  const groups: HostKernel[][] = [];
  /** Group of each host kernel, and position of the first kernel of each group. */
  const groupOf = new Map<HostKernel, number>();
  const groupAt: number[] = [];
  /** By root: the position of the kernel that makes it, and its group if the host does. */
  const maker = new Map<ValueId, { readonly at: number; readonly group: number }>();
  kernels.forEach((k, at) => {
    if (k.kind !== 'host') {
      maker.set(k.out.root, { at, group: -1 });
      return;
    }
    const last = groups.length - 1;
    const fits =
      last >= 0 &&
      sides[groupAt[last] as number] === sides[at] &&
      sources(graph, views, viewMaker, k.nodes).every((root) => {
        const by = maker.get(root);
        return by === undefined || by.group === last || by.at < (groupAt[last] as number);
      });
    const group = fits ? last : groups.length;
    if (fits) (groups[last] as HostKernel[]).push(k);
    else {
      groups.push([k]);
      groupAt.push(at);
    }
    groupOf.set(k, group);
    for (const out of k.outputs) maker.set(out.root, { at: groupAt[group] as number, group });
  });
  const readers = readersOf(graph, kernels, viewNodes);
  return kernels.flatMap((k): readonly KernelSpec[] => {
    if (k.kind !== 'host') return [k];
    const group = groups[groupOf.get(k) ?? -1] ?? [k];
    if (group[0] !== k) return [];
    return group.length === 1 ? [k] : [join(graph, views, group, viewMaker, readers)];
  });
}

/** Roots of what nodes read, constants left out. */
function sources(graph: Graph, views: ViewMap, viewMaker: ReadonlyMap<ValueId, Node>, nodes: readonly Node[]): readonly ValueId[] {
  const found: ValueId[] = [];
  const visit = (id: ValueId): void => {
    found.push(views.rootOf(id));
    // A view's other operands (a shape) have to be there too when it goes into the segment.
    for (const other of viewMaker.get(id)?.inputs.slice(1) ?? []) if (other !== null) visit(other);
  };
  for (const node of nodes) for (const id of node.inputs) if (id !== null && (graph.values[id]?.constant ?? null) === null) visit(id);
  return found;
}

/** Who reads each value: kernels by identity, `model` for its outputs, views. */
type Reader = KernelSpec | Node | 'model';

function readersOf(graph: Graph, kernels: readonly KernelSpec[], viewNodes: readonly Node[]): ReadonlyMap<ValueId, ReadonlySet<Reader>> {
  const readers = new Map<ValueId, Set<Reader>>();
  const add = (id: ValueId, reader: Reader): void => {
    const known = readers.get(id);
    if (known === undefined) readers.set(id, new Set([reader]));
    else known.add(reader);
  };
  for (const id of graph.outputs) add(id, 'model');
  for (const k of kernels) for (const n of k.nodes) for (const id of n.inputs) if (id !== null) add(id, k);
  for (const n of viewNodes) for (const id of n.inputs) if (id !== null) add(id, n);
  return readers;
}

function join(
  graph: Graph,
  views: ViewMap,
  group: readonly HostKernel[],
  viewMaker: ReadonlyMap<ValueId, Node>,
  readers: ReadonlyMap<ValueId, ReadonlySet<Reader>>,
): HostKernel {
  const nodes: Node[] = [];
  const made = new Set<ValueId>();
  const add = (node: Node): void => {
    nodes.push(node);
    for (const id of node.outputs) made.add(id);
  };
  /** Brings the views between a member's result and `id` into the segment. */
  const show = (id: ValueId): void => {
    const view = viewMaker.get(id);
    if (view === undefined || made.has(id)) return;
    const chain: Node[] = [];
    let at: ValueId | null = id;
    while (at !== null && !made.has(at)) {
      const next = viewMaker.get(at);
      if (next === undefined) return;
      chain.push(next);
      at = next.inputs[0] ?? null;
    }
    for (const node of chain.reverse()) {
      for (const other of node.inputs.slice(1)) if (other !== null) show(other);
      add(node);
    }
  };
  for (const k of group) {
    for (const node of k.nodes) {
      for (const id of node.inputs) if (id !== null) show(id);
      add(node);
    }
  }
  const mine = new Set<Reader>([...group, ...nodes]);
  const kept = new Set<ValueId>();
  const members = group.flatMap((k) => k.members);
  for (const { node } of members) {
    for (const id of node.outputs) {
      // A view outside reads the bytes of its root.
      if ([...(readers.get(id) ?? [])].some((reader) => !mine.has(reader)) || isShownOutside(id, readers, mine)) kept.add(id);
    }
  }
  const [first] = group;
  const origin = [...new Set(group.flatMap((k) => k.origin))];
  const joined = hostKernel(graph, views, members, nodes, kept, { name: first?.name ?? '', origin });
  return first?.region === undefined ? joined : { ...joined, region: first.region };
}

/** Whether a view of `id` that is in the segment is read outside it. */
function isShownOutside(id: ValueId, readers: ReadonlyMap<ValueId, ReadonlySet<Reader>>, mine: ReadonlySet<Reader>): boolean {
  for (const reader of readers.get(id) ?? []) {
    if (typeof reader === 'string' || !('outputs' in reader) || 'kind' in reader || !mine.has(reader)) continue;
    const [shown] = reader.outputs;
    if (shown === undefined) continue;
    if ([...(readers.get(shown) ?? [])].some((r) => !mine.has(r)) || isShownOutside(shown, readers, mine)) return true;
  }
  return false;
}
