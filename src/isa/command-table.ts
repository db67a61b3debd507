/**
 * Commands in columns: one row of small columns per command, operands packed as 32-bit words in a pool, fp numbers in another.
 * `createCommandTable` is the only writer (command-writer.ts); `readCommand` gives one row back as an object (command-reader.ts).
 *
 * The words of a row are `[formWords, form…, binding…]`. The *form* is all that the demand of a command depends on (dtypes, memories,
 * extents, strides, modes); the *binding* is what differs between tiles of one shape (regions, offsets, zero points, padding, semaphore
 * ids, indices of fp numbers). Rows with equal op, core and form have equal demand, so `demandTable` computes each form once; the form also
 * fixes how many words the binding has.
 */
import { invariant } from '../core/index.ts';
import { queueNames, type Slot } from './command.ts';

export interface CommandTable {
  readonly length: number;
  /** Index into `commandOps`. */
  readonly op: Uint8Array;
  readonly core: Uint16Array;
  /** Index into `queueNames`. */
  readonly queue: Uint8Array;
  /** Index into executable.kernels, -1 for none. */
  readonly kernel: Int32Array;
  /** First word of row i in `words`; `wordStart[length]` closes the last. */
  readonly wordStart: Uint32Array;
  readonly words: Int32Array;
  /** fp64 immediates, referred to by index from `words`. */
  readonly numbers: Float64Array;
}

/** Every op, in the order of the codes in `CommandTable.op`. New ops go at the end. */
export const commandOps = [
  'CONV',
  'DWCONV',
  'MATMUL',
  'POOL',
  'VECTOR',
  'REDUCE',
  'LOAD',
  'STORE',
  'COPY',
  'HOST',
  'SIGNAL',
  'WAIT',
  'BARRIER',
  'REPEAT',
] as const;

/** Where and for whom row `row` runs. */
export function readSlot(table: CommandTable, row: number): Slot {
  return { core: at(table.core, row), queue: nameAt(queueNames, at(table.queue, row)), kernel: at(table.kernel, row) };
}

/** First and one-past-last word of the form of `row`: see the head of this file. */
export function formRange(table: CommandTable, row: number): readonly [number, number] {
  const start = at(table.wordStart, row) + 1;
  return [start, start + at(table.words, start - 1)];
}

/** An entry of a column that must be there. */
export function at(column: { readonly [index: number]: number; readonly length: number }, index: number): number {
  const value = column[index];
  invariant(value !== undefined, `index ${index} of a column of ${column.length}`);
  return value;
}

/** The name behind a code that must be known. */
export function nameAt<Name extends string>(names: readonly Name[], index: number): Name {
  const name = names[index];
  invariant(name !== undefined, `code ${index} of ${names.length}`);
  return name;
}
