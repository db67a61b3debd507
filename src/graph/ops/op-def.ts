/**
 * What one operator is. Everything the rest of Systole knows about an operator stands in its OpDef:
 * names, attributes, kernel class, shape inference, reference evaluation, MACs.
 */
import { fail, graphMessages, type DType, type RuntimeValue, type Tensor } from '../../core/index.ts';
import { printDim, type Dim } from '../dim.ts';
import { attributeFloat, attributeInt, attributeInts, attributeString, type Graph, type Node, type TensorType } from '../ir.ts';
import type { KernelClass } from '../kernel-class.ts';

/**
 * What an attribute is when the node leaves it out. The strings `required` (it may not be left out) and `computed` (the operator
 * works it out) are no values.
 */
export type AttributeDefault = number | string;

export interface OpContext {
  readonly node: Node;
  /** Version of the node's domain that the graph imports; operators that changed meaning look at it. */
  readonly opset: number;
}

/** One integer of a tensor: known, following from symbolic shapes, or null. */
export type Element = Dim | null;

export interface InferContext extends OpContext {
  /** null where an optional input is left out. Missing trailing inputs are absent from the list. */
  readonly inputs: readonly (TensorType | null)[];
  /** The numbers of input `index`, where they are known before the model runs. */
  tensor(index: number): Tensor | null;
  /** The integers of input `index` (rank 0 or 1), where all are known or follow from symbolic shapes. */
  dims(index: number): readonly Dim[] | null;
  /** The same of any rank in row-major order, null for each that is not known; null when nothing is, not even how many there are. */
  elements(index: number): readonly Element[] | null;
  /**
   * A dimension that only the run decides: a fresh symbol, the same one each time the same node asks in the same order.
   * @param upper  no run makes it larger; null where nothing bounds it
   * @param why    what it hangs on, in words: "the values of input 1 (shape)"
   */
  unknownDim(upper: Dim | null, why: string): Dim;
  /** Types of a body's outputs for these types of its inputs; only for operators with bodies. */
  inferGraph(graph: Graph, inputs: readonly TensorType[]): readonly TensorType[];
  /** Whether a node of a body contradicted its operands when it was inferred last: with these inputs the body cannot run. */
  contradicts(graph: Graph): boolean;
  /** A value that is one of several types of different rank, by the run: unranked; where a program is to be made, the largest. */
  unknownRank(types: readonly TensorType[], why: string): TensorType;
}

export interface ContentsContext extends InferContext {
  /** As inferred. */
  readonly outputs: readonly TensorType[];
}

export interface ConcreteType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface EvaluateContext extends OpContext {
  readonly inputs: readonly (Tensor | null)[];
  /** As inferred from the inputs; one for each output the node has. A dimension that only evaluating tells is -1. */
  readonly outputs: readonly ConcreteType[];
}

/** Of operators that work on sequences, optionals or bodies. */
export interface ValuesContext extends OpContext {
  readonly inputs: readonly (RuntimeValue | null)[];
  /** Runs a body: its outputs in order. */
  runGraph(graph: Graph, inputs: readonly RuntimeValue[]): readonly RuntimeValue[];
}

export interface MacsContext extends OpContext {
  readonly inputs: readonly (ConcreteType | null)[];
  readonly outputs: readonly ConcreteType[];
}

