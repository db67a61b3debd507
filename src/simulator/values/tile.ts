/**
 * Tiles: the bytes a reference names, read into and written from dense row-major arrays.
 *
 * Elements move as 8, 16 or 32-bit words, whatever their type, in three hand-copied loops: a loop that sees one kind of typed array
 * compiles to a plain machine loop, one that sees several does not.
 */
import { bytesPerElement, elementCount, type DType } from '../../core/index.ts';
import type { Ref } from '../../isa/command.ts';
import type { Memory, Storage } from './memory.ts';

export interface Tile {
  readonly storage: Storage;
  readonly dtype: DType;
  /** First byte in the storage. */
  readonly start: number;
  readonly extents: readonly number[];
  /** Bytes. */
  readonly strides: readonly number[];
  readonly ring: { readonly base: number; readonly bytes: number; readonly axis: number } | null;
  readonly count: number;
}

/** The tile of a reference on a core. Bounds are the caller's business. */
export function tileOf(memory: Memory, core: number, ref: Ref): Tile {
  const area = memory.map.areaOf(ref, core);
  const ring = ref.ring === undefined ? null : { base: area.base + ref.ring.base, bytes: ref.ring.bytes, axis: ref.ring.axis };
  return {
    storage: memory.storageOf(area),
    dtype: ref.dtype,
    start: area.base + ref.offset,
    extents: ref.extents,
    strides: ref.strides,
    ring,
    count: elementCount(ref.extents),
  };
}

/** Equal runs of a tile in dense order: run r starts at starts[r], holds `length` units, `step` units apart. */
export interface Runs {
  /** 1, 2 or 4 bytes; everything else here counts in these. */
  readonly unit: number;
  readonly starts: Float64Array;
  readonly length: number;
  readonly step: number;
}

type Strided = Pick<Tile, 'start' | 'extents' | 'strides' | 'ring'>;

/** The runs of strided elements of `size` bytes: axes that continue each other are merged, rings wrapped. */
export function runsOf(tile: Strided, size: number): Runs {
  const unit = wordSize(tile, size);
  const extents: number[] = [];
  const strides: number[] = [];
  const ringAxis = tile.ring?.axis ?? -1;
  let lastIsRing = false;
  const push = (extent: number, stride: number, isRing: boolean): void => {
    if (extent === 1) return;
    const above = extents.length - 1;
    if (above >= 0 && !isRing && !lastIsRing && strides[above] === extent * stride) {
      extents[above] = (extents[above] ?? 1) * extent;
      strides[above] = stride;
    } else {
      extents.push(extent);
      strides.push(stride);
      lastIsRing = isRing;
    }
  };
  for (let i = 0; i < tile.extents.length; i++) push(tile.extents[i] ?? 1, (tile.strides[i] ?? 0) / unit, i === ringAxis);
  // Elements of several words, and unaligned ones, become one more axis of words.
  push(size / unit, 1, false);

  // The ring axis stays an outer loop: a run never wraps unless a slab itself is cut by the ring's end.
  const innerIsRun = extents.length > 0 && !lastIsRing;
  const length = innerIsRun ? (extents.pop() ?? 1) : 1;
  const step = innerIsRun ? (strides.pop() ?? 1) : 1;
  const starts = enumerate(tile.start / unit, extents, strides);
  const runs: Runs = { unit, starts, length, step };
  return tile.ring === null ? runs : wrap(runs, tile.ring);
}

function enumerate(start: number, extents: readonly number[], strides: readonly number[]): Float64Array {
  let rows = 1;
  for (const e of extents) rows *= e;
  const starts = new Float64Array(rows);
  if (rows === 0) return starts;
  starts[0] = start;
  let filled = 1;
  // Innermost axis first: the block made so far is copied, shifted, along the next axis out.
  for (let axis = extents.length - 1; axis >= 0; axis--) {
    const extent = extents[axis] ?? 1;
    const stride = strides[axis] ?? 0;
    for (let i = 1; i < extent; i++) {
      const to = i * filled;
      const shift = i * stride;
      for (let j = 0; j < filled; j++) starts[to + j] = (starts[j] ?? 0) + shift;
    }
    filled *= extent;
  }
  return starts;
}

function wrap(runs: Runs, ring: { readonly base: number; readonly bytes: number }): Runs {
  const base = ring.base / runs.unit;
  const size = ring.bytes / runs.unit;
  const modulo = (address: number): number => base + ((((address - base) % size) + size) % size);
  const reach = (runs.length - 1) * runs.step;
  const { starts } = runs;
  let whole = true;
  for (let i = 0; i < starts.length && whole; i++) whole = modulo(starts[i] ?? 0) + reach < base + size;
  if (whole) {
    for (let i = 0; i < starts.length; i++) starts[i] = modulo(starts[i] ?? 0);
    return runs;
  }
  const single = new Float64Array(starts.length * runs.length);
  for (let i = 0, k = 0; i < starts.length; i++)
    for (let j = 0; j < runs.length; j++) single[k++] = modulo((starts[i] ?? 0) + j * runs.step);
  return { unit: runs.unit, starts: single, length: 1, step: 1 };
}

/** The largest word that divides the element and every address of the tile. */
function wordSize(tile: Strided, size: number): number {
  for (const unit of [4, 2]) {
    if (size % unit !== 0 || tile.start % unit !== 0) continue;
    if (tile.ring !== null && (tile.ring.base % unit !== 0 || tile.ring.bytes % unit !== 0)) continue;
    if (tile.strides.every((s) => s % unit === 0)) return unit;
  }
  return 1;
}

