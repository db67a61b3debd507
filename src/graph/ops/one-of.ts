/** A size that is one of several, by the run. */
import { equalDim, maxOf, type Dim } from '../dim.ts';
import type { InferContext } from './op-def.ts';

/** Of more open sizes no bound is given: the largest of many says little, and takes long to find. */
const mostChoices = 16;

/**
 * The size they agree on, or an unknown one that is at most the largest.
 * @param why  what decides: "which branch runs"
 */
export function oneOf(context: InferContext, sizes: readonly Dim[], why: string): Dim {
  const [first = 1] = sizes;
  if (sizes.every((d) => equalDim(d, first))) return first;
  const numbers = sizes.filter((d) => typeof d === 'number');
  const open = sizes.filter((d) => typeof d !== 'number');
  return context.unknownDim(open.length > mostChoices ? null : maxOf([Math.max(0, ...numbers), ...open]), why);
}
