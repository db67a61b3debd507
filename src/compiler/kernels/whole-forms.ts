/**
 * Comparisons, selections, logic, and arithmetic of plain integers as opcodes of the vector engine: bit for bit what the reference evaluators
 * give. Booleans are 0 and 1; integers of every width lie exactly in registers and wrap to their width behind each step.
 */
import type { DType } from '../../core/index.ts';
import { attributeInt, attributeString, type Graph, type Node, type Value } from '../../graph/index.ts';
import { isPlainFloat, isStoredFloat } from './values.ts';
import type { StepSink } from './vector-forms.ts';

/** Registers of a node's operands. */
export interface OperandRegisters {
  readonly count: number;
  /** The integer as it stands; only of operands that are plain integers. */
  whole(index: number): number;
  /** The fp32 number an operand stands for; not of plain integers. */
  real(index: number): number;
}

/** The register of the result: an integer or boolean (`whole`), or an fp32 number. */
export interface FormResult {
  readonly register: number;
  readonly whole: boolean;
}

export type WholeForm = (w: StepSink, operands: OperandRegisters) => FormResult;

/** Integers that registers hold exactly, and booleans. */
export const wholeTypes: ReadonlySet<DType> = new Set<DType>(['int8', 'uint8', 'int16', 'uint16', 'int32', 'bool']);

export function isPlainWhole(v: Value): boolean {
  return v.quantization === null && wholeTypes.has(v.type.dtype);
}

/** Float, or integers that stand for fp32 numbers by one scale. */
export function isReal(v: Value): boolean {
  return v.quantization === null ? isPlainFloat(v) : v.quantization.axis === null;
}

/** How this node is written; null where none of these forms is it. */
export function wholeForm(graph: Graph, node: Node): WholeForm | null {
  if (node.domain !== '' || node.outputs.length !== 1 || !known.has(node.op)) return null;
  const values = node.inputs.map((id) => (id === null ? null : (graph.values[id] ?? null)));
  const given = values.filter((v) => v !== null);
  const out = graph.values[node.outputs[0] as number];
  if (out === undefined || given.length === 0 || given.length !== values.length) return null;
  const allWhole = given.every(isPlainWhole);
  const allReal = given.every(isReal);
  const { dtype } = out.type;
  if (node.op === 'Where') return where(given, out);
  if (node.op === 'Cast') {
    const [from] = given;
    if (from !== undefined && (isLabel(from) || isLabel(out))) return labelCast(from, out);
    return isPlainWhole(out) && (allWhole || allReal || (from !== undefined && isStoredFloat(from))) ? cast(given, dtype) : null;
  }
  const compare = comparisons[node.op];
  if (compare !== undefined) return given.length === 2 && dtype === 'bool' && (allWhole || allReal) ? compared(compare, allWhole) : null;
  if (node.op === 'IsNaN' && allReal) return (w, o) => bool(not(w, w.step('equal', o.real(0), o.real(0))));
  if (node.op === 'IsInf' && allReal) return isInfinite(node);
  if (node.op === 'Pow') return power(given, out);
  if (!allWhole || !isPlainWhole(out)) return null;
  const fold = folds[node.op];
  if (fold !== undefined) {
    return (w, o) => {
      let r = o.whole(0);
      for (let i = 1; i < o.count; i++) r = fold(w, r, o.whole(i), node);
      return { register: wrap(w, r, dtype, closed.has(node.op)), whole: true };
    };
  }
  const single = singles[node.op];
  if (single === undefined) return null;
  return (w, o) => ({ register: wrap(w, single(w, o.whole(0), dtype), dtype, closed.has(node.op)), whole: true });
}

const bool = (register: number): FormResult => ({ register, whole: true });

function not(w: StepSink, x: number): number {
  return w.step('equal', x, w.immediate(0));
}

type Compare = (w: StepSink, a: number, b: number) => number;

