/** ai.onnx.ml: what becomes of raw scores (`post_transform`), and labels of classes. */
import { erf32, exp32, log32, sigmoid32, type Tensor } from '../../core/index.ts';
import type { Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { intsList, stringsAttribute } from './ml-attributes.ts';
import { numbersOf, tensorOf } from './numbers.ts';
import { badAttribute, stringAttribute, type OpContext } from './op-def.ts';

const round = Math.fround;

export const postTransforms = ['NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO', 'PROBIT'] as const;
export type PostTransform = (typeof postTransforms)[number];

export function postTransformOf(context: OpContext): PostTransform {
  const given = stringAttribute(context, 'post_transform', 'NONE');
  return postTransforms.find((p) => p === given) ?? badAttribute(context, 'post_transform', `"${given}"`, postTransforms.join(', '));
}

/** √2 · erf⁻¹(2p - 1): the quantile of the normal distribution, by Newton's method on erf from Winitzki's approximation. */
export function probit32(p: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : NaN;
  const x = 2 * p - 1;
  const log = log32(round((1 - x) * (1 + x)));
  const v = 2 / (Math.PI * 0.147) + log / 2;
  let y = (x < 0 ? -1 : 1) * Math.sqrt(Math.max(0, Math.sqrt(v * v - log / 0.147) - v));
  for (let i = 0; i < 3; i++) y = y - (erf32(y) - x) / (1.1283791670955126 * Math.max(1e-30, exp32(-y * y)));
  return round(1.4142135623730951 * y);
}

/** In place, one row of scores. */
export function transformScores(row: Float32Array, how: PostTransform): void {
  switch (how) {
    case 'NONE':
      return;
    case 'LOGISTIC':
      for (const [i, v] of row.entries()) row[i] = sigmoid32(v);
      return;
    case 'PROBIT':
      for (const [i, v] of row.entries()) row[i] = probit32(v);
      return;
    case 'SOFTMAX':
    case 'SOFTMAX_ZERO': {
      // SOFTMAX_ZERO leaves scores of zero as they are.
      const counts = (v: number): boolean => how === 'SOFTMAX' || Math.abs(v) > 1e-7;
      const most = row.reduce((m, v) => Math.max(m, v), -Infinity);
      let sum = 0;
      for (const [i, v] of row.entries()) {
        row[i] = counts(v) ? exp32(round(v - most)) : 0;
        sum = round(sum + (row[i] ?? 0));
      }
      for (const [i, v] of row.entries()) row[i] = sum === 0 ? 0 : v / sum;
    }
  }
}

/** Names of classes. */
export interface Labels {
  readonly dtype: 'string' | 'int64';
  readonly list: readonly (string | number)[];
}

/** @param ints, strings  attributes that may hold them */
export function labelsOf(context: OpContext, ints: string, strings: string): Labels {
  const words = stringsAttribute(context, strings);
  return words.length > 0 ? { dtype: 'string', list: words } : { dtype: 'int64', list: intsList(context, ints) };
}

export function classifierTypes(labels: Labels, rows: Dim, columns: number): readonly TensorType[] {
  return [
    { dtype: labels.dtype, shape: [rows] },
    { dtype: 'float32', shape: [rows, columns] },
  ];
}

/** The labels of chosen classes, by index; an index that has no label stands for itself. */
export function labelTensor(labels: Labels, chosen: readonly number[]): Tensor {
  const names = chosen.map((i) => labels.list[i] ?? i);
  return labels.dtype === 'string'
    ? { dtype: 'string', shape: [names.length], data: names.map(String) }
    : tensorOf('int64', [names.length], names.map(Number));
}

export function largest(row: Float32Array): number {
  let best = 0;
  for (const [i, v] of row.entries()) if (v > (row[best] ?? -Infinity)) best = i;
  return best;
}

/** Features as fp32, row after row; [C] is one row. */
export function featureRows(x: Tensor): { readonly data: Float32Array; readonly rows: number; readonly columns: number } {
  const numbers = numbersOf(x);
  const data = numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
  return { data, rows: x.shape.length === 2 ? (x.shape[0] ?? 0) : 1, columns: x.shape.at(-1) ?? 1 };
}
