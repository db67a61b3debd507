/** Masks of the com.microsoft attention operators: what is added to the scores of one query. */
import { rowMajorStrides, type Tensor } from '../../core/index.ts';
import { floatsOf, numbersOf } from './numbers.ts';
import { misfit, printShape, type OpContext } from './op-def.ts';

const round = Math.fround;

export type AddMask = (batch: number, head: number, query: number, row: Float32Array) => void;

export interface MaskSizes {
  readonly batch: number;
  readonly keys: number;
  /** Keys before the first query of this call. */
  readonly past: number;
}

/**
 * Adds `filter` where a padding mask hides a key: lengths [batch], ends then starts [2 · batch], lengths of packed sequences
 * [3 · batch + 2], 0 or 1 for each key [batch, keys] or each query and key [batch, queries, keys], or for each pair of positions
 * [batch, 1, longest, longest].
 */
export function paddingMask(context: OpContext, mask: Tensor | null, sizes: MaskSizes, filter: number): AddMask {
  if (mask === null) return () => undefined;
  const data = numbersOf(mask);
  const { batch, keys, past } = sizes;
  const hide = (row: Float32Array, j: number): void => {
    row[j] = round((row[j] ?? 0) + filter);
  };
  const [first = 0, second = 0, third = 0, fourth = 0] = mask.shape;
  switch (mask.shape.length) {
    case 1:
      if (first !== batch && first !== 2 * batch && first !== 3 * batch + 2) break;
      return (b, _head, _query, row) => {
        const end = data[b] ?? keys;
        const start = first === 2 * batch ? (data[batch + b] ?? 0) : 0;
        for (let j = 0; j < keys; j++) if (j >= end || j < start) hide(row, j);
      };
    case 2:
      return (b, _head, _query, row) => {
        for (let j = 0; j < keys; j++) if ((data[(first === 1 ? 0 : b) * second + j] ?? 0) === 0) hide(row, j);
      };
    case 3:
      return (b, _head, query, row) => {
        const from = ((first === 1 ? 0 : b) * second + query) * third;
        for (let j = 0; j < keys; j++) if ((data[from + j] ?? 0) === 0) hide(row, j);
      };
    case 4:
      return (b, _head, query, row) => {
        const from = (b * second * third + past + query) * fourth;
        for (let j = 0; j < keys; j++) if ((data[from + j] ?? 0) === 0) hide(row, j);
      };
    default:
  }
  return misfit(context, `the mask ${printShape(mask.shape)} fits no form for ${batch} sequences`);
}

/** Adds a bias [batch or 1, heads or 1, queries, keys]. */
export function attentionBias(bias: Tensor | null): AddMask {
  if (bias === null) return () => undefined;
  const data = floatsOf(bias);
  const [s0 = 0, s1 = 0, s2 = 0] = rowMajorStrides(bias.shape);
  const [n0 = 1, n1 = 1, n2 = 1, n3 = 1] = bias.shape;
  return (b, head, query, row) => {
    const from = (n0 === 1 ? 0 : b * s0) + (n1 === 1 ? 0 : head * s1) + (n2 === 1 ? 0 : query * s2);
    for (let j = 0; j < row.length; j++) row[j] = (row[j] ?? 0) + (data[from + (n3 === 1 ? 0 : j)] ?? 0);
  };
}

/** Takes out keys behind the query, which stands at `past` + its index. */
export function causalMask(past: (batch: number) => number): AddMask {
  return (b, _head, query, row) => {
    for (let j = past(b) + query + 1; j < row.length; j++) row[j] = -Infinity;
  };
}

export function allOf(masks: readonly AddMask[]): AddMask {
  return (b, head, query, row) => {
    for (const mask of masks) mask(b, head, query, row);
  };
}
