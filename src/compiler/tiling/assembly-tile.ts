/**
 * The tile of an assembled move: large enough that what crosses to and from far memories comes in whole bursts on both sides, small enough that
 * tiles pipeline. Candidates grow along the output's runs and along the sources' runs; a closed estimate of time picks one.
 */
import type { Random } from '../../core/index.ts';
import { slotBytes } from '../memory/local-window.ts';
import { boxesIn, fetchOf, type Assembly, type AssemblyPart, type DimTile } from './assembly.ts';

/** What the estimate needs to know of a side of the move. */
export interface FarSide {
  /** Elements of a burst; bytes of an element. */
  readonly burst: number;
  readonly bytes: number;
  /** Picoseconds of the memory per byte moved, and until what was moved is seen. */
  readonly psPerByte: number;
  readonly latencyPs: number;
}

export interface AssemblyCosts {
  /** One for each part; null: in the core's own memory, or made without a source. */
  readonly sources: readonly (FarSide | null)[];
  /** null: the output is assembled where it lies. */
  readonly target: FarSide | null;
  /** Bytes of an output element. */
  readonly outBytes: number;
  readonly dmaStartPs: number;
  readonly dmaPsPerByte: number;
  readonly vectorStartPs: number;
  /** Per element put in place. */
  readonly vectorPs: number;
  /** Bytes of the scratchpad. */
  readonly capacity: number;
}

export interface AssemblyChoice {
  readonly tile: readonly number[];
  /** Slots of fetched boxes and of tiles used in turn; bytes of each. */
  readonly inSlots: number;
  readonly outSlots: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly estimatePs: number;
}

/** Slots tried, most first: fetches wait for each other's latency where there are few. */
const slotCounts = [
  [8, 2],
  [4, 2],
  [2, 2],
  [1, 1],
] as const;

/** Above so many parts, candidates are few: each is judged part by part. */
const manyParts = 64;

/** Where a tile is drawn: at most about so many tiles, or the program grows long for nothing. */
const mostDrawnTiles = 64;

/** Estimates this close are equal: the one with the fewest tiles makes the shortest program. */
const closeTo = 1.03;

/** @param chance  draws any tile that fits, of not too many, instead of the best */
export function chooseTile(a: Assembly, costs: AssemblyCosts, chance: Random | null): AssemblyChoice | null {
  const tried = new Map<string, AssemblyChoice | null>();
  for (const tile of candidates(a, costs)) {
    const key = tile.join();
    if (!tried.has(key)) tried.set(key, judge(a, costs, tile));
  }
  const choices = [...tried.values()].filter((c) => c !== null);
  if (chance !== null) {
    const total = a.dims.extents.reduce((n, e) => n * e, 1);
    const few = choices.filter((c) => total <= mostDrawnTiles * c.tile.reduce((n, e) => n * e, 1));
    return few[chance.integer(0, few.length - 1)] ?? choices[0] ?? null;
  }
  const least = choices.reduce((ps, c) => Math.min(ps, c.estimatePs), Infinity);
  const size = (c: AssemblyChoice): number => c.tile.reduce((n, e) => n * e, 1);
  return choices.filter((c) => c.estimatePs <= closeTo * least).toSorted((x, y) => size(y) - size(x))[0] ?? null;
}

function candidates(a: Assembly, costs: AssemblyCosts): number[][] {
  const { extents } = a.dims;
  const total = extents.reduce((n, e) => n * e, 1) * costs.outBytes;
  const inner = extents.map((_, d) => extents.length - 1 - d);
  const bySource = sourceOrder(a);
  const few = a.parts.length > manyParts;
  const lengths = few ? [1] : [0, 1, 2, 4, 8];
  const shares = few ? [8] : [2, 8, 32, 128];
  const granules = extents.map((_, d) => granuleOf(a, d));
  const found: number[][] = [];
  for (const source of lengths) {
    for (const target of lengths) {
      const least = extents.map(() => 1);
      growRun(
        least,
        extents,
        granules,
        inner.map((d) => ({ dim: d, step: 1 })),
        target * (costs.target?.burst ?? 0),
      );
      growRun(least, extents, granules, bySource, source * Math.max(0, ...costs.sources.map((s) => s?.burst ?? 0)));
      for (const share of shares) {
        const budget = Math.max(1024, Math.min(total, costs.capacity) / share);
        found.push(filled(least, extents, granules, inner, budget / costs.outBytes));
        if (!few)
          found.push(filled(least, extents, granules, [...new Set([...bySource.map((s) => s.dim), ...inner])], budget / costs.outBytes));
      }
      found.push(least);
    }
  }
  return found;
}

interface Walk {
  readonly dim: number;
  /** Indices of the dim per element of the source. */
  readonly step: number;
}

/** The dims that the largest part walks, shortest source stride first. */
function sourceOrder(a: Assembly): Walk[] {
  const count = (p: AssemblyPart): number => p.extents.reduce((n, e) => n * e, 1);
  const largest = a.parts.reduce((m, p) => (count(p) > count(m) ? p : m));
  const walks = largest.dims.flatMap((dim, d) =>
    dim.loops.map((l) => ({ dim: d, step: l.step, stride: Math.abs(largest.srcStrides[l.loop] ?? 0) })),
  );
  return walks.filter((w) => w.stride > 0).toSorted((x, y) => x.stride - y.stride);
}

/** Tile sizes that are multiples of this cut no inner loop of any part. */
function granuleOf(a: Assembly, d: number): number {
  let granule = 1;
  for (const p of a.parts) for (const l of p.dims[d]?.loops ?? []) granule = Math.max(granule, l.step);
  return granule;
}

