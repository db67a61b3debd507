/**
 * What happened before what: vector clocks over the queues of a run.
 *
 * A command is known by its sequence number; the clock of a queue says, for each queue, up to which of its commands everything is done.
 * Queue order, tokens of semaphores (first in, first out: one producer each) and barriers carry clocks on.
 */
export interface Order {
  /** Makes `sequence` the next command of queue `queue`. */
  issue(queue: number, sequence: number, row: number): void;
  /** What a SIGNAL of this queue passes on. */
  snapshot(queue: number): Clock;
  /** A WAIT of `queue` took a token. */
  join(queue: number, clock: Clock): void;
  /** All queues go on from here together. */
  barrier(): void;
  /** Whether command `sequence` is done before the current command of `queue`, on every machine. */
  before(sequence: number, queue: number): boolean;
  rowOf(sequence: number): number;
  queueOf(sequence: number): number;
}

export type Clock = Int32Array;

export function createOrder(queues: number, commands: number): Order {
  const clocks = Array.from({ length: queues }, () => new Int32Array(queues));
  const rows = new Int32Array(commands);
  const queueAt = new Uint16Array(commands);
  const tickAt = new Int32Array(commands);
  const clockOf = (queue: number): Int32Array => clocks[queue] ?? new Int32Array(queues);
  return {
    issue(queue, sequence, row) {
      const clock = clockOf(queue);
      const tick = (clock[queue] ?? 0) + 1;
      clock[queue] = tick;
      rows[sequence] = row;
      queueAt[sequence] = queue;
      tickAt[sequence] = tick;
    },
    snapshot: (queue) => clockOf(queue).slice(),
    join(queue, clock) {
      mergeInto(clockOf(queue), clock);
    },
    barrier() {
      const all = new Int32Array(queues);
      for (const clock of clocks) mergeInto(all, clock);
      for (const clock of clocks) clock.set(all);
    },
    before: (sequence, queue) => (clockOf(queue)[queueAt[sequence] ?? 0] ?? 0) >= (tickAt[sequence] ?? 0),
    rowOf: (sequence) => rows[sequence] ?? 0,
    queueOf: (sequence) => queueAt[sequence] ?? 0,
  };
}

function mergeInto(clock: Int32Array, other: Clock): void {
  for (let i = 0; i < clock.length; i++) clock[i] = Math.max(clock[i] ?? 0, other[i] ?? 0);
}
