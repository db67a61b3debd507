/** Activation functions of recurrent operators as operators the vector engine runs. */
import type { Node, ValueId } from '../../graph/ir.ts';
import type { NotHere } from '../kernels/context.ts';
import type { Writer } from './writer.ts';

export type Activation = (w: Writer, x: ValueId) => ValueId;

/** What each does with its parameters, and their defaults (undefined: it takes none). */
const known: Readonly<
  Record<string, { readonly alpha?: number; readonly beta?: number; readonly make: (alpha: number, beta: number) => Activation }>
> = {
  relu: { make: () => (w, x) => w.op('Relu', [x]) },
  tanh: { make: () => (w, x) => w.op('Tanh', [x]) },
  sigmoid: { make: () => (w, x) => w.op('Sigmoid', [x]) },
  affine: { alpha: 1, beta: 0, make: (alpha, beta) => (w, x) => w.op('Add', [w.op('Mul', [x, w.float(alpha)]), w.float(beta)]) },
  leakyrelu: { alpha: 0.01, make: (alpha) => (w, x) => w.op('LeakyRelu', [x], { alpha: { float: alpha } }) },
  scaledtanh: {
    alpha: 1,
    beta: 1,
    make: (alpha, beta) => (w, x) => w.op('Mul', [w.op('Tanh', [w.op('Mul', [x, w.float(beta)])]), w.float(alpha)]),
  },
  hardsigmoid: {
    alpha: 0.2,
    beta: 0.5,
    make: (alpha, beta) => (w, x) => w.op('HardSigmoid', [x], { alpha: { float: alpha }, beta: { float: beta } }),
  },
  softsign: { make: () => (w, x) => w.op('Div', [x, w.op('Add', [w.op('Abs', [x]), w.float(1)])]) },
};

/** The functions of every direction; parameters are handed out in order, as ONNX says. The node's definition has checked the names. */
export function readActivations(node: Node, directions: number, defaults: readonly string[]): readonly (readonly Activation[])[] | NotHere {
  const stated = node.attributes['activations'];
  const given = stated?.kind === 'strings' ? stated.value.map((s) => s.trim()) : [];
  const names = given.length > 0 ? given : Array.from({ length: directions }, () => defaults).flat();
  const parameters = (name: string): number[] => {
    const a = node.attributes[name];
    return a?.kind === 'floats' || a?.kind === 'ints' ? [...a.value] : [];
  };
  const alphas = parameters('activation_alpha');
  const betas = parameters('activation_beta');
  const functions: Activation[] = [];
  for (const name of names) {
    const kind = known[name.toLowerCase()];
    if (kind === undefined) return { reason: `its activation ${name} has no form on the vector engine` };
    const alpha = kind.alpha === undefined ? 0 : (alphas.shift() ?? kind.alpha);
    const beta = kind.beta === undefined ? 0 : (betas.shift() ?? kind.beta);
    functions.push(kind.make(Math.fround(alpha), Math.fround(beta)));
  }
  const each = defaults.length;
  return Array.from({ length: directions }, (_, d) => functions.slice(d * each, (d + 1) * each));
}
