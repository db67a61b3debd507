/** Attention in the spellings of exporters: found, told, the same numbers; what is not attention stays. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lowerGraph } from '../../../src/compiler/plan.ts';
import type { ValueId } from '../../../src/graph/ir.ts';
import { computing, count, expectLeft, expectRecovered, expectSame, network, recover, type Network } from './network.ts';

interface Sizes {
  readonly batch: number;
  readonly heads: number;
  /** Query heads for each head of keys and values. */
  readonly groups: number;
  readonly queries: number;
  readonly size: number;
}

interface Spelling extends Sizes {
  readonly scale: 'behind' | 'on q' | 'on both' | 'none';
  readonly keys: 'turned' | 'from tokens' | 'given turned';
  readonly mask: 'none' | 'added' | 'chosen' | 'chosen where not' | 'both';
  readonly sharing: 'expand' | 'tile' | 'concat' | 'gather';
}

const low = -10000;

/** Every head of keys and values once for each query head that shares it: axis 1 of [batch, heads, length, size]. */
function repeat(n: Network, x: ValueId, { batch, heads, groups, size }: Sizes, length: number, how: Spelling['sharing']): ValueId {
  if (groups === 1) return x;
  if (how === 'gather')
    return n.op('Gather', [x, n.ints(Array.from({ length: heads * groups }, (_, i) => Math.floor(i / groups)))], { axis: 1 });
  const apart = n.op('Unsqueeze', [x, n.ints([2])]);
  const wide = [batch, heads, groups, length, size];
  const many =
    how === 'expand'
      ? n.op('Expand', [apart, n.ints(wide)])
      : how === 'tile'
        ? n.op('Tile', [apart, n.ints([1, 1, groups, 1, 1])])
        : n.op(
            'Concat',
            Array.from({ length: groups }, () => apart),
            { axis: 2 },
          );
  return n.op('Reshape', [many, n.ints([batch, heads * groups, length, size])]);
}

function spelled(s: Spelling): ReturnType<Network['finish']> {
  const n = network();
  const { batch, heads, groups, queries, size } = s;
  const all = heads * groups;
  const q = n.input('q', [batch, all, queries, size]);
  const v = repeat(n, n.input('v', [batch, heads, queries, size]), s, queries, s.sharing);
  const root = n.number(Math.fround(1 / Math.sqrt(Math.sqrt(size))));
  const whole = n.number(Math.fround(1 / Math.sqrt(size)));
  const keys = ((): ValueId => {
    if (s.keys === 'given turned') {
      const k = n.input('k', [batch, heads, queries, size]);
      const given = n.input('kt', [batch, all, size, queries]);
      return groups === 1 ? given : n.op('Transpose', [repeat(n, k, s, queries, s.sharing)], { perm: [0, 1, 3, 2] });
    }
    if (s.keys === 'turned')
      return n.op('Transpose', [repeat(n, n.input('k', [batch, heads, queries, size]), s, queries, s.sharing)], { perm: [0, 1, 3, 2] });
    const tokens = n.input('k', [batch, queries, heads, size]);
    if (groups === 1) return n.op('Transpose', [tokens], { perm: [0, 2, 3, 1] });
    const first = n.op('Transpose', [tokens], { perm: [0, 2, 1, 3] });
    return n.op('Transpose', [repeat(n, first, s, queries, s.sharing)], { perm: [0, 1, 3, 2] });
  })();
  const [left, right] =
    s.scale === 'on q'
      ? [n.op('Mul', [q, whole]), keys]
      : s.scale === 'on both'
        ? [n.op('Mul', [root, q]), n.op('Mul', [keys, root])]
        : [q, keys];
  const product = n.op('MatMul', [left, right]);
  const scaled = s.scale === 'behind' ? n.op('Div', [product, n.number(Math.fround(Math.sqrt(size)))]) : product;
  const added = (x: ValueId): ValueId => n.op('Add', [n.floats([batch, 1, 1, queries], (i) => (i % 3 === 1 ? low : 0)), x]);
  const chosen = (x: ValueId): ValueId => n.op('Where', [n.bools([1, 1, queries, queries], (i) => i % 4 !== 2), x, n.number(low)]);
  const chosenNot = (x: ValueId): ValueId => n.op('Where', [n.bools([queries, queries], (i) => i % 4 === 2), n.number(low), x]);
  const masks = {
    none: () => scaled,
    added: () => added(scaled),
    chosen: () => chosen(scaled),
    'chosen where not': () => chosenNot(scaled),
    both: () => added(chosen(scaled)),
  };
  return n.finish(n.op('MatMul', [n.op('Softmax', [masks[s.mask]()], { axis: -1 }), v]));
}

