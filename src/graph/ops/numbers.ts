/**
 * Tensors as arrays of JavaScript numbers, for evaluators. Half-precision floats become fp32, 64-bit integers doubles
 * (exact to 2^53; larger results saturate at the int64 range when stored).
 */
import {
  bfloat16FromFloat32,
  elementCount,
  float16FromFloat32,
  float32FromBfloat16,
  float32FromFloat16,
  type DType,
  type Tensor,
} from '../../core/index.ts';

export type Numbers = Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

/** The elements as numbers; a view of the tensor's own data where the type allows. */
export function numbersOf(tensor: Tensor): Numbers {
  const { data, dtype } = tensor;
  if (dtype === 'float16' || dtype === 'bfloat16') {
    const decode = dtype === 'float16' ? float32FromFloat16 : float32FromBfloat16;
    if (!(data instanceof Uint16Array)) throw new Error(`${dtype} data must be bits in a Uint16Array`);
    const out = new Float32Array(data.length);
    for (let i = 0; i < out.length; i++) out[i] = decode(data[i] ?? 0);
    return out;
  }
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const out = new Float64Array(data.length);
    for (let i = 0; i < out.length; i++) out[i] = Number(data[i]);
    return out;
  }
  if (!ArrayBuffer.isView(data)) throw new Error('string tensors have no numbers');
  return data;
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
      return new Int8Array(count);
    case 'uint8':
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

/** A tensor of `dtype` with these elements; keeps the array where it already is of the right kind. */
export function tensorOf(dtype: DType, shape: readonly number[], numbers: Numbers | readonly number[]): Tensor {
  const count = elementCount(shape);
  if (numbers.length !== count) throw new Error(`${numbers.length} numbers for a ${dtype} tensor of ${count} elements`);
  switch (dtype) {
    case 'float16':
    case 'bfloat16': {
      const encode = dtype === 'float16' ? float16FromFloat32 : bfloat16FromFloat32;
      const data = new Uint16Array(count);
      for (let i = 0; i < count; i++) data[i] = encode(Math.fround(numbers[i] ?? 0));
      return { dtype, shape, data };
    }
    case 'int64': {
      const data = new BigInt64Array(count);
      for (let i = 0; i < count; i++) data[i] = toBigInt(numbers[i] ?? 0);
      return { dtype, shape, data };
    }
    case 'uint64': {
      const data = new BigUint64Array(count);
      for (let i = 0; i < count; i++) data[i] = BigInt.asUintN(64, BigInt(Math.trunc(numbers[i] ?? 0)));
      return { dtype, shape, data };
    }
    case 'bool': {
      const data = new Uint8Array(count);
      for (let i = 0; i < count; i++) data[i] = numbers[i] === 0 ? 0 : 1;
      return { dtype, shape, data };
    }
    default: {
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
  const { data, dtype } = tensor;
  const count = from.length;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const out = data instanceof BigInt64Array ? new BigInt64Array(count) : new BigUint64Array(count);
    const other = fill !== null && (fill.data instanceof BigInt64Array || fill.data instanceof BigUint64Array) ? (fill.data[0] ?? 0n) : 0n;
    for (let i = 0; i < count; i++) {
      const j = from[i] ?? -1;
      out[i] = j < 0 ? other : (data[j] ?? 0n);
    }
    return { dtype, shape, data: out };
  }
  if (!ArrayBuffer.isView(data)) return { dtype, shape, data: Array.from(from, (j) => data[j] ?? '') };
  const out = emptyLike(data, count);
  const otherData = fill?.data[0];
  const other = typeof otherData === 'number' ? otherData : 0;
  for (let i = 0; i < count; i++) {
    const j = from[i] ?? -1;
    out[i] = j < 0 ? other : (data[j] ?? 0);
  }
  return { dtype, shape, data: out };
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

function emptyLike(data: Numbers, count: number): Numbers {
  if (data instanceof Float32Array) return new Float32Array(count);
  if (data instanceof Float64Array) return new Float64Array(count);
  if (data instanceof Int8Array) return new Int8Array(count);
  if (data instanceof Uint8Array) return new Uint8Array(count);
  if (data instanceof Int16Array) return new Int16Array(count);
  if (data instanceof Uint16Array) return new Uint16Array(count);
  if (data instanceof Int32Array) return new Int32Array(count);
  return new Uint32Array(count);
}
