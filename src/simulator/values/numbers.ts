/** Tiles as numbers: the element types that arithmetic knows, in dense arrays. */
import { bytesPerElement, invariant, type DType } from '../../core/index.ts';
import type { Scratch } from './scratch.ts';
import { gather, scatter, type Tile } from './tile.ts';

export type Dense = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array;

/** Elements in their own type; `slot` names the scratch buffer, overwritten by the next read into the same slot. */
export function readDense(tile: Tile, scratch: Scratch, slot: string): Dense {
  const buffer = scratch(`${slot} raw`, tile.count * bytesPerElement(tile.dtype));
  gather(tile, buffer, 0);
  return viewAs(tile.dtype, buffer, tile.count);
}

/** Integers less `zero`, as int32. */
export function readInts(tile: Tile, zero: number, scratch: Scratch, slot: string): Int32Array {
  const ints = new Int32Array(scratch(slot, tile.count * 4), 0, tile.count);
  ints.set(readDense(tile, scratch, slot));
  if (zero !== 0) for (let i = 0; i < ints.length; i++) ints[i] = (ints[i] ?? 0) - zero;
  return ints;
}

export function readFloats(tile: Tile, scratch: Scratch, slot: string): Float32Array {
  const dense = readDense(tile, scratch, slot);
  invariant(dense instanceof Float32Array, `${tile.dtype} read as float32`);
  return dense;
}

/** Writes numbers that the tile's type holds exactly (floats are rounded). */
export function writeNumbers(tile: Tile, numbers: Int32Array | Float32Array | Float64Array, scratch: Scratch): void {
  const buffer = scratch('write raw', tile.count * bytesPerElement(tile.dtype));
  viewAs(tile.dtype, buffer, tile.count).set(numbers);
  scatter(tile, buffer, 0);
}

/** Types that arithmetic commands compute on. */
export const executableDTypes: readonly DType[] = ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'bool', 'float32'];

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
