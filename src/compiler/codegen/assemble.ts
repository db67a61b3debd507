/**
 * Moves whose far side would cross in pieces shorter than a burst: the output is assembled on chip, tile by tile. Boxes of the sources
 * are fetched as they lie, put in place by the vector engine, and the finished tile is stored in whole runs.
 */
import { bytesPerElement, lanesTake, type DType } from '../../core/index.ts';
import type { Ref, VectorStep } from '../../isa/index.ts';
import type { MoveKernel, VectorPlan } from '../kernels/spec.ts';
import type { Access } from '../schedule/program-writer.ts';
import { slotBytes } from '../memory/local-window.ts';
import {
  boxBegin,
  boxesIn,
  createAssembly,
  fetchOf,
  type AssemblyPart,
  type Assembly,
  type Fetch,
  type PartBox,
  type PartLoops,
} from '../tiling/assembly.ts';
import { chooseTile, type AssemblyCosts, type FarSide } from '../tiling/assembly-tile.ts';
import { boxTiles, mergeAxes, type BoxTile } from '../tiling/box.ts';
import {
  createRotation,
  createTilePool,
  denseStrides,
  homeRef,
  issue,
  read,
  scratchpad,
  slotRef,
  sourceOf,
  storedOperand,
  targetOf,
  write,
  type EmitContext,
  type Source,
} from './context.ts';
import { fillSource } from './fill.ts';
import type { Emitted } from './vector.ts';

/** What one part of the output is made of. */
interface Feed {
  readonly loops: PartLoops;
  /** null: `immediate` everywhere. */
  readonly source: Source | null;
  readonly convert: VectorPlan | null;
  readonly immediate: Immediate | null;
}

interface Immediate {
  readonly dtype: DType;
  /** How many of that type an element of the output is. */
  readonly words: number;
  readonly value: number;
}

export interface AssembledMove {
  readonly estimatePs: number;
  emit(): Emitted;
}

/** How to assemble this move; null where it cannot be, or where nothing far away is involved. */
export function planAssembled(cx: EmitContext, k: MoveKernel): AssembledMove | null {
  const { home } = targetOf(cx, k.out);
  const feeds = feedsOf(cx, k);
  if (home.local && feeds.every((f) => f.source === null || f.source.direct)) return null;
  const assembly = createAssembly(
    k.out.shape,
    feeds.map((f) => f.loops),
  );
  if (assembly === null) return null;
  const costs = costsOf(cx, k, feeds);
  const choice = chooseTile(assembly, costs, cx.env.chance);
  if (choice === null) return null;
  return { estimatePs: choice.estimatePs, emit: () => emitTiles(cx, k, { feeds, assembly, costs, ...choice }) };
}

function feedsOf(cx: EmitContext, k: MoveKernel): Feed[] {
  const parts = k.parts.map((p): Feed => ({ loops: p, source: sourceOf(cx, p.src), convert: p.convert, immediate: null }));
  const fills = k.fills.map((f): Feed => {
    const loops = { ...f, srcOffset: 0, srcStrides: f.extents.map(() => 0) };
    const immediate = immediateOf(cx, f.element, k.out.dtype);
    return { loops, source: immediate === null ? fillSource(cx, f.element, 1) : null, convert: null, immediate };
  });
  return [...parts, ...fills];
}

/** A constant as vector programs hold it, where an fp32 number can; null otherwise. */
function immediateOf(cx: EmitContext, element: Uint8Array, out: DType): Immediate | null {
  const raw = rawType(cx, element.length);
  if (raw === null) return null;
  const data = new DataView(element.slice().buffer);
  if (out === 'float32' && lanesTake(cx.env.core.vector.dtypes, 'float32')) {
    const value = data.getFloat32(0, true);
    return Number.isNaN(value) ? null : { dtype: 'float32', words: 1, value };
  }
  const words = Array.from({ length: raw.words }, (_, i) =>
    raw.dtype === 'int8' ? data.getInt8(i) : raw.dtype === 'int16' ? data.getInt16(2 * i, true) : data.getInt32(4 * i, true),
  );
  const [value = 0] = words;
  return words.every((v) => v === value) && Math.fround(value) === value ? { ...raw, value } : null;
}

