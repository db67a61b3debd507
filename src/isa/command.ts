/**
 * The commands of a program. A command runs on one queue of one core, on tiles named by references.
 * Shapes and byte strides live in the references; operations take their sizes from there.
 */
import type { DType } from '../core/index.ts';

/** In-order queues. One `host` queue per machine (core 0), the others once per core. */
export const queueNames = ['dma-in', 'dma-out', 'matrix', 'vector', 'host'] as const;
export type QueueName = (typeof queueNames)[number];

/**
 * Bytes a command touches: element [i0, i1, …] is at `offset + Σ i·stride`.
 * With a ring, the address wraps: base + ((offset − base + Σ i·stride) mod bytes).
 */
export interface Ref {
  /** Index into `executable.spaces`: the memory. */
  readonly space: number;
  /** Index into `executable.regions`, or -1: an address in the core's own window of a local memory. */
  readonly region: number;
  readonly dtype: DType;
  /** Bytes from the start of the region or window. */
  readonly offset: number;
  readonly extents: readonly number[];
  /** Bytes; 0 broadcasts (reads) or reduces (the accumulator of REDUCE). */
  readonly strides: readonly number[];
  readonly ring?: Ring;
}

export interface Ring {
  /** First byte of the ring, same origin as `offset`. */
  readonly base: number;
  readonly bytes: number;
  /** The axis that wraps; its stride divides `bytes` and is the largest. */
  readonly axis: number;
}

/** Where sums go: start anew, or add to what the accumulator holds. */
export type AccumulateMode = 'overwrite' | 'accumulate';

/**
 * What happens when finished sums leave the accumulator. Channel = axis 1 of convolutions, last axis of MATMUL.
 * Integer: q = requantize(acc + bias[c], multiplier[c], outZero, lo, hi). Float: clamp(f32(acc + bias[c]), lo, hi).
 * A multiplier of int32 [channels, 2] is fixed-point: q = clamp(rescale(acc + bias[c], multiplier[c, 0], multiplier[c, 1]) + outZero, lo, hi).
 * Without `multiplier` and `out` integer the accumulator is copied (int32). Of an int64 accumulator a float `out` is f32((acc + bias[c]) · multiplier[c]).
 */
export interface Drain {
  readonly out: Ref;
  /** [channels] int32 or float32. */
  readonly bias: Ref | null;
  /** [channels] float32 or [channels, 2] int32 (multiplier and shift), integer outputs only. */
  readonly multiplier: Ref | null;
  readonly outZero: number;
  /** Clamp bounds in the output's own numbers (quantized for integers); ±Infinity for none. */
  readonly lo: number;
  readonly hi: number;
}

interface Contraction {
  readonly mode: AccumulateMode;
  /** int32 for integer operands (int64 of 16-bit ones where accumulators are wider than 32 bits: nothing wraps), float32 for float. */
  readonly acc: Ref;
  readonly drain: Drain | null;
  /** Zero points subtracted from operands; padding taps contribute nothing (0 after subtraction). */
  readonly xZero: number;
  readonly wZero: number;
}

/** 2-D convolution of a tile. 1-D is H = 1. */
export interface ConvCommand extends Contraction {
  readonly op: 'CONV' | 'DWCONV';
  /** [N, Cin, H, W] */
  readonly x: Ref;
  /** [Cout, Cin / groups, kh, kw]; DWCONV: [Cout, 1, kh, kw], Cout a multiple of Cin. acc and out: [N, Cout, OH, OW]. */
  readonly w: Ref;
  readonly groups: number;
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Rows above and columns left of the tile that taps may reach: input row = oh·stride + r·dilation − padTop. May be negative. Taps outside the tile are padding. */
  readonly padTop: number;
  readonly padLeft: number;
}

/** acc[..., m, n] (+)= Σ_k a[..., m, k] · b[..., k, n]; leading batch axes equal in rank, stride 0 to broadcast. */
export interface MatmulCommand extends Contraction {
  readonly op: 'MATMUL';
  readonly x: Ref;
  readonly w: Ref;
}

export interface PoolCommand {
  readonly op: 'POOL';
  readonly kind: 'max' | 'average';
  /** [N, C, H, W] -> out [N, C, OH, OW] */
  readonly x: Ref;
  readonly out: Ref;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly padTop: number;
  readonly padLeft: number;
  /**
   * average only: taps inside this box of tile coordinates [top, left, bottom, right) count in the divisor
   * (padding included or not is expressed here). Taps outside the tile add nothing.
   */
  readonly countBox: readonly [number, number, number, number];
  /** Integer average: q = clamp(roundHalfEven(f32(f32(Σ(x − xZero)) / count) · multiplier)) + outZero. Float: f32(Σ / count). */
  readonly xZero: number;
  readonly multiplier: number;
  readonly outZero: number;
  readonly lo: number;
  readonly hi: number;
}

/**
 * Opcodes of VECTOR programs, closed. Registers are fp32 unless said; every result is rounded to fp32.
 * A step reads registers and at most one immediate.
 */
