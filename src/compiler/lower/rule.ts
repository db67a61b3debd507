/** What a lowering is: from one node to nodes that engines run. */
import type { Node, ValueId } from '../../graph/ir.ts';
import type { NotHere } from '../kernels/context.ts';
import type { Writer } from './writer.ts';

/**
 * What stands for each output of the node (null: nobody may ask for it), written through `w`; or why the node stays whole, in the
 * user's words; or null where it is fine as it is.
 */
export type Rule = (w: Writer, node: Node) => readonly (ValueId | null)[] | NotHere | null;

/** By operator, of one domain. */
export type Rules = Readonly<Record<string, Rule>>;

/**
 * Up to so many trips are written out one by one. Only that way a first trip can do without what a start of zeros makes superfluous (an LSTM
 * then reads its recurrent weights once less: a sixteenth of the time of 16 steps, where they set the pace). From there on a repeated region
 * is as fast within that, and its program is as short for thousands of trips as for twenty.
 */
export const unrolledTrips = 16;

/** Rules write at most about so many nodes for one node, and bodies are unrolled to at most so many. */
export const unrollLimit = 4096;
