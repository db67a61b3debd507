/**
 * CommandTable <-> the streams of `Program` in program.proto. Each distinct form is written once; bindings as differences to the last row of
 * the same form, which for tiles of one loop are small.
 */
import { fail, isaMessages } from '../core/index.ts';
import type { Program } from './executable.ts';
import { fillsItsRow } from './command-reader.ts';
import { commandOps, formRange, type CommandTable } from './command-table.ts';
import { indexForms } from './form-index.ts';
import { queueNames } from './command.ts';
import { createVarintReader, createVarintWriter, type VarintReader } from './varint-stream.ts';

export interface ProgramStreams {
  readonly name: string;
  readonly rows: number;
  readonly forms: number;
  readonly formStream: Uint8Array;
  readonly rowStream: Uint8Array;
  readonly numberValues: number[];
  readonly numbers: number;
  readonly numberStream: Uint8Array;
}

export function encodeProgram(program: Program): ProgramStreams {
  const table = program.commands;
  const { id, firstRow } = indexForms(table);
  const { words } = table;

  const formStream = createVarintWriter();
  for (const row of firstRow) {
    const [start, end] = formRange(table, row);
    formStream.unsigned(table.op[row] ?? 0);
    formStream.unsigned(end - start);
    formStream.unsigned((table.wordStart[row + 1] ?? 0) - end);
    for (let i = start; i < end; i++) formStream.signed(words[i] ?? 0);
  }

  const rowStream = createVarintWriter();
  const lastRow = new Int32Array(firstRow.length).fill(-1);
  for (let row = 0; row < table.length; row++) {
    const form = id[row] ?? 0;
    rowStream.unsigned(form);
    rowStream.unsigned(table.core[row] ?? 0);
    rowStream.unsigned(table.queue[row] ?? 0);
    rowStream.signed(((table.kernel[row] ?? 0) - (row === 0 ? 0 : (table.kernel[row - 1] ?? 0))) | 0);
    const before = lastRow[form] ?? -1;
    const from = formRange(table, row)[1];
    const reference = before === -1 ? -1 : formRange(table, before)[1];
    const count = (table.wordStart[row + 1] ?? 0) - from;
    for (let i = 0; i < count; i++) rowStream.signed(((words[from + i] ?? 0) - (reference === -1 ? 0 : (words[reference + i] ?? 0))) | 0);
    lastRow[form] = row;
  }

  const numberStream = createVarintWriter();
  const numberValues: number[] = [];
  const seen = new Map<number | string, number>();
  for (const value of table.numbers) {
    const key = Object.is(value, -0) ? '-0' : value;
    let index = seen.get(key);
    if (index === undefined) {
      index = numberValues.length;
      seen.set(key, index);
      numberValues.push(value);
    }
    numberStream.unsigned(index);
  }
  return {
    name: program.name,
    rows: table.length,
    forms: firstRow.length,
    formStream: formStream.finish(),
    rowStream: rowStream.finish(),
    numberValues,
    numbers: table.numbers.length,
    numberStream: numberStream.finish(),
  };
}

const damaged = (what: string): never => fail(isaMessages.executableDamaged({ what }));

interface Form {
  readonly op: number;
  readonly words: Int32Array;
  readonly bindingWords: number;
  /** The binding of the last row of this form. */
  readonly last: Int32Array;
}

/** Errors: SYS5013 where the streams are not those of a command table. */
export function decodeProgram(streams: ProgramStreams): Program {
  const what = `program "${streams.name}"`;
  const end = (): never => damaged(`${what} ends early`);
  const forms = readForms(streams, what, end);

  // A row is at least four bytes, a number one: sizes beyond that are lies, and must not allocate.
  if (streams.rows * 4 > streams.rowStream.length || streams.numbers > streams.numberStream.length) end();
  const { rows } = streams;
  const source = createVarintReader(streams.rowStream, end);
  const op = new Uint8Array(rows);
  const core = new Uint16Array(rows);
  const queue = new Uint8Array(rows);
  const kernel = new Int32Array(rows);
  const wordStart = new Uint32Array(rows + 1);
  let words = new Int32Array(1 << 16);
  let n = 0;
  for (let row = 0; row < rows; row++) {
    const form = forms[source.unsigned()] ?? damaged(`${what}, row ${row}: unknown form`);
    op[row] = form.op;
    core[row] = source.unsigned();
    const queueIndex = source.unsigned();
    if (queueIndex >= queueNames.length) damaged(`${what}, row ${row}: unknown queue`);
    queue[row] = queueIndex;
    kernel[row] = ((row === 0 ? 0 : (kernel[row - 1] ?? 0)) + source.signed()) | 0;
    const need = n + 1 + form.words.length + form.bindingWords;
    if (need > words.length) {
      const larger = new Int32Array(Math.max(need, words.length * 2));
      larger.set(words);
      words = larger;
    }
    words[n] = form.words.length;
    words.set(form.words, n + 1);
    n += 1 + form.words.length;
    for (let i = 0; i < form.bindingWords; i++) {
      const value = ((form.last[i] ?? 0) + source.signed()) | 0;
      form.last[i] = value;
      words[n++] = value;
    }
    wordStart[row + 1] = n;
  }
  if (!source.atEnd()) damaged(`${what} has rows left over`);

  const indices = createVarintReader(streams.numberStream, end);
  const numbers = Float64Array.from({ length: streams.numbers }, () => streams.numberValues[indices.unsigned()] ?? NaN);
  const commands: CommandTable = { length: rows, op, core, queue, kernel, wordStart, words: words.slice(0, n), numbers };
  checkForms(commands, what);
  return { name: streams.name, commands };
}

function readForms(streams: ProgramStreams, what: string, end: () => never): Form[] {
  const source: VarintReader = createVarintReader(streams.formStream, end);
  const forms: Form[] = [];
  for (let f = 0; f < streams.forms; f++) {
    const op = source.unsigned();
    if (op >= commandOps.length) damaged(`${what}: unknown op ${op}`);
    const count = source.unsigned();
    const bindingWords = source.unsigned();
    if (count > streams.formStream.length || bindingWords > streams.rowStream.length) end();
    const words = Int32Array.from({ length: count }, () => source.signed());
    forms.push({ op, words, bindingWords, last: new Int32Array(bindingWords) });
  }
  return forms;
}

/** Reads one row of each form, so that `readCommand` cannot fail on any: whether it can be read depends on the form alone. */
function checkForms(table: CommandTable, what: string): void {
  for (const row of indexForms(table).firstRow) {
    if (!isCommand(table, row)) damaged(`${what}, row ${row}: not a ${commandOps[table.op[row] ?? 0] ?? 'command'}`);
  }
}

function isCommand(table: CommandTable, row: number): boolean {
  try {
    return fillsItsRow(table, row);
  } catch {
    return false;
  }
}
