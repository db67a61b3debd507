/** Operators that make values out of attributes and shapes. */
import { elementCount, type Tensor, isInteger } from '../../core/index.ts';
import { constantOf } from '../constant.ts';
import { addDim, ceilDivDim, maxDim, printDim, productDim, subDim, type Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { concreteShape, listElements, oneNumber, valuesOf } from './contents.ts';
import { numbersOf, pick, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  intAttribute,
  misfit,
  outputType,
  requiredTensor,
  requiredType,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';

/** The part of the shape that Shape gives: start and end count from the end when negative and are clamped. */
function shapePart(context: OpContext, shape: readonly Dim[]): readonly Dim[] {
  return shape.slice(
    intAttribute(context, 'start', 0),
    context.node.attributes['end'] === undefined ? undefined : intAttribute(context, 'end', 0),
  );
}

export const shapeOp: OpDef = defineOp({
  name: 'Shape',
  since: [1, 13, 15, 19, 21, 23, 24, 25],
  kernelClass: 'host',
  attributes: { start: 0, end: 'computed' },
  infer: (context) => [{ dtype: 'int64', shape: [shapePart(context, requiredType(context, 0, 'data').shape).length] }],
  evaluate(context) {
    const part = shapePart(context, requiredTensor(context, 0, 'data').shape).map(Number);
    return [tensorOf('int64', [part.length], part)];
  },
  contents: (context) => shapePart(context, requiredType(context, 0, 'data').shape),
});

export const sizeOp: OpDef = defineOp({
  name: 'Size',
  since: [1, 13, 19, 21, 23, 24, 25],
  kernelClass: 'host',
  infer: (context) => (requiredType(context, 0, 'data'), [{ dtype: 'int64', shape: [] }]),
  evaluate: (context) => [tensorOf('int64', [], [elementCount(requiredTensor(context, 0, 'data').shape)])],
  contents: (context) => [productDim(requiredType(context, 0, 'data').shape)],
});

/** The tensor a Constant node holds, in any of the forms the opsets allow. */
function constantValue(context: OpContext): Tensor {
  const { attributes, name } = context.node;
  const a =
    attributes['value'] ?? attributes['value_float'] ?? attributes['value_floats'] ?? attributes['value_int'] ?? attributes['value_ints'];
  const strings = attributes['value_string'] ?? attributes['value_strings'];
  switch (a?.kind) {
    case 'tensor':
      return constantOf(a.type, a.constant, name, name);
    case 'float':
      return tensorOf('float32', [], [a.value]);
    case 'floats':
      return tensorOf('float32', [a.value.length], a.value);
    case 'int':
      return tensorOf('int64', [], [a.value]);
    case 'ints':
      return tensorOf('int64', [a.value.length], a.value);
    default:
  }
  if (strings?.kind === 'string') return { dtype: 'string', shape: [], data: [strings.value] };
  if (strings?.kind === 'strings') return { dtype: 'string', shape: [strings.value.length], data: strings.value };
  return badAttribute(context, 'value', 'missing', 'a dense tensor, a number or a list (sparse values are not supported)');
}

export const constant: OpDef = defineOp({
  name: 'Constant',
  since: [1, 9, 11, 12, 13, 19, 21, 23, 24, 25],
  kernelClass: 'host',
  attributes: {
    value: 'computed',
    value_float: 'computed',
    value_floats: 'computed',
    value_int: 'computed',
    value_ints: 'computed',
    value_string: 'computed',
    value_strings: 'computed',
  },
  infer(context) {
    const value = context.node.attributes['value'];
    if (value?.kind === 'tensor') return [value.type];
    const { dtype, shape } = constantValue(context);
    return [{ dtype, shape }];
  },
  evaluate: (context) => [constantValue(context)],
});

/** The one element ConstantOfShape repeats: float32 zero unless `value` says otherwise. */
function fillElement(context: OpContext): Tensor {
  const a = context.node.attributes['value'];
  if (a === undefined) return tensorOf('float32', [1], [0]);
  if (a.kind !== 'tensor') return badAttribute(context, 'value', a.kind, 'a tensor of one element');
  return constantOf(a.type, a.constant, context.node.name, context.node.name);
}

export const constantOfShape: OpDef = defineOp({
  name: 'ConstantOfShape',
  since: [9, 20, 21, 23, 24, 25],
  kernelClass: 'host',
  attributes: { value: 'computed' },
  infer(context): readonly TensorType[] {
    requiredType(context, 0, 'input');
    const { dtype } = fillElement(context);
    const sizes = listElements(context, 0);
    if (sizes === null) return [{ dtype, shape: [], unranked: true }];
    const negative = sizes.find((d) => typeof d === 'number' && d < 0);
    if (negative !== undefined) misfit(context, `a size of its input is ${printDim(negative ?? 0)}`);
    return [{ dtype, shape: sizes.map((d) => d ?? context.unknownDim(null, valuesOf(0, 'input'))) }];
  },
  evaluate(context) {
    const type = outputType(context);
    return [pick(fillElement(context), type.shape, new Int32Array(elementCount(type.shape)))];
  },
  contents(context) {
    const element = fillElement(context);
    const shape = concreteShape(context.outputs[0]);
    // Only integers are ever dimensions.
    if (shape === null || !(isInteger(element.dtype) || element.dtype === 'bool')) return null;
    return new Array<number>(elementCount(shape)).fill(numbersOf(element)[0] ?? 0);
  },
});

export const range: OpDef = defineOp({
  name: 'Range',
  since: [11, 27],
  kernelClass: 'host',
  // Positions are computed in double whatever it says, and rounded once.
  attributes: { stash_type: 1 },
  infer(context) {
    const { dtype } = requiredType(context, 0, 'start');
    requiredType(context, 1, 'limit');
    requiredType(context, 2, 'delta');
    const whole = rangeDims(context);
    if (whole !== null) {
      const [start, limit, delta] = whole;
      return [
        { dtype, shape: [maxDim(0, delta < 0 ? ceilDivDim(subDim(start, limit), -delta) : ceilDivDim(subDim(limit, start), delta))] },
      ];
    }
    const [start, limit, delta] = [0, 1, 2].map((i) => {
      const t = context.tensor(i);
      return t === null ? null : (numbersOf(t)[0] ?? 0);
    });
    if (start === null || limit === null || delta === null || start === undefined || limit === undefined || delta === undefined) {
      const names = ['start', 'limit', 'delta'];
      const open = names.findIndex((_, i) => context.tensor(i) === null);
      return [{ dtype, shape: [context.unknownDim(null, valuesOf(open, names[open] ?? ''))] }];
    }
    if (delta === 0) misfit(context, 'its delta is 0');
    return [{ dtype, shape: [Math.max(0, Math.ceil((limit - start) / delta))] }];
  },
  evaluate(context) {
    const type = outputType(context);
    const start = numbersOf(requiredTensor(context, 0, 'start'))[0] ?? 0;
    const delta = numbersOf(requiredTensor(context, 2, 'delta'))[0] ?? 1;
    return [
      tensorOf(
        type.dtype,
        type.shape,
        Float64Array.from({ length: type.shape[0] ?? 0 }, (_, i) => start + i * delta),
      ),
    ];
  },
  contents(context) {
    const whole = rangeDims(context);
    if (whole === null) return null;
    const [start, , delta] = whole;
    const count = concreteShape(context.outputs[0])?.[0];
    return count === undefined ? null : Array.from({ length: count }, (_, i) => addDim(start, i * delta));
  },
});

/** start, limit and a numeric delta, where all are integers that are known or follow from shapes. */
function rangeDims(context: InferContext): readonly [Dim, Dim, number] | null {
  const [start, limit, delta] = [oneNumber(context, 0, 'start'), oneNumber(context, 1, 'limit'), oneNumber(context, 2, 'delta')];
  if (start === null || limit === null || typeof delta !== 'number' || delta === 0) return null;
  return [start, limit, delta];
}

export const generatorOps: readonly OpDef[] = [shapeOp, sizeOp, constant, constantOfShape, range];
