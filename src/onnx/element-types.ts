/** The numbers ONNX gives its element and attribute types (TensorProto.DataType, AttributeProto.AttributeType). */
import type { DType } from '../core/index.ts';
import type { OnnxAttribute } from './model.ts';

const byNumber: readonly (DType | undefined)[] = [
  undefined,
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
  'float8e8m0',
  'uint2',
  'int2',
];

export const newestElementType: number = byNumber.length - 1;

/** Undefined for 0 (UNDEFINED) and for numbers ONNX has not given. */
export function elementType(number: number): DType | undefined {
  return byNumber[number];
}

export function elementTypeNumber(dtype: DType): number {
  return byNumber.indexOf(dtype);
}

export type AttributeKind = OnnxAttribute['kind'];

const kinds: readonly (AttributeKind | undefined)[] = [
  undefined,
  'float',
  'int',
  'string',
  'tensor',
  'graph',
  'floats',
  'ints',
  'strings',
  'tensors',
  'graphs',
  'sparseTensor',
  'sparseTensors',
  'type',
  'types',
];

export function attributeKind(number: number): AttributeKind | undefined {
  return kinds[number];
}

export function attributeKindNumber(kind: AttributeKind): number {
  return kinds.indexOf(kind);
}
