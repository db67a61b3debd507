/**
 * A machine, resolved: every quantity a plain number in base units (bytes, hertz, bytes per second, picoseconds, picojoules).
 * What users write is YAML with units and formulas (`schema.ts`); `load.ts` turns that into this.
 */
import type { DType } from '../core/index.ts';

export interface Machine {
  readonly name: string;
  readonly description: string;
  /** Clocks by name, in whole hertz. */
  readonly clocks: Readonly<Record<string, number>>;
  /** The clock that `cycles` counts. */
  readonly referenceClock: string;
  readonly cores: Readonly<Record<string, Core>>;
  readonly memories: Readonly<Record<string, Memory>>;
  readonly host: Host;
  readonly placement: Placement;
  readonly technology: Technology;
  /** Hash over what a program's legality depends on: arrays, dtypes, sizes, ports, placement. */
  readonly planHash: string;
  /** Hash over everything else that changes time or energy. */
  readonly timingHash: string;
}

/** The operating point: which memory is the home of what. All name entries of `memories`. */
export interface Placement {
  readonly constants: string;
  readonly activations: string;
  readonly state: string;
  readonly inputs: string;
  readonly outputs: string;
}

export interface Core {
  readonly count: number;
  readonly clock: string;
  /** The memory that holds this core's tiles. */
  readonly scratchpad: string;
  /** The memory that holds accumulators; equal to `scratchpad` where the core has none of its own. */
  readonly accumulator: string;
  readonly matrix: MatrixEngine;
  readonly vector: VectorEngine;
  readonly dma: Dma;
  /** How many semaphore ids the core has. */
  readonly semaphores: number;
}

/** Where an engine's operands may come from and go to: names of memories. The first is preferred. */
export interface MatrixPorts {
  readonly activations: readonly string[];
  readonly weights: readonly string[];
  readonly results: readonly string[];
}

interface MatrixCommon {
  /** Fraction of the full MAC rate at each operand dtype; a dtype not listed is not supported. 1 = one MAC per element per tick. */
  readonly rates: Readonly<Partial<Record<DType, number>>>;
  readonly accumulatorBits: number;
  /** Where int32 sums become int8: at the drain of the array, or by a VECTOR command. */
  readonly requantize: 'output-stage' | 'vector';
  /** How sums are rescaled: `fixed-point` by an integer multiplier and a shift; by an fp32 factor where left out. */
  readonly rescale?: 'fixed-point';
  readonly ports: MatrixPorts;
  /** Ticks the sequencer needs to start one command. */
  readonly startTicks: number;
}

export interface SystolicArray extends MatrixCommon {
  readonly kind: 'systolic';
  readonly rows: number;
  readonly cols: number;
  readonly dataflow: 'ws' | 'os' | 'is';
  /** A second stationary register per element: the next fold's stationary operand shifts in while this one streams. */
  readonly doubleBuffered: boolean;
}

export interface DotProductArray extends MatrixCommon {
  readonly kind: 'dot-product';
  /** Input channels reduced per tick. */
  readonly inputLanes: number;
  /** Output channels per tick. */
  readonly outputLanes: number;
  /** Output pixels per tick. */
  readonly pixels: number;
}

export type MatrixEngine = SystolicArray | DotProductArray;

/** Cost classes of the vector engine, as ticks one lane needs for one element operation. */
export type VectorCostClass = 'add' | 'mul' | 'div' | 'exp' | 'requantize' | 'reduce' | 'transpose';

export interface VectorEngine {
  readonly lanes: number;
  readonly dtypes: readonly DType[];
  readonly ticksPerOp: Readonly<Record<VectorCostClass, number>>;
  /** Functions are looked up in tables of so many steps; exact where left out. */
  readonly tableSteps?: number;
  readonly startTicks: number;
}

export interface Dma {
  /** Bytes per tick of the core clock that one direction moves at most. */
  readonly bytesPerTick: number;
  /** Ticks to set up one transfer. */
  readonly startTicks: number;
}

export type MemoryKind = 'scratchpad' | 'sram' | 'dram' | 'flash' | 'link';

export interface Memory {
  readonly kind: MemoryKind;
  readonly sizeBytes: number;
  readonly readBytesPerSecond: number;
  readonly writeBytesPerSecond: number;
  readonly latencyPs: number;
  /** Smallest transfer: partial bursts are moved whole. */
  readonly burstBytes: number;
  readonly readOnly: boolean;
  readonly owner: 'core' | 'shared' | 'external';
  /** How transfers become time: `fixed` ignores contention, `bandwidth` shares the bus between streams. */
  readonly model: 'fixed' | 'bandwidth';
}

export interface Host {
  /** Elementary operations per second of a fallback. */
  readonly opsPerSecond: number;
  /** One hand-over, NPU to host and back. */
  readonly handoverPs: number;
  /** Rate at which the host reads and writes operands. */
  readonly bytesPerSecond: number;
  /** The memory where operands of host operators must lie. */
  readonly memory: string;
}

/** A constant that states its source; `low`/`high` give a range where one is published. */
export interface Cited {
  readonly value: number;
  readonly source: string;
  readonly low?: number;
  readonly high?: number;
}

export interface Technology {
  readonly nodeNm: number;
  readonly voltage: number;
  readonly energy: {
    /** pJ per multiply-accumulate, by operand dtype. */
    readonly macPj: Readonly<Partial<Record<DType, Cited>>>;
    /** pJ per vector element operation. */
    readonly vectorOpPj: Cited;
    /** pJ per byte read or written, by memory name. */
    readonly memoryPjPerByte: Readonly<Record<string, Cited>>;
    /** pJ per elementary host operation. */
    readonly hostOpPj: Cited;
  };
  readonly leakageWatts: Cited;
  readonly areaMm2: Readonly<Record<string, Cited>>;
}
