/**
 * The sanitizer: follows every byte of a run and reports what a machine could get wrong.
 *
 * Found, with the commands and their ONNX origin: reads of bytes never written; conflicting accesses that nothing orders; accesses that
 * synchronisation orders against the rows of the program; tiles of one kernel partly written over by another; results lost unread; references
 * outside their region, window or ring; rings that disagree; commands that write over their own operands; writes to constants. It works on addresses alone: the numbers need not be there.
 * Approximation: a window operator is taken to read every byte between its first and last tap.
 */
import { simulatorMessages, type Diagnostic } from '../../core/index.ts';
import type { CommandTable } from '../../isa/command-table.ts';
import type { Command, Ref } from '../../isa/command.ts';
import type { EntryPoint, Executable } from '../../isa/executable.ts';
import { accessesOf, type Access } from './access.ts';
import { boundBytes } from './bind.ts';
import { describeCommand, originOf } from './describe.ts';
import { createFindings } from './findings.ts';
import { createFollower, type Now } from './follow.ts';
import { span, type Area, type MemoryMap } from './memory.ts';
import { createOrder, type Clock } from './order.ts';
import { selfOverlap } from './self-overlap.ts';
import { createStates, firstUnfilled, nobody, type InitialBytes } from './shadow.ts';
import type { Streams } from './streams.ts';

export interface Sanitizer {
  /** Command `sequence` of queue `queue` happens now. False when it must not run: it leaves its memory. */
  issue(queue: number, sequence: number, row: number, command: Command): boolean;
  /** The clock a SIGNAL of this queue passes on. */
  signal(queue: number): Clock;
  /** A WAIT of this queue took a token with this clock. */
  join(queue: number, clock: Clock): void;
  barrier(): void;
  /** The run is over: outputs are read. */
  finish(entry: EntryPoint): readonly Diagnostic[];
}

export interface SanitizerProblem {
  readonly executable: Executable;
  readonly table: CommandTable;
  readonly streams: Streams;
  readonly map: MemoryMap;
  readonly initial: readonly InitialBytes[];
}

export function createSanitizer({ executable, table, streams, map, initial }: SanitizerProblem): Sanitizer {
  const queues = streams.list.length;
  const order = createOrder(queues, streams.total);
  const findings = createFindings();
  const states = createStates(table, map, initial, queues);
  const follower = createFollower({ executable, table, order, states, findings, commands: streams.total });

  /** False when the access leaves its area. */
  const check = (row: number, { operand, ref, writes }: Access, area: Area): boolean => {
    const [first, end] = span(ref);
    const origin = originOf(executable, table, row);
    const where = (): { command: string; operand: string } => ({ command: describeCommand(executable, table, row), operand });
    if (first < 0 || end > area.bytes) {
      const args = { area: area.name, first, last: end - 1, bytes: area.bytes };
      findings.add(
        `bounds:${row}:${operand}`,
        () => (count) => simulatorMessages.sanitizerOutOfBounds({ ...where(), ...args, count }, { origin }),
      );
      return false;
    }
    const why = ringFault(ref, area);
    if (why !== null) {
      findings.add(`ring:${row}:${operand}`, () => (count) => simulatorMessages.sanitizerRing({ ...where(), why, count }, { origin }));
    }
    if (writes && area.region >= 0 && executable.regions[area.region]?.kind === 'weights') {
      const bytes = `bytes ${first}..${end - 1} of ${area.name}`;
      findings.add(
        `constant:${row}`,
        () => (count) => simulatorMessages.sanitizerConstantWritten({ ...where(), bytes, count }, { origin }),
      );
    }
    return true;
  };

  const checkItself = (row: number, core: number, command: Command, accesses: readonly Access[]): void => {
    const overlap = selfOverlap(command, accesses);
    const written = accesses.find((a) => a.operand === overlap?.written);
    if (overlap === null || written === undefined) return;
    const bytes = `bytes ${overlap.first}..${overlap.last} of ${map.areaOf(written.ref, core).name}`;
    const args = { command: describeCommand(executable, table, row), ...overlap, bytes };
    const origin = originOf(executable, table, row);
    findings.add(`itself:${row}`, () => (count) => simulatorMessages.sanitizerSelfOverlap({ ...args, count }, { origin }));
  };

  return {
    issue(queue, sequence, row, command) {
      order.issue(queue, sequence, row);
      const core = table.core[row] ?? 0;
      let inside = true;
      const accesses = accessesOf(command);
      for (const access of accesses) {
        const area = map.areaOf(access.ref, core);
        if (!check(row, access, area)) {
          inside = false;
          continue;
        }
        const now: Now = { queue, sequence, operand: access.operand, area, ring: access.ref.ring ?? null };
        if (access.reads) follower.read(now, access.touched);
        if (access.writes) follower.write(now, access.touched);
      }
      if (inside) checkItself(row, core, command, accesses);
      return inside;
    },
    signal: (queue) => order.snapshot(queue),
    join: (queue, clock) => order.join(queue, clock),
    barrier: () => order.barrier(),
    finish(entry) {
      follower.finish();
      for (const output of entry.outputs) {
        const area = map.regions[output.region];
        if (area === undefined) continue;
        const state = states.of(area);
        const at = boundBytes(executable, output)
          .map(({ start, end }) => {
            if (state.kind === 'filled') return firstUnfilled(state.filled, start, end);
            const first = state.kind === 'shadow' ? state.shadow.writers.subarray(start, end).indexOf(nobody) : -1;
            return first < 0 ? -1 : start + first;
          })
          .find((first) => first >= 0);
        if (at === undefined) continue;
        const args = { reader: 'The host', operand: `output "${output.name}"`, bytes: `byte ${at} of ${area.name}` };
        findings.add(`output:${output.name}`, () => (count) => simulatorMessages.sanitizerNeverWritten({ ...args, count }));
      }
      return [...findings.list(), ...states.notes()];
    },
  };
}

/** What is wrong with a ring, or null. */
function ringFault(ref: Ref, area: Area): string | null {
  if (ref.ring === undefined) return null;
  const { base, bytes, axis } = ref.ring;
  const stride = ref.strides[axis];
  const extent = ref.extents[axis] ?? 1;
  if (stride === undefined) return `axis ${axis} of a reference with ${ref.strides.length} axes`;
  if (stride <= 0 || bytes % stride !== 0) return `the stride ${stride} of axis ${axis} does not divide its ${bytes} bytes`;
  if (ref.strides.some((s, i) => s > stride && (ref.extents[i] ?? 1) > 1)) return `axis ${axis} has not the largest stride`;
  if (extent * stride > bytes) return `${extent} slabs of ${stride} bytes are more than its ${bytes} bytes`;
  if (base < 0 || base + bytes > area.bytes) return `its bytes ${base}..${base + bytes - 1} leave ${area.name}, which has ${area.bytes}`;
  if (ref.offset < base || ref.offset >= base + bytes) return `offset ${ref.offset} lies outside bytes ${base}..${base + bytes - 1}`;
  return null;
}
