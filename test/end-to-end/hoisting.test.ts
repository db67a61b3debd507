/** What trips need not do one by one: products of entries are one product in front of the loop, and what no trip changes is made once. */
import { describe, expect, it } from 'vitest';
import { lower } from '../../src/compiler/lower/index.ts';
import { randomInputs } from '../../src/compiler/index.ts';
import type { Tensor } from '../../src/core/index.ts';
import { interpret, repeatRanges, type Graph } from '../../src/graph/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { expectSameWrittenOut, expectSound, repeatsOf } from './region-programs.ts';

const one = (list: readonly number[]): number => list[0] as number;
const real = (b: GraphWriter, x: number): number => b.constant({ dtype: 'float32', shape: [], data: Float32Array.of(x) });

interface Case {
  readonly state: readonly number[];
  readonly entry: readonly number[];
  readonly backward?: boolean;
  /** What a trip leaves for the next, and what is stacked. */
  readonly step: (b: GraphWriter, s: number, x: number) => { readonly next: number; readonly made: number };
  readonly macs: number;
  /** Products in front of the region, and in it. */
  readonly products: readonly [number, number];
  /** null: nothing is left to repeat. */
  readonly trips?: null;
}

const sigmoid = (b: GraphWriter, x: number): number => one(b.node('Sigmoid', [x]));
const join = (b: GraphWriter, ...list: readonly number[]): number => one(b.node('Concat', list, { axis: -1 }));
const same = (next: number): { readonly next: number; readonly made: number } => ({ next, made: next });

const cases: Readonly<Record<string, Case>> = {
  'a cell on the joined entry and state, as TensorFlow writes a GRU': {
    state: [2, 8],
    entry: [2, 5],
    step(b, s, x) {
      const gates = sigmoid(b, one(b.node('Add', [one(b.node('MatMul', [join(b, x, s), b.weight([13, 16])])), b.weight([16])])));
      const [r = 0, u = 0] = b.node('Split', [gates], { axis: 1, num_outputs: 2 }, { outputs: 2 });
      const reset = join(b, x, one(b.node('Mul', [r, s])));
      const candidate = one(b.node('Tanh', [one(b.node('Add', [one(b.node('MatMul', [reset, b.weight([13, 8])])), b.weight([8])]))]));
      const kept = one(b.node('Mul', [u, s]));
      return same(one(b.node('Add', [kept, one(b.node('Mul', [one(b.node('Sub', [real(b, 1), u])), candidate]))])));
    },
    macs: 2 * 13 * 24,
    products: [2, 2],
  },
  'a Gemm with turned weights and a bias, the state in front': {
    state: [2, 4],
    entry: [2, 6],
    step: (b, s, x) => same(one(b.node('Tanh', b.node('Gemm', [join(b, s, x), b.weight([4, 10]), b.weight([4])], { transB: 1 })))),
    macs: 2 * 10 * 4,
    products: [1, 1],
  },
  'what is done to an entry before and behind its product': {
    state: [3, 4],
    entry: [2, 3, 2],
    backward: true,
    step(b, s, x) {
      const turned = one(b.node('Transpose', [one(b.node('Mul', [x, real(b, 0.5)]))], { perm: [1, 2, 0] }));
      const rows = one(b.node('Reshape', [turned, b.ints([3, 4])]));
      const product = one(b.node('Relu', b.node('Add', [one(b.node('MatMul', [rows, b.weight([4, 4])])), b.weight([4])])));
      return { next: one(b.node('Add', [s, product])), made: one(b.node('Mul', [rows, product])) };
    },
    macs: 48,
    products: [1, 0],
  },
  'a convolution of the entry and one of the state': {
    state: [1, 4, 5, 5],
    entry: [1, 2, 5, 5],
    step(b, s, x) {
      const conv = (v: number, channels: number): number => one(b.node('Conv', [v, b.weight([4, channels, 3, 3])], { pads: [1, 1, 1, 1] }));
      return same(one(b.node('Tanh', b.node('Add', [conv(x, 2), conv(s, 4)]))));
    },
    macs: 4 * 6 * 9 * 25,
    products: [1, 1],
  },
  'integers with a scale': {
    state: [2, 4],
    entry: [2, 8],
    step(b, s, x) {
      const zero = b.constant({ dtype: 'int8', shape: [], data: Int8Array.of(0) });
      const weights = b.constant({ dtype: 'int8', shape: [8, 4], data: Int8Array.from({ length: 32 }, (_, i) => i * 3 - 40) });
      const held = (v: number, scale: number): number => one(b.node('QuantizeLinear', [v, real(b, scale), zero]));
      const shown = (v: number, scale: number): number => one(b.node('DequantizeLinear', [v, real(b, scale), zero]));
      const product = one(b.node('MatMul', [shown(held(x, 0.02), 0.02), shown(weights, 0.01)]));
      return same(one(b.node('Add', [s, shown(held(product, 0.05), 0.05)])));
    },
    macs: 64,
    products: [1, 0],
  },
  'weights made of what no trip changes': {
    state: [2, 4],
    entry: [2, 4],
    step(b, s, x) {
      const weights = one(b.node('Transpose', [one(b.node('Tanh', [b.weight([4, 4])]))], { perm: [1, 0] }));
      return same(one(b.node('Sub', [one(b.node('MatMul', [x, weights])), s])));
    },
    macs: 32,
    products: [1, 0],
  },
  'nothing carried at all': {
    state: [1],
    entry: [2, 4],
    backward: true,
    step: (b, s, x) => ({ next: s, made: one(b.node('Relu', b.node('MatMul', [x, b.weight([4, 3])]))) }),
    macs: 24,
    products: [1, 0],
    trips: null,
  },
};