/** Integers whose bytes stand for an element of this size, as the lanes take them; null where they do not. */
function rawType(cx: EmitContext, bytes: number): { readonly dtype: DType; readonly words: number } | null {
  const dtype: DType = bytes === 1 ? 'int8' : bytes === 2 ? 'int16' : 'int32';
  return bytes === 1 || bytes === 2 || bytes % 4 === 0
    ? lanesTake(cx.env.core.vector.dtypes, dtype)
      ? { dtype, words: Math.max(1, bytes / 4) }
      : null
    : null;
}

function costsOf(cx: EmitContext, k: MoveKernel, feeds: readonly Feed[]): AssemblyCosts {
  const { machine, core, tickPs } = cx.env;
  const eo = bytesPerElement(k.out.dtype);
  const { home } = targetOf(cx, k.out);
  const side = (memory: string, direction: 'read' | 'write', bytes: number): FarSide | null => {
    const m = machine.memories[memory];
    if (m === undefined || m.owner === 'core') return null;
    const rate = direction === 'read' ? m.readBytesPerSecond : m.writeBytesPerSecond;
    return { burst: Math.max(1, Math.floor(m.burstBytes / bytes)), bytes, psPerByte: 1e12 / rate, latencyPs: m.latencyPs };
  };
  return {
    sources: feeds.map((f) => (f.source === null || f.source.direct ? null : side(f.source.home, 'read', bytesPerElement(f.source.dtype)))),
    target: home.local ? null : side(home.memory, 'write', eo),
    outBytes: eo,
    dmaStartPs: core.dma.startTicks * tickPs,
    dmaPsPerByte: tickPs / core.dma.bytesPerTick,
    vectorStartPs: core.vector.startTicks * tickPs,
    vectorPs: (core.vector.ticksPerOp.transpose / core.vector.lanes) * Math.max(1, eo / 4) * tickPs,
    capacity: scratchpad(cx).capacity,
  };
}

/** A box of a part on its way into a tile. */
interface Piece {
  readonly feed: Feed;
  readonly part: AssemblyPart;
  readonly box: PartBox;
  /** First element in the source. */
  readonly src: number;
  /** Place of the box's first element in the tile, and strides there, for each loop. Elements. */
  readonly place: number;
  readonly strides: readonly number[];
  readonly fetch: Fetch | null;
  /** Goes into the tile as it comes: its runs are long enough there. */
  readonly straight: boolean;
}

interface Job {
  readonly feeds: readonly Feed[];
  readonly assembly: Assembly;
  readonly costs: AssemblyCosts;
  readonly tile: readonly number[];
  readonly inSlots: number;
  readonly outSlots: number;
  readonly outBytes: number;
}

