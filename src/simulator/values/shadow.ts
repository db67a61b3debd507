/**
 * What is known of every byte: who wrote it last, and which command of each queue read it last since.
 *
 * Areas that the program never writes (weights, most inputs) only know which of their bytes were filled before the run.
 */
import { simulatorMessages, type Diagnostic } from '../../core/index.ts';
import { readCommand } from '../../isa/index.ts';
import type { CommandTable } from '../../isa/command-table.ts';
import { accessesOf } from './access.ts';
import type { Area, MemoryMap } from './memory.ts';

/** In `writers`: nobody yet. Commands are sequence number + 1. */
export const nobody = 0;
/** In `writers`: filled before the run. */
export const host: number = -1;

export interface Shadow {
  readonly writers: Int32Array;
  /** By queue; null until the queue reads here. */
  readonly readers: (Int32Array | null)[];
}

/** Sorted, disjoint intervals of bytes. */
export interface Filled {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

export type State =
  | { readonly kind: 'filled'; readonly filled: Filled }
  | { readonly kind: 'shadow'; readonly shadow: Shadow }
  | { readonly kind: 'unwatched' };

/** Bytes filled before the run. */
export interface InitialBytes {
  readonly region: number;
  readonly start: number;
  readonly end: number;
}

export interface States {
  of(area: Area): State;
  /** Areas that are too large to follow. */
  notes(): readonly Diagnostic[];
}

/** Shadows cover at most this many bytes of memory; each costs one word, and one more per queue that reads it. */
const shadowLimitBytes = 256 * 2 ** 20;

export function createStates(table: CommandTable, map: MemoryMap, initial: readonly InitialBytes[], queues: number): States {
  const written = writtenRegions(table);
  const states = new Map<number, State>();
  const notes: Diagnostic[] = [];
  let followed = 0;
  const make = (area: Area): State => {
    const before = initial.filter((i) => i.region === area.region);
    if (area.region >= 0 && !written.has(area.region)) return { kind: 'filled', filled: filledFrom(before) };
    const bytes = area.region >= 0 ? area.bytes : (map.windows.get(map.windowKey(area)) ?? 0);
    if (followed + bytes > shadowLimitBytes) {
      notes.push(simulatorMessages.sanitizerUnwatched({ area: area.name, bytes }));
      return { kind: 'unwatched' };
    }
    followed += bytes;
    const writers = new Int32Array(bytes);
    for (const { start, end } of before) writers.fill(host, start, end);
    return { kind: 'shadow', shadow: { writers, readers: Array.from({ length: queues }, () => null) } };
  };
  return {
    of(area) {
      const key = area.region >= 0 ? area.region : -1 - map.windowKey(area);
      let state = states.get(key);
      if (state === undefined) {
        state = make(area);
        states.set(key, state);
      }
      return state;
    },
    notes: () => notes,
  };
}

function writtenRegions(table: CommandTable): ReadonlySet<number> {
  const written = new Set<number>();
  for (let row = 0; row < table.length; row++) {
    for (const access of accessesOf(readCommand(table, row))) if (access.writes) written.add(access.ref.region);
  }
  return written;
}

function filledFrom(intervals: readonly InitialBytes[]): Filled {
  const starts: number[] = [];
  const ends: number[] = [];
  for (const { start, end } of intervals.toSorted((a, b) => a.start - b.start)) {
    const last = ends.at(-1);
    if (last !== undefined && start <= last) ends[ends.length - 1] = Math.max(last, end);
    else if (end > start) {
      starts.push(start);
      ends.push(end);
    }
  }
  return { starts, ends };
}

/** First byte of [start, end) that is not filled, or -1. */
export function firstUnfilled(filled: Filled, start: number, end: number): number {
  let lo = 0;
  let hi = filled.starts.length;
  while (lo < hi) {
    const middle = (lo + hi) >> 1;
    if ((filled.starts[middle] ?? 0) <= start) lo = middle + 1;
    else hi = middle;
  }
  const covered = lo === 0 ? start : Math.max(start, filled.ends[lo - 1] ?? start);
  return covered >= end ? -1 : covered;
}
