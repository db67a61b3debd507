/** Weights stored in blocks of few bits, each block with a scale of its own, as a matrix of floats. */
import { bytesOf, bytesPerElement, viewBytes, type Tensor } from '../../core/index.ts';
import { constantOf, floatsOf, type PackedNumbers } from '../../graph/index.ts';
import type { Value, ValueId } from '../../graph/ir.ts';
import { lazyBytes } from '../passes/constants.ts';
import { asPacked } from '../passes/packed-numbers.ts';
import type { Writer } from './writer.ts';

export interface BlockSizes {
  /** Rows (inputs) and columns (outputs) of the matrix. */
  readonly k: number;
  readonly n: number;
  readonly bits: number;
  /** Inputs that share a scale. */
  readonly block: number;
}

/** Number i of those of `bits` bits that are packed from byte `at` on, from the low bits up. */
export function bitsAt(from: ArrayLike<number>, at: number, i: number, bits: number): number {
  const bit = i * bits;
  const word = (from[at + (bit >> 3)] ?? 0) | ((from[at + (bit >> 3) + 1] ?? 0) << 8);
  return (word >> (bit & 7)) & ((1 << bits) - 1);
}

/**
 * [K, N] of float32: value = (q - zero) · scale, each rounded to fp32.
 * @param operands  B [N, blocks, block · bits / 8] packed from the low bits up, scales [N · blocks], zero points (packed like B, or
 *                  numbers; null: the middle of the range)
 * @returns null where one of them is no constant
 */
export function dequantizedBlocks(
  w: Writer,
  operands: readonly [ValueId, ValueId, ValueId | null],
  { k, n, bits, block }: BlockSizes,
): ValueId | null {
  const values = operands.map((id) => (id === null ? null : w.value(id)));
  const [, scales, zeros] = values;
  if (values.some((v) => v !== null && v.constant === null)) return null;
  const type = { dtype: 'float32', shape: [k, n] } as const;
  const read = (index: number): Uint8Array => {
    const v = values[index];
    if (v === null || v === undefined || v.constant === null) return new Uint8Array();
    return bytesOf(constantOf(v.type, v.constant, v.name, ''));
  };
  const blocks = Math.ceil(k / block);
  const blob = Math.ceil((block * bits) / 8);
  const isPacked = zeros?.type.dtype === 'uint8';
  const zeroRow = isPacked ? Math.ceil((blocks * bits) / 8) : blocks;
  const middle = 1 << (bits - 1);
  /** By column and block. */
  const zerosRead = (): ((column: number, g: number) => number) => {
    if (zeros === null || zeros === undefined) return () => middle;
    const given = Array.from(viewBytes(zeros.type.dtype, read(2)), Number);
    return (column, g) => (isPacked ? bitsAt(given, column * zeroRow, g, bits) : (given[column * zeroRow + g] ?? 0));
  };
  /** Calls back for every number: its place in [K, N], its code, and its column and block. */
  const each = (visit: (at: number, code: number, column: number, g: number) => void): void => {
    const raw = read(0);
    for (let column = 0; column < n; column++)
      for (let g = 0; g < blocks; g++)
        for (let i = 0; i < block && g * block + i < k; i++)
          visit((g * block + i) * n + column, bitsAt(raw, (column * blocks + g) * blob, i, bits), column, g);
  };
  const codes = (): Uint8Array => {
    const out = new Uint8Array(k * n);
    each((at, code) => (out[at] = code));
    return out;
  };
  /** One for each block and column, in rows of blocks. */
  const grid = <T>(of: (column: number, g: number) => T): T[] =>
    Array.from({ length: blocks * n }, (_, at) => of(at % n, Math.floor(at / n)));
  const scaleBytes = (): Uint8Array => {
    const given = viewBytes(scales?.type.dtype ?? 'float32', read(1));
    const turned = grid((column, g) => Number(given[column * blocks + g] ?? 0));
    const out = given instanceof Float32Array ? Float32Array.from(turned) : Uint16Array.from(turned);
    return new Uint8Array(out.buffer);
  };
  // Zero points that are no integers are taken off in fp32, which lanes do in two steps.
  const packed: PackedNumbers | undefined =
    zeros !== null && zeros !== undefined && !isPacked
      ? undefined
      : {
          shape: [k, n],
          codes: { dtype: bits <= 4 ? 'uint4' : 'uint8', read: codes },
          per: [block, 1],
          scales: { dtype: scales?.type.dtype ?? 'float32', read: scaleBytes },
          zeros:
            zeros === null || zeros === undefined
              ? middle
              : { dtype: bits <= 4 ? 'uint4' : 'uint8', read: () => Uint8Array.from(grid(zerosRead())) },
          rounded: [],
        };
  const absent = values.find((v) => v?.constant?.kind === 'absent');
  if (absent?.constant) return w.lazy(type, asPacked(absent.constant, packed));
  const numbers = (): Uint8Array => {
    const scale = floatsOf(tensorOfBytes(scales as Value, read(1)));
    const zero = zerosRead();
    const out = new Float32Array(k * n);
    each((at, code, column, g) => (out[at] = Math.fround(code - zero(column, g)) * (scale[column * blocks + g] ?? 0)));
    return new Uint8Array(out.buffer);
  };
  return w.lazy(type, lazyBytes(numbers, undefined, packed));
}

