/**
 * A run as intervals in columns, for the timeline page and for Perfetto. Observers are given the finished timeline: the model
 * runs the same, event for event, whether anybody listens or not.
 */
import { commandOps, type CommandOp } from '../../isa/index.ts';
import { action } from '../engines/workload.ts';
import type { Timeline } from '../engines/event-loop.ts';
import { int, real } from '../kernel/columns.ts';

/** Hears about a run when it is over. */
export type Observer = (timeline: Timeline, context: ObserverContext) => void;

export interface ObserverContext {
  /** Op code (index into `commandOps`) of every executed row. */
  readonly op: Uint8Array;
  /** Row of the command table every executed row came from. */
  readonly source: Int32Array;
  readonly kernels: readonly string[];
}

/** One interval per command that took time or moved data, by queue, then by start. */
export interface Trace {
  readonly queues: readonly string[];
  readonly kernels: readonly string[];
  readonly length: number;
  /** Index into `queues`. */
  readonly queue: Int32Array;
  /** ps; the queue is occupied from start to end, the command retires at `retire`. */
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly retire: Float64Array;
  /** Index into `kernels`, -1 for none. */
  readonly kernel: Int32Array;
  /** Index into `commandOps`. */
  readonly op: Uint8Array;
  /** The queue that enabled the start last: its own when it was simply next, -1 at time 0. */
  readonly waitedFor: Int32Array;
  readonly totalPs: number;
}

export function collectTrace(timeline: Timeline, context: ObserverContext): Trace {
  const { workload } = timeline;
  const rows: number[] = [];
  for (let k = 0; k < workload.queues.length; k++) {
    for (let i = workload.queueStart[k] ?? 0; i < (workload.queueStart[k + 1] ?? 0); i++) {
      const row = int(workload.order, i);
      if (workload.action[row] === action.run) rows.push(row);
    }
  }
  const pick = (column: Float64Array): Float64Array => Float64Array.from(rows, (row) => real(column, row));
  return {
    queues: workload.queues.map((q) => q.name),
    kernels: context.kernels,
    length: rows.length,
    queue: Int32Array.from(rows, (row) => int(workload.queue, row)),
    start: pick(timeline.start),
    end: pick(timeline.end),
    retire: pick(timeline.retire),
    kernel: Int32Array.from(rows, (row) => int(workload.kernel, row)),
    op: Uint8Array.from(rows, (row) => context.op[row] ?? 0),
    waitedFor: Int32Array.from(rows, (row) => {
      const enabler = int(timeline.enabler, row);
      return enabler < 0 ? -1 : int(workload.queue, enabler);
    }),
    totalPs: timeline.total,
  };
}

export function traceOp(trace: Trace, index: number): CommandOp {
  return commandOps[trace.op[index] ?? 0] ?? 'BARRIER';
}
