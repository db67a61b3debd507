/**
 * simulator: executable + machine -> result. In: a program and a machine of equal plan hash. Out: the result document (time, stalls, bytes,
 * energy, limits), on request a timeline; and, apart from time, the values a program computes.
 * Always: integer picoseconds; per engine busy + stalled + idle = total; attributed cycles sum to the total; same input, same bytes out;
 * timing reads no weight values; observers change nothing.
 * Must not know: how a program was made (it never imports the compiler), ONNX operators, files, processes.
 */
export { simulate, type SimulateOptions } from './simulate.ts';
export { collectTrace, traceOp, type Observer, type ObserverContext, type Trace } from './observe/trace.ts';
export { perfettoJson, traceEvents, type TraceEvent } from './observe/perfetto.ts';
export type { Detail } from './observe/summarize.ts';
export type { Timeline } from './engines/event-loop.ts';
export * from './result.ts';
export * from './values/index.ts';
