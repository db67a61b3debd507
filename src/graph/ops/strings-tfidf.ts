/** TfIdfVectorizer: how often the n-grams of a pool occur in sequences of numbers or words. */
import type { Tensor } from '../../core/index.ts';
import { floatsAttribute, intsList, stringsAttribute } from './ml-attributes.ts';
import { numbersOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  intAttribute,
  misfit,
  outputType,
  requiredTensor,
  requiredType,
  stringAttribute,
  type OpContext,
  type OpDef,
} from './op-def.ts';

interface Pool {
  /** Place in the pool of an n-gram, written as its elements with separators. */
  readonly places: ReadonlyMap<string, number>;
  readonly least: number;
  readonly most: number;
  /** Elements of the longest n-gram there is. */
  readonly longest: number;
  readonly skips: number;
  /** Column of the output by place in the pool. */
  readonly columns: readonly number[];
  readonly width: number;
}

const separator = '\0';

function poolOf(context: OpContext): Pool {
  const words = stringsAttribute(context, 'pool_strings');
  const items = words.length > 0 ? words : intsList(context, 'pool_int64s').map(String);
  const starts = intsList(context, 'ngram_counts');
  const columns = intsList(context, 'ngram_indexes');
  const least = intAttribute(context, 'min_gram_length', 1);
  const most = intAttribute(context, 'max_gram_length', 1);
  if (least < 1 || most < least) badAttribute(context, 'min_gram_length', `${least} with max_gram_length ${most}`, '1 to max_gram_length');
  const places = new Map<string, number>();
  // n-grams of each length stand together, those of n elements from ngram_counts[n - 1] on.
  let place = 0;
  for (const [i, start] of starts.entries()) {
    const length = i + 1;
    const end = starts[i + 1] ?? items.length;
    if (start < 0 || end < start || end > items.length || (end - start) % length !== 0) {
      badAttribute(context, 'ngram_counts', `[${starts.join(', ')}]`, `where n-grams of each length start in a pool of ${items.length}`);
    }
    for (let at = start; at < end; at += length) places.set(items.slice(at, at + length).join(separator), place++);
  }
  if (columns.length !== place || columns.some((c) => c < 0)) {
    badAttribute(context, 'ngram_indexes', `a list of ${columns.length}`, `one column for each of the ${place} n-grams of the pool`);
  }
  const width = columns.reduce((n, c) => Math.max(n, c + 1), 0);
  return { places, least, most, longest: starts.length, skips: Math.max(0, intAttribute(context, 'max_skip_count', 0)), columns, width };
}

function itemsOf(x: Tensor): readonly string[] {
  return ArrayBuffer.isView(x.data) ? Array.from(numbersOf(x), String) : x.data;
}

export const tfIdfVectorizer: OpDef = defineOp({
  name: 'TfIdfVectorizer',
  since: [9],
  kernelClass: 'host',
  attributes: {
    max_gram_length: 'required',
    max_skip_count: 'required',
    min_gram_length: 'required',
    mode: 'required',
    ngram_counts: 'required',
    ngram_indexes: 'required',
    pool_int64s: 'computed',
    pool_strings: 'computed',
    weights: 'computed',
  },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    if (x.shape.length < 1 || x.shape.length > 2) misfit(context, `the input has rank ${x.shape.length}, [C] or [N, C] is needed`);
    const mode = stringAttribute(context, 'mode', 'TF');
    if (!['TF', 'IDF', 'TFIDF'].includes(mode)) badAttribute(context, 'mode', `"${mode}"`, 'TF, IDF, TFIDF');
    return [{ dtype: 'float32', shape: [...x.shape.slice(0, -1), poolOf(context).width] }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const { shape } = outputType(context);
    const pool = poolOf(context);
    const items = itemsOf(x);
    const length = x.shape.at(-1) ?? 0;
    const rows = x.shape.length === 2 ? (x.shape[0] ?? 0) : 1;
    const out = new Float32Array(rows * pool.width);
    for (let r = 0; r < rows; r++)
      count(pool, items.slice(r * length, (r + 1) * length), out.subarray(r * pool.width, (r + 1) * pool.width));
    weigh(context, pool, out);
    return [tensorOf('float32', shape, out)];
  },
});

/** Adds up n-grams whose elements stand 1, 2, … skips + 1 apart; single elements count once. */
function count(pool: Pool, row: readonly string[], out: Float32Array): void {
  for (let n = pool.least; n <= Math.min(pool.most, pool.longest, row.length); n++) {
    const widest = n === 1 ? 1 : Math.floor((row.length - 1) / (n - 1));
    for (let step = 1; step <= Math.min(widest, pool.skips + 1); step++) {
      for (let first = 0; first + (n - 1) * step < row.length; first++) {
        const gram = Array.from({ length: n }, (_, k) => row[first + k * step] ?? '').join(separator);
        const column = pool.columns[pool.places.get(gram) ?? -1];
        if (column !== undefined) out[column] = (out[column] ?? 0) + 1;
      }
    }
  }
}

function weigh(context: OpContext, pool: Pool, out: Float32Array): void {
  const mode = stringAttribute(context, 'mode', 'TF');
  if (mode === 'TF') return;
  const weights = floatsAttribute(context, 'weights');
  const byColumn = new Float32Array(pool.width).fill(1);
  weights.forEach((w, place) => {
    const column = pool.columns[place];
    if (column !== undefined) byColumn[column] = w;
  });
  for (let i = 0; i < out.length; i++) {
    const found = out[i] ?? 0;
    const weight = byColumn[i % pool.width] ?? 1;
    out[i] = mode === 'IDF' ? (found > 0 ? weight : 0) : found * weight;
  }
}