/** Copies a tile into `dense`, a buffer of its elements in row-major order. */
export function gather(tile: Tile, dense: ArrayBufferLike, denseByteOffset: number): void {
  const size = bytesPerElement(tile.dtype);
  const runs = runsOf(tile, size);
  const units = (tile.count * size) / runs.unit;
  if (runs.unit === 4) gatherWords(runs, tile.storage.words, new Uint32Array(dense, denseByteOffset, units));
  else if (runs.unit === 2) gatherHalves(runs, tile.storage.halves, new Uint16Array(dense, denseByteOffset, units));
  else gatherBytes(runs, tile.storage.bytes, new Uint8Array(dense, denseByteOffset, units));
}

/** Packed integers of four bits, even element in the low nibble; strides count elements. */
export function gatherNibbles(tile: Tile, to: Int32Array): void {
  const { bytes } = tile.storage;
  const runs = runsOf({ ...tile, start: tile.start * 2 }, 1);
  const up = tile.dtype === 'int4' ? 28 : 0;
  let k = 0;
  for (const start of runs.starts) {
    for (let i = 0; i < runs.length; i++) {
      const at = start + i * runs.step;
      const odd = at & 1;
      const nibble = ((bytes[(at - odd) / 2] ?? 0) >> (4 * odd)) & 15;
      to[k++] = (nibble << up) >> up;
    }
  }
}

/** Copies `dense`, the elements in row-major order, into the tile. */
export function scatter(tile: Tile, dense: ArrayBufferLike, denseByteOffset: number): void {
  const size = bytesPerElement(tile.dtype);
  const runs = runsOf(tile, size);
  const units = (tile.count * size) / runs.unit;
  if (runs.unit === 4) scatterWords(runs, tile.storage.words, new Uint32Array(dense, denseByteOffset, units));
  else if (runs.unit === 2) scatterHalves(runs, tile.storage.halves, new Uint16Array(dense, denseByteOffset, units));
  else scatterBytes(runs, tile.storage.bytes, new Uint8Array(dense, denseByteOffset, units));
}

/** Runs longer than this are copied by the platform. */
const longRun = 48;

function gatherWords(runs: Runs, from: Uint32Array, to: Uint32Array): void {
  const { starts, length, step } = runs;
  let k = 0;
  for (let r = 0; r < starts.length; r++) {
    const start = starts[r] ?? 0;
    if (step === 1 && length >= longRun) to.set(from.subarray(start, start + length), k);
    else if (step === 0) to.fill(from[start] ?? 0, k, k + length);
    else for (let i = 0, at = start; i < length; i++, at += step) to[k + i] = from[at] ?? 0;
    k += length;
  }
}

function gatherHalves(runs: Runs, from: Uint16Array, to: Uint16Array): void {
  const { starts, length, step } = runs;
  let k = 0;
  for (let r = 0; r < starts.length; r++) {
    const start = starts[r] ?? 0;
    if (step === 1 && length >= longRun) to.set(from.subarray(start, start + length), k);
    else if (step === 0) to.fill(from[start] ?? 0, k, k + length);
    else for (let i = 0, at = start; i < length; i++, at += step) to[k + i] = from[at] ?? 0;
    k += length;
  }
}

function gatherBytes(runs: Runs, from: Uint8Array, to: Uint8Array): void {
  const { starts, length, step } = runs;
  let k = 0;
  for (let r = 0; r < starts.length; r++) {
    const start = starts[r] ?? 0;
    if (step === 1 && length >= longRun) to.set(from.subarray(start, start + length), k);
    else if (step === 0) to.fill(from[start] ?? 0, k, k + length);
    else for (let i = 0, at = start; i < length; i++, at += step) to[k + i] = from[at] ?? 0;
    k += length;
  }
}

function scatterWords(runs: Runs, to: Uint32Array, from: Uint32Array): void {
  const { starts, length, step } = runs;
  let k = 0;
  for (let r = 0; r < starts.length; r++) {
    const start = starts[r] ?? 0;
    if (step === 1 && length >= longRun) to.set(from.subarray(k, k + length), start);
    else for (let i = 0, at = start; i < length; i++, at += step) to[at] = from[k + i] ?? 0;
    k += length;
  }
}

function scatterHalves(runs: Runs, to: Uint16Array, from: Uint16Array): void {
  const { starts, length, step } = runs;
  let k = 0;
  for (let r = 0; r < starts.length; r++) {
    const start = starts[r] ?? 0;
    if (step === 1 && length >= longRun) to.set(from.subarray(k, k + length), start);
    else for (let i = 0, at = start; i < length; i++, at += step) to[at] = from[k + i] ?? 0;
    k += length;
  }
}

function scatterBytes(runs: Runs, to: Uint8Array, from: Uint8Array): void {
  const { starts, length, step } = runs;
  let k = 0;
  for (let r = 0; r < starts.length; r++) {
    const start = starts[r] ?? 0;
    if (step === 1 && length >= longRun) to.set(from.subarray(k, k + length), start);
    else for (let i = 0, at = start; i < length; i++, at += step) to[at] = from[k + i] ?? 0;
    k += length;
  }
}
