/** The sanitizer's byte work: each access is held against the last writer and the last readers of its bytes. */
import { bytesPerElement, simulatorMessages } from '../../core/index.ts';
import { commandOps } from '../../isa/index.ts';
import type { CommandTable } from '../../isa/command-table.ts';
import type { Ref, Ring } from '../../isa/command.ts';
import type { Executable } from '../../isa/executable.ts';
import { describeCommand, originOf } from './describe.ts';
import type { Findings } from './findings.ts';
import { span, type Area } from './memory.ts';
import type { Order } from './order.ts';
import { firstUnfilled, host, nobody, type Shadow, type States } from './shadow.ts';
import { runsOf } from './tile.ts';

/** The access that happens now. */
export interface Now {
  readonly queue: number;
  readonly sequence: number;
  readonly operand: string;
  readonly area: Area;
  /** The ring the operand wraps in, if any. */
  readonly ring: Ring | null;
}

const loadOp = commandOps.indexOf('LOAD');

export interface Follower {
  read(now: Now, ref: Ref): void;
  write(now: Now, ref: Ref): void;
  /** The run is over: adds what only the end shows. */
  finish(): void;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

export function createFollower(cx: {
  readonly executable: Executable;
  readonly table: CommandTable;
  readonly order: Order;
  readonly states: States;
  readonly findings: Findings;
  /** How many sequence numbers there are. */
  readonly commands: number;
}): Follower {
  const { executable, table, order, states, findings } = cx;
  const rowOf = (sequence: number): number => order.rowOf(sequence);
  const kernelOf = (sequence: number): number => table.kernel[rowOf(sequence)] ?? -1;
  const name = (sequence: number): string => describeCommand(executable, table, rowOf(sequence));
  const origins = (...sequences: readonly number[]): readonly string[] => [
    ...new Set(sequences.flatMap((s) => originOf(executable, table, rowOf(s)))),
  ];
  const place = (area: Area, { from, to }: Range): string =>
    `bytes ${from}..${to - 1} of ${area.name}${area.region >= 0 ? ` in "${executable.spaces[area.space] ?? ''}"` : ''}`;
  /** Commands of which somebody read a byte. */
  const used = new Uint8Array(cx.commands);
  /** Kernels of whose bytes in an area somebody read some: see `areaKey`. */
  const usedKernels = new Set<number>();
  let lastUsed = -1;
  const areaKey = (kernel: number, area: Area): number => (kernel + 1) * 2 ** 20 + (area.region + 1) * 2 ** 10 + area.space;
  const markUsed = (kernel: number, area: Area): void => {
    const key = areaKey(kernel, area);
    if (key !== lastUsed) usedKernels.add(key);
    lastUsed = key;
  };
  /**
   * Nobody need read all that a kernel makes: a Slice behind it may take a part, and what it leaves is free for other kernels. Tiles that
   * were loaded to be worked on are read, each.
   */
  const mayBeLeft = (writer: number, over: number, area: Area): boolean => {
    const kernel = kernelOf(writer);
    const isTile = table.op[rowOf(writer)] === loadOp && executable.kernels[kernel]?.class !== 'move';
    return kernel !== kernelOf(over) && !isTile && usedKernels.has(areaKey(kernel, area));
  };
  /** Rows of pairs that are out of order: results they lose are no finding of their own. */
  const faulty = new Set<number>();
  /** Bytes written over unread. */
  const lost: { readonly writer: number; readonly over: number; readonly area: Area; readonly bytes: string }[] = [];
  /** By command: writers of another kernel whose bytes it wrote over. */
  const wroteOver = new Map<number, Set<number>>();
  /** By command: the ring it wrote into. */
  const ringOf = new Map<number, Ring>();

  const inOrder = (other: number, now: Now): boolean => other === now.sequence || (other < now.sequence && order.before(other, now.queue));

  /** `other` touched the bytes before, out of order with `now`. */
  const reportPair = (now: Now, other: number, range: Range, does: 'reads' | 'writes', did: 'read' | 'wrote'): void => {
    const pair = `${rowOf(now.sequence)}:${rowOf(other)}`;
    const origin = origins(other, now.sequence);
    const bytes = place(now.area, range);
    faulty.add(rowOf(other)).add(rowOf(now.sequence));
    if (!order.before(other, now.queue)) {
      findings.add(`race:${pair}`, () => {
        const args = { one: name(now.sequence), oneDoes: does, other: name(other), otherDoes: did === 'read' ? 'reads' : 'writes', bytes };
        return (count) => simulatorMessages.sanitizerRace({ ...args, count }, { origin });
      });
    } else {
      findings.add(`order:${pair}`, () => {
        const args = { earlier: name(now.sequence), earlierDoes: does, later: name(other), laterDid: did, bytes };
        return (count) => simulatorMessages.sanitizerOutOfOrder({ ...args, count }, { origin });
      });
    }
  };

  const reportUnwritten = (now: Now, range: Range): void => {
    findings.add(`unwritten:${rowOf(now.sequence)}:${now.operand}`, () => {
      const args = { reader: name(now.sequence), operand: now.operand, bytes: place(now.area, range) };
      return (count) => simulatorMessages.sanitizerNeverWritten({ ...args, count }, { origin: origins(now.sequence) });
    });
  };

  const readRun = (now: Now, shadow: Shadow, run: Range, seen: Set<number>): void => {
    const { writers } = shadow;
    for (let from = run.from; from < run.to;) {
      const writer = writers[from] ?? nobody;
      let to = from + 1;
      while (to < run.to && writers[to] === writer) to++;
      if (writer === nobody) reportUnwritten(now, { from, to });
      else if (writer !== host) {
        used[writer - 1] = 1;
        markUsed(kernelOf(writer - 1), now.area);
        seen.add(writer - 1);
        if (!inOrder(writer - 1, now)) reportPair(now, writer - 1, { from, to }, 'reads', 'wrote');
      }
      from = to;
    }
    const readers = (shadow.readers[now.queue] ??= new Int32Array(writers.length));
    mark(readers, run, now.sequence + 1);
  };

  /** Bytes of one earlier writer are written over. */
  const checkOverwrite = (now: Now, other: number, range: Range): void => {
    if (other === now.sequence) return;
    if (!inOrder(other, now)) return reportPair(now, other, range, 'writes', 'wrote');
    if (used[other] === 0) lost.push({ writer: other, over: now.sequence, area: now.area, bytes: place(now.area, range) });
    if (kernelOf(other) === kernelOf(now.sequence)) return;
    const over = wroteOver.get(now.sequence);
    if (over === undefined) wroteOver.set(now.sequence, new Set([other]));
    else over.add(other);
  };

  const writeRun = (now: Now, shadow: Shadow, run: Range): void => {
    const { writers } = shadow;
    for (let from = run.from; from < run.to;) {
      const writer = writers[from] ?? nobody;
      let to = from + 1;
      while (to < run.to && writers[to] === writer) to++;
      if (writer > nobody) checkOverwrite(now, writer - 1, { from, to });
      from = to;
    }
    for (const readers of shadow.readers) if (readers !== null) checkReaders(now, readers, run);
    mark(writers, run, now.sequence + 1);
  };

  /** Reads since the last write are forgotten: who is ordered after this write is ordered after them, or was just reported. */
  const checkReaders = (now: Now, readers: Int32Array, run: Range): void => {
    for (let from = run.from; from < run.to;) {
      const reader = readers[from] ?? nobody;
      let to = from + 1;
      while (to < run.to && readers[to] === reader) to++;
      if (reader !== nobody && !inOrder(reader - 1, now)) reportPair(now, reader - 1, { from, to }, 'writes', 'read');
      from = to;
    }
    mark(readers, run, nobody);
  };

  /** The operand comes partly from one kernel, partly from another that wrote over the first. */
  const checkMixed = (now: Now, seen: ReadonlySet<number>, ref: Ref): void => {
    if (seen.size < 2) return;
    for (const over of seen) {
      for (const kept of wroteOver.get(over) ?? []) {
        if (!seen.has(kept)) continue;
        findings.add(`mixed:${rowOf(kept)}:${rowOf(over)}:${rowOf(now.sequence)}`, () => {
          const [from, to] = span(ref);
          const args = { reader: name(now.sequence), operand: now.operand, kept: name(kept), over: name(over) };
          const bytes = place(now.area, { from, to });
          return (count) => simulatorMessages.sanitizerOverlap({ ...args, bytes, count }, { origin: origins(kept, over, now.sequence) });
        });
      }
    }
  };

  /** Bytes written around one ring and read around another: the reader's slabs are not the writer's. */
  const checkRings = (now: Now, seen: ReadonlySet<number>): void => {
    if (now.ring === null) return;
    for (const writer of seen) {
      const theirs = ringOf.get(writer);
      if (theirs === undefined || (theirs.base === now.ring.base && theirs.bytes === now.ring.bytes)) continue;
      const [mine, other] = [now.ring, theirs].map(({ base, bytes }) => `bytes ${base}..${base + bytes - 1}`);
      findings.add(`rings:${rowOf(now.sequence)}:${rowOf(writer)}`, () => {
        const args = { reader: name(now.sequence), operand: now.operand, mine: mine ?? '', writer: name(writer), theirs: other ?? '' };
        return (count) =>
          simulatorMessages.sanitizerRingsDisagree({ ...args, area: now.area.name, count }, { origin: origins(writer, now.sequence) });
      });
    }
  };

  return {
    read(now, ref) {
      const state = states.of(now.area);
      if (state.kind === 'filled') {
        eachRun(ref, (run) => {
          const from = firstUnfilled(state.filled, run.from, run.to);
          if (from >= 0) reportUnwritten(now, { from, to: run.to });
        });
      } else if (state.kind === 'shadow') {
        const seen = new Set<number>();
        eachRun(ref, (run) => readRun(now, state.shadow, run, seen));
        checkMixed(now, seen, ref);
        checkRings(now, seen);
      }
    },
    write(now, ref) {
      if (now.ring !== null) ringOf.set(now.sequence, now.ring);
      const state = states.of(now.area);
      if (state.kind === 'shadow') eachRun(ref, (run) => writeRun(now, state.shadow, run));
    },
    finish() {
      for (const { writer, over, area, bytes } of lost) {
        // A part of the result may have been read after this part was written over.
        if (used[writer] !== 0 || faulty.has(rowOf(writer)) || faulty.has(rowOf(over)) || mayBeLeft(writer, over, area)) continue;
        findings.add(`lost:${rowOf(writer)}:${rowOf(over)}`, () => {
          const args = { writer: name(writer), over: name(over), bytes };
          return (count) => simulatorMessages.sanitizerLostWrite({ ...args, count }, { origin: origins(writer, over) });
        });
      }
    },
  };
}

/** The runs of neighbouring bytes of a reference, each byte once: broadcast axes count once. In no particular order: large strides outermost, so that runs are long. */
export function eachRun(ref: Ref, visit: (run: Range) => void): void {
  const axes = ref.extents.map((extent, i) => {
    const stride = ref.strides[i] ?? 0;
    return { extent: stride === 0 && extent > 0 ? 1 : extent, stride };
  });
  // A ring names its axis by position.
  if (ref.ring === undefined) axes.sort((a, b) => b.stride - a.stride);
  const tile = { start: ref.offset, extents: axes.map((a) => a.extent), strides: axes.map((a) => a.stride), ring: ref.ring ?? null };
  const runs = runsOf(tile, bytesPerElement(ref.dtype));
  const pieces = runs.step === 1 ? 1 : runs.length;
  const bytes = runs.unit * (runs.step === 1 ? runs.length : 1);
  for (const start of runs.starts) {
    for (let i = 0; i < pieces; i++) {
      const from = (start + i * runs.step) * runs.unit;
      visit({ from, to: from + bytes });
    }
  }
}

/** `fill` costs a call; short runs are many. */
function mark(column: Int32Array, run: Range, value: number): void {
  if (run.to - run.from > 16) column.fill(value, run.from, run.to);
  else for (let i = run.from; i < run.to; i++) column[i] = value;
}
