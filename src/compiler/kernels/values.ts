/** Small readings of graph values that kernel selection needs. */
import { isEngineFloat, isNarrowFloat, viewBytes, type DType } from '../../core/index.ts';
import { floatsOf, type Graph, type Value, type ValueId } from '../../graph/index.ts';

/** A number engines compute with in fp32, as it stands: float of 32 or 16 bits, not quantized. */
export function isPlainFloat(value: Value): boolean {
  return value.quantization === null && isEngineFloat(value.type.dtype);
}

const stored: ReadonlySet<DType> = new Set<DType>(['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz']);

/** A float of 8 bits: what memory holds and conversions read and write; nothing computes in it. */
export function isStoredFloat(value: Value): boolean {
  return value.quantization === null && stored.has(value.type.dtype);
}

/** Elements as numbers, narrow floats decoded. */
function numbersIn(dtype: DType, bytes: Uint8Array): ArrayLike<number | bigint | string> {
  const data = viewBytes(dtype, bytes);
  return isNarrowFloat(dtype) ? floatsOf({ dtype, shape: [data.length], data }) : data;
}

/** Bound shape of a value. */
export function shapeOf(graph: Graph, id: ValueId): number[] {
  const value = graph.values[id];
  if (value === undefined) throw new Error(`no value ${id}`);
  return value.type.shape.map((d) => {
    if (typeof d !== 'number') throw new Error(`value ${value.name} still has a symbolic dimension`);
    return d;
  });
}

/** The number of a constant with one element, or null. Large constants are not read. */
export function constantScalar(value: Value): number | null {
  const c = value.constant;
  if (c === null || c.kind === 'absent' || c.kind === 'strings') return null;
  if (value.type.shape.some((d) => d !== 1)) return null;
  const x = numbersIn(value.type.dtype, c.kind === 'splat' ? c.element : c.bytes)[0];
  return x === undefined ? null : Number(x);
}

/** Constant int64 (or int32) vector as numbers, or null. */
export function constantInts(value: Value | undefined): number[] | null {
  return constantNumbers(value, 64);
}

/** Numbers of a constant of at most `most` elements, or null. */
export function constantNumbers(value: Value | undefined, most: number): number[] | null {
  const c = value?.constant;
  if (value === undefined || !c || c.kind === 'absent' || c.kind === 'strings') return null;
  const count = value.type.shape.reduce<number>((n, d) => n * (d as number), 1);
  if (count > most) return null;
  const data = numbersIn(value.type.dtype, c.kind === 'splat' ? c.element : c.bytes);
  return Array.from({ length: count }, (_, i) => Number(c.kind === 'splat' ? data[0] : data[i]));
}
