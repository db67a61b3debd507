/** From columns to the result document: names in place of indices, cycles in place of picoseconds. No model here, only sums and ratios. */
import { invariant, ofOperands, type DType } from '../../core/index.ts';
import type { Machine } from '../../hw-configs/machine.ts';
import { commandOps, operands, peakMacsPerTick, runsOn, type Bounds, type EntryPoint, type Executable } from '../../isa/index.ts';
import type { Energy } from '../energy/energy.ts';
import { busyColumn, firstReason, idleColumn } from '../engines/accounts.ts';
import type { BoundProgram } from '../engines/bind.ts';
import type { Timeline } from '../engines/event-loop.ts';
import { action } from '../engines/workload.ts';
import { int, real } from '../kernel/columns.ts';
import type { BoundRegions } from '../memory/regions.ts';
import {
  resultSchemaVersion,
  type CommandResult,
  type EngineResult,
  type KernelResult,
  type MemoryResult,
  type Result,
  type Totals,
} from '../result.ts';
import type { Attribution } from './attribution.ts';
import { movedIndex, trafficIndex, type Counters } from './counters.ts';
import { limitOf, type KernelActivity } from './limit.ts';

export type Detail = 'totals' | 'kernels' | 'commands';

/** Everything one run produced. */
export interface Run {
  readonly executable: Executable;
  readonly machine: Machine;
  readonly entry: EntryPoint;
  readonly regions: BoundRegions;
  /** Most bytes of a local window that one kernel touches, by space. */
  readonly windows: Float64Array;
  readonly program: BoundProgram;
  readonly timeline: Timeline;
  readonly counters: Counters;
  readonly attribution: Attribution;
  readonly activity: KernelActivity;
  readonly energy: Energy;
  readonly bounds: Bounds;
  /** Space -> memory index. */
  readonly spaces: readonly number[];
}

/** Keys in the order of the schema, whether the executable was compiled or read from a file. */
function modelIdentity({ name, sha256, macs, parameterBytes, opset }: Executable['model']): Result['model'] {
  return { name, sha256, macs, parameterBytes, opset };
}

export function summarize(run: Run, settings: { readonly detail: Detail; readonly version: string }): Result {
  const { executable, machine } = run;
  const memories = memoryResults(run);
  const withKernels = settings.detail !== 'totals';
  return {
    schemaVersion: resultSchemaVersion,
    tool: { name: 'systole', version: settings.version },
    model: modelIdentity(executable.model),
    target: { name: machine.name, planHash: machine.planHash, timingHash: machine.timingHash },
    options: executable.options,
    totals: totals(run, memories),
    engines: engineResults(run),
    memories,
    kernels: withKernels ? kernelResults(run) : [],
    nodes: withKernels
      ? executable.nodes.map(({ name, opType, fate, kernel: index }) => {
          const kernel = executable.kernels[index];
          const nothingToRun = fate === 'kernel' || fate === 'host' ? null : fate;
          return { name, opType, fate: runsOn(kernel?.engine), nothingToRun, kernel: kernel?.name ?? null };
        })
      : [],
    energy: run.energy.classes,
    diagnostics: executable.diagnostics,
    ...(settings.detail === 'commands' ? { commands: commandResults(run) } : {}),
  };
}