const spelling: fc.Arbitrary<Spelling> = fc.record({
  batch: fc.constantFrom(1, 2),
  heads: fc.constantFrom(1, 2, 3),
  groups: fc.constantFrom(1, 2),
  // At least five, so that no query is masked from everything by the patterns above.
  queries: fc.integer({ min: 5, max: 7 }),
  size: fc.constantFrom(4, 8),
  scale: fc.constantFrom('behind', 'on q', 'on both', 'none'),
  keys: fc.constantFrom('turned', 'from tokens', 'given turned'),
  mask: fc.constantFrom('none', 'added', 'chosen', 'chosen where not', 'both'),
  sharing: fc.constantFrom('expand', 'tile', 'concat', 'gather'),
});

test('any spelling is one Attention that computes the same', () => {
  fc.assert(
    fc.property(spelling, (s) => {
      const before = spelled(s);
      const { graph, told } = recover(before);
      expect(count(graph, 'Attention')).toBe(1);
      expect(count(graph, 'Softmax')).toBe(0);
      expect(told.join()).toContain(
        s.groups === 1 || s.heads === 0 ? `queries [${s.batch}, ${s.heads}` : `${s.heads * s.groups} heads over ${s.heads}`,
      );
      expectSame(before, graph);
    }),
    { numRuns: 60, seed: 1 },
  );
});

const sizes = { batch: 1, heads: 2, groups: 1, queries: 5, size: 4 } as const;
const plain: Spelling = { ...sizes, scale: 'behind', keys: 'turned', mask: 'none', sharing: 'expand' };

/** Scores [1, 2, 5, 5] of q and k, a mask on them, the weighted values. */
function masked(
  mask: (n: Network, scores: ValueId) => ValueId,
  dims: readonly (number | string)[] = [1, 2, 5, 4],
): ReturnType<Network['finish']> {
  const n = network();
  const [q, k, v] = ['q', 'k', 'v'].map((name) => n.input(name, dims));
  if (q === undefined || k === undefined || v === undefined) throw new Error('three inputs');
  const scores = n.op('Mul', [n.op('MatMul', [q, n.op('Transpose', [k], { perm: [0, 1, 3, 2] })]), n.number(0.5)]);
  return n.finish(n.op('MatMul', [n.op('Softmax', [mask(n, scores)], { axis: -1 }), v]));
}

test('a softmax guarded against what is not a number, as PyTorch writes it: a query that sees nothing gets zeros', () => {
  const n = network();
  const [q, k, v] = ['q', 'k', 'v'].map((name) => n.input(name, [1, 2, 5, 4]));
  if (q === undefined || k === undefined || v === undefined) throw new Error('three inputs');
  const scores = n.op('Mul', [n.op('MatMul', [q, n.op('Transpose', [k], { perm: [0, 1, 3, 2] })]), n.number(0.5)]);
  // The third query sees no key.
  const masked = n.op('Add', [scores, n.floats([1, 1, 5, 5], (i) => (Math.floor(i / 5) === 2 || i % 3 === 1 ? -Infinity : 0))]);
  const weights = n.op('Softmax', [masked], { axis: -1 });
  const before = n.finish(n.op('MatMul', [n.op('Where', [n.op('IsNaN', [weights]), n.number(0), weights]), v]));
  const { graph, told } = recover(before);
  expect(computing(graph)).toEqual(['Attention']);
  expect(told).toHaveLength(1);
  expectSame(before, graph);
  expectSame(before, lowerGraph(graph).graph);
});

