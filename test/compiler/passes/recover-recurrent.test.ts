/** Cells of LSTM and GRU, written out and in the body of a Scan. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Graph, ValueId } from '../../../src/graph/ir.ts';
import { computing, count, expectLeft, expectRecovered, expectSame, network, recover, type Network } from './network.ts';

interface Shape {
  readonly features: number;
  readonly hidden: number;
}

/** Numbers that differ and do not saturate the gates. */
const weights = (n: Network, shape: readonly number[], phase: number): ValueId => n.floats(shape, (i) => (((i * 7 + phase) % 13) - 6) / 20);

interface LstmSpelling {
  /** Gates by place in the sum: PyTorch has i f g o, TensorFlow i g f o. */
  readonly order: 'ifgo' | 'igfo';
  readonly product: 'MatMul' | 'Gemm' | 'joined';
  readonly cut: 'Split' | 'Slice';
  readonly forget: number;
}

interface Step {
  readonly h: ValueId;
  readonly c: ValueId;
}

function gatesOf(n: Network, x: ValueId, h: ValueId, { features, hidden }: Shape, s: LstmSpelling): readonly ValueId[] {
  const rows = 4 * hidden;
  const sum = ((): ValueId => {
    if (s.product === 'joined')
      return n.op('Add', [
        n.op('MatMul', [n.op('Concat', [x, h], { axis: 1 }), weights(n, [features + hidden, rows], 1)]),
        weights(n, [rows], 2),
      ]);
    if (s.product === 'Gemm') {
      const part = (from: ValueId, width: number, phase: number): ValueId =>
        n.op('Gemm', [from, weights(n, [rows, width], phase), weights(n, [rows], phase + 3)], { transB: 1 });
      return n.op('Add', [part(x, features, 1), part(h, hidden, 5)]);
    }
    const products = n.op('Add', [
      n.op('MatMul', [x, weights(n, [features, rows], 1)]),
      n.op('MatMul', [h, weights(n, [hidden, rows], 5)]),
    ]);
    return n.op('Add', [products, weights(n, [rows], 2)]);
  })();
  if (s.cut === 'Split') return n.ops('Split', [sum, n.ints([hidden, hidden, hidden, hidden])], 4, { axis: 1 });
  return [0, 1, 2, 3].map((k) => n.op('Slice', [sum, n.ints([k * hidden]), n.ints([(k + 1) * hidden]), n.ints([1]), n.ints([1])]));
}

function lstmStep(n: Network, x: ValueId, h: ValueId, c: ValueId, shape: Shape, s: LstmSpelling): Step {
  const gates = gatesOf(n, x, h, shape, s);
  const gate = (letter: string): ValueId => gates[s.order.indexOf(letter)] ?? 0;
  const forget = s.forget === 0 ? gate('f') : n.op('Add', [gate('f'), n.number(s.forget)]);
  const kept = n.op('Mul', [n.op('Sigmoid', [forget]), c]);
  const fresh = n.op('Mul', [n.op('Sigmoid', [gate('i')]), n.op('Tanh', [gate('g')])]);
  const newC = n.op('Add', [kept, fresh]);
  return { c: newC, h: n.op('Mul', [n.op('Sigmoid', [gate('o')]), n.op('Tanh', [newC])]) };
}

interface GruSpelling {
  readonly reset: 'before' | 'after';
  readonly mix: 'both parts' | 'difference';
}

function gruStep(n: Network, x: ValueId, h: ValueId, { features, hidden }: Shape, s: GruSpelling): ValueId {
  const rows = 3 * hidden;
  const cut = (from: ValueId, k: number): ValueId => n.op('Slice', [from, n.ints([k * hidden]), n.ints([(k + 1) * hidden]), n.ints([1])]);
  const fromX = n.op('Gemm', [x, weights(n, [rows, features], 1), weights(n, [rows], 4)], { transB: 1 });
  const fromH = n.op('Gemm', [h, weights(n, [rows, hidden], 7), weights(n, [rows], 9)], { transB: 1 });
  const r = n.op('Sigmoid', [n.op('Add', [cut(fromX, 0), cut(fromH, 0)])]);
  const z = n.op('Sigmoid', [n.op('Add', [cut(fromX, 1), cut(fromH, 1)])]);
  const candidate =
    s.reset === 'after' ? n.op('Mul', [r, cut(fromH, 2)]) : n.op('MatMul', [n.op('Mul', [r, h]), weights(n, [hidden, hidden], 3)]);
  const next = n.op('Tanh', [n.op('Add', [cut(fromX, 2), candidate])]);
  if (s.mix === 'difference') return n.op('Add', [n.op('Mul', [z, n.op('Sub', [h, next])]), next]);
  return n.op('Add', [n.op('Mul', [n.op('Sub', [n.number(1), z]), next]), n.op('Mul', [z, h])]);
}

