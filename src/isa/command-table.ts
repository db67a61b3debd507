/**
 * Commands in columns: one row of small columns per command, operands packed as 32-bit words in a pool, fp numbers in another.
 * `CommandTableBuilder` is the only writer; `readCommand` gives one row back as an object.
 */
import type { Command, Slot } from './command.ts';

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

export interface CommandTableBuilder {
  /** Appends a command; returns its row. */
  emit(slot: Slot, command: Command): number;
  finish(): CommandTable;
}
