/** One result per element: activations, arithmetic, comparisons. Operands broadcast. */
import { elementCount, isFloat, isNarrowFloat, pow64, powInt32, type DType, type Tensor } from '../../core/index.ts';
import { broadcastRows, broadcastShapes } from './broadcast.ts';
import { elementContents, elementRules } from './element-rules.ts';
import {
  areWide,
  combine,
  combineWide,
  compareStored,
  mapElements,
  type Arithmetic,
  type BigFunction,
  type BinaryFunction,
} from './elements.ts';
import { numbersOf, reshaped, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  intAttribute,
  misfit,
  outputType,
  requiredTensor,
  requiredType,
  stringAttribute,
  type AttributeDefault,
  type EvaluateContext,
  type OpDef,
} from './op-def.ts';
import { lanesLike, moveLanes, storedOf, tensorOfStored } from './storage.ts';
import { unaryOps } from './unary.ts';

interface BinaryParts {
  readonly name: string;
  readonly since: readonly number[];
  readonly float: BinaryFunction;
  /** Where integers differ from floats. */
  readonly integer?: BinaryFunction;
  /** On 64-bit integers, exact; comparisons have `holds` instead. */
  readonly wide?: BigFunction;
  /** Comparisons: what the sign of a - b must be. Serves 64-bit integers and strings. */
  readonly holds?: (sign: number) => boolean;
  /** Where fp32 has a loop of its own. */
  readonly arithmetic?: Arithmetic;
  /** Where the functions depend on the node. */
  readonly choose?: (context: EvaluateContext) => { readonly number: BinaryFunction; readonly wide: BigFunction };
  readonly attributes?: Readonly<Record<string, AttributeDefault>>;
  readonly result?: DType;
}

function binary(parts: BinaryParts): OpDef {
  const { name, since, float, integer, result } = parts;
  return defineOp({
    name,
    since,
    attributes: parts.attributes ?? {},
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
      if (parts.holds !== undefined && (areWide(a, b) || a.dtype === 'string')) return [compareStored(a, b, type.shape, parts.holds)];
      const chosen = parts.choose?.(context);
      const wide = chosen?.wide ?? parts.wide;
      if (wide !== undefined && areWide(a, b)) return [combineWide(a, b, type.shape, wide)];
      const f = chosen?.number ?? (isFloat(a.dtype) ? float : (integer ?? float));
      return [combine(a, b, type, f, parts.arithmetic ?? null)];
    },
    ...(elementRules[name] === undefined ? {} : { contents: elementContents }),
  });
}

const less: BinaryFunction = (a, b) => (a < b ? 1 : 0);
const greater: BinaryFunction = (a, b) => (a > b ? 1 : 0);

export const binaryOps: readonly OpDef[] = [
  binary({ name: 'Add', since: [1, 6, 7, 13, 14], float: (a, b) => a + b, wide: (a, b) => a + b, arithmetic: 'add' }),
  binary({ name: 'Sub', since: [1, 6, 7, 13, 14], float: (a, b) => a - b, wide: (a, b) => a - b, arithmetic: 'sub' }),
  binary({
    name: 'Mul',
    since: [1, 6, 7, 13, 14],
    float: (a, b) => a * b,
    integer: (a, b) => (Math.abs(a) < 65536 && Math.abs(b) < 65536 ? a * b : wideProduct(a, b)),
    wide: (a, b) => a * b,
    arithmetic: 'mul',
  }),
  binary({
    name: 'Div',
    since: [1, 6, 7, 13, 14],
    float: (a, b) => a / b,
    integer: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
    wide: (a, b) => (b === 0n ? 0n : a / b),
    arithmetic: 'div',
  }),
  binary({
    name: 'Mod',
    since: [10, 13],
    float: (a, b) => a % b,
    attributes: { fmod: 0 },
    choose: modulo,
  }),
  binary({ name: 'Pow', since: [1, 7, 12, 13, 15], float: pow64, integer: powInt32, wide: widePower }),
  binary({ name: 'PRelu', since: [1, 6, 7, 9, 16], float: (x, slope) => (x < 0 ? slope * x : x) }),
  binary({ name: 'Equal', since: [1, 7, 11, 13, 19], float: (a, b) => (a === b ? 1 : 0), holds: (sign) => sign === 0, result: 'bool' }),
  binary({ name: 'Less', since: [1, 7, 9, 13], float: less, holds: (sign) => sign < 0, result: 'bool' }),
  binary({ name: 'Greater', since: [1, 7, 9, 13], float: greater, holds: (sign) => sign > 0, result: 'bool' }),
  binary({ name: 'LessOrEqual', since: [12, 16], float: (a, b) => (a <= b ? 1 : 0), holds: (sign) => sign <= 0, result: 'bool' }),
  binary({ name: 'GreaterOrEqual', since: [12, 16], float: (a, b) => (a >= b ? 1 : 0), holds: (sign) => sign >= 0, result: 'bool' }),
  binary({ name: 'And', since: [1, 7], float: (a, b) => a & b, result: 'bool' }),
  binary({ name: 'Or', since: [1, 7], float: (a, b) => a | b, result: 'bool' }),
  binary({ name: 'Xor', since: [1, 7], float: (a, b) => a ^ b, result: 'bool' }),
  binary({ name: 'BitwiseAnd', since: [18], float: (a, b) => a & b, wide: (a, b) => a & b }),
  binary({ name: 'BitwiseOr', since: [18], float: (a, b) => a | b, wide: (a, b) => a | b }),
  binary({ name: 'BitwiseXor', since: [18], float: (a, b) => a ^ b, wide: (a, b) => a ^ b }),
  binary({ name: 'BitShift', since: [11], float: (a) => a, attributes: { direction: 'required' }, choose: shift }),
];

