/**
 * Caches that grow in place: a model input that a Concat only puts new rows behind, on its way out of the model (past and present keys and
 * values of a decoder). Both are one tensor of the state region then: `past` is the view of its first rows, with the strides of the
 * whole, `present` the whole, and what the Concat still moves is the new rows.
 */
import { bitsOf, compilerMessages, elementCount, formatBytes, rowMajorStrides, type Diagnostic } from '../../core/index.ts';
import type { Graph, ValueId } from '../../graph/index.ts';
import type { Machine } from '../../hw-configs/index.ts';
import { isDense, keepsPlace, stridesOf, type Cache } from './cache-layout.ts';
import { isConcat } from './in-place.ts';
import type { Selection } from './select.ts';
import { kernelReads, type KernelSpec, type MoveKernel, type MovePart } from './spec.ts';
import { shapeOf } from './values.ts';

export interface GrownSelection {
  readonly selection: Selection;
  /** Each cache found, and each that has to be copied, with the reason. */
  readonly diagnostics: readonly Diagnostic[];
  /** What to tell where nothing grows in place after all, for want of room. */
  readonly copied: () => readonly Diagnostic[];
}

/** A piece of a model input that a Concat puts into what a model output has. */
interface Copy {
  readonly kernel: MoveKernel;
  /** As the Concat has it, and as a box of the model input. */
  readonly own: MovePart;
  readonly part: MovePart;
  /** The Slice that cuts it off for the Concat alone. */
  readonly cut: MoveKernel | null;
  readonly into: ValueId;
  /** Where the part begins there, in elements. */
  readonly offset: number;
}

/** Finds caches and takes their copies out of the kernels. */
export function growCaches(graph: Graph, selection: Selection, machine: Machine): GrownSelection {
  const copies = findCopies(graph, selection);
  if (copies.size === 0) return { selection, diagnostics: [], copied: () => [] };
  const facts = factsOf(graph, selection, machine);
  const caches: Cache[] = [];
  const diagnostics: Diagnostic[] = [];
  const refused: Refused[] = [];
  const dropped = new Set<MovePart>();
  const cuts = new Set<KernelSpec>();
  const placed = new Map(selection.placed);
  const taken = new Set<ValueId>();
  for (const [past, mine] of copies) {
    const name = graph.values[past]?.name ?? '';
    const found = cacheOf(facts, past, mine);
    const cache = 'reason' in found || !taken.has(found.present) ? found : { reason: 'another input lies in that output already' };
    if ('reason' in cache) {
      const into = facts.outputOf(mine[0]?.into ?? past);
      refused.push({ past: name, present: into, reason: cache.reason });
      continue;
    }
    taken.add(cache.present);
    caches.push(cache);
    for (const { own, cut } of mine) {
      dropped.add(own);
      if (cut !== null) cuts.add(cut);
    }
    const dense = isDense(cache, shapeOf(graph, past));
    placed.set(past, { into: cache.present, offset: 0, ...(dense ? {} : { strides: stridesOf(cache, shapeOf(graph, past)) }) });
    const { rows, keptRows } = cache;
    diagnostics.push(
      compilerMessages.cacheInPlace({ past: name, present: facts.outputOf(cache.present), rows, appended: rows - keptRows }),
    );
  }
  const copied = (): readonly Diagnostic[] => tellCopied([...refused, ...noRoom(facts, caches, machine)]);
  diagnostics.push(...tellCopied(refused));
  if (caches.length === 0) return { selection, diagnostics, copied };
  const viewNodes = [...selection.viewNodes];
  const kernels = selection.kernels.flatMap((k): KernelSpec[] => {
    if (k.kind !== 'move' || !(cuts.has(k) || k.parts.some((p) => dropped.has(p)))) return [k];
    const parts = cuts.has(k) ? [] : k.parts.filter((p) => !dropped.has(p));
    if (parts.length > 0) return [{ ...k, parts }];
    viewNodes.push(...k.nodes);
    return [];
  });
  return { selection: { ...selection, kernels, viewNodes, placed, caches }, diagnostics, copied };
}

interface Refused {
  readonly past: string;
  readonly present: string;
  readonly reason: string;
}

/** Once for all with one reason. */
function tellCopied(refused: readonly Refused[]): readonly Diagnostic[] {
  const reasons = new Map<string, Refused[]>();
  for (const one of refused) {
    const list = reasons.get(one.reason);
    if (list === undefined) reasons.set(one.reason, [one]);
    else list.push(one);
  }
  return [...reasons].map(([reason, caches]) => compilerMessages.cacheCopied({ caches, reason }));
}

