/**
 * The event loop: turns a workload into a timeline. It alone knows what happens when.
 *
 * Rules
 * - A queue works through its rows in order, one at a time. WAIT and SIGNAL take no time.
 * - A command starts on the first edge of its clock at or after the moment its queue is free and its WAITs have passed. (Starts on
 *   edges: durations of whole ticks then never lose the fraction of a picosecond that each edge is rounded by.)
 * - A command is *setup* (ticks), *body* (ticks, and streams through shared memories; the longest decides), then it frees its queue,
 *   and retires `drain` or `latency` later. Retirement is in order within a queue.
 * - SIGNAL is posted: it takes effect when everything earlier in its queue has retired, and does not hold the queue up.
 * - WAIT holds its queue until the count is there, then subtracts it.
 * - BARRIER stands in every queue; all leave it together when everything before it has retired.
 *
 * Next to the times, each command records the *enabler* of its start: the command whose end or retirement came last among those it
 * needed (ties: queue rank, then sequence). `observe/attribution.ts` walks back along them.
 */
import { priority, createEventQueue } from '../kernel/event-queue.ts';
import { add, byte, int, real, uint } from '../kernel/columns.ts';
import { createBus } from '../memory/bus.ts';
import { barrierColumn, busyColumn, createAccounts, idleColumn, memoryColumn, waitColumn, type Accounts } from './accounts.ts';
import { action, type Workload } from './workload.ts';

/** Times of every command that ran, in ps; SIGNAL, WAIT and BARRIER rows stay 0. */
export interface Timeline {
  readonly workload: Workload;
  readonly start: Float64Array;
  /** Setup is over. */
  readonly bodyStart: Float64Array;
  /** The engine's own work is done; the rest of the body, if any, waits for bytes. */
  readonly workEnd: Float64Array;
  /** When the body would have ended without contention. */
  readonly alone: Float64Array;
  /** The queue is free again. */
  readonly end: Float64Array;
  readonly retire: Float64Array;
  /** Row that enabled the start last; -1 for none (time 0). */
  readonly enabler: Int32Array;
  /** The row that retired last, -1 when nothing ran. */
  readonly last: number;
  /** Time of the last retirement, ps. */
  readonly total: number;
  readonly accounts: Accounts;
  /** Per memory: cycles with at least one active stream. */
  readonly memoryBusyCycles: Float64Array;
  /** Queues that never finished, with the row each is stuck at; empty for a program without deadlock. */
  readonly stuck: readonly { readonly queue: number; readonly row: number }[];
}

const kind = { free: 0, join: 1, bus: 2, signal: 3, barrier: 4 } as const;

