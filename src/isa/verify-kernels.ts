/**
 * The kernel table against the commands: bounds come from the table and times from the commands, so a program that lost commands would
 * look faster than its machine can be.
 */
import { queueNames } from './command.ts';
import { readCommand } from './command-reader.ts';
import { commandOps, type CommandTable } from './command-table.ts';
import { productOf } from './demand.ts';
import type { Executable, Kernel, KernelEngine } from './executable.ts';
import { indexForms } from './form-index.ts';
import { usefulMacs } from './matrix-ticks.ts';

/** Problems of one table beyond these say nothing new. */
const mostProblems = 20;

/** What the commands of one kernel do. */
interface Done {
  macs: number;
  readonly engines: Set<KernelEngine>;
}

/** Tells what kernels promise and their commands, of all programs together, do not do. */
export function checkKernels(e: Executable, broken: (what: string) => void): void {
  const done = e.kernels.map((): Done => ({ macs: 0, engines: new Set() }));
  for (const { commands } of e.programs) addCommands(commands, done);
  const faults = e.kernels.flatMap((kernel, i) => missing(kernel, done[i] ?? { macs: 0, engines: new Set() }));
  for (const what of faults.slice(0, mostProblems)) broken(what);
  const macs = e.kernels.reduce((sum, k) => sum + k.macs, 0);
  // Shares of a node that became several need not be whole numbers.
  if (Math.abs(macs - e.model.macs) > 1e-9 * macs) broken(`The kernels have ${macs} MACs together, the model ${e.model.macs}`);
}

function missing({ name, engine, work, tiles }: Kernel, done: Done): readonly string[] {
  if (work.kind !== 'none' && tiles > 0 && !done.engines.has(engine))
    return [`Kernel "${name}" works on the ${engine} engine, but no program has a command there for it`];
  if (work.kind !== 'contraction') return [];
  const promised = work.groups * work.batches * work.m * work.n * work.channels * work.taps;
  return done.macs < promised ? [`Kernel "${name}" multiplies ${promised} times, its commands only ${done.macs} times`] : [];
}

const repeatCode = commandOps.indexOf('REPEAT');
const contractions: ReadonlySet<number> = new Set((['CONV', 'DWCONV', 'MATMUL'] as const).map((op) => commandOps.indexOf(op)));
const synchronisation: ReadonlySet<number> = new Set(
  (['SIGNAL', 'WAIT', 'BARRIER', 'REPEAT'] as const).map((op) => commandOps.indexOf(op)),
);
const engineOf = { 'dma-in': 'dma', 'dma-out': 'dma', matrix: 'matrix', vector: 'vector', host: 'host' } as const;

function addCommands(table: CommandTable, done: readonly Done[]): void {
  const { id, firstRow } = indexForms(table);
  const macsOfForm = firstRow.map((row) => (contractions.has(table.op[row] ?? -1) ? macsAt(table, row) : 0));
  /** REPEATs around the row, and how often it runs. */
  const around: { readonly end: number; readonly times: number }[] = [];
  for (let row = 0; row < table.length; row++) {
    while ((around.at(-1)?.end ?? table.length + 1) <= row) around.pop();
    const times = around.at(-1)?.times ?? 1;
    const op = table.op[row] ?? -1;
    if (op === repeatCode) {
      const command = readCommand(table, row);
      if (command.op === 'REPEAT') around.push({ end: row + 1 + command.length, times: times * Math.max(0, command.count) });
    }
    const own = done[table.kernel[row] ?? -1];
    if (own === undefined || synchronisation.has(op)) continue;
    const queue = queueNames[table.queue[row] ?? 0];
    if (queue !== undefined) own.engines.add(engineOf[queue]);
    own.macs += times * (macsOfForm[id[row] ?? 0] ?? 0);
  }
}

function macsAt(table: CommandTable, row: number): number {
  const command = readCommand(table, row);
  return command.op === 'CONV' || command.op === 'DWCONV' || command.op === 'MATMUL' ? usefulMacs(productOf(command)) : 0;
}
