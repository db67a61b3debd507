/** Tiles as numbers: the element types that arithmetic knows, in dense arrays. */
import {
  bfloat16FromFloat32,
  bytesPerElement,
  encodeFloat,
  float16FromFloat32,
  floatTable,
  invariant,
  isNarrowFloat,
  type DType,
  type NarrowFloat,
} from '../../core/index.ts';
import type { Scratch } from './scratch.ts';
import { gather, gatherNibbles, scatter, type Tile } from './tile.ts';

export type Dense = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array;

/** Elements in their own type, narrow floats as fp32; `slot` names the scratch buffer, overwritten by the next read into the same slot. */
export function readDense(tile: Tile, scratch: Scratch, slot: string): Dense {
  if (tile.dtype === 'int4' || tile.dtype === 'uint4') {
    const numbers = new Int32Array(scratch(`${slot} raw`, tile.count * 4), 0, tile.count);
    gatherNibbles(tile, numbers);
    return numbers;
  }
  const buffer = scratch(`${slot} raw`, tile.count * bytesPerElement(tile.dtype));
  gather(tile, buffer, 0);
  if (tile.dtype === 'int64') return lowWords(buffer, tile.count);
  if (!isNarrowFloat(tile.dtype)) return viewAs(tile.dtype, buffer, tile.count);
  const floats = new Float32Array(scratch(`${slot} fp32`, tile.count * 4), 0, tile.count);
  if (tile.dtype === 'bfloat16') {
    // The high half of an fp32 number.
    const words = new Uint32Array(floats.buffer, 0, tile.count);
    const halves = new Uint16Array(buffer, 0, tile.count);
    for (let i = 0; i < words.length; i++) words[i] = (halves[i] ?? 0) << 16;
  } else decodeBy(floatTable(tile.dtype), narrowView(tile.dtype, buffer, tile.count), floats);
  return floats;
}

/** The low halves of 64-bit integers, packed to the front of their buffer. */
function lowWords(buffer: ArrayBufferLike, count: number): Int32Array {
  const words = new Int32Array(buffer, 0, 2 * count);
  for (let i = 0; i < count; i++) words[i] = words[2 * i] ?? 0;
  return words.subarray(0, count);
}

/** 64-bit integers, of which up to 53 bits are used, as doubles. */
export function readWide(tile: Tile, scratch: Scratch, slot: string): Float64Array {
  const buffer = scratch(`${slot} raw`, tile.count * 8);
  gather(tile, buffer, 0);
  const words = new Int32Array(buffer, 0, 2 * tile.count);
  const out = new Float64Array(scratch(`${slot} wide`, tile.count * 8), 0, tile.count);
  for (let i = 0; i < out.length; i++) out[i] = (words[2 * i + 1] ?? 0) * 4294967296 + ((words[2 * i] ?? 0) >>> 0);
  return out;
}

export function writeWide(tile: Tile, numbers: Float64Array, scratch: Scratch): void {
  const buffer = scratch('write raw', tile.count * 8);
  const words = new Int32Array(buffer, 0, 2 * tile.count);
  for (let i = 0; i < numbers.length; i++) {
    const x = numbers[i] ?? 0;
    words[2 * i] = x;
    words[2 * i + 1] = Math.floor(x / 4294967296);
  }
  scatter(tile, buffer, 0);
}

function narrowView(dtype: DType, buffer: ArrayBufferLike, count: number): Uint16Array | Uint8Array {
  return bytesPerElement(dtype) === 2 ? new Uint16Array(buffer, 0, count) : new Uint8Array(buffer, 0, count);
}

function decodeBy(table: Float32Array, codes: Uint16Array | Uint8Array, floats: Float32Array): void {
  for (let i = 0; i < floats.length; i++) floats[i] = table[codes[i] ?? 0] ?? 0;
}

/** Integers less `zero`, as int32. */
export function readInts(tile: Tile, zero: number, scratch: Scratch, slot: string): Int32Array {
  const ints = new Int32Array(scratch(slot, tile.count * 4), 0, tile.count);
  if (tile.dtype === 'int4' || tile.dtype === 'uint4') gatherNibbles(tile, ints);
  else ints.set(readDense(tile, scratch, slot));
  if (zero !== 0) for (let i = 0; i < ints.length; i++) ints[i] = (ints[i] ?? 0) - zero;
  return ints;
}

export function readFloats(tile: Tile, scratch: Scratch, slot: string): Float32Array {
  const dense = readDense(tile, scratch, slot);
  invariant(dense instanceof Float32Array, `${tile.dtype} read as float32`);
  return dense;
}

/** Writes numbers that the tile's type holds exactly (floats are rounded). @param saturate  floats of 8 bits: else they become infinity or NaN */
export function writeNumbers(tile: Tile, numbers: Int32Array | Float32Array | Float64Array, scratch: Scratch, saturate = true): void {
  const buffer = scratch('write raw', tile.count * bytesPerElement(tile.dtype));
  if (tile.dtype === 'int64') signExtend(numbers, new Int32Array(buffer, 0, 2 * tile.count));
  else if (isNarrowFloat(tile.dtype)) encode(tile.dtype, numbers, narrowView(tile.dtype, buffer, tile.count), saturate);
  else viewAs(tile.dtype, buffer, tile.count).set(numbers);
  scatter(tile, buffer, 0);
}

function signExtend(numbers: Int32Array | Float32Array | Float64Array, to: Int32Array): void {
  for (let i = 0; i < numbers.length; i++) {
    const x = numbers[i] ?? 0;
    to[2 * i] = x;
    to[2 * i + 1] = x < 0 ? -1 : 0;
  }
}

/** Numbers here are fp32 already: rounded to nearest, ties to even. 8-bit floats saturate, as ONNX's conversions do by default. */
function encode(
  dtype: NarrowFloat,
  numbers: Int32Array | Float32Array | Float64Array,
  to: Uint16Array | Uint8Array,
  saturate: boolean,
): void {
  if (dtype === 'float16') for (let i = 0; i < to.length; i++) to[i] = float16FromFloat32(numbers[i] ?? 0);
  else if (dtype === 'bfloat16') for (let i = 0; i < to.length; i++) to[i] = bfloat16FromFloat32(numbers[i] ?? 0);
  else for (let i = 0; i < to.length; i++) to[i] = encodeFloat(dtype, numbers[i] ?? 0, saturate);
}

/** Types that arithmetic commands compute on. */
export const executableDTypes: readonly DType[] = [
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'bool',
  'float32',
  'float16',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
];

export function viewAs(dtype: DType, buffer: ArrayBufferLike, count: number): Dense {
  switch (dtype) {
    case 'int8':
      return new Int8Array(buffer, 0, count);
    case 'uint8':
    case 'bool':
      return new Uint8Array(buffer, 0, count);
    case 'int16':
      return new Int16Array(buffer, 0, count);
    case 'uint16':
      return new Uint16Array(buffer, 0, count);
    case 'int32':
      return new Int32Array(buffer, 0, count);
    case 'uint32':
      return new Uint32Array(buffer, 0, count);
    case 'float32':
      return new Float32Array(buffer, 0, count);
    default:
      throw new Error(`invariant broken: arithmetic on ${dtype}`);
  }
}
