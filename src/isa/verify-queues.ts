/**
 * Synchronisation: who uses which semaphore, whether counts balance, and whether the program can finish. The queues are run on counts alone:
 * each goes on until a WAIT it cannot pass. Queues are in order and each semaphore has one waiter, so what blocks does not depend on the
 * order in which we run them, and a program that finishes here finishes under every timing.
 */
import { isaMessages, type Diagnostic } from '../core/index.ts';
import { queueNames, type SemaphoreCommand } from './command.ts';
import { readCommand } from './command-reader.ts';
import { commandOps, type CommandTable } from './command-table.ts';
import { expandProgram } from './expand.ts';

interface Sync {
  readonly row: number;
  readonly queue: string;
  readonly command: SemaphoreCommand;
}

interface Semaphore {
  readonly name: string;
  readonly signallers: Set<string>;
  readonly waiters: Set<string>;
  signalled: number;
  awaited: number;
  count: number;
}

const barrierCode = commandOps.indexOf('BARRIER');
const syncCodes: ReadonlySet<number> = new Set([commandOps.indexOf('SIGNAL'), commandOps.indexOf('WAIT')]);

/** @param describe names a row: `Row 12 (WAIT of kernel "conv1")` */
export function checkQueues(table: CommandTable, describe: (row: number) => string, report: (diagnostic: Diagnostic) => void): void {
  const semaphores = new Map<string, Semaphore>();
  const semaphoreOf = (c: SemaphoreCommand): Semaphore => {
    const name = `Semaphore ${c.id} of core ${c.core}`;
    let found = semaphores.get(name);
    if (found === undefined) {
      found = { name, signallers: new Set(), waiters: new Set(), signalled: 0, awaited: 0, count: 0 };
      semaphores.set(name, found);
    }
    return found;
  };

  const known = new Map<number, Sync>();
  const syncAt = (row: number): Sync | null => {
    if (!syncCodes.has(table.op[row] ?? -1)) return null;
    const before = known.get(row);
    if (before !== undefined) return before;
    const command = readCommand(table, row);
    if (command.op !== 'SIGNAL' && command.op !== 'WAIT') return null;
    const sync = { row, queue: `c${table.core[row] ?? 0}.${queueNames[table.queue[row] ?? 0] ?? ''}`, command };
    known.set(row, sync);
    return sync;
  };

  let blocked: readonly Sync[] = [];
  let pending = new Map<string, Sync[]>();
  // A BARRIER is passed when everything before it is done, so what lies between two barriers is a program of its own.
  for (const row of expandProgram(table).rows) {
    if (table.op[row] === barrierCode) {
      blocked = runQueues(pending, semaphoreOf);
      if (blocked.length > 0) break;
      pending = new Map();
      continue;
    }
    const sync = syncAt(row);
    if (sync === null) continue;
    const semaphore = semaphoreOf(sync.command);
    if (sync.command.op === 'SIGNAL') {
      semaphore.signallers.add(sync.queue);
      semaphore.signalled += sync.command.count;
    } else {
      semaphore.waiters.add(sync.queue);
      semaphore.awaited += sync.command.count;
    }
    const queue = pending.get(sync.queue);
    if (queue === undefined) pending.set(sync.queue, [sync]);
    else queue.push(sync);
  }
  if (blocked.length === 0) blocked = runQueues(pending, semaphoreOf);

  for (const s of semaphores.values()) {
    if (s.signallers.size > 1) report(isaMessages.semaphoreShared({ semaphore: s.name, role: 'signalled', queues: [...s.signallers] }));
    if (s.waiters.size > 1) report(isaMessages.semaphoreShared({ semaphore: s.name, role: 'awaited', queues: [...s.waiters] }));
  }
  if (blocked.length > 0) {
    const lines = blocked.slice(0, 5).map(({ row, command }) => {
      const semaphore = semaphoreOf(command);
      return `${describe(row)} waits for ${command.count} of ${semaphore.name.toLowerCase()}, which has ${semaphore.count}`;
    });
    report(isaMessages.deadlock({ blocked: lines }));
    return;
  }
  for (const s of semaphores.values()) {
    if (s.signalled !== s.awaited) report(isaMessages.semaphoreLeftOver({ semaphore: s.name, signalled: s.signalled, awaited: s.awaited }));
  }
}

/** Runs until nothing moves; the WAITs where queues stopped short of their end. */
function runQueues(queues: ReadonlyMap<string, readonly Sync[]>, semaphoreOf: (c: SemaphoreCommand) => Semaphore): Sync[] {
  const at = new Map<string, number>();
  /** Semaphore -> the queue that waits for it. */
  const waiting = new Map<Semaphore, string>();
  const ready = [...queues.keys()];
  for (let name = ready.pop(); name !== undefined; name = ready.pop()) {
    const queue = queues.get(name) ?? [];
    let next = at.get(name) ?? 0;
    for (; next < queue.length; next++) {
      const command = queue[next]?.command;
      if (command === undefined) break;
      const semaphore = semaphoreOf(command);
      if (command.op === 'SIGNAL') {
        semaphore.count += command.count;
        const waiter = waiting.get(semaphore);
        if (waiter !== undefined && waiter !== name) {
          waiting.delete(semaphore);
          ready.push(waiter);
        }
      } else if (semaphore.count >= command.count) {
        semaphore.count -= command.count;
      } else {
        waiting.set(semaphore, name);
        break;
      }
    }
    at.set(name, next);
  }
  return [...queues].flatMap(([name, queue]) => queue[at.get(name) ?? 0] ?? []);
}
