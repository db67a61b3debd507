/** A program with one fault: chosen by seed, rebuilt, proven different, and shown to verifier, sanitizer and verification. */
import { bytesOf, seededRandom, SystoleError, type Random, type Tensor } from '../../src/core/index.ts';
import { createCommandTable, verifyExecutable, type Command, type Executable } from '../../src/isa/index.ts';
import { defaultTolerance, verifyCompilation } from '../../src/reports/index.ts';
import { execute } from '../../src/simulator/index.ts';
import type { Fault } from './faults.ts';
import { racesOf } from './happens-before.ts';
import { allPriorities, runNaive } from './naive-machine.ts';
import type { BaseProgram, Row } from './programs.ts';

export interface Mutant {
  readonly program: BaseProgram;
  /** "block int8, row 12 CONV: padTop 1 → 2". */
  readonly name: string;
  /** Program and row, or program and place in its weights. */
  readonly site: string;
  readonly executable: Executable;
  readonly rows: readonly Row[];
}

/** Picks a mutant by seed: any program, then any of its rows that offers a fault, then any sort of fault, then any of the sort. */
export function mutantChooser(
  programs: readonly BaseProgram[],
  faultsAt: (program: BaseProgram, row: number, command: Command) => readonly Fault[],
): (seed: number) => Mutant {
  const sites = programs.map((program) => {
    const offers = program.rows.map(({ command }, row) => ({ row, faults: faultsAt(program, row, command) }));
    return { program, offers: offers.filter((o) => o.faults.length > 0) };
  });
  const broken = sites.filter((s) => s.offers.length > 0);
  return (seed) => {
    const random = seededRandom(seed);
    const { program, offers } = pick(random, broken);
    const { row, faults } = pick(random, offers);
    const sort = pick(random, [...new Set(faults.map((f) => f.sort))]);
    const ofSort = faults.filter((f) => f.sort === sort);
    return withFault(program, row, pick(random, ofSort));
  };
}

function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[random.integer(0, items.length - 1)];
  if (item === undefined) throw new Error('nothing to choose from');
  return item;
}

function withFault(program: BaseProgram, row: number, { what, change }: Fault): Mutant {
  const old = program.rows[row];
  if (old === undefined) throw new Error(`no row ${row}`);
  const name = `${program.name}, row ${row} ${old.slot.queue} ${old.command.op}: ${what}`;
  if (change.kind === 'weight') {
    // Many rows may use this number: the mutant is called by where it lies.
    const called = `${program.name}, weights at ${change.offset}: ${what}`;
    return {
      program,
      name: called,
      site: `${program.name} weights ${change.offset}`,
      executable: { ...program.executable, weights: scaled(program.executable.weights, change) },
      rows: program.rows,
    };
  }
  const rows = rowsAfter(program.rows, row, old, change);
  const builder = createCommandTable();
  for (const { slot, command } of rows) builder.emit(slot, command);
  return {
    program,
    name,
    site: `${program.name} ${row}`,
    executable: { ...program.executable, programs: [{ name: 'main', commands: builder.finish() }] },
    rows,
  };
}

function rowsAfter(rows: readonly Row[], row: number, old: Row, change: Exclude<Fault['change'], { kind: 'weight' }>): readonly Row[] {
  switch (change.kind) {
    case 'replace':
      return rows.with(row, { slot: old.slot, command: change.command });
    case 'remove':
      return rows.filter((_, i) => !change.rows.includes(i));
    case 'move': {
      const rest = rows.toSpliced(row, 1);
      return rest.toSpliced(change.to > row ? change.to - 1 : change.to, 0, old);
    }
  }
}

function scaled(weights: Executable['weights'], at: { readonly offset: number; readonly factor: number }): Executable['weights'] {
  const segments = weights.segments.map((s) => {
    if (at.offset < s.offset || at.offset >= s.offset + s.bytes) return s;
    return {
      offset: s.offset,
      bytes: s.bytes,
      read: () => {
        const bytes = s.read().slice();
        const view = new DataView(bytes.buffer);
        view.setFloat32(at.offset - s.offset, view.getFloat32(at.offset - s.offset, true) * at.factor, true);
        return bytes;
      },
    };
  });
  return { ...weights, segments };
}

/**
 * Why the mutant is another program than the one it was made from, found without verifier, sanitizer and executor; null where there is
 * no difference to be found: some legal schedule of some inputs blocks, leaves its memory or ends in other bytes, or two commands that
 * touch the same byte are ordered by nothing.
 */
