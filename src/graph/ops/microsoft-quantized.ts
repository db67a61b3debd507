/**
 * com.microsoft operators on integers that stand for reals: real inputs, the ai.onnx operator, the result as integers again. ONNX
 * Runtime computes some of them with tables or integers alone; results may differ from it by one step of the output scale.
 */
import { bitsOf, isInteger, type DType, type Tensor } from '../../core/index.ts';
import type { TensorType } from '../ir.ts';
import { broadcastShapes } from './broadcast.ts';
import { evaluateChannelsLast, inferChannelsLast } from './channels-last.ts';
import { asReal, evaluateAs, withDtype, withInputs } from './delegate.ts';
import { binaryOps, where } from './elementwise.ts';
import { concat } from './move.ts';
import {
  defineOp,
  intAttribute,
  misfit,
  outputType,
  requiredTensor,
  requiredType,
  type AttributeDefault,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { averagePool, globalAveragePool } from './pool.ts';
import { dequantized, quantized } from './quantized-numbers.ts';
import { optionalTensor } from './quantized-ops.ts';
import { reduceOps } from './reduce.ts';
import { softmax } from './softmax.ts';
import { unaryOps } from './unary.ts';

function named(defs: readonly OpDef[], name: string): OpDef {
  const def = defs.find((d) => d.name === name);
  if (def === undefined) throw new Error(`no operator ${name} to define another by`);
  return def;
}

interface RealParts {
  readonly name: string;
  readonly by: OpDef;
  /** First of the three inputs (integers, scale, zero point) of each operand. */
  readonly operands: readonly number[];
  /** Scale of the result; its zero point follows. */
  readonly scale: number;
  /** Operator-set version of `by`; some carry it as an attribute. */
  readonly opset: number | 'attribute';
  readonly attributes?: Readonly<Record<string, AttributeDefault>>;
}

/** Integers of up to 32 bits: what a scale and a zero point are given for. */
function checkQuantized(context: OpContext, dtype: DType, what: string): void {
  if (!isInteger(dtype) || bitsOf(dtype) > 32) misfit(context, `${what} is ${dtype}`, 'Integers of at most 32 bits stand for real numbers');
}

/** Integers -> reals -> `by` -> integers. */
function throughReals(parts: RealParts): OpDef {
  const { by, operands, scale } = parts;
  return defineOp({
    domain: 'com.microsoft',
    name: parts.name,
    since: [1],
    kernelClass: by.kernelClass,
    attributes: parts.attributes ?? by.attributes,
    infer(context) {
      const { dtype } = requiredType(context, operands[0] ?? 0, 'X');
      requiredType(context, scale, 'Y_scale');
      const made = context.inputs[scale + 1]?.dtype ?? dtype;
      for (const i of operands) checkQuantized(context, requiredType(context, i, 'X').dtype, `input ${i}`);
      checkQuantized(context, made, 'the result');
      const opset = parts.opset === 'attribute' ? intAttribute(context, 'opset', 13) : parts.opset;
      const inner = { ...asReal(withInputs(context, operands)), opset };
      const types = intAttribute(context, 'channels_last', 0) !== 0 ? inferChannelsLast(by, inner) : by.infer(inner);
      return withDtype(types.slice(0, 1), made);
    },
    evaluate(context) {
      const type = outputType(context);
      const reals = operands.map((i) =>
        dequantized(requiredTensor(context, i, 'X'), requiredTensor(context, i + 1, 'scale'), optionalTensor(context, i + 2)),
      );
      const opset = parts.opset === 'attribute' ? intAttribute(context, 'opset', 13) : parts.opset;
      const inner = { ...context, opset };
      const outputs = [{ dtype: 'float32' as const, shape: type.shape }];
      const [y] =
        intAttribute(context, 'channels_last', 0) !== 0
          ? [evaluateChannelsLast(by, { ...inner, inputs: reals, outputs })]
          : evaluateAs(by, inner, reals, outputs);
      if (y === undefined) return [];
      return [quantized(y, requiredTensor(context, scale, 'Y_scale'), optionalTensor(context, scale + 1), type.dtype)];
    },
  });
}

/** Inputs: Y_scale, Y_zero_point, then integers, scale and zero point of each part. */
const qLinearConcat: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'QLinearConcat',
  since: [1],
  // Brings the parts to one scale: the elements do not stay as they are.
  kernelClass: 'host',
  attributes: { axis: 'required' },
  infer(context) {
    const parts = Array.from({ length: Math.floor((context.inputs.length - 2) / 3) }, (_, i) => 2 + 3 * i);
    if (parts.length === 0) misfit(context, 'there is nothing to join');
    const dtype = context.inputs[1]?.dtype ?? requiredType(context, 2, 'X').dtype;
    for (const i of parts) checkQuantized(context, requiredType(context, i, 'X').dtype, `input ${i}`);
    checkQuantized(context, dtype, 'the result');
    return withDtype(concat.infer(asReal(withInputs(context, parts))), dtype);
  },
  evaluate(context) {
    const type = outputType(context);
    const reals: Tensor[] = [];
    for (let i = 2; i + 1 < context.inputs.length; i += 3) {
      reals.push(dequantized(requiredTensor(context, i, 'X'), requiredTensor(context, i + 1, 'scale'), optionalTensor(context, i + 2)));
    }
    const [y] = evaluateAs(concat, context, reals, [{ dtype: 'float32', shape: type.shape }]);
    return y === undefined ? [] : [quantized(y, requiredTensor(context, 0, 'Y_scale'), optionalTensor(context, 1), type.dtype)];
  },
});

