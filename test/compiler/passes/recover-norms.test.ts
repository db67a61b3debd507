/** Norms and activations in the spellings of exporters, drawn at random; and what only looks like them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Graph, ValueId } from '../../../src/graph/ir.ts';
import { computing, count, expectLeft, expectRecovered, expectSame, network, recover, type Network } from './network.ts';

const parameters = (i: number): number => ((i * 5) % 7) / 4 - 0.5;

interface NormSpelling {
  readonly shape: readonly number[];
  /** Axes normalized, from the last. */
  readonly axes: number;
  readonly mean: boolean;
  readonly square: 'Pow' | 'Mul';
  readonly root: 'Div' | 'Reciprocal' | '1 / root' | 'Pow −½';
  readonly twice: boolean;
  readonly scale: 'none' | 'vector' | 'number' | 'with ones';
  readonly bias: 'none' | 'vector' | 'number';
  readonly swapped: boolean;
  readonly axesAsInput: boolean;
}

function normSpelled(s: NormSpelling): Graph {
  const n = network(s.axesAsInput ? 18 : 17);
  const x = n.input('x', s.shape);
  const normal = s.shape.slice(s.shape.length - s.axes);
  const axes = Array.from({ length: s.axes }, (_, i) => i - s.axes);
  const meanOf = (of: ValueId): ValueId => (s.axesAsInput ? n.op('ReduceMean', [of, n.ints(axes)]) : n.op('ReduceMean', [of], { axes }));
  const m = s.mean ? meanOf(x) : x;
  const centre = (): ValueId => (s.mean ? n.op('Sub', [x, m]) : x);
  const first = centre();
  const second = s.twice ? centre() : first;
  const squared = s.square === 'Pow' ? n.op('Pow', [second, n.number(2)]) : n.op('Mul', [second, second]);
  const sum = n.op('Add', [meanOf(squared), n.number(1e-5)]);
  const core = ((): ValueId => {
    if (s.root === 'Pow −½') return n.op('Mul', [first, n.op('Pow', [sum, n.number(-0.5)])]);
    const root = n.op('Sqrt', [sum]);
    if (s.root === 'Div') return n.op('Div', [first, root]);
    return n.op('Mul', [s.root === 'Reciprocal' ? n.op('Reciprocal', [root]) : n.op('Div', [n.number(1), root]), first]);
  })();
  const parameter = (kind: NormSpelling['scale'], phase: number): ValueId =>
    kind === 'number' ? n.number(0.75) : n.floats(kind === 'with ones' ? [1, ...normal] : normal, (i) => parameters(i + phase));
  const both = (op: string, a: ValueId, b: ValueId): ValueId => n.op(op, s.swapped ? [b, a] : [a, b]);
  const scaled = s.scale === 'none' ? core : both('Mul', core, parameter(s.scale, 1));
  return n.finish(s.bias === 'none' ? scaled : both('Add', scaled, parameter(s.bias, 3)));
}

const normSpelling: fc.Arbitrary<NormSpelling> = fc.record({
  shape: fc.constantFrom([2, 3, 6], [4, 5], [1, 2, 3, 4]),
  axes: fc.constantFrom(1, 2),
  mean: fc.boolean(),
  square: fc.constantFrom('Pow', 'Mul'),
  root: fc.constantFrom('Div', 'Reciprocal', '1 / root', 'Pow −½'),
  twice: fc.boolean(),
  scale: fc.constantFrom('none', 'vector', 'number', 'with ones'),
  bias: fc.constantFrom('none', 'vector', 'number'),
  swapped: fc.boolean(),
  axesAsInput: fc.boolean(),
});

