/**
 * How much of each local memory a program needs: the most bytes of a core's window that the commands of one kernel touch, from the first
 * to the last byte of every reference. (Not the highest address: compilers lay tiles out from both ends in turn.)
 *
 * Reading every command as an object would cost more than timing it. Commands of one form differ in their offsets only, so the bytes a
 * reference spans are computed once per form, and of every row only the offset words are read. Where those stand is the layout written
 * down in `isa/command-table.ts`; `test/simulator/timing/window-peak.test.ts` compares with `readCommand` row by row.
 */
import { bitsOf } from '../../core/index.ts';
import { readCommand, type Command, type CommandTable, type Ref } from '../../isa/index.ts';
import { int, short, uint } from '../kernel/columns.ts';

/** Where a reference of a form stands in the binding words, and how far it reaches from its offset. */
interface Slot {
  readonly word: number;
  readonly space: number;
  readonly span: number;
  /** A ring stays within [base, base + bytes), whatever the offset. */
  readonly ringBytes: number | null;
}

/**
 * @param formOf row -> number of its form: rows of equal op and form have equal numbers
 * @returns bytes by space
 */
export function windowPeaks(table: CommandTable, formOf: Int32Array, spaces: number): Float64Array {
  const touched = new Map<number, number[]>();
  const forms: (readonly Slot[] | undefined)[] = [];
  for (let row = 0; row < table.length; row++) {
    const form = int(formOf, row);
    const slots = (forms[form] ??= slotsOf(readCommand(table, row)));
    if (slots.length === 0) continue;
    const start = uint(table.wordStart, row);
    const binding = start + 1 + int(table.words, start);
    const user = (int(table.kernel, row) + 1) * 0x1_0000 + short(table.core, row);
    for (const slot of slots) {
      const word = binding + slot.word;
      if (int(table.words, word) >= 0) continue;
      const lo = slot.ringBytes === null ? long(table.words, word + 1) : long(table.words, word + 3);
      const key = user * spaces + slot.space;
      let ranges = touched.get(key);
      if (ranges === undefined) touched.set(key, (ranges = []));
      cover(ranges, lo, lo + (slot.ringBytes ?? slot.span));
    }
  }
  const peak = new Float64Array(spaces);
  for (const [key, ranges] of touched) {
    let bytes = 0;
    for (let i = 0; i < ranges.length; i += 2) bytes += (ranges[i + 1] ?? 0) - (ranges[i] ?? 0);
    peak[key % spaces] = Math.max(peak[key % spaces] ?? 0, bytes);
  }
  return peak;
}

/** Adds [lo, hi) to disjoint ranges `lo, hi, lo, hi, …` in ascending order. */
function cover(ranges: number[], lo: number, hi: number): void {
  let first = 0;
  while (first < ranges.length && (ranges[first + 1] ?? 0) < lo) first += 2;
  let stop = first;
  let from = lo;
  let to = hi;
  while (stop < ranges.length && (ranges[stop] ?? 0) <= hi) {
    from = Math.min(from, ranges[stop] ?? 0);
    to = Math.max(to, ranges[stop + 1] ?? 0);
    stop += 2;
  }
  if (stop === first + 2 && from === ranges[first] && to === ranges[first + 1]) return;
  ranges.splice(first, stop - first, from, to);
}

const long = (words: Int32Array, at: number): number => int(words, at + 1) * 0x1_0000_0000 + (int(words, at) >>> 0);

function slotsOf(command: Command): Slot[] {
  const slots: Slot[] = [];
  let word = 0;
  const take = (...refs: readonly (Ref | null)[]): void => {
    for (const ref of refs) {
      if (ref === null) continue;
      slots.push({ word, space: ref.space, span: spanOf(ref), ringBytes: ref.ring?.bytes ?? null });
      word += ref.ring === undefined ? 3 : 5;
    }
  };
  switch (command.op) {
    case 'CONV':
    case 'DWCONV':
    case 'MATMUL':
      take(command.x, command.w, command.acc);
      word += 2; // zero points
      if (command.drain !== null) take(command.drain.out, command.drain.bias, command.drain.multiplier);
      return slots;
    case 'POOL':
      take(command.x, command.out);
      return slots;
    case 'VECTOR':
      take(...command.inputs, ...command.outputs);
      return slots;
    case 'REDUCE':
      take(command.x, command.acc);
      return slots;
    case 'LOAD':
    case 'STORE':
    case 'COPY':
      take(command.src, command.dst, command.index ?? null);
      return slots;
    default:
      return slots; // the host and synchronisation touch no window
  }
}

/** Bytes from the first to one past the last a reference touches. */
function spanOf(ref: Ref): number {
  const bits = bitsOf(ref.dtype);
  const packed = bits < 8 && ref.strides[ref.strides.length - 1] === 1;
  let span = Math.ceil(bits / 8);
  ref.extents.forEach((extent, axis) => {
    if (extent === 0) return;
    const steps = (extent - 1) * (ref.strides[axis] ?? 0);
    span += packed && axis === ref.extents.length - 1 ? Math.ceil((extent * bits) / 8) - 1 : steps;
  });
  return span;
}
