/**
 * lower: from what the file says to what engines run.
 * In: a graph with bound sizes. Out: the same meaning in float32 and integers, in operators that engines run where there is a way to write
 * them so; why not, for the others.
 * Always: origins are kept; MACs add up to what the original nodes count; weights are not read.
 * Must not know: machines, tiling.
 */
export { lower, unrollBodies, type Lowered } from './lower.ts';
export { narrowFloats, widenFloats } from './float-types.ts';
export { productsOfStored } from './stored-floats.ts';
