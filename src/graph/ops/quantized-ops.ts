/** Contractions on integers: QLinearConv, ConvInteger, QLinearMatMul, MatMulInteger; DynamicQuantizeLinear. Sums are exact in int32. */
import { clamp, elementCount, integerRange, quantize, roundHalfEven, type Tensor } from '../../core/index.ts';
import type { TensorType } from '../ir.ts';
import { conv, convGeometry, convolveInt } from './conv.ts';
import { asReal, macsAs, withDtype, withInputs } from './delegate.ts';
import { matMul, matMulPlan } from './matmul.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  defineOp,
  hasInput,
  misfit,
  outputType,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type InferContext,
  type OpDef,
} from './op-def.ts';
import { productInt } from './product.ts';
import { centred, requantized } from './quantized-numbers.ts';

const round = Math.fround;

export const convAttributes = {
  auto_pad: 'NOTSET',
  dilations: 'computed',
  group: 1,
  kernel_shape: 'computed',
  pads: 'computed',
  strides: 'computed',
} as const;

export function optionalTensor(context: EvaluateContext, index: number): Tensor | null {
  return hasInput(context, index) ? requiredTensor(context, index, '') : null;
}

export function eightBits(context: InferContext, index: number, what: string): TensorType {
  const type = requiredType(context, index, what);
  if (type.dtype !== 'int8' && type.dtype !== 'uint8') misfit(context, `${what} is ${type.dtype}`, 'int8 or uint8 is needed');
  return type;
}

/** Zero points of weights: one, or one for each output channel. */
function weightZeroShape(w: Tensor, zero: Tensor | null): readonly number[] {
  return zero === null || elementCount(zero.shape) === 1 ? [] : [elementCount(zero.shape), ...w.shape.slice(1).map(() => 1)];
}

/** int32 sums of a convolution over centred integers; padding is zero, which is the zero point. */
export function integerConvolution(
  context: EvaluateContext,
  x: { readonly tensor: Tensor; readonly zero: Tensor | null },
  w: { readonly tensor: Tensor; readonly zero: Tensor | null },
  shape: readonly number[],
): Int32Array {
  const sums = new Int32Array(elementCount(shape));
  const geometry = convGeometry(context, x.tensor.shape, w.tensor.shape, shape);
  convolveInt(geometry, centred(x.tensor, x.zero), centred(w.tensor, w.zero, weightZeroShape(w.tensor, w.zero)), sums);
  return sums;
}

export const convInteger: OpDef = defineOp({
  name: 'ConvInteger',
  since: [10],
  kernelClass: 'contraction',
  attributes: convAttributes,
  infer(context) {
    eightBits(context, 0, 'x');
    eightBits(context, 1, 'w');
    return withDtype(conv.infer(withInputs(context, [0, 1])), 'int32');
  },
  evaluate(context) {
    const { shape } = outputType(context);
    const x = { tensor: requiredTensor(context, 0, 'x'), zero: optionalTensor(context, 2) };
    const w = { tensor: requiredTensor(context, 1, 'w'), zero: optionalTensor(context, 3) };
    return [tensorOf('int32', shape, integerConvolution(context, x, w, shape))];
  },
  macs: (context) => macsAs(conv, context, [0, 1]),
});

/** Inputs: x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B (int32, at scale x_scale · w_scale). */
export const qLinearConv: OpDef = defineOp({
  name: 'QLinearConv',
  since: [10],
  kernelClass: 'contraction',
  attributes: convAttributes,
  infer(context) {
    eightBits(context, 0, 'x');
    eightBits(context, 3, 'w');
    const bias = context.inputs[8] ?? null;
    if (bias !== null && bias.dtype !== 'int32') misfit(context, `the bias is ${bias.dtype}, not int32`);
    // The bias as a convolution takes it, so that its size is checked.
    const operands = withInputs(context, [0, 3, 8]);
    return withDtype(conv.infer(asReal(operands)), eightBits(context, 7, 'y_zero_point').dtype);
  },
  evaluate: (context) => [evaluateQLinearConv(context, outputType(context).shape)],
  macs: (context) => macsAs(conv, context, [0, 3]),
});

export function evaluateQLinearConv(context: EvaluateContext, shape: readonly number[]): Tensor {
  const x = { tensor: requiredTensor(context, 0, 'x'), zero: optionalTensor(context, 2) };
  const w = { tensor: requiredTensor(context, 3, 'w'), zero: optionalTensor(context, 5) };
  const sums = integerConvolution(context, x, w, shape);
  const positions = elementCount(shape.slice(2));
  const channels = shape[1] ?? 1;
  const channel = (i: number): number => Math.floor(i / positions) % channels;
  const bias = optionalTensor(context, 8);
  if (bias !== null) {
    const b = numbersOf(bias);
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] ?? 0) + (b[channel(i)] ?? 0);
  }
  const right = floatsOf(requiredTensor(context, 4, 'w_scale'));
  return requantized(sums, shape, outputType(context).dtype, {
    left: floatsOf(requiredTensor(context, 1, 'x_scale')),
    right,
    scale: floatsOf(requiredTensor(context, 6, 'y_scale'))[0] ?? 1,
    zeroPoint: numbersOf(requiredTensor(context, 7, 'y_zero_point'))[0] ?? 0,
    leftAt: () => 0,
    rightAt: right.length === 1 ? () => 0 : channel,
  });
}

