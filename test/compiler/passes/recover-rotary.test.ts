/** Rotary positions in the spellings of exporters. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ValueId } from '../../../src/graph/ir.ts';
import { count, expectLeft, expectRecovered, expectSame, network, recover, type Network } from './network.ts';

type Pairing = 'halves' | 'neighbours';

const last = (n: Network, x: ValueId, from: number, to: number, step = 1): ValueId =>
  n.op('Slice', [x, n.ints([from]), n.ints([to]), n.ints([n.shape(x).length - 1]), n.ints([step])]);

function parts(n: Network, x: ValueId, size: number, pairing: Pairing): readonly [ValueId, ValueId] {
  return pairing === 'halves' ? [last(n, x, 0, size / 2), last(n, x, size / 2, size)] : [last(n, x, 0, size, 2), last(n, x, 1, size, 2)];
}

function join(n: Network, a: ValueId, b: ValueId, pairing: Pairing): ValueId {
  if (pairing === 'halves') return n.op('Concat', [a, b], { axis: -1 });
  const rank = n.shape(a).length;
  const column = (x: ValueId): ValueId => n.op('Unsqueeze', [x, n.ints([rank])]);
  const flat = [...n.shape(a).slice(0, -1).map(Number), Number(n.shape(a).at(-1)) * 2];
  return n.op('Reshape', [n.op('Concat', [column(a), column(b)], { axis: -1 }), n.ints(flat)]);
}

/** x · cos + turned(x) · sin, tables of full width. */
function summed(n: Network, x: ValueId, cos: ValueId, sin: ValueId, size: number, pairing: Pairing): ValueId {
  const [first, second] = parts(n, x, size, pairing);
  const turned = join(n, n.op('Neg', [second]), first, pairing);
  return n.op('Add', [n.op('Mul', [x, cos]), n.op('Mul', [turned, sin])]);
}

/** Both products of each pair, tables of half the width. */
function paired(n: Network, x: ValueId, cos: ValueId, sin: ValueId, size: number, pairing: Pairing): ValueId {
  const [a, b] = parts(n, x, size, pairing);
  const left = n.op('Sub', [n.op('Mul', [a, cos]), n.op('Mul', [b, sin])]);
  const right = n.op('Add', [n.op('Mul', [b, cos]), n.op('Mul', [a, sin])]);
  return join(n, left, right, pairing);
}

/** A table of angles: each once, or twice as the pairing has it. */
function table(n: Network, shape: readonly number[], size: number, pairing: Pairing | 'once', phase: number): ValueId {
  const width = pairing === 'once' ? size / 2 : size;
  const angle = (i: number): number => {
    const [row, at] = [Math.floor(i / width), i % width];
    const pair = pairing === 'once' ? at : pairing === 'halves' ? at % (size / 2) : Math.floor(at / 2);
    return ((row * 7 + pair * 3 + phase) % 11) / 7 - 0.7;
  };
  return n.floats([...shape, width], angle);
}

test('any spelling is one RotaryEmbedding that computes the same', () => {
  const spelling = fc.record({
    batch: fc.constantFrom(1, 3),
    heads: fc.constantFrom(1, 2),
    tokens: fc.integer({ min: 2, max: 4 }),
    size: fc.constantFrom(4, 8),
    pairing: fc.constantFrom<Pairing>('halves', 'neighbours'),
    form: fc.constantFrom('summed', 'paired'),
    order: fc.constantFrom('heads first', 'tokens first'),
    lead: fc.constantFrom(0, 1, 2),
  });
  fc.assert(
    fc.property(spelling, ({ batch, heads, tokens, size, pairing, form, order, lead }) => {
      fc.pre(heads !== tokens);
      const n = network();
      const x = n.input('x', order === 'heads first' ? [batch, heads, tokens, size] : [batch, tokens, heads, size]);
      const rows = order === 'heads first' ? [1, 1, tokens].slice(2 - lead) : [1, tokens, 1].slice(lead === 0 ? 1 : 0);
      const spread = form === 'paired' ? 'once' : pairing;
      const [cos, sin] = [table(n, rows, size, spread, 1), table(n, rows, size, spread, 5)];
      const before = n.finish((form === 'paired' ? paired : summed)(n, x, cos, sin, size, pairing));
      const { graph, told } = recover(before);
      expect(count(graph, 'RotaryEmbedding')).toBe(1);
      expect(told.join()).toContain(pairing === 'halves' ? 'pairs across halves' : 'pairs of neighbours');
      expectSame(before, graph);
    }),
    { numRuns: 60, seed: 2 },
  );
});

