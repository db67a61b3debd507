/** Products of com.microsoft on integers: QGemm, MatMulIntegerToFloat, DynamicQuantizeMatMul, MulInteger. Sums are exact in int32. */
import { elementCount, type Tensor } from '../../core/index.ts';
import { broadcastRows, broadcastShapes } from './broadcast.ts';
import { asReal, macsAs, withDtype, withInputs } from './delegate.ts';
import { gemm, matMul } from './matmul.ts';
import { transposed } from './move.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  defineOp,
  floatAttribute,
  hasInput,
  intAttribute,
  outputType,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type OpDef,
} from './op-def.ts';
import { centred, requantized } from './quantized-numbers.ts';
import { eightBits, integerProduct, optionalTensor, quantizeDynamically } from './quantized-ops.ts';

const round = Math.fround;

/** Inputs: A, a_scale, a_zero_point, B, b_scale, b_zero_point, C (int32), y_scale, y_zero_point. Real numbers without y_scale. */
const qGemm: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'QGemm',
  since: [1],
  kernelClass: 'contraction',
  attributes: { alpha: 1, transA: 0, transB: 0 },
  infer(context) {
    const a = eightBits(context, 0, 'A').dtype;
    eightBits(context, 3, 'B');
    const dtype = !hasInput(context, 7) ? 'float32' : hasInput(context, 8) ? eightBits(context, 8, 'y_zero_point').dtype : a;
    return withDtype(gemm.infer(asReal(withInputs(context, [0, 3, 6]))), dtype);
  },
  evaluate(context) {
    const type = outputType(context);
    const turn = (index: number, attribute: string): Tensor => {
      const x = requiredTensor(context, index, attribute);
      return intAttribute(context, attribute, 0) === 0 ? x : transposed(x, [1, 0]);
    };
    const sums = integerProduct(turn(0, 'transA'), optionalTensor(context, 2), turn(3, 'transB'), optionalTensor(context, 5));
    const c = optionalTensor(context, 6);
    if (c !== null) {
      const addend = numbersOf(c);
      const loop = broadcastRows(type.shape, [c.shape]);
      const step = loop.step[0] ?? 0;
      for (let r = 0, at = 0; r < loop.rows && sums.length > 0; r++) {
        let from = loop.base[0]?.[r] ?? 0;
        for (let i = 0; i < loop.length; i++, at++, from += step) sums[at] = (sums[at] ?? 0) + (addend[from] ?? 0);
      }
    }
    const n = type.shape[1] ?? 1;
    const alpha = floatAttribute(context, 'alpha', 1);
    const left = floatsOf(requiredTensor(context, 1, 'a_scale')).map((s) => s * alpha);
    const right = floatsOf(requiredTensor(context, 4, 'b_scale'));
    const column = right.length === 1 ? () => 0 : (i: number) => i % n;
    const yScale = optionalTensor(context, 7);
    if (yScale === null) {
      const scales = right.map((s) => s * (left[0] ?? 1));
      return [
        tensorOf(
          'float32',
          type.shape,
          Float32Array.from(sums, (s, i) => round(s) * (scales[column(i)] ?? 1)),
        ),
      ];
    }
    const zero = optionalTensor(context, 8);
    return [
      requantized(sums, type.shape, type.dtype, {
        left,
        right,
        scale: floatsOf(yScale)[0] ?? 1,
        zeroPoint: zero === null ? 0 : (numbersOf(zero)[0] ?? 0),
        leftAt: () => 0,
        rightAt: column,
      }),
    ];
  },
  macs: (context) => macsAs(gemm, context, [0, 3]),
});