export interface IntegerBlocks {
  /** [blocks, block, N] of int8: q less its zero point, 0 where a last block is short. */
  readonly weights: ValueId;
  /** [blocks, 1, N] of float32. */
  readonly scales: ValueId;
}

/** The same blocks as integers, with a scale for each block and column; null where an operand is no constant, or the numbers do not fit bytes. */
export function integerBlocks(
  w: Writer,
  operands: readonly [ValueId, ValueId, ValueId | null],
  { k, n, bits, block }: BlockSizes,
): IntegerBlocks | null {
  const [packed, scales, zeros] = operands.map((id) => (id === null ? null : w.value(id)));
  const isKnown = [packed, scales, zeros].every(
    (v) => v === null || v === undefined || v.constant?.kind === 'bytes' || v.constant?.kind === 'splat',
  );
  if (!isKnown || packed === null || packed === undefined || scales === null || scales === undefined) return null;
  // Zero points that are no integers, or 8-bit numbers less any zero point but the middle, leave the byte.
  if (zeros !== null && zeros !== undefined && (zeros.type.dtype !== 'uint8' || bits === 8)) return null;
  const read = (v: Value): Uint8Array => (v.constant === null ? new Uint8Array(0) : bytesOf(constantOf(v.type, v.constant, v.name, '')));
  const blocks = Math.ceil(k / block);
  const blob = Math.ceil((block * bits) / 8);
  const zeroRow = Math.ceil((blocks * bits) / 8);
  const centred = (): Uint8Array => {
    const raw = read(packed);
    const offsets = zeros === null || zeros === undefined ? null : read(zeros);
    const out = new Int8Array(blocks * block * n);
    for (let column = 0; column < n; column++) {
      for (let g = 0; g < blocks; g++) {
        const zero = offsets === null ? 1 << (bits - 1) : bitsAt(offsets, column * zeroRow, g, bits);
        const count = Math.min(block, k - g * block);
        for (let i = 0; i < count; i++) out[(g * block + i) * n + column] = bitsAt(raw, (column * blocks + g) * blob, i, bits) - zero;
      }
    }
    return new Uint8Array(out.buffer);
  };
  const turned = (): Uint8Array => {
    const given = Array.from(floatsOf(tensorOfBytes(scales, read(scales))));
    return new Uint8Array(Float32Array.from({ length: blocks * n }, (_, at) => given[(at % n) * blocks + Math.floor(at / n)] ?? 0).buffer);
  };
  return {
    weights: w.lazy(
      { dtype: 'int8', shape: [blocks, block, n] },
      lazyBytes(centred, bits <= 4 && (zeros === null || zeros === undefined) ? 'int4' : undefined),
    ),
    scales: w.lazy({ dtype: 'float32', shape: [blocks, 1, n] }, lazyBytes(turned)),
  };
}

function tensorOfBytes({ type }: Value, bytes: Uint8Array): Tensor {
  return { dtype: type.dtype, shape: [bytes.length / bytesPerElement(type.dtype)], data: viewBytes(type.dtype, bytes) };
}
