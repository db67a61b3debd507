/**
 * Operators whose outputs are drawn at random. Ours draw from a generator seeded by the node (its `seed`, or its name), so that every
 * run gives the same numbers: legal by ONNX, which leaves the generator open.
 */
import { cos64, elementCount, exp64, hashName, log64, seededRandom, type Random } from '../../core/index.ts';
import { castTensor, dtypeAttribute } from './cast.ts';
import { floatsOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  intAttribute,
  intsAttribute,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import type { Node, TensorType } from '../ir.ts';

/** Seeded by the attribute, where the node has one. */
export function nodeRandom({ attributes, name }: Node): Random {
  const seed = attributes['seed'];
  return seededRandom(hashName(seed?.kind === 'float' || seed?.kind === 'int' ? `seed ${seed.value}` : name));
}

/** Box and Muller: √(-2 ln u) · cos 2πv. */
function normal(random: Random): number {
  return Math.sqrt(-2 * log64(1 - random.next())) * cos64(2 * 3.141592653589793 * random.next());
}

function drawn(context: EvaluateContext, draw: (random: Random) => number): ReturnType<OpDef['evaluate']> {
  const type = outputType(context);
  const random = nodeRandom(context.node);
  const out = new Float64Array(elementCount(type.shape));
  for (let i = 0; i < out.length; i++) out[i] = draw(random);
  return [tensorOf(type.dtype, type.shape, out)];
}

const distributions = {
  Normal: {
    attributes: { mean: 0, scale: 1 },
    draw: (context: OpContext) => {
      const mean = floatAttribute(context, 'mean', 0);
      const scale = floatAttribute(context, 'scale', 1);
      return (random: Random) => mean + scale * normal(random);
    },
  },
  Uniform: {
    attributes: { low: 0, high: 1 },
    draw: (context: OpContext) => {
      const low = floatAttribute(context, 'low', 0);
      const high = floatAttribute(context, 'high', 1);
      return (random: Random) => low + (high - low) * random.next();
    },
  },
} as const;

function randomOp(name: 'Normal' | 'Uniform', like: boolean): OpDef {
  const { attributes, draw } = distributions[name];
  return defineOp({
    name: `Random${name}${like ? 'Like' : ''}`,
    since: [1, 22],
    kernelClass: 'host',
    attributes: like
      ? { ...attributes, dtype: 'computed', seed: 'computed' }
      : { ...attributes, dtype: 'float32', seed: 'computed', shape: 'required' },
    infer(context) {
      if (like) {
        const x = requiredType(context, 0, 'input');
        return [{ dtype: dtypeAttribute(context, 'dtype') ?? x.dtype, shape: x.shape }];
      }
      const shape = intsAttribute(context, 'shape') ?? badAttribute(context, 'shape', 'missing', 'the shape of the output');
      return [{ dtype: dtypeAttribute(context, 'dtype') ?? 'float32', shape }];
    },
    evaluate: (context) => drawn(context, draw(context)),
  });
}

/** What Bernoulli compares with its probabilities: the greatest float32 not above each number drawn, which lies below the same float32 numbers. */
export function bernoulliNumbers(node: Node, count: number): Float32Array {
  const random = nodeRandom(node);
  const out = new Float32Array(count);
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < count; i++) {
    const drawn = random.next();
    out[i] = drawn;
    if ((out[i] ?? 0) > drawn) bits[i] = (bits[i] ?? 0) - 1;
  }
  return out;
}

export const bernoulli: OpDef = defineOp({
  name: 'Bernoulli',
  since: [15, 22],
  kernelClass: 'host',
  attributes: { dtype: 'computed', seed: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    return [{ dtype: dtypeAttribute(context, 'dtype') ?? x.dtype, shape: x.shape }];
  },
  /** 1 with the probability the input gives. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const random = nodeRandom(context.node);
    const drawnOnes = Uint8Array.from(floatsOf(x), (p) => (random.next() < p ? 1 : 0));
    return [castTensor({ dtype: 'uint8', shape: x.shape, data: drawnOnes }, outputType(context).dtype)];
  },
});

export const multinomial: OpDef = defineOp({
  name: 'Multinomial',
  since: [7, 22],
  kernelClass: 'host',
  attributes: { dtype: 'int32', sample_size: 1, seed: 'computed' },
  infer(context: InferContext): readonly TensorType[] {
    const x = requiredType(context, 0, 'input');
    if (x.shape.length !== 2) misfit(context, `the input ${printShape(x.shape)} is not [batch, classes]`);
    const dtype = dtypeAttribute(context, 'dtype') ?? 'int32';
    return [{ dtype, shape: [x.shape[0] ?? 1, intAttribute(context, 'sample_size', 1)] }];
  },
  /** Classes drawn by e^x / Σ e^x, x the unnormalized log probabilities of a row. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const type = outputType(context);
    const [batch = 0, classes = 0] = x.shape;
    const count = type.shape[1] ?? 1;
    const source = floatsOf(x);
    const random = nodeRandom(context.node);
    const out = new Float64Array(batch * count);
    for (let n = 0; n < batch; n++) {
      const row = source.subarray(n * classes, (n + 1) * classes);
      const top = row.reduce((m, v) => (v > m ? v : m), -Infinity);
      const weights = Array.from(row, (v) => exp64(v - top));
      const total = weights.reduce((a, b) => a + b, 0);
      for (let s = 0; s < count; s++) {
        let rest = random.next() * total;
        let chosen = 0;
        while (chosen < classes - 1 && rest >= (weights[chosen] ?? 0)) rest -= weights[chosen++] ?? 0;
        out[n * count + s] = chosen;
      }
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

export const randomOps: readonly OpDef[] = [
  randomOp('Normal', false),
  randomOp('Normal', true),
  randomOp('Uniform', false),
  randomOp('Uniform', true),
  bernoulli,
  multinomial,
];
