/**
 * Repeated regions and where what they carry, hand out and stack lies.
 *
 * A carried value has one home: it starts there as a copy, and what a trip leaves for the next is copied there at the end of the trip, or
 * written there at once where nothing reads the old one any more. One that is stacked as well rolls through its stack: a trip finds it in
 * the row before its own, and the start lies in a row in front of the first. Entries and rows are at the addresses of the first trip;
 * the repetition moves them.
 */
import { elementCount, rowMajorStrides } from '../../core/index.ts';
import {
  isCopy,
  repeatDomain,
  repeatRanges,
  type Graph,
  type Node,
  type RepeatRange,
  type Value,
  type ValueId,
} from '../../graph/index.ts';
import type { PlacedValue } from './in-place.ts';
import type { Selection } from './select.ts';
import type { Pass } from '../passes/pass.ts';
import { kernelReads, kernelWrites, type KernelSpec, type MoveKernel } from './spec.ts';
import { shapeOf } from './values.ts';
import { isRolled, resolveViews, type ViewMap } from './views.ts';

export interface KernelRegion {
  readonly trips: number;
  /** Values whose references move: elements a trip, by the value that owns the bytes. */
  readonly moves: ReadonlyMap<ValueId, number>;
  /** Carried values by where they lie: kept through all trips, read or not. */
  readonly carried: readonly { readonly seen: ValueId; readonly next: ValueId; readonly start: ValueId; readonly rolled: ValueId | null }[];
  readonly rows: readonly { readonly entry: ValueId; readonly whole: ValueId; readonly first: number }[];
}

export function kernelRegion(graph: Graph, views: ViewMap, { form }: RepeatRange): KernelRegion {
  const moves = new Map<ValueId, number>();
  const move = (whole: ValueId, entry: ValueId, reversed: boolean): void => {
    const count = elementCount(shapeOf(graph, entry));
    moves.set(whole, reversed ? -count : count);
  };
  for (const s of form.scanned) move(views.rootOf(s.whole), s.entry, s.reversed);
  for (const s of form.stacked) move(s.whole, s.entry, s.reversed);
  return {
    trips: form.trips,
    moves,
    carried: form.carried.map((c) => {
      const rolled = form.stacked.find((s) => isRolled(c, s));
      return { seen: c.seen, next: c.next, start: c.initial, rolled: rolled?.whole ?? null };
    }),
    rows: form.stacked.map((s) => {
      const count = elementCount(shapeOf(graph, s.entry));
      return { entry: s.entry, whole: s.whole, first: s.reversed ? (form.trips - 1) * count : 0 };
    }),
  };
}

/**
 * Gives every region the copies that its values need to lie as said above, before kernels are made. Copies of what may be written in place
 * go again in `placeInRegions`.
 */
export const copyInRegions: Pass = {
  name: 'copy-in-regions',
  summary: 'Gives what repeated regions carry, hand out and stack bytes of its own',
  run: withCopies,
};

