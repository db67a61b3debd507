/** The result document: what `--json` prints. Add fields, never rename. */
import type { Diagnostic } from '../core/index.ts';
import type { CommandOp } from '../isa/command.ts';
import type { KernelClass, KernelEngine, RunsOn } from '../isa/executable.ts';

export const resultSchemaVersion = 1;

export interface Result {
  readonly schemaVersion: number;
  readonly tool: { readonly name: 'systole'; readonly version: string };
  readonly model: { name: string; sha256: string; macs: number; parameterBytes: number; opset: number };
  readonly target: { name: string; planHash: string; timingHash: string };
  readonly options: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly totals: Totals;
  readonly engines: readonly EngineResult[];
  readonly memories: readonly MemoryResult[];
  readonly kernels: readonly KernelResult[];
  readonly nodes: readonly NodeResult[];
  readonly energy: EnergyResult;
  readonly diagnostics: readonly Diagnostic[];
  /** Only with detail `commands`. */
  readonly commands?: readonly CommandResult[];
}

/** One executed command, in the order of its queue. */
export interface CommandResult {
  /** Row of the program; repeated commands occur once per iteration. */
  readonly row: number;
  readonly op: CommandOp;
  readonly engine: string;
  /** Name of the kernel, null when none. */
  readonly kernel: string | null;
  /** The engine is occupied from start to end; results are there at retire. */
  readonly startCycle: number;
  readonly endCycle: number;
  readonly retireCycle: number;
}

export interface Totals {
  readonly cycles: number;
  readonly seconds: number;
  readonly inferencesPerSecond: number;
  readonly macs: number;
  readonly issuedMacs: number;
  readonly macUtilization: number;
  readonly boundCycles: number;
  readonly mappingBoundCycles: number;
  readonly efficiency: number;
  readonly scheduleEfficiency: number;
  readonly dramReadBytes: number;
  readonly dramWriteBytes: number;
  readonly compulsoryBytes: number;
  /** Bytes of state (caches that stay from run to run) through memories outside the cores; part of what these read and write in all. */
  readonly stateReadBytes: number;
  readonly stateWriteBytes: number;
  readonly scratchpadPeakBytes: number;
  readonly hostSeconds: number;
  readonly hostOps: number;
  readonly energyJoules: number;
  readonly averageWatts: number;
  readonly areaMm2: number;
  /** Commands executed, SIGNAL and WAIT included. */
  readonly commands: number;
}

export interface EngineResult {
  readonly name: string;
  readonly busyCycles: number;
  readonly stalledCycles: Readonly<Record<string, number>>;
  readonly idleCycles: number;
}

export interface MemoryResult {
  readonly name: string;
  readonly readBytes: number;
  readonly writeBytes: number;
  /** Both directions, whole bursts; equal to the useful bytes where bursts do not matter. */
  readonly movedBytes: number;
  /** Regions placed here, plus the most bytes of a core's own window that one kernel touches. */
  readonly peakBytes: number;
  /** With at least one transfer under way; 0 for a core's own memories, whose ports are part of their engines' time. */
  readonly busyCycles: number;
}

export interface KernelResult {
  readonly name: string;
  readonly origin: readonly string[];
  readonly class: KernelClass;
  readonly engine: KernelEngine;
  readonly startCycle: number;
  readonly spanCycles: number;
  readonly attributedCycles: number;
  readonly macs: number;
  readonly issuedMacs: number;
  readonly macUtilization: number;
  readonly boundCycles: number;
  readonly estimateCycles: number;
  /** compute | memory:<name> | vector | latency | host */
  readonly limit: string;
  readonly traffic: Readonly<Record<string, Readonly<Record<string, { readBytes: number; writeBytes: number }>>>>;
  readonly energyJoules: number;
  readonly tiles: number;
  readonly mapping: string;
}

export interface NodeResult {
  readonly name: string;
  readonly opType: string;
  /** Where it runs, in the words of `systole check`; `folded`: nothing is left to run. */
  readonly fate: RunsOn;
  /** Why nothing is left to run: known before the run or merged into a neighbour, a view of its input, read by nobody. Null where it runs. */
  readonly nothingToRun: 'folded' | 'view' | 'dead' | null;
  /** Name of the kernel, null when none. */
  readonly kernel: string | null;
}

export interface EnergyResult {
  readonly matrix: number;
  readonly vector: number;
  readonly scratchpad: number;
  readonly accumulator: number;
  readonly dram: number;
  readonly noc: number;
  readonly host: number;
  readonly leakage: number;
}