/** Floored, the sign of the divisor; with fmod truncated, the sign of the dividend. */
function modulo(context: EvaluateContext): { readonly number: BinaryFunction; readonly wide: BigFunction } {
  const float = isFloat(requiredTensor(context, 0, 'A').dtype);
  if (float || intAttribute(context, 'fmod', 0) !== 0) {
    return { number: (a, b) => (b === 0 && !float ? 0 : a % b), wide: (a, b) => (b === 0n ? 0n : a % b) };
  }
  return {
    number: (a, b) => (b === 0 ? 0 : a - b * Math.floor(a / b)),
    wide: (a, b) => (b === 0n ? 0n : ((a % b) + b) % b),
  };
}

/** Of unsigned integers; what leaves the type is lost. */
function shift(context: EvaluateContext): { readonly number: BinaryFunction; readonly wide: BigFunction } {
  const direction = stringAttribute(context, 'direction', '');
  switch (direction) {
    case 'LEFT':
      return { number: (a, b) => (b > 31 ? 0 : a * 2 ** b), wide: (a, b) => (b > 63n ? 0n : a << b) };
    case 'RIGHT':
      return { number: (a, b) => Math.floor(a / 2 ** b), wide: (a, b) => (b > 63n ? 0n : a >> b) };
    default:
      return badAttribute(context, 'direction', `"${direction}"`, 'LEFT, RIGHT');
  }
}

/** a^b modulo 2^64, by squaring. */
function widePower(a: bigint, b: bigint): bigint {
  if (b < 0n) return a === 1n ? 1n : a === -1n ? (b % 2n === 0n ? 1n : -1n) : 0n;
  let result = 1n;
  for (let base = a, rest = b; rest > 0n; rest >>= 1n, base = BigInt.asUintN(64, base * base)) {
    if (rest % 2n === 1n) result = BigInt.asUintN(64, result * base);
  }
  return result;
}

/** Exact within 2^53; beyond that the low bits of 32-bit types, which is all they keep. */
function wideProduct(a: number, b: number): number {
  const p = a * b;
  return Number.isSafeInteger(p) ? p : Math.imul(a, b);
}

function widened(x: Tensor): Tensor {
  return isNarrowFloat(x.dtype) ? tensorOf('float32', x.shape, numbersOf(x)) : x;
}