const lstmSpelling: fc.Arbitrary<LstmSpelling> = fc.record({
  order: fc.constantFrom('ifgo', 'igfo'),
  product: fc.constantFrom('MatMul', 'Gemm', 'joined'),
  cut: fc.constantFrom('Split', 'Slice'),
  forget: fc.constantFrom(0, 1),
});
const shapes: fc.Arbitrary<Shape> = fc.record({ features: fc.integer({ min: 2, max: 5 }), hidden: fc.integer({ min: 2, max: 4 }) });
const usual: LstmSpelling = { order: 'ifgo', product: 'MatMul', cut: 'Split', forget: 0 };

test('one step of any spelling is an LSTM of one step', () => {
  fc.assert(
    fc.property(lstmSpelling, shapes, (s, shape) => {
      const n = network();
      const [x, h, c] = [n.input('x', [2, shape.features]), n.input('h', [2, shape.hidden]), n.input('c', [2, shape.hidden])];
      const step = lstmStep(n, x, h, c, shape, s);
      const before = n.finish(step.h, step.c);
      const { graph, told } = recover(before);
      expect(count(graph, 'LSTM')).toBe(1);
      expect(graph.nodes.map((m) => m.op).filter((op) => !/queeze|Concat/.test(op))).toEqual(['LSTM']);
      expect(told.join()).toContain(`state of ${shape.hidden}`);
      expectSame(before, graph);
    }),
    { numRuns: 30, seed: 3 },
  );
});

test.each<GruSpelling>([
  { reset: 'after', mix: 'both parts' },
  { reset: 'after', mix: 'difference' },
  { reset: 'before', mix: 'both parts' },
])('one step of a GRU: reset $reset the product, $mix', (s) => {
  const n = network();
  const before = n.finish(gruStep(n, n.input('x', [2, 5]), n.input('h', [2, 3]), { features: 5, hidden: 3 }, s));
  const { graph } = expectRecovered(before, 'GRU');
  expect(graph.nodes.find((m) => m.op === 'GRU')?.attributes['linear_before_reset']?.kind).toBe(s.reset === 'after' ? 'int' : undefined);
});

test('a new cell state that others read before the new output is made', () => {
  const n = network();
  const [x, h, c] = [n.input('x', [1, 3]), n.input('h', [1, 2]), n.input('c', [1, 2])];
  const gates = gatesOf(n, x, h, { features: 3, hidden: 2 }, usual);
  const [i = 0, f = 0, g = 0, o = 0] = gates;
  const newC = n.op('Add', [n.op('Mul', [n.op('Sigmoid', [f]), c]), n.op('Mul', [n.op('Sigmoid', [i]), n.op('Tanh', [g])])]);
  const early = n.op('Unsqueeze', [newC, n.ints([0])]);
  const newH = n.op('Mul', [n.op('Sigmoid', [o]), n.op('Tanh', [newC])]);
  expectRecovered(n.finish(newH, early), 'LSTM');
});

describe('not a cell', () => {
  const build = (
    change: (
      n: Network,
      parts: { readonly i: ValueId; readonly f: ValueId; readonly g: ValueId; readonly o: ValueId; readonly c: ValueId },
    ) => readonly ValueId[],
  ): Graph => {
    const n = network();
    const [x, h, c] = [n.input('x', [1, 3]), n.input('h', [1, 2]), n.input('c', [1, 2])];
    const [i = 0, f = 0, g = 0, o = 0] = gatesOf(n, x, h, { features: 3, hidden: 2 }, usual);
    return n.finish(...change(n, { i, f, g, o, c }));
  };
  const cell = (n: Network, i: ValueId, f: ValueId, g: ValueId, o: ValueId, c: ValueId): ValueId => {
    const newC = n.op('Add', [n.op('Mul', [f, c]), n.op('Mul', [i, g])]);
    return n.op('Mul', [o, n.op('Tanh', [newC])]);
  };
  test.each<readonly [string, Graph]>([
    [
      'a gate through tanh',
      build((n, p) => [cell(n, n.op('Tanh', [p.i]), n.op('Sigmoid', [p.f]), n.op('Tanh', [p.g]), n.op('Sigmoid', [p.o]), p.c)]),
    ],
    [
      'a gate scaled',
      build((n, p) => [
        cell(
          n,
          n.op('Sigmoid', [n.op('Mul', [p.i, n.number(2)])]),
          n.op('Sigmoid', [p.f]),
          n.op('Tanh', [p.g]),
          n.op('Sigmoid', [p.o]),
          p.c,
        ),
      ]),
    ],
    [
      'a gate somebody reads',
      build((n, p) =>
        ((o) => [cell(n, n.op('Sigmoid', [p.i]), n.op('Sigmoid', [p.f]), n.op('Tanh', [p.g]), o, p.c), n.op('Exp', [o])])(
          n.op('Sigmoid', [p.o]),
        ),
      ),
    ],
  ])('%s', (_, before) => {
    expectLeft(before, 'LSTM');
  });
});

