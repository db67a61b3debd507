/**
 * Elements as they are stored, for operators that only move them: nothing is decoded, so every element type goes through bit by bit.
 * Packed types (4 and 2 bits) are spread out to one byte each; complex numbers are runs of 32-bit words.
 */
import { bitsOf, elementCount, type DType, type Tensor, type TensorData } from '../../core/index.ts';

export type Lanes = Exclude<TensorData, readonly string[]> | string[];

/** `width` lanes make one element. */
export interface Stored {
  readonly lanes: Lanes;
  readonly width: number;
}

/** How many elements share a byte; 1 for all but the packed types. */
export function perByte(dtype: DType): number {
  const bits = bitsOf(dtype);
  return bits < 8 ? 8 / bits : 1;
}

/** Packed elements -> one byte each, the bits as they are; element 0 sits in the lowest bits. */
export function unpackBits(bytes: ArrayLike<number>, dtype: DType, count: number): Uint8Array {
  const bits = bitsOf(dtype);
  const each = 8 / bits;
  const mask = (1 << bits) - 1;
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) out[i] = ((bytes[Math.floor(i / each)] ?? 0) >>> ((i % each) * bits)) & mask;
  return out;
}

/** The way back: the low bits of each number; unused bits of the last byte are 0. */
export function packBits(codes: ArrayLike<number>, dtype: DType): Uint8Array {
  const bits = bitsOf(dtype);
  const each = 8 / bits;
  const mask = (1 << bits) - 1;
  const out = new Uint8Array(Math.ceil(codes.length / each));
  for (let i = 0; i < codes.length; i++) {
    const at = Math.floor(i / each);
    out[at] = (out[at] ?? 0) | (((codes[i] ?? 0) & mask) << ((i % each) * bits));
  }
  return out;
}

/** The stored elements; the tensor's own array where no element needs unpacking. Not to be written to. */
export function storedOf(tensor: Tensor): Stored {
  const { data, dtype } = tensor;
  if (!ArrayBuffer.isView(data)) return { lanes: data as string[], width: 1 };
  const count = elementCount(tensor.shape);
  if (perByte(dtype) > 1 && data instanceof Uint8Array) return { lanes: unpackBits(data, dtype, count), width: 1 };
  if (dtype === 'complex64' || dtype === 'complex128') {
    const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
    return { lanes: new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4), width: bitsOf(dtype) / 32 };
  }
  return { lanes: data, width: 1 };
}

/** A tensor of these lanes, which it keeps unless they must be packed. */
export function tensorOfStored(dtype: DType, shape: readonly number[], lanes: Lanes): Tensor {
  if (!ArrayBuffer.isView(lanes)) return { dtype, shape, data: lanes };
  if (perByte(dtype) > 1 && lanes instanceof Uint8Array) return { dtype, shape, data: packBits(lanes, dtype) };
  if (dtype === 'complex64' || dtype === 'complex128') {
    return { dtype, shape, data: new Uint8Array(lanes.buffer, lanes.byteOffset, lanes.byteLength) };
  }
  return { dtype, shape, data: lanes };
}

/** Zeroed (empty) lanes of the same kind. */
export function lanesLike(like: Lanes, count: number): Lanes {
  if (like instanceof Float32Array) return new Float32Array(count);
  if (like instanceof BigInt64Array) return new BigInt64Array(count);
  if (like instanceof BigUint64Array) return new BigUint64Array(count);
  if (like instanceof Uint8Array) return new Uint8Array(count);
  if (like instanceof Int8Array) return new Int8Array(count);
  if (like instanceof Uint16Array) return new Uint16Array(count);
  if (like instanceof Int16Array) return new Int16Array(count);
  if (like instanceof Int32Array) return new Int32Array(count);
  if (like instanceof Uint32Array) return new Uint32Array(count);
  if (like instanceof Float64Array) return new Float64Array(count);
  return new Array<string>(count).fill('');
}

/** out[to[i]] = lanes[from[i]], element by element; a negative `from` takes element 0 of `fill`, or leaves zero. `to` null: in order. */
export function moveLanes(out: Lanes, to: Int32Array | null, source: Stored, from: Int32Array | null, fill: Lanes | null): void {
  const count = from?.length ?? to?.length ?? 0;
  const { lanes, width } = source;
  if (width > 1 && out instanceof Uint32Array && lanes instanceof Uint32Array) {
    for (let i = 0; i < count; i++) {
      const f = from === null ? i : (from[i] ?? -1);
      const t = to === null ? i : (to[i] ?? 0);
      for (let k = 0; k < width; k++) out[t * width + k] = f < 0 ? Number(fill?.[k] ?? 0) : (lanes[f * width + k] ?? 0);
    }
    return;
  }
  if (lanes instanceof BigInt64Array || lanes instanceof BigUint64Array) {
    if (!(out instanceof BigInt64Array || out instanceof BigUint64Array)) throw new Error('64-bit lanes moved into others');
    const other = fill instanceof BigInt64Array || fill instanceof BigUint64Array ? (fill[0] ?? 0n) : 0n;
    for (let i = 0; i < count; i++) {
      const f = from === null ? i : (from[i] ?? -1);
      out[to === null ? i : (to[i] ?? 0)] = f < 0 ? other : (lanes[f] ?? 0n);
    }
    return;
  }
  if (!ArrayBuffer.isView(lanes)) {
    if (ArrayBuffer.isView(out)) throw new Error('strings moved into numbers');
    const other = fill !== null && !ArrayBuffer.isView(fill) ? (fill[0] ?? '') : '';
    for (let i = 0; i < count; i++) {
      const f = from === null ? i : (from[i] ?? -1);
      out[to === null ? i : (to[i] ?? 0)] = f < 0 ? other : (lanes[f] ?? '');
    }
    return;
  }
  moveNumbers(out as Float32Array, to, lanes as Float32Array, from, Number(fill?.[0] ?? 0));
}

/** A run of lanes as it is; both of one kind. */
export function copyLanes(out: Lanes, at: number, source: Lanes, from: number, count: number): void {
  if (ArrayBuffer.isView(out) && ArrayBuffer.isView(source)) {
    (out as Uint8Array).set((source as Uint8Array).subarray(from, from + count), at);
    return;
  }
  for (let i = 0; i < count; i++) (out as string[])[at + i] = (source as string[])[from + i] ?? '';
}

/** One loop for each kind of array: a loop that sees only one stays fast. `out` and `source` are of one kind. */
function moveNumbers(out: Float32Array, to: Int32Array | null, source: Float32Array, from: Int32Array | null, other: number): void {
  const count = from?.length ?? to?.length ?? 0;
  if (to === null && from !== null) {
    for (let i = 0; i < count; i++) {
      const f = from[i] ?? -1;
      out[i] = f < 0 ? other : (source[f] ?? 0);
    }
    return;
  }
  for (let i = 0; i < count; i++) {
    const f = from === null ? i : (from[i] ?? -1);
    out[to === null ? i : (to[i] ?? 0)] = f < 0 ? other : (source[f] ?? 0);
  }
}