/** int32 products of centred integers; zero points are one, one for each row of A, or one for each column of B. */
export function integerProduct(a: Tensor, aZero: Tensor | null, b: Tensor, bZero: Tensor | null): Int32Array {
  const plan = matMulPlan(a.shape, b.shape);
  const left = centred(a, aZero, aZero !== null && aZero.shape.length === 1 ? [aZero.shape[0] ?? 1, 1] : (aZero?.shape ?? []));
  const right = centred(b, bZero);
  const sums = new Int32Array(plan.batches * plan.m * plan.n);
  for (let i = 0; i < plan.batches; i++) {
    const from = plan.bOffsets[i] ?? 0;
    productInt(left, right.subarray(from, from + plan.k * plan.n), sums, {
      m: plan.m,
      n: plan.n,
      k: plan.k,
      aOffset: plan.aOffsets[i] ?? 0,
      cOffset: i * plan.m * plan.n,
      cStride: plan.n,
    });
  }
  return sums;
}

export const matMulInteger: OpDef = defineOp({
  name: 'MatMulInteger',
  since: [10],
  kernelClass: 'contraction',
  infer(context) {
    eightBits(context, 0, 'A');
    eightBits(context, 1, 'B');
    return withDtype(matMul.infer(asReal(withInputs(context, [0, 1]))), 'int32');
  },
  evaluate(context) {
    const [a, b] = [requiredTensor(context, 0, 'A'), requiredTensor(context, 1, 'B')];
    return [tensorOf('int32', outputType(context).shape, integerProduct(a, optionalTensor(context, 2), b, optionalTensor(context, 3)))];
  },
  macs: (context) => macsAs(matMul, context, [0, 1]),
});

/** Inputs: a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point. */
export const qLinearMatMul: OpDef = defineOp({
  name: 'QLinearMatMul',
  since: [10, 21],
  kernelClass: 'contraction',
  infer(context) {
    eightBits(context, 0, 'a');
    eightBits(context, 3, 'b');
    return withDtype(matMul.infer(asReal(withInputs(context, [0, 3]))), eightBits(context, 7, 'y_zero_point').dtype);
  },
  evaluate(context) {
    const [a, b] = [requiredTensor(context, 0, 'a'), requiredTensor(context, 3, 'b')];
    const type = outputType(context);
    const sums = integerProduct(a, optionalTensor(context, 2), b, optionalTensor(context, 5));
    const { m, n } = matMulPlan(a.shape, b.shape);
    const left = floatsOf(requiredTensor(context, 1, 'a_scale'));
    const right = floatsOf(requiredTensor(context, 4, 'b_scale'));
    // Scales of rows and columns, the same for every product of a batch or one set for each.
    const rows = left.length > m ? (i: number) => Math.floor(i / n) : (i: number) => Math.floor(i / n) % m;
    const columns = right.length > n ? (i: number) => Math.floor(i / (n * m)) * n + (i % n) : (i: number) => i % n;
    return [
      requantized(sums, type.shape, type.dtype, {
        left,
        right,
        scale: floatsOf(requiredTensor(context, 6, 'y_scale'))[0] ?? 1,
        zeroPoint: numbersOf(requiredTensor(context, 7, 'y_zero_point'))[0] ?? 0,
        leftAt: left.length === 1 ? () => 0 : rows,
        rightAt: right.length === 1 ? () => 0 : columns,
      }),
    ];
  },
  macs: (context) => macsAs(matMul, context, [0, 3]),
});

export interface DynamicQuantization {
  readonly scale: number;
  readonly zeroPoint: number;
  readonly integers: Uint8Array;
}

/** The uint8 form of a tensor by its own range, zero included; all zeros get the scale 1. */
export function quantizeDynamically(x: Float32Array): DynamicQuantization {
  let [lo, hi] = [0, 0];
  for (const v of x) {
    lo = Math.min(lo, v);
    hi = Math.max(hi, v);
  }
  const scale = hi === lo ? 1 : round(round(hi - lo) / 255);
  const zeroPoint = clamp(roundHalfEven(round(round(0 - lo) / scale)), 0, 255);
  const integers = new Uint8Array(x.length);
  const [least, most] = integerRange('uint8');
  for (let i = 0; i < integers.length; i++) integers[i] = quantize(x[i] ?? 0, scale, zeroPoint, least, most);
  return { scale, zeroPoint, integers };
}

export const dynamicQuantizeLinear: OpDef = defineOp({
  name: 'DynamicQuantizeLinear',
  since: [11],
  kernelClass: 'host',
  infer(context) {
    const x = requiredType(context, 0, 'x');
    return [
      { dtype: 'uint8', shape: x.shape },
      { dtype: 'float32', shape: [] },
      { dtype: 'uint8', shape: [] },
    ];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'x');
    const { scale, zeroPoint, integers } = quantizeDynamically(floatsOf(x));
    return [tensorOf('uint8', x.shape, integers), tensorOf('float32', [], [scale]), tensorOf('uint8', [], [zeroPoint])].slice(
      0,
      context.outputs.length,
    );
  },
});

/** Ours: what one of 255 steps is that cover a span; 1 where there is nothing to cover. */
const spanStep: OpDef = defineOp({
  domain: 'systole',
  name: 'SpanStep',
  since: [1],
  kernelClass: 'elementwise',
  infer: (context) => [requiredType(context, 0, 'span')],
  evaluate(context) {
    const span = requiredTensor(context, 0, 'span');
    return [
      tensorOf(
        span.dtype,
        span.shape,
        floatsOf(span).map((x) => (x === 0 ? 1 : x / 255)),
      ),
    ];
  },
});

export const quantizedOps: readonly OpDef[] = [convInteger, qLinearConv, matMulInteger, qLinearMatMul, dynamicQuantizeLinear, spanStep];
