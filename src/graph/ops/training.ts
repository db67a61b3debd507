/** ai.onnx.preview.training: one step of an optimizer. What a step computes stands with each, G' = normCoefficient · X + G. */
import { pow32, type Tensor } from '../../core/index.ts';
import { notEvaluated } from './ml-attributes.ts';
import { numbersOf, tensorOf, type Numbers } from './numbers.ts';
import type { TensorType } from '../ir.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  misfit,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type AttributeDefault,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';

const domain = 'ai.onnx.preview.training';
const round = Math.fround;

/** New X, then the new states, of one element. */
type Step = (x: number, g: number, states: readonly number[]) => readonly number[];

/**
 * Inputs: the rate R, the count T, then X of every tensor, G of every tensor, and so on for each state; outputs the new X, then the
 * new states, in the same order.
 */
function optimizer(
  name: string,
  states: number,
  attributes: Readonly<Record<string, AttributeDefault>>,
  make: (context: OpContext, rate: number, count: number) => Step,
): OpDef {
  const groupsOf = (context: OpContext & { readonly inputs: readonly unknown[] }): number => {
    const given = context.inputs.length - 2;
    if (given < 0 || given % (2 + states) !== 0) misfit(context, `${given} tensors do not make groups of ${2 + states}`);
    return given / (2 + states);
  };
  return defineOp({
    domain,
    name,
    since: [1],
    kernelClass: 'host',
    attributes,
    infer(context) {
      const n = groupsOf(context);
      for (let i = 0; i < n; i++) checkAlike(context, n, i);
      const state = (k: number): readonly TensorType[] =>
        Array.from({ length: n }, (_, i) => requiredType(context, 2 + k * n + i, k === 0 ? 'X' : 'a state'));
      return [0, ...Array.from({ length: states }, (_, k) => k + 2)].flatMap(state);
    },
    evaluate(context) {
      const n = groupsOf(context);
      const rate = numbersOf(requiredTensor(context, 0, 'R'))[0] ?? 0;
      const count = numbersOf(requiredTensor(context, 1, 'T'))[0] ?? 0;
      const step = make(context, rate, count);
      const norm = floatAttribute(context, 'norm_coefficient', 0);
      const results = Array.from({ length: 1 + states }, (): Tensor[] => []);
      for (let i = 0; i < n; i++) updateTensor(context, { n, i, states, norm, step }, results);
      return results.flat();
    },
  });
}

/** Gradient and states of a tensor are of its type. */
function checkAlike(context: InferContext, n: number, i: number): void {
  const x = requiredType(context, 2 + i, 'X');
  for (let at = 2 + i + n; at < context.inputs.length; at += n) {
    const other = requiredType(context, at, 'a state');
    const differs = other.shape.some((d, axis) => typeof d === 'number' && typeof x.shape[axis] === 'number' && d !== x.shape[axis]);
    if (other.dtype === x.dtype && other.shape.length === x.shape.length && !differs) continue;
    misfit(context, `input ${at} is ${other.dtype} ${printShape(other.shape)}, the tensor it belongs to ${x.dtype} ${printShape(x.shape)}`);
  }
}

interface Update {
  /** Tensors, and which of them. */
  readonly n: number;
  readonly i: number;
  readonly states: number;
  readonly norm: number;
  readonly step: Step;
}

function updateTensor(context: EvaluateContext, { n, i, states, norm, step }: Update, results: readonly Tensor[][]): void {
  const x = requiredTensor(context, 2 + i, 'X');
  const at = (k: number): Numbers => numbersOf(requiredTensor(context, 2 + k * n + i, k === 1 ? 'G' : 'a state'));
  const [xs, gs] = [numbersOf(x), at(1)];
  const held = Array.from({ length: states }, (_, k) => at(2 + k));
  const made = results.map(() => new Float64Array(xs.length));
  for (let e = 0; e < xs.length; e++) {
    const raw = gs[e] ?? 0;
    const value = xs[e] ?? 0;
    const after = step(
      value,
      round(round(norm * value) + raw),
      held.map((h) => h[e] ?? 0),
    );
    after.forEach((v, k) => {
      const target = made[k];
      if (target !== undefined) target[e] = v;
    });
  }
  made.forEach((numbers, k) => results[k]?.push(tensorOf(x.dtype, x.shape, Array.from(numbers))));
}

