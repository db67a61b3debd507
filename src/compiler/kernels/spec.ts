/**
 * Kernels: what the mapper works on. A kernel is one anchor operation with its elementwise epilogue, sizes bound,
 * every operand a dense row-major buffer seen through a view.
 */
import type { DType } from '../../core/index.ts';
import type { Node, PackedNumbers, ValueId } from '../../graph/index.ts';
import type { KernelClass, KernelEngine, VectorStep } from '../../isa/index.ts';
import type { Limit } from './context.ts';

/** A value as an operand: `root` owns the bytes (views share them), `shape` is how this kernel reads them. */
export interface View {
  readonly root: ValueId;
  /** Where it begins in the root, in elements; 0 where left out. Never of constants. */
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** An operand of a vector program: where its elements come from, aligned to the output's axes. */
export interface VectorOperand {
  readonly view: View;
  /** Element strides of the operand along each output axis; 0 broadcasts. */
  readonly strides: readonly number[];
}

/** A straight-line vector program. Input 0 is the anchor's result when there is an anchor. */
export interface VectorPlan {
  readonly steps: readonly VectorStep[];
  /** External operands, inputs `firstOperand…` of the program. */
  readonly operands: readonly VectorOperand[];
  /** Tables of 256 bytes, inputs behind the operands; made when first read. */
  readonly tables?: readonly ByteTable[];
}

export interface ByteTable {
  readonly dtype: DType;
  readonly read: () => Uint8Array;
}

interface KernelBase {
  readonly name: string;
  readonly origin: readonly string[];
  readonly class: KernelClass;
  readonly engine: KernelEngine;
  /** Dtype of the arithmetic's operands. */
  readonly dtype: DType;
  readonly macs: number;
  readonly out: View;
  /** The graph nodes it runs. */
  readonly nodes: readonly Node[];
  /** The repeated region it is in, as an index into `Selection.regions`; left out of those in none. `macs` are those of all trips. */
  readonly region?: number;
}

/** Byte strides of a buffer along the loop axes of a contraction. */
export interface ContractionStrides {
  readonly b: number;
  readonly g: number;
  readonly c: number;
  readonly y: number;
  readonly x: number;
}

/**
 * Sizes of a contraction: out[b, g, n, oy, ox] = Σ_{c, r, s} x[b, g, c, oy·sh + r·dh − padTop, ox·sw + s·dw − padLeft] · w[g, n, c, r, s].
 * Products are the case kh = kw = oh = 1 with rows along x: matrix rows M = ow, K = cg, N = mg, batches as groups.
 */
export interface Geometry {
  readonly batch: number;
  readonly groups: number;
  readonly cg: number;
  readonly mg: number;
  readonly ih: number;
  readonly iw: number;
  readonly oh: number;
  readonly ow: number;
  readonly kh: number;
  readonly kw: number;
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly padTop: number;
  readonly padLeft: number;
}

/** How finished sums become elements: see Drain in the isa room. Multiplier per channel is made on first read. */
export interface DrainPlan {
  readonly dtype: DType;
  readonly bias: ValueId | null;
  readonly multiplier: (() => Float32Array) | null;
  /** The multiplier in fixed point: eight bytes a channel. */
  readonly fixed: boolean;
  readonly outZero: number;
  readonly lo: number;
  readonly hi: number;
}

export interface ContractionKernel extends KernelBase {
  readonly kind: 'contraction';
  /** Of the accumulators; int64 stands for all that are wider than int32. */
  readonly sums: 'int32' | 'int64' | 'float32';
  readonly op: 'CONV' | 'DWCONV' | 'MATMUL';
  readonly geometry: Geometry;
  readonly x: View;
  readonly xStrides: ContractionStrides;
  readonly w: View;
  readonly wConstant: boolean;
  /** How the weights lie in memory where they are packed: two to a byte, even element in the low nibble. */
  readonly wPacked: 'int4' | 'uint4' | null;
  /** Weights of floats that memory holds in few bits, and how the vector engine makes floats of a tile of them; null: they come as they are. */
  readonly wExpanded: ExpandedWeights | null;
  /** Byte strides of w along g, n, c; taps are dense behind c in convolutions. */
  readonly wStrides: { readonly g: number; readonly n: number; readonly c: number };
  readonly outStrides: { readonly b: number; readonly g: number; readonly n: number; readonly y: number; readonly x: number };
  readonly xZero: number;
  readonly wZero: number;
  readonly drain: DrainPlan;
  /** `vector`: the array has no output stage; the epilogue starts from the sums (inputs: sums, bias, multiplier, then operands). */
  readonly drainOn: 'array' | 'vector';
  readonly epilogue: VectorPlan | null;
  /** Element strides of each epilogue operand along (b, g, n, y, x); 0 broadcasts. */
  readonly operandStrides: readonly (readonly number[])[];
}

/** Codes on their way to the array: (codes, scales, zero points where they are not one number) -> weights, block by block. */
export interface ExpandedWeights {
  readonly packed: PackedNumbers;
  readonly steps: readonly VectorStep[];
}

export interface PoolKernel extends KernelBase {
  readonly kind: 'pool';
  readonly pool: 'max' | 'average';
  readonly x: View;
  readonly batch: number;
  readonly channels: number;
  readonly ih: number;
  readonly iw: number;
  readonly oh: number;
  readonly ow: number;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly padTop: number;
  readonly padLeft: number;
  /** Global input rows and columns that count in an average's divisor: [top, left, bottom, right). */
  readonly countBox: readonly [number, number, number, number];
  readonly xZero: number;
  readonly multiplier: number;
  readonly outZero: number;
  readonly epilogue: VectorPlan | null;
}

/** One fold over all reduced elements. */
export interface ReducePass {
  /** (x, results of earlier passes…) -> what is folded; null: x itself, less `xZero`. */
  readonly before: VectorPlan | null;
  readonly fold: 'sum' | 'max' | 'sumSquares' | 'product';
  readonly xZero: number;
}

/** Reduction of x along some of its axes. */
export interface ReduceKernel extends KernelBase {
  readonly kind: 'reduce';
  readonly x: View;
  /** Per axis of x. */
  readonly reduced: readonly boolean[];
  readonly passes: readonly ReducePass[];
  /** (results of the passes…) -> output element. */
  readonly finish: VectorPlan;
}

/** Softmax along one axis: x is [outer, length, inner]. */
export interface SoftmaxKernel extends KernelBase {
  readonly kind: 'softmax';
  readonly x: View;
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly xZero: number;
  /** (x, max) -> e^(x - max), fp32. */
  readonly exponential: VectorPlan;
  /** (e, Σe) -> output element; null where e does not tell it. */
  readonly quotient: VectorPlan | null;
  /** (x, max, Σe) -> output element: both in one, also for rows too long to keep their exponentials. */
  readonly both: VectorPlan;
}

/**
 * Softmax in blocks of keys, beside the weighted sum: `systole.SoftmaxMatMul`. m, l and O are the maximum, the sum and the weighted sum so far,
 * α what they shrink by. The first block begins them, later ones go on.
 */
export interface BlockSoftmax {
  readonly kind: 'blocks';
  /** Keys of a block; the last may have fewer. */
  readonly block: number;
  readonly x: View;
  /** Type of the weights that the product reads. */
  readonly weights: DType;
  /** (block's maximum) -> m; (m, block's maximum) -> m, α. */
  readonly begin: VectorPlan;
  readonly advance: VectorPlan;
  /** (x, m) -> e, fp32, and the weight where its type is another. */
  readonly exponential: VectorPlan;
  /** (l, α, Σe) -> l. */
  readonly total: VectorPlan;
  /** (sums) -> O; (O, α, sums) -> O. */
  readonly start: VectorPlan;
  readonly weighted: VectorPlan;
  /** (O, l) -> output element. */
  readonly quotient: VectorPlan;
}

/**
 * softmax(scores)·v on chip: scores never have a home. Of both products rows are queries (of all heads that share a key head), groups are key
 * heads. What `scores` and `between` make is read by nobody else.
 */
export interface AttentionKernel extends KernelBase {
  readonly kind: 'attention';
  /** q·kᵀ, with what is computed on it in place. */
  readonly scores: ContractionKernel;
  /** Elementwise on the scores, where it broadcasts otherwise than a product's epilogue may: masks. Its operands name the scores among them. */
  readonly between: ElementwiseKernel | null;
  readonly softmax: SoftmaxKernel | BlockSoftmax;
  /** weights·v */
  readonly values: ContractionKernel;
  /** Rows of scores that may be one tile: all operands walk them with one stride each, and they share a key head. */
  readonly rowsTogether: number;
}

/** A scale or a bias of a normalization. */
export interface NormParameter {
  readonly view: View;
  /** Element strides along (outer, groups, a, b); 0 broadcasts. */
  readonly strides: readonly number[];
}

/** Normalization by mean and deviation over the last two axes of x as [outer, groups, a, b]. */
export interface NormKernel extends KernelBase {
  readonly kind: 'norm';
  readonly x: View;
  readonly outer: number;
  readonly groups: number;
  readonly a: number;
  readonly b: number;
  /** Scale, then bias; either may be missing from the end. */
  readonly parameters: readonly NormParameter[];
  /** x -> fp32. */
  readonly real: VectorPlan;
  /** sum -> mean, and (x, mean) -> x - mean; null where nothing is taken off. */
  readonly mean: VectorPlan | null;
  readonly centred: VectorPlan | null;
  /** Sum of squares -> 1 / deviation. */
  readonly inverse: VectorPlan;
  /** (centred, 1 / deviation, parameters…) -> output element. */
  readonly finish: VectorPlan;
}

export interface ElementwiseKernel extends KernelBase {
  readonly kind: 'elementwise';
  readonly shape: readonly number[];
  readonly plan: VectorPlan;
}

/** One box of a source goes to one box of the output, axis by axis of `extents`. */
export interface MovePart {
  readonly src: View;
  readonly extents: readonly number[];
  /** Elements. */
  readonly srcOffset: number;
  readonly srcStrides: readonly number[];
  readonly dstOffset: number;
  readonly dstStrides: readonly number[];
  /** Elementwise change on the way (requantization of concat inputs), null for a plain copy. */
  readonly convert: VectorPlan | null;
}

/** A box of the output that gets one element everywhere (padding). */
export interface FillPart {
  /** Its bytes, as the output holds them. */
  readonly element: Uint8Array;
  readonly extents: readonly number[];
  readonly dstOffset: number;
  readonly dstStrides: readonly number[];
}

export interface MoveKernel extends KernelBase {
  readonly kind: 'move';
  readonly parts: readonly MovePart[];
  readonly fills: readonly FillPart[];
}

/**
 * A move of `extents` elements along which one axis of the table is looked up: at index[e] · `step` elements from where the other axes put e.
 * Without updates the table is read, with them it is written to, in the copy that is the output.
 */
export interface LookupKernel extends KernelBase {
  readonly kind: 'lookup';
  readonly table: View;
  readonly index: View;
  readonly updates: View | null;
  readonly extents: readonly number[];
  /** Element strides along `extents`: of the table, 0 along the axis looked up; of the index, 0 where elements share one. */
  readonly tableStrides: readonly number[];
  readonly indexStrides: readonly number[];
  /** Entries of the axis, and elements between them. */
  readonly count: number;
  readonly step: number;
}

/** One node of a host kernel. */
export interface HostMember {
  readonly node: Node;
  readonly reason: string;
  readonly limit?: Limit;
  readonly fix?: string;
  /** Elementary operations, and bytes of all operands. */
  readonly ops: number;
  readonly bytes: number;
}

export interface HostKernel extends KernelBase {
  readonly kind: 'host';
  /** Of its first node. */
  readonly reason: string;
  readonly limit?: Limit;
  readonly fix?: string;
  /** Its nodes in order: neighbours share one hand-over. */
  readonly members: readonly HostMember[];
  readonly inputs: readonly View[];
  readonly outputs: readonly View[];
  readonly graphText: () => string;
  /** Elementary operations the host performs (elements × a factor per operator). */
  readonly ops: number;
  readonly bytes: number;
}

export type KernelSpec =
  | ContractionKernel
  | PoolKernel
  | ReduceKernel
  | SoftmaxKernel
  | AttentionKernel
  | NormKernel
  | ElementwiseKernel
  | MoveKernel
  | LookupKernel
  | HostKernel;

/** Views a kernel reads at run time (constants excluded by the caller's graph). */
export function kernelReads(k: KernelSpec): readonly View[] {
  switch (k.kind) {
    case 'contraction':
      return [k.x, k.w, ...(k.epilogue?.operands.map((o) => o.view) ?? [])];
    case 'pool':
      return [k.x, ...(k.epilogue?.operands.map((o) => o.view) ?? [])];
    case 'reduce':
    case 'softmax':
      return [k.x];
    case 'attention':
      return attentionReads(k);
    case 'norm':
      return [k.x, ...k.parameters.map((p) => p.view)];
    case 'elementwise':
      return k.plan.operands.map((o) => o.view);
    case 'move':
      return k.parts.map((p) => p.src);
    case 'lookup':
      return [k.table, k.index, ...(k.updates === null ? [] : [k.updates])];
    case 'host':
      return k.inputs;
  }
}

function attentionReads({ scores, between, softmax, values }: AttentionKernel): readonly View[] {
  const own = new Set([scores.out.root, ...(between === null ? [] : [between.out.root])]);
  if (softmax.kind === 'softmax') own.add(softmax.out.root);
  return [scores, between, values].flatMap((k) => (k === null ? [] : kernelReads(k))).filter((v) => !own.has(v.root));
}

export function kernelWrites(k: KernelSpec): readonly View[] {
  return k.kind === 'host' ? k.outputs : [k.out];
}
