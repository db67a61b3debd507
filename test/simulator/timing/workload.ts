/** Workloads written by hand: five lines a program, every duration a number of the test, no demand formula in between. */
import type { QueueName } from '../../../src/isa/command.ts';
import type { Memory } from '../../../src/hw-configs/machine.ts';
import { createClock } from '../../../src/simulator/kernel/clock.ts';
import { action, type Workload } from '../../../src/simulator/engines/workload.ts';

export type Row =
  | {
      readonly queue: QueueName;
      readonly kernel?: number;
      /** Ticks before the body, of the body, and from its end to retirement. */
      readonly setup?: number;
      readonly ticks?: number;
      readonly drain?: number;
      /** ps, from the end of the body to retirement. */
      readonly latency?: number;
      /** ps of the whole memory, by memory name. */
      readonly streams?: Readonly<Record<string, number>>;
    }
  | { readonly queue: QueueName; readonly signal: string; readonly count?: number }
  | { readonly queue: QueueName; readonly wait: string; readonly count?: number }
  | { readonly queue: QueueName; readonly barrier: true };

const queueOrder: readonly QueueName[] = ['dma-in', 'dma-out', 'matrix', 'vector', 'host'];

export function memory(fields: Partial<Memory> = {}): Memory {
  return {
    kind: 'dram',
    sizeBytes: 1 << 30,
    readBytesPerSecond: 1e9,
    writeBytesPerSecond: 1e9,
    latencyPs: 0,
    burstBytes: 1,
    readOnly: false,
    owner: 'external',
    model: 'bandwidth',
    ...fields,
  };
}

/** One core at `hertz` (1 GHz: a tick is 1000 ps), memories by name. */
export function workload(rows: readonly Row[], memories: Readonly<Record<string, Partial<Memory>>> = { dram: {} }, hertz = 1e9): Workload {
  const clock = createClock(hertz);
  const names = Object.keys(memories);
  const used = queueOrder.filter((kind) => rows.some((row) => row.queue === kind));
  const semaphoreNames = [...new Set(rows.flatMap((row) => ('signal' in row ? [row.signal] : 'wait' in row ? [row.wait] : [])))];
  const reals = (value: (row: Row) => number): Float64Array => Float64Array.from(rows, value);
  const number = (row: Row, key: 'setup' | 'ticks' | 'drain' | 'latency'): number =>
    'signal' in row || 'wait' in row || 'barrier' in row ? 0 : (row[key] ?? 0);
  const streams = rows.map((row) => ('streams' in row && row.streams !== undefined ? Object.entries(row.streams) : []));
  const streamStart = new Uint32Array(rows.length + 1);
  streams.forEach((list, i) => (streamStart[i + 1] = (streamStart[i] ?? 0) + list.length));
  const lists = used.map((kind) => rows.flatMap((row, i) => (row.queue === kind || 'barrier' in row ? [i] : [])));
  const queueStart = new Uint32Array(used.length + 1);
  lists.forEach((list, i) => (queueStart[i + 1] = (queueStart[i] ?? 0) + list.length));
  const semaphoreOf = (row: Row): number =>
    'signal' in row ? semaphoreNames.indexOf(row.signal) : 'wait' in row ? semaphoreNames.indexOf(row.wait) : -1;
  return {
    rows: rows.length,
    reference: clock,
    queues: used.map((kind) => ({ name: kind === 'host' ? 'host' : `npu.${kind}`, kind, core: 0, clock, rank: queueOrder.indexOf(kind) })),
    memories: names.map((name) => ({ name, memory: memory(memories[name] ?? {}) })),
    order: Int32Array.from(lists.flat()),
    queueStart,
    action: Uint8Array.from(rows, (row) =>
      'signal' in row ? action.signal : 'wait' in row ? action.wait : 'barrier' in row ? action.barrier : action.run,
    ),
    kernel: Int32Array.from(rows, (row) => ('kernel' in row ? (row.kernel ?? -1) : -1)),
    queue: Int32Array.from(rows, (row) => used.indexOf(row.queue)),
    setupTicks: reals((row) => number(row, 'setup')),
    bodyTicks: reals((row) => number(row, 'ticks')),
    bodyPs: new Float64Array(rows.length),
    drainTicks: reals((row) => number(row, 'drain')),
    latencyPs: reals((row) => number(row, 'latency')),
    streamStart,
    streamMemory: Uint8Array.from(streams.flat(), ([name]) => names.indexOf(name)),
    streamWork: Float64Array.from(streams.flat(), ([, work]) => work),
    mainMemory: Int32Array.from(rows, (row, i) =>
      row.queue.startsWith('dma') && (streams[i]?.length ?? 0) > 0 ? names.indexOf(streams[i]?.[0]?.[0] ?? '') : -1,
    ),
    semaphore: Int32Array.from(rows, semaphoreOf),
    count: Int32Array.from(rows, (row) => ('signal' in row || 'wait' in row ? (row.count ?? 1) : 0)),
    semaphores: semaphoreNames.length,
    signaller: Int32Array.from(semaphoreNames, (name) =>
      used.indexOf(rows.find((row) => 'signal' in row && row.signal === name)?.queue ?? 'host'),
    ),
  };
}
