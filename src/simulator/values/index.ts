/**
 * values: the program on numbers, and the sanitizer.
 * In: an executable, its machine, input tensors. Out: output tensors in stored dtype, findings, counts per kernel.
 * Always: the same input gives the same bytes; integers are exact and wrap at 32 bits; fp32 is rounded after every step; commands share no
 * arithmetic with the graph's evaluators (HOST excepted), so that comparing the two means something.
 * Contractions, drains and vector programs run on WebAssembly vector instructions where the platform has them (wasm/, fast-*.ts); the plain
 * form beside them defines what they compute, and runs where they do not fit.
 * Must not know: time, energy, how the program came to be.
 */
export { execute, type CommandMoment, type ExecuteOptions, type Execution } from './execute.ts';
export type { State } from './bind.ts';
export { runLimitBytes } from './memory.ts';
export type { KernelStats } from './stats.ts';
export { recordVectors, type VectorManifest, type VectorOperand, type VectorOptions, type VectorRecord } from './vectors.ts';
