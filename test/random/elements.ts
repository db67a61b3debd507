/** Steps: elementwise operators with broadcasting, comparisons, casts and reductions, on floats and integers. */
import { isEngineFloat, type DType } from '../../src/core/index.ts';
import { Skip, type Made, type Maker } from './maker.ts';
import { floatOfRank, type Step } from './contractions.ts';

function anyValue(m: Maker, fits: (v: Made) => boolean): Made {
  const found = m.value(fits);
  if (found === null) throw new Skip('no such value');
  return found;
}

const numeric = (v: Made): boolean => v.dtype !== 'bool' && v.dtype !== 'int64';

const unaryOps = [
  'Relu', 'Sigmoid', 'Tanh', 'Abs', 'Neg', 'Exp', 'Sqrt', 'Floor', 'Ceil', 'Round', 'Sign', 'Elu', 'HardSigmoid', 'HardSwish', 'Softplus',
  'Softsign', 'Gelu', 'Mish', 'Selu', 'Celu', 'ThresholdedRelu', 'Erf', 'Log', 'Reciprocal', 'Sin', 'Cos', 'Atan', 'LeakyRelu', 'Identity',
  'Relu', 'Sigmoid', 'Tanh', 'Swish',
] as const; // prettier-ignore

function unary(m: Maker): void {
  const x = floatOfRank(m, 0, 5);
  const op = m.pick([...unaryOps] as [string, ...string[]]);
  m.op(op, [x], op === 'LeakyRelu' ? { alpha: { float: 0.125 } } : {});
}

function integerUnary(m: Maker): void {
  const x = anyValue(m, (v) => v.dtype.startsWith('int') && v.dtype !== 'int64');
  m.op(m.pick(['Abs', 'Neg', 'Sign', 'Relu', 'Identity', 'BitwiseNot']), [x]);
}

function clip(m: Maker): void {
  const x = anyValue(m, numeric);
  const [lo, hi] = isEngineFloat(x.dtype) ? [-0.75, 1.5] : [x.dtype.startsWith('u') ? 3 : -20, 90];
  const bounds = [m.chance(0.8) ? m.numbers(x.dtype, [], [lo]) : null, m.chance(0.8) ? m.numbers(x.dtype, [], [hi]) : null];
  m.op('Clip', [x, ...bounds]);
}

/** An operand that broadcasts with `x`: a value, a constant or an input, some axes 1, sometimes of lower or higher rank. */
export function partner(m: Maker, x: Made): Made {
  const fits = (a: number, b: number): boolean => a === b || a === 1 || b === 1;
  const match = (v: Made): boolean =>
    v.dtype === x.dtype && v.shape.every((d, i) => fits(d, x.shape[i + x.shape.length - v.shape.length] ?? 1));
  const found = m.chance(0.4) ? m.value(match) : null;
  if (found !== null) return found;
  let shape = x.shape.map((d) => (m.chance(0.3) ? 1 : d));
  if (m.chance(0.3)) shape = shape.slice(m.int(0, shape.length));
  else if (m.chance(0.1) && shape.length < 5) shape.unshift(m.int(1, 2));
  return m.chance(0.4) ? m.input(shape, x.dtype) : m.constant(shape, x.dtype);
}

function both(m: Maker, x: Made): readonly [Made, Made] {
  const y = partner(m, x);
  return m.chance(0.8) ? [x, y] : [y, x];
}

function binary(m: Maker): void {
  const x = anyValue(m, numeric);
  const float = isEngineFloat(x.dtype);
  const ops = float ? ['Add', 'Add', 'Sub', 'Mul', 'Mul', 'Div', 'Max', 'Min', 'PRelu', 'Pow'] : ['Add', 'Sub', 'Mul', 'Max', 'Min'];
  const op = m.pick(ops as [string, ...string[]]);
  if (op === 'PRelu') {
    m.op(op, [
      x,
      m.constant(
        x.shape.map((d) => (m.chance(0.5) ? 1 : d)),
        x.dtype,
        0.5,
      ),
    ]);
  } else if (op === 'Pow') m.op(op, [x, m.numbers(x.dtype, [], [m.pick([2, 3, 0.5])])]);
  else m.op(op, both(m, x));
}

