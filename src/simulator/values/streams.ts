/**
 * The commands of a program as each queue sees them: in row order, REPEATs unrolled on the way, never stored.
 *
 * Every command has a sequence number: its place in the one-by-one run of the whole program, which is what the rows mean.
 */
import { invariant } from '../../core/index.ts';
import { commandOps, queueNames, readCommand } from '../../isa/index.ts';
import type { CommandTable } from '../../isa/command-table.ts';
import type { Command, QueueName, Ref, RepeatCommand } from '../../isa/command.ts';

/** One queue of one core. */
export interface Stream {
  readonly core: number;
  readonly queue: QueueName;
  /** Its rows, with every BARRIER, and every REPEAT around one of them. */
  readonly rows: Int32Array;
}

export interface Streams {
  readonly list: readonly Stream[];
  /** Sequence number of each row, in the first iteration of the REPEATs around it. */
  readonly sequence: Float64Array;
  /** How many commands one iteration of a REPEAT row has, unrolled. */
  readonly bodySize: ReadonlyMap<number, number>;
  /** Commands in all, unrolled; a REPEAT itself is none. */
  readonly total: number;
  /** Commands of each kernel, unrolled, synchronisation included. */
  readonly kernelTotals: ReadonlyMap<number, number>;
}

const repeatOp = commandOps.indexOf('REPEAT');
const barrierOp = commandOps.indexOf('BARRIER');

export function streamsOf(table: CommandTable): Streams {
  const own = new Map<number, number[]>();
  const repeats: number[] = [];
  const barriers: number[] = [];
  for (let row = 0; row < table.length; row++) {
    if (table.op[row] === repeatOp) repeats.push(row);
    else if (table.op[row] === barrierOp) barriers.push(row);
    const key = (table.core[row] ?? 0) * queueNames.length + (table.queue[row] ?? 0);
    const rows = own.get(key);
    const belongs = table.op[row] !== repeatOp;
    if (rows === undefined) own.set(key, belongs ? [row] : []);
    else if (belongs) rows.push(row);
  }

  const sequence = new Float64Array(table.length);
  const bodySize = new Map<number, number>();
  const kernelTotals = new Map<number, number>();
  const number = (start: number, end: number, first: number, times: number): number => {
    let n = first;
    for (let row = start; row < end; row++) {
      sequence[row] = n;
      if (table.op[row] !== repeatOp) {
        n++;
        const kernel = table.kernel[row] ?? -1;
        kernelTotals.set(kernel, (kernelTotals.get(kernel) ?? 0) + times);
        continue;
      }
      const repeat = repeatAt(table, row);
      // A body that reaches past its block is cut there, as everywhere; the verifier tells.
      const stop = Math.min(end, row + 1 + Math.max(0, repeat.length));
      const count = Math.max(0, repeat.count);
      const size = number(row + 1, stop, n, times * count) - n;
      bodySize.set(row, size);
      n += size * count;
      row = stop - 1;
    }
    return n;
  };
  const total = number(0, table.length, 0, 1);

  const list = [...own]
    .filter(([, rows]) => rows.length > 0)
    .toSorted(([a], [b]) => a - b)
    .map(([key, rows]): Stream => {
      const mine = barriers.length === 0 ? rows : [...new Set([...rows, ...barriers])].toSorted((a, b) => a - b);
      const around = repeats.filter((row) => {
        const next = mine[lowerBound(mine, row)];
        return next !== undefined && next <= row + repeatAt(table, row).length;
      });
      const all = around.length === 0 ? mine : [...mine, ...around].toSorted((a, b) => a - b);
      return {
        core: Math.floor(key / queueNames.length),
        queue: queueNames[key % queueNames.length] ?? 'host',
        rows: Int32Array.from(all),
      };
    });
  return { list, sequence, bodySize, total, kernelTotals };
}

function repeatAt(table: CommandTable, row: number): RepeatCommand {
  const command = readCommand(table, row);
  invariant(command.op === 'REPEAT', `row ${row} is ${command.op}`);
  return command;
}

