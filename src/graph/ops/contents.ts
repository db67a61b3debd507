/**
 * What operators do to small integer tensors whose elements are known, follow from symbolic shapes, or are not known:
 * the arithmetic that exporters write around Shape.
 */
import { elementCount, rowMajorStrides, type Tensor } from '../../core/index.ts';
import type { Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { numbersOf, tensorOf } from './numbers.ts';
import { misfit, type ConcreteType, type ContentsContext, type Element, type InferContext, type OpDef } from './op-def.ts';

/** The elements of an input as they are: of operators that rename or convert. */
export const passedContents = (context: InferContext): readonly Element[] | null => context.elements(0);

/** Numbers of a shape; null where one is symbolic or the rank is not known. */
export function concreteShape(type: TensorType | null | undefined): readonly number[] | null {
  if (type === null || type === undefined || type.unranked === true || type.container !== undefined) return null;
  return type.shape.every((d) => typeof d === 'number') ? type.shape : null;
}

/**
 * Contents of an operator that picks elements and makes none up (Slice, Concat, Transpose …): its evaluator runs on the
 * positions of the elements in place of the elements.
 * @param data  the inputs picked from; all others must be known numbers
 */
export function pickedContents(
  context: ContentsContext,
  def: Pick<OpDef, 'evaluate'>,
  data: (index: number) => boolean,
  output: number = 0,
): readonly Element[] | null {
  const pool: Element[] = [];
  const inputs: (Tensor | null)[] = [];
  for (const [i, type] of context.inputs.entries()) {
    if (type === null) {
      inputs.push(null);
    } else if (data(i)) {
      const shape = concreteShape(type);
      const elements = context.elements(i);
      if (shape === null || elements === null || elements.length !== elementCount(shape)) return null;
      inputs.push(
        tensorOf(
          'int64',
          shape,
          elements.map((_, k) => pool.length + k),
        ),
      );
      pool.push(...elements);
    } else {
      const known = context.tensor(i);
      if (known === null) return null;
      inputs.push(known);
    }
  }
  if (!pool.some((e) => e !== null)) return null;
  const outputs: ConcreteType[] = [];
  for (const type of context.outputs) {
    const shape = concreteShape(type);
    if (shape === null) return null;
    outputs.push({ dtype: 'int64', shape });
  }
  const picked = def.evaluate({ node: context.node, opset: context.opset, inputs, outputs })[output];
  return picked === undefined ? null : Array.from(numbersOf(picked), (position) => pool[position] ?? null);
}

/** Contents of an operator that works element by element on broadcast operands. */
export function combinedContents(context: ContentsContext, f: (...operands: readonly Element[]) => Element): readonly Element[] | null {
  const shape = concreteShape(context.outputs[0]);
  if (shape === null) return null;
  const operands: { readonly elements: readonly Element[]; readonly strides: readonly number[] }[] = [];
  for (const [i, type] of context.inputs.entries()) {
    const own = concreteShape(type);
    const elements = context.elements(i);
    if (own === null || elements === null || elements.length !== elementCount(own)) return null;
    const strides = rowMajorStrides(own);
    operands.push({
      elements,
      strides: shape.map((_, axis) => {
        const at = axis - (shape.length - own.length);
        return at < 0 || own[at] === 1 ? 0 : (strides[at] ?? 0);
      }),
    });
  }
  const steps = rowMajorStrides(shape);
  return Array.from({ length: elementCount(shape) }, (_, flat) =>
    f(
      ...operands.map(({ elements, strides }) => {
        let at = 0;
        for (const [axis, extent] of shape.entries()) at += (Math.floor(flat / (steps[axis] ?? 1)) % extent) * (strides[axis] ?? 0);
        return elements[at] ?? null;
      }),
    ),
  );
}

/** A rule on known operands as one on elements: nothing is known of what is made from the unknown. */
export function ofKnown(f: (...operands: readonly Dim[]) => Element): (...operands: readonly Element[]) => Element {
  return (...operands) => {
    const known = operands.filter((o) => o !== null);
    return known.length === operands.length ? f(...known) : null;
  };
}

/** All elements of an input where they are numbers; null where one is not known before the run. */
export function knownNumbers(context: InferContext, index: number): readonly number[] | null {
  const elements = context.elements(index);
  const numbers = elements?.filter((e) => typeof e === 'number') ?? null;
  return numbers === null || numbers.length !== elements?.length ? null : numbers;
}

/** How many elements a list (an input of rank 0 or 1) has; null where that is not known. */
export function listLength(context: InferContext, index: number): number | null {
  const shape = concreteShape(context.inputs[index]);
  return shape === null ? null : elementCount(shape);
}

/** Twice as many as a tensor has axes: pads have two for each. */
const longestList = 256;

/** The elements of a list of sizes or axes, all null where none is known; null where not even their count is. */
export function listElements(context: InferContext, index: number, most: number = longestList): readonly Element[] | null {
  const known = context.elements(index);
  if (known !== null) return known;
  const length = listLength(context, index);
  // Longer lists are data; what takes them for sizes is malformed, and must not cost memory.
  if (length !== null && length > most) misfit(context, `input ${index} has ${length} elements, too many for a list of sizes or axes`);
  return length === null ? null : new Array<Element>(length).fill(null);
}

/** The one integer of an input, null where it is not known; an input of more or fewer numbers is reported. */
export function oneNumber(context: InferContext, index: number, what: string): Dim | null {
  const count = listLength(context, index);
  if (count !== null && count !== 1) misfit(context, `input ${index} (${what}) has ${count} elements, one number is needed`);
  return context.elements(index)?.[0] ?? null;
}

/** "the values of input 1 (shape)" */
export function valuesOf(index: number, what: string): string {
  return `the values of input ${index} (${what})`;
}
