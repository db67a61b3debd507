/** Parameters and steps as JSON has them: see replay.ts. */
import type { VectorRecord } from '../../../src/simulator/index.ts';

export type Parameter = VectorRecord['parameters'][string];

/** Infinities are words. */
export function asNumber(p: Parameter | undefined): number {
  if (typeof p === 'number') return p;
  return p === 'Infinity' ? Infinity : p === '-Infinity' ? -Infinity : NaN;
}

export function fieldsOf(p: Parameter): Readonly<Record<string, Parameter>> {
  if (typeof p !== 'object' || p === null || Array.isArray(p)) throw new Error('not an object');
  return Object.fromEntries(Object.entries(p));
}

export interface Step {
  readonly op: string;
  readonly dst: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly immediate: number;
}

export function stepOf(p: Parameter): Step {
  const fields = fieldsOf(p);
  const [dst = 0, a = 0, b = 0, c = 0, immediate = 0] = ['dst', 'a', 'b', 'c', 'immediate'].map((name) => asNumber(fields[name]));
  const { op } = fields;
  if (typeof op !== 'string') throw new Error('a step has an op');
  return { op, dst, a, b, c, immediate };
}
