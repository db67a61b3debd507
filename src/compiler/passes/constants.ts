/**
 * Known contents of values, combined without touching them: splats stay splats, absent stays absent, and everything else is
 * computed when somebody first reads the bytes, so that timing never pays for weights.
 */
import { bytesOf, elementCount, invariant, viewBytes, type DType } from '../../core/index.ts';
import type { PackedNumbers } from '../../graph/index.ts';
import type { Constant, TensorType } from '../../graph/ir.ts';

/** A constant whose bytes are computed on first read and kept. */
export function lazyBytes(compute: () => Uint8Array, fits?: 'int4' | 'uint4', packed?: PackedNumbers): Constant {
  let bytes: Uint8Array | null = null;
  return {
    kind: 'bytes',
    get bytes(): Uint8Array {
      bytes ??= compute();
      return bytes;
    },
    ...(fits === undefined ? {} : { fits }),
    ...(packed === undefined ? {} : { packed }),
  };
}

/** The float32 constant all of whose elements are `x`. */
export function splatFloat(x: number): Constant {
  return { kind: 'splat', element: new Uint8Array(Float32Array.of(x).buffer) };
}

/** The element of a splat as a number; null for other constants, and for types wider than a number holds. */
export function splatNumber(constant: Constant | null, dtype: DType): number | null {
  if (constant?.kind !== 'splat') return null;
  const [x] = viewBytes(dtype, constant.element);
  return typeof x === 'bigint' ? Number(x) : (x ?? null);
}

/** Sizes of a type whose dimensions are all known; null with symbols. */
export function staticShape(type: TensorType): readonly number[] | null {
  return type.shape.every((d): d is number => typeof d === 'number') ? type.shape : null;
}

export function staticCount(type: TensorType): number | null {
  const shape = staticShape(type);
  return shape === null ? null : elementCount(shape);
}

/** The numbers of a float32 constant; a splat is written out, so ask only when values are wanted. */
export function floats(constant: Constant, count: number): Float32Array {
  switch (constant.kind) {
    case 'bytes': {
      const data = viewBytes('float32', constant.bytes);
      invariant(data instanceof Float32Array && data.length === count, `${count} float32 expected, ${data.length} found`);
      return data;
    }
    case 'splat': {
      const [x] = viewBytes('float32', constant.element);
      return new Float32Array(count).fill(Number(x));
    }
    case 'strings':
    case 'absent':
      throw new Error(`invariant broken: numbers of a constant of kind ${constant.kind} were asked for`);
  }
}

/** What has more elements is no shape and no list of axes. */
const longestList = 2 ** 16;

/** Elements of an integer constant as numbers, or null when unknown. For shapes, axes and other small things. */
export function integers(constant: Constant | null, type: TensorType): readonly number[] | null {
  const count = staticCount(type);
  if (constant === null || constant.kind === 'absent' || constant.kind === 'strings' || count === null) return null;
  if (constant.kind === 'splat') {
    const x = count > longestList ? null : splatNumber(constant, type.dtype);
    return x === null ? null : Array.from({ length: count }, () => x);
  }
  return Array.from(viewBytes(type.dtype, constant.bytes), Number);
}

/** One float32 operand: `count` numbers, of which number j belongs to the results i with floor(i / inner) mod count = j. */
export interface Operand {
  readonly constant: Constant;
  readonly count: number;
  /** 1 unless the operand runs along an outer axis: then the product of the axes inside it. */
  readonly inner: number;
}

/**
 * Computes `count` float32: `element(numbers)` sees one number per operand. All splats give a splat, an absent operand gives
 * absent, anything else is computed on first read.
 */
export function combine(operands: readonly Operand[], count: number, element: (numbers: readonly number[]) => number): Constant {
  const absent = operands.find((o) => o.constant.kind === 'absent');
  if (absent !== undefined) return absent.constant;
  const splats = operands.map((o) => splatNumber(o.constant, 'float32'));
  if (splats.every((x) => x !== null)) return splatFloat(element(splats));
  return lazyBytes(() => {
    const columns = operands.map((o) => ({ data: floats(o.constant, o.count), inner: o.inner, count: o.count }));
    const result = new Float32Array(count);
    const numbers = operands.map(() => 0);
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < columns.length; k++) {
        const column = columns[k];
        if (column !== undefined) numbers[k] = column.data[Math.floor(i / column.inner) % column.count] ?? 0;
      }
      result[i] = element(numbers);
    }
    return bytesOf({ dtype: 'float32', shape: [count], data: result });
  });
}
