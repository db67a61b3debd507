/**
 * Demand of every command of a program, in columns. Tiles of one shape differ in their bindings only (offsets, zero points, padding), so each
 * distinct (op, kind of core, form) is computed once.
 */
import type { Machine } from '../hw-configs/machine.ts';
import { invariant } from '../core/index.ts';
import { readCommand } from './command-reader.ts';
import { type CommandTable } from './command-table.ts';
import { coreAt, demand, type Demand } from './demand.ts';
import type { Executable } from './executable.ts';
import { indexForms } from './form-index.ts';

export interface DemandColumns {
  readonly length: number;
  /** Row -> index into `distinct`. */
  readonly id: Int32Array;
  readonly distinct: readonly Demand[];
  /** Row -> the numbers of its demand. */
  readonly ticks: Float64Array;
  readonly drainTicks: Float64Array;
  readonly macs: Float64Array;
  readonly issuedMacs: Float64Array;
  readonly laneTicks: Float64Array;
}

/** Demand of all rows of program `program` on `machine`. Errors as `demand`. */
export function demandTable(executable: Executable, machine: Machine, program = 0): DemandColumns {
  const found = executable.programs[program];
  invariant(found !== undefined, `program ${program} of ${executable.programs.length}`);
  const table = found.commands;
  const { length } = table;
  const kinds = coreKinds(table, machine);
  const { id, firstRow } = indexForms(table, (row) => kinds[table.core[row] ?? 0] ?? 0);
  const distinct = firstRow.map((row) => demand(readCommand(table, row), coreAt(machine, table.core[row] ?? 0).core, machine, executable));
  const column = (of: (d: Demand) => number): Float64Array => {
    const values = Float64Array.from(distinct, of);
    const rows = new Float64Array(length);
    for (let row = 0; row < length; row++) rows[row] = values[id[row] ?? 0] ?? 0;
    return rows;
  };
  return {
    length,
    id,
    distinct,
    ticks: column((d) => d.ticks),
    drainTicks: column((d) => d.drainTicks),
    macs: column((d) => d.macs),
    issuedMacs: column((d) => d.issuedMacs),
    laneTicks: column((d) => d.laneTicks),
  };
}

/** Core number -> index of its description; cores of one description have equal demands. */
function coreKinds(table: CommandTable, machine: Machine): Int32Array {
  let most = 0;
  for (const core of table.core) if (core > most) most = core;
  const names = Object.keys(machine.cores);
  return Int32Array.from({ length: most + 1 }, (_, core) => names.indexOf(coreAt(machine, core).name));
}