function totals(run: Run, memories: readonly MemoryResult[]): Totals {
  const { executable, machine, timeline, counters, bounds, energy } = run;
  const { reference, queues } = run.program.workload;
  const cycles = reference.ticksUntil(timeline.total);
  const seconds = timeline.total / 1e12;
  const batch = run.entry.inputs[0]?.shape[0] ?? 1;
  const isExternal = (name: string): boolean => machine.memories[name]?.owner === 'external';
  const offChip = memories.filter((m) => isExternal(m.name));
  const scratchpads = new Set(Object.values(machine.cores).map((core) => core.scratchpad));
  let compulsoryBytes = 0;
  for (const kernel of executable.kernels) {
    for (const cold of kernel.cold) if (isExternal(executable.spaces[cold.space] ?? '')) compulsoryBytes += cold.bytes;
  }
  let hostPs = 0;
  const { workload } = run.program;
  for (let i = 0; i < workload.rows; i++) if (queues[int(workload.queue, i)]?.kind === 'host') hostPs += real(workload.bodyPs, i);
  return {
    cycles,
    seconds,
    inferencesPerSecond: ratio(batch, seconds),
    macs: executable.model.macs,
    issuedMacs: sum(counters.issuedMacs),
    macUtilization: ratio(
      executable.kernels.reduce((n, kernel) => n + idealCycles(kernel.macs, kernel.dtype, machine), 0),
      cycles,
    ),
    boundCycles: bounds.boundCycles,
    mappingBoundCycles: bounds.mappingBoundCycles,
    efficiency: ratio(bounds.boundCycles, cycles),
    scheduleEfficiency: ratio(bounds.mappingBoundCycles, cycles),
    dramReadBytes: offChip.reduce((n, m) => n + m.readBytes, 0),
    dramWriteBytes: offChip.reduce((n, m) => n + m.writeBytes, 0),
    compulsoryBytes,
    stateReadBytes: stateBytes(run, 0),
    stateWriteBytes: stateBytes(run, 1),
    scratchpadPeakBytes: memories.reduce((most, m) => (scratchpads.has(m.name) ? Math.max(most, m.peakBytes) : most), 0),
    hostSeconds: hostPs / 1e12,
    hostOps: sum(counters.hostOps),
    energyJoules: energy.totalJoules,
    averageWatts: ratio(energy.totalJoules, seconds),
    areaMm2: Object.values(machine.technology.areaMm2).reduce((n, part) => n + part.value, 0),
    commands: run.program.workload.rows,
  };
}

/** Through all memories but the cores' own, where state that was read lies a second time. */
function stateBytes({ machine, counters }: Run, isWrite: 0 | 1): number {
  let bytes = 0;
  Object.values(machine.memories).forEach(({ owner }, m) => {
    if (owner === 'core') return;
    for (let kernel = 0; kernel < counters.kernelRows; kernel++)
      bytes += real(counters.traffic, trafficIndex(counters, kernel, m, stateOperand, isWrite));
  });
  return bytes;
}

const stateOperand = operands.indexOf('state');

function engineResults({ program, timeline }: Run): EngineResult[] {
  const { queues, memories } = program.workload;
  const { cycles, columns } = timeline.accounts;
  return queues.map((queue, q) => {
    const at = (column: number): number => real(cycles, q * columns + column);
    // A wait for a queue of the same core needs no core name.
    const own = queue.name.slice(0, -queue.kind.length);
    const reasons = [
      ...queues.map(({ name }) => `wait:${queue.kind !== 'host' && name.startsWith(own) ? name.slice(own.length) : name}`),
      ...memories.map(({ name }) => `memory:${name}`),
      'barrier',
    ];
    const stalledCycles: Record<string, number> = {};
    reasons.forEach((reason, i) => {
      if (at(firstReason + i) > 0) stalledCycles[reason] = at(firstReason + i);
    });
    return { name: queue.name, busyCycles: at(busyColumn), stalledCycles, idleCycles: at(idleColumn) };
  });
}

function memoryResults({ executable, machine, program, timeline, counters, regions, windows, spaces }: Run): MemoryResult[] {
  const windowBytes = new Float64Array(program.workload.memories.length);
  executable.spaces.forEach((_, space) => {
    const memory = spaces[space] ?? -1;
    if (memory >= 0) windowBytes[memory] = Math.max(real(windowBytes, memory), windows[space] ?? 0);
  });
  return Object.keys(machine.memories).map((name, m) => {
    const bytes = [0, 0];
    let movedBytes = 0;
    for (let kernel = 0; kernel < counters.kernelRows; kernel++) {
      for (const isWrite of [0, 1] as const) {
        movedBytes += real(counters.moved, movedIndex(counters, kernel, m, isWrite));
        for (let o = 0; o < operands.length; o++) {
          bytes[isWrite] = (bytes[isWrite] ?? 0) + real(counters.traffic, trafficIndex(counters, kernel, m, o, isWrite));
        }
      }
    }
    const peakBytes = (regions.bytes.get(name) ?? 0) + real(windowBytes, m);
    return {
      name,
      readBytes: bytes[0] ?? 0,
      writeBytes: bytes[1] ?? 0,
      movedBytes,
      peakBytes,
      busyCycles: real(timeline.memoryBusyCycles, m),
    };
  });
}

