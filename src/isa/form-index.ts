/** Which rows of a table have the same op and form: a hash table over their words, which are compared in full. */
import type { CommandTable } from './command-table.ts';

export interface FormIndex {
  /** Row -> number of its form, numbered by first occurrence. */
  readonly id: Int32Array;
  /** Form -> the first row that has it. */
  readonly firstRow: readonly number[];
}

/** @param kind rows whose kinds differ are told apart too */
export function indexForms(table: CommandTable, kind: (row: number) => number = () => 0): FormIndex {
  const id = new Int32Array(table.length);
  const firstRow: number[] = [];
  const hashes: number[] = [];
  let slots = new Int32Array(1024).fill(-1);

  const slotOf = (hash: number, row: number): number => {
    let slot = hash & (slots.length - 1);
    for (;;) {
      const found = slots[slot] ?? -1;
      if (found === -1) return slot;
      const first = firstRow[found] ?? 0;
      if (hashes[found] === hash && kind(first) === kind(row) && sameForm(table, first, row)) return slot;
      slot = (slot + 1) & (slots.length - 1);
    }
  };

  // SIGNAL, WAIT and the like have no form at all, and are most of the rows: op and kind tell them.
  const formless = new Map<number, number>();
  for (let row = 0; row < table.length; row++) {
    const own = kind(row);
    if (table.words[table.wordStart[row] ?? 0] === 0) {
      const key = (own << 8) | (table.op[row] ?? 0);
      let form = formless.get(key);
      if (form === undefined) {
        form = firstRow.length;
        formless.set(key, form);
        firstRow.push(row);
        hashes.push(0);
      }
      id[row] = form;
      continue;
    }
    const hash = hashForm(table, row, own);
    let slot = slotOf(hash, row);
    if (slots[slot] === -1) {
      if (firstRow.length * 2 >= slots.length) {
        slots = new Int32Array(slots.length * 4).fill(-1);
        firstRow.forEach((first, form) => {
          if (![...formless.values()].includes(form)) slots[slotOf(hashes[form] ?? 0, first)] = form;
        });
        slot = slotOf(hash, row);
      }
      slots[slot] = firstRow.length;
      firstRow.push(row);
      hashes.push(hash);
    }
    id[row] = slots[slot] ?? 0;
  }
  return { id, firstRow };
}

// The loops below see every word of a program: indices straight from the columns, no calls.

function hashForm(table: CommandTable, row: number, kind: number): number {
  const { words, wordStart } = table;
  const start = wordStart[row] ?? 0;
  const end = start + (words[start] ?? 0);
  let h = Math.imul((table.op[row] ?? 0) + 1, 0x9e3779b1) ^ kind;
  for (let i = start; i <= end; i++) h = Math.imul((h ^ (words[i] ?? 0)) + (h >>> 15), 0x85ebca6b);
  return h ^ (h >>> 13);
}

function sameForm(table: CommandTable, a: number, b: number): boolean {
  const { words, wordStart, op } = table;
  if (op[a] !== op[b]) return false;
  const aStart = wordStart[a] ?? 0;
  const shift = (wordStart[b] ?? 0) - aStart;
  // The first word is the length of the form, so a longer one differs there.
  const end = aStart + (words[aStart] ?? 0);
  for (let i = aStart; i <= end; i++) if (words[i] !== words[i + shift]) return false;
  return true;
}