function lowerBound(sorted: readonly number[], value: number): number {
  let lo = 0;
  let hi = sorted.length;
  while (lo < hi) {
    const middle = (lo + hi) >> 1;
    if ((sorted[middle] ?? 0) < value) lo = middle + 1;
    else hi = middle;
  }
  return lo;
}

/** Where a queue stands. */
export interface Cursor {
  /** Row of the current command, -1 at the end. */
  row: number;
  /** Its sequence number. */
  sequence: number;
  /** The command, references moved by the REPEATs around it. */
  command: Command | null;
  advance(): void;
}

interface Frame {
  readonly repeat: RepeatCommand;
  /** Index of the first row of the body in the stream, and the body's last row. */
  readonly first: number;
  readonly lastRow: number;
  readonly size: number;
  iteration: number;
}

export function createCursor(table: CommandTable, streams: Streams, stream: Stream): Cursor {
  const { rows } = stream;
  const frames: Frame[] = [];
  let index = 0;

  const settle = (cursor: Cursor): void => {
    for (;;) {
      const frame = frames.at(-1);
      const row = rows[index];
      if (frame !== undefined && (row === undefined || row > frame.lastRow)) {
        frame.iteration++;
        if (frame.iteration < frame.repeat.count) index = frame.first;
        else frames.pop();
        continue;
      }
      if (row === undefined) {
        cursor.row = -1;
        cursor.command = null;
        return;
      }
      const command = readCommand(table, row);
      if (command.op !== 'REPEAT') {
        cursor.row = row;
        cursor.sequence = frames.reduce((n, f) => n + f.iteration * f.size, streams.sequence[row] ?? 0);
        cursor.command = frames.length === 0 ? command : shift(command, frames);
        return;
      }
      index++;
      const lastRow = Math.min(row + command.length, frame?.lastRow ?? table.length);
      if (command.count > 0) frames.push({ repeat: command, first: index, lastRow, size: streams.bodySize.get(row) ?? 0, iteration: 0 });
      else while (index < rows.length && (rows[index] ?? 0) <= lastRow) index++;
    }
  };
  const cursor: Cursor = {
    row: -1,
    sequence: 0,
    command: null,
    advance() {
      index++;
      settle(cursor);
    },
  };
  settle(cursor);
  return cursor;
}

/** The command with its references moved to the current iterations. Rings stay where they are: an offset that moves wraps inside them. */
function shift(command: Command, frames: readonly Frame[]): Command {
  const moves = new Map<number, number>();
  for (const { repeat, iteration } of frames) {
    for (const s of repeat.strides) moves.set(s.region, (moves.get(s.region) ?? 0) + iteration * s.bytes);
  }
  const move = (ref: Ref): Ref => {
    const bytes = ref.region < 0 ? 0 : (moves.get(ref.region) ?? 0);
    if (bytes === 0) return ref;
    const offset = ref.offset + bytes;
    if (ref.ring === undefined) return { ...ref, offset };
    const { base, bytes: around } = ref.ring;
    return { ...ref, offset: base + ((((offset - base) % around) + around) % around) };
  };
  const maybe = (ref: Ref | null): Ref | null => (ref === null ? null : move(ref));
  switch (command.op) {
    case 'CONV':
    case 'DWCONV':
    case 'MATMUL': {
      const d = command.drain;
      const drain = d === null ? null : { ...d, out: move(d.out), bias: maybe(d.bias), multiplier: maybe(d.multiplier) };
      return { ...command, x: move(command.x), w: move(command.w), acc: move(command.acc), drain };
    }
    case 'POOL':
      return { ...command, x: move(command.x), out: move(command.out) };
    case 'VECTOR':
    case 'HOST':
      return { ...command, inputs: command.inputs.map(move), outputs: command.outputs.map(move) };
    case 'REDUCE':
      return { ...command, x: move(command.x), acc: move(command.acc) };
    case 'LOAD':
    case 'STORE':
    case 'COPY':
      return {
        ...command,
        src: move(command.src),
        dst: move(command.dst),
        ...(command.index === undefined ? {} : { index: move(command.index) }),
      };
    default:
      return command;
  }
}
