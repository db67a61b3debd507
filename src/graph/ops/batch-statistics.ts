/** BatchNormalization and Dropout as they are while training: statistics of the batch, and elements dropped at random. */
import { elementCount, twister, type Tensor } from '../../core/index.ts';
import type { Node } from '../ir.ts';
import { roundingOf } from './elements.ts';
import { allocate, numbersOf, tensorOf, type Numbers } from './numbers.ts';
import { floatAttribute, outputType, requiredTensor, type EvaluateContext } from './op-def.ts';
import { nodeRandom } from './random-values.ts';

/**
 * Y = (X - mean) · (scale / √(var + ε)) + B by the batch's own mean and (population) variance of each channel, then the running
 * statistics: running · momentum + batch · (1 - momentum).
 */
export function trainingBatchNormalization(context: EvaluateContext): readonly Tensor[] {
  const x = requiredTensor(context, 0, 'X');
  const [scale, shift, mean, variance] = ['scale', 'B', 'input_mean', 'input_var'].map((what, i) => requiredTensor(context, i + 1, what));
  if (scale === undefined || shift === undefined || mean === undefined || variance === undefined) return [];
  const round = roundingOf(x.dtype);
  const momentum = floatAttribute(context, 'momentum', 0.9);
  const epsilon = floatAttribute(context, 'epsilon', 1e-5);
  const batch = batchStatistics(x, round);
  const [factor, offset] = [numbersOf(scale), numbersOf(shift)];
  const source = numbersOf(x);
  const channels = x.shape[1] ?? 1;
  const inner = elementCount(x.shape.slice(2));
  const out = allocate(x.dtype, source.length);
  for (let i = 0; i < out.length; i++) {
    const c = Math.floor(i / inner) % channels;
    const gain = round((factor[c] ?? 1) / round(Math.sqrt(round((batch.variance[c] ?? 0) + epsilon))));
    out[i] = round(round((source[i] ?? 0) - (batch.mean[c] ?? 0)) * gain) + (offset[c] ?? 0);
  }
  const running = (old: Tensor, now: Numbers): Tensor => {
    const before = numbersOf(old);
    const next = Array.from(before, (v, c) => round(round(v * momentum) + round((now[c] ?? 0) * round(1 - momentum))));
    return tensorOf(old.dtype, old.shape, next);
  };
  const statistics = [running(mean, batch.mean), running(variance, batch.variance)];
  return [tensorOf(x.dtype, x.shape, out), ...statistics, ...statistics].slice(0, context.outputs.length);
}

function batchStatistics(x: Tensor, round: (v: number) => number): { readonly mean: Float64Array; readonly variance: Float64Array } {
  const source = numbersOf(x);
  const channels = x.shape[1] ?? 1;
  const inner = elementCount(x.shape.slice(2));
  const batches = x.shape[0] ?? 1;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  const overChannel = (c: number, visit: (v: number) => void): void => {
    for (let n = 0; n < batches; n++) {
      const start = (n * channels + c) * inner;
      for (let i = start; i < start + inner; i++) visit(source[i] ?? 0);
    }
  };
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    overChannel(c, (v) => (sum = round(sum + v)));
    const center = round(sum / (batches * inner));
    let squares = 0;
    overChannel(c, (v) => {
      const d = round(v - center);
      squares = round(squares + round(d * d));
    });
    mean[c] = center;
    variance[c] = round(squares / (batches * inner));
  }
  return { mean, variance };
}

/**
 * What a Dropout draws, one number from 0 to 1 an element: it drops where that is below its ratio. The same on every run: with a `seed` those of the generator
 * that ONNX's tests are made with, else of ours.
 */
export function dropoutNumbers(node: Node, count: number): Float32Array {
  const { seed } = node.attributes;
  const random = nodeRandom(node);
  const next = seed?.kind === 'int' ? twister(seed.value) : (): number => random.next();
  return Float32Array.from({ length: count }, next);
}

/** Elements are kept with probability 1 - ratio and scaled by its reciprocal; the mask says which. */
export function trainingDropout(context: EvaluateContext, ratio: number): readonly Tensor[] {
  const x = requiredTensor(context, 0, 'data');
  const source = numbersOf(x);
  const kept = Uint8Array.from(dropoutNumbers(context.node, source.length), (u) => (u < ratio ? 0 : 1));
  const round = roundingOf(x.dtype);
  const gain = round(1 / round(1 - ratio));
  const out = allocate(x.dtype, source.length);
  for (let i = 0; i < out.length; i++) out[i] = kept[i] === 1 ? (source[i] ?? 0) * gain : 0;
  const y = tensorOf(x.dtype, x.shape, out);
  if (context.outputs.length === 1) return [y];
  const mask = outputType(context, 1);
  return [y, tensorOf(mask.dtype, mask.shape, kept)];
}
