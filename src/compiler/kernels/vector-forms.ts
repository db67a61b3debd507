/**
 * Activations as a few opcodes of the vector engine, step for step as the reference evaluators compute and round them, so that
 * program and interpreter agree to the bit.
 */
import { attributeFloat, attributeString, type Node } from '../../graph/index.ts';
import type { VectorOpcode } from '../../isa/index.ts';

/** What a form writes steps with; registers are numbers. */
export interface StepSink {
  step(op: VectorOpcode, a?: number, b?: number, c?: number): number;
  immediate(x: number): number;
}

type Form = (w: StepSink, x: number, node: Node) => number;

/** ln(1 + e^x) = max(x, 0) + ln(1 + e^−|x|) */
const softplus: Form = (w, x) => {
  const small = w.step('exp', w.step('neg', w.step('abs', x)));
  const rest = w.step('log', w.step('add', w.immediate(1), small));
  return w.step('add', w.step('max', x, w.immediate(0)), rest);
};

const gelu: Form = (w, x, node) => {
  const half = w.step('mul', w.immediate(0.5), x);
  if (attributeString(node, 'approximate', 'none') !== 'tanh') {
    const erf = w.step('erf', w.step('mul', x, w.immediate(Math.fround(Math.SQRT1_2))));
    return w.step('mul', half, w.step('add', w.immediate(1), erf));
  }
  const cube = w.step('mul', w.step('mul', x, x), x);
  const sum = w.step('add', x, w.step('mul', w.immediate(Math.fround(0.044715)), cube));
  const tanh = w.step('tanh', w.step('mul', w.immediate(Math.fround(0.7978845608028654)), sum));
  return w.step('mul', half, w.step('add', w.immediate(1), tanh));
};

const swish: Form = (w, x, node) => {
  const alpha = Math.fround(attributeFloat(node, 'alpha', 1));
  return w.step('mul', x, w.step('sigmoid', alpha === 1 ? x : w.step('mul', w.immediate(alpha), x)));
};

const mish: Form = (w, x, node) => w.step('mul', x, w.step('tanh', softplus(w, x, node)));

const softsign: Form = (w, x) => w.step('div', x, w.step('add', w.immediate(1), w.step('abs', x)));

/** x, or α (e^x − 1) below 0. */
const elu: Form = (w, x, node) => {
  const alpha = w.immediate(Math.fround(attributeFloat(node, 'alpha', 1)));
  const below = w.step('mul', alpha, w.step('sub', w.step('exp', x), w.immediate(1)));
  return w.step('select', w.step('less', x, w.immediate(0)), below, x);
};

/** −⌊−x⌋ */
const ceil: Form = (w, x) => w.step('neg', w.step('floor', w.step('neg', x)));

/** 1, −1, or x itself: zeros keep their sign, NaN stays. */
const sign: Form = (w, x) => {
  const zero = w.immediate(0);
  const below = w.step('select', w.step('less', x, zero), w.immediate(-1), x);
  return w.step('select', w.step('less', zero, x), w.immediate(1), below);
};

/** γ x above 0, γ α (e^x − 1) below. */
const selu: Form = (w, x, node) => {
  const alpha = w.immediate(Math.fround(attributeFloat(node, 'alpha', 1.6732632423543772)));
  const gamma = w.immediate(Math.fround(attributeFloat(node, 'gamma', 1.0507009873554805)));
  const below = w.step('mul', alpha, w.step('sub', w.step('exp', x), w.immediate(1)));
  return w.step('mul', gamma, w.step('select', w.step('less', w.immediate(0), x), x, below));
};

/** x, or α (e^(x / α) − 1) below 0. */
const celu: Form = (w, x, node) => {
  const alpha = w.immediate(Math.fround(attributeFloat(node, 'alpha', 1)));
  const below = w.step('mul', alpha, w.step('sub', w.step('exp', w.step('div', x, alpha)), w.immediate(1)));
  return w.step('select', w.step('less', x, w.immediate(0)), below, x);
};

/** 0, or NaN where x is. */
const zeroOrNaN: Form = (w, x) => w.step('select', w.step('equal', x, x), w.immediate(0), x);

const thresholdedRelu: Form = (w, x, node) => {
  const alpha = w.immediate(Math.fround(attributeFloat(node, 'alpha', 1)));
  return w.step('select', w.step('less', alpha, x), x, zeroOrNaN(w, x, node));
};

const shrink: Form = (w, x, node) => {
  const bias = w.immediate(Math.fround(attributeFloat(node, 'bias', 0)));
  const lambda = Math.fround(attributeFloat(node, 'lambd', 0.5));
  const above = w.step('select', w.step('less', w.immediate(lambda), x), w.step('sub', x, bias), zeroOrNaN(w, x, node));
  return w.step('select', w.step('less', x, w.immediate(-lambda)), w.step('add', x, bias), above);
};

export const vectorForms: Readonly<Record<string, Form>> = {
  Ceil: ceil,
  Sign: sign,
  Selu: selu,
  Celu: celu,
  ThresholdedRelu: thresholdedRelu,
  Shrink: shrink,
  Softplus: softplus,
  Gelu: gelu,
  Swish: swish,
  Mish: mish,
  Softsign: softsign,
  Elu: elu,
};

/** Powers that are products, quotients and roots; null for other exponents, which no opcode computes. */
export function powerForm(exponent: number | null): ((w: StepSink, x: number) => number) | null {
  switch (exponent) {
    case 2:
      return (w, x) => w.step('mul', x, x);
    case 1:
      return (w, x) => w.step('mul', x, w.immediate(1));
    case 0.5:
      // A power of −0 is 0, and one of −∞ is ∞: roots are not.
      return (w, x) => {
        const root = w.step('sqrt', w.step('add', x, w.immediate(0)));
        return w.step('select', w.step('equal', x, w.immediate(-Infinity)), w.immediate(Infinity), root);
      };
    case -1:
      return (w, x) => w.step('div', w.immediate(1), x);
    default:
      return null;
  }
}