const less: Compare = (w, a, b) => w.step('less', a, b);
const equal: Compare = (w, a, b) => w.step('equal', a, b);
/** Neither holds where an operand is NaN. */
const lessOrEqual: Compare = (w, a, b) => w.step('max', less(w, a, b), equal(w, a, b));

const comparisons: Readonly<Record<string, Compare>> = {
  Equal: equal,
  Less: less,
  Greater: (w, a, b) => less(w, b, a),
  LessOrEqual: lessOrEqual,
  GreaterOrEqual: (w, a, b) => lessOrEqual(w, b, a),
};

function compared(compare: Compare, whole: boolean): WholeForm {
  return (w, o) => bool(whole ? compare(w, o.whole(0), o.whole(1)) : compare(w, o.real(0), o.real(1)));
}

function where(given: readonly Value[], out: Value): WholeForm | null {
  const [condition, x, y] = given;
  if (condition === undefined || x === undefined || y === undefined || !isPlainWhole(condition)) return null;
  const whole = isPlainWhole(x) && isPlainWhole(y) && isPlainWhole(out);
  if (!whole && !(isReal(x) && isReal(y) && isReal(out))) return null;
  return (w, o) => {
    const [a, b] = whole ? [o.whole(1), o.whole(2)] : [o.real(1), o.real(2)];
    return { register: w.step('select', o.whole(0), a, b), whole };
  };
}

function isInfinite(node: Node): WholeForm {
  const positive = attributeInt(node, 'detect_positive', 1) !== 0;
  const negative = attributeInt(node, 'detect_negative', 1) !== 0;
  return (w, o) => {
    const x = o.real(0);
    if (!positive && !negative) return bool(w.immediate(0));
    const size = positive && negative ? w.step('abs', x) : x;
    return bool(w.step('equal', size, w.immediate(positive ? Infinity : -Infinity)));
  };
}

/** int64 as labels and indices are: numbers of 32 bits, which registers hold. Nothing but a Cast looks at it. */
export function isLabel(v: Value): boolean {
  return v.quantization === null && v.type.dtype === 'int64';
}

/** int32 and shorter as a label; of a label the low bits, as ONNX casts integers. */
function labelCast(from: Value, out: Value): WholeForm | null {
  const { dtype } = out.type;
  const holds = (v: Value): boolean => isPlainWhole(v) && v.type.dtype !== 'bool';
  if (!(isLabel(out) ? isPlainWhole(from) : holds(out))) return null;
  return (w, o) => ({ register: isLabel(out) ? o.whole(0) : wrap(w, o.whole(0), dtype, false), whole: true });
}

function cast([from]: readonly Value[], dtype: DType): WholeForm {
  const whole = from !== undefined && isPlainWhole(from);
  const fits = whole && (dtype === 'int32' || dtype === from.type.dtype || (from.type.dtype === 'bool' && dtype !== 'bool'));
  return (w, o) => {
    const x = whole ? o.whole(0) : o.real(0);
    // Of a number with a fraction, bits are those of its whole part.
    const bits = whole || dtype === 'bool' ? x : w.step('bitOr', x, w.immediate(0));
    return { register: wrap(w, bits, dtype, fits), whole: true };
  };
}

/** An integer to any power, cut towards zero; its low bits where it is too large. */
function power([base, exponent]: readonly Value[], out: Value): WholeForm | null {
  if (base === undefined || exponent === undefined || !isPlainWhole(base) || !isPlainWhole(out)) return null;
  const whole = isPlainWhole(exponent);
  if (!whole && !isReal(exponent)) return null;
  return (w, o) => {
    const result = w.step('powInt', o.whole(0), whole ? o.whole(1) : o.real(1));
    return { register: wrap(w, result, out.type.dtype, false), whole: true };
  };
}

