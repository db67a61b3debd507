/**
 * In what order the commands of a run happen: queues issue in order, take turns, one command each, and stop at semaphores and barriers.
 * The turns are fixed, so that a program that forgot a SIGNAL fails the same way every time.
 */
import { fail, simulatorMessages } from '../../core/index.ts';
import type { CommandTable } from '../../isa/command-table.ts';
import type { Command, SemaphoreCommand } from '../../isa/command.ts';
import type { Executable } from '../../isa/executable.ts';
import { describeCommand } from './describe.ts';
import type { Clock } from './order.ts';
import { createCursor, type Cursor, type Streams } from './streams.ts';

/** What a run does with its commands. */
export interface Actions {
  /** Any command but synchronisation. */
  run(queue: number, cursor: Cursor, command: Command): void;
  /** The clock a SIGNAL passes on, null when nobody follows clocks. */
  signal(queue: number): Clock | null;
  join(queue: number, clock: Clock): void;
  barrier(): void;
  /** Every command of the kernel is done. */
  kernelDone(kernel: number): void;
}

/** Runs the program; returns how many commands were executed. Throws a coded error at a deadlock. */
export function schedule(executable: Executable, table: CommandTable, streams: Streams, actions: Actions): number {
  const cursors = streams.list.map((stream) => createCursor(table, streams, stream));
  const semaphores = new Map<number, Semaphore>();
  const left = new Map(streams.kernelTotals);
  let executed = 0;

  const retire = (cursor: Cursor): void => {
    executed++;
    const kernel = table.kernel[cursor.row] ?? -1;
    const rest = (left.get(kernel) ?? 0) - 1;
    left.set(kernel, rest);
    if (rest === 0 && kernel >= 0) actions.kernelDone(kernel);
  };

  const step = (cursor: Cursor, queue: number): boolean => {
    const { command } = cursor;
    if (command === null) return false;
    switch (command.op) {
      case 'BARRIER':
        return false;
      case 'WAIT': {
        const semaphore = semaphoreOf(semaphores, command);
        if (semaphore.count < command.count) return false;
        for (const clock of take(semaphore, command.count)) actions.join(queue, clock);
        break;
      }
      case 'SIGNAL': {
        const semaphore = semaphoreOf(semaphores, command);
        semaphore.count += command.count;
        const clock = actions.signal(queue);
        if (clock !== null) semaphore.tokens.push({ count: command.count, clock });
        break;
      }
      default:
        actions.run(queue, cursor, command);
    }
    retire(cursor);
    cursor.advance();
    return true;
  };

  for (;;) {
    let moved = false;
    for (const [queue, cursor] of cursors.entries()) if (step(cursor, queue)) moved = true;
    if (moved) continue;
    const [first] = cursors;
    if (first?.command?.op === 'BARRIER' && cursors.every((c) => c.command?.op === 'BARRIER' && c.sequence === first.sequence)) {
      actions.barrier();
      retire(first);
      for (const cursor of cursors) cursor.advance();
      continue;
    }
    const blocked = cursors.filter((c) => c.command !== null);
    if (blocked.length === 0) return executed;
    fail(
      simulatorMessages.deadlock(
        {
          blocked: blocked.map((c) => `${describeCommand(executable, table, c.row)} ${whyBlocked(c, semaphores)}`),
          done: executed,
          total: streams.total,
        },
        { origin: [...new Set(blocked.flatMap((c) => executable.kernels[table.kernel[c.row] ?? -1]?.origin ?? []))] },
      ),
    );
  }
}

function whyBlocked(cursor: Cursor, semaphores: Map<number, Semaphore>): string {
  const { command } = cursor;
  if (command?.op !== 'WAIT') return 'waits for all other queues to reach it';
  const { count } = semaphoreOf(semaphores, command);
  return `needs ${command.count} of semaphore ${command.id} of core ${command.core}, which holds ${count}`;
}

interface Semaphore {
  count: number;
  /** First in, first out; only kept where clocks are followed. */
  readonly tokens: { count: number; readonly clock: Clock }[];
}

function semaphoreOf(semaphores: Map<number, Semaphore>, { core, id }: SemaphoreCommand): Semaphore {
  const key = core * 2 ** 20 + id;
  let semaphore = semaphores.get(key);
  if (semaphore === undefined) {
    semaphore = { count: 0, tokens: [] };
    semaphores.set(key, semaphore);
  }
  return semaphore;
}

/** Subtracts `count`; the clocks of the tokens it came from. */
function take(semaphore: Semaphore, count: number): readonly Clock[] {
  semaphore.count -= count;
  const clocks: Clock[] = [];
  let rest = count;
  while (rest > 0) {
    const [token] = semaphore.tokens;
    if (token === undefined) break;
    clocks.push(token.clock);
    const taken = Math.min(rest, token.count);
    rest -= taken;
    token.count -= taken;
    if (token.count === 0) semaphore.tokens.shift();
  }
  return clocks;
}
