/** Operands in the memory of the kernels. */
import { bitsOf, elementCount, tensorBytes } from '../../core/index.ts';
import type { Ref } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { readFloats, readInts } from './numbers.ts';
import { gather } from './tile.ts';
import type { Kernels } from './wasm/kernels.ts';

/** Less its zero point, every element is an int16. */
export function isShort(ref: Ref, zero: number): boolean {
  if (ref.dtype === 'int16') return zero === 0;
  const narrow = ref.dtype === 'int8' || ref.dtype === 'uint8' || isPacked(ref);
  return narrow && Number.isInteger(zero) && Math.abs(zero) <= 16384;
}

function isPacked(ref: Ref): boolean {
  return bitsOf(ref.dtype) < 8;
}

/** Bytes of the elements as they lie in memory. */
export function rawBytes(ref: Ref): number {
  return tensorBytes(ref.dtype, elementCount(ref.extents));
}

/** Integers less `zero` as int16, dense at `to`; `raw` has room for the elements as they are. */
export function readShorts(cx: Context, kernels: Kernels, ref: Ref, zero: number, raw: number, to: number): void {
  const t = tile(cx, ref);
  if (ref.dtype === 'int16') return gather(t, kernels.buffer(), to);
  if (isPacked(ref)) return new Int16Array(kernels.buffer(), to, t.count).set(readInts(t, zero, cx.scratch, 'x'));
  gather(t, kernels.buffer(), raw);
  kernels.run[ref.dtype === 'int8' ? 'pairsS' : 'pairsU'](raw, to, t.count, zero);
}

/** Integers less `zero` as int32, or fp32 numbers. */
export function readUnits(cx: Context, kernels: Kernels, ref: Ref, zero: number, raw: number, to: number): void {
  const t = tile(cx, ref);
  if (ref.dtype === 'int8' || ref.dtype === 'uint8') {
    gather(t, kernels.buffer(), raw);
    kernels.run[ref.dtype === 'int8' ? 'intsS' : 'intsU'](raw, to, t.count, zero);
  } else if (ref.dtype === 'float32' || ref.dtype === 'int32') gather(t, kernels.buffer(), to);
  else if (ref.dtype === 'int16' || isPacked(ref)) new Int32Array(kernels.buffer(), to, t.count).set(readInts(t, zero, cx.scratch, 'x'));
  else new Float32Array(kernels.buffer(), to, t.count).set(readFloats(t, cx.scratch, 'x'));
}

export function allFinite(kernels: Kernels, at: number, count: number): boolean {
  const numbers = new Float32Array(kernels.buffer(), at, count);
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  return true;
}
