/** Rotary position embedding, of ai.onnx and com.microsoft (and inside attention operators). */
import type { Tensor } from '../../core/index.ts';
import { floorDivDim, type Dim } from '../dim.ts';
import { swapMiddle } from './attention-core.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  hasInput,
  intAttribute,
  misfit,
  printShape,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type InferContext,
  type OpDef,
} from './op-def.ts';

const round = Math.fround;

export interface RotarySizes {
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly size: number;
  /** Features that turn, the first ones of a head; even. */
  readonly turned: number;
  /** Pairs are neighbours; otherwise the first half pairs with the second. */
  readonly interleaved: boolean;
}

/**
 * x [batch, heads, length, size] -> the same, each pair (a, b) turned by its angle: (a·cos - b·sin, a·sin + b·cos).
 * @param row  which row of the caches [positions, turned / 2] belongs to a token
 */
export function rotate(
  x: Float32Array,
  cos: Float32Array,
  sin: Float32Array,
  sizes: RotarySizes,
  row: (batch: number, token: number) => number,
): Float32Array {
  const { batch, heads, length, size, turned, interleaved } = sizes;
  const out = Float32Array.from(x);
  const half = turned / 2;
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < length; t++) {
      const at = row(b, t) * half;
      for (let h = 0; h < heads; h++) {
        const from = ((b * heads + h) * length + t) * size;
        for (let p = 0; p < half; p++) {
          const i = from + (interleaved ? 2 * p : p);
          const j = from + (interleaved ? 2 * p + 1 : half + p);
          const [a, c] = [x[i] ?? 0, x[j] ?? 0];
          const [cosine, sine] = [cos[at + p] ?? 0, sin[at + p] ?? 0];
          out[i] = round(cosine * a) - round(sine * c);
          out[j] = round(sine * a) + round(cosine * c);
        }
      }
    }
  }
  return out;
}

function inferRotary(
  context: InferContext,
  caches: readonly [number, number],
): readonly [{ dtype: Tensor['dtype']; shape: readonly Dim[] }] {
  const x = requiredType(context, 0, 'X');
  if (x.shape.length !== 3 && x.shape.length !== 4) misfit(context, `the input ${printShape(x.shape)} is not of rank 3 or 4`);
  const turned = intAttribute(context, 'rotary_embedding_dim', 0);
  if (turned % 2 !== 0 || turned < 0) badAttribute(context, 'rotary_embedding_dim', String(turned), 'an even number');
  const heads = intAttribute(context, 'num_heads', 0);
  const width = x.shape[2] ?? 1;
  if (x.shape.length === 3 && heads > 0 && typeof width === 'number' && width % heads !== 0) {
    misfit(context, `${width} features do not divide into ${heads} heads`, 'num_heads must divide them');
  }
  const [cos, sin] = [requiredType(context, caches[0], 'cos_cache').shape, requiredType(context, caches[1], 'sin_cache').shape];
  const differ = cos.some((d, i) => typeof d === 'number' && typeof sin[i] === 'number' && d !== sin[i]);
  if ((cos.length !== 2 && cos.length !== 3) || cos.length !== sin.length || differ || cos.at(-1) === 0) {
    misfit(context, `the cosines ${printShape(cos)} and sines ${printShape(sin)} are not of one shape and of rank 2 or 3`);
  }
  return [x];
}

/**
 * @param caches     which inputs hold cosines and sines: [positions, turned / 2], or [batch, length, turned / 2] without positions
 * @param positions  row of the cache of token t of batch b; null: the caches are per token
 */
function evaluateRotary(
  context: EvaluateContext,
  caches: readonly [number, number],
  positions: ((b: number, t: number) => number) | null,
): readonly Tensor[] {
  const x = requiredTensor(context, 0, 'X');
  const cos = requiredTensor(context, caches[0], 'cos_cache');
  const sin = requiredTensor(context, caches[1], 'sin_cache');
  const flat = x.shape.length === 3;
  const [batch = 1, second = 1, third = 1, fourth = 1] = x.shape;
  const stated = intAttribute(context, 'rotary_embedding_dim', 0);
  const half = cos.shape.at(-1) ?? 1;
  if (half < 1) misfit(context, `the cosines ${printShape(cos.shape)} are for no features`);
  const length = flat ? second : third;
  // com.microsoft may leave num_heads out where whole heads turn: the cache tells their size.
  const heads = flat ? intAttribute(context, 'num_heads', 0) || Math.max(1, Number(floorDivDim(third, 2 * half))) : second;
  const size = flat ? third / heads : fourth;
  const turned = stated > 0 ? stated : size;
  if (half !== turned / 2) misfit(context, `the caches have ${half} angles for ${turned} features`, 'One for each pair is needed');
  const source = flat ? swapMiddle(floatsOf(x), batch, length, heads, size) : floatsOf(x);
  const sizes = { batch, heads, length, size, turned, interleaved: intAttribute(context, 'interleaved', 0) !== 0 };
  // Caches of one row of tokens serve every batch.
  const step = cos.shape[0] === 1 ? 0 : length;
  const out = rotate(source, floatsOf(cos), floatsOf(sin), sizes, positions ?? ((b, t) => b * step + t));
  const scale = floatAttribute(context, 'scale', 1);
  if (scale !== 1) for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) * scale;
  return [tensorOf(x.dtype, x.shape, flat ? swapMiddle(out, batch, heads, length, size) : out)];
}

export const rotaryEmbedding: OpDef = defineOp({
  name: 'RotaryEmbedding',
  since: [23],
  kernelClass: 'host',
  attributes: { interleaved: 0, num_heads: 'computed', rotary_embedding_dim: 0 },
  infer: (context) => inferRotary(context, [1, 2]),
  evaluate(context) {
    const length = requiredTensor(context, 0, 'X').shape.at(-2) ?? 1;
    if (!hasInput(context, 3)) return evaluateRotary(context, [1, 2], null);
    const ids = numbersOf(requiredTensor(context, 3, 'position_ids'));
    const flat = requiredTensor(context, 0, 'X').shape.length === 3;
    const tokens = flat ? (requiredTensor(context, 0, 'X').shape[1] ?? 1) : length;
    return evaluateRotary(context, [1, 2], (b, t) => ids[b * tokens + t] ?? 0);
  },
});

/** com.microsoft: position_ids is input 1, [1] (the position of the first token) or [batch, length]. */
export const microsoftRotaryEmbedding: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'RotaryEmbedding',
  since: [1],
  kernelClass: 'host',
  attributes: { interleaved: 0, is_packed_batching: 0, num_heads: 'computed', rotary_embedding_dim: 0, scale: 1 },
  infer: (context) => inferRotary(context, [2, 3]),
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const ids = numbersOf(requiredTensor(context, 1, 'position_ids'));
    const tokens = x.shape[x.shape.length === 3 ? 1 : 2] ?? 1;
    return evaluateRotary(context, [2, 3], (b, t) => (ids.length === 1 ? (ids[0] ?? 0) + t : (ids[b * tokens + t] ?? 0)));
  },
});

export const rotaryOps: readonly OpDef[] = [rotaryEmbedding, microsoftRotaryEmbedding];