export interface OpDef {
  /** '' for ai.onnx. */
  readonly domain: string;
  readonly name: string;
  /** Opset versions at which ONNX changed the operator, oldest first; definitions cover all of them from opset 7 on. */
  readonly since: readonly number[];
  readonly attributes: Readonly<Record<string, AttributeDefault>>;
  readonly kernelClass: KernelClass;
  /** Types of all outputs the node asks for. Throws coded errors when the operands do not fit. */
  infer(context: InferContext): readonly TensorType[];
  /** Reference evaluation: the meaning. fp32 results are rounded after every operation (see docs/numerics.md). */
  evaluate(context: EvaluateContext): readonly Tensor[];
  /** In place of `evaluate` where inputs or outputs need not be tensors, or the operator has bodies. */
  evaluateValues?(context: ValuesContext): readonly RuntimeValue[];
  /** Multiply-accumulates as the ONNX graph defines them: padding taps and zeros count; 0 for what is not a contraction. */
  macs(context: MacsContext): number;
  /**
   * Contents of output 0 as integers in row-major order, for operators that shapes are computed with; null for each that is not
   * known, null when none is. Asked only where the output is small and of known shape.
   */
  contents?(context: ContentsContext): readonly Element[] | null;
  /** The same for operators with several outputs. */
  contentsOf?(context: ContentsContext, output: number): readonly Element[] | null;
}

type OpParts = Omit<OpDef, 'domain' | 'macs' | 'attributes'> & Partial<Pick<OpDef, 'domain' | 'macs' | 'attributes'>>;

/** An OpDef of ai.onnx without MACs and attributes unless said otherwise. */
export function defineOp(parts: OpParts): OpDef {
  return { domain: '', macs: () => 0, attributes: {}, ...parts };
}

/** Reports operands that contradict the operator. `problem` in words and numbers, `change` what to do about it ('' for nothing). */
export function misfit(context: OpContext, problem: string, change: string = ''): never {
  const { node } = context;
  return fail(graphMessages.inputsDoNotFit({ op: node.op, node: node.name, problem, change }, { origin: node.origin }));
}

export function badAttribute(context: OpContext, attribute: string, given: string, allowed: string): never {
  const { node } = context;
  return fail(graphMessages.badAttribute({ op: node.op, node: node.name, attribute, given, allowed }, { origin: node.origin }));
}

/** The type of an input the operator cannot do without. */
export function requiredType(context: InferContext, index: number, what: string): TensorType {
  return context.inputs[index] ?? missing(context, index, what);
}

/** The numbers of an input the operator cannot do without. */
export function requiredTensor(context: EvaluateContext, index: number, what: string): Tensor {
  return context.inputs[index] ?? missing(context, index, what);
}

function missing(context: OpContext, index: number, what: string): never {
  const { node } = context;
  return fail(graphMessages.missingInput({ op: node.op, node: node.name, index, what }, { origin: node.origin }));
}

export function hasInput(context: InferContext | EvaluateContext, index: number): boolean {
  return (context.inputs[index] ?? null) !== null;
}

/** The output the evaluator must make. */
export function outputType(context: EvaluateContext, index: number = 0): ConcreteType {
  const type = context.outputs[index];
  if (type === undefined) throw new Error(`${context.node.op} "${context.node.name}" has no output ${index}`);
  return type;
}

export function intAttribute(context: OpContext, name: string, otherwise: number): number {
  return attributeInt(context.node, name, otherwise);
}

/** Attributes of float kind, rounded to fp32 as ONNX stores them. */
export function floatAttribute(context: OpContext, name: string, otherwise: number): number {
  return Math.fround(attributeFloat(context.node, name, otherwise));
}

export function stringAttribute(context: OpContext, name: string, otherwise: string): string {
  return attributeString(context.node, name, otherwise);
}

/** null when the node leaves it out. */
export function intsAttribute(context: OpContext, name: string): readonly number[] | null {
  return context.node.attributes[name] === undefined ? null : attributeInts(context.node, name, []);
}

/** "[2, batch, 224]" */
export function printShape(shape: readonly Dim[]): string {
  return `[${shape.map(printDim).join(', ')}]`;
}

/** An axis counted from the end when negative, checked against the rank. */
export function normalizeAxis(context: OpContext, axis: number, rank: number, attribute: string = 'axis'): number {
  const a = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(a) || a < 0 || a >= rank) {
    badAttribute(context, attribute, String(axis), rank === 0 ? 'none, the input is a scalar' : `${-rank} to ${rank - 1} for rank ${rank}`);
  }
  return a;
}
