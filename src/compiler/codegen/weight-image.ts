/** The weights region: constants cut into tiles, each stored contiguously in the order its LOAD wants it. Nothing is read until asked for. */
import {
  alignUp,
  bytesOf,
  elementCount,
  fail,
  fixedPointOf,
  compilerMappingMessages,
  viewBytes,
  bytesPerElement,
} from '../../core/index.ts';
import { floatsOf, type Value } from '../../graph/index.ts';
import type { WeightImage, WeightSegment } from '../../isa/index.ts';

/** Segments start at whole bursts. */
const segmentAlignment = 64;

export interface WeightBuilder {
  /** Reserves `bytes`; the same key gives the same segment. @returns offset in the weights region */
  segment(key: string, bytes: number, read: () => Uint8Array): number;
  /** Marks the image as without numbers, for this reason. */
  markAbsent(reason: string): void;
  /** Bytes stored so far, without the gaps between segments: what must cross from memory at least once. */
  stored(): number;
  finish(region: number): WeightImage;
}

export function createWeightBuilder(): WeightBuilder {
  const known = new Map<string, number>();
  const segments: WeightSegment[] = [];
  let end = 0;
  let stored = 0;
  let absent: string | null = null;
  return {
    segment(key, bytes, read) {
      const before = known.get(key);
      if (before !== undefined) return before;
      const offset = alignUp(end, segmentAlignment);
      segments.push({ offset, bytes, read });
      end = offset + bytes;
      stored += bytes;
      known.set(key, offset);
      return offset;
    },
    markAbsent(reason) {
      absent ??= reason;
    },
    stored: () => stored,
    finish: (region) => ({ region, bytes: end, segments, absent }),
  };
}

/** The elements of a constant, a splat expanded; coded error where they are absent. */
export function constantBytes(value: Value): Uint8Array {
  const c = value.constant;
  if (c === null) throw new Error(`${value.name} is not constant`);
  switch (c.kind) {
    case 'bytes':
      return c.bytes;
    case 'splat': {
      const count = elementCount(value.type.shape as readonly number[]);
      const out = new Uint8Array(count * c.element.length);
      for (let i = 0; i < count; i++) out.set(c.element, i * c.element.length);
      return out;
    }
    case 'strings':
      throw new Error(`${value.name} is text, which no memory of the machine holds`);
    case 'absent':
      return fail(compilerMappingMessages.constantAbsent({ name: value.name, reason: c.reason }));
  }
}

/** A box of a constant, packed: axes in the order given, strides and offset in bytes. */
export function gatherBox(value: Value, offset: number, allExtents: readonly number[], allStrides: readonly number[]): Uint8Array {
  const size = bytesPerElement(value.type.dtype);
  const count = elementCount(allExtents);
  if (value.constant?.kind === 'splat') {
    const out = new Uint8Array(count * size);
    for (let i = 0; i < count; i++) out.set(value.constant.element, i * size);
    return out;
  }
  const source = constantBytes(value);
  const out = new Uint8Array(count * size);
  const { extents, strides } = merged(allExtents, allStrides);
  const rank = extents.length;
  const [inner, step] = rank === 0 ? [1, size] : [extents[rank - 1] as number, strides[rank - 1] as number];
  const copyRun = step === size ? denseRuns(source, out, inner * size) : stridedRuns(source, out, size, inner, step);
  const index = new Array<number>(Math.max(0, rank - 1)).fill(0);
  let from = offset;
  for (let at = 0; at < out.length; at += inner * size) {
    copyRun(from, at);
    for (let axis = rank - 2; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      from += strides[axis] as number;
      if ((index[axis] as number) < (extents[axis] as number)) break;
      from -= (extents[axis] as number) * (strides[axis] as number);
      index[axis] = 0;
    }
  }
  return out;
}

/** The same box in fewer axes: those that follow each other without a gap are one, so that runs are long. */
function merged(
  extents: readonly number[],
  strides: readonly number[],
): { readonly extents: readonly number[]; readonly strides: readonly number[] } {
  const [e, s]: [number[], number[]] = [[], []];
  for (const [axis, extent] of extents.entries()) {
    const [stride = 0, last] = [strides[axis], e.length - 1];
    if (last >= 0 && s[last] === extent * stride) {
      e[last] = (e[last] ?? 1) * extent;
      s[last] = stride;
    } else {
      e.push(extent);
      s.push(stride);
    }
  }
  return { extents: e, strides: s };
}

type CopyRun = (from: number, at: number) => void;

function denseRuns(source: Uint8Array, out: Uint8Array, bytes: number): CopyRun {
  return (from, at) => out.set(source.subarray(from, from + bytes), at);
}

/** Element by element: weights of convolutions are turned round on their way into the image, so that no two neighbours stay neighbours. */
function stridedRuns(source: Uint8Array, out: Uint8Array, size: number, count: number, step: number): CopyRun {
  const words =
    size === 4 && step % 4 === 0 && source.byteOffset % 4 === 0
      ? new Uint32Array(source.buffer, source.byteOffset, source.length >> 2)
      : null;
  const outWords = new Uint32Array(out.buffer, 0, out.length >> 2);
  return (from, at) => {
    if (words !== null && from % 4 === 0) {
      for (let i = 0, word = from >> 2; i < count; i++, word += step >> 2) outWords[(at >> 2) + i] = words[word] as number;
      return;
    }
    for (let i = 0, element = from, to = at; i < count; i++, element += step) {
      for (let b = 0; b < size; b++) out[to++] = source[element + b] as number;
    }
  };
}

/** Bytes whose numbers fit four bits as two to a byte, the even one in the low nibble. */
export function inNibbles(numbers: Uint8Array): Uint8Array {
  const packed = new Uint8Array(Math.ceil(numbers.length / 2));
  for (let i = 0; i < numbers.length; i++) packed[i >> 1] = (packed[i >> 1] ?? 0) | (((numbers[i] ?? 0) & 15) << (4 * (i & 1)));
  return packed;
}

/** Bytes of `count` numbers of a per-channel constant from `first`, a single number repeated. */
export function channelBytes(value: Value, first: number, count: number): Uint8Array {
  const size = bytesPerElement(value.type.dtype);
  if (value.constant?.kind === 'splat') return gatherBox(value, 0, [count], [size]);
  const all = constantBytes(value);
  return all.slice(first * size, (first + count) * size);
}

/** The same of floats, as the fp32 numbers that accumulators add. */
export function channelFloats(value: Value, first: number, count: number): Uint8Array {
  const bytes = channelBytes(value, first, count);
  const { dtype } = value.type;
  if (dtype === 'float32') return bytes;
  const floats = floatsOf({ dtype, shape: [count], data: viewBytes(dtype, bytes) });
  return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
}

/** The same in fixed point: multiplier and shift of each channel, int32. */
export function fixedBytes(all: Float32Array, first: number, count: number): Uint8Array {
  const words = new Int32Array(2 * count);
  for (let i = 0; i < count; i++) {
    const { multiplier, shift } = fixedPointOf(all[all.length === 1 ? 0 : first + i] ?? 0);
    words.set([multiplier, shift], 2 * i);
  }
  return new Uint8Array(words.buffer);
}

/** Multipliers of channels `first …` as bytes; one multiplier serves all channels. */
export function multiplierBytes(all: Float32Array, first: number, count: number): Uint8Array {
  const part = all.length === 1 ? new Float32Array(count).fill(all[0] as number) : all.slice(first, first + count);
  return bytesOf({
    dtype: 'float32',
    shape: [count],
    data: viewBytes('float32', new Uint8Array(part.buffer, part.byteOffset, part.byteLength)),
  });
}
