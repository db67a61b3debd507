/**
 * Tensors as arrays of JavaScript numbers, for evaluators. Floats of 16 bits and less become fp32, packed integers bytes, 64-bit
 * integers doubles (exact to 2^53; larger results saturate at the int64 range when stored).
 */
import {
  bfloat16FromFloat32,
  elementCount,
  encodeFloat,
  encodeScale,
  float16FromFloat32,
  float32FromBfloat16,
  float32FromFloat16,
  floatTable,
  isNarrowFloat,
  type DType,
  type RoundMode,
  type Tensor,
} from '../../core/index.ts';
import { lanesLike, moveLanes, packBits, storedOf, tensorOfStored, unpackBits } from './storage.ts';

export type Numbers = Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

/** The elements as numbers; a view of the tensor's own data where the type allows. */
export function numbersOf(tensor: Tensor): Numbers {
  const { data, dtype } = tensor;
  switch (dtype) {
    case 'float16':
    case 'bfloat16': {
      const decode = dtype === 'float16' ? float32FromFloat16 : float32FromBfloat16;
      if (!(data instanceof Uint16Array)) throw new Error(`${dtype} data must be bits in a Uint16Array`);
      const out = new Float32Array(data.length);
      for (let i = 0; i < out.length; i++) out[i] = decode(data[i] ?? 0);
      return out;
    }
    case 'int4':
    case 'int2': {
      const codes = unpackBits(bytesIn(tensor), dtype, elementCount(tensor.shape));
      const up = dtype === 'int4' ? 28 : 30;
      // Weights are many: a callback for each takes ten times as long.
      const numbers = new Int8Array(codes.length);
      for (let i = 0; i < numbers.length; i++) numbers[i] = ((codes[i] ?? 0) << up) >> up;
      return numbers;
    }
    case 'uint4':
    case 'uint2':
      return unpackBits(bytesIn(tensor), dtype, elementCount(tensor.shape));
    case 'float4e2m1':
      return throughTable(unpackBits(bytesIn(tensor), dtype, elementCount(tensor.shape)), dtype);
    case 'float8e4m3fn':
    case 'float8e4m3fnuz':
    case 'float8e5m2':
    case 'float8e5m2fnuz':
    case 'float8e8m0':
      return throughTable(bytesIn(tensor), dtype);
    case 'complex64':
    case 'complex128':
      throw new Error('complex numbers are moved, not computed with');
    default:
  }
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const out = new Float64Array(data.length);
    for (let i = 0; i < out.length; i++) out[i] = Number(data[i]);
    return out;
  }
  if (!ArrayBuffer.isView(data)) throw new Error('string tensors have no numbers');
  return data;
}

function bytesIn({ data, dtype }: Tensor): Uint8Array {
  if (!(data instanceof Uint8Array)) throw new Error(`${dtype} data must be bytes in a Uint8Array`);
  return data;
}

function throughTable(codes: Uint8Array, dtype: DType): Float32Array {
  const table = floatTable(dtype);
  const out = new Float32Array(codes.length);
  for (let i = 0; i < out.length; i++) out[i] = table[codes[i] ?? 0] ?? 0;
  return out;
}

/** Elements as fp32, whatever the type; a view where they already are. */
export function floatsOf(tensor: Tensor): Float32Array {
  const numbers = numbersOf(tensor);
  return numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
}

/** Zeroed working storage whose element type rounds results the way `dtype` does; half floats and int64 are converted by `tensorOf`. */
export function allocate(dtype: DType, count: number): Numbers {
  switch (dtype) {
    case 'float64':
    case 'int64':
    case 'uint64':
      return new Float64Array(count);
    case 'int8':
    case 'int4':
    case 'int2':
      return new Int8Array(count);
    case 'uint8':
    case 'uint4':
    case 'uint2':
    case 'bool':
      return new Uint8Array(count);
    case 'int16':
      return new Int16Array(count);
    case 'uint16':
      return new Uint16Array(count);
    case 'int32':
      return new Int32Array(count);
    case 'uint32':
      return new Uint32Array(count);
    default:
      return new Float32Array(count);
  }
}

const int64Max = 2n ** 63n - 1n;

function toBigInt(x: number): bigint {
  if (x !== x) return 0n;
  if (x >= 2 ** 63) return int64Max;
  if (x <= -(2 ** 63)) return -int64Max - 1n;
  return BigInt(Math.trunc(x));
}

/** What is below zero wraps, what is too large saturates. */
function toUnsigned(x: number): bigint {
  if (x !== x) return 0n;
  if (x >= 2 ** 64) return 2n ** 64n - 1n;
  return BigInt.asUintN(64, x <= -(2 ** 63) ? -int64Max - 1n : BigInt(Math.trunc(x)));
}

/** Bits of float8 and float4 elements, packed where two share a byte. */
export function narrowBits(dtype: DType, numbers: Numbers | readonly number[], saturate: boolean, mode: RoundMode = 'up'): Uint8Array {
  const codes = new Uint8Array(numbers.length);
  if (dtype === 'float8e8m0') for (let i = 0; i < codes.length; i++) codes[i] = encodeScale(numbers[i] ?? 0, saturate, mode);
  else if (isNarrowFloat(dtype)) for (let i = 0; i < codes.length; i++) codes[i] = encodeFloat(dtype, numbers[i] ?? 0, saturate);
  else throw new Error(`${dtype} is no float of 8 bits or less`);
  return dtype === 'float4e2m1' ? packBits(codes, dtype) : codes;
}