test('any spelling of a norm over the last axes is one node that computes the same', () => {
  fc.assert(
    fc.property(normSpelling, (s) => {
      const before = normSpelled(s);
      const { graph, told } = recover(before);
      const op = s.mean ? 'LayerNormalization' : 'RMSNormalization';
      expect(count(graph, op)).toBe(1);
      // An RMSNorm has no shift, a number that scales it may stay outside.
      if (s.mean) expect(computing(graph)).toEqual([op]);
      expect(told).toHaveLength(1);
      expectSame(before, graph);
    }),
    { numRuns: 80, seed: 4 },
  );
});

describe('norms', () => {
  test.each([3, 4])('over the channels of %d axes: between two transpositions', (rank) => {
    const n = network();
    const x = n.input('x', [2, 5, 3, 4].slice(0, rank));
    const ones = rank === 4 ? [1, 1] : [1];
    const mean = (of: ValueId): ValueId => n.op('ReduceMean', [of, n.ints([1])]);
    const centred = n.op('Sub', [x, mean(x)]);
    const root = n.op('Sqrt', [n.op('Add', [mean(n.op('Pow', [centred, n.number(2)])), n.number(1e-6)])]);
    const scaled = n.op('Mul', [n.floats([5, ...ones], parameters), n.op('Div', [centred, root])]);
    const before = n.finish(n.op('Add', [scaled, n.floats([5, ...ones], (i) => parameters(i + 2))]));
    const { graph, told } = recover(before);
    expect(computing(graph)).toEqual(['LayerNormalization']);
    expect(told.join()).toContain('LayerNormalization (over channels)');
    expectSame(before, graph);
  });

  test('parameters that come at run time stay outside', () => {
    const n = network();
    const x = n.input('x', [2, 6]);
    const d = n.op('Sub', [x, n.op('ReduceMean', [x, n.ints([-1])])]);
    const root = n.op('Sqrt', [n.op('Add', [n.op('ReduceMean', [n.op('Mul', [d, d]), n.ints([-1])]), n.number(1e-6)])]);
    const before = n.finish(n.op('Mul', [n.op('Div', [d, root]), n.input('scale', [6])]));
    const { graph } = expectRecovered(before, 'LayerNormalization');
    expect(computing(graph)).toEqual(['LayerNormalization', 'Mul']);
  });

  test('half precision with the norm in float32 is one norm in half precision', () => {
    const n = network();
    const x = n.op('Cast', [n.input('x', [2, 6], 'float16')], { to: 1 });
    const mean = n.op('ReduceMean', [n.op('Pow', [x, n.number(2)]), n.ints([-1])]);
    const normal = n.op('Mul', [x, n.op('Reciprocal', [n.op('Sqrt', [n.op('Add', [mean, n.number(1e-6)])])])]);
    const before = n.finish(n.op('Mul', [n.op('Cast', [normal], { to: 10 }), n.halves([6], parameters)]));
    const { graph } = recover(before);
    const norm = graph.nodes.find((m) => m.op === 'RMSNormalization');
    expect(norm?.inputs.map((id) => graph.values[id ?? -1]?.type.dtype)).toEqual(['float16', 'float16']);
  });

  test.each<readonly [string, (n: Network, x: ValueId) => ValueId]>([
    [
      'the deviation of another tensor',
      (n, x) => {
        const centre = (of: ValueId): ValueId => n.op('Sub', [of, n.op('ReduceMean', [of, n.ints([-1])])]);
        const d = centre(n.input('z', [2, 6]));
        return n.op('Div', [centre(x), n.op('Sqrt', [n.op('ReduceMean', [n.op('Mul', [d, d]), n.ints([-1])])])]);
      },
    ],
    ['a cube', (n, x) => n.op('Div', [x, n.op('Sqrt', [n.op('ReduceMean', [n.op('Pow', [x, n.number(3)]), n.ints([-1])])])])],
    ['an axis that is not the last', (n, x) => n.op('Div', [x, n.op('Sqrt', [n.op('ReduceMean', [n.op('Mul', [x, x]), n.ints([0])])])])],
    ['a sum for a mean', (n, x) => n.op('Div', [x, n.op('Sqrt', [n.op('ReduceSum', [n.op('Mul', [x, x]), n.ints([-1])])])])],
    [
      'something else divided',
      (n, x) => n.op('Div', [n.op('Exp', [x]), n.op('Sqrt', [n.op('ReduceMean', [n.op('Mul', [x, x]), n.ints([-1])])])]),
    ],
  ])('%s is none', (_, build) => {
    const n = network();
    const before = n.finish(build(n, n.input('x', [2, 6])));
    expectLeft(before, 'LayerNormalization');
    expectLeft(before, 'RMSNormalization');
  });

  test('a mean that somebody reads keeps the norm apart', () => {
    const n = network();
    const x = n.input('x', [2, 6]);
    const mean = n.op('ReduceMean', [x, n.ints([-1])]);
    const d = n.op('Sub', [x, mean]);
    const y = n.op('Div', [d, n.op('Sqrt', [n.op('ReduceMean', [n.op('Mul', [d, d]), n.ints([-1])])])]);
    expectLeft(n.finish(y, mean), 'LayerNormalization');
  });

  test.each(['InstanceNormalization', 'means'])('groups of channels by %s', (how) => {
    const n = network();
    const x = n.input('x', ['batch', 6, 2, 3]);
    const apart = n.op('Reshape', [x, n.ints([0, 3, -1])]);
    const normal = ((): ValueId => {
      if (how !== 'means')
        return n.op('InstanceNormalization', [apart, n.floats([3], () => 1), n.floats([3], () => 0)], { epsilon: { float: 1e-5 } });
      const d = n.op('Sub', [apart, n.op('ReduceMean', [apart, n.ints([2])])]);
      return n.op('Div', [d, n.op('Sqrt', [n.op('Add', [n.op('ReduceMean', [n.op('Mul', [d, d]), n.ints([2])]), n.number(1e-5)])])]);
    })();
    const back = n.op('Reshape', [normal, n.op('Shape', [x])]);
    const scaled = n.op('Mul', [back, n.floats([6, 1, 1], parameters)]);
    const { told } = expectRecovered(n.finish(n.op('Add', [n.floats([1, 6, 1, 1], parameters), scaled])), 'GroupNormalization', {
      batch: 2,
    });
    expect(told.join()).toContain('3 groups of 2 channels');
  });
});

