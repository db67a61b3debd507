/** Which nodes are a few opcodes per element, and those opcodes: on fp32 numbers here, on integers in `whole-forms.ts`. */
import { attributeFloat, type Graph, type Node, type Value, type ValueId } from '../../graph/index.ts';
import type { VectorOpcode } from '../../isa/index.ts';
import { canConvert, integerOpcode, isConversion } from './conversions.ts';
import { constantScalar, isPlainFloat } from './values.ts';
import { powerForm, vectorForms, type StepSink } from './vector-forms.ts';
import { isPlainWhole, isReal, wholeForm } from './whole-forms.ts';

const binary: Readonly<Record<string, VectorOpcode>> = {
  Add: 'add',
  Sub: 'sub',
  Mul: 'mul',
  Div: 'div',
  Mod: 'remainder',
};
/** Of any number of operands, joined one after the other. */
const variadic: Readonly<Record<string, VectorOpcode>> = { Max: 'max', Min: 'min', Sum: 'add', Mean: 'add' };
const unary: Readonly<Record<string, VectorOpcode>> = {
  Neg: 'neg',
  Abs: 'abs',
  Sqrt: 'sqrt',
  Exp: 'exp',
  Tanh: 'tanh',
  Erf: 'erf',
  Log: 'log',
  Sigmoid: 'sigmoid',
  Floor: 'floor',
  Round: 'round',
  Sin: 'sin',
  Cos: 'cos',
  Tan: 'tan',
  Asin: 'asin',
  Acos: 'acos',
  Atan: 'atan',
  Sinh: 'sinh',
  Cosh: 'cosh',
  Asinh: 'asinh',
  Acosh: 'acosh',
  Atanh: 'atanh',
};

/** Operators written as a few opcodes: see `compute`. */
const composed: ReadonlySet<string> = new Set(['Relu', 'LeakyRelu', 'PRelu', 'HardSigmoid', 'HardSwish', 'Reciprocal', 'SwiGLU']);

/** Whether the vector engine's opcodes express this node. */
export function isElementwise(graph: Graph, node: Node): boolean {
  if (node.domain === 'systole')
    return node.op === 'ScaleShift' || (node.op === 'SpanStep' && isReal(valueOf(graph, node.outputs[0] as number)));
  if (node.domain !== '' || node.outputs.length !== 1) return false;
  if (isConversion(node)) return canConvert(graph, node) || wholeForm(graph, node) !== null;
  if (integerOpcode(graph, node) !== null || wholeForm(graph, node) !== null) return true;
  if (node.op === 'Clip') return isClip(graph, node);
  if (node.op === 'Pow') return isPower(graph, node);
  const out = valueOf(graph, node.outputs[0] as number);
  if (!isPlainFloat(out) && out.quantization === null) return false;
  for (const id of node.inputs) {
    if (id === null) continue;
    const v = valueOf(graph, id);
    if (!isPlainFloat(v) && v.quantization === null && v.constant === null) return false;
  }
  if (Object.hasOwn(binary, node.op)) return node.inputs.length === 2;
  return [variadic, unary, vectorForms].some((forms) => Object.hasOwn(forms, node.op)) || composed.has(node.op);
}

/** Bounds known or not, of numbers or of plain integers. */
function isClip(graph: Graph, node: Node): boolean {
  const values = [...node.inputs, ...node.outputs].flatMap((id) => (id === null ? [] : [valueOf(graph, id)]));
  if (values.every(isPlainWhole)) return true;
  const [x, ...rest] = values;
  return x !== undefined && isReal(x) && (rest.every(isReal) || clipBounds(graph, node) !== null);
}

/** A known exponent that opcodes make, or any that registers hold. */
function isPower(graph: Graph, node: Node): boolean {
  const [base, exponent, out] = [...node.inputs, ...node.outputs].map((id) => valueOf(graph, id as number));
  if (base === undefined || exponent === undefined || out === undefined || !isReal(base) || !isReal(out)) return false;
  const known = exponentOf(graph, node);
  return known !== null ? Math.fround(known) === known : isReal(exponent) || isPlainWhole(exponent);
}

function exponentOf(graph: Graph, node: Node): number | null {
  const id = node.inputs[1];
  return id === null || id === undefined ? null : constantScalar(valueOf(graph, id));
}