function noRoom({ graph, outputOf }: Facts, caches: readonly Cache[], machine: Machine): Refused[] {
  const { state } = machine.placement;
  const reason = `the home of state, ${state} of ${formatBytes(machine.memories[state]?.sizeBytes ?? 0)}, has no room for it beside what else lives there`;
  return caches.map(({ past, present }) => ({ past: graph.values[past]?.name ?? '', present: outputOf(present), reason }));
}

/** By model input. */
function findCopies(graph: Graph, { kernels, views, placed }: Selection): ReadonlyMap<ValueId, readonly Copy[]> {
  const inputs = new Set(graph.inputs);
  const outputs = new Set(graph.outputs.map((id) => views.rootOf(id)));
  // A cache grows by what the model makes, or is used by it: two inputs put together are a Concat like any other.
  const read = new Set(kernels.flatMap((k) => kernelReads(k).map((v) => v.root)));
  const isGiven = (k: MoveKernel): boolean => {
    const given = k.parts.filter(({ src }) => inputs.has(src.root) || graph.values[src.root]?.constant !== null);
    return given.reduce((n, { extents }) => n + elementCount(extents), 0) === elementCount(k.out.shape);
  };
  const slices = slicesOnce(kernels, outputs);
  const copies = new Map<ValueId, Copy[]>();
  for (const k of kernels) {
    // What a repeated region leaves behind begins as a copy.
    if (!isConcat(k) || k.region !== undefined || (isGiven(k) && !read.has(k.out.root))) continue;
    let [into, offset] = [k.out.root, 0];
    for (let next = placed.get(into); next !== undefined; next = placed.get(into)) [into, offset] = [next.into, offset + next.offset];
    if (!outputs.has(into)) continue;
    for (const own of k.parts) {
      const cut = slices.get(own.src.root) ?? null;
      const part = cut === null ? own : throughSlice(own, cut);
      if (part === null || !inputs.has(part.src.root)) continue;
      const list = copies.get(part.src.root);
      const copy: Copy = { kernel: k, own, part, cut, into, offset: offset + part.dstOffset };
      if (list === undefined) copies.set(part.src.root, [copy]);
      else list.push(copy);
    }
  }
  return copies;
}

/** Slices whose results one kernel reads, by these. */
function slicesOnce(kernels: readonly KernelSpec[], outputs: ReadonlySet<ValueId>): ReadonlyMap<ValueId, MoveKernel> {
  const slices = new Map<ValueId, MoveKernel>();
  for (const k of kernels) if (k.kind === 'move' && k.nodes[0]?.op === 'Slice' && !outputs.has(k.out.root)) slices.set(k.out.root, k);
  const readOnce = new Set<ValueId>();
  for (const { root } of kernels.flatMap(kernelReads)) {
    if (!slices.has(root)) continue;
    if (readOnce.has(root)) slices.delete(root);
    else readOnce.add(root);
  }
  return slices;
}

/** All that a Slice cuts off, where a Concat puts it: a box of what is sliced. null where it is not that plain. */
function throughSlice(own: MovePart, slice: MoveKernel): MovePart | null {
  const [box, ...more] = slice.parts;
  const dense = rowMajorStrides(own.extents);
  const isWhole = (strides: readonly number[], offset: number): boolean => offset === 0 && strides.every((s, i) => s === dense[i]);
  if (box === undefined || more.length > 0 || slice.fills.length > 0 || box.convert !== null || own.convert !== null) return null;
  if (box.extents.length !== own.extents.length || !box.extents.every((extent, i) => extent === own.extents[i])) return null;
  if (!isWhole(own.srcStrides, (own.src.offset ?? 0) + own.srcOffset) || !isWhole(box.dstStrides, box.dstOffset)) return null;
  return { ...own, src: box.src, srcOffset: box.srcOffset, srcStrides: box.srcStrides };
}

interface Facts {
  readonly graph: Graph;
  /** Why no cache can live where the machine keeps state; null where one can. */
  readonly noHome: string | null;
  /** What repeated regions move. */
  readonly moved: ReadonlySet<ValueId>;
  /** Kernels that read a model input. */
  readonly readers: ReadonlyMap<ValueId, readonly KernelSpec[]>;
  /** A host kernel that reads or writes a value or parts of it, where the host does not reach the state. */
  readonly onHost: ReadonlyMap<ValueId, KernelSpec>;
  /** The name of the model output that has these bytes. */
  readonly outputOf: (root: ValueId) => string;
}