interface Activation {
  readonly op: string;
  readonly write: (n: Network, x: ValueId) => ValueId;
}

/** A product in every order and grouping that fits three factors. */
const orders: fc.Arbitrary<readonly number[]> = fc.constantFrom([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]);

function product(n: Network, factors: readonly ValueId[], order: readonly number[], right: boolean): ValueId {
  const [a = 0, b = 0, c = 0] = order.map((i) => factors[i] ?? 0);
  return right ? n.op('Mul', [a, n.op('Mul', [b, c])]) : n.op('Mul', [n.op('Mul', [a, b]), c]);
}

test('Gelu by erf and by tanh, factors in any order and grouping', () => {
  const spelling = fc.record({
    order: orders,
    right: fc.boolean(),
    form: fc.constantFrom('erf', 'tanh Pow', 'tanh Mul', 'tanh even'),
    half: fc.boolean(),
    dtype: fc.constantFrom('float32', 'float16'),
  });
  fc.assert(
    fc.property(spelling, ({ order, right, form, half, dtype }) => {
      const n = network();
      const given = n.input('x', [2, 5], dtype);
      const cast = (): ValueId => (dtype === 'float16' ? n.op('Cast', [given], { to: 1 }) : given);
      const x = cast();
      const inner = ((): ValueId => {
        if (form === 'erf') return n.op('Erf', [n.op('Div', [cast(), n.number(Math.SQRT2)])]);
        const cube = form === 'tanh Pow' ? n.op('Pow', [x, n.number(3)]) : n.op('Mul', [n.op('Mul', [x, x]), cast()]);
        const even = n.op('Add', [n.number(1), n.op('Mul', [n.number(0.044715), n.op('Mul', [x, x])])]);
        const argument = form === 'tanh even' ? n.op('Mul', [x, even]) : n.op('Add', [x, n.op('Mul', [cube, n.number(0.044715)])]);
        return n.op('Tanh', [n.op('Mul', [argument, n.number(0.7978845608)])]);
      })();
      const one = half ? n.op('Add', [n.op('Mul', [inner, n.number(0.5)]), n.number(0.5)]) : n.op('Add', [inner, n.number(1)]);
      const y = half ? n.op('Mul', order[0] === 0 ? [x, one] : [one, x]) : product(n, [x, one, n.number(0.5)], order, right);
      const before = n.finish(dtype === 'float16' ? n.op('Cast', [y], { to: 10 }) : y);
      const { graph } = recover(before);
      expect(count(graph, 'Gelu')).toBe(1);
      expect(computing(graph).filter((op) => op !== 'Cast')).toEqual(['Gelu']);
      if (dtype === 'float32') expectSame(before, graph);
    }),
    { numRuns: 60, seed: 5 },
  );
});

