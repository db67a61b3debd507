/**
 * Whose fault every picosecond of a run was: the walk back from the last retirement along the enablers. Starting with the row that
 * retired last at time t, the interval from its start to t belongs to its kernel; then t becomes its start, and its enabler is next.
 * The intervals tile [0, total], and cycles are differences of one running conversion at their ends: they sum to the total exactly.
 *
 * Each interval is also split by what the row was doing in it, which decides a kernel's `limit`.
 */
import { invariant } from '../../core/index.ts';
import type { Timeline } from '../engines/event-loop.ts';
import { add, int, real } from '../kernel/columns.ts';

export interface Attribution {
  /** Per kernel, in reference cycles. */
  readonly cycles: Float64Array;
  /** Per kernel, what its attributed time was, in ps: `time[kernel × columns + column]`. */
  readonly time: Float64Array;
  readonly columns: number;
}

/** What attributed time was spent on. Memories follow from `firstMemory` on, in the order of the workload. */
export const attributionColumns = { compute: 0, vector: 1, host: 2, latency: 3, firstMemory: 4 } as const;

/**
 * @param kernelCount kernels of the executable
 * A row of no kernel counts for the kernel whose row it enabled, or, at the end of a run, for the last kernel that ran before it.
 */
export function attribute(timeline: Timeline, kernelCount: number): Attribution {
  const { workload } = timeline;
  const columns = attributionColumns.firstMemory + workload.memories.length;
  const cycles = new Float64Array(kernelCount);
  const time = new Float64Array(kernelCount * columns);
  let row = timeline.last;
  let until = timeline.total;
  let untilCycles = workload.reference.ticksUntil(until);
  let owner = firstOwner(timeline);
  if (owner < 0) return { cycles, time, columns };

  const spend = (column: number, from: number, to: number): void => {
    if (to > from) add(time, owner * columns + column, to - from);
  };
  while (row >= 0) {
    const kernel = int(workload.kernel, row);
    if (kernel >= 0) owner = kernel;
    const enabler = int(timeline.enabler, row);
    const start = enabler < 0 ? 0 : real(timeline.start, row);
    const startCycles = workload.reference.ticksUntil(start);
    add(cycles, owner, untilCycles - startCycles);

    const body = Math.min(until, real(timeline.bodyStart, row));
    const end = Math.min(until, real(timeline.end, row));
    // A transfer's whole body is its memory's; a compute engine's is its own until it only waits for bytes.
    const work = int(workload.mainMemory, row) >= 0 ? end : Math.min(end, real(timeline.workEnd, row));
    spend(attributionColumns.latency, start, body);
    spend(workColumn(timeline, row), body, work);
    spend(streamColumn(timeline, row), work, end);
    spend(attributionColumns.latency, end, until);

    invariant(start <= until, 'a command starts after what it enables');
    until = start;
    untilCycles = startCycles;
    row = enabler;
  }
  return { cycles, time, columns };
}

/** The kernel of the last row on the path that has one. */
function firstOwner(timeline: Timeline): number {
  for (let row = timeline.last; row >= 0; row = int(timeline.enabler, row)) {
    if (int(timeline.workload.kernel, row) >= 0) return int(timeline.workload.kernel, row);
  }
  return -1;
}

function workColumn(timeline: Timeline, row: number): number {
  const { workload } = timeline;
  const memory = int(workload.mainMemory, row);
  if (memory >= 0) return attributionColumns.firstMemory + memory;
  switch (workload.queues[int(workload.queue, row)]?.kind) {
    case 'vector':
      return attributionColumns.vector;
    case 'host':
      return attributionColumns.host;
    default:
      return attributionColumns.compute;
  }
}

function streamColumn(timeline: Timeline, row: number): number {
  const { workload } = timeline;
  const first = workload.streamStart[row] ?? 0;
  const stop = workload.streamStart[row + 1] ?? 0;
  let memory = -1;
  let most = 0;
  for (let s = first; s < stop; s++) {
    const work = workload.streamWork[s] ?? 0;
    if (work > most) {
      most = work;
      memory = workload.streamMemory[s] ?? -1;
    }
  }
  return memory < 0 ? attributionColumns.compute : attributionColumns.firstMemory + memory;
}
