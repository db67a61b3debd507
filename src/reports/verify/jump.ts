/** Where the error against the float model grows at once. */
import type { Checked, Reading } from './kernels.ts';
import type { Jump, KernelCheck } from './report.ts';
import { ceilingDb, jumpDb, notNumbers } from './tolerance.ts';
import type { ErrorMetrics } from './metrics.ts';

/** How good a value is: its own figure, or of one without the worst figure of what it was made from. */
interface Standing {
  readonly db: number;
  /** The first kernel, by place, on the way from the last figures that has none of its own; Infinity where the figure is the value's. */
  readonly since: number;
}

interface Fall {
  readonly jump: Jump;
  readonly check: KernelCheck;
}

/**
 * The first kernel whose result is much worse than what it read, in program order. Only where the error reaches an output: int8
 * in front of a clamp, or of a quantization of the model's own, holds only what that lets through, and all is well behind it.
 */
export function findJump(kernels: readonly Checked[], precision: string): Jump | null {
  const graph = graphOf(kernels);
  for (const { jump, check } of fallsOf(kernels, precision, graph)) {
    if (jump.fromDb - jump.toDb > jumpDb && staysLow(check, graph.readers, (db) => db < jump.fromDb - jumpDb)) return jump;
  }
  return null;
}

/** Falls smaller than this are noise of a value or two. */
const leastDb = 3;
/** Of falls that might reach an output, how many are followed: each is a walk to the end. */
const mostFollowed = 32;

/** Where nothing jumps: the kernel that loses most, as far as its error reaches an output. */
export function findSteepest(kernels: readonly Checked[], precision: string): Jump | null {
  const graph = graphOf(kernels);
  const falls = [...fallsOf(kernels, precision, graph)].filter(({ jump }) => jump.fromDb - jump.toDb > leastDb);
  const steepest = falls.toSorted((a, b) => b.jump.fromDb - b.jump.toDb - (a.jump.fromDb - a.jump.toDb)).slice(0, mostFollowed);
  return steepest.find(({ jump, check }) => staysLow(check, graph.readers, (db) => db < jump.fromDb - leastDb))?.jump ?? null;
}

/** From what each kernel reads to what it writes, in program order, where both have figures. */
function* fallsOf(kernels: readonly Checked[], precision: string, graph: KernelGraph): Generator<Fall> {
  const ceiling = ceilingDb(precision);
  /** Of values without a figure that a kernel before made. */
  const carried = new Map<string, Standing>();
  const standingOf = ({ name, db }: Reading): Standing | undefined => (db === null ? carried.get(name) : { db, since: Infinity });
  for (const [at, { check, readings, trips, ceiling: own }] of kernels.entries()) {
    // What a trip of a loop leaves for the next is part of what the loop makes, not of what it reads.
    const before = readings.filter((r) => !graph.isLeftByTrip(r.name, at)).flatMap((r) => standingOf(r) ?? []);
    const fromDb = Math.min(ceiling, own, ...before.map((s) => s.db));
    const since = Math.min(...before.map((s) => s.since));
    const toDb = floatDbOf(check);
    if (toDb === null) {
      for (const name of check.values) carried.set(name, { db: fromDb, since: Math.min(since, at) });
      continue;
    }
    const first = kernels[since]?.check.name ?? null;
    yield {
      check,
      jump: { kernel: check.name, class: check.class, origin: check.origin, values: check.values, fromDb, toDb, since: first, trips },
    };
  }
}

interface KernelGraph {
  readonly readers: ReadonlyMap<string, readonly Checked[]>;
  /** Whether a kernel reads, by this name, what the trip before of its own loop left. */
  isLeftByTrip(name: string, at: number): boolean;
}

function graphOf(kernels: readonly Checked[]): KernelGraph {
  const readers = new Map<string, Checked[]>();
  const lastWriter = new Map<string, number>();
  for (const [at, kernel] of kernels.entries()) {
    for (const { name } of kernel.readings) {
      const known = readers.get(name);
      if (known === undefined) readers.set(name, [kernel]);
      else known.push(kernel);
    }
    if (kernel.region !== null) for (const name of kernel.check.values) lastWriter.set(name, at);
  }
  const isLeftByTrip = (name: string, at: number): boolean => {
    const writer = lastWriter.get(name) ?? -1;
    return writer >= at && kernels[writer]?.region === kernels[at]?.region;
  };
  return { readers, isLeftByTrip };
}

/** Whether the error goes on to a kernel that nobody reads: through readers that are as bad, or that the float model does not know. */
function staysLow(check: KernelCheck, readers: ReadonlyMap<string, readonly Checked[]>, isLow: (db: number) => boolean): boolean {
  const seen = new Set<KernelCheck>([check]);
  for (const at of seen) {
    const next = at.values.flatMap((name) => readers.get(name) ?? []);
    if (next.length === 0) return true;
    for (const reader of next) {
      const db = floatDbOf(reader.check);
      if (db === null || isLow(db)) seen.add(reader.check);
    }
  }
  return false;
}

/** SQNR against the float model; null where there is nothing to compare. */
function floatDbOf({ float }: KernelCheck): number | null {
  return float === null ? null : figureOf(float);
}

export function figureOf(error: ErrorMetrics): number {
  return error.unordered > 0 ? notNumbers : (error.sqnrDb ?? 999);
}