function integerBinary(m: Maker): void {
  const x = anyValue(m, (v) => ['int32', 'int16', 'int8', 'uint8'].includes(v.dtype));
  const op = m.pick(['Add', 'Mul', 'Sub', 'Div', 'Mod', 'BitwiseAnd', 'BitwiseOr', 'BitwiseXor']);
  m.op(op, both(m, x));
}

function several(m: Maker): void {
  const x = floatOfRank(m, 0, 4);
  m.op(m.pick(['Sum', 'Mean', 'Max', 'Min']), [x, partner(m, x), partner(m, x)].slice(0, m.int(1, 3)));
}

function compare(m: Maker): void {
  const x = anyValue(m, numeric);
  m.op(m.pick(['Less', 'Greater', 'LessOrEqual', 'GreaterOrEqual', 'Equal']), both(m, x));
}

function logical(m: Maker): void {
  const x = anyValue(m, (v) => v.dtype === 'bool');
  if (m.chance(0.2)) m.op('Not', [x]);
  else m.op(m.pick(['And', 'Or', 'Xor']), both(m, x));
}

function where(m: Maker): void {
  const condition = anyValue(m, (v) => v.dtype === 'bool');
  const x = { ...condition, dtype: m.value(numeric)?.dtype ?? m.float };
  m.op('Where', [condition, partner(m, x), partner(m, x)]);
}

function cast(m: Maker): void {
  const x = anyValue(m, (v) => v.dtype !== 'int64');
  const codes: readonly (readonly [DType, number])[] = [['float32', 1], ['uint8', 2], ['int8', 3], ['int16', 5], ['int32', 6], ['bool', 9]]; // prettier-ignore
  const others = codes.filter(([dtype]) => dtype !== x.dtype && !(isEngineFloat(x.dtype) && dtype.includes('int')));
  const [, to] = m.pick(others as [readonly [DType, number], ...(readonly [DType, number])[]]);
  m.op('Cast', [x], { to });
}

function backToFloat(m: Maker): void {
  const x = anyValue(m, (v) => !isEngineFloat(v.dtype) && v.dtype !== 'int64');
  m.op('Cast', [x], { to: m.float === 'float16' ? 10 : m.float === 'bfloat16' ? 16 : 1 });
}

function reduce(m: Maker): void {
  const x = anyValue(m, (v) => (v.dtype === m.float || v.dtype === 'int32') && v.shape.length <= 5);
  const axes = x.shape.map((_, i) => i).filter(() => m.chance(0.5));
  const float = isEngineFloat(x.dtype);
  const ops = ['ReduceSum', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceSumSquare'];
  const op = m.pick([...ops, ...(float ? ['ReduceMean', 'ReduceMean', 'ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp'] : [])] as [
    string,
  ]);
  if (x.shape.some((d, i) => d === 0 && (axes.length === 0 || axes.includes(i))) && /Max|Min|Mean/.test(op))
    throw new Skip('nothing to fold');
  const signed = axes.map((a) => (m.chance(0.3) ? a - x.shape.length : a));
  m.op(op, [x, ...(axes.length > 0 ? [m.ints(signed)] : [])], {
    keepdims: m.int(0, 1),
    ...(m.chance(0.15) ? { noop_with_empty_axes: 1 } : {}),
  });
}

function hosted(m: Maker): void {
  const x = floatOfRank(m, 1, 4);
  const axis = m.int(0, x.shape.length - 1);
  if (x.shape.includes(0)) throw new Skip('nothing there');
  if (m.chance(0.5)) m.op('CumSum', [x, m.numbers('int64', [], [axis])]);
  else m.op('ArgMax', [x], { axis, keepdims: m.int(0, 1) });
}

export const elementSteps: readonly (readonly [weight: number, step: Step])[] = [
  [9, unary],
  [1, integerUnary],
  [3, clip],
  [10, binary],
  [2, integerBinary],
  [1.5, several],
  [2, compare],
  [2, logical],
  [3, where],
  [2, cast],
  [2, backToFloat],
  [6, reduce],
  [0.7, hosted],
];
