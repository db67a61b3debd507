/** Runs a program one command at a time under a schedule of our choice: any order the queues and semaphores allow is a legal machine. */
import type { Tensor } from '../../src/core/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import { queueNames, type Executable, type QueueName } from '../../src/isa/index.ts';
import { runNaiveCommand } from './naive-commands.ts';
import { createNaiveMemory, loadNaive, OutsideMemory } from './naive-memory.ts';
import type { Row } from './programs.ts';

export type Outcome =
  | { readonly kind: 'outputs'; readonly bytes: Uint8Array }
  | { readonly kind: 'deadlock'; readonly detail: string }
  | { readonly kind: 'outside'; readonly detail: string };

/** Of the queues that can go on, the earliest in the list does. */
export type Priority = readonly QueueName[];

/** All priorities of the four queues that our programs use: each queue gets to run as far ahead of each other as semaphores let it. */
export const allPriorities: readonly Priority[] = permutations(queueNames.filter((q) => q !== 'host'));

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((first) => permutations(items.filter((i) => i !== first)).map((rest) => [first, ...rest]));
}

/** The rows in the order they happen, or where they stop. */
export function orderOf(rows: readonly Row[], priority: Priority): { readonly order: readonly number[]; readonly stuck: string | null } {
  const queues = priority.map((name) => rows.flatMap(({ slot }, row) => (slot.queue === name ? [row] : [])));
  const at = queues.map(() => 0);
  const counts = new Map<number, number>();
  const order: number[] = [];
  const step = (queue: number): boolean => {
    const row = queues[queue]?.[at[queue] ?? 0];
    const command = rows[row ?? -1]?.command;
    if (row === undefined || command === undefined) return false;
    if (command.op === 'WAIT' || command.op === 'SIGNAL') {
      const count = (counts.get(command.id) ?? 0) + (command.op === 'WAIT' ? -command.count : command.count);
      if (count < 0) return false;
      counts.set(command.id, count);
    }
    order.push(row);
    at[queue] = (at[queue] ?? 0) + 1;
    return true;
  };
  while (queues.some((_, queue) => step(queue)));
  const left = queues.flatMap((list, queue) => list.slice(at[queue] ?? 0, (at[queue] ?? 0) + 1));
  return { order, stuck: left.length === 0 ? null : `rows ${left.join(', ')} wait for ever` };
}

export function runNaive(
  executable: Executable,
  machine: Machine,
  rows: readonly Row[],
  inputs: ReadonlyMap<string, Tensor>,
  priority: Priority,
): Outcome {
  const { order, stuck } = orderOf(rows, priority);
  if (stuck !== null) return { kind: 'deadlock', detail: stuck };
  const memory = createNaiveMemory(executable, machine, null);
  loadNaive(memory, executable, inputs);
  try {
    for (const row of order) {
      const command = rows[row]?.command;
      if (command !== undefined && command.op !== 'WAIT' && command.op !== 'SIGNAL') runNaiveCommand(memory, command);
    }
  } catch (error) {
    if (error instanceof OutsideMemory) return { kind: 'outside', detail: error.message };
    throw error;
  }
  return { kind: 'outputs', bytes: memory.outputs() };
}
