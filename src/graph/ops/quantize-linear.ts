/** Casts and the QDQ operators. */
import { elementCount, integerRange, isFloat, quantize, type DType, type Tensor } from '../../core/index.ts';
import { allocate, floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  hasInput,
  intAttribute,
  misfit,
  normalizeAxis,
  outputType,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import type { Dim } from '../dim.ts';

/** Element types of ONNX TensorProto.DataType that can be computed with, by number. */
const dtypeCodes: Readonly<Record<number, DType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
  16: 'bfloat16',
};

function dtypeAttribute(context: OpContext, attribute: string): DType | undefined {
  const a = context.node.attributes[attribute];
  if (a?.kind === 'string') return Object.values(dtypeCodes).find((d) => d === a.value);
  return a?.kind === 'int' ? dtypeCodes[a.value] : undefined;
}

function castTensor(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  const source = numbersOf(x);
  if (dtype === 'bool') return tensorOf('bool', x.shape, source);
  const out = allocate(dtype, source.length);
  const truncate = !isFloat(dtype) && isFloat(x.dtype);
  for (let i = 0; i < out.length; i++) out[i] = truncate ? Math.trunc(source[i] ?? 0) : (source[i] ?? 0);
  return tensorOf(dtype, x.shape, out);
}

const contentsOfInput = (context: InferContext): readonly Dim[] | null => context.dims(0);

export const cast: OpDef = defineOp({
  name: 'Cast',
  since: [1, 6, 9, 13, 19, 21, 23, 24, 25],
  kernelClass: 'elementwise',
  attributes: { to: 'required', saturate: 1 },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    const to = dtypeAttribute(context, 'to');
    const given = context.node.attributes['to'];
    if (to === undefined) {
      return badAttribute(
        context,
        'to',
        given?.kind === 'int' ? `type number ${given.value}` : 'missing',
        Object.values(dtypeCodes).join(', '),
      );
    }
    return [{ dtype: to, shape: x.shape }];
  },
  evaluate: (context) => [castTensor(requiredTensor(context, 0, 'input'), outputType(context).dtype)],
  contents: contentsOfInput,
});

export const castLike: OpDef = defineOp({
  name: 'CastLike',
  since: [15, 19, 21, 23, 24, 25],
  kernelClass: 'elementwise',
  attributes: { saturate: 1 },
  infer: (context) => [{ dtype: requiredType(context, 1, 'target_type').dtype, shape: requiredType(context, 0, 'input').shape }],
  evaluate: (context) => [castTensor(requiredTensor(context, 0, 'input'), outputType(context).dtype)],
  contents: contentsOfInput,
});

/** Which scale belongs to element i: one for all, one for each index of the axis, or one for each block of it. */
function scaleIndex(context: EvaluateContext, x: Tensor, scale: Tensor): (i: number) => number {
  if (elementCount(scale.shape) === 1) return () => 0;
  const axis = normalizeAxis(context, intAttribute(context, 'axis', 1), x.shape.length);
  const inner = elementCount(x.shape.slice(axis + 1));
  const size = x.shape[axis] ?? 1;
  if (scale.shape.length === 1) {
    if (scale.shape[0] !== size) misfit(context, `${scale.shape[0]} scales for axis ${axis} of size ${size}`);
    return (i) => Math.floor(i / inner) % size;
  }
  const block = intAttribute(context, 'block_size', 0);
  if (block < 1) badAttribute(context, 'block_size', String(block), 'a whole number from 1 where scales have the rank of the input');
  const blocks = scale.shape[axis] ?? 1;
  return (i) => {
    const k = Math.floor(i / inner) % size;
    return (Math.floor(i / (inner * size)) * blocks + Math.floor(k / block)) * inner + (i % inner);
  };
}

export const quantizeLinear: OpDef = defineOp({
  name: 'QuantizeLinear',
  since: [10, 13, 19, 21, 23, 24, 25],
  kernelClass: 'elementwise',
  attributes: { axis: 1, block_size: 0, output_dtype: 0, precision: 0, saturate: 1 },
  infer(context) {
    const x = requiredType(context, 0, 'x');
    requiredType(context, 1, 'y_scale');
    const dtype = context.inputs[2]?.dtype ?? dtypeAttribute(context, 'output_dtype') ?? 'uint8';
    if (!['int8', 'uint8', 'int16', 'uint16', 'int32'].includes(dtype)) {
      badAttribute(context, 'output_dtype', dtype, 'int8, uint8, int16, uint16');
    }
    return [{ dtype, shape: x.shape }];
  },
  /** y = clamp(roundHalfEven(f32(x / scale)) + zeroPoint) */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'x');
    const scaleTensor = requiredTensor(context, 1, 'y_scale');
    const type = outputType(context);
    const at = scaleIndex(context, x, scaleTensor);
    const source = floatsOf(x);
    const scales = floatsOf(scaleTensor);
    const zeros = hasInput(context, 2) ? numbersOf(requiredTensor(context, 2, 'y_zero_point')) : null;
    const [lo, hi] = integerRange(type.dtype);
    const out = allocate(type.dtype, source.length);
    for (let i = 0; i < out.length; i++) {
      const k = at(i);
      out[i] = quantize(source[i] ?? 0, scales[k] ?? 1, zeros?.[k] ?? 0, lo, hi);
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

export const dequantizeLinear: OpDef = defineOp({
  name: 'DequantizeLinear',
  since: [10, 13, 19, 21, 23, 24, 25],
  kernelClass: 'elementwise',
  attributes: { axis: 1, block_size: 0, output_dtype: 0 },
  infer(context) {
    const x = requiredType(context, 0, 'x');
    const scale = requiredType(context, 1, 'x_scale');
    return [{ dtype: dtypeAttribute(context, 'output_dtype') ?? scale.dtype, shape: x.shape }];
  },
  /** y = f32((x - zeroPoint) · scale) */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'x');
    const scaleTensor = requiredTensor(context, 1, 'x_scale');
    const type = outputType(context);
    const at = scaleIndex(context, x, scaleTensor);
    const source = numbersOf(x);
    const scales = floatsOf(scaleTensor);
    const zeros = hasInput(context, 2) ? numbersOf(requiredTensor(context, 2, 'x_zero_point')) : null;
    const out = new Float32Array(source.length);
    for (let i = 0; i < out.length; i++) {
      const k = at(i);
      out[i] = ((source[i] ?? 0) - (zeros?.[k] ?? 0)) * (scales[k] ?? 1);
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

export const convertOps: readonly OpDef[] = [cast, castLike, quantizeLinear, dequantizeLinear];