describe('Scan', () => {
  const shape = { features: 3, hidden: 2 };
  function body(s: LstmSpelling, order: 'h c' | 'c h'): Graph {
    const n = network();
    const states = order === 'h c' ? ['h', 'c'] : ['c', 'h'];
    const [first, second] = states.map((name) => n.input(name, [2, shape.hidden]));
    const x = n.input('x', [2, shape.features]);
    const [h = 0, c = 0] = order === 'h c' ? [first, second] : [second, first];
    const step = lstmStep(n, x, h, c, shape, s);
    const out = n.op('Identity', [step.h]);
    return order === 'h c' ? n.finish(step.h, step.c, out) : n.finish(step.c, step.h, out);
  }
  function scan(inner: Graph, steps: number | string, attributes: Readonly<Record<string, number | readonly number[]>> = {}): Graph {
    const n = network();
    const [a, b] = ['a', 'b'].map((name) => n.input(name, [2, shape.hidden]));
    const batchFirst = attributes['scan_input_axes'] !== undefined;
    const x = n.input('x', batchFirst ? [2, steps, shape.features] : [steps, 2, shape.features]);
    return n.finish(...n.ops('Scan', [a ?? 0, b ?? 0, x], 3, { body: { body: inner }, num_scan_inputs: 1, ...attributes }));
  }

  test.each<readonly [string, 'h c' | 'c h', Readonly<Record<string, number | readonly number[]>>]>([
    ['forward', 'h c', {}],
    ['with its states the other way round', 'c h', {}],
    ['backward', 'h c', { scan_input_directions: [1], scan_output_directions: [1] }],
    ['along the second axis', 'h c', { scan_input_axes: [1], scan_output_axes: [1] }],
  ])('over an LSTM, %s', (_, order, attributes) => {
    const { told } = expectRecovered(scan(body(usual, order), 4, attributes), 'LSTM');
    expect(told.join()).toContain('from a Scan, 4 steps');
  });

  test('of a length that is open', () => {
    const { told } = expectRecovered(scan(body(usual, 'h c'), 'steps'), 'LSTM', { steps: 3 });
    expect(told.join()).toContain('steps steps');
  });

  test('over a GRU', () => {
    const n = network();
    const [h, x] = [n.input('h', [2, shape.hidden]), n.input('x', [2, shape.features])];
    const next = gruStep(n, x, h, shape, { reset: 'after', mix: 'both parts' });
    const inner = n.finish(next, n.op('Identity', [next]));
    const outer = network();
    const [a, sequence] = [outer.input('a', [2, shape.hidden]), outer.input('x', [5, 2, shape.features])];
    expectRecovered(outer.finish(...outer.ops('Scan', [a, sequence], 2, { body: { body: inner }, num_scan_inputs: 1 })), 'GRU');
  });

  test('outputs that run the other way than inputs are no LSTM', () => {
    expectLeft(scan(body(usual, 'h c'), 4, { scan_output_directions: [1] }), 'LSTM');
  });

  test('a body that gives out its cell state at each step is no LSTM', () => {
    const n = network();
    const [h, c, x] = [n.input('h', [2, shape.hidden]), n.input('c', [2, shape.hidden]), n.input('x', [2, shape.features])];
    const step = lstmStep(n, x, h, c, shape, usual);
    expectLeft(scan(n.finish(step.h, step.c, n.op('Identity', [step.c])), 4), 'LSTM');
  });

  test('a damaged body, an Identity of nothing in it, is no LSTM', () => {
    const whole = scan(body(usual, 'h c'), 4);
    const damaged = (inner: Graph): Graph => ({
      ...inner,
      nodes: inner.nodes.map((node) => (node.op === 'Identity' ? { ...node, inputs: [] } : node)),
    });
    const nodes = whole.nodes.map((node) => {
      const { body: given } = node.attributes;
      return given?.kind === 'graph'
        ? { ...node, attributes: { ...node.attributes, body: { ...given, value: damaged(given.value) } } }
        : node;
    });
    expect(computing(recover({ ...whole, nodes }).graph)).toEqual(['Scan']);
  });
});
