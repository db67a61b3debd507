/**
 * Commands in program order -> queues with explicit synchronisation.
 *
 * Program order is a legal sequential order. Each command is issued with the resources it reads and writes; where that makes it
 * depend on another queue, a WAIT goes before it and a SIGNAL behind the command waited for. One semaphore per ordered pair of
 * queues is enough: queues are in order, so the k-th SIGNAL of a pair always means the same command. Since every WAIT refers to
 * an earlier command in program order, there can be no deadlock. Waits implied by earlier ones are left out (vector clocks).
 *
 * The body of a repetition is issued twice. The first time nothing is written: it stands for the trip before. The second time commands
 * depend on it as those of every trip depend on the trip before, so its waits serve all trips. What either needs of the commands in front
 * of the repetition is waited for once, there. At the start of a trip queues are taken to know nothing of each other's trip before, so that
 * no wait is left out that only the first trips could do without.
 */
import { createCommandTable, queueNames, type Command, type CommandTable, type QueueName, type RepeatCommand } from '../../isa/index.ts';
import { noMarks, queueCount, type Box, type Marks, type Resource } from './resources.ts';
import { synchronise, type Repetition } from './synchronise.ts';

export interface Access {
  readonly resource: Resource;
  readonly mode: 'read' | 'write';
  readonly box: Box;
}

export interface ProgramWriter {
  issue(queue: QueueName, kernel: number, command: Command, accesses: readonly Access[]): void;
  /**
   * @param body  issues the commands of one trip, the same ones each time it is called: twice, `again` the second time. Repetitions do
   *   not nest.
   */
  repeat(repetition: Pick<RepeatCommand, 'count' | 'strides'>, body: (again: boolean) => void): void;
  finish(): { readonly commands: CommandTable; readonly semaphores: number };
}

/** A repetition while its body is issued. */
interface Open {
  readonly start: Marks;
  /** Where the body begins that is written. null while the first one is issued. */
  middle: Marks | null;
  /** (waiting queue × queues + queue waited for) -> command in front of the repetition. */
  readonly before: Int32Array;
}

export function createProgramWriter(core: number): ProgramWriter {
  // Commands go into columns at once; only what synchronisation needs is kept beside them.
  const body = createCommandTable();
  /** (row, other queue, sequence waited for), flat, by row. */
  const waits: number[] = [];
  const repetitions: Repetition[] = [];
  let open: Open | null = null;
  let rows = 0;
  const sequence = new Int32Array(queueCount);
  // clock[q]: what queue q knows to have retired. snapshots[q][s]: that knowledge when command s of queue q issued.
  const clock: Marks[] = Array.from({ length: queueCount }, noMarks);
  const snapshots: Int32Array[] = Array.from({ length: queueCount }, () => new Int32Array(256 * queueCount));
  const queueIndex = new Map<QueueName, number>(queueNames.map((name, i) => [name, i]));
  const deps = noMarks();

  /** The command to wait for: behind a repetition, all of it stands for any of it. */
  const outside = (queue: number, needed: number): number => {
    for (let i = repetitions.length - 1; i >= 0; i--) {
      const { start, end } = repetitions[i] as Repetition;
      if (needed > (end[queue] as number)) return needed;
      if (needed > (start[queue] as number)) return end[queue] as number;
    }
    return needed;
  };
  const advance = (queue: number): number => {
    const mine = clock[queue] as Marks;
    const s = (sequence[queue] as number) + 1;
    sequence[queue] = s;
    mine[queue] = s;
    let kept = snapshots[queue] as Int32Array;
    if ((s + 1) * queueCount > kept.length) {
      const longer = new Int32Array(2 * kept.length);
      longer.set(kept);
      snapshots[queue] = kept = longer;
    }
    kept.set(mine, s * queueCount);
    return s;
  };
  const learn = (queue: number, other: number, needed: number): void => {
    const mine = clock[queue] as Marks;
    const seen = snapshots[other] as Int32Array;
    const from = needed * queueCount;
    for (let q = 0; q < queueCount; q++) if ((seen[from + q] as number) > (mine[q] as number)) mine[q] = seen[from + q] as number;
    mine[other] = Math.max(mine[other] as number, needed);
  };

  return {
    issue(queueName, kernel, command, accesses) {
      const queue = queueIndex.get(queueName) as number;
      deps.fill(0);
      for (const a of accesses) {
        if (a.mode === 'read') a.resource.beforeRead(deps, a.box);
        else a.resource.beforeWrite(deps, a.box);
      }
      const mine = clock[queue] as Marks;
      const isWritten = open === null || open.middle !== null;
      const row = isWritten ? body.emit({ core, queue: queueName, kernel }, command) : -1;
      if (isWritten) rows = row + 1;
      // Later stages first: what they have seen covers most of the rest.
      for (let other = queueCount - 1; other >= 0; other--) {
        if (other === queue) continue;
        const needed = outside(other, deps[other] as number);
        if (needed <= (mine[other] as number)) continue;
        if (open !== null && needed <= (open.start[other] as number)) {
          const pair = queue * queueCount + other;
          open.before[pair] = Math.max(open.before[pair] as number, needed);
        } else if (isWritten) waits.push(row, other, needed);
        learn(queue, other, needed);
      }
      const s = advance(queue);
      for (const a of accesses) {
        if (a.mode === 'read') a.resource.noteRead(queue, s, a.box);
        else a.resource.noteWrite(queue, s, a.box);
      }
    },
    repeat({ count, strides }, issueBody) {
      if (open !== null) throw new Error('repetitions do not nest');
      const known = clock.map((c) => c.slice());
      const now: Open = { start: sequence.slice(), middle: null, before: new Int32Array(queueCount * queueCount) };
      open = now;
      issueBody(false);
      const middle = sequence.slice();
      now.middle = middle;
      known.forEach((before, queue) => {
        const mine = clock[queue] as Marks;
        mine.set(before);
        mine[queue] = middle[queue] as number;
        for (let other = 0; other < queueCount; other++) {
          const waited = now.before[queue * queueCount + other] as number;
          if (waited > 0) learn(queue, other, waited);
        }
      });
      const firstRow = rows;
      issueBody(true);
      for (let q = 0; q < queueCount; q++) {
        const [a, b, c] = [now.start[q] as number, middle[q] as number, sequence[q] as number];
        if (c - b !== b - a) throw new Error(`a trip of ${b - a} commands of ${queueNames[q]} is followed by one of ${c - b}`);
        // Its end, as a command of its own: what follows waits for all trips.
        if (b > a) advance(q);
      }
      open = null;
      repetitions.push({ count, strides, firstRow, endRow: rows, start: now.start, middle, end: sequence.slice(), before: now.before });
    },
    finish() {
      const commands = body.finish();
      return synchronise({ core, commands, waits, repetitions, issued: sequence });
    },
  };
}