export function proveDifferent({ program, executable, rows }: Mutant): string | null {
  const [usual = []] = allPriorities;
  let races: ReturnType<typeof racesOf> = [];
  for (const [p, priority] of allPriorities.entries()) {
    for (const { inputs } of program.runs) {
      const expected = expectedBytes(program, inputs);
      const outcome = runNaive(executable, program.machine, rows, inputs, priority);
      if (outcome.kind !== 'outputs') return `${outcome.kind}: ${outcome.detail}`;
      const other = outcome.bytes.reduce((n, b, at) => n + (b === expected[at] ? 0 : 1), 0);
      if (other > 0) return `${other} of ${expected.length} output bytes differ${p === 0 ? '' : ` when ${priority.join(' > ')}`}`;
    }
    // Without a race every schedule gives the same bytes: no need to try the others.
    if (priority === usual) races = racesOf(executable, program.machine, rows);
    if (races?.length === 0) return null;
  }
  return races === null ? null : `${races.length} races, first of rows ${races[0]?.first} and ${races[0]?.second}`;
}

const known = new Map<ReadonlyMap<string, Tensor>, Uint8Array>();

/** Output bytes of the program without the fault, on the same naive machine. */
function expectedBytes(program: BaseProgram, inputs: ReadonlyMap<string, Tensor>): Uint8Array {
  const before = known.get(inputs);
  if (before !== undefined) return before;
  const outcome = runNaive(program.executable, program.machine, program.rows, inputs, allPriorities[0] ?? []);
  if (outcome.kind !== 'outputs') throw new Error(`${program.name}: ${outcome.kind}`);
  known.set(inputs, outcome.bytes);
  return outcome.bytes;
}

export const catchers = ['verifier', 'sanitizer', 'verify'] as const;
export type Catcher = (typeof catchers)[number];

/**
 * Who notices, each on its own, as `systole verify --program` asks them: the verifier before anything runs, the sanitizer on addresses
 * alone, and the comparison of numbers with the sanitizer's findings left out.
 */
export function caughtBy({ program, executable }: Mutant): ReadonlySet<Catcher> {
  const caught = new Set<Catcher>();
  if (verifyExecutable(executable, program.machine).length > 0) caught.add('verifier');
  if (sanitizerFinds(program, executable)) caught.add('sanitizer');
  if (program.runs.some((_, run) => verifyFails(program, executable, run))) caught.add('verify');
  return caught;
}

/** Addresses alone: no numbers. */
function sanitizerFinds({ machine }: BaseProgram, executable: Executable): boolean {
  try {
    return execute(executable, machine, new Map(), { sanitize: true, values: false }).diagnostics.length > 0;
  } catch (error) {
    // A deadlock is the verifier's to find; here it only ends the run.
    if (error instanceof SystoleError) return false;
    throw error;
  }
}

/** A run that is refused, a kernel that is wrong, or an output that misses its tolerance. */
export function verifyFails({ compilation, model, machine, runs }: BaseProgram, executable: Executable, run: number): boolean {
  const { inputs = new Map() } = runs[run] ?? {};
  const usual = defaultTolerance(String(executable.options['precision']));
  // Inputs that saturate are far from the model in float by intention: there the graph after precision is the judge.
  const tolerance = { ...usual, sqnrDb: -999 };
  try {
    const result = verifyCompilation({ compilation, machine, model, inputs, expectations: [], tolerance, executable });
    return result.firstWrong !== null || result.misses.length > 0;
  } catch (error) {
    if (error instanceof SystoleError) return true;
    throw error;
  }
}

/** One line, and what is behind it for those who have to look. */
export function summaryOf(kind: string, results: readonly { readonly caught: ReadonlySet<Catcher> }[], same: number): string {
  const by = catchers.map((c) => `${c} ${results.filter((r) => r.caught.has(c)).length}`).join(', ');
  return `${kind}: ${results.length} planted, caught by ${by}; ${same} without a difference replaced`;
}

export function tableOf(
  results: readonly { readonly name: string; readonly proof: string; readonly caught: ReadonlySet<Catcher> }[],
): string {
  return results
    .map(({ name, proof, caught }) => `  ${catchers.map((c) => (caught.has(c) ? c : '').padEnd(c.length)).join(' ')}  ${name}  [${proof}]`)
    .join('\n');
}

/** Integers exactly, floats within a relative L2 distance of 1e-5. */
export function agrees(expected: Tensor, given: Tensor | undefined): boolean {
  if (given === undefined || given.dtype !== expected.dtype) return false;
  if (!(expected.data instanceof Float32Array) || !(given.data instanceof Float32Array)) {
    const bytes = bytesOf(given);
    return bytesOf(expected).every((b, i) => b === bytes[i]);
  }
  let distance = 0;
  let size = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const a = expected.data[i] ?? 0;
    distance += (a - (given.data[i] ?? NaN)) ** 2;
    size += a * a;
  }
  return Math.sqrt(distance) <= 1e-5 * Math.sqrt(size);
}
