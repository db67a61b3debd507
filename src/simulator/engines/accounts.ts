/**
 * What every queue did with its time. A queue's time is cut in consecutive segments; each is converted to cycles as the difference
 * of the running time at its ends, so that busy + stalled + idle is the total exactly, whatever the rounding.
 */
import type { Clock } from '../kernel/clock.ts';
import { add, real } from '../kernel/columns.ts';

/** Columns of the account of one queue. */
export const busyColumn = 0;
export const idleColumn = 1;
/** Stall reasons start here: one per queue waited for, one per memory contended for, one for barriers. */
export const firstReason = 2;

export interface Accounts {
  /** Books the time of `queue` from where its last segment ended until `time`; earlier times book nothing. */
  book(queue: number, column: number, time: number): void;
  readonly cycles: Float64Array;
  readonly columns: number;
}

export function createAccounts(queueCount: number, memoryCount: number, clock: Clock): Accounts {
  const columns = firstReason + queueCount + memoryCount + 1;
  const cycles = new Float64Array(queueCount * columns);
  const bookedTime = new Float64Array(queueCount);
  const bookedCycles = new Float64Array(queueCount);
  return {
    cycles,
    columns,
    book(queue, column, time) {
      if (time <= real(bookedTime, queue)) return;
      const until = clock.ticksUntil(time);
      add(cycles, queue * columns + column, until - real(bookedCycles, queue));
      bookedTime[queue] = time;
      bookedCycles[queue] = until;
    },
  };
}

/** Column of a wait for `queue`. */
export const waitColumn = (queue: number): number => firstReason + queue;
/** Column of contention for `memory`. */
export const memoryColumn = (queueCount: number, memory: number): number => firstReason + queueCount + memory;
export const barrierColumn = (queueCount: number, memoryCount: number): number => firstReason + queueCount + memoryCount;
