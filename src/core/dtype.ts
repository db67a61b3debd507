/** Element types, named as in numpy and ONNX text; `int4` and below are packed, even element in the low nibble. */
export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool'
  | 'string'
  | 'int4'
  | 'uint4'
  | 'int2'
  | 'uint2'
  | 'float4e2m1'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'float8e8m0'
  | 'complex64'
  | 'complex128';

const bits: Readonly<Record<DType, number>> = {
  float32: 32,
  float64: 64,
  float16: 16,
  bfloat16: 16,
  int8: 8,
  uint8: 8,
  int16: 16,
  uint16: 16,
  int32: 32,
  uint32: 32,
  int64: 64,
  uint64: 64,
  bool: 8,
  string: 64,
  int4: 4,
  uint4: 4,
  int2: 2,
  uint2: 2,
  float4e2m1: 4,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  float8e8m0: 8,
  complex64: 64,
  complex128: 128,
};

export const allDTypes: readonly DType[] = Object.keys(bits) as DType[];

export function bitsOf(dtype: DType): number {
  return bits[dtype];
}

/** Bytes of one element; throws for packed types, whose tensors are measured by `tensorBytes`. */
export function bytesPerElement(dtype: DType): number {
  const b = bits[dtype];
  if (b < 8) throw new Error(`${dtype} is packed: use tensorBytes`);
  return b / 8;
}

/** Bytes of `count` elements stored densely. */
export function tensorBytes(dtype: DType, count: number): number {
  return Math.ceil((count * bits[dtype]) / 8);
}

/** Smallest and largest value of an integer dtype up to 32 bits. */
export function integerRange(dtype: DType): readonly [number, number] {
  switch (dtype) {
    case 'int8':
      return [-128, 127];
    case 'uint8':
      return [0, 255];
    case 'int16':
      return [-32768, 32767];
    case 'uint16':
      return [0, 65535];
    case 'int32':
      return [-2147483648, 2147483647];
    case 'uint32':
      return [0, 4294967295];
    case 'int4':
      return [-8, 7];
    case 'uint4':
      return [0, 15];
    case 'int2':
      return [-2, 1];
    case 'uint2':
      return [0, 3];
    case 'bool':
      return [0, 1];
    default:
      throw new Error(`${dtype} is not an integer type of at most 32 bits`);
  }
}

export function isInteger(dtype: DType): boolean {
  return /^u?int/.test(dtype);
}

export function isFloat(dtype: DType): boolean {
  return dtype.startsWith('float') || dtype === 'bfloat16';
}

/** Floats that engines compute on: held in memory as they are, fp32 in registers and accumulators. */
export function isEngineFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float16' || dtype === 'bfloat16';
}

/**
 * What a table by operand type says of `dtype`, for multiplier arrays. int8 arrays take uint8 as well, int16 arrays uint16: operands have one
 * bit more once zero points are subtracted, whichever sign they had, and the array subtracts them.
 */
export function ofOperands<T>(table: Readonly<Partial<Record<DType, T>>>, dtype: DType): T | undefined {
  return table[dtype] ?? (dtype === 'uint8' ? table.int8 : dtype === 'uint16' ? table.int16 : undefined);
}

/**
 * Whether lanes that list these types compute on `dtype`. Integers widen as they are loaded: int8 lanes take uint8 and bool, int32 lanes all that are
 * shorter. Numbers of four bits are for int4 lanes, and for int8 lanes that take them out of their bytes.
 */
export function lanesTake(listed: readonly DType[], dtype: DType): boolean {
  if (listed.includes(dtype)) return true;
  if (dtype === 'int4' || dtype === 'uint4') return listed.includes('int4') || listed.includes('int8');
  if ((dtype === 'uint8' || dtype === 'bool') && listed.includes('int8')) return true;
  return ['int8', 'uint8', 'bool', 'int16', 'uint16'].includes(dtype) && listed.includes('int32');
}

/** Whether lanes can load and store elements of `dtype`: what they compute on, and int64 labels and indices, of which they see the low word. */
export function lanesHold(listed: readonly DType[], dtype: DType): boolean {
  return lanesTake(listed, dtype === 'int64' ? 'int32' : dtype);
}