describe('a mask that scores are multiplied with', () => {
  const spellings: Readonly<Record<string, (n: Network, scores: ValueId) => ValueId>> = {
    'of the model, at run time': (n, x) => {
      const m = n.op('Cast', [n.input('seen', [1, 1, 5, 5], 'bool')], { to: 1 });
      return n.op('Sub', [n.op('Mul', [x, m]), n.op('Mul', [n.number(10000), n.op('Sub', [n.number(1), m])])]);
    },
    'a constant, what it hides a constant too': (n, x) =>
      n.op('Add', [
        n.op('Mul', [n.floats([1, 1, 5, 5], (i) => (i % 4 === 2 ? 0 : 1)), x]),
        n.floats([1, 1, 5, 5], (i) => (i % 4 === 2 ? -10000 : 0)),
      ]),
    'the causal triangle': (n, x) =>
      n.op('Sub', [
        n.op('Mul', [x, n.floats([1, 1, 5, 5], (i) => (isAbove(i) ? 0 : 1))]),
        n.floats([1, 1, 5, 5], (i) => (isAbove(i) ? 10000 : 0)),
      ]),
  };
  test.each(Object.keys(spellings))('%s', (how) => {
    const before = masked(spellings[how] as (typeof spellings)[string]);
    const { graph, told } = recover(before);
    expect(count(graph, 'Attention')).toBe(1);
    expect(count(graph, 'Softmax')).toBe(0);
    expect(told.join()).toContain(how.includes('causal') ? 'causal' : 'mask');
    expectSame(before, graph);
  });

  test('of any numbers is no mask', () => {
    const soft = (n: Network, x: ValueId): ValueId => {
      const m = n.input('soft', [1, 1, 5, 5]);
      return n.op('Sub', [n.op('Mul', [x, m]), n.op('Mul', [n.number(10000), n.op('Sub', [n.number(1), m])])]);
    };
    expectLeft(masked(soft), 'Attention');
  });
});

const isAbove = (i: number): boolean => i % 5 > Math.floor(i / 5);

describe('the causal triangle', () => {
  const positions = (n: Network, length: ValueId): ValueId => n.op('Range', [n.int(0), length, n.int(1)]);
  /** How many tokens there are, as a number. */
  const tokens = (n: Network, scores: ValueId): ValueId => n.op('Gather', [n.op('Shape', [scores]), n.int(2)]);
  const spellings: Readonly<Record<string, (n: Network, scores: ValueId) => ValueId>> = {
    'numbers to add': (n, x) => n.op('Add', [x, n.floats([1, 1, 5, 5], (i) => (isAbove(i) ? low : 0))]),
    'minus infinity to add': (n, x) => n.op('Add', [x, n.floats([5, 5], (i) => (isAbove(i) ? -Infinity : 0))]),
    'a condition': (n, x) => n.op('Where', [n.bools([5, 5], (i) => !isAbove(i)), x, n.number(-Infinity)]),
    'a condition the other way round': (n, x) => n.op('Where', [n.bools([1, 5, 5], isAbove), n.number(-3e38), x]),
    'Trilu of ones': (n, x) => {
      const ones = n.op('Expand', [n.number(1), n.ints([5, 5])]);
      const triangle = n.op('Trilu', [ones], { upper: 0 });
      return n.op('Where', [n.op('Cast', [triangle], { to: 9 }), x, n.number(low)]);
    },
    'the upper triangle of a matrix of the low number': (n, x) => {
      const full = n.op('Expand', [n.number(-3e38), n.ints([5, 5])]);
      return n.op('Add', [x, n.op('Unsqueeze', [n.op('Trilu', [full, n.int(1)], { upper: 1 }), n.ints([0, 1])])]);
    },
    'keys not behind queries': (n, x) => {
      const range = positions(n, tokens(n, x));
      const rows = n.op('Unsqueeze', [range, n.ints([1])]);
      return n.op('Where', [n.op('LessOrEqual', [range, rows]), x, n.number(-Infinity)]);
    },
    'queries before keys, as numbers': (n, x) => {
      const range = positions(n, n.int(5));
      const next = n.op('Add', [n.op('Reshape', [range, n.ints([5, 1])]), n.int(1)]);
      const numbers = n.op('Where', [n.op('Less', [range, next]), n.number(0), n.number(low)]);
      return n.op('Add', [x, n.op('Unsqueeze', [numbers, n.ints([0, 1])])]);
    },
  };
  test.each(Object.entries(spellings))('%s', (_, mask) => {
    const { graph, told } = expectRecovered(masked(mask), 'Attention');
    expect(told.join()).toContain('causal');
    expect(graph.nodes.find((n) => n.op === 'Attention')?.attributes['is_causal']).toEqual({ kind: 'int', value: 1 });
  });

  test('of a length that is open, by comparing positions', () => {
    const mask = spellings['keys not behind queries'] ?? ((_: Network, x: ValueId) => x);
    const { told } = expectRecovered(masked(mask, ['batch', 2, 'tokens', 4]), 'Attention', { batch: 2, tokens: 6 });
    expect(told.join()).toContain('causal');
  });

  test.each<readonly [string, (n: Network, scores: ValueId) => ValueId]>([
    ['one number too many', (n, x) => n.op('Add', [x, n.floats([5, 5], (i) => (isAbove(i) && i !== 4 ? low : 0))])],
    ['the diagonal too', (n, x) => n.op('Add', [x, n.floats([5, 5], (i) => (i % 5 >= Math.floor(i / 5) && i > 0 ? low : 0))])],
    [
      'positions compared the other way',
      (n, x) =>
        n.op('Where', [
          n.op('LessOrEqual', [n.op('Unsqueeze', [positions(n, n.int(5)), n.ints([1])]), positions(n, n.int(5))]),
          x,
          n.number(low),
        ]),
    ],
  ])('%s: a mask like any other', (_, mask) => {
    const { graph, told } = expectRecovered(masked(mask), 'Attention');
    expect(told.join()).not.toContain('causal');
    expect(graph.nodes.find((n) => n.op === 'Attention')?.attributes['is_causal']).toBeUndefined();
  });
});