function withCopies(graph: Graph): Graph {
  const ranges = repeatRanges(graph.nodes);
  if (ranges.length === 0) return graph;
  const { views } = resolveViews(graph);
  const values = graph.values.slice();
  const names = new Set(values.map((v) => v.name));
  const outputs = new Set(graph.outputs);
  const at = (id: ValueId): Value => values[id] as Value;
  const add = (like: Value, suffix: string): ValueId => {
    let name = `${like.name}:${suffix}`;
    for (let i = 2; names.has(name); i++) name = `${like.name}:${suffix}${i}`;
    names.add(name);
    values.push({ ...like, id: values.length, name, constant: null });
    return values.length - 1;
  };
  const copyNode = (from: ValueId, to: ValueId, { origin, name }: Node): Node => ({
    op: 'Copy',
    domain: repeatDomain,
    name: `${name}:${at(to).name}`,
    inputs: [from],
    outputs: [to],
    attributes: {},
    origin,
  });
  const nodes: Node[] = [];
  let from = 0;
  for (const { begin, end, form } of ranges) {
    const [first, last] = [graph.nodes[begin] as Node, graph.nodes[end] as Node];
    const body = graph.nodes.slice(begin + 1, end);
    nodes.push(...graph.nodes.slice(from, begin));

    const isConstant = (root: ValueId): boolean => at(root).constant !== null;
    const readInside = new Set(
      body.flatMap((n) => n.inputs.filter((id) => id !== null && !first.outputs.includes(id))).map((id) => views.rootOf(id as ValueId)),
    );
    const taken = new Set<ValueId>();
    const wholes = form.scanned.map(({ whole }) => {
      const root = views.rootOf(whole);
      if (!isConstant(root) && !readInside.has(root) && !taken.has(root)) {
        taken.add(root);
        return whole;
      }
      const made = add(at(whole), 'entries');
      nodes.push(copyNode(whole, made, first));
      return made;
    });
    nodes.push({ ...first, inputs: [...form.carried.map((c) => c.initial), ...wholes] }, ...body);

    const made = new Set(body.flatMap((n) => n.outputs));
    const isOwn = (id: ValueId): boolean => made.has(id) && views.rootOf(id) === id;
    const rolled = new Set<ValueId>();
    const copies: Node[] = [];
    const rows = form.stacked.map(({ entry, whole }) => {
      const rolls = isOwn(entry) && !rolled.has(entry) && form.carried.some((c) => c.next === entry) && sameHeld(at(entry), at(whole));
      if (rolls) {
        rolled.add(entry);
        return entry;
      }
      const id = add(
        { ...at(entry), quantization: at(whole).quantization, type: { ...at(entry).type, dtype: at(whole).type.dtype } },
        'row',
      );
      copies.push(copyNode(entry, id, last));
      return id;
    });
    const seen = new Set(form.carried.map((c) => c.seen));
    const commits: Node[] = [];
    const held = new Set<ValueId>();
    const next = form.carried.map((c) => {
      if (rolled.has(c.next) && !held.has(c.next) && sameHeld(at(c.next), at(c.seen))) {
        held.add(c.next);
        return c.next;
      }
      if (c.next === c.seen) return c.seen;
      let source = c.next;
      // All trips' ends read what their beginnings found: values that change places are put aside first.
      if (seen.has(views.rootOf(source))) {
        source = add(at(c.next), 'aside');
        copies.push(copyNode(c.next, source, last));
      }
      const id = add({ ...at(c.next), type: at(c.seen).type, quantization: at(c.seen).quantization }, 'next');
      commits.push(copyNode(source, id, last));
      return id;
    });
    // A graph output has bytes of its own, not the last row of a stack.
    const behind: Node[] = [];
    const final = form.carried.map((c, i) => {
      if (!outputs.has(c.final) || !rolled.has(next[i] ?? -1)) return c.final;
      const id = add(at(c.final), 'last');
      behind.push(copyNode(id, c.final, last));
      return id;
    });
    nodes.push(...copies, ...commits);
    nodes.push({
      ...last,
      inputs: [last.inputs[0] ?? null, ...next, ...rows],
      outputs: [...final, ...form.stacked.map((s) => s.whole)],
    });
    nodes.push(...behind);
    from = end + 1;
  }
  nodes.push(...graph.nodes.slice(from));
  return { ...graph, values, nodes };
}

function sameHeld(a: Value, b: Value): boolean {
  if (a.type.dtype !== b.type.dtype) return false;
  const [p, q] = [a.quantization, b.quantization];
  if (p === q || p === null || q === null) return p === q;
  return p.scale.length === 1 && q.scale.length === 1 && p.scale[0] === q.scale[0] && p.zeroPoint[0] === q.zeroPoint[0];
}