function scanOf({ state, entry, step, backward = false }: Case, trips: number): Graph {
  const b = writeGraph();
  const [s, x] = [b.input('s', state), b.input('x', entry)];
  const { next, made } = step(b, s, x);
  const directions = [backward ? 1 : 0];
  const attributes = {
    body: b.finish(next, made),
    num_scan_inputs: 1,
    scan_input_directions: directions,
    scan_output_directions: directions,
  };
  const w = writeGraph();
  return w.finish(...w.node('Scan', [w.input('s0', state), w.input('xs', [trips, ...entry])], attributes, { outputs: 2 }));
}

describe('in front of loops stand products of', () => {
  it.each(Object.keys(cases))('%s', async (name) => {
    const one = cases[name] as Case;
    const repeats = one.trips === null ? [] : [18];
    for (const machine of ['tiny-8x8', 'tiny-dot', 'small', 'large'] as const) {
      const target = await testMachine(machine);
      for (const precision of ['auto', 'int8'] as const) {
        if (precision === 'int8' && (machine === 'large' || name.includes('integers'))) continue;
        const { executable, selection } = expectSound(scanOf(one, 18), target, precision, one.macs * 18);
        expect(repeatsOf(executable).map((r) => r.count)).toEqual(repeats);
        const products = selection.kernels.filter((k) => k.engine === 'matrix');
        expect([false, true].map((inside) => products.filter((k) => (k.region !== undefined) === inside).length)).toEqual(one.products);
        if (machine === 'small') expectSameWrittenOut(executable, target);
      }
    }
  });

  it.each(Object.keys(cases))('%s, with the same results', (name) => {
    const graph = scanOf(cases[name] as Case, 18);
    const inputs = randomInputs(graph, 9);
    const [asked, made] = [graph, lower(graph, { regions: 'always' }).graph].map((g) => [...interpret(g, inputs).values()] as Tensor[]);
    made?.forEach(({ data }, k) => data.forEach((x, i) => expect(Number(x)).toBeCloseTo(Number(asked?.[k]?.data[i]), 4)));
  });

  it('no entries that would take too much memory', () => {
    const wide: Case = {
      state: [1, 4],
      entry: [1, 4],
      // 200 trips of 64 KiB out of 16 bytes.
      step: (b, s, x) =>
        same(one(b.node('Add', [s, one(b.node('MatMul', [one(b.node('MatMul', [x, b.weight([4, 16_384])])), b.weight([16_384, 4])]))]))),
      macs: 0,
      products: [0, 2],
    };
    const { nodes } = lower(scanOf(wide, 200), { regions: 'always' }).graph;
    const [{ begin, end } = { begin: 0, end: 0 }] = repeatRanges(nodes);
    expect(nodes.slice(begin, end).filter((n) => n.op === 'MatMul')).toHaveLength(2);
  });
});
