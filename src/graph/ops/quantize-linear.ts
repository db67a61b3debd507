/** Casts and the QDQ operators. */
import { bitsOf, bytesOf, elementCount, integerRange, isFloat, quantize, viewBytes, type DType, type Tensor } from '../../core/index.ts';
import type { TensorType } from '../ir.ts';
import { combinedContents } from './contents.ts';
import { convertElement } from './element-rules.ts';
import { castTensor, dtypeAttribute, requiredDtype } from './cast.ts';
import { allocate, floatsOf, narrowBits, numbersOf, tensorOf } from './numbers.ts';
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
  stringAttribute,
  type ContentsContext,
  type Element,
  type EvaluateContext,
  type InferContext,
  type OpDef,
} from './op-def.ts';

/** How Cast rounds to narrow floats. */
function converted(context: EvaluateContext): Tensor {
  const saturate = intAttribute(context, 'saturate', 1) !== 0;
  const mode = stringAttribute(context, 'round_mode', 'up');
  if (mode !== 'up' && mode !== 'down' && mode !== 'nearest') return badAttribute(context, 'round_mode', `"${mode}"`, 'up, down, nearest');
  return castTensor(requiredTensor(context, 0, 'input'), outputType(context).dtype, saturate, mode);
}

const convertedContents = (context: ContentsContext): readonly Element[] | null =>
  combinedContents({ ...context, inputs: context.inputs.slice(0, 1) }, convertElement(context.outputs[0]?.dtype === 'bool'));

export const cast: OpDef = defineOp({
  name: 'Cast',
  since: [1, 6, 9, 13, 19, 21, 23, 24, 25],
  kernelClass: 'elementwise',
  attributes: { to: 'required', saturate: 1, round_mode: 'up' },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    const to = requiredDtype(context, 'to');
    return [{ dtype: to, shape: x.shape }];
  },
  evaluate: (context) => [converted(context)],
  contents: convertedContents,
});

export const castLike: OpDef = defineOp({
  name: 'CastLike',
  since: [15, 19, 21, 23, 24, 25],
  kernelClass: 'elementwise',
  attributes: { saturate: 1, round_mode: 'up' },
  infer: (context) => [{ dtype: requiredType(context, 1, 'target_type').dtype, shape: requiredType(context, 0, 'input').shape }],
  evaluate: (context) => [converted(context)],
  contents: convertedContents,
});