function emitTiles(cx: EmitContext, k: MoveKernel, job: Job): Emitted {
  const { dims } = job.assembly;
  const { home } = targetOf(cx, k.out);
  const w = scratchpad(cx);
  const eo = bytesPerElement(k.out.dtype);
  const tiles = [...boxTiles(dims.extents, job.tile)].map((t) => ({ t, pieces: piecesOf(cx, job, t, home.local) }));
  const fetched = tiles.flatMap(({ pieces }) =>
    pieces.map((p) => (p.fetch === null || p.straight ? 0 : p.fetch.elements * bytesPerElement(p.feed.source?.dtype ?? 'int8'))),
  );
  const inBytes = fetched.reduce((m, b) => Math.max(m, b), 0);
  const room = w.capacity - job.outSlots * slotBytes(job.outBytes);
  const inSlots = inBytes === 0 ? 0 : Math.min(Math.max(1, job.inSlots), Math.floor(room / slotBytes(inBytes)));
  const pool = inSlots > 0 ? createTilePool(w, inSlots, inBytes) : null;
  const outs = job.outSlots > 0 ? createRotation(w, job.outSlots, job.outBytes) : null;
  const tags = new Map<string, number>();
  for (const { t, pieces } of tiles) {
    const slot = outs?.next() ?? null;
    const written = (): Access => (slot === null ? write(home.resource()) : write(slot.resource));
    for (const p of pieces) {
      const target = (dtype: DType, extents: readonly number[], strides: readonly number[]): Ref =>
        slot === null ? homeRef(home, dtype, p.place * eo, extents, strides) : slotRef(w, slot, dtype, extents, strides, p.place * eo);
      if (p.fetch === null || p.straight || p.feed.source === null || pool === null) {
        emitPiece(cx, p, null, target, k.out.dtype, written());
        continue;
      }
      const { source } = p.feed;
      const key = `${job.feeds.indexOf(p.feed)} ${p.src} ${p.box.sizes.join()}`;
      const tag = tags.get(key) ?? tags.size;
      tags.set(key, tag);
      const { slot: from, fresh } = pool.get(tag);
      const es = bytesPerElement(source.dtype);
      if (fresh) {
        const { extents, strides } = p.fetch;
        const src = source.ref(
          (p.src + p.fetch.from) * es,
          extents,
          strides.map((s) => s * es),
        );
        issue(
          cx,
          'dma-in',
          { op: 'LOAD', src, dst: slotRef(w, from, source.dtype, extents, denseStrides(extents, es)), operand: source.operand },
          [read(source.resource), write(from.resource)],
        );
      }
      const local = (dtype: DType, extents: readonly number[], strides: readonly number[]): Ref =>
        slotRef(w, from, dtype, extents, strides, (p.fetch?.localOffset ?? 0) * es);
      emitPiece(cx, p, { ref: local, strides: p.fetch.localStrides, access: read(from.resource) }, target, k.out.dtype, written());
    }
    if (slot === null) continue;
    const offset = t.starts.reduce((sum, s, i) => sum + s * (dims.strides[i] ?? 1) * eo, 0);
    const merged = mergeAxes(t.sizes, [denseStrides(t.sizes, eo), dims.strides.map((s) => s * eo)]);
    const dtype = storedType(k, eo);
    issue(
      cx,
      'dma-out',
      {
        op: 'STORE',
        src: slotRef(w, slot, dtype, merged.extents, merged.strides[0] ?? []),
        dst: homeRef(home, dtype, offset, merged.extents, merged.strides[1] ?? []),
        operand: storedOperand(home),
      },
      [read(slot.resource), write(home.resource())],
    );
  }
  const steps = `${job.tile.join('×')} of ${dims.extents.join('×')}, assembled on chip`;
  return { mapping: `${job.feeds.length} ${job.feeds.length === 1 ? 'part' : 'parts'}, ${steps}`, tiles: tiles.length };
}

function storedType(k: MoveKernel, bytes: number): DType {
  return k.parts.some((p) => p.convert !== null)
    ? k.out.dtype
    : bytes === 1
      ? 'int8'
      : bytes === 2
        ? 'int16'
        : bytes === 4
          ? 'int32'
          : k.out.dtype;
}

function piecesOf(cx: EmitContext, job: Job, t: BoxTile, inHome: boolean): Piece[] {
  const { dims, parts } = job.assembly;
  const tileStrides = inHome ? dims.strides : denseStrides(t.sizes, 1);
  const begin = inHome ? t.starts.reduce((n, s, d) => n + s * (dims.strides[d] ?? 1), 0) : 0;
  return parts.flatMap((part, p) => {
    const feed = job.feeds[p];
    const side = job.costs.sources[p] ?? null;
    if (feed === undefined) return [];
    const strides = part.extents.map(() => 0);
    part.dims.forEach((dim, d) => dim.loops.forEach((l) => (strides[l.loop] = l.step * (tileStrides[d] ?? 1))));
    return boxesIn(part, t).map((box): Piece => {
      const at = boxBegin(part, box);
      const place = dims.strides.reduce(
        (n, s, d) => n + ((Math.floor(at.dst / s) % (dims.extents[d] ?? 1)) - (t.starts[d] ?? 0)) * (tileStrides[d] ?? 1),
        begin,
      );
      const fetch = side === null ? null : fetchOf(box.sizes, part.srcStrides, side.burst);
      const straight = fetch !== null && fetch.exact && feed.convert === null && isStraight(cx, feed, part, box, strides);
      return { feed, part, box, src: at.src, place, strides, fetch, straight };
    });
  });
}

/** Loops of a piece, those of the source's longest strides first, merged where both sides walk on. */
function inSourceOrder(part: AssemblyPart, box: PartBox, strides: readonly number[]): ReturnType<typeof mergeAxes> {
  const order = box.sizes.map((_, i) => i).toSorted((a, b) => Math.abs(part.srcStrides[b] ?? 0) - Math.abs(part.srcStrides[a] ?? 0));
  const pick = (list: readonly number[]): number[] => order.map((i) => list[i] ?? 0);
  return mergeAxes(pick(box.sizes), [pick(part.srcStrides), pick(strides)]);
}