describe('activations', () => {
  const clip = (n: Network, x: ValueId): ValueId => n.op('Clip', [n.op('Add', [x, n.number(3)]), n.number(0), n.number(6)]);
  const written: Readonly<Record<string, Activation>> = {
    'x / (1 + exp(−x))': { op: 'Swish', write: (n, x) => n.op('Div', [x, n.op('Add', [n.op('Exp', [n.op('Neg', [x])]), n.number(1)])]) },
    'quick gelu': { op: 'Swish', write: (n, x) => n.op('Mul', [x, n.op('Sigmoid', [n.op('Mul', [n.number(1.702), x])])]) },
    'x · (clip / 6)': { op: 'HardSwish', write: (n, x) => n.op('Mul', [x, n.op('Div', [clip(n, x), n.number(6)])]) },
    '(x · clip) · 1/6': { op: 'HardSwish', write: (n, x) => n.op('Mul', [n.op('Mul', [clip(n, x), x]), n.number(1 / 6)]) },
    'min and max': {
      op: 'HardSwish',
      write: (n, x) =>
        n.op('Div', [n.op('Mul', [x, n.op('Min', [n.op('Max', [n.op('Add', [x, n.number(3)]), n.number(0)]), n.number(6)])]), n.number(6)]),
    },
    'hard sigmoid': {
      op: 'HardSwish',
      write: (n, x) => n.op('Mul', [n.op('HardSigmoid', [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }), x]),
    },
    softplus: { op: 'Mish', write: (n, x) => n.op('Mul', [n.op('Tanh', [n.op('Softplus', [x])]), x]) },
    'softmax by a reciprocal': {
      op: 'Softmax',
      write: (n, x) => {
        const e = n.op('Exp', [n.op('Sub', [x, n.op('ReduceMax', [x, n.ints([-1])])])]);
        return n.op('Mul', [e, n.op('Reciprocal', [n.op('ReduceSum', [e, n.ints([-1])])])]);
      },
    },
    'softmax without its maximum': {
      op: 'Softmax',
      write: (n, x) => ((e) => n.op('Div', [e, n.op('ReduceSum', [e, n.ints([0])])]))(n.op('Exp', [x])),
    },
  };
  test.each(Object.entries(written))('%s', (_, { op, write }) => {
    const n = network();
    expectRecovered(n.finish(write(n, n.input('x', [3, 4]))), op);
  });

  test.each<readonly [string, string, (n: Network, x: ValueId) => ValueId]>([
    ['a sigmoid of something else', 'Swish', (n, x) => n.op('Mul', [x, n.op('Sigmoid', [n.input('z', [3, 4])])])],
    [
      'a clip to 5',
      'HardSwish',
      (n, x) => n.op('Div', [n.op('Mul', [x, n.op('Clip', [n.op('Add', [x, n.number(3)]), n.number(0), n.number(5)])]), n.number(6)]),
    ],
    [
      'a shift of 2',
      'HardSwish',
      (n, x) => n.op('Div', [n.op('Mul', [x, n.op('Clip', [n.op('Add', [x, n.number(2)]), n.number(0), n.number(6)])]), n.number(6)]),
    ],
    ['log(2 + exp)', 'Mish', (n, x) => n.op('Mul', [x, n.op('Tanh', [n.op('Log', [n.op('Add', [n.op('Exp', [x]), n.number(2)])])])])],
    [
      'a sum along another axis',
      'Softmax',
      (n, x) => {
        const e = n.op('Exp', [n.op('Sub', [x, n.op('ReduceMax', [x, n.ints([0])])])]);
        return n.op('Div', [e, n.op('ReduceSum', [n.op('Exp', [x]), n.ints([-1])])]);
      },
    ],
  ])('%s is no %s', (_, op, write) => {
    const n = network();
    expectLeft(n.finish(write(n, n.input('x', [3, 4]))), op);
  });

  test('a number that has more axes than x makes a product of more axes: left', () => {
    const n = network();
    const x = n.input('x', [3, 4]);
    const before = n.finish(
      n.op('Mul', [
        n.op('Mul', [x, n.op('Add', [n.op('Erf', [n.op('Div', [x, n.number(Math.SQRT2)])]), n.number(1)])]),
        n.floats([1, 1, 1], () => 0.5),
      ]),
    );
    expectLeft(before, 'Gelu');
  });
});