/** The same bits under another type of the same width. */
export const bitCast: OpDef = defineOp({
  name: 'BitCast',
  since: [26],
  kernelClass: 'move',
  attributes: { to: 'required' },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    const to = requiredDtype(context, 'to');
    if (to === 'string' || x.dtype === 'string') misfit(context, 'strings have no bits to look at');
    if (bitsOf(to) !== bitsOf(x.dtype)) {
      misfit(context, `${x.dtype} has ${bitsOf(x.dtype)} bits, ${to} ${bitsOf(to)}`, 'Both types must have the same width');
    }
    return [{ dtype: to, shape: x.shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const type = outputType(context);
    return [{ dtype: type.dtype, shape: type.shape, data: viewBytes(type.dtype, bytesOf(x)) }];
  },
});

/** A run of elements along an axis, and the scale of each: scaleAt + i · scaleStep. */
type ScaledRun = (from: number, length: number, scaleAt: number, scaleStep: 0 | 1) => void;

/** @throws SYS3010 where there is neither one scale nor one for each index of the axis */
function checkScales(context: InferContext, x: TensorType, scale: TensorType): void {
  const [count] = scale.shape;
  if (scale.shape.length !== 1 || typeof count !== 'number' || count === 1) return;
  const axis = normalizeAxis(context, intAttribute(context, 'axis', 1), x.shape.length);
  const size = x.shape[axis];
  if (typeof size === 'number' && size !== count) misfit(context, `${count} scales for axis ${axis} of size ${size}`);
}

/** Visits all elements in order, as runs: one scale for all, one for each index of the axis, or one for each block of it. */
function forScales(context: EvaluateContext, x: Tensor, scale: Tensor, visit: ScaledRun): void {
  const count = elementCount(x.shape);
  if (elementCount(scale.shape) === 1 && (scale.shape.length < 2 || count === 1)) return visit(0, count, 0, 0);
  const axis = normalizeAxis(context, intAttribute(context, 'axis', 1), x.shape.length);
  const inner = elementCount(x.shape.slice(axis + 1));
  const size = x.shape[axis] ?? 1;
  const outer = elementCount(x.shape.slice(0, axis));
  if (scale.shape.length === 1) {
    if (scale.shape[0] !== size) misfit(context, `${scale.shape[0]} scales for axis ${axis} of size ${size}`);
    for (let o = 0; o < outer; o++) {
      if (inner === 1) visit(o * size, size, 0, 1);
      else for (let k = 0; k < size; k++) visit((o * size + k) * inner, inner, k, 0);
    }
    return;
  }
  const block = intAttribute(context, 'block_size', 0);
  if (block < 1) badAttribute(context, 'block_size', String(block), 'a whole number from 1 where scales have the rank of the input');
  const blocks = scale.shape[axis] ?? 1;
  for (let o = 0; o < outer; o++) {
    if (inner === 1) {
      for (let b = 0; b * block < size; b++) visit(o * size + b * block, Math.min(block, size - b * block), o * blocks + b, 0);
    } else {
      for (let k = 0; k < size; k++) visit((o * size + k) * inner, inner, (o * blocks + Math.floor(k / block)) * inner, 1);
    }
  }
}

const quantizedTypes: readonly DType[] = [
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'int4',
  'uint4',
  'int2',
  'uint2',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'float4e2m1',
];

export const quantizeLinear: OpDef = defineOp({
  name: 'QuantizeLinear',
  since: [10, 13, 19, 21, 23, 24, 25],
  kernelClass: 'elementwise',
  attributes: { axis: 1, block_size: 0, output_dtype: 0, precision: 0, saturate: 1 },
  infer(context) {
    const x = requiredType(context, 0, 'x');
    checkScales(context, x, requiredType(context, 1, 'y_scale'));
    const dtype = context.inputs[2]?.dtype ?? dtypeAttribute(context, 'output_dtype') ?? 'uint8';
    if (!quantizedTypes.includes(dtype)) badAttribute(context, 'output_dtype', dtype, quantizedTypes.join(', '));
    return [{ dtype, shape: x.shape }];
  },
  /** y = clamp(roundHalfEven(f32(x / scale)) + zeroPoint); of narrow floats y = nearest(f32(x / scale)). */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'x');
    const scaleTensor = requiredTensor(context, 1, 'y_scale');
    const { dtype, shape } = outputType(context);
    const source = floatsOf(x);
    const scales = floatsOf(scaleTensor);
    const zeros = hasInput(context, 2) ? numbersOf(requiredTensor(context, 2, 'y_zero_point')) : null;
    if (isFloat(dtype)) {
      const out = new Float32Array(source.length);
      forScales(context, x, scaleTensor, (from, length, at, step) => {
        for (let i = 0; i < length; i++) out[from + i] = (source[from + i] ?? 0) / (scales[at + i * step] ?? 1);
      });
      return [{ dtype, shape, data: narrowBits(dtype, out, intAttribute(context, 'saturate', 1) !== 0) }];
    }
    const [lo, hi] = integerRange(dtype);
    const out = allocate(dtype, source.length);
    forScales(context, x, scaleTensor, (from, length, at, step) => {
      for (let i = 0; i < length; i++) {
        const k = at + i * step;
        out[from + i] = quantize(source[from + i] ?? 0, scales[k] ?? 1, zeros?.[k] ?? 0, lo, hi);
      }
    });
    return [tensorOf(dtype, shape, out)];
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
    checkScales(context, x, scale);
    return [{ dtype: dtypeAttribute(context, 'output_dtype') ?? scale.dtype, shape: x.shape }];
  },
  /** y = f32((x - zeroPoint) · scale) */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'x');
    const scaleTensor = requiredTensor(context, 1, 'x_scale');
    const type = outputType(context);
    const source = numbersOf(x);
    const scales = floatsOf(scaleTensor);
    const zeros = hasInput(context, 2) ? numbersOf(requiredTensor(context, 2, 'x_zero_point')) : null;
    const out = new Float32Array(source.length);
    forScales(context, x, scaleTensor, (from, length, at, step) => {
      for (let i = 0; i < length; i++) {
        const k = at + i * step;
        out[from + i] = ((source[from + i] ?? 0) - (zeros?.[k] ?? 0)) * (scales[k] ?? 1);
      }
    });
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

export const convertOps: readonly OpDef[] = [cast, castLike, bitCast, quantizeLinear, dequantizeLinear];
