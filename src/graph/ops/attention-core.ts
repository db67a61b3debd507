/**
 * Scaled dot-product attention on heads: softmax(q·kᵀ·scale + bias)·v, one row of scores at a time, in fp32 with sums in order.
 * All attention operators are readings of their inputs into this form.
 */
import { exp32, tanh32 } from '../../core/index.ts';

const round = Math.fround;

export interface HeadSizes {
  readonly batch: number;
  readonly queryHeads: number;
  /** Divides queryHeads: each key and value head serves queryHeads / keyHeads query heads in a row. */
  readonly keyHeads: number;
  readonly queries: number;
  readonly keys: number;
  /** Of a query and key, and of a value. */
  readonly size: number;
  readonly valueSize: number;
}

/** q [batch, queryHeads, queries, size], k [batch, keyHeads, keys, size], v [batch, keyHeads, keys, valueSize]. */
export interface Heads {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/** Which state of the scores `observe` gets. */
export type ScoreStage = 'product' | 'softcap' | 'bias' | 'softmax';

export interface AttentionRule {
  /** Multiplies the product of a query and a key. */
  readonly scale: number;
  /** s -> softcap · tanh(s / softcap) before the bias; 0: not at all. */
  readonly softcap: number;
  /** Fills `row` with what is added to the scores of one query; -Infinity takes a key out. */
  readonly bias: (batch: number, head: number, query: number, row: Float32Array) => void;
  /** A score without a value that joins the softmax of a head; null: none. */
  readonly sink: ((head: number) => number) | null;
  /** Rounds what is stored between the steps to the element type of the operands. */
  readonly store: (x: number) => number;
  /** The same for the softmax, which may have an element type of its own. */
  readonly storeSoftmax: (x: number) => number;
  readonly observe: { readonly stage: ScoreStage; readonly into: Float32Array } | null;
}

/** Where nothing is rounded but to fp32. */
export const asFloat32 = (x: number): number => round(x);

/** The output [batch, queryHeads, queries, valueSize]; zeros for a query without any key. */
export function attend(sizes: HeadSizes, heads: Heads, rule: AttentionRule): Float32Array {
  const { batch, queryHeads, keyHeads, queries, keys, size, valueSize } = sizes;
  const { q, k, v } = heads;
  const { store, storeSoftmax, observe } = rule;
  const out = new Float32Array(batch * queryHeads * queries * valueSize);
  const scores = new Float32Array(keys);
  const bias = new Float32Array(keys);
  const sums = new Float32Array(valueSize);
  const group = queryHeads / keyHeads;
  for (let b = 0, n = 0; b < batch; b++) {
    for (let head = 0; head < queryHeads; head++) {
      const keyHead = b * keyHeads + Math.floor(head / group);
      for (let i = 0; i < queries; i++, n++) {
        const note = (stage: ScoreStage): void => {
          if (observe?.stage === stage) observe.into.set(scores, n * keys);
        };
        for (let j = 0; j < keys; j++) {
          let sum = 0;
          const from = (keyHead * keys + j) * size;
          for (let p = 0; p < size; p++) sum = round(sum + round((q[n * size + p] ?? 0) * (k[from + p] ?? 0)));
          scores[j] = store(round(sum * rule.scale));
        }
        note('product');
        if (rule.softcap > 0) {
          for (let j = 0; j < keys; j++) {
            scores[j] = store(round(rule.softcap * tanh32(store(round((scores[j] ?? 0) / rule.softcap)))));
          }
        }
        note('softcap');
        bias.fill(0);
        rule.bias(b, head, i, bias);
        // A key taken out has no say, whatever its score (also where that is not a number).
        for (let j = 0; j < keys; j++) scores[j] = bias[j] === -Infinity ? -Infinity : store(round((scores[j] ?? 0) + (bias[j] ?? 0)));
        note('bias');
        softmaxRow(scores, rule.sink === null ? null : rule.sink(head), storeSoftmax);
        note('softmax');
        sums.fill(0);
        for (let j = 0; j < keys; j++) {
          if (bias[j] === -Infinity) continue;
          const weight = store(scores[j] ?? 0);
          const from = (keyHead * keys + j) * valueSize;
          for (let p = 0; p < valueSize; p++) sums[p] = round((sums[p] ?? 0) + round(weight * (v[from + p] ?? 0)));
        }
        out.set(sums, n * valueSize);
      }
    }
  }
  return out;
}

/** In place: e^(s - max) / Σ; zeros where every score is -Infinity. The sink, if any, takes part in maximum and sum. */
function softmaxRow(scores: Float32Array, sink: number | null, store: (x: number) => number): void {
  let max = sink ?? -Infinity;
  for (let j = 0; j < scores.length; j++) max = Math.max(max, scores[j] ?? 0);
  if (max === -Infinity) {
    scores.fill(0);
    return;
  }
  let sum = sink === null ? 0 : exp32(round(sink - max));
  for (let j = 0; j < scores.length; j++) {
    const e = store(exp32(store(round((scores[j] ?? 0) - max))));
    scores[j] = e;
    sum = round(sum + e);
  }
  sum = store(sum);
  for (let j = 0; j < scores.length; j++) scores[j] = store(round((scores[j] ?? 0) / sum));
}

/** [batch, length, heads · size] -> [batch, heads, length, size], or back with `heads` and `length` exchanged. */
export function swapMiddle(x: Float32Array, batch: number, first: number, second: number, size: number): Float32Array {
  const out = new Float32Array(batch * first * second * size);
  for (let b = 0, from = 0; b < batch; b++) {
    for (let i = 0; i < first; i++) {
      for (let j = 0; j < second; j++, from += size) {
        const to = ((b * second + j) * first + i) * size;
        for (let p = 0; p < size; p++) out[to + p] = x[from + p] ?? 0;
      }
    }
  }
  return out;
}

/** Products of scores and of the weighted sum. */
export function attentionMacs(sizes: HeadSizes): number {
  return sizes.batch * sizes.queryHeads * sizes.queries * sizes.keys * (sizes.size + sizes.valueSize);
}

/** 1 / √size as fp32. */
export function defaultScale(size: number): number {
  return round(1 / round(Math.sqrt(size)));
}