test('pixel shuffle of a size that is open', () => {
  const n = network();
  const x = n.input('x', [1, 8, 'height', 'width']);
  const size = n.op('Shape', [x]);
  const part = (from: number): ValueId => n.op('Slice', [size, n.ints([from]), n.ints([from + 1])]);
  const apart = n.op('Reshape', [x, n.op('Concat', [n.ints([1, 2, 2, 2]), part(2), part(3)], { axis: 0 })]);
  const turned = n.op('Transpose', [apart], { perm: [0, 1, 4, 2, 5, 3] });
  const twice = (from: number): ValueId => n.op('Mul', [part(from), n.ints([2])]);
  const before = n.finish(n.op('Reshape', [turned, n.op('Concat', [n.ints([1, 2]), twice(2), twice(3)], { axis: 0 })]));
  expectRecovered(before, 'DepthToSpace', { height: 3, width: 2 });
});

test('time grows with the size of the graph', () => {
  const build = (blocks: number): Graph => {
    const n = network();
    let x = n.input('x', [4, 8]);
    for (let i = 0; i < blocks; i++) {
      const d = n.op('Sub', [x, n.op('ReduceMean', [x, n.ints([-1])])]);
      const normal = n.op('Div', [
        d,
        n.op('Sqrt', [n.op('Add', [n.op('ReduceMean', [n.op('Mul', [d, d]), n.ints([-1])]), n.number(1e-5)])]),
      ]);
      x = n.op('Add', [x, n.op('Mul', [normal, n.op('Sigmoid', [normal])])]);
    }
    return n.finish(x);
  };
  const seconds = (graph: Graph): number => {
    const begin = performance.now();
    const { graph: after } = recover(graph);
    expect(count(after, 'LayerNormalization') * 10).toBe(graph.nodes.length);
    return performance.now() - begin;
  };
  const [small, large] = [build(100), build(800)];
  seconds(small);
  const best = (graph: Graph): number => Math.max(1, Math.min(seconds(graph), seconds(graph)));
  const [a, b] = [best(small), best(large)];
  // Eight times the nodes; quadratic would be 64 times. Wide of both, since machines are shared.
  expect(b / a).toBeLessThan(32);
});