/** A tensor of `dtype` with these elements; keeps the array where it already is of the right kind. */
export function tensorOf(dtype: DType, shape: readonly number[], numbers: Numbers | readonly number[]): Tensor {
  const count = elementCount(shape);
  if (numbers.length !== count) throw new Error(`${numbers.length} numbers for a ${dtype} tensor of ${count} elements`);
  switch (dtype) {
    case 'float16':
    case 'bfloat16': {
      const encode = dtype === 'float16' ? float16FromFloat32 : bfloat16FromFloat32;
      const data = new Uint16Array(count);
      if (numbers instanceof Float32Array) for (let i = 0; i < count; i++) data[i] = encode(numbers[i] ?? 0);
      // Doubles are rounded once, not by way of fp32.
      else for (let i = 0; i < count; i++) data[i] = encodeFloat(dtype, numbers[i] ?? 0, false);
      return { dtype, shape, data };
    }
    case 'int4':
    case 'uint4':
    case 'int2':
    case 'uint2':
      return { dtype, shape, data: packBits(numbers, dtype) };
    case 'int64': {
      const data = new BigInt64Array(count);
      for (let i = 0; i < count; i++) data[i] = toBigInt(numbers[i] ?? 0);
      return { dtype, shape, data };
    }
    case 'uint64': {
      const data = new BigUint64Array(count);
      for (let i = 0; i < count; i++) data[i] = toUnsigned(numbers[i] ?? 0);
      return { dtype, shape, data };
    }
    case 'bool': {
      const data = new Uint8Array(count);
      for (let i = 0; i < count; i++) data[i] = numbers[i] === 0 ? 0 : 1;
      return { dtype, shape, data };
    }
    case 'string':
    case 'complex64':
    case 'complex128':
      throw new Error(`numbers do not make a ${dtype} tensor`);
    default: {
      if (isNarrowFloat(dtype) || dtype === 'float8e8m0') {
        const data = narrowBits(dtype, numbers, true);
        return { dtype, shape, data };
      }
      const data = allocate(dtype, 0);
      if (numbers.constructor === data.constructor && ArrayBuffer.isView(numbers)) return { dtype, shape, data: numbers };
      const copy = allocate(dtype, count);
      for (let i = 0; i < count; i++) copy[i] = numbers[i] ?? 0;
      return { dtype, shape, data: copy };
    }
  }
}

/** The same numbers under another shape. */
export function reshaped(tensor: Tensor, shape: readonly number[]): Tensor {
  return { dtype: tensor.dtype, shape, data: tensor.data };
}

/** Copies chosen elements into a new tensor of the same type: out[i] = data[from[i]]; -1 takes `fill`, an element of the same kind. */
export function pick(tensor: Tensor, shape: readonly number[], from: Int32Array, fill: Tensor | null = null): Tensor {
  const source = storedOf(tensor);
  const out = lanesLike(source.lanes, from.length * source.width);
  moveLanes(out, null, source, from, fill === null ? null : storedOf(fill).lanes);
  return tensorOfStored(tensor.dtype, shape, out);
}

/** A copy in which some elements are replaced: out[to[i]] = updates[i]; the last one wins where `to` repeats. */
export function put(tensor: Tensor, to: Int32Array, updates: Tensor): Tensor {
  const source = storedOf(tensor);
  const out = lanesLike(source.lanes, source.lanes.length);
  moveLanes(out, null, source, straight(source.lanes.length / source.width, 1), null);
  moveLanes(out, to, storedOf(updates), null, null);
  return tensorOfStored(tensor.dtype, tensor.shape, out);
}

/**
 * Copies along axes that are independent of each other: out[i0, i1, …] = data[Σ tables[axis][i]], where a table holds element
 * offsets; a negative offset anywhere takes `fill`. Transpose, Slice, Expand, Tile, Pad and nearest Resize are all of this form.
 */
export function pickAxes(tensor: Tensor, shape: readonly number[], tables: readonly Int32Array[], fill: Tensor | null = null): Tensor {
  const count = elementCount(shape);
  const from = new Int32Array(count);
  // Grow axis by axis: after axis a the first prod(shape[0..a]) entries hold the partial sums, -1 once outside.
  let filled = 1;
  for (const [axis, table] of tables.entries()) {
    const extent = shape[axis] ?? 1;
    for (let i = filled - 1; i >= 0; i--) {
      const base = from[i] ?? 0;
      for (let j = extent - 1; j >= 0; j--) {
        const step = table[j] ?? -1;
        from[i * extent + j] = base < 0 || step < 0 ? -1 : base + step;
      }
    }
    filled *= extent;
    if (filled === 0) break;
  }
  return pick(tensor, shape, from, fill);
}

/** Offsets 0, stride, 2·stride, … of one axis. */
export function straight(extent: number, stride: number): Int32Array {
  return Int32Array.from({ length: extent }, (_, i) => i * stride);
}