/** f32(f32(sum) · f32(a_scale · b_scale)) + bias */
function toReal(context: EvaluateContext, sums: Int32Array, aScale: number, bScale: Tensor, bias: Tensor | null): Tensor {
  const type = outputType(context);
  const n = type.shape.at(-1) ?? 1;
  const scales = floatsOf(bScale).map((s) => s * aScale);
  const addend = bias === null ? null : floatsOf(bias);
  const out = Float32Array.from(sums, (s, i) => {
    const real = round(round(s) * (scales[scales.length === 1 ? 0 : i % scales.length] ?? 1));
    return addend === null ? real : real + (addend[i % n] ?? 0);
  });
  return tensorOf(type.dtype, type.shape, out);
}

/** Inputs: A, B, a_scale, b_scale, a_zero_point, b_zero_point, bias. */
const matMulIntegerToFloat: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'MatMulIntegerToFloat',
  since: [1],
  kernelClass: 'contraction',
  infer: (context) => withDtype(matMul.infer(asReal(withInputs(context, [0, 1]))), requiredType(context, 2, 'a_scale').dtype),
  evaluate(context) {
    const [a, b] = [requiredTensor(context, 0, 'A'), requiredTensor(context, 1, 'B')];
    const sums = integerProduct(a, optionalTensor(context, 4), b, optionalTensor(context, 5));
    const aScale = floatsOf(requiredTensor(context, 2, 'a_scale'))[0] ?? 1;
    return [toReal(context, sums, aScale, requiredTensor(context, 3, 'b_scale'), optionalTensor(context, 6))];
  },
  macs: (context) => macsAs(matMul, context, [0, 1]),
});

/** A is quantized to uint8 by its own range. Inputs: A, B, b_scale, b_zero_point, bias. */
const dynamicQuantizeMatMul: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'DynamicQuantizeMatMul',
  since: [1],
  kernelClass: 'contraction',
  infer: (context) => withDtype(matMul.infer(asReal(withInputs(context, [0, 1]))), requiredType(context, 0, 'A').dtype),
  evaluate(context) {
    const [a, b] = [requiredTensor(context, 0, 'A'), requiredTensor(context, 1, 'B')];
    const { scale, zeroPoint, integers } = quantizeDynamically(floatsOf(a));
    const q = tensorOf('uint8', a.shape, integers);
    const sums = integerProduct(q, tensorOf('uint8', [], [zeroPoint]), b, optionalTensor(context, 3));
    return [toReal(context, sums, scale, requiredTensor(context, 2, 'b_scale'), optionalTensor(context, 4))];
  },
  macs: (context) => macsAs(matMul, context, [0, 1]),
});

/** (A - a_zero_point) · (B - b_zero_point) of each element. Inputs: A, a_zero_point, B, b_zero_point. */
const mulInteger: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'MulInteger',
  since: [1],
  kernelClass: 'elementwise',
  infer(context) {
    const shapes = [requiredType(context, 0, 'A').shape, requiredType(context, 2, 'B').shape];
    return [{ dtype: 'int32', shape: broadcastShapes(context, shapes) }];
  },
  evaluate(context) {
    const [a, b] = [requiredTensor(context, 0, 'A'), requiredTensor(context, 2, 'B')];
    const { shape } = outputType(context);
    const [x, y] = [centred(a, optionalTensor(context, 1)), centred(b, optionalTensor(context, 3))];
    const out = new Int32Array(elementCount(shape));
    const loop = broadcastRows(shape, [a.shape, b.shape]);
    const [stepA = 0, stepB = 0] = loop.step;
    for (let r = 0, at = 0; r < loop.rows && out.length > 0; r++) {
      let i = loop.base[0]?.[r] ?? 0;
      let j = loop.base[1]?.[r] ?? 0;
      for (let n = 0; n < loop.length; n++, at++, i += stepA, j += stepB) out[at] = (x[i] ?? 0) * (y[j] ?? 0);
    }
    return [tensorOf('int32', shape, out)];
  },
});

export const integerMatMulOps: readonly OpDef[] = [qGemm, matMulIntegerToFloat, dynamicQuantizeMatMul, mulInteger];
