/** Operands in the memory of the kernels. */
import { bitsOf, elementCount, tensorBytes, type DType } from '../../core/index.ts';
import type { Ref } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { readFloats, readInts, writeNumbers } from './numbers.ts';
import { gather, scatter } from './tile.ts';
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
  else if (isHalf(ref.dtype)) {
    gather(t, kernels.buffer(), raw);
    decodeHalves(kernels, ref.dtype, raw, to, t.count);
  } else if (ref.dtype === 'int16' || isPacked(ref)) new Int32Array(kernels.buffer(), to, t.count).set(readInts(t, zero, cx.scratch, 'x'));
  else new Float32Array(kernels.buffer(), to, t.count).set(readFloats(t, cx.scratch, 'x'));
}

export function isHalf(dtype: DType): dtype is 'float16' | 'bfloat16' {
  return dtype === 'float16' || dtype === 'bfloat16';
}

/** Codes as fp32 numbers. They may lie in the second half of where the numbers go. */
export function decodeHalves({ run }: Kernels, dtype: 'float16' | 'bfloat16', from: number, to: number, count: number): void {
  run[dtype === 'float16' ? 'halfToFloat' : 'bfloatToFloat'](from, to, count);
}

/** Writes fp32 numbers in the type of `ref`; narrow ones take the place of the numbers on the way. @param saturate  see `writeNumbers` */
export function writeFloats(cx: Context, kernels: Kernels, ref: Ref, at: number, saturate = true): void {
  const t = tile(cx, ref);
  if (isHalf(ref.dtype)) kernels.run[ref.dtype === 'float16' ? 'floatToHalf' : 'floatToBfloat'](at, at, t.count);
  if (isHalf(ref.dtype) || ref.dtype === 'float32') scatter(t, kernels.buffer(), at);
  else writeNumbers(t, new Float32Array(kernels.buffer(), at, t.count), cx.scratch, saturate);
}

export function allFinite(kernels: Kernels, at: number, count: number): boolean {
  const numbers = new Float32Array(kernels.buffer(), at, count);
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  return true;
}
