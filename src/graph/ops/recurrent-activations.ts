/** Activation functions of the recurrent operators, by their ONNX names (not case sensitive). */
import { exp32, log32, sigmoid32, tanh32 } from '../../core/index.ts';
import { badAttribute, type OpContext } from './op-def.ts';

const round = Math.fround;

export type Activation = (x: number) => number;

interface ActivationKind {
  readonly name: string;
  /** Defaults of those parameters that the function takes. */
  readonly alpha?: number;
  readonly beta?: number;
  readonly make: (alpha: number, beta: number) => Activation;
}

/** As listed under RNN, GRU and LSTM in the ONNX operator reference. */
const kinds: readonly ActivationKind[] = [
  { name: 'Relu', make: () => (x) => (x < 0 ? 0 : x) },
  { name: 'Tanh', make: () => tanh32 },
  { name: 'Sigmoid', make: () => sigmoid32 },
  { name: 'Affine', alpha: 1, beta: 0, make: (alpha, beta) => (x) => round(round(alpha * x) + beta) },
  { name: 'LeakyRelu', alpha: 0.01, make: (alpha) => (x) => (x < 0 ? round(alpha * x) : x) },
  { name: 'ThresholdedRelu', alpha: 1, make: (alpha) => (x) => (x >= alpha ? x : 0) },
  { name: 'ScaledTanh', alpha: 1, beta: 1, make: (alpha, beta) => (x) => round(alpha * tanh32(round(beta * x))) },
  {
    name: 'HardSigmoid',
    alpha: 0.2,
    beta: 0.5,
    make: (alpha, beta) => (x) => Math.min(Math.max(round(round(alpha * x) + beta), 0), 1),
  },
  { name: 'Elu', alpha: 1, make: (alpha) => (x) => (x < 0 ? round(alpha * round(exp32(x) - 1)) : x) },
  { name: 'Softsign', make: () => (x) => round(x / round(1 + Math.abs(x))) },
  { name: 'Softplus', make: () => (x) => (x > 30 ? x : log32(round(exp32(x) + 1))) },
];

/**
 * The functions of every direction, in order: `defaults` for each direction where the node names none. Parameters are taken from
 * activation_alpha and activation_beta in order, each by the next function that has one; those left over get the default.
 */
export function readActivations(context: OpContext, directions: number, defaults: readonly string[]): readonly (readonly Activation[])[] {
  const { attributes } = context.node;
  const stated = attributes['activations'];
  const each = defaults.length;
  const given = stated?.kind === 'strings' ? stated.value.map((s) => s.trim()) : [];
  const names = given.length > 0 ? given : Array.from({ length: directions }, () => defaults).flat();
  if (names.length !== each * directions) {
    badAttribute(context, 'activations', `[${names.join(', ')}]`, `${each * directions} names, ${each} for each direction`);
  }
  const numbers = (name: string): readonly number[] => {
    const a = attributes[name];
    return a?.kind === 'floats' || a?.kind === 'ints' ? a.value : [];
  };
  const alphas = [...numbers('activation_alpha')];
  const betas = [...numbers('activation_beta')];
  const functions = names.map((name) => {
    const kind = kinds.find((k) => k.name.toLowerCase() === name.toLowerCase());
    if (kind === undefined) return badAttribute(context, 'activations', `"${name}"`, kinds.map((k) => k.name).join(', '));
    const alpha = kind.alpha === undefined ? 0 : (alphas.shift() ?? kind.alpha);
    const beta = kind.beta === undefined ? 0 : (betas.shift() ?? kind.beta);
    return kind.make(round(alpha), round(beta));
  });
  return Array.from({ length: directions }, (_, d) => functions.slice(d * each, (d + 1) * each));
}
