import { tensorBytes, type DType } from './dtype.ts';
import { invariant } from './assert.ts';

/** Dense element storage. float16 and bfloat16 hold raw bits in Uint16Array; sub-byte and float8 types raw bytes in Uint8Array. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[];

/**
 * A value with numbers: row-major, `data.length` = product of `shape`. Packed types (4 and 2 bits) and complex numbers are raw bytes,
 * `tensorBytes` of them. A scalar has shape [].
 */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** An ONNX sequence of tensors of one element type. */
export interface TensorSequence {
  readonly kind: 'sequence';
  readonly dtype: DType;
  readonly elements: readonly Tensor[];
}

/** An ONNX optional; `value` null: it holds nothing. */
export interface OptionalValue {
  readonly kind: 'optional';
  readonly value: Tensor | TensorSequence | null;
}

/** What a value of a graph can be while it runs. Tensors have no `kind`. */
export type RuntimeValue = Tensor | TensorSequence | OptionalValue;

export function isTensor(value: RuntimeValue): value is Tensor {
  return !('kind' in value);
}

export function elementCount(shape: readonly number[]): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

type ArrayConstructor = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Exclude<TensorData, readonly string[]>;

const constructors: Readonly<Partial<Record<DType, ArrayConstructor>>> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** Views little-endian bytes as elements of `dtype`, copying only when the offset is not aligned. */
export function viewBytes(dtype: DType, raw: Uint8Array): Exclude<TensorData, readonly string[]> {
  const make = constructors[dtype] ?? Uint8Array;
  const size = (make as unknown as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT;
  invariant(raw.byteLength % size === 0, `${raw.byteLength} bytes are not whole ${dtype} elements`);
  const aligned = raw.byteOffset % size === 0 ? raw : raw.slice();
  return new make(aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

/** The bytes of a tensor as stored, little-endian. */
export function bytesOf(tensor: Tensor): Uint8Array {
  const data = tensor.data;
  invariant(ArrayBuffer.isView(data), 'string tensors have no bytes');
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A zero-filled tensor; of text, empty strings. */
export function zeros(dtype: DType, shape: readonly number[]): Tensor {
  const count = elementCount(shape);
  if (dtype === 'string') return { dtype, shape, data: new Array<string>(count).fill('') };
  return { dtype, shape, data: viewBytes(dtype, new Uint8Array(tensorBytes(dtype, count))) };
}

/** How long `data` of a tensor is: its elements, or bytes where it holds raw bytes. */
export function dataLength(dtype: DType, shape: readonly number[]): number {
  const count = elementCount(shape);
  return dtype === 'string' || constructors[dtype] !== undefined ? count : tensorBytes(dtype, count);
}

/** Row-major strides in elements. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i] ?? 1;
  }
  return strides;
}
