/** The rows of a program in the order they run: REPEAT is replaced by what it repeats. Demands do not depend on the iteration. */
import { commandOps, readCommand, type CommandTable } from '../../isa/index.ts';

const repeatCode = commandOps.indexOf('REPEAT');

/** Row of the command table for every executed row. */
export function unroll(table: CommandTable): Int32Array {
  if (!table.op.includes(repeatCode)) {
    const identity = new Int32Array(table.length);
    for (let row = 0; row < identity.length; row++) identity[row] = row;
    return identity;
  }
  const rows: number[] = [];
  const run = (from: number, to: number): void => {
    for (let row = from; row < to; row++) {
      const command = table.op[row] === repeatCode ? readCommand(table, row) : null;
      if (command?.op !== 'REPEAT') {
        rows.push(row);
        continue;
      }
      const stop = Math.min(to, row + 1 + command.length);
      for (let i = 0; i < command.count; i++) run(row + 1, stop);
      row = stop - 1;
    }
  };
  run(0, table.length);
  return Int32Array.from(rows);
}