/** Raises `tile` until a run along these dims is `wanted` elements long. */
function growRun(tile: number[], extents: readonly number[], granules: readonly number[], walks: readonly Walk[], wanted: number): void {
  let run = 1;
  for (const { dim, step } of walks) {
    if (run >= wanted) return;
    const extent = extents[dim] ?? 1;
    const size = Math.min(extent, roundUp(Math.ceil(wanted / run) * step, granules[dim] ?? 1));
    tile[dim] = Math.max(tile[dim] ?? 1, size);
    run *= Math.max(1, Math.floor((tile[dim] ?? 1) / step));
    if ((tile[dim] ?? 1) < extent) return;
  }
}

function roundUp(n: number, granule: number): number {
  return Math.ceil(n / granule) * granule;
}

/** `least`, grown dim by dim while it has no more than `most` elements. */
function filled(
  least: readonly number[],
  extents: readonly number[],
  granules: readonly number[],
  order: readonly number[],
  most: number,
): number[] {
  const tile = [...least];
  for (const d of order) {
    const others = tile.reduce((n, e, i) => (i === d ? n : n * e), 1);
    const extent = extents[d] ?? 1;
    const now = tile[d] ?? 1;
    const allowed = Math.floor(most / others);
    if (allowed <= now) continue;
    if (allowed >= extent) {
      tile[d] = extent;
      continue;
    }
    // Even cuts, at multiples of the granule and of what is there already.
    const unit = roundUp(now, granules[d] ?? 1);
    const even = Math.ceil(extent / Math.ceil(extent / allowed));
    tile[d] = Math.max(now, Math.min(roundUp(even, unit), Math.floor(allowed / unit) * unit));
    break;
  }
  return tile;
}

/** Time and room of a tile: of every part the fetches of one tile in its middle stand for all. */
function judge(a: Assembly, costs: AssemblyCosts, tile: readonly number[]): AssemblyChoice | null {
  const { extents, strides } = a.dims;
  const elements = tile.reduce((n, e) => n * e, 1);
  const outBytes = costs.target === null ? 0 : elements * costs.outBytes;
  let inBytes = 0;
  let [bus, dmaIn, fetches, latency, vector] = [0, 0, 0, 0, 0];
  a.parts.forEach((part, p) => {
    const side = costs.sources[p] ?? null;
    const tiles = part.dims.reduce((n, dim, d) => n * overlaps(dim.offset, dim.span, tile[d] ?? 1), 1);
    for (const box of boxesIn(part, middleTile(part, extents, tile))) {
      const count = box.sizes.reduce((n, e) => n * e, 1);
      vector += tiles * (costs.vectorStartPs + count * costs.vectorPs);
      if (side === null) continue;
      const f = fetchOf(box.sizes, part.srcStrides, side.burst);
      const bytes = f.elements * side.bytes;
      inBytes = Math.max(inBytes, bytes);
      bus += tiles * (f.elements / f.run) * Math.ceil(f.run / side.burst) * side.burst * side.bytes * side.psPerByte;
      dmaIn += tiles * (costs.dmaStartPs + bytes * costs.dmaPsPerByte);
      fetches += tiles;
      latency += tiles * side.latencyPs;
    }
  });
  const { target } = costs;
  const count = extents.reduce((n, e, d) => n * Math.ceil(e / (tile[d] ?? 1)), 1);
  let [dmaOut, storeLatency] = [0, 0];
  if (target !== null) {
    const run = outputRun(extents, strides, tile);
    bus += count * (elements / run) * Math.ceil(run / target.burst) * target.burst * target.bytes * target.psPerByte;
    dmaOut = count * (costs.dmaStartPs + outBytes * costs.dmaPsPerByte);
    storeLatency = target.latencyPs;
  }
  for (const [ins, outs] of slotCounts) {
    const [inSlots, outSlots] = [fetches === 0 ? 0 : ins, target === null ? 0 : outs];
    if (inSlots * slotBytes(inBytes) + outSlots * slotBytes(outBytes) > costs.capacity) continue;
    // A slot is taken again when its box has come and been put in place.
    const turns = inSlots === 0 ? 0 : (latency + Math.max(bus, dmaIn) + vector) / inSlots;
    const stores = outSlots === 0 ? 0 : (count * storeLatency + Math.max(bus, dmaIn, dmaOut) + vector) / outSlots;
    const first = (bus + vector) / count + latency / Math.max(1, fetches) + storeLatency;
    return {
      tile: [...tile],
      inSlots,
      outSlots,
      inBytes,
      outBytes,
      estimatePs: Math.max(bus, dmaIn, dmaOut, vector, turns, stores) + first,
    };
  }
  return null;
}

function overlaps(offset: number, span: number, size: number): number {
  return Math.floor((offset + span - 1) / size) - Math.floor(offset / size) + 1;
}

function middleTile(part: AssemblyPart, extents: readonly number[], tile: readonly number[]): DimTile {
  const starts = part.dims.map((dim, d) => {
    const size = tile[d] ?? 1;
    return Math.floor((dim.offset + Math.floor((dim.span - 1) / 2)) / size) * size;
  });
  return { starts, sizes: starts.map((s, d) => Math.min(tile[d] ?? 1, (extents[d] ?? 1) - s)) };
}

/** Contiguous elements of a tile in the output. */
function outputRun(extents: readonly number[], strides: readonly number[], tile: readonly number[]): number {
  let run = 1;
  for (let d = extents.length - 1; d >= 0; d--) {
    if ((tile[d] ?? 1) > 1 && strides[d] !== run) break;
    run *= tile[d] ?? 1;
    if ((tile[d] ?? 1) < (extents[d] ?? 1)) break;
  }
  return run;
}
