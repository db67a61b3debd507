/** Weights stored in blocks of few bits, each block with a scale of its own, as a matrix of floats. */
import { bytesOf, viewBytes } from '../../core/index.ts';
import { constantOf } from '../../graph/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import { lazyBytes } from '../passes/constants.ts';
import type { Writer } from './writer.ts';

export interface BlockSizes {
  /** Rows (inputs) and columns (outputs) of the matrix. */
  readonly k: number;
  readonly n: number;
  readonly bits: number;
  /** Inputs that share a scale. */
  readonly block: number;
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
  const absent = values.find((v) => v?.constant?.kind === 'absent');
  if (absent?.constant) return w.lazy(type, absent.constant);
  const read = (index: number): Uint8Array | null => {
    const v = values[index];
    if (v === null || v === undefined || v.constant === null) return null;
    return bytesOf(constantOf(v.type, v.constant, v.name, ''));
  };
  const blocks = Math.ceil(k / block);
  const blob = Math.ceil((block * bits) / 8);
  const packed = zeros?.type.dtype === 'uint8';
  const zeroRow = packed ? Math.ceil((blocks * bits) / 8) : blocks;
  return w.lazy(
    type,
    lazyBytes(() => {
      const raw = read(0) ?? new Uint8Array(0);
      const scale = Array.from(viewBytes(scales?.type.dtype ?? 'float32', read(1) ?? new Uint8Array(0)), Number);
      const zero =
        zeros === null || zeros === undefined ? null : Array.from(viewBytes(zeros.type.dtype, read(2) ?? new Uint8Array(0)), Number);
      const bitsAt = (at: number, i: number, from: ArrayLike<number>): number => {
        const bit = i * bits;
        const word = (from[at + (bit >> 3)] ?? 0) | ((from[at + (bit >> 3) + 1] ?? 0) << 8);
        return (word >> (bit & 7)) & ((1 << bits) - 1);
      };
      const out = new Float32Array(k * n);
      for (let column = 0; column < n; column++) {
        for (let g = 0; g < blocks; g++) {
          const s = scale[column * blocks + g] ?? 0;
          const z = zero === null ? 1 << (bits - 1) : packed ? bitsAt(column * zeroRow, g, zero) : (zero[column * zeroRow + g] ?? 0);
          const at = (column * blocks + g) * blob;
          for (let i = 0; i < block && g * block + i < k; i++) {
            out[(g * block + i) * n + column] = Math.fround(Math.fround(bitsAt(at, i, raw) - z) * s);
          }
        }
      }
      return new Uint8Array(out.buffer);
    }),
  );
}
