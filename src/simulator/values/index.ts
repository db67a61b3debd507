/**
 * values: the program on numbers, and the sanitizer.
 * In: an executable, its machine, input tensors. Out: output tensors in stored dtype, findings, counts per kernel.
 * Always: the same input gives the same bytes; integers are exact and wrap at 32 bits; fp32 is rounded after every step; commands share no
 * arithmetic with the graph's evaluators (HOST excepted), so that comparing the two means something.
 * Must not know: time, energy, how the program came to be.
 */
export { execute, type ExecuteOptions, type Execution } from './execute.ts';
export { runLimitBytes } from './memory.ts';
export type { KernelStats } from './stats.ts';