describe('forms', () => {
  test('scores capped by a tanh', () => {
    const before = masked((n, x) => n.op('Mul', [n.op('Tanh', [n.op('Div', [x, n.number(5)])]), n.number(5)]));
    const { told } = expectRecovered(before, 'Attention');
    expect(told.join()).toContain('capped at 5');
  });

  test('the body of the Attention function without a mask: zeros added, a guard that never acts', () => {
    const n = network();
    const [q = 0, k = 0, v = 0] = ['q', 'k', 'v'].map((name) => n.input(name, [1, 2, 5, 4]));
    const scores = n.op('Add', [n.op('MatMul', [q, n.op('Transpose', [k], { perm: [0, 1, 3, 2] })]), n.floats([5, 5], () => 0)]);
    const weights = n.op('Softmax', [scores], { axis: -1 });
    const guarded = n.op('Where', [n.bools([5, 1], () => false), n.number(0), weights]);
    const { graph } = expectRecovered(n.finish(n.op('MatMul', [guarded, v])), 'Attention');
    expect(graph.nodes.map((m) => m.op)).toEqual(['Attention']);
  });

  test('half precision, the softmax in float32', () => {
    const n = network();
    const [q = 0, k = 0, v = 0] = ['q', 'k', 'v'].map((name) => n.input(name, [1, 2, 5, 4], 'float16'));
    const scores = n.op('Cast', [n.op('MatMul', [q, n.op('Transpose', [k], { perm: [0, 1, 3, 2] })])], { to: 1 });
    const weights = n.op('Cast', [n.op('Softmax', [n.op('Mul', [scores, n.number(0.5)])], { axis: -1 })], { to: 10 });
    const { graph } = recover(n.finish(n.op('MatMul', [weights, v])));
    expect(graph.nodes.at(-1)?.attributes['softmax_precision']).toEqual({ kind: 'int', value: 1 });
  });

  test('heads in the batch, put together and taken apart again around the mask', () => {
    const n = network();
    const merge = (x: ValueId): ValueId => n.op('Reshape', [x, n.ints([6, 5, 4])]);
    const [q = 0, k = 0, v = 0] = ['q', 'k', 'v'].map((name) => merge(n.input(name, [2, 3, 5, 4])));
    const product = n.op('MatMul', [q, n.op('Transpose', [k], { perm: [0, 2, 1] })]);
    const apart = n.op('Reshape', [product, n.ints([2, 3, 5, 5])]);
    const mask = n.op('Add', [apart, n.floats([2, 1, 1, 5], (i) => (i % 5 === 3 ? low : 0))]);
    const weights = n.op('Softmax', [n.op('Reshape', [mask, n.ints([6, 5, 5])])], { axis: -1 });
    const { graph } = expectRecovered(n.finish(n.op('MatMul', [weights, v])), 'Attention');
    expect(graph.nodes.map((m) => m.op)).toEqual(['Attention', 'Reshape']);
  });

  test('heads in the batch from the start', () => {
    const n = network();
    const [q = 0, k = 0, v = 0] = ['q', 'k', 'v'].map((name) => n.input(name, [5, 6, 4]));
    const product = n.op('MatMul', [n.op('Transpose', [q], { perm: [1, 0, 2] }), n.op('Transpose', [k], { perm: [1, 2, 0] })]);
    const weights = n.op('Softmax', [n.op('Mul', [product, n.number(0.5)])], { axis: -1 });
    const { told } = expectRecovered(n.finish(n.op('MatMul', [weights, n.op('Transpose', [v], { perm: [1, 0, 2] })])), 'Attention');
    expect(told.join()).toContain('heads in the batch');
  });

  test('a mask cut to the shape of the scores, which only their shape is asked for', () => {
    const before = masked(
      (n, x) => {
        const length = n.op('Slice', [n.op('Shape', [x]), n.ints([3]), n.ints([4])]);
        const buffer = n.op('Slice', [n.bools([1, 1, 1, 8], (i) => i !== 1), n.ints([0]), length, n.ints([3])]);
        return n.op('Where', [buffer, x, n.number(low)]);
      },
      ['batch', 2, 'tokens', 4],
    );
    expectRecovered(before, 'Attention', { batch: 2, tokens: 6 });
  });

  test('caches are inside where they are ends of the model', () => {
    const n = network();
    const [q, k, v] = ['q', 'k', 'v'].map((name) => n.input(name, [1, 2, 1, 4]));
    const [pastK, pastV] = ['pk', 'pv'].map((name) => n.input(name, [1, 2, 'past', 4]));
    if (q === undefined || k === undefined || v === undefined || pastK === undefined || pastV === undefined) throw new Error('five inputs');
    const keys = n.op('Concat', [pastK, k], { axis: 2 });
    const values = n.op('Concat', [pastV, v], { axis: -2 });
    const scores = n.op('Mul', [n.op('MatMul', [q, n.op('Transpose', [keys], { perm: [0, 1, 3, 2] })]), n.number(0.5)]);
    const before = n.finish(n.op('MatMul', [n.op('Softmax', [scores], { axis: -1 }), values]), keys, values);
    const { graph, told } = expectRecovered(before, 'Attention', { past: 4 });
    expect(graph.nodes.map((m) => m.op)).toEqual(['Attention']);
    expect(told.join()).toContain('appends to its caches');
  });
});