export function runEvents(work: Workload): Timeline {
  const queueCount = work.queues.length;
  const memoryCount = work.memories.length;
  const rows = work.rows;
  const events = createEventQueue();
  const buses = work.memories.map(({ memory }) => createBus(memory.model, queueCount));
  const clocks = work.queues.map((q) => q.clock);
  const accounts = createAccounts(queueCount, memoryCount, work.reference);

  const start = new Float64Array(rows);
  const bodyStart = new Float64Array(rows);
  const workEnd = new Float64Array(rows);
  const alone = new Float64Array(rows);
  const end = new Float64Array(rows);
  const retire = new Float64Array(rows);
  const enabler = new Int32Array(rows).fill(-1);

  // Per queue: position, the row it works on, what its last retirement was, and what enabled its present moment.
  const position = Uint32Array.from(work.queueStart);
  const current = new Int32Array(queueCount).fill(-1);
  const pendingStreams = new Int32Array(queueCount);
  const lastRetire = new Float64Array(queueCount);
  const lastRetired = new Int32Array(queueCount).fill(-1);
  const enabledAt = new Float64Array(queueCount);
  const enabledBy = new Int32Array(queueCount).fill(-1);
  // Per semaphore: count, the queue that waits for it, and what raised it last.
  const level = new Float64Array(work.semaphores);
  const waiter = new Int32Array(work.semaphores).fill(-1);
  const raisedAt = new Float64Array(work.semaphores).fill(-1);
  const raisedBy = new Int32Array(work.semaphores).fill(-1);
  /** Per SIGNAL row: the command whose retirement it announces. */
  const announces = new Int32Array(rows).fill(-1);
  // Per memory: since when it has been busy.
  const busySince = new Float64Array(memoryCount);
  const memoryBusyCycles = new Float64Array(memoryCount);
  let atBarrier = 0;
  let barrierTime = 0;
  let barrierBy = -1;

  /** Among two rows that enable something at the same moment, the one of lower queue rank, then the earlier row. */
  const firstOf = (a: number, b: number): number => {
    if (a < 0) return b;
    if (b < 0) return a;
    const rankA = work.queues[int(work.queue, a)]?.rank ?? 0;
    const rankB = work.queues[int(work.queue, b)]?.rank ?? 0;
    return rankA < rankB || (rankA === rankB && a < b) ? a : b;
  };
  const enable = (queue: number, time: number, row: number): void => {
    if (time > real(enabledAt, queue)) {
      enabledAt[queue] = time;
      enabledBy[queue] = row;
    } else if (time === real(enabledAt, queue)) {
      enabledBy[queue] = firstOf(row, int(enabledBy, queue));
    }
  };

  /** Runs the zero-time rows of a queue until it starts a command, is held up, or has no more. */
  const advance = (queue: number, now: number): void => {
    const stop = uint(work.queueStart, queue + 1);
    while (uint(position, queue) < stop) {
      const row = int(work.order, uint(position, queue));
      switch (byte(work.action, row)) {
        case action.signal:
          post(queue, row, now);
          break;
        case action.wait: {
          const semaphore = int(work.semaphore, row);
          if (real(level, semaphore) < int(work.count, row)) {
            waiter[semaphore] = queue;
            return;
          }
          pass(queue, row, now);
          break;
        }
        case action.barrier:
          arriveAtBarrier(queue, now);
          return;
        default:
          begin(queue, row, now);
          return;
      }
      position[queue] = uint(position, queue) + 1;
    }
  };

  const post = (queue: number, row: number, now: number): void => {
    const effect = Math.max(now, real(lastRetire, queue));
    announces[row] = real(lastRetire, queue) >= now ? int(lastRetired, queue) : int(enabledBy, queue);
    if (effect > now) events.push(effect, priority.signal, kind.signal, row);
    else raise(row, now);
  };
  const raise = (row: number, now: number): void => {
    const semaphore = int(work.semaphore, row);
    add(level, semaphore, int(work.count, row));
    raisedAt[semaphore] = now;
    raisedBy[semaphore] = int(announces, row);
    const queue = int(waiter, semaphore);
    if (queue < 0) return;
    const waiting = int(work.order, uint(position, queue));
    if (real(level, semaphore) < int(work.count, waiting)) return;
    waiter[semaphore] = -1;
    accounts.book(queue, waitColumn(Math.max(0, int(work.signaller, semaphore))), now);
    pass(queue, waiting, now);
    position[queue] = uint(position, queue) + 1;
    advance(queue, now);
  };
  const pass = (queue: number, row: number, now: number): void => {
    const semaphore = int(work.semaphore, row);
    add(level, semaphore, -int(work.count, row));
    if (real(raisedAt, semaphore) === now) enable(queue, now, int(raisedBy, semaphore));
  };

  const begin = (queue: number, row: number, now: number): void => {
    const clock = clocks[queue] ?? work.reference;
    current[queue] = row;
    enabler[row] = int(enabledBy, queue);
    let began = now;
    let moves = now;
    let ends = now + real(work.bodyPs, row);
    let drained = 0;
    const setup = real(work.setupTicks, row);
    const body = real(work.bodyTicks, row);
    const drain = real(work.drainTicks, row);
    if (setup + body + drain > 0) {
      const edge = clock.ticksUntil(now);
      began = clock.edge(edge);
      moves = clock.edge(edge + setup);
      ends = clock.edge(edge + setup + body);
      drained = clock.edge(edge + setup + body + drain) - ends;
    }
    start[row] = began;
    bodyStart[row] = moves;
    workEnd[row] = ends;
    alone[row] = ends;
    retire[row] = drained + real(work.latencyPs, row);
    const streams = uint(work.streamStart, row + 1) - uint(work.streamStart, row);
    if (streams === 0) events.push(ends, priority.retire, kind.free, queue);
    else if (moves > now) events.push(moves, priority.retire, kind.join, queue);
    else join(queue, now);
  };

  const join = (queue: number, now: number): void => {
    const row = int(current, queue);
    const body = real(workEnd, row) - real(bodyStart, row);
    const first = uint(work.streamStart, row);
    const stop = uint(work.streamStart, row + 1);
    pendingStreams[queue] = stop - first;
    for (let s = first; s < stop; s++) {
      const memory = byte(work.streamMemory, s);
      const bus = buses[memory];
      if (bus === undefined) continue;
      const streamWork = real(work.streamWork, s);
      const duration = Math.max(streamWork, body);
      if (now + duration > real(alone, row)) alone[row] = now + duration;
      if (bus.active === 0) busySince[memory] = now;
      bus.join(queue, streamWork, streamWork / duration, now);
      events.push(bus.next, priority.retire, kind.bus, memory);
    }
  };
  const serve = (memory: number, now: number): void => {
    const bus = buses[memory];
    if (bus === undefined || bus.next !== now) return; // plans changed since this event was made
    const done = bus.finish(now);
    if (bus.active > 0) events.push(bus.next, priority.retire, kind.bus, memory);
    else add(memoryBusyCycles, memory, work.reference.ticksUntil(now) - work.reference.ticksUntil(real(busySince, memory)));
    for (const queue of done) {
      pendingStreams[queue] = int(pendingStreams, queue) - 1;
      if (int(pendingStreams, queue) === 0) endStreams(queue, memory, now);
    }
  };
  /** All bytes are through. What went beyond the command's time alone was contention for the memory that ended last. */
  const endStreams = (queue: number, memory: number, now: number): void => {
    const row = int(current, queue);
    // A compute engine is busy for its own ticks and stalled while it waits for bytes; a DMA is busy as long as it would be alone.
    const isCompute = int(work.mainMemory, row) < 0;
    const compute = real(workEnd, row);
    accounts.book(queue, busyColumn, Math.min(now, isCompute ? compute : real(alone, row)));
    accounts.book(queue, memoryColumn(queueCount, memory), now);
    if (compute > now) events.push(compute, priority.retire, kind.free, queue);
    else free(queue, now);
  };
  const free = (queue: number, now: number): void => {
    const row = int(current, queue);
    accounts.book(queue, busyColumn, now);
    end[row] = now;
    const retires = now + real(retire, row);
    if (retires >= real(lastRetire, queue)) {
      lastRetire[queue] = retires;
      lastRetired[queue] = row;
    }
    retire[row] = real(lastRetire, queue);
    enable(queue, now, row);
    current[queue] = -1;
    position[queue] = uint(position, queue) + 1;
    advance(queue, now);
  };

  const arriveAtBarrier = (queue: number, now: number): void => {
    const done = Math.max(now, real(lastRetire, queue));
    const by = real(lastRetire, queue) >= now ? int(lastRetired, queue) : int(enabledBy, queue);
    barrierBy = done > barrierTime ? by : done === barrierTime ? firstOf(by, barrierBy) : barrierBy;
    barrierTime = Math.max(barrierTime, done);
    if (++atBarrier === queueCount) events.push(barrierTime, priority.barrier, kind.barrier, 0);
  };
  const leaveBarrier = (now: number): void => {
    atBarrier = 0;
    for (let queue = 0; queue < queueCount; queue++) {
      accounts.book(queue, barrierColumn(queueCount, memoryCount), now);
      enable(queue, now, barrierBy);
      position[queue] = uint(position, queue) + 1;
    }
    for (let queue = 0; queue < queueCount; queue++) advance(queue, now);
  };

  for (let queue = 0; queue < queueCount; queue++) advance(queue, 0);
  while (events.pop()) {
    const now = events.time;
    switch (events.kind) {
      case kind.free:
        free(events.subject, now);
        break;
      case kind.join:
        join(events.subject, now);
        break;
      case kind.bus:
        serve(events.subject, now);
        break;
      case kind.signal:
        raise(events.subject, now);
        break;
      default:
        leaveBarrier(now);
    }
  }

  let last = -1;
  let total = 0;
  for (let queue = 0; queue < queueCount; queue++) {
    const by = int(lastRetired, queue);
    const time = real(lastRetire, queue);
    if (by < 0) continue;
    last = time > total ? by : time === total ? firstOf(by, last) : last;
    total = Math.max(total, time);
  }
  for (let queue = 0; queue < queueCount; queue++) accounts.book(queue, idleColumn, total);
  const stuck = [];
  for (let queue = 0; queue < queueCount; queue++) {
    const at = uint(position, queue);
    if (at < uint(work.queueStart, queue + 1)) stuck.push({ queue, row: int(work.order, at) });
  }
  return { workload: work, start, bodyStart, workEnd, alone, end, retire, enabler, last, total, accounts, memoryBusyCycles, stuck };
}