function variadic(name: string, since: readonly number[], f: BinaryFunction, wide: BigFunction | null): OpDef {
  return defineOp({
    name,
    since,
    kernelClass: 'elementwise',
    infer(context) {
      const first = requiredType(context, 0, 'data_0');
      const shapes = context.inputs.map((_, i) => requiredType(context, i, `data_${i}`).shape);
      const odd = context.inputs.find((t) => t?.dtype !== first.dtype);
      if (odd !== undefined)
        misfit(context, `the operands are ${first.dtype} and ${odd?.dtype}`, 'All must have one element type: insert a Cast');
      return [{ dtype: first.dtype, shape: broadcastShapes(context, shapes) }];
    },
    evaluate(context) {
      const out = outputType(context);
      // Floats of 16 bits and less are summed in fp32 and rounded once, as everywhere.
      const type = isNarrowFloat(out.dtype) ? { ...out, dtype: 'float32' as const } : out;
      const operand = (i: number): Tensor => widened(requiredTensor(context, i, `data_${i}`));
      let result = reshaped(operand(0), context.inputs[0]?.shape ?? []);
      for (let i = 1; i < context.inputs.length; i++) {
        const next = operand(i);
        const shape = broadcastShapes(context, [result.shape, next.shape]).map(Number);
        result =
          wide !== null && areWide(result, next)
            ? combineWide(result, next, shape, wide)
            : combine(result, next, { dtype: type.dtype, shape }, f, name === 'Max' || name === 'Min' ? null : 'add');
      }
      const count = context.inputs.length;
      const joined = name === 'Mean' && count > 1 ? mapElements(result, type.dtype, (x) => x / count) : result;
      return [type === out ? joined : tensorOf(out.dtype, joined.shape, numbersOf(joined))];
    },
    ...(elementRules[name] === undefined ? {} : { contents: elementContents }),
  });
}

export const variadicOps: readonly OpDef[] = [
  variadic('Sum', [1, 6, 8, 13], (a, b) => a + b, null),
  variadic('Mean', [1, 6, 8, 13], (a, b) => a + b, null),
  variadic('Max', [1, 6, 8, 12, 13], Math.max, (a, b) => (a > b ? a : b)),
  variadic('Min', [1, 6, 8, 12, 13], Math.min, (a, b) => (a < b ? a : b)),
];

export const where: OpDef = defineOp({
  name: 'Where',
  since: [9, 16],
  kernelClass: 'elementwise',
  infer(context) {
    const c = requiredType(context, 0, 'condition');
    const x = requiredType(context, 1, 'X');
    const y = requiredType(context, 2, 'Y');
    if (c.dtype !== 'bool') misfit(context, `the condition is ${c.dtype}, not bool`);
    if (x.dtype !== y.dtype) misfit(context, `X is ${x.dtype}, Y ${y.dtype}`, 'Both must have one element type: insert a Cast');
    return [{ dtype: x.dtype, shape: broadcastShapes(context, [c.shape, x.shape, y.shape]) }];
  },
  evaluate(context) {
    const [c, x, y] = [requiredTensor(context, 0, 'condition'), requiredTensor(context, 1, 'X'), requiredTensor(context, 2, 'Y')];
    const type = outputType(context);
    const condition = numbersOf(c);
    const [whenTrue, whenFalse] = [storedOf(x), storedOf(y)];
    // Elements are moved, not computed with, so that every type goes through.
    const count = elementCount(type.shape);
    const [fromX, fromY] = [new Int32Array(count), new Int32Array(count)];
    const [toX, toY] = [new Int32Array(count), new Int32Array(count)];
    let [nx, ny] = [0, 0];
    const loop = broadcastRows(type.shape, [c.shape, x.shape, y.shape]);
    const [sc = 0, sx = 0, sy = 0] = loop.step;
    for (let r = 0, at = 0; r < loop.rows && count > 0; r++) {
      const [bc = 0, bx = 0, by = 0] = loop.base.map((b) => b[r] ?? 0);
      for (let n = 0; n < loop.length; n++, at++) {
        if (condition[bc + n * sc] !== 0) {
          toX[nx] = at;
          fromX[nx++] = bx + n * sx;
        } else {
          toY[ny] = at;
          fromY[ny++] = by + n * sy;
        }
      }
    }
    const out = lanesLike(whenTrue.lanes, count * whenTrue.width);
    moveLanes(out, toX.subarray(0, nx), whenTrue, fromX.subarray(0, nx), null);
    moveLanes(out, toY.subarray(0, ny), whenFalse, fromY.subarray(0, ny), null);
    return [tensorOfStored(type.dtype, type.shape, out)];
  },
  contents: elementContents,
});

export const elementwiseOps: readonly OpDef[] = [...unaryOps, ...binaryOps, ...variadicOps, where];
