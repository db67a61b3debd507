/** Types of values that come about in more than one way: by branches, iterations, elements of a sequence. */
import type { RuntimeValue } from '../../core/index.ts';
import { equalDim } from '../dim.ts';
import { oneOf } from './one-of.ts';
import type { Graph, TensorType } from '../ir.ts';
import { badAttribute, misfit, type InferContext, type OpContext } from './op-def.ts';

/** The body an operator has under this attribute. */
export function bodyOf(context: OpContext, attribute: string): Graph {
  const a = context.node.attributes[attribute];
  return a?.kind === 'graph' ? a.value : badAttribute(context, attribute, 'missing', 'a graph');
}

/** The inputs a node declares, without those its bodies capture. */
export function ownInputs<T>(context: OpContext & { readonly inputs: readonly T[] }): readonly T[] {
  return context.inputs.slice(0, context.inputs.length - (context.node.captures ?? 0));
}

/** The values of the surrounding graph that bodies read. */
export function capturedInputs<T>(context: OpContext & { readonly inputs: readonly (T | null)[] }): readonly T[] {
  const all = context.inputs.slice(context.inputs.length - (context.node.captures ?? 0));
  return all.map((x, i) => x ?? misfit(context, `capture ${i} is left out`));
}

/** Inputs of a body: what the operator gives it, then the captures. */
export function checkBodyInputs(context: OpContext, body: Graph, given: number): void {
  const captures = context.node.captures ?? 0;
  if (body.inputs.length !== given + captures) {
    misfit(context, `its body takes ${body.inputs.length - captures} inputs, the node gives it ${given}`);
  }
}

/** A node may leave out outputs at the end, a body not what the node asks for. */
export function checkBodyOutputs(context: OpContext, body: Graph, needed: number): void {
  if (body.outputs.length < needed) {
    misfit(context, `its body has ${body.outputs.length} outputs, ${needed} are needed for the ${context.node.outputs.length} of the node`);
  }
}

export function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && a.container === b.container && sameShape(a, b);
}

export function sameShape(a: TensorType, b: TensorType): boolean {
  if ((a.unranked === true) !== (b.unranked === true) || a.shape.length !== b.shape.length) return false;
  return a.shape.every((d, i) => equalDim(d, b.shape[i] ?? 0));
}

/** A type of unknown rank like this one. */
export function unranked(type: TensorType): TensorType {
  return { ...type, shape: [], unranked: true };
}

/**
 * The type of a value that is one of several: equal sizes stay, others become unknown, bounded by the largest; so does the rank where
 * they differ in that. Element types must be equal. The container is that of the first.
 * @param why  what the sizes hang on: "which branch runs"
 */
export function mergeTypes(context: InferContext, types: readonly TensorType[], why: string): TensorType {
  const [first, ...rest] = types;
  if (first === undefined) throw new Error('no types to merge');
  for (const other of rest) {
    if (other.dtype !== first.dtype) misfit(context, `one value is to be ${first.dtype} and ${other.dtype}, by ${why}`);
  }
  if (types.some((t) => t.unranked === true || t.shape.length !== first.shape.length)) return context.unknownRank(types, why);
  const shape = first.shape.map((_, axis) =>
    oneOf(
      context,
      types.map((t) => t.shape[axis] ?? 0),
      why,
    ),
  );
  return { ...first, shape };
}

/** What a value is, for messages. */
export function describeValue(value: RuntimeValue): string {
  if (!('kind' in value)) return `a tensor of ${value.dtype}`;
  return value.kind === 'sequence' ? `a sequence of ${value.dtype}` : 'an optional';
}