/** H = H + G'²; X = X - R / (1 + T · decay) · G' / (√H + ε) */
const adagrad = optimizer('Adagrad', 1, { decay_factor: 0, epsilon: 1e-6, norm_coefficient: 0 }, (context, rate, count) => {
  const r = round(rate / round(1 + round(count * floatAttribute(context, 'decay_factor', 0))));
  const epsilon = floatAttribute(context, 'epsilon', 1e-6);
  return (x, g, [h = 0]) => {
    const next = round(h + round(g * g));
    return [round(x - round(round(r * g) / round(round(Math.sqrt(next)) + epsilon))), next];
  };
});

/** V = αV + (1-α)G'; H = βH + (1-β)G'²; X = (X - R' · V / (√H + ε)) · (1 - normPost), R' = R · √(1-β^T) / (1-α^T) from T = 1 on. */
const adam = optimizer(
  'Adam',
  2,
  { alpha: 0.9, beta: 0.999, epsilon: 1e-6, norm_coefficient: 0, norm_coefficient_post: 0 },
  (context, rate, count) => {
    const alpha = floatAttribute(context, 'alpha', 0.9);
    const beta = floatAttribute(context, 'beta', 0.999);
    const epsilon = floatAttribute(context, 'epsilon', 1e-6);
    const post = round(1 - floatAttribute(context, 'norm_coefficient_post', 0));
    const r = count > 0 ? round(round(rate * round(Math.sqrt(round(1 - pow32(beta, count))))) / round(1 - pow32(alpha, count))) : rate;
    return (x, g, [v = 0, h = 0]) => {
      const nextV = round(round(alpha * v) + round(round(1 - alpha) * g));
      const nextH = round(round(beta * h) + round(round(1 - beta) * round(g * g)));
      const next = round(x - round(round(r * nextV) / round(round(Math.sqrt(nextH)) + epsilon)));
      return [round(post * next), nextV, nextH];
    };
  },
);

/** V = αV + β'G', β' = β from T = 1 on, 1 before; X = X - R·V, or in mode nesterov X - R·(G' + αV). */
const momentum = optimizer(
  'Momentum',
  1,
  { alpha: 'required', beta: 'required', mode: 'required', norm_coefficient: 'required' },
  (context, rate, count) => {
    const alpha = floatAttribute(context, 'alpha', 0);
    const beta = count > 0 ? floatAttribute(context, 'beta', 1) : 1;
    const mode = stringAttribute(context, 'mode', 'standard');
    if (mode !== 'standard' && mode !== 'nesterov') badAttribute(context, 'mode', `"${mode}"`, 'standard, nesterov');
    return (x, g, [v = 0]) => {
      const next = round(round(alpha * v) + round(beta * g));
      const direction = mode === 'nesterov' ? round(g + round(alpha * next)) : next;
      return [round(x - round(rate * direction)), next];
    };
  },
);

/** Derivatives of y by the values named in `xs`, which are its first inputs: types only. */
const gradient: OpDef = defineOp({
  domain,
  name: 'Gradient',
  since: [1],
  kernelClass: 'host',
  attributes: { xs: 'required', y: 'required', zs: 'computed' },
  infer: (context) => context.node.outputs.map((_, i) => requiredType(context, i, 'Inputs')),
  evaluate: (context) => notEvaluated(context, 'it stands for the derivatives of the graph around it'),
});

export const trainingOps: readonly OpDef[] = [adagrad, adam, momentum, gradient];
