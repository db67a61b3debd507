/** A trace packed for the page's timeline. */
import type { Trace } from '../simulator/observe/trace.ts';

export interface PackedQueue {
  readonly name: string;
  readonly slices: number;
  /** Base64 of little-endian 32-bit words, four per slice: start, duration, kernel + 1, op. */
  readonly words: string;
}

/**
 * Slices by queue, in order of start, times in whole reference cycles from 0. A slice shorter than a cycle keeps a duration
 * of 0 and is drawn as a hairline.
 */
export function packTrace(trace: Trace, psPerCycle: number): readonly PackedQueue[] {
  const counts = new Uint32Array(trace.queues.length);
  for (let i = 0; i < trace.length; i++) {
    const queue = trace.queue[i] ?? 0;
    counts[queue] = (counts[queue] ?? 0) + 1;
  }
  const tables = Array.from(counts, (count) => new DataView(new ArrayBuffer(count * 16)));
  const filled = new Uint32Array(trace.queues.length);
  for (let i = 0; i < trace.length; i++) {
    const queue = trace.queue[i] ?? 0;
    const at = (filled[queue] ?? 0) * 16;
    filled[queue] = (filled[queue] ?? 0) + 1;
    const start = Math.floor((trace.start[i] ?? 0) / psPerCycle);
    const end = Math.floor((trace.end[i] ?? 0) / psPerCycle);
    const table = tables[queue];
    table?.setUint32(at, start, true);
    table?.setUint32(at + 4, end - start, true);
    table?.setInt32(at + 8, (trace.kernel[i] ?? -1) + 1, true);
    table?.setInt32(at + 12, trace.op[i] ?? 0, true);
  }
  return tables.map((table, q) => ({ name: trace.queues[q] ?? '', slices: counts[q] ?? 0, words: base64(new Uint8Array(table.buffer)) }));
}

function base64(bytes: Uint8Array): string {
  // Whole groups of three bytes, so that the pieces can be joined; small enough for one argument list.
  const step = 3 * 8192;
  let text = '';
  for (let i = 0; i < bytes.length; i += step) text += btoa(String.fromCharCode(...bytes.subarray(i, i + step)));
  return text;
}