/** The DMA writes runs of a beat or more, or all in one run, straight into the tile. */
function isStraight(cx: EmitContext, feed: Feed, part: AssemblyPart, box: PartBox, strides: readonly number[]): boolean {
  const { extents, strides: both } = inSourceOrder(part, box, strides);
  const run = both.every((s) => s.at(-1) === 1) ? (extents.at(-1) ?? 1) : 1;
  const es = bytesPerElement(feed.source?.dtype ?? 'int8');
  return run * es >= cx.env.core.dma.bytesPerTick || extents.reduce((n, e) => n * e, 1) === run;
}

type RefMaker = (dtype: DType, extents: readonly number[], strides: readonly number[]) => Ref;

/** Puts a piece into its place: from its copy on chip (`local`), or from where the source lies. */
function emitPiece(
  cx: EmitContext,
  p: Piece,
  local: { readonly ref: RefMaker; readonly strides: readonly number[]; readonly access: Access } | null,
  target: RefMaker,
  out: DType,
  written: Access,
): void {
  const { source, convert, immediate } = p.feed;
  const bytes = (strides: readonly number[], size: number): number[] => strides.map((s) => s * size);
  if (source === null) {
    if (immediate === null) throw new Error('a piece of nothing');
    const { dtype, words } = immediate;
    const size = bytesPerElement(dtype);
    const merged = mergeAxes([...p.box.sizes, words], [[...bytes(p.strides, size * words), size]]);
    const to = target(dtype, merged.extents, merged.strides[0] ?? []);
    issue(
      cx,
      'vector',
      { op: 'VECTOR', inputs: [], outputs: [to], steps: [step('immediate', 0, -1, immediate.value), step('store', 0, 0)] },
      [written],
    );
    return;
  }
  const es = bytesPerElement(source.dtype);
  const sourceAccess = local?.access ?? read(source.resource);
  if (p.straight) {
    const { extents, strides } = inSourceOrder(p.part, p.box, p.strides);
    const [from = [], to = []] = strides;
    const src = source.ref(p.src * es, extents, bytes(from, es));
    issue(cx, 'dma-in', { op: 'LOAD', src, dst: target(source.dtype, extents, bytes(to, es)), operand: source.operand }, [
      sourceAccess,
      written,
    ]);
    return;
  }
  const from: RefMaker = local?.ref ?? ((dtype, extents, strides) => ({ ...source.ref(p.src * es, extents, strides), dtype }));
  const fromStrides = local?.strides ?? p.part.srcStrides;
  if (convert !== null) {
    const eo = bytesPerElement(out);
    const merged = mergeAxes(p.box.sizes, [bytes(fromStrides, es), bytes(p.strides, eo)]);
    const [a = [], b = []] = merged.strides;
    issue(
      cx,
      'vector',
      { op: 'VECTOR', inputs: [from(source.dtype, merged.extents, a)], outputs: [target(out, merged.extents, b)], steps: convert.steps },
      [sourceAccess, written],
    );
    return;
  }
  const raw = rawType(cx, es) ?? { dtype: source.dtype, words: 1 };
  const size = es / raw.words;
  const merged = mergeAxes(
    [...p.box.sizes, raw.words],
    [
      [...bytes(fromStrides, es), size],
      [...bytes(p.strides, es), size],
    ],
  );
  const [a = [], b = []] = merged.strides;
  const [x, y] = [from(raw.dtype, merged.extents, a), target(raw.dtype, merged.extents, b)];
  if (rawType(cx, es) === null) {
    issue(cx, 'dma-in', { op: 'COPY', src: x, dst: y, operand: source.operand }, [sourceAccess, written]);
  } else {
    issue(cx, 'vector', { op: 'VECTOR', inputs: [x], outputs: [y], steps: [step('loadInt', 0, 0), step('store', 0, 0)] }, [
      sourceAccess,
      written,
    ]);
  }
}

function step(op: VectorStep['op'], dst: number, a: number, immediate = 0): VectorStep {
  return { op, dst, a, b: -1, c: -1, immediate };
}
