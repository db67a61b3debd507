/**
 * Races by brute force, sharing nothing with the sanitizer: the order of commands as a graph (queue order and semaphore tokens), its
 * transitive closure, and for every byte every pair of commands that touch it, one of them writing.
 */
import type { Machine } from '../../src/hw-configs/index.ts';
import type { Executable } from '../../src/isa/index.ts';
import { runNaiveCommand } from './naive-commands.ts';
import { createNaiveMemory } from './naive-memory.ts';
import type { Row } from './programs.ts';

/** Rows that touch a byte both, and nothing orders them. */
export interface Race {
  readonly first: number;
  readonly second: number;
}

/** null: tokens have several givers or takers, so that no order is certain. Rows must lie in bounds. */
export function racesOf(executable: Executable, machine: Machine, rows: readonly Row[]): readonly Race[] | null {
  const edges = edgesOf(rows);
  if (edges === null) return null;
  const before = closure(rows.length, edges);
  const races = new Map<string, Race>();
  const known = new Set<string>();
  for (const { readers, writers } of touchesOf(executable, machine, rows)) {
    const key = `${readers.join()}|${writers.join()}`;
    if (known.has(key)) continue;
    known.add(key);
    for (const w of writers) {
      for (const other of [...readers, ...writers]) {
        if (other === w || before[w]?.[other] === 1 || before[other]?.[w] === 1) continue;
        const race = { first: Math.min(w, other), second: Math.max(w, other) };
        races.set(`${race.first} ${race.second}`, race);
      }
    }
  }
  return [...races.values()].toSorted((a, b) => a.first - b.first || a.second - b.second);
}

/** Each row to the next of its queue; the SIGNAL that gives a token to the WAIT that takes it: first in, first out. */
function edgesOf(rows: readonly Row[]): readonly (readonly [number, number])[] | null {
  const edges: [number, number][] = [];
  const last = new Map<string, number>();
  const tokens = new Map<number, { givers: number[]; takers: number[]; queues: Set<string> }>();
  for (const [row, { slot, command }] of rows.entries()) {
    const previous = last.get(slot.queue);
    if (previous !== undefined) edges.push([previous, row]);
    last.set(slot.queue, row);
    if (command.op !== 'SIGNAL' && command.op !== 'WAIT') continue;
    const t = tokens.get(command.id) ?? { givers: [], takers: [], queues: new Set() };
    tokens.set(command.id, t);
    t.queues.add(`${command.op} ${slot.queue}`);
    for (let i = 0; i < command.count; i++) (command.op === 'SIGNAL' ? t.givers : t.takers).push(row);
  }
  for (const { givers, takers, queues } of tokens.values()) {
    if (queues.size > 2) return null;
    takers.forEach((taker, i) => {
      const giver = givers[i];
      if (giver !== undefined) edges.push([giver, taker]);
    });
  }
  return edges;
}

/** before[a][b] = 1: a is done before b begins, on every machine. */
function closure(count: number, edges: readonly (readonly [number, number])[]): readonly Uint8Array[] {
  const next = Array.from({ length: count }, (): number[] => []);
  for (const [from, to] of edges) next[from]?.push(to);
  return next.map((_, start) => {
    const reached = new Uint8Array(count);
    const open = [start];
    for (let row = open.pop(); row !== undefined; row = open.pop()) {
      for (const to of next[row] ?? []) {
        if (reached[to] === 1) continue;
        reached[to] = 1;
        open.push(to);
      }
    }
    return reached;
  });
}

interface Touches {
  readonly readers: number[];
  readonly writers: number[];
}

/** For every byte that anybody touches, who does. Addresses do not depend on numbers, so that any run shows them. */
function touchesOf(executable: Executable, machine: Machine, rows: readonly Row[]): Iterable<Touches> {
  const bytes = new Map<number, Touches>();
  let row = 0;
  const memory = createNaiveMemory(executable, machine, (area, address, size, does) => {
    for (let i = address; i < address + size; i++) {
      const key = area * 2 ** 32 + i;
      const t = bytes.get(key) ?? { readers: [], writers: [] };
      bytes.set(key, t);
      const list = does === 'reads' ? t.readers : t.writers;
      if (list.at(-1) !== row) list.push(row);
    }
  });
  for (const { command } of rows) {
    if (command.op !== 'SIGNAL' && command.op !== 'WAIT') runNaiveCommand(memory, command);
    row++;
  }
  return bytes.values();
}
