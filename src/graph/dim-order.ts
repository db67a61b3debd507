/** What can be said of the size of a symbolic dimension: a symbol is a whole number, zero or more. */
import { subDim, type Dim } from './dim.ts';
import { dimRange } from './dim-range.ts';

/** -1 for left < right, 0 for equal, 1 for left > right whatever the symbols are; null where that depends on them. */
export function compareDims(left: Dim, right: Dim): -1 | 0 | 1 | null {
  const [low, high] = dimRange(subDim(left, right));
  if (low === 0 && high === 0) return 0;
  return low > 0 ? 1 : high < 0 ? -1 : null;
}
