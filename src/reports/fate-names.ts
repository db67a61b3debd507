/** Where nodes run, in words: the same in every report. */
import type { Fate } from '../compiler/index.ts';

export const fateNames: Readonly<Record<Fate, string>> = {
  matrix: 'matrix engine',
  vector: 'vector engine',
  movement: 'data movement',
  host: 'host',
  unsupported: 'unsupported',
  folded: 'nothing to run',
};