describe('left as it is', () => {
  test.each<readonly [string, (n: Network, scores: ValueId) => ValueId]>([
    ['a mask that is multiplied', (n, x) => n.op('Mul', [x, n.floats([5, 5], (i) => i % 2)])],
    ['a number that is not low in place of scores', (n, x) => n.op('Where', [n.bools([5, 5], isAbove), n.number(-100), x])],
    ['a scale behind the mask', (n, x) => n.op('Mul', [n.op('Add', [x, n.floats([5, 5], (i) => i % 3)]), n.number(2)])],
    ['weights that are set to zero for some queries', (n, x) => n.op('Where', [n.bools([5, 1], (i) => i === 2), n.number(0), x])],
    ['a mask that makes more batches', (n, x) => n.op('Add', [x, n.floats([3, 1, 5, 5], (i) => -(i % 2))])],
  ])('%s', (_, mask) => {
    expectLeft(masked(mask), 'Attention');
  });

  test('a softmax over queries, scores that somebody reads, one softmax for two products', () => {
    const n = network();
    const [q = 0, k = 0, v = 0] = ['q', 'k', 'v'].map((name) => n.input(name, [1, 2, 5, 4]));
    const product = n.op('MatMul', [q, n.op('Transpose', [k], { perm: [0, 1, 3, 2] })]);
    expectLeft(n.finish(n.op('MatMul', [n.op('Softmax', [product], { axis: 2 }), v])), 'Attention');
    const weights = n.op('Softmax', [product], { axis: -1 });
    expectLeft(n.finish(n.op('MatMul', [weights, v]), weights), 'Attention');
    expectLeft(n.finish(n.op('MatMul', [weights, v]), n.op('MatMul', [weights, k])), 'Attention');
  });

  test('keys and values shared by other heads', () => {
    const n = network();
    const [q, k, v] = [n.input('q', [1, 4, 5, 4]), n.input('k', [1, 2, 5, 4]), n.input('v', [1, 2, 5, 4])];
    // 0, 1, 0, 1: not each head several times in a row.
    const many = (x: ValueId): ValueId => n.op('Gather', [x, n.ints([0, 1, 0, 1])], { axis: 1 });
    const scores = n.op('MatMul', [q, n.op('Transpose', [many(k)], { perm: [0, 1, 3, 2] })]);
    const before = n.finish(n.op('MatMul', [n.op('Softmax', [scores], { axis: -1 }), many(v)]));
    const { graph, told } = expectRecovered(before, 'Attention');
    expect(told.join()).not.toContain('heads over');
    expect(count(graph, 'Gather')).toBe(2);
  });
});

test('nothing of the parts is left', () => {
  expect(computing(recover(spelled(plain)).graph)).toEqual(['Attention']);
});