describe('tables made at run time', () => {
  /** Angles [1, tokens, 2] of positions, as exported from a Llama. */
  function angles(n: Network): ValueId {
    const positions = n.op('Unsqueeze', [n.input('positions', [1, 'tokens']), n.ints([2])]);
    return n.op('Mul', [positions, n.floats([2], [1, 0.25])]);
  }

  test('each angle twice by Concat, one table for queries and keys', () => {
    const n = network();
    const freqs = angles(n);
    const both = n.op('Concat', [freqs, freqs], { axis: -1 });
    const cos = n.op('Unsqueeze', [n.op('Mul', [n.op('Cos', [both]), n.number(1.5)]), n.ints([1])]);
    const sin = n.op('Unsqueeze', [n.op('Sin', [both]), n.ints([1])]);
    const outputs = ['q', 'k'].map((name) => summed(n, n.input(name, [2, 3, 'tokens', 4]), cos, sin, 4, 'halves'));
    const before = n.finish(...outputs);
    const { graph } = recover(before);
    expect(count(graph, 'RotaryEmbedding')).toBe(2);
    // Each table is cut once, not once for each reader.
    expect(count(graph, 'Slice')).toBe(2);
    expectSame(before, graph, { tokens: 3 });
  });

  test('rows of a constant table by position', () => {
    const n = network();
    const ids = n.input('positions', [2, 3], 'int64');
    const rows = (phase: number): ValueId =>
      n.op('Unsqueeze', [n.op('Gather', [table(n, [9], 4, 'halves', phase), ids], { axis: 0 }), n.ints([1])]);
    const before = n.finish(summed(n, n.input('x', [2, 5, 3, 4]), rows(1), rows(2), 4, 'halves'));
    expectRecovered(before, 'RotaryEmbedding');
  });

  test('two different halves of angles stay as they are', () => {
    const n = network();
    const freqs = angles(n);
    const both = n.op('Concat', [freqs, n.op('Neg', [freqs])], { axis: -1 });
    const before = n.finish(
      summed(
        n,
        n.input('x', [1, 3, 'tokens', 4]),
        n.op('Unsqueeze', [n.op('Sin', [both]), n.ints([1])]),
        n.op('Unsqueeze', [n.op('Cos', [both]), n.ints([1])]),
        4,
        'halves',
      ),
    );
    expectLeft(before, 'RotaryEmbedding', { tokens: 3 });
  });
});

test('part of a head turns, the rest passes', () => {
  const n = network();
  const x = n.input('x', [1, 2, 3, 8]);
  const turned = summed(n, last(n, x, 0, 4), table(n, [3], 4, 'halves', 1), table(n, [3], 4, 'halves', 2), 4, 'halves');
  const before = n.finish(n.op('Concat', [turned, last(n, x, 4, 8)], { axis: -1 }));
  const { graph, told } = recover(before);
  expect(graph.nodes.map((m) => m.op)).toEqual(['RotaryEmbedding']);
  expect(told.join()).toContain('4 of 8 features of a head');
  expectSame(before, graph);
});

describe('left as it is', () => {
  const shape = [1, 2, 3, 4] as const;
  const build = (change: (n: Network, x: ValueId, cos: ValueId, sin: ValueId) => ValueId, odd = 0): ReturnType<Network['finish']> => {
    const n = network();
    const cos = odd === 0 ? table(n, [3], 4, 'halves', 1) : n.floats([3, 4], (i) => i / 10);
    return n.finish(change(n, n.input('x', shape), cos, table(n, [3], 4, 'halves', 2)));
  };
  test.each<readonly [string, ReturnType<typeof build>]>([
    ['a table whose halves differ', build((n, x, cos, sin) => summed(n, x, cos, sin, 4, 'halves'), 1)],
    [
      'the other half negated',
      build((n, x, cos, sin) =>
        n.op('Add', [n.op('Mul', [x, cos]), n.op('Mul', [join(n, last(n, x, 2, 4), n.op('Neg', [last(n, x, 0, 2)]), 'halves'), sin])]),
      ),
    ],
    [
      'halves that are not halves',
      build((n, x, cos, sin) =>
        n.op('Add', [
          n.op('Mul', [x, cos]),
          n.op('Mul', [n.op('Concat', [n.op('Neg', [last(n, x, 1, 4)]), last(n, x, 0, 1)], { axis: -1 }), sin]),
        ]),
      ),
    ],
    [
      'a half of another tensor',
      build((n, x, cos, sin) =>
        n.op('Add', [
          n.op('Mul', [x, cos]),
          n.op('Mul', [join(n, n.op('Neg', [last(n, n.input('z', shape), 2, 4)]), last(n, x, 0, 2), 'halves'), sin]),
        ]),
      ),
    ],
  ])('%s', (_, before) => {
    expectLeft(before, 'RotaryEmbedding');
  });

  test('a table for each head', () => {
    const n = network();
    const before = n.finish(
      summed(n, n.input('x', [1, 2, 3, 4]), table(n, [2, 3], 4, 'halves', 1), table(n, [2, 3], 4, 'halves', 2), 4, 'halves'),
    );
    expectLeft(before, 'RotaryEmbedding');
  });
});
