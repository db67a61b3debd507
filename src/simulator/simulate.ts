/** Timing and pricing of a program on a machine. Reads top to bottom: one step of the story a line. */
import { fail, simulatorTimingMessages, suggest, version as toolVersion } from '../core/index.ts';
import type { Machine } from '../hw-configs/machine.ts';
import { commandOps, computeBounds, type EntryPoint, type Executable } from '../isa/index.ts';
import { priceEnergy } from './energy/energy.ts';
import { bindProgram, type BoundProgram } from './engines/bind.ts';
import { spaceMemories } from './engines/costs.ts';
import { runEvents, type Timeline } from './engines/event-loop.ts';
import { bindRegions } from './memory/regions.ts';
import { windowPeaks } from './memory/window-peak.ts';
import { attribute } from './observe/attribution.ts';
import { count } from './observe/counters.ts';
import { kernelActivity } from './observe/limit.ts';
import { summarize, type Detail } from './observe/summarize.ts';
import type { Observer } from './observe/trace.ts';
import type { Result } from './result.ts';

export interface SimulateOptions {
  /** Which entry point runs; the first when not given. */
  readonly entryPoint?: string;
  /** How much the result holds: totals only, kernels too (the default), or every command too. */
  readonly detail?: Detail;
  /** Hear the timeline of the run, for traces and pages. */
  readonly observers?: readonly Observer[];
  /** What `tool.version` says; the library's own version when not given. */
  readonly version?: string;
}

/**
 * Runs `executable` on `machine` in simulated time. Pure and deterministic; needs no weight values.
 * Errors: SYS6501 other machine, SYS6502 regions do not fit, SYS6503 deadlock, SYS6504 unknown entry point; SYS5001–5003 as `demandTable`.
 */
export function simulate(executable: Executable, machine: Machine, options: SimulateOptions = {}): Result {
  checkTarget(executable, machine);
  const entry = chooseEntry(executable, options.entryPoint);
  const regions = bindRegions(executable, machine);
  const program = bindProgram(executable, machine, entry.program);
  const timeline = runEvents(program.workload);
  refuseDeadlock(timeline, program, executable);

  const kernels = executable.kernels.length;
  const spaces = spaceMemories(executable.spaces, machine);
  const counters = count(program, kernels, spaces);
  const windows = windowPeaks(program.table, program.demand.id, executable.spaces.length);
  const attribution = attribute(timeline, kernels);
  const activity = kernelActivity(timeline, kernels);
  const totalCycles = program.workload.reference.ticksUntil(timeline.total);
  const share = (kernel: number): number => (totalCycles === 0 ? 0 : (attribution.cycles[kernel] ?? 0) / totalCycles);
  const energy = priceEnergy(counters, machine, timeline.total / 1e12, share);
  const bounds = computeBounds(executable, machine);

  const context = { op: program.op, source: program.source, kernels: executable.kernels.map((kernel) => kernel.name) };
  for (const observe of options.observers ?? []) observe(timeline, context);
  return summarize(
    { executable, machine, entry, regions, windows, program, timeline, counters, attribution, activity, energy, bounds, spaces },
    { detail: options.detail ?? 'kernels', version: options.version ?? toolVersion },
  );
}

function checkTarget(executable: Executable, machine: Machine): void {
  if (executable.target.planHash === machine.planHash) return;
  const { name, planHash } = executable.target;
  fail(
    simulatorTimingMessages.planHashMismatch({
      program: name,
      programHash: planHash,
      machine: machine.name,
      machineHash: machine.planHash,
    }),
  );
}

function chooseEntry(executable: Executable, name: string | undefined): EntryPoint {
  const entry = name === undefined ? executable.entryPoints[0] : executable.entryPoints.find((e) => e.name === name);
  if (entry !== undefined) return entry;
  const known = executable.entryPoints.map((e) => e.name);
  return fail(simulatorTimingMessages.unknownEntryPoint({ name: name ?? '', known, near: suggest(name ?? '', known) }));
}

function refuseDeadlock(timeline: Timeline, program: BoundProgram, executable: Executable): void {
  if (timeline.stuck.length === 0) return;
  const stuck = timeline.stuck.map(({ queue, row }) => {
    const op = commandOps[program.op[row] ?? 0] ?? '';
    const kernel = executable.kernels[program.workload.kernel[row] ?? -1];
    const forWhom = kernel === undefined ? '' : ` of ${kernel.name}`;
    return `${program.workload.queues[queue]?.name ?? ''} at ${op} (row ${program.source[row] ?? 0}${forWhom})`;
  });
  fail(simulatorTimingMessages.deadlock({ stuck, timePs: timeline.total }));
}
