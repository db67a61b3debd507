/** Arithmetic and logic on elements of shape computations: integers that are known, symbolic, or not known (null). */
import { addDim, equalDim, floorDivDim, maxDim, minDim, mulDim, subDim, type Dim } from '../dim.ts';
import { compareDims } from '../dim-order.ts';
import { dimRange } from '../dim-range.ts';
import { isFloat } from '../../core/index.ts';
import { combinedContents, ofKnown } from './contents.ts';
import type { ContentsContext, Element } from './op-def.ts';

export type ElementRule = (...operands: readonly Element[]) => Element;

const bool = (holds: boolean | null): Element => (holds === null ? null : holds ? 1 : 0);

/** Truth of a bool element. */
const truth = (e: Element | undefined): boolean | null => (typeof e === 'number' ? e !== 0 : null);

/** Sizes are not negative, so truncation is floor; of numbers it is what ONNX says. */
function divide(a: Dim, b: Dim): Element {
  if (b === 0) return null;
  return typeof a === 'number' && typeof b === 'number' ? Math.trunc(a / b) + 0 : floorDivDim(a, b);
}

/** Of floats only what comes out even. */
function divideExactly(a: Dim, b: Dim): Element {
  const quotient = divide(a, b);
  return quotient !== null && equalDim(mulDim(quotient, b), a) ? quotient : null;
}

function multiply(a: Element | undefined, b: Element | undefined): Element {
  if (a === 0 || b === 0) return 0;
  return a === null || b === null || a === undefined || b === undefined ? null : mulDim(a, b);
}

function compare(holds: (sign: number) => boolean): ElementRule {
  const low = holds(-1);
  const equal = holds(0);
  const high = holds(1);
  return ofKnown((a, b) => {
    const difference = subDim(a ?? 0, b ?? 0);
    const sign = compareDims(difference, 0);
    if (sign !== null) return bool(holds(sign));
    const [least, most] = dimRange(difference);
    if (least >= 0 && equal === high) return bool(equal);
    return most <= 0 && equal === low ? bool(equal) : null;
  });
}

/** By operator name, for integers and bools. */
export const elementRules: Readonly<Record<string, ElementRule>> = {
  Add: ofKnown(addDim),
  Sub: ofKnown(subDim),
  Mul: multiply,
  Div: ofKnown(divide),
  Mod: ofKnown((a, b) => (b === 0 ? null : subDim(a, mulDim(b, floorDivDim(a, b))))),
  Max: ofKnown((...list) => list.reduce(maxDim)),
  Min: ofKnown((...list) => list.reduce(minDim)),
  Sum: ofKnown((...list) => list.reduce(addDim)),
  Neg: ofKnown((x) => subDim(0, x)),
  Abs: ofKnown((x) => (dimRange(x)[0] >= 0 ? x : dimRange(x)[1] <= 0 ? subDim(0, x) : null)),
  Sign: ofKnown((x) => compareDims(x, 0)),
  Relu: ofKnown((x) => maxDim(0, x)),
  // Integers stay as they are, and so do floats that are whole numbers.
  Floor: (x) => x ?? null,
  Ceil: (x) => x ?? null,
  Round: (x) => x ?? null,
  Equal: compare((sign) => sign === 0),
  Less: compare((sign) => sign < 0),
  LessOrEqual: compare((sign) => sign <= 0),
  Greater: compare((sign) => sign > 0),
  GreaterOrEqual: compare((sign) => sign >= 0),
  Not: (x) => bool(truth(x) === null ? null : truth(x) === false),
  And: (a, b) => (truth(a) === false || truth(b) === false ? 0 : bool(truth(a) === null || truth(b) === null ? null : true)),
  Or: (a, b) => (truth(a) === true || truth(b) === true ? 1 : bool(truth(a) === null || truth(b) === null ? null : false)),
  Xor: (a, b) => bool(truth(a) === null || truth(b) === null ? null : truth(a) !== truth(b)),
  Where(condition, x, y) {
    const holds = truth(condition);
    if (holds !== null) return (holds ? x : y) ?? null;
    return x !== null && x !== undefined && y !== null && y !== undefined && equalDim(x, y) ? x : null;
  },
};

/** What differs for floats: sums and products of whole numbers are exact, quotients and remainders need not be. */
const floatElementRules: Readonly<Record<string, ElementRule | undefined>> = {
  ...elementRules,
  Div: ofKnown(divideExactly),
  Mod: undefined,
};

/** Contents by the rule of the node's operator. */
export function elementContents(context: ContentsContext): readonly Element[] | null {
  const rules = isFloat(context.inputs[0]?.dtype ?? 'int64') ? floatElementRules : elementRules;
  const rule = rules[context.node.op];
  return rule === undefined ? null : combinedContents(context, rule);
}

/** Conversion to bool asks whether a number is 0; all other types keep whole numbers. */
export function convertElement(toBool: boolean): ElementRule {
  return ofKnown((x) => {
    if (!toBool) return x;
    const sign = compareDims(x, 0);
    return sign === null ? null : Math.abs(sign);
  });
}
