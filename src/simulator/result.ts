/** The result document: what `--json` prints. Add fields, never rename. */
import type { Diagnostic } from '../core/index.ts';
import type { KernelClass, KernelEngine } from '../isa/executable.ts';

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
  readonly peakBytes: number;
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
  readonly fate: 'kernel' | 'folded' | 'view' | 'dead' | 'host';
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
