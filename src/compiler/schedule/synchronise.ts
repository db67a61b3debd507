/**
 * SIGNAL and WAIT for commands in program order: where each is, how many tokens it moves.
 *
 * A pair of queues has one semaphore. Behind every command that is waited for there is one SIGNAL of count 1, so the n-th token of a pair
 * means a known command, and a WAIT takes as many tokens as lie between the command it waits for and the last one waited for.
 *
 * In a repetition a trip signals S tokens of a pair and takes S, at the same places in every trip. Tokens for the trip before are still
 * there when a trip begins: the last WAIT of a trip leaves the same number L each time. In front of the REPEAT the semaphore is brought to
 * L, by a SIGNAL of tokens that mean nothing or by a WAIT for those that are too many.
 */
import { createCommandTable, queueNames, type CommandTable, type QueueName, type RepeatCommand, type Slot } from '../../isa/index.ts';
import { queueCount, type Marks } from './resources.ts';

/** A repetition as issued. Sequence numbers are by queue, 1-based. */
export interface Repetition extends Pick<RepeatCommand, 'count' | 'strides'> {
  readonly firstRow: number;
  readonly endRow: number;
  /** The last command in front of it; of the trip that was only issued; and its end, which counts as a command where it has any. */
  readonly start: Marks;
  readonly middle: Marks;
  readonly end: Marks;
  /** (waiting queue × queues + queue waited for) -> command in front of it that its commands need, 0 for none. */
  readonly before: Int32Array;
}

export interface Issued {
  readonly core: number;
  readonly commands: CommandTable;
  /** (row, other queue, sequence waited for), flat, by row. */
  readonly waits: readonly number[];
  readonly repetitions: readonly Repetition[];
  /** The last sequence number of each queue. */
  readonly issued: Marks;
}

export function synchronise({ core, commands, waits, repetitions, issued }: Issued): {
  readonly commands: CommandTable;
  readonly semaphores: number;
} {
  const pairs = queueCount * queueCount;
  // signals[from, to][s]: whether `to` waits for command s of `from`; later, which token of the pair says that it is done.
  const signals: Int32Array[] = Array.from(
    { length: pairs },
    (_, pair) => new Int32Array((issued[Math.floor(pair / queueCount)] as number) + 1),
  );
  const flag = (from: number, to: number, s: number): void => {
    (signals[from * queueCount + to] as Int32Array)[s] = 1;
  };
  const used = new Set<number>();
  const inside = repetitionOf(repetitions, commands.length);
  for (let i = 0; i < waits.length; i += 3) {
    const row = waits[i] as number;
    const [from, to, needed] = [waits[i + 1] as number, commands.queue[row] as number, waits[i + 2] as number];
    const r = repetitions[inside[row] as number];
    flag(from, to, r === undefined ? needed : inBody(r, from, needed));
    used.add(from * queueCount + to);
  }
  for (const r of repetitions) {
    r.before.forEach((needed, pair) => {
      if (needed === 0) return;
      const [to, from] = [Math.floor(pair / queueCount), pair % queueCount];
      flag(from, to, needed);
      used.add(from * queueCount + to);
    });
  }
  const ids = new Int32Array(pairs).fill(-1);
  let semaphores = 0;
  for (let pair = 0; pair < pairs; pair++) if (used.has(pair)) ids[pair] = semaphores++;

  const table = createCommandTable(commands);
  const made = new Int32Array(pairs);
  const taken = new Int32Array(pairs);
  const seen = new Int32Array(queueCount);
  const put = (slot: Slot, op: 'SIGNAL' | 'WAIT', pair: number, count: number): void => {
    if (count > 0) table.emit(slot, { op, core, id: ids[pair] as number, count });
  };
  const slotOf = (queue: number, kernel: number): Slot => ({ core, queue: queueNames[queue] as QueueName, kernel });
  const signalBehind = (queue: number, s: number, slot: Slot): void => {
    for (let to = 0; to < queueCount; to++) {
      const pair = queue * queueCount + to;
      const ranks = signals[pair] as Int32Array;
      if (ranks[s] === 0) continue;
      made[pair] = (made[pair] as number) + 1;
      ranks[s] = made[pair] as number;
      put(slot, 'SIGNAL', pair, 1);
    }
  };
  const waitFor = (slot: Slot, pair: number, s: number): void => {
    const upTo = signals[pair]?.[s] as number;
    const count = upTo - (taken[pair] as number);
    if (count <= 0) return;
    taken[pair] = upTo;
    put(slot, 'WAIT', pair, count);
  };

  let next = 0;
  const writeRepetition = (r: Repetition): void => {
    const body = bodyOf(r, commands, waits, next, signals);
    const kernelOf = (queue: number): number => body.kernels[queue] ?? -1;
    r.before.forEach((needed, pair) => {
      const [to, from] = [Math.floor(pair / queueCount), pair % queueCount];
      if (needed > 0) waitFor(slotOf(to, kernelOf(to)), from * queueCount + to, needed);
    });
    for (const [pair, left] of body.left) {
      const [from, to] = [Math.floor(pair / queueCount), pair % queueCount];
      const there = (made[pair] as number) - (taken[pair] as number);
      put(slotOf(from, kernelOf(from)), 'SIGNAL', pair, left - there);
      put(slotOf(to, kernelOf(to)), 'WAIT', pair, there - left);
      made[pair] = (made[pair] as number) + Math.max(0, left - there);
      taken[pair] = (taken[pair] as number) + Math.max(0, there - left);
    }
    const length = body.rows.reduce((n, row) => n + row.waits.length + 1 + row.signals.length, 0);
    const lead = commands.queue[r.firstRow] as number;
    table.emit(slotOf(lead, -1), { op: 'REPEAT', count: r.count, length, strides: r.strides });
    body.rows.forEach((row, i) => {
      const at = r.firstRow + i;
      const slot = slotOf(commands.queue[at] as number, commands.kernel[at] as number);
      for (const { pair, count } of row.waits) put(slot, 'WAIT', pair, count);
      table.copy(at);
      for (const pair of row.signals) put(slot, 'SIGNAL', pair, 1);
    });
    for (const [pair, a] of body.aTrip) {
      made[pair] = (made[pair] as number) + r.count * a;
      taken[pair] = (taken[pair] as number) + r.count * a;
    }
    for (let queue = 0; queue < queueCount; queue++) {
      if (r.end[queue] === r.start[queue]) continue;
      signalBehind(queue, r.end[queue] as number, slotOf(queue, -1));
      seen[queue] = r.end[queue] as number;
    }
    next = body.nextWait;
  };

  for (let row = 0; row < commands.length; row++) {
    const r = repetitions[inside[row] as number];
    if (r !== undefined) {
      writeRepetition(r);
      row = r.endRow - 1;
      continue;
    }
    const queue = commands.queue[row] as number;
    const slot = slotOf(queue, commands.kernel[row] as number);
    for (; next < waits.length && waits[next] === row; next += 3)
      waitFor(slot, (waits[next + 1] as number) * queueCount + queue, waits[next + 2] as number);
    table.copy(row);
    const s = (seen[queue] as number) + 1;
    seen[queue] = s;
    signalBehind(queue, s, slot);
  }
  // Tokens that a repetition left for a trip that never came.
  for (let pair = 0; pair < pairs; pair++)
    put(slotOf(pair % queueCount, -1), 'WAIT', pair, (made[pair] as number) - (taken[pair] as number));
  return { commands: table.finish(), semaphores };
}