function kernelResults(run: Run): KernelResult[] {
  const { executable, machine, timeline, counters, attribution, activity, bounds, energy } = run;
  const { reference } = run.program.workload;
  const cyclesAt = (ps: number): number => (Number.isNaN(ps) ? 0 : reference.ticksUntil(ps));
  return executable.kernels.map((kernel, k) => {
    const startCycle = cyclesAt(real(activity.start, k));
    const spanCycles = cyclesAt(real(activity.retire, k)) - startCycle;
    return {
      name: kernel.name,
      origin: kernel.origin,
      class: kernel.class,
      engine: kernel.engine,
      startCycle,
      spanCycles,
      attributedCycles: real(attribution.cycles, k),
      macs: kernel.macs,
      issuedMacs: real(counters.issuedMacs, k),
      // Over the span: attributed time may be hidden behind other kernels and would give ratios above 1.
      macUtilization: ratio(idealCycles(kernel.macs, kernel.dtype, machine), spanCycles),
      boundCycles: bounds.perKernel[k]?.boundCycles ?? 0,
      estimateCycles: kernel.estimateCycles,
      limit: limitOf(k, timeline, attribution, activity),
      traffic: kernelTraffic(run, k),
      energyJoules: real(energy.perKernel, k),
      tiles: kernel.tiles,
      mapping: kernel.mapping,
    };
  });
}

function kernelTraffic({ machine, counters }: Run, kernel: number): KernelResult['traffic'] {
  const traffic: Record<string, Record<string, { readBytes: number; writeBytes: number }>> = {};
  Object.keys(machine.memories).forEach((name, m) => {
    operands.forEach((operand, o) => {
      const readBytes = real(counters.traffic, trafficIndex(counters, kernel, m, o, 0));
      const writeBytes = real(counters.traffic, trafficIndex(counters, kernel, m, o, 1));
      if (readBytes + writeBytes > 0) (traffic[name] ??= {})[operand] = { readBytes, writeBytes };
    });
  });
  return traffic;
}

function commandResults({ executable, program, timeline }: Run): CommandResult[] {
  const { workload, source, op } = program;
  const cycles = workload.reference.ticksUntil;
  const results: CommandResult[] = [];
  workload.queues.forEach((queue, k) => {
    for (let i = workload.queueStart[k] ?? 0; i < (workload.queueStart[k + 1] ?? 0); i++) {
      const row = int(workload.order, i);
      if (workload.action[row] !== action.run) continue;
      const name = commandOps[op[row] ?? 0];
      invariant(name !== undefined, 'op code');
      results.push({
        row: int(source, row),
        op: name,
        engine: queue.name,
        kernel: executable.kernels[int(workload.kernel, row)]?.name ?? null,
        startCycle: cycles(real(timeline.start, row)),
        endCycle: cycles(real(timeline.end, row)),
        retireCycle: cycles(real(timeline.retire, row)),
      });
    }
  });
  return results;
}

/** Reference cycles of `macs` with every multiplier of every core busy at `dtype`; 0 where the matrix engines do not do `dtype`. */
function idealCycles(macs: number, dtype: DType, machine: Machine): number {
  const reference = machine.clocks[machine.referenceClock] ?? 1;
  let perCycle = 0;
  for (const core of Object.values(machine.cores)) {
    const speed = (core.count * (machine.clocks[core.clock] ?? 0)) / reference;
    perCycle += peakMacsPerTick(core.matrix, ofOperands(core.matrix.rates, dtype) ?? 0) * speed;
  }
  return perCycle === 0 ? 0 : macs / perCycle;
}

function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

function sum(column: Float64Array): number {
  let total = 0;
  for (const value of column) total += value;
  return total;
}
