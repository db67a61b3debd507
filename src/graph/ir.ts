/**
 * What a model means: values in single assignment, nodes in topological order, both immutable between passes.
 *
 * A value is known by its index in `graph.values`; passes may leave unused values behind, `compact` drops them.
 */
import type { PackedNumbers } from './packed.ts';
import type { DType } from '../core/index.ts';
import type { Dim } from './dim.ts';

export type ValueId = number;

export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
  /** Not even the number of dimensions is known before the run; `shape` is then []. */
  readonly unranked?: true;
  /** What the value is where it is not one tensor; dtype and shape are then those of its elements. */
  readonly container?: Container;
}

export type Container = 'sequence' | 'optional' | 'optional-sequence' | 'map';

/** A dimension that only a run decides: a symbol no input shape mentions. */
export interface UnknownDim {
  readonly symbol: string;
  /** No run makes it larger; null where nothing bounds it. */
  readonly upper: Dim | null;
  /** The first node whose output has it. */
  readonly node: string;
  readonly op: string;
  /** What it hangs on, in words: "the values of input 1 (shape)", "how many elements are not zero". */
  readonly why: string;
  /** The graph input whose values would settle it through `--input-value`; null where that is not one input alone. */
  readonly input: string | null;
}

/** How elements lie in memory. One layout so far: C order of the ONNX shape (NCHW for images), the last axis contiguous. */
export type Layout = 'row-major';

/** real = scale * (q - zeroPoint); one scale, or one per index of `axis`. May be computed on first read. */
export interface Quantization {
  readonly scale: Float32Array;
  readonly zeroPoint: Int32Array;
  readonly axis: number | null;
  /** `placeholder`: can be timed, not run. */
  readonly source: 'placeholder' | 'calibrated' | 'model';
  /** Sums of a contraction become these integers by a fixed-point multiplier, not an fp32 one. */
  readonly rescale?: 'fixed-point';
}

/** Known contents of a value. `bytes` may be computed on first read, so timing need not touch weights. */
export type Constant =
  /** `fits`: a packed type that holds every element too, where one is known: what a file had before it was widened. */
  /** `packed`: of floats, the codes they were made of. It goes by the shape it names: whoever reshapes a constant loses it. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly fits?: 'int4' | 'uint4'; readonly packed?: PackedNumbers }
  /** Every element is `element` (the bytes of one element). */
  | { readonly kind: 'splat'; readonly element: Uint8Array }
  /** Elements of a string tensor, in order. */
  | { readonly kind: 'strings'; readonly strings: readonly string[] }
  /** The shape is known, the numbers are not (external data that is not there). */
  | { readonly kind: 'absent'; readonly reason: string; readonly packed?: PackedNumbers };

export interface Value {
  readonly id: ValueId;
  /** The ONNX name, or one made from its producer; unique in the graph. */
  readonly name: string;
  readonly type: TensorType;
  readonly layout: Layout;
  readonly quantization: Quantization | null;
  readonly constant: Constant | null;
}

/** Attribute values after import: int64 as number, tensors as constants. */
export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly type: TensorType; readonly constant: Constant }
  /** A body of If, Loop or Scan. Its inputs: the declared ones, then one for each capture of the node. */
  | { readonly kind: 'graph'; readonly value: Graph };

export type Attributes = Readonly<Record<string, Attribute>>;

export interface Node {
  /** Operator name: an ONNX operator, or `Fused` (a group run as one kernel, see `body`). */
  readonly op: string;
  /** '' for ai.onnx. */
  readonly domain: string;
  readonly name: string;
  /** null where an optional input is left out. */
  readonly inputs: readonly (ValueId | null)[];
  readonly outputs: readonly ValueId[];
  readonly attributes: Attributes;
  /**
   * How many of the last inputs are values of the surrounding graph that bodies (attributes of kind `graph`) read. Every body takes
   * all of them, in this order, behind its declared inputs. 0 when left out.
   */
  readonly captures?: number;
  /** Version of the node's operator set where it is not the graph's `opset`: other domains, functions with imports of their own. */
  readonly version?: number;
  /** Names of the ONNX nodes this came from, in graph order. */
  readonly origin: readonly string[];
  /**
   * Multiply-accumulates this node stands for, where that is not what its operator counts: a node made from another carries its
   * share of what the original node counts, so that sums over a graph stay what the ONNX file says.
   */
  readonly macs?: number;
  /** Only of `Fused`: its nodes in topological order, on values of the same graph. The first is the anchor. */
  readonly body?: readonly Node[];
}

export interface Graph {
  readonly name: string;
  readonly opset: number;
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  readonly values: readonly Value[];
  readonly nodes: readonly Node[];
  /** ONNX nodes that no longer exist as nodes: folded into constants, or views of other values. Name -> fate. */
  readonly retired: Readonly<Record<string, 'folded' | 'view' | 'dead'>>;
  /** Symbols of value shapes that no input shape mentions. */
  readonly unknowns?: readonly UnknownDim[];
}

export function attributeInt(node: Node, name: string, otherwise: number): number {
  const a = node.attributes[name];
  return a?.kind === 'int' ? a.value : otherwise;
}

export function attributeFloat(node: Node, name: string, otherwise: number): number {
  const a = node.attributes[name];
  return a?.kind === 'float' ? a.value : a?.kind === 'int' ? a.value : otherwise;
}

export function attributeInts(node: Node, name: string, otherwise: readonly number[]): readonly number[] {
  const a = node.attributes[name];
  return a?.kind === 'ints' ? a.value : otherwise;
}

export function attributeString(node: Node, name: string, otherwise: string): string {
  const a = node.attributes[name];
  return a?.kind === 'string' ? a.value : otherwise;
}