/** By row: the repetition it is in, by index, or -1. */
function repetitionOf(repetitions: readonly Repetition[], rows: number): Int32Array {
  const inside = new Int32Array(rows).fill(-1);
  repetitions.forEach((r, i) => inside.fill(i, r.firstRow, r.endRow));
  return inside;
}

/** The command of the written trip that stands for a command of it or of the trip before. */
function inBody({ start, middle }: Repetition, queue: number, s: number): number {
  const [a, b] = [start[queue] as number, middle[queue] as number];
  return s > b ? s : s + (b - a);
}

interface Body {
  readonly rows: readonly {
    readonly waits: readonly { readonly pair: number; readonly count: number }[];
    /** Pairs signalled behind the row. */
    readonly signals: readonly number[];
  }[];
  /** Tokens a trip makes and takes, and how many are left at its ends, by pair. */
  readonly aTrip: ReadonlyMap<number, number>;
  readonly left: ReadonlyMap<number, number>;
  /** The first kernel of each queue. */
  readonly kernels: readonly (number | undefined)[];
  readonly nextWait: number;
}

function bodyOf(r: Repetition, commands: CommandTable, waits: readonly number[], firstWait: number, signals: readonly Int32Array[]): Body {
  const kernels: (number | undefined)[] = [];
  const seen = r.middle.slice();
  const aTrip = new Map<number, number>();
  /** Token within the trip of each command waited for, by pair and command. */
  const tokens = new Map<number, Map<number, number>>();
  const behind: number[][] = [];
  for (let row = r.firstRow; row < r.endRow; row++) {
    const queue = commands.queue[row] as number;
    kernels[queue] ??= commands.kernel[row] as number;
    const s = (seen[queue] as number) + 1;
    seen[queue] = s;
    const list: number[] = [];
    for (let to = 0; to < queueCount; to++) {
      const pair = queue * queueCount + to;
      if (signals[pair]?.[s] === 0) continue;
      const n = (aTrip.get(pair) ?? 0) + 1;
      aTrip.set(pair, n);
      const known = tokens.get(pair) ?? new Map<number, number>();
      tokens.set(pair, known.set(s, n));
      list.push(pair);
    }
    behind.push(list);
  }
  /** (pair, token) in order: tokens of the trip before are 0 and less. */
  const wanted: { readonly row: number; readonly pair: number; readonly token: number }[] = [];
  const last = new Map<number, number>();
  let next = firstWait;
  for (; next < waits.length && (waits[next] as number) < r.endRow; next += 3) {
    const row = waits[next] as number;
    const [from, s] = [waits[next + 1] as number, waits[next + 2] as number];
    const pair = from * queueCount + (commands.queue[row] as number);
    const n = tokens.get(pair)?.get(inBody(r, from, s)) as number;
    const token = s > (r.middle[from] as number) ? n : n - (aTrip.get(pair) as number);
    wanted.push({ row, pair, token });
    last.set(pair, Math.max(last.get(pair) ?? -Infinity, token));
  }
  const left = new Map([...aTrip].map(([pair, n]) => [pair, n - (last.get(pair) ?? 0)]));
  const taken = new Map([...aTrip].map(([pair, n]) => [pair, (last.get(pair) ?? 0) - n]));
  const counts: { pair: number; count: number }[][] = behind.map(() => []);
  for (const { row, pair, token } of wanted) {
    const count = token - (taken.get(pair) as number);
    if (count <= 0) continue;
    taken.set(pair, token);
    counts[row - r.firstRow]?.push({ pair, count });
  }
  return { rows: behind.map((list, i) => ({ waits: counts[i] ?? [], signals: list })), aTrip, left, kernels, nextWait: next };
}
