/**
 * Ours: softmax(x)·v in blocks of keys, for rows of scores too long to keep (Milakov & Gimelshein 2018, arXiv:1805.02867, "Online normalizer
 * calculation for softmax"; Rabe & Staats 2021, arXiv:2112.05682; Dao et al. 2022, arXiv:2205.14135). Block by block, in order, with m = −∞, l = 0, O = 0 before the first:
 *
 *     m' = max(m, max x, lowest)   α = e^(m − m')   e = e^(x − m')   l = l·α + Σ e   O = O·α + Σ e·v        and at the end  y = O / l
 *
 * Sums of a block start from 0. `lowest`, the least fp32 number, keeps blocks that hide all they have from making ∞ − ∞; a row that sees nothing at all
 * is 0 / 0. Softmax, then MatMul divides before the product: where rows fit, that is what is computed.
 */
import { elementCount, type Tensor } from '../../core/index.ts';
import { roundingOf } from './elements.ts';
import { functionsOf } from './functions.ts';
import { matMul, matMulPlan } from './matmul.ts';
import { floatsOf, tensorOf } from './numbers.ts';
import { defineOp, intAttribute, misfit, outputType, requiredTensor, type EvaluateContext, type OpDef } from './op-def.ts';
import { productFloat } from './product.ts';

/** The least of a maximum. */
export const lowestFloat = -3.4028234663852886e38;

const f32 = Math.fround;

export const softmaxMatMul: OpDef = defineOp({
  domain: 'systole',
  name: 'SoftmaxMatMul',
  since: [1],
  kernelClass: 'attention',
  attributes: { block: 0 },
  infer: (context) => matMul.infer(context),
  macs: (context) => matMul.macs(context),
  evaluate(context) {
    const x = requiredTensor(context, 0, 'scores');
    const v = requiredTensor(context, 1, 'values');
    const block = intAttribute(context, 'block', 0);
    if (roundingOf(x.dtype) !== Math.fround || block < 1)
      misfit(context, `blocks of ${block} keys of ${x.dtype} scores`, 'Blocks have at least one key');
    return [inBlocks(context, x, v, block)];
  },
});

function inBlocks(context: EvaluateContext, x: Tensor, v: Tensor, block: number): Tensor {
  const type = outputType(context);
  const plan = matMulPlan(x.shape, v.shape);
  const { m: rows, k: keys, n: width } = plan;
  const [scores, values] = [floatsOf(x), floatsOf(v)];
  const { exp } = functionsOf(context);
  const out = new Float32Array(elementCount(type.shape));
  for (let i = 0; i < plan.batches; i++) {
    const state = {
      most: new Float32Array(rows),
      sum: new Float32Array(rows),
      out: out.subarray(i * rows * width, (i + 1) * rows * width),
    };
    for (let at = 0; at < keys; at += block) {
      const size = Math.min(block, keys - at);
      // Weights are what the product reads: rounded to the scores' type, where the sum takes them as they are.
      const weights = new Float32Array(rows * size);
      const alpha = advance(scores, (plan.aOffsets[i] ?? 0) + at, { rows, keys, size, first: at === 0 }, state, weights, exp);
      const part = new Float32Array(rows * width);
      const shape = { m: rows, n: width, k: size, aOffset: 0, cOffset: 0, cStride: width };
      const from = (plan.bOffsets[i] ?? 0) + at * width;
      const held = floatsOf(tensorOf(x.dtype, [rows, size], weights));
      productFloat(held, values.subarray(from, from + size * width), part, shape);
      for (let p = 0; p < part.length; p++) {
        const before = state.out[p] ?? 0;
        state.out[p] = at === 0 ? (part[p] ?? 0) : f32(f32(before * (alpha[Math.floor(p / width)] ?? 0)) + (part[p] ?? 0));
      }
    }
    for (let p = 0; p < rows * width; p++) state.out[p] = f32((state.out[p] ?? 0) / (state.sum[Math.floor(p / width)] ?? 0));
  }
  return tensorOf(type.dtype, type.shape, out);
}

/** Maxima, sums and weights of a block. @returns what numbers of earlier blocks are to be multiplied by, row by row */
function advance(
  scores: Float32Array,
  from: number,
  { rows, keys, size, first }: { readonly rows: number; readonly keys: number; readonly size: number; readonly first: boolean },
  state: { readonly most: Float32Array; readonly sum: Float32Array },
  weights: Float32Array,
  exp: (x: number) => number,
): Float32Array {
  const alpha = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = from + row * keys;
    const before = state.most[row] ?? 0;
    let most = first ? lowestFloat : Math.max(before, lowestFloat);
    for (let j = 0; j < size; j++) most = Math.max(most, scores[start + j] ?? 0);
    const scale = first ? 0 : f32(exp(f32(before - most)));
    let sum = 0;
    for (let j = 0; j < size; j++) {
      const e = f32(exp(f32((scores[start + j] ?? 0) - most)));
      weights[row * size + j] = e;
      sum = f32(sum + e);
    }
    state.most[row] = most;
    state.sum[row] = first ? sum : f32(f32((state.sum[row] ?? 0) * scale) + sum);
    alpha[row] = scale;
  }
  return alpha;
}
