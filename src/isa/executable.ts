/** The executable: everything a `.npu` file holds. It alone gives the whole result document. */
import type { DType, Diagnostic } from '../core/index.ts';
import { kernelClasses, type KernelClass } from '../graph/index.ts';
import type { CommandTable } from './command-table.ts';

export interface Executable {
  readonly formatVersion: 1;
  readonly model: ModelIdentity;
  readonly target: { readonly name: string; readonly planHash: string };
  /** Compile options as given, for the result document. */
  readonly options: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** Memory names; references name spaces by index. */
  readonly spaces: readonly string[];
  readonly regions: readonly Region[];
  readonly programs: readonly Program[];
  readonly entryPoints: readonly EntryPoint[];
  readonly kernels: readonly Kernel[];
  /** What became of every ONNX node. */
  readonly nodes: readonly NodeFate[];
  readonly hostSegments: readonly HostSegment[];
  readonly weights: WeightImage;
  readonly diagnostics: readonly Diagnostic[];
}

export interface ModelIdentity {
  readonly name: string;
  readonly sha256: string;
  readonly macs: number;
  readonly parameterBytes: number;
  readonly opset: number;
}

export const regionKinds = ['weights', 'input', 'output', 'arena', 'state', 'host'] as const;
export type RegionKind = (typeof regionKinds)[number];

/** A symbol bound at load: regions of one memory are placed in table order, each at the next multiple of `alignment`. */
export interface Region {
  readonly name: string;
  readonly kind: RegionKind;
  readonly space: number;
  readonly bytes: number;
  readonly alignment: number;
}

export interface Program {
  readonly name: string;
  readonly commands: CommandTable;
}

/** Numbers of one tensor in a region: row-major at `offset`, or as `strides` say. Tensors may share bytes: a cache before and after it grew. */
export interface TensorBinding {
  readonly name: string;
  readonly region: number;
  readonly offset: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Bytes from element to element along every axis of `shape`, none negative; left out: row-major without gaps. Whole bytes an element. */
  readonly strides?: readonly number[];
  /** null: plain numbers. */
  readonly quantization: { readonly scale: number; readonly zeroPoint: number; readonly placeholder: boolean } | null;
}

export interface EntryPoint {
  readonly name: string;
  readonly program: number;
  readonly inputs: readonly TensorBinding[];
  readonly outputs: readonly TensorBinding[];
  /** Names of integers given at run time; none yet. */
  readonly scalars: readonly string[];
}

export { kernelClasses, type KernelClass };

/** Which engine does a kernel's arithmetic; `dma` for pure moves. */
export type KernelEngine = 'matrix' | 'vector' | 'dma' | 'host';

export interface Kernel {
  readonly name: string;
  readonly origin: readonly string[];
  readonly class: KernelClass;
  readonly engine: KernelEngine;
  readonly dtype: DType;
  /** As the ONNX graph defines them. */
  readonly macs: number;
  /** The work as the bounds see it. */
  readonly work: KernelWork;
  /** Bytes that must cross each memory at least once: model inputs, outputs, constants, state; intermediates are zero. */
  readonly cold: readonly ColdBytes[];
  /** How it was mapped, for people: "m64×c128×7×56, weights outer, 2 buffers". */
  readonly mapping: string;
  readonly tiles: number;
  /** Compiler's estimate in reference cycles, for estimate against simulation. */
  readonly estimateCycles: number;
}

export interface ColdBytes {
  readonly space: number;
  readonly direction: 'read' | 'write';
  readonly operand: 'weights' | 'inputs' | 'outputs' | 'state';
  readonly bytes: number;
}

/** Sizes that fix a kernel's fewest engine ticks. */
export type KernelWork =
  /** A product per group: pixels × reduction (taps × channels) × outChannels; depthwise: reduction channels = 1. */
  | {
      readonly kind: 'contraction';
      readonly depthwise: boolean;
      readonly groups: number;
      /** Output pixels or matrix rows, over the whole batch of one group. */
      readonly m: number;
      /** Output channels per group. */
      readonly n: number;
      /** Input channels per group. */
      readonly channels: number;
      /** kernel height × width; 1 for products. */
      readonly taps: number;
      /** How many independent products with different stationary operands (batched matmul). */
      readonly batches: number;
      /** Vector-engine element steps of the epilogue, in lane ticks (see demand); 0 when the output stage does it. */
      readonly vectorLaneTicks: number;
    }
  /** `batches` times two products behind one another, m × size by size × keys and m × keys by keys × valueSize, with vector steps between. */
  | {
      readonly kind: 'attention';
      readonly batches: number;
      readonly m: number;
      readonly keys: number;
      readonly size: number;
      readonly valueSize: number;
      readonly vectorLaneTicks: number;
    }
  | { readonly kind: 'vector'; readonly vectorLaneTicks: number }
  | { readonly kind: 'none' }
  | { readonly kind: 'host'; readonly ops: number; readonly bytes: number };

/** Where a node of the model runs. `folded`: nothing is left to run. */
export type RunsOn = 'matrix' | 'vector' | 'movement' | 'host' | 'folded';

export function runsOn(engine: KernelEngine | undefined): RunsOn {
  return engine === undefined ? 'folded' : engine === 'dma' ? 'movement' : engine;
}

/** What became of a node of the model in the program. */
export interface NodeFate {
  readonly name: string;
  readonly opType: string;
  readonly fate: 'kernel' | 'folded' | 'view' | 'dead' | 'host';
  /** Index into kernels, of several the one that matters most; -1 when none. */
  readonly kernel: number;
}

/** Run on the host through the graph's reference evaluators. `graph` is the textual form of the graph room. */
export interface HostSegment {
  readonly name: string;
  readonly graph: string;
}

/** Contents of the weights region, cut in segments; bytes are made on first read. */
export interface WeightImage {
  readonly region: number;
  readonly bytes: number;
  readonly segments: readonly WeightSegment[];
  /** Why there are no numbers, when there are none ("external data absent", "placeholder scales", "--no-weights"). */
  readonly absent: string | null;
}

export interface WeightSegment {
  readonly offset: number;
  readonly bytes: number;
  /** Content hash (16 hexadecimal digits) where the segment came from a file; `encodeExecutable` computes it otherwise. */
  readonly hash?: string;
  /** The bytes as stored; throws a coded error where they are absent. */
  read(): Uint8Array;
}