function factsOf(graph: Graph, selection: Selection, machine: Machine): Facts {
  const { state } = machine.placement;
  const memory = machine.memories[state];
  const inputs = new Set(graph.inputs);
  const readers = new Map<ValueId, KernelSpec[]>();
  const onHost = new Map<ValueId, KernelSpec>();
  const owner = (root: ValueId): ValueId => {
    let at = root;
    for (let next = selection.placed.get(at); next !== undefined; next = selection.placed.get(at)) at = next.into;
    return at;
  };
  for (const k of selection.kernels) {
    for (const root of new Set(kernelReads(k).map((v) => v.root))) {
      if (!inputs.has(root)) continue;
      const list = readers.get(root);
      if (list === undefined) readers.set(root, [k]);
      else list.push(k);
    }
    if (k.kind === 'host' && machine.host.memory !== state) for (const v of [...k.inputs, ...k.outputs]) onHost.set(owner(v.root), k);
  }
  return {
    graph,
    noHome:
      memory?.owner === 'core'
        ? `the home of state, ${state}, is a core's own memory, where nothing stays between runs; name another with --set placement.state=…`
        : null,
    moved: new Set(selection.regions.flatMap((r) => [...r.moves.keys()])),
    readers,
    onHost,
    outputOf: (root) => graph.values[graph.outputs.find((id) => selection.views.rootOf(id) === root) ?? root]?.name ?? '',
  };
}

function cacheOf(facts: Facts, past: ValueId, copies: readonly Copy[]): Cache | { readonly reason: string } {
  const { graph, noHome, readers, onHost } = facts;
  const [first] = copies;
  const value = graph.values[past];
  if (first === undefined || value === undefined) return { reason: 'nothing of it is kept' };
  const present = first.into;
  if (facts.moved.has(past) || facts.moved.has(present)) return { reason: 'a repeated region hands it out or stacks it' };
  if (noHome !== null) return { reason: noHome };
  const other = copies.find((c) => c.into !== present);
  if (other !== undefined) return { reason: `it also goes into "${facts.outputOf(other.into)}"` };
  if (graph.outputs.includes(past)) return { reason: 'it is an output of the model as it is, too' };
  if (copies.some((c) => c.part.convert !== null)) return { reason: 'its numbers have another scale in the output' };
  if (bitsOf(value.type.dtype) < 8) return { reason: `its elements, ${value.type.dtype}, share bytes` };
  const host = onHost.get(past) ?? onHost.get(present);
  if (host !== undefined) return { reason: `${host.name} runs on the host, which does not reach the home of state` };
  const shape = shapeOf(graph, past);
  const whole = shapeOf(graph, present);
  const axis = grownAxis(shape, whole, first.part.extents);
  if (axis === null) return { reason: `[${whole.join(', ')}] is not [${shape.join(', ')}] with more along one axis` };
  const [pastRows = 0, rows = 0] = [shape[axis], whole[axis]];
  const kept = pastRows === rows ? (first.part.extents[axis] ?? 0) : pastRows;
  const cache: Cache = { past, present, pastRows, rows, keptRows: kept, inner: elementCount(shape.slice(axis + 1)) };
  if (rows < pastRows || !copies.every((c) => keepsPlace(cache, c.part, c.offset)))
    return { reason: 'its rows are not the first of the output' };
  // Once each: what else is written there would be written over it.
  if (copies.reduce((n, c) => n + elementCount(c.part.extents), 0) * pastRows !== elementCount(shape) * kept)
    return { reason: 'not all of it is kept' };
  const kernels = new Set<KernelSpec>(copies.flatMap((c) => (c.cut === null ? [c.kernel] : [c.kernel, c.cut])));
  const reader = readers.get(past)?.find((k) => !kernels.has(k));
  if (reader !== undefined && (kept < pastRows || !isDense(cache, shape)))
    return { reason: `${reader.name} reads it too, before it has the new rows` };
  return cache;
}

/** The axis along which the present has more than the past; where both are as long, the one along which not all of the past is kept. */
function grownAxis(shape: readonly number[], whole: readonly number[], kept: readonly number[]): number | null {
  if (shape.length !== whole.length) return null;
  const differs = (other: readonly number[]): readonly number[] => shape.flatMap((extent, axis) => (extent === other[axis] ? [] : [axis]));
  const grown = differs(whole);
  const [axis, ...more] = grown.length > 0 || kept.length !== shape.length ? grown : differs(kept);
  return axis === undefined || more.length > 0 ? null : axis;
}