/** The low bits of an int32, read as `dtype`; anything but 0 is true. `fits`: it is one already. */
function wrap(w: StepSink, x: number, dtype: DType, fits: boolean): number {
  if (fits) return x;
  const signed = (bits: number): number => {
    const sign = w.immediate(2 ** (bits - 1));
    const low = w.step('bitAnd', x, w.immediate(2 ** bits - 1));
    return w.step('addInt', w.step('bitXor', low, sign), w.immediate(-(2 ** (bits - 1))));
  };
  switch (dtype) {
    case 'int8':
      return signed(8);
    case 'int16':
      return signed(16);
    case 'uint8':
      return w.step('bitAnd', x, w.immediate(255));
    case 'uint16':
      return w.step('bitAnd', x, w.immediate(65535));
    case 'bool':
      return not(w, not(w, x));
    default:
      return x;
  }
}

/** Operators whose results have the width of their operands. */
const closed: ReadonlySet<string> = new Set([
  'And',
  'Or',
  'Xor',
  'Not',
  'Max',
  'Min',
  'BitwiseAnd',
  'BitwiseOr',
  'BitwiseXor',
  'Mod',
  'Clip',
  'Sign',
  'Relu',
]);

function negated(w: StepSink, x: number): number {
  return w.step('mulInt', x, w.immediate(-1));
}

type Fold = (w: StepSink, a: number, b: number, node: Node) => number;

const folds: Readonly<Record<string, Fold>> = {
  Add: (w, a, b) => w.step('addInt', a, b),
  Sub: (w, a, b) => w.step('addInt', a, negated(w, b)),
  Mul: (w, a, b) => w.step('mulInt', a, b),
  Div: (w, a, b) => w.step('divInt', a, b),
  Mod: modulo,
  Max: (w, a, b) => w.step('select', less(w, a, b), b, a),
  Min: (w, a, b) => w.step('select', less(w, a, b), a, b),
  And: (w, a, b) => w.step('bitAnd', a, b),
  Or: (w, a, b) => w.step('bitOr', a, b),
  Xor: (w, a, b) => w.step('bitXor', a, b),
  // Powers of two are fp32 numbers up to 2¹²⁷, and infinite beyond: nothing is left of what is shifted so far.
  BitShift: (w, a, b, node) =>
    w.step(attributeString(node, 'direction', 'LEFT') === 'RIGHT' ? 'divInt' : 'mulInt', a, w.step('pow', w.immediate(2), b)),
  BitwiseAnd: (w, a, b) => w.step('bitAnd', a, b),
  BitwiseOr: (w, a, b) => w.step('bitOr', a, b),
  BitwiseXor: (w, a, b) => w.step('bitXor', a, b),
};

/** Floored, the sign of the divisor; with fmod cut, the sign of the dividend. 0 where the divisor is. */
function modulo(w: StepSink, a: number, b: number, node: Node): number {
  const zero = w.immediate(0);
  const cut = w.step('remainder', a, b);
  const rest = attributeInt(node, 'fmod', 0) !== 0 ? cut : floored(w, cut, b);
  return w.step('select', w.step('equal', b, zero), zero, rest);
}

function floored(w: StepSink, rest: number, b: number): number {
  const zero = w.immediate(0);
  const differ = w.step('bitXor', less(w, rest, zero), less(w, b, zero));
  const corrected = w.step('addInt', rest, b);
  return w.step('select', w.step('bitAnd', differ, not(w, not(w, rest))), corrected, rest);
}

const singles: Readonly<Record<string, (w: StepSink, x: number, dtype: DType) => number>> = {
  Not: (w, x) => not(w, x),
  Neg: (w, x) => negated(w, x),
  Abs: (w, x) => w.step('select', less(w, x, w.immediate(0)), negated(w, x), x),
  Sign: (w, x) => w.step('addInt', less(w, w.immediate(0), x), negated(w, less(w, x, w.immediate(0)))),
  Relu: (w, x) => w.step('select', less(w, x, w.immediate(0)), w.immediate(0), x),
  BitwiseNot: (w, x) => w.step('bitXor', x, w.immediate(-1)),
};

const known: ReadonlySet<string> = new Set([
  'Where',
  'Cast',
  'IsNaN',
  'IsInf',
  'Pow',
  ...Object.keys(comparisons),
  ...Object.keys(folds),
  ...Object.keys(singles),
]);
