/** Small readings of graph values that kernel selection needs. */
import { viewBytes } from '../../core/index.ts';
import type { Graph, Value, ValueId } from '../../graph/index.ts';

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
  const data = viewBytes(value.type.dtype, c.kind === 'splat' ? c.element : c.bytes);
  const x = data[0];
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
  const data = viewBytes(value.type.dtype, c.kind === 'splat' ? c.element : c.bytes);
  return Array.from({ length: count }, (_, i) => Number(c.kind === 'splat' ? data[0] : data[i]));
}
