/** A program as it runs: REPEAT replaced by what it repeats, with how far region offsets have moved in each iteration. */
import { fail, invariant, isaMessages } from '../core/index.ts';
import type { RepeatCommand } from './command.ts';
import { readCommand } from './command-reader.ts';
import { commandOps, type CommandTable } from './command-table.ts';

/** Region -> bytes added to offsets of references into it. */
export type Shift = ReadonlyMap<number, number>;

export interface ExpandedProgram {
  /** Row of the table of every command that runs, in program order; REPEATs themselves are not among them. */
  readonly rows: Int32Array;
  /** Index into `shifts`, per entry of `rows`. */
  readonly shift: Int32Array;
  /** One entry per combination of iterations that moves anything; the first moves nothing. */
  readonly shifts: readonly Shift[];
}

/** More commands than anybody simulates: a REPEAT gone wrong. */
export const mostCommands = 50_000_000;

const repeatCode = commandOps.indexOf('REPEAT');

/** Errors: SYS5030 where the program is longer than `mostCommands`. Bodies are cut at the end of what encloses them (the verifier tells). */
export function expandProgram(table: CommandTable): ExpandedProgram {
  const shifts: Shift[] = [new Map()];
  if (!table.op.includes(repeatCode)) {
    const rows = new Int32Array(table.length);
    for (let row = 0; row < rows.length; row++) rows[row] = row;
    return { rows, shift: new Int32Array(table.length), shifts };
  }
  const length = expandedLength(table, 0, table.length);
  if (length > mostCommands) fail(isaMessages.programTooLong({ commands: length, most: mostCommands }));
  const rows = new Int32Array(length);
  const shift = new Int32Array(length);
  let n = 0;
  const run = (from: number, to: number, current: number): void => {
    for (let row = from; row < to; row++) {
      if (table.op[row] !== repeatCode) {
        rows[n] = row;
        shift[n++] = current;
        continue;
      }
      const repeat = repeatAt(table, row);
      const stop = Math.min(to, row + 1 + Math.max(0, repeat.length));
      for (let i = 0; i < repeat.count; i++) {
        let inner = current;
        if (i > 0 && repeat.strides.length > 0) {
          inner = shifts.length;
          shifts.push(moved(shifts[current] ?? new Map(), repeat, i));
        }
        run(row + 1, stop, inner);
      }
      row = stop - 1;
    }
  };
  run(0, table.length, 0);
  return { rows, shift, shifts };
}

function moved(by: Shift, repeat: RepeatCommand, iteration: number): Shift {
  const next = new Map(by);
  for (const { region, bytes } of repeat.strides) next.set(region, (next.get(region) ?? 0) + iteration * bytes);
  return next;
}

/** How many commands rows [from, to) are when they run. */
export function expandedLength(table: CommandTable, from: number, to: number): number {
  let n = 0;
  for (let row = from; row < to; row++) {
    if (table.op[row] !== repeatCode) {
      n++;
      continue;
    }
    const { count, length } = repeatAt(table, row);
    const stop = Math.min(to, row + 1 + Math.max(0, length));
    n += Math.max(0, count) * expandedLength(table, row + 1, stop);
    row = stop - 1;
  }
  return n;
}

function repeatAt(table: CommandTable, row: number): RepeatCommand {
  const command = readCommand(table, row);
  invariant(command.op === 'REPEAT', `row ${row} is a REPEAT`);
  return command;
}
