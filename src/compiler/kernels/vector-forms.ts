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

/** max(x, 0) + α (e^min(x, 0) − 1): one of the two terms is zero, so the sum is exact. */
const elu: Form = (w, x, node) => {
  const alpha = w.immediate(Math.fround(attributeFloat(node, 'alpha', 1)));
  const zero = w.immediate(0);
  const below = w.step('mul', alpha, w.step('sub', w.step('exp', w.step('min', x, zero)), w.immediate(1)));
  return w.step('add', w.step('max', x, zero), below);
};

export const vectorForms: Readonly<Record<string, Form>> = {
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
      return (w, x) => w.step('sqrt', x);
    case -1:
      return (w, x) => w.step('div', w.immediate(1), x);
    default:
      return null;
  }
}
