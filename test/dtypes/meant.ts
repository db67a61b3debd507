/** A random case and what the plain formula says its output holds. */
import type { DType } from '../../src/core/index.ts';
import type { Case } from './run.ts';

/** What the output must hold: these numbers, or numbers within `steps` of them. */
export interface Meant extends Case {
  readonly expected: readonly number[];
  /** 0: exactly. Of floats relative to 2^-(bits of the significand), of integers units. */
  readonly steps: number;
}

export type Property = (dtype: DType, scaled: boolean, seed: number) => Meant;

export const exactly = (c: Case, expected: readonly number[]): Meant => ({ ...c, expected, steps: 0 });