export const vectorOpcodes = [
  'load', // dst <- input[index], converted to fp32 exactly (int32 rounds)
  'loadInt', // dst <- input[index], kept as an integer (int32 exact; of int64 the low word)
  'immediate', // dst <- immediate
  'add',
  'sub',
  'mul',
  'div',
  'max',
  'min',
  'neg',
  'abs',
  'sqrt',
  'exp',
  'tanh',
  'erf',
  'log',
  'sigmoid',
  'floor',
  'dequantize', // dst <- f32((a − b)·c): a integer register, b zero point register, c scale register
  'quantize', // dst <- clampless: roundHalfEven(f32(a / b)) + c; −∞ where that is NaN, so that every clamp gives the smallest
  'requantize', // dst <- roundHalfEven(f32(f32(a)·b)) + c; −∞ where that is NaN
  // output[index] <- a; integers saturate to the output's dtype (int64: an int32, its sign extended), floats round; floats of 8 bits saturate, or
  // become infinity or NaN with an immediate of 1
  'store',
  'addInt', // dst <- a + b as int32, wrapping
  'mulInt', // dst <- the low 32 bits of a · b as int32
  'divInt', // dst <- a / b as int32, cut towards zero; 0 where b is 0
  'bitAnd', // bits of int32
  'bitOr',
  'bitXor',
  'less', // dst <- a < b ? 1 : 0; integers are compared exactly
  'equal', // dst <- a = b ? 1 : 0
  'select', // dst <- a ≠ 0 ? b : c, as it stands
  'round', // to the nearest integer, ties to even
  'remainder', // dst <- a − b·trunc(a / b), exact, the sign of a; NaN where b is 0
  'pow',
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'asinh',
  'acosh',
  'atanh',
  'toFloat16', // dst <- a rounded to float16, ties to even, kept as fp32
  'toBfloat16',
  'rescale', // dst <- a · b · 2^(c − 31) on integers, as docs/numerics.md defines fixed-point rescaling
  // Of a table of as many steps as the immediate says: docs/numerics.md, tables.
  'expTable',
  'sigmoidTable',
  'tanhTable',
  'erfTable',
  'inverseRootTable', // 1 / √a
  'lookup', // dst <- input[immediate], a table of 256 bytes, at the low byte of the integer a
  'powInt', // dst <- a^b of an integer a, cut towards zero, the low 32 bits as int32
  'unpack', // dst <- the number of four bits that `loadInt` brought in a: what lanes without int4 pay to take it out of its byte
] as const;
export type VectorOpcode = (typeof vectorOpcodes)[number];

export interface VectorStep {
  readonly op: VectorOpcode;
  /** Destination register; of `store`, the output index. */
  readonly dst: number;
  /** Source registers; of `load`, `a` is the input index. -1 where unused. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly immediate: number;
}

/** Elementwise over the extents of outputs[0]; inputs broadcast through stride 0. */
export interface VectorCommand {
  readonly op: 'VECTOR';
  readonly inputs: readonly Ref[];
  readonly outputs: readonly Ref[];
  readonly steps: readonly VectorStep[];
}

/** out[i with stride 0 on reduced axes] (+)= reduction of x; integers into int32 after subtracting xZero, floats into fp32. */
export interface ReduceCommand {
  readonly op: 'REDUCE';
  readonly kind: 'sum' | 'max' | 'sumSquares' | 'product';
  readonly mode: AccumulateMode;
  readonly x: Ref;
  /** Same extents as x; stride 0 on reduced axes. */
  readonly acc: Ref;
  readonly xZero: number;
}

/**
 * Element-for-element copy between references of equal extents and dtype. LOAD: off-core to core; STORE: core to off-core; COPY: within reach of dma-in.
 *
 * With `index`, int32 in a local memory, one axis is looked up: one side has the extents of `index`, the other those and one axis more,
 * behind them, along which the element's index says where. The source longer: a gather, dst[e] = src[e, index[e]]; the destination longer: a scatter,
 * dst[e, index[e]] = src[e], in row-major order of e, so that the last of several stays. An index outside of the axis gathers zero
 * bits and scatters nothing.
 */
export interface MoveCommand {
  readonly op: 'LOAD' | 'STORE' | 'COPY';
  readonly src: Ref;
  readonly dst: Ref;
  readonly index?: Ref;
  /** Whose bytes these are, for the traffic table. */
  readonly operand: Operand;
}

export const operands = ['weights', 'inputs', 'outputs', 'partials', 'state'] as const;
export type Operand = (typeof operands)[number];

/** An operator the NPU does not run: `segment` indexes executable.hostSegments. */
export interface HostCommand {
  readonly op: 'HOST';
  readonly segment: number;
  readonly inputs: readonly Ref[];
  readonly outputs: readonly Ref[];
}

/**
 * Counting semaphore `id` of `core`. SIGNAL adds `count` when everything earlier in its queue has retired;
 * WAIT blocks its queue until the count is at least `count`, then subtracts it.
 * A semaphore has one signalling queue and one waiting queue (verifier).
 */
export interface SemaphoreCommand {
  readonly op: 'SIGNAL' | 'WAIT';
  readonly core: number;
  readonly id: number;
  readonly count: number;
}

/** All queues of all cores drain before any goes on. */
export interface BarrierCommand {
  readonly op: 'BARRIER';
}

/**
 * The next `length` commands (SIGNAL, WAIT and inner REPEATs included, whatever their queue) run `count` times.
 * In iteration i, offsets of references into region r move by i × strides[r] bytes (local windows: not at all).
 */
export interface RepeatCommand {
  readonly op: 'REPEAT';
  readonly count: number;
  readonly length: number;
  readonly strides: readonly { readonly region: number; readonly bytes: number }[];
}

export type Command =
  | ConvCommand
  | MatmulCommand
  | PoolCommand
  | VectorCommand
  | ReduceCommand
  | MoveCommand
  | HostCommand
  | SemaphoreCommand
  | BarrierCommand
  | RepeatCommand;

export type CommandOp = Command['op'];

/** Where a command runs and whose work it is. */
export interface Slot {
  readonly core: number;
  readonly queue: QueueName;
  /** Index into executable.kernels; -1 for none. */
  readonly kernel: number;
}
