/**
 * What limits a kernel, in one word, from what its attributed time was spent on.
 *
 * Rule: the largest part names the limit when it is at least 60 % of the attributed time; otherwise no single resource is to blame,
 * the kernel waits for one after the other, and its limit is `latency`. Set-up, drain and memory latency are latency too.
 * A kernel with no attributed time (others hid it completely) is judged by the busy time of its commands against its span.
 */
import type { Timeline } from '../engines/event-loop.ts';
import { add, int, real } from '../kernel/columns.ts';
import { attributionColumns, type Attribution } from './attribution.ts';

export const limitShare = 0.6;

/** Per kernel: first start and last retirement in ps (NaN when it ran no command), and busy ps by attribution column. */
export interface KernelActivity {
  readonly start: Float64Array;
  readonly retire: Float64Array;
  readonly busy: Float64Array;
}

export function kernelActivity(timeline: Timeline, kernelCount: number): KernelActivity {
  const { workload } = timeline;
  const columns = attributionColumns.firstMemory + workload.memories.length;
  const start = new Float64Array(kernelCount).fill(NaN);
  const retire = new Float64Array(kernelCount).fill(NaN);
  const busy = new Float64Array(kernelCount * columns);
  for (let row = 0; row < workload.rows; row++) {
    const kernel = int(workload.kernel, row);
    if (kernel < 0 || int(workload.queue, row) < 0 || workload.action[row] !== 0) continue;
    const started = real(timeline.start, row);
    const retired = real(timeline.retire, row);
    if (!(real(start, kernel) <= started)) start[kernel] = started;
    if (!(real(retire, kernel) >= retired)) retire[kernel] = retired;
    for (let s = workload.streamStart[row] ?? 0; s < (workload.streamStart[row + 1] ?? 0); s++) {
      const memory = attributionColumns.firstMemory + (workload.streamMemory[s] ?? 0);
      add(busy, kernel * columns + memory, real(workload.streamWork, s));
    }
    if (int(workload.mainMemory, row) >= 0) continue;
    const queue = workload.queues[int(workload.queue, row)];
    const { compute, vector, host } = attributionColumns;
    const column = queue?.kind === 'vector' ? vector : queue?.kind === 'host' ? host : compute;
    add(
      busy,
      kernel * columns + column,
      (queue?.clock ?? workload.reference).edge(real(workload.bodyTicks, row)) + real(workload.bodyPs, row),
    );
  }
  return { start, retire, busy };
}

/** `compute | memory:<name> | vector | latency | host` */
export function limitOf(kernel: number, timeline: Timeline, attribution: Attribution, activity: KernelActivity): string {
  const { columns } = attribution;
  const attributed = sum(attribution.time, kernel * columns, columns);
  if (attributed > 0) return judge(timeline, attribution.time, kernel * columns, columns, attributed);
  const span = real(activity.retire, kernel) - real(activity.start, kernel);
  return span > 0 ? judge(timeline, activity.busy, kernel * columns, columns, span) : 'latency';
}

function judge(timeline: Timeline, parts: Float64Array, first: number, columns: number, whole: number): string {
  let largest = 0;
  for (let c = 1; c < columns; c++) if (real(parts, first + c) > real(parts, first + largest)) largest = c;
  if (real(parts, first + largest) < limitShare * whole) return 'latency';
  switch (largest) {
    case attributionColumns.compute:
      return 'compute';
    case attributionColumns.vector:
      return 'vector';
    case attributionColumns.host:
      return 'host';
    case attributionColumns.latency:
      return 'latency';
    default:
      return `memory:${timeline.workload.memories[largest - attributionColumns.firstMemory]?.name ?? ''}`;
  }
}

function sum(column: Float64Array, first: number, count: number): number {
  let total = 0;
  for (let i = first; i < first + count; i++) total += real(column, i);
  return total;
}
