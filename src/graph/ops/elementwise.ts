/** One result per element: activations, arithmetic, comparisons. Operands broadcast. */
import {
  clamp,
  elementCount,
  erf32,
  exp32,
  isFloat,
  log32,
  pow32,
  roundHalfEven,
  sigmoid32,
  tanh32,
  type DType,
  type Tensor,
} from '../../core/index.ts';
import { addDim, floorDivDim, maxDim, minDim, mulDim, subDim, type Dim } from '../dim.ts';
import { broadcastRows, broadcastShapes } from './broadcast.ts';
import { allocate, numbersOf, tensorOf, type Numbers } from './numbers.ts';
import {
  defineOp,
  floatAttribute,
  misfit,
  outputType,
  requiredTensor,
  requiredType,
  stringAttribute,
  type AttributeDefault,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';

const round = Math.fround;

/** f of one element; `round` is needed inside only, the result is rounded when stored. */
type UnaryFunction = (x: number) => number;

function unary(
  name: string,
  since: readonly number[],
  make: (context: OpContext) => UnaryFunction,
  attributes: Readonly<Record<string, AttributeDefault>> = {},
): OpDef {
  return defineOp({
    name,
    since,
    attributes,
    kernelClass: 'elementwise',
    infer: (context) => [requiredType(context, 0, 'X')],
    evaluate(context) {
      const x = requiredTensor(context, 0, 'X');
      return [mapElements(x, x.dtype, make(context))];
    },
  });
}

function mapElements(x: Tensor, dtype: DType, f: UnaryFunction): Tensor {
  const source = numbersOf(x);
  const out = allocate(dtype, source.length);
  for (let i = 0; i < out.length; i++) out[i] = f(source[i] ?? 0);
  return tensorOf(dtype, x.shape, out);
}

/** The constants of Selu, as in the ONNX defaults. */
const seluAlpha = 1.6732632423543772;
const seluGamma = 1.0507009873554805;

export const unaryOps: readonly OpDef[] = [
  unary('Relu', [1, 6, 13, 14], () => (x) => (x < 0 ? 0 : x)),
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
    'Elu',
    [1, 6, 22],
    (context) => {
      const alpha = floatAttribute(context, 'alpha', 1);
      return (x) => (x < 0 ? alpha * round(exp32(x) - 1) : x);
    },
    { alpha: 1 },
  ),
  unary(
    'Selu',
    [1, 6, 22],
    (context) => {
      const alpha = floatAttribute(context, 'alpha', seluAlpha);
      const gamma = floatAttribute(context, 'gamma', seluGamma);
      return (x) => gamma * (x > 0 ? x : round(alpha * round(exp32(x) - 1)));
    },
    { alpha: seluAlpha, gamma: seluGamma },
  ),
  unary('Sigmoid', [1, 6, 13], () => sigmoid32),
  unary(
    'HardSigmoid',
    [1, 6, 22],
    (context) => {
      const alpha = floatAttribute(context, 'alpha', 0.2);
      const beta = floatAttribute(context, 'beta', 0.5);
      return (x) => clamp(round(round(alpha * x) + beta), 0, 1);
    },
    { alpha: 0.2, beta: 0.5 },
  ),
  unary('HardSwish', [14, 22], () => {
    const sixth = round(1 / 6);
    return (x) => x * clamp(round(round(sixth * x) + 0.5), 0, 1);
  }),
  unary('Tanh', [1, 6, 13], () => tanh32),
  unary('Exp', [1, 6, 13], () => exp32),
  unary('Log', [1, 6, 13], () => log32),
  unary('Sqrt', [1, 6, 13], () => (x) => Math.sqrt(x)),
  unary('Reciprocal', [1, 6, 13], () => (x) => 1 / x),
  unary('Erf', [9, 13], () => erf32),
  unary('Abs', [1, 6, 13], () => (x) => Math.abs(x)),
  unary('Neg', [1, 6, 13], () => (x) => -x),
  unary('Floor', [1, 6, 13], () => (x) => Math.floor(x)),
  unary('Ceil', [1, 6, 13], () => (x) => Math.ceil(x)),
  unary('Round', [11, 22], () => (x) => (Math.abs(x) < 4503599627370496 ? roundHalfEven(x) : x)),
  unary('Sign', [9, 13], () => (x) => (x > 0 ? 1 : x < 0 ? -1 : x)),
  unary('Not', [1], () => (x) => (x === 0 ? 1 : 0)),
  unary('Softplus', [1, 22], () => (x) => (x > 30 ? x : log32(round(exp32(x) + 1)))),
  unary('Softsign', [1, 22], () => (x) => x / round(1 + Math.abs(x))),
  unary('Mish', [18, 22], () => (x) => x * tanh32(x > 30 ? x : log32(round(exp32(x) + 1)))),
  unary('Gelu', [20], (context) => (stringAttribute(context, 'approximate', 'none') === 'tanh' ? geluTanh : geluErf), {
    approximate: 'none',
  }),
];

