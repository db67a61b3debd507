/**
 * One operand, one result per element. Elementary functions are computed in double and rounded when stored, once; steps between are
 * rounded to fp32, or not at all where the elements are doubles.
 */
import {
  acos64,
  acosh64,
  asin64,
  asinh64,
  atan64,
  atanh64,
  cos64,
  cosh64,
  log64,
  roundHalfEven,
  sin64,
  sinh64,
  tan64,
  type DType,
  type TableFunctions,
} from '../../core/index.ts';
import { elementContents, elementRules } from './element-rules.ts';
import { mapElements, roundingOf, type Rounding, type UnaryFunction } from './elements.ts';
import { functionsOf } from './functions.ts';
import { numbersOf } from './numbers.ts';
import {
  defineOp,
  floatAttribute,
  intAttribute,
  requiredTensor,
  requiredType,
  stringAttribute,
  type AttributeDefault,
  type EvaluateContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';

function unary(
  name: string,
  since: readonly number[],
  make: (context: OpContext, round: Rounding) => UnaryFunction,
  attributes: Readonly<Record<string, AttributeDefault>> = {},
  result?: DType,
): OpDef {
  return defineOp({
    name,
    since,
    attributes,
    kernelClass: 'elementwise',
    infer(context) {
      const x = requiredType(context, 0, 'X');
      return [result === undefined ? x : { dtype: result, shape: x.shape }];
    },
    evaluate(context) {
      const x = requiredTensor(context, 0, 'X');
      return [mapElements(x, result ?? x.dtype, make(context, roundingOf(x.dtype)))];
    },
    ...(elementRules[name] === undefined ? {} : { contents: elementContents }),
  });
}

function plain(name: string, since: readonly number[], f: UnaryFunction): OpDef {
  return unary(name, since, () => f);
}

/** A function that a machine may have as a table. */
function tabled(name: string, since: readonly number[], f: 'exp' | 'sigmoid' | 'tanh' | 'erf'): OpDef {
  return unary(name, since, (context) => functionsOf(context)[f]);
}

/** The constants of Selu, as in the ONNX defaults. */
const seluAlpha = 1.6732632423543772;
const seluGamma = 1.0507009873554805;

/** ln(1 + e^x) as max(x, 0) + ln(1 + e^−|x|), which no x overflows. */
function softplus(x: number, round: Rounding, { exp }: TableFunctions): number {
  return round(Math.max(x, 0) + round(log64(round(1 + round(exp(-Math.abs(x)))))));
}

const activations: readonly OpDef[] = [
  // The greater of the two, as engines clamp: NaN stays, −0 becomes 0.
  plain('Relu', [1, 6, 13, 14], (x) => Math.max(x, 0)),
  unary(
    'LeakyRelu',
    [1, 6, 16],
    (context) => {
      const alpha = floatAttribute(context, 'alpha', 0.01);
      return (x) => (x < 0 ? alpha * x : x);
    },
    { alpha: 0.01 },
  ),
  unary(
    'ThresholdedRelu',
    [10, 22],
    (context) => {
      const alpha = floatAttribute(context, 'alpha', 1);
      return (x) => (x > alpha ? x : x !== x ? x : 0);
    },
    { alpha: 1 },
  ),
  unary(
    'Elu',
    [1, 6, 22],
    (context, round) => {
      const alpha = floatAttribute(context, 'alpha', 1);
      const { exp } = functionsOf(context);
      return (x) => (x < 0 ? alpha * round(round(exp(x)) - 1) : x);
    },
    { alpha: 1 },
  ),
  unary(
    'Celu',
    [12],
    (context, round) => {
      const alpha = floatAttribute(context, 'alpha', 1);
      const { exp } = functionsOf(context);
      return (x) => (x < 0 ? alpha * round(round(exp(round(x / alpha))) - 1) : x);
    },
    { alpha: 1 },
  ),
  unary(
    'Selu',
    [1, 6, 22],
    (context, round) => {
      const alpha = floatAttribute(context, 'alpha', seluAlpha);
      const gamma = floatAttribute(context, 'gamma', seluGamma);
      const { exp } = functionsOf(context);
      return (x) => gamma * (x > 0 ? x : round(alpha * round(round(exp(x)) - 1)));
    },
    { alpha: seluAlpha, gamma: seluGamma },
  ),
  tabled('Sigmoid', [1, 6, 13], 'sigmoid'),
  unary(
    'HardSigmoid',
    [1, 6, 22],
    (context, round) => {
      const alpha = floatAttribute(context, 'alpha', 0.2);
      const beta = floatAttribute(context, 'beta', 0.5);
      return (x) => Math.min(Math.max(round(round(alpha * x) + beta), 0), 1);
    },
    { alpha: 0.2, beta: 0.5 },
  ),
  unary('HardSwish', [14, 22], (_, round) => {
    const sixth = round(1 / 6);
    return (x) => x * Math.min(Math.max(round(round(sixth * x) + 0.5), 0), 1);
  }),
  unary(
    'Swish',
    [24],
    (context, round) => {
      const alpha = floatAttribute(context, 'alpha', 1);
      const { sigmoid } = functionsOf(context);
      return (x) => x * round(sigmoid(round(alpha * x)));
    },
    { alpha: 1 },
  ),
  tabled('Tanh', [1, 6, 13], 'tanh'),
  unary('Softplus', [1, 22], (context, round) => {
    const functions = functionsOf(context);
    return (x) => softplus(x, round, functions);
  }),
  unary('Softsign', [1, 22], (_, round) => (x) => x / round(1 + Math.abs(x))),
  unary('Mish', [18, 22], (context, round) => {
    const functions = functionsOf(context);
    return (x) => x * round(functions.tanh(softplus(x, round, functions)));
  }),
  unary(
    'Gelu',
    [20],
    (context, round) => {
      const { erf, tanh } = functionsOf(context);
      return stringAttribute(context, 'approximate', 'none') === 'tanh' ? (x) => geluTanh(x, round, tanh) : (x) => geluErf(x, round, erf);
    },
    { approximate: 'none' },
  ),
  unary(
    'Shrink',
    [9],
    (context) => {
      const bias = floatAttribute(context, 'bias', 0);
      const lambda = floatAttribute(context, 'lambd', 0.5);
      return (x) => (x < -lambda ? x + bias : x > lambda ? x - bias : x !== x ? x : 0);
    },
    { bias: 0, lambd: 0.5 },
  ),
];

const functions: readonly OpDef[] = [
  tabled('Exp', [1, 6, 13], 'exp'),
  plain('Log', [1, 6, 13], log64),
  plain('Sqrt', [1, 6, 13], Math.sqrt),
  plain('Reciprocal', [1, 6, 13], (x) => 1 / x),
  tabled('Erf', [9, 13], 'erf'),
  plain('Sin', [7, 22], sin64),
  plain('Cos', [7, 22], cos64),
  plain('Tan', [7, 22], tan64),
  plain('Asin', [7, 22], asin64),
  plain('Acos', [7, 22], acos64),
  plain('Atan', [7, 22], atan64),
  plain('Sinh', [9, 22], sinh64),
  plain('Cosh', [9, 22], cosh64),
  plain('Asinh', [9, 22], asinh64),
  plain('Acosh', [9, 22], acosh64),
  plain('Atanh', [9, 22], atanh64),
];

const arithmetic: readonly OpDef[] = [
  exact('Abs', [1, 6, 13], Math.abs, (x) => (x < 0n ? -x : x)),
  exact(
    'Neg',
    [1, 6, 13],
    (x) => -x,
    (x) => -x,
  ),
  plain('Floor', [1, 6, 13], Math.floor),
  plain('Ceil', [1, 6, 13], Math.ceil),
  plain('Round', [11, 22], (x) => (Math.abs(x) < 4503599627370496 ? roundHalfEven(x) : x)),
  plain('Sign', [9, 13], (x) => (x > 0 ? 1 : x < 0 ? -1 : x)),
  plain('Not', [1], (x) => (x === 0 ? 1 : 0)),
  exact(
    'BitwiseNot',
    [18],
    (x) => ~x,
    (x) => ~x,
  ),
  unary('IsNaN', [9, 13, 20], () => (x) => (x !== x ? 1 : 0), {}, 'bool'),
  unary(
    'IsInf',
    [10, 20],
    (context) => {
      const positive = intAttribute(context, 'detect_positive', 1) !== 0;
      const negative = intAttribute(context, 'detect_negative', 1) !== 0;
      return (x) => ((positive && x === Infinity) || (negative && x === -Infinity) ? 1 : 0);
    },
    { detect_negative: 1, detect_positive: 1 },
    'bool',
  ),
];

/** With a form for 64-bit integers, which doubles do not hold. */
function exact(name: string, since: readonly number[], f: UnaryFunction, wide: (x: bigint) => bigint): OpDef {
  const op = plain(name, since, f);
  return {
    ...op,
    evaluate(context: EvaluateContext) {
      const x = requiredTensor(context, 0, 'X');
      if (!(x.data instanceof BigInt64Array || x.data instanceof BigUint64Array)) return op.evaluate(context);
      const out = x.data.slice();
      for (let i = 0; i < out.length; i++) out[i] = wide(out[i] ?? 0n);
      return [{ dtype: x.dtype, shape: x.shape, data: out }];
    },
  };
}

/** 0.5 · x · (1 + erf(x / √2)) */
function geluErf(x: number, round: Rounding, erf: UnaryFunction): number {
  return round(0.5 * x) * round(1 + round(erf(round(x * round(0.7071067811865476)))));
}

/** 0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) */
function geluTanh(x: number, round: Rounding, tanh: UnaryFunction): number {
  const cube = round(round(x * x) * x);
  const inner = round(round(0.7978845608028654) * round(x + round(round(0.044715) * cube)));
  return round(0.5 * x) * round(1 + round(tanh(inner)));
}

export const clip: OpDef = defineOp({
  name: 'Clip',
  since: [1, 6, 11, 12, 13],
  kernelClass: 'elementwise',
  attributes: { min: 'computed', max: 'computed' },
  infer: (context) => [requiredType(context, 0, 'X')],
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const [lo, hi] = clipBounds(context);
    return [mapElements(x, x.dtype, (v) => Math.min(Math.max(v, lo), hi))];
  },
});

/** Bounds of Clip, from attributes (before opset 11) or inputs; ±Infinity where left out. */
function clipBounds(context: EvaluateContext): readonly [number, number] {
  const bound = (index: number, name: string, otherwise: number): number => {
    const input = context.inputs[index] ?? null;
    return input === null ? floatAttribute(context, name, otherwise) : (numbersOf(input)[0] ?? otherwise);
  };
  return [bound(1, 'min', -Infinity), bound(2, 'max', Infinity)];
}

export const unaryOps: readonly OpDef[] = [...activations, ...functions, ...arithmetic, clip];