/** Puts what regions carry and stack where it belongs, and drops copies of what can be written there by its maker. */
export function placeInRegions(graph: Graph, selection: Selection): Selection {
  if (selection.regions.length === 0) return selection;
  const placed = new Map<ValueId, PlacedValue>(selection.placed);
  const dropped = new Set<KernelSpec>();
  const kernelOf = new Map<ValueId, { readonly kernel: KernelSpec; readonly at: number }>();
  selection.kernels.forEach((kernel, at) => {
    for (const v of kernelWrites(kernel)) kernelOf.set(v.root, { kernel, at });
  });
  const readIn = selection.regions.map(
    (_, r) => new Set(selection.kernels.flatMap((k) => (k.region === r ? kernelReads(k).map((v) => v.root) : []))),
  );
  selection.regions.forEach((region, r) => {
    for (const { entry, whole, first } of region.rows) {
      placed.set(entry, { into: whole, offset: first });
      absorb(entry, () => true);
    }
    for (const { seen, next, start, rolled } of region.carried) {
      placed.set(start, { into: seen, offset: 0 });
      // Nobody asks what the first trip finds.
      const begin = kernelOf.get(start);
      if (begin !== undefined && isPlainStart(begin.kernel) && readIn[r]?.has(seen) === false) dropped.add(begin.kernel);
      if (rolled !== null) {
        const { first } = region.rows.find((r) => r.whole === rolled) as (typeof region.rows)[number];
        placed.set(seen, { into: rolled, offset: first - (region.moves.get(rolled) ?? 0) });
        continue;
      }
      if (next === seen) continue;
      placed.set(next, { into: seen, offset: 0 });
      absorb(next, (maker, at) => isLastReader(selection, seen, maker, at));
    }
  });
  const kernels = selection.kernels.filter((k) => !dropped.has(k));
  const viewNodes = [...selection.viewNodes, ...[...dropped].flatMap((k) => k.nodes)];
  return { ...selection, kernels, placed, viewNodes };

  /** Drops the kernel that copies into `id` where the maker of what it copies may write there. */
  function absorb(id: ValueId, may: (maker: KernelSpec, at: number) => boolean): void {
    const copy = kernelOf.get(id);
    if (copy === undefined || !isPlainCopy(copy.kernel)) return;
    const [part] = copy.kernel.parts;
    const source = part?.src.root ?? -1;
    const maker = kernelOf.get(source);
    if (maker === undefined || maker.kernel.region !== copy.kernel.region || placed.has(source)) return;
    if ((part?.src.offset ?? 0) !== 0 || elementCount(shapeOf(graph, source)) !== elementCount(part?.extents ?? [])) return;
    if (!may(maker.kernel, maker.at)) return;
    placed.set(source, { into: id, offset: 0 });
    dropped.add(copy.kernel);
  }
}

function isPlainStart(k: KernelSpec): boolean {
  return k.kind === 'move' && k.nodes.length === 1 && k.nodes.every(isCopy);
}

function isPlainCopy(k: KernelSpec): k is MoveKernel {
  return k.kind === 'move' && isPlainStart(k) && k.parts.every((p) => p.convert === null);
}

/** Values that take the place of what a trip found, where their maker writes them there. */
export function handedOnInPlace({ regions, placed }: Selection): ReadonlySet<ValueId> {
  const homes = new Set(regions.flatMap((r) => r.carried.filter((c) => c.rolled === null).map((c) => c.seen)));
  const found = new Set<ValueId>();
  for (const id of placed.keys()) {
    for (let into: ValueId | undefined = id; into !== undefined; into = placed.get(into)?.into) if (homes.has(into)) found.add(id);
  }
  return found;
}

/** Whether nothing reads `seen` behind the kernel at `at`, and it itself only reads, element by element, what it replaces. */
function isLastReader({ kernels }: Selection, seen: ValueId, maker: KernelSpec, at: number): boolean {
  const readers = kernels.flatMap((k, i) => (k.region === maker.region && kernelReads(k).some((v) => v.root === seen) ? [i] : []));
  if (readers.some((i) => i > at)) return false;
  if (!readers.includes(at)) return true;
  // A scatter into what it replaces writes its updates there, and leaves the rest as it is.
  if (maker.kind === 'lookup') {
    const { table, index, updates } = maker;
    return updates !== null && table.root === seen && (table.offset ?? 0) === 0 && index.root !== seen && updates.root !== seen;
  }
  if (maker.kind !== 'elementwise') return false;
  const dense = rowMajorStrides(maker.shape);
  return maker.plan.operands.every(
    (o) =>
      o.view.root !== seen ||
      ((o.view.offset ?? 0) === 0 && maker.shape.every((extent, axis) => extent === 1 || o.strides[axis] === dense[axis])),
  );
}