/** Constant bounds of a Clip as fp32, or null when they are computed at run time. */
export function clipBounds(graph: Graph, node: Node): readonly [number, number] | null {
  const bound = (index: number, attribute: string, otherwise: number): number | null => {
    const id = node.inputs[index];
    if (id === undefined || id === null) return Math.fround(attributeFloat(node, attribute, otherwise));
    return constantScalar(valueOf(graph, id));
  };
  const lo = bound(1, 'min', -Infinity);
  const hi = bound(2, 'max', Infinity);
  return lo === null || hi === null ? null : [lo, hi];
}

/** The steps of a node on fp32 numbers. @param real  the register of an operand */
export function compute(graph: Graph, node: Node, w: StepSink, real: (id: ValueId) => number): number {
  const a = real(node.inputs[0] as number);
  const b = binary[node.op];
  if (b !== undefined) return w.step(b, a, real(node.inputs[1] as number));
  const u = unary[node.op];
  if (u !== undefined) return w.step(u, a);
  const joined = variadic[node.op];
  if (joined !== undefined) {
    const all = node.inputs.slice(1).reduce<number>((sum, id) => w.step(joined, sum, real(id as number)), a);
    return node.op === 'Mean' && node.inputs.length > 1 ? w.step('div', all, w.immediate(node.inputs.length)) : all;
  }
  switch (node.op) {
    case 'Relu':
      return w.step('max', a, w.immediate(0));
    case 'LeakyRelu':
    case 'PRelu': {
      const slope = node.op === 'PRelu' ? real(node.inputs[1] as number) : w.immediate(Math.fround(attributeFloat(node, 'alpha', 0.01)));
      return w.step('select', w.step('less', a, w.immediate(0)), w.step('mul', slope, a), a);
    }
    case 'HardSigmoid':
      return hardSigmoid(w, a, attributeFloat(node, 'alpha', 0.2), attributeFloat(node, 'beta', 0.5));
    case 'HardSwish':
      return w.step('mul', a, hardSigmoid(w, a, 1 / 6, 0.5));
    case 'Reciprocal':
      return w.step('div', w.immediate(1), a);
    case 'Clip': {
      const bounds = clipBounds(graph, node);
      if (bounds === null) {
        const [, min = null, max = null] = node.inputs;
        const from = min === null ? a : w.step('max', a, real(min));
        return max === null ? from : w.step('min', from, real(max));
      }
      const [lo, hi] = bounds;
      const low = lo === -Infinity ? a : w.step('max', a, w.immediate(lo));
      return hi === Infinity ? low : w.step('min', low, w.immediate(hi));
    }
    case 'SwiGLU': {
      const alpha = Math.fround(attributeFloat(node, 'alpha', 1));
      const gate = w.step('sigmoid', alpha === 1 ? a : w.step('mul', w.immediate(alpha), a));
      return w.step('mul', w.step('mul', a, gate), real(node.inputs[1] as number));
    }
    case 'SpanStep':
      return w.step('select', w.step('equal', a, w.immediate(0)), w.immediate(1), w.step('div', a, w.immediate(255)));
    case 'ScaleShift':
      return w.step('add', w.step('mul', a, real(node.inputs[1] as number)), real(node.inputs[2] as number));
    case 'Pow': {
      const exponent = exponentOf(graph, node);
      const power = powerForm(exponent);
      if (power !== null) return power(w, a);
      return w.step('pow', a, exponent === null ? real(node.inputs[1] as number) : w.immediate(exponent));
    }
    default:
  }
  const form = vectorForms[node.op];
  if (form === undefined) throw new Error(`no vector form of ${node.op}`);
  return form(w, a, node);
}

/** The greater of x and the lower bound, the smaller of that and the upper one. */
export function clipWhole(w: StepSink, node: Node, whole: (id: ValueId) => number): number {
  const [x = null, min = null, max = null] = node.inputs;
  let r = whole(x as number);
  if (min !== null) r = w.step('select', w.step('less', r, whole(min)), whole(min), r);
  if (max !== null) r = w.step('select', w.step('less', whole(max), r), whole(max), r);
  return r;
}

/** clamp(alpha·x + beta, 0, 1) */
function hardSigmoid(w: StepSink, x: number, alpha: number, beta: number): number {
  const line = w.step('add', w.step('mul', x, w.immediate(Math.fround(alpha))), w.immediate(Math.fround(beta)));
  return w.step('min', w.step('max', line, w.immediate(0)), w.immediate(1));
}

function valueOf(graph: Graph, id: ValueId): Value {
  const v = graph.values[id];
  if (v === undefined) throw new Error(`no value ${id}`);
  return v;
}
