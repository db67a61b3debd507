import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Tensor } from '../../src/core/index.ts';
import { evaluateNode } from '../../src/graph/index.ts';
import type { Attribute } from '../../src/graph/ir.ts';
import { i64, node, numbers } from './helpers.ts';

function text(shape: readonly number[], data: readonly string[]): Tensor {
  return { dtype: 'string', shape, data };
}

function run(
  op: string,
  attributes: Readonly<Record<string, Attribute>>,
  inputs: readonly Tensor[],
  outputs: number = 1,
): readonly Tensor[] {
  return evaluateNode({ ...node(op, inputs.length, {}, outputs), attributes }, 20, inputs);
}

const str = (value: string): Attribute => ({ kind: 'string', value });
const int = (value: number): Attribute => ({ kind: 'int', value });
const strs = (...value: string[]): Attribute => ({ kind: 'strings', value });
const ints = (...value: number[]): Attribute => ({ kind: 'ints', value });
const floats = (...value: number[]): Attribute => ({ kind: 'floats', value });

test('texts are joined, the smaller operand again and again', () => {
  const [y] = run('StringConcat', {}, [text([2, 2], ['a', 'b', 'c', 'd']), text([2], ['1', '2'])]);
  expect(y).toEqual(text([2, 2], ['a1', 'b2', 'c1', 'd2']));
});

test('texts are split as Python does', () => {
  const split = (data: string[], attributes: Record<string, Attribute>): unknown => {
    const [y, z] = run('StringSplit', attributes, [text([data.length], data)], 2);
    return [y?.shape, y?.data, numbers(z)];
  };
  expect(split(['hello world!', 'hello  there ', ''], {})).toEqual([
    [3, 2],
    ['hello', 'world!', 'hello', 'there', '', ''],
    [2, 2, 0],
  ]);
  expect(split(['a,b,,c', ''], { delimiter: str(',') })).toEqual([
    [2, 4],
    ['a', 'b', '', 'c', '', '', '', ''],
    [4, 1],
  ]);
  // The rest after the last cut stays whole.
  expect(split(['a b  c d'], { maxsplit: int(2) })).toEqual([[1, 3], ['a', 'b', 'c d'], [3]]);
});

test('stop words go, case changes afterwards, nothing left is one empty text', () => {
  const days = text([1, 3], ['Monday', 'tuesday', 'MONDAY']);
  const attributes = { case_change_action: str('UPPER'), stopwords: strs('monday') };
  expect(run('StringNormalizer', attributes, [days])).toEqual([text([1, 1], ['TUESDAY'])]);
  expect(run('StringNormalizer', { ...attributes, is_case_sensitive: int(1) }, [days])).toEqual([
    text([1, 3], ['MONDAY', 'TUESDAY', 'MONDAY']),
  ]);
  expect(run('StringNormalizer', { stopwords: strs('monday', 'tuesday') }, [days])).toEqual([text([1, 1], [''])]);
});

function matches(pattern: string, value: string): boolean {
  return numbers(run('RegexFullMatch', { pattern: str(pattern) }, [text([], [value])])[0])[0] === 1;
}

test('patterns are RE2’s', () => {
  expect(matches('(\\W|^)[\\w.\\-]{0,25}@(yahoo|gmail)\\.com(\\W|$)', 'account@gmail.com')).toBe(true);
  expect(matches('(\\W|^)[\\w.\\-]{0,25}@(yahoo|gmail)\\.com(\\W|$)', 'account@hotmail.com')).toBe(false);
  expect(matches('(?i)abc(?-i:D)', 'aBCD')).toBe(true);
  expect(matches('(?i)abc(?-i:D)', 'aBCd')).toBe(false);
  expect(matches('[[:alpha:]]+\\pN{2,3}', 'abc42')).toBe(true);
  expect(matches('\\Qa.b\\E|\\x{1F600}', 'a.b')).toBe(true);
  expect(matches('\\Qa.b\\E|\\x{1F600}', '\u{1F600}')).toBe(true);
  expect(matches('a.c', 'a\nc')).toBe(false);
  expect(matches('(?s)a.c', 'a\nc')).toBe(true);
  expect(matches('(?P<year>\\d{4})-\\d\\d', '2024-12')).toBe(true);
  expect(matches('', '')).toBe(true);
  for (const refused of ['(a)\\1', '(?=a)b', '(?<!a)b', 'a**b)', '(a', '[b-a]', 'a{2,1}', 'a{1001}']) {
    expect(() => matches(refused, 'a'), refused).toThrow(/SYS3065/);
  }
});

test('patterns without tricks match what JavaScript’s do', () => {
  const pattern = fc.stringMatching(/^([abc]|\[\^?[abc][abc]\]|\.)[*+?]?(\|?([abc.]|\([abc]\|[abc]*\))[*+?]?){0,4}$/);
  fc.assert(
    fc.property(pattern, fc.stringMatching(/^[abc]{0,6}$/), (p, value) => {
      let expected: boolean;
      try {
        expected = new RegExp(`^(?:${p})$`).test(value);
      } catch {
        return;
      }
      expect(matches(p, value)).toBe(expected);
    }),
    { numRuns: 500 },
  );
});

test('no pattern takes long: a backtracking matcher would need 2^30 steps here', () => {
  const started = performance.now();
  expect(matches('(a|a)*(a|a)*b', 'a'.repeat(30))).toBe(false);
  expect(matches('(a*)*b', 'a'.repeat(2000))).toBe(false);
  expect(performance.now() - started).toBeLessThan(2000);
});

test('n-grams of a pool are counted, also with gaps, and weighed', () => {
  const x = i64([2, 6], [1, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8]);
  const attributes = {
    mode: str('TF'),
    min_gram_length: int(1),
    max_gram_length: int(2),
    max_skip_count: int(5),
    ngram_counts: ints(0, 4),
    ngram_indexes: ints(0, 1, 2, 3, 4, 5, 6),
    pool_int64s: ints(2, 3, 5, 4, 5, 6, 7, 8, 6, 7),
  };
  const [counts] = run('TfIdfVectorizer', attributes, [x]);
  expect(counts?.shape).toEqual([2, 7]);
  // The example of the ONNX specification (tf_batch_uniandbigrams_skip5).
  expect(numbers(counts)).toEqual([0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1]);
  const [weighed] = run('TfIdfVectorizer', { ...attributes, mode: str('TFIDF'), weights: floats(1, 2, 3, 4, 5, 6, 7) }, [x]);
  expect(numbers(weighed)).toEqual([0, 6, 0, 0, 0, 0, 0, 0, 0, 3, 0, 5, 6, 7]);
});