/** 0.5 · x · (1 + erf(x / √2)) */
function geluErf(x: number): number {
  return round(0.5 * x) * round(1 + erf32(round(x * round(0.7071067811865476))));
}

/** 0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) */
function geluTanh(x: number): number {
  const cube = round(round(x * x) * x);
  const inner = round(round(0.7978845608028654) * round(x + round(round(0.044715) * cube)));
  return round(0.5 * x) * round(1 + tanh32(inner));
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
    return [mapElements(x, x.dtype, (v) => (v > hi ? hi : v < lo ? (lo > hi ? hi : lo) : v))];
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

type BinaryFunction = (a: number, b: number) => number;

interface BinaryParts {
  readonly name: string;
  readonly since: readonly number[];
  readonly float: BinaryFunction;
  /** Where integers differ from floats. */
  readonly integer?: BinaryFunction;
  readonly result?: DType;
  readonly dims?: (a: Dim, b: Dim) => Dim;
}

function binary({ name, since, float, integer, result, dims }: BinaryParts): OpDef {
  return defineOp({
    name,
    since,
    kernelClass: 'elementwise',
    infer(context) {
      const a = requiredType(context, 0, 'A');
      const b = requiredType(context, 1, 'B');
      if (a.dtype !== b.dtype && name !== 'Pow' && name !== 'PRelu') {
        misfit(context, `the operands are ${a.dtype} and ${b.dtype}`, 'Both must have one element type: insert a Cast');
      }
      return [{ dtype: result ?? a.dtype, shape: broadcastShapes(context, [a.shape, b.shape]) }];
    },
    evaluate(context) {
      const a = requiredTensor(context, 0, 'A');
      const b = requiredTensor(context, 1, 'B');
      const type = outputType(context);
      const f = isFloat(a.dtype) ? float : (integer ?? float);
      return [combine(a, b, type.dtype, type.shape, f)];
    },
    ...(dims === undefined
      ? {}
      : {
          contents: (context: InferContext) =>
            // Of floats only what does not round: quotients may.
            name === 'Div' && isFloat(requiredType(context, 0, 'A').dtype) ? null : combineDims(context, dims),
        }),
  });
}

function combine(a: Tensor, b: Tensor, dtype: DType, shape: readonly number[], f: BinaryFunction): Tensor {
  const x = numbersOf(a);
  const y = numbersOf(b);
  const out = allocate(dtype, elementCount(shape));
  if (x.length === out.length && y.length === out.length) {
    for (let i = 0; i < out.length; i++) out[i] = f(x[i] ?? 0, y[i] ?? 0);
    return tensorOf(dtype, shape, out);
  }
  const loop = broadcastRows(shape, [a.shape, b.shape]);
  const [stepA = 0, stepB = 0] = loop.step;
  for (let r = 0, at = 0; r < loop.rows && out.length > 0; r++) {
    let i = loop.base[0]?.[r] ?? 0;
    let j = loop.base[1]?.[r] ?? 0;
    for (let n = 0; n < loop.length; n++, at++, i += stepA, j += stepB) out[at] = f(x[i] ?? 0, y[j] ?? 0);
  }
  return tensorOf(dtype, shape, out);
}

/** Shape arithmetic on short integer vectors. */
function combineDims(context: InferContext, f: (a: Dim, b: Dim) => Dim): readonly Dim[] | null {
  const a = context.dims(0);
  const b = context.dims(1);
  if (a === null || b === null || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return null;
  return Array.from({ length: a.length === 1 ? b.length : a.length }, (_, i) =>
    f(a[a.length === 1 ? 0 : i] ?? 0, b[b.length === 1 ? 0 : i] ?? 0),
  );
}

const less: BinaryFunction = (a, b) => (a < b ? 1 : 0);
const greater: BinaryFunction = (a, b) => (a > b ? 1 : 0);
const propagateMax: BinaryFunction = (a, b) => (a > b || a !== a ? a : b);
const propagateMin: BinaryFunction = (a, b) => (a < b || a !== a ? a : b);

export const binaryOps: readonly OpDef[] = [
  binary({ name: 'Add', since: [1, 6, 7, 13, 14], float: (a, b) => a + b, dims: addDim }),
  binary({ name: 'Sub', since: [1, 6, 7, 13, 14], float: (a, b) => a - b, dims: subDim }),
  binary({
    name: 'Mul',
    since: [1, 6, 7, 13, 14],
    float: (a, b) => a * b,
    integer: (a, b) => (Math.abs(a) < 65536 && Math.abs(b) < 65536 ? a * b : wideProduct(a, b)),
    dims: mulDim,
  }),
  binary({
    name: 'Div',
    since: [1, 6, 7, 13, 14],
    float: (a, b) => a / b,
    integer: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
    dims: floorDivDim,
  }),
  binary({
    name: 'Mod',
    since: [10, 13],
    float: (a, b) => a % b,
    integer: (a, b) => (b === 0 ? 0 : a - b * Math.floor(a / b)),
  }),
  binary({ name: 'Pow', since: [1, 7, 12, 13, 15], float: pow32, integer: (a, b) => integerPower(a, b) }),
  binary({ name: 'PRelu', since: [1, 6, 7, 9, 16], float: (x, slope) => (x < 0 ? slope * x : x) }),
  binary({ name: 'Equal', since: [1, 7, 11, 13, 19], float: (a, b) => (a === b ? 1 : 0), result: 'bool' }),
  binary({ name: 'Less', since: [1, 7, 9, 13], float: less, result: 'bool' }),
  binary({ name: 'Greater', since: [1, 7, 9, 13], float: greater, result: 'bool' }),
  binary({ name: 'LessOrEqual', since: [12, 16], float: (a, b) => (a <= b ? 1 : 0), result: 'bool' }),
  binary({ name: 'GreaterOrEqual', since: [12, 16], float: (a, b) => (a >= b ? 1 : 0), result: 'bool' }),
  binary({ name: 'And', since: [1, 7], float: (a, b) => a & b, result: 'bool' }),
  binary({ name: 'Or', since: [1, 7], float: (a, b) => a | b, result: 'bool' }),
  binary({ name: 'Xor', since: [1, 7], float: (a, b) => a ^ b, result: 'bool' }),
];

/** Exact within 2^53; beyond that the low bits of 32-bit types, which is all they keep. */
function wideProduct(a: number, b: number): number {
  const p = a * b;
  return Number.isSafeInteger(p) ? p : Math.imul(a, b);
}

function integerPower(a: number, b: number): number {
  if (b !== Math.trunc(b)) return Math.trunc(pow32(a, b));
  if (b < 0) return Math.abs(a) === 1 ? (b % 2 === 0 ? 1 : a) : 0;
  let result = 1;
  for (let i = 0; i < b && Number.isSafeInteger(result); i++) result *= a;
  return result;
}

function variadic(name: string, since: readonly number[], f: BinaryFunction, mean: boolean, dims: ((a: Dim, b: Dim) => Dim) | null): OpDef {
  return defineOp({
    name,
    since,
    kernelClass: 'elementwise',
    infer(context) {
      const first = requiredType(context, 0, 'data_0');
      const shapes = context.inputs.map((_, i) => requiredType(context, i, `data_${i}`).shape);
      return [{ dtype: first.dtype, shape: broadcastShapes(context, shapes) }];
    },
    evaluate(context) {
      const type = outputType(context);
      const first = requiredTensor(context, 0, 'data_0');
      let result = combine(first, zeroLike(first), type.dtype, context.inputs.length === 1 ? type.shape : first.shape, (a) => a);
      for (let i = 1; i < context.inputs.length; i++) {
        const next = requiredTensor(context, i, `data_${i}`);
        const shape = broadcastShapes(context, [result.shape, next.shape]).map(Number);
        result = combine(result, next, type.dtype, shape, f);
      }
      const count = context.inputs.length;
      return [mean && count > 1 ? mapElements(result, type.dtype, (x) => x / count) : result];
    },
    ...(dims === null ? {} : { contents: (context: InferContext) => (context.inputs.length === 2 ? combineDims(context, dims) : null) }),
  });
}

function zeroLike(x: Tensor): Tensor {
  return tensorOf(x.dtype, [], [0]);
}

export const variadicOps: readonly OpDef[] = [
  variadic('Sum', [1, 6, 8, 13], (a, b) => a + b, false, null),
  variadic('Mean', [1, 6, 8, 13], (a, b) => a + b, true, null),
  variadic('Max', [1, 6, 8, 12, 13], propagateMax, false, maxDim),
  variadic('Min', [1, 6, 8, 12, 13], propagateMin, false, minDim),
];

export const where: OpDef = defineOp({
  name: 'Where',
  since: [9, 16],
  kernelClass: 'elementwise',
  infer(context) {
    const c = requiredType(context, 0, 'condition');
    const x = requiredType(context, 1, 'X');
    const y = requiredType(context, 2, 'Y');
    return [{ dtype: x.dtype, shape: broadcastShapes(context, [c.shape, x.shape, y.shape]) }];
  },
  evaluate(context) {
    const [c, x, y] = [requiredTensor(context, 0, 'condition'), requiredTensor(context, 1, 'X'), requiredTensor(context, 2, 'Y')];
    const type = outputType(context);
    const [condition, whenTrue, whenFalse]: Numbers[] = [numbersOf(c), numbersOf(x), numbersOf(y)];
    const out = allocate(type.dtype, elementCount(type.shape));
    const loop = broadcastRows(type.shape, [c.shape, x.shape, y.shape]);
    const [sc = 0, sx = 0, sy = 0] = loop.step;
    for (let r = 0, at = 0; r < loop.rows && out.length > 0; r++) {
      const [bc = 0, bx = 0, by = 0] = loop.base.map((b) => b[r] ?? 0);
      for (let n = 0; n < loop.length; n++, at++) {
        out[at] = condition?.[bc + n * sc] !== 0 ? (whenTrue?.[bx + n * sx] ?? 0) : (whenFalse?.[by + n * sy] ?? 0);
      }
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
  contents(context) {
    const c = context.dims(0);
    const x = context.dims(1);
    const y = context.dims(2);
    if (c === null || x === null || y === null) return null;
    const n = Math.max(c.length, x.length, y.length);
    const at = (list: readonly Dim[], i: number): Dim => list[list.length === 1 ? 0 : i] ?? 0;
    return Array.from({ length: n }, (_, i) => i).every((i) => typeof at(c, i) === 'number')
      ? Array.from({ length: n }, (_, i) => (at(c, i) !== 0 ? at(x, i) : at(y, i)))
      : null;
  },
});

export const elementwiseOps: readonly OpDef[] = [...unaryOps, clip, ...binaryOps, ...variadicOps, where];
