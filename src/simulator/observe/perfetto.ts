/**
 * A trace in the JSON form that Chrome's about:tracing and ui.perfetto.dev open ("Trace Event Format", complete events `X` and
 * metadata `M`). Times are microseconds there; ours are whole picoseconds, so six decimals hold them exactly.
 */
import { traceOp, type Trace } from './trace.ts';

export interface TraceEvent {
  readonly name: string;
  readonly ph: 'X' | 'M';
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, string | number>>;
}

const process = 1;

export function traceEvents(trace: Trace, processName = 'systole'): TraceEvent[] {
  const events: TraceEvent[] = [{ name: 'process_name', ph: 'M', pid: process, tid: 0, args: { name: processName } }];
  trace.queues.forEach((name, i) => {
    events.push({ name: 'thread_name', ph: 'M', pid: process, tid: i + 1, args: { name } });
    events.push({ name: 'thread_sort_index', ph: 'M', pid: process, tid: i + 1, args: { sort_index: i } });
  });
  for (let i = 0; i < trace.length; i++) {
    const start = trace.start[i] ?? 0;
    const kernel = trace.kernels[trace.kernel[i] ?? -1];
    const waited = trace.queues[trace.waitedFor[i] ?? -1];
    const op = traceOp(trace, i);
    events.push({
      name: kernel === undefined ? op : `${op} ${kernel}`,
      ph: 'X',
      pid: process,
      tid: (trace.queue[i] ?? 0) + 1,
      ts: start / 1e6,
      dur: ((trace.end[i] ?? 0) - start) / 1e6,
      args: {
        ...(kernel === undefined ? {} : { kernel }),
        op,
        retirePs: trace.retire[i] ?? 0,
        ...(waited === undefined ? {} : { after: waited }),
      },
    });
  }
  return events;
}

/** The file: `{ "traceEvents": [...] }`, one event a line. */
export function perfettoJson(trace: Trace, processName = 'systole'): string {
  const lines = traceEvents(trace, processName).map((event) => JSON.stringify(event));
  return `{"displayTimeUnit":"ns","traceEvents":[\n${lines.join(',\n')}\n]}\n`;
}