/** Inputs: condition, X, scale, zero point, Y, scale, zero point, Z scale, zero point. */
const qLinearWhere: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'QLinearWhere',
  since: [1],
  kernelClass: 'elementwise',
  infer(context): readonly TensorType[] {
    const types = [requiredType(context, 0, 'condition'), requiredType(context, 1, 'X'), requiredType(context, 4, 'Y')];
    for (const i of [1, 4]) checkQuantized(context, requiredType(context, i, 'X').dtype, `input ${i}`);
    const shape = broadcastShapes(
      context,
      types.map((t) => t.shape),
    );
    return [{ dtype: requiredType(context, 1, 'X').dtype, shape }];
  },
  evaluate(context) {
    const type = outputType(context);
    const requantize = (i: number): Tensor => {
      const real = dequantized(requiredTensor(context, i, 'X'), requiredTensor(context, i + 1, 'scale'), optionalTensor(context, i + 2));
      return quantized(real, requiredTensor(context, 7, 'Z_scale'), optionalTensor(context, 8), type.dtype);
    };
    return evaluateAs(where, context, [requiredTensor(context, 0, 'condition'), requantize(1), requantize(4)], [type]);
  },
});

export const qLinearOps: readonly OpDef[] = [
  throughReals({ name: 'QLinearAdd', by: named(binaryOps, 'Add'), operands: [0, 3], scale: 6, opset: 14 }),
  throughReals({ name: 'QLinearMul', by: named(binaryOps, 'Mul'), operands: [0, 3], scale: 6, opset: 14 }),
  throughReals({ name: 'QLinearLeakyRelu', by: named(unaryOps, 'LeakyRelu'), operands: [0], scale: 3, opset: 16 }),
  throughReals({ name: 'QLinearSigmoid', by: named(unaryOps, 'Sigmoid'), operands: [0], scale: 3, opset: 13 }),
  throughReals({
    name: 'QLinearSoftmax',
    by: softmax,
    operands: [0],
    scale: 3,
    opset: 'attribute',
    attributes: { axis: 'computed', opset: 'required' },
  }),
  throughReals({
    name: 'QLinearAveragePool',
    by: averagePool,
    operands: [0],
    scale: 3,
    opset: 11,
    attributes: { ...averagePool.attributes, channels_last: 0 },
  }),
  throughReals({
    name: 'QLinearGlobalAveragePool',
    by: globalAveragePool,
    operands: [0],
    scale: 3,
    opset: 11,
    attributes: { channels_last: 0 },
  }),
  throughReals({
    name: 'QLinearReduceMean',
    by: named(reduceOps, 'ReduceMean'),
    operands: [0],
    scale: 3,
    opset: 13,
    attributes: { axes: 'required', keepdims: 1 },
  }),
  qLinearConcat,
  qLinearWhere,
];
