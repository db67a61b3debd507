/**
 * What the event loop sees of a program: commands as demands on engines and memories, in columns, with names resolved to indices.
 * Nothing here depends on time.
 */
import type { QueueName } from '../../isa/command.ts';
import type { Memory } from '../../hw-configs/machine.ts';
import type { Clock } from '../kernel/clock.ts';

/** What a row does when its queue reaches it. */
export const action = { run: 0, signal: 1, wait: 2, barrier: 3 } as const;

export interface Workload {
  readonly rows: number;
  /** The clock that cycles count. */
  readonly reference: Clock;
  /** Queues that have at least one row, by core, then in the order of `queueNames`; the host last. */
  readonly queues: readonly WorkQueue[];
  readonly memories: readonly WorkMemory[];
  /** Rows of queue k in program order: `order[queueStart[k] .. queueStart[k + 1])`. A barrier stands in every queue. */
  readonly order: Int32Array;
  readonly queueStart: Uint32Array;

  /** One of `action`. */
  readonly action: Uint8Array;
  /** Kernel of the row, -1 for none. */
  readonly kernel: Int32Array;
  /** Index into `queues`. */
  readonly queue: Int32Array;
  /** Ticks before anything moves (DMA start). */
  readonly setupTicks: Float64Array;
  /** Ticks the engine works: compute, or bytes at the DMA's own rate. */
  readonly bodyTicks: Float64Array;
  /** As `bodyTicks`, for the host, which has no clock. */
  readonly bodyPs: Float64Array;
  /** From the end of the body to the retirement: pipeline drain in ticks, memory latency in ps. */
  readonly drainTicks: Float64Array;
  readonly latencyPs: Float64Array;
  /** Streams of row i: `streamStart[i] .. streamStart[i + 1]`. At most one per memory; work > 0. */
  readonly streamStart: Uint32Array;
  readonly streamMemory: Uint8Array;
  /** Picoseconds of the whole memory. */
  readonly streamWork: Float64Array;
  /** The memory that a transfer is about: the one with most work, else the local one it moves in; -1 for compute. */
  readonly mainMemory: Int32Array;

  /** Of signals and waits: dense semaphore index and count. */
  readonly semaphore: Int32Array;
  readonly count: Int32Array;
  readonly semaphores: number;
  /** The queue that signals each semaphore, -1 when none does. */
  readonly signaller: Int32Array;
}

export interface WorkQueue {
  /** `npu.matrix`; with several instances of a core `npu[1].matrix`; `host`. */
  readonly name: string;
  readonly kind: QueueName;
  /** Dense core index; 0 for the host. */
  readonly core: number;
  readonly clock: Clock;
  /** Who goes first among equals: dma-in, dma-out, matrix, vector, host; then cores in order. */
  readonly rank: number;
}

export interface WorkMemory {
  readonly name: string;
  readonly memory: Memory;
}
