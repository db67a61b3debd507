/** Bodies of composites: what passes do to a graph they do to the body of a loop, and it stays a repeated region. */
import { describe, expect, it } from 'vitest';
import { prepare, randomInputs } from '../../src/compiler/index.ts';
import { lower } from '../../src/compiler/lower/index.ts';
import type { Tensor } from '../../src/core/index.ts';
import { interpret, totalMacs, type Graph } from '../../src/graph/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';
import { expectSameWrittenOut, expectSound, repeatsOf } from './region-programs.ts';

const one = (list: readonly number[]): number => list[0] as number;
const real = (b: GraphWriter, x: number): number => b.constant({ dtype: 'float32', shape: [], data: Float32Array.of(x) });
const zero = (b: GraphWriter): number => b.constant({ dtype: 'int8', shape: [], data: Int8Array.of(0) });
const bytes = (shape: readonly number[]): Tensor => ({
  dtype: 'int8',
  shape,
  data: Int8Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => ((i * 37) % 120) - 60),
});

interface Body {
  /** Of what is carried and of an entry. */
  readonly shape: readonly number[];
  readonly dtype?: 'float32' | 'int8';
  readonly weights?: Tensor;
  readonly macs: number;
  /** What a trip makes of what it found, an entry, and weights from outside. */
  readonly step: (b: GraphWriter, s: number, x: number, weights: number) => number;
  /** Operators that its trips have, in order. */
  readonly kernels: readonly string[];
}

const bodies: Readonly<Record<string, Body>> = {
  'QLinear operators, weights from outside': {
    shape: [2, 8],
    dtype: 'int8',
    weights: bytes([8, 8]),
    macs: 128,
    step(b, s, x, weights) {
      const scale = [real(b, 0.05), zero(b)];
      const sum = one(b.node('com.microsoft.QLinearAdd', [s, ...scale, x, ...scale, ...scale]));
      return one(b.node('QLinearMatMul', [sum, ...scale, weights, real(b, 0.01), zero(b), real(b, 0.08), zero(b)]));
    },
    kernels: ['Add', 'MatMul'],
  },
  'operands quantized by their own range': {
    shape: [2, 8],
    weights: bytes([8, 8]),
    macs: 128,
    step(b, s, x, weights) {
      const [q = 0, scale = 0, point = 0] = b.node('DynamicQuantizeLinear', [one(b.node('Add', [s, x]))], {}, { outputs: 3 });
      const sums = one(b.node('Cast', [one(b.node('MatMulInteger', [q, weights, point, zero(b)]))], { to: 1 }));
      return one(b.node('Tanh', [one(b.node('Mul', [sums, one(b.node('Mul', [scale, real(b, 0.01)]))]))]));
    },
    kernels: ['MatMulInteger'],
  },
  'a product between quantizing and dequantizing': {
    shape: [2, 8],
    weights: bytes([8, 8]),
    macs: 128,
    step(b, s, x, weights) {
      const held = (v: number, scale: number): number => {
        const form = [real(b, scale), zero(b)];
        return one(b.node('DequantizeLinear', [one(b.node('QuantizeLinear', [v, ...form])), ...form]));
      };
      const w = one(b.node('DequantizeLinear', [weights, real(b, 0.01), zero(b)]));
      return held(one(b.node('MatMul', [held(one(b.node('Add', [s, x])), 0.1), w])), 0.07);
    },
    kernels: ['Add', 'MatMul'],
  },
  'a normalization to fold': {
    shape: [1, 4, 5, 5],
    macs: 4 * 4 * 9 * 25,
    step(b, s, x) {
      const conv = one(b.node('Conv', [one(b.node('Add', [s, x])), b.weight([4, 4, 3, 3])], { pads: [1, 1, 1, 1] }));
      const variance = b.constant({ dtype: 'float32', shape: [4], data: Float32Array.of(1, 2, 3, 4) });
      return one(b.node('Relu', [one(b.node('BatchNormalization', [conv, b.weight([4]), b.weight([4]), b.weight([4]), variance]))]));
    },
    kernels: ['Add', 'Conv'],
  },
  'operators of com.microsoft': {
    shape: [2, 8],
    macs: 0,
    step: (b, s, x) =>
      one(b.node('com.microsoft.SkipLayerNormalization', [one(b.node('com.microsoft.BiasGelu', [s, b.weight([8])])), x, b.weight([8])])),
    kernels: ['Gelu', 'LayerNormalization'],
  },
  'a normalization that an exporter split': {
    shape: [2, 8],
    macs: 0,
    step(b, s, x) {
      const sum = one(b.node('Add', [s, x]));
      const last = { keepdims: 1 };
      const centred = one(b.node('Sub', [sum, one(b.node('ReduceMean', [sum, b.ints([-1])], last))]));
      const spread = one(b.node('ReduceMean', [one(b.node('Pow', [centred, real(b, 2)])), b.ints([-1])], last));
      const root = one(b.node('Sqrt', [one(b.node('Add', [spread, real(b, 1e-5)]))]));
      const scaled = one(b.node('Mul', [one(b.node('Div', [centred, root])), b.weight([8])]));
      return one(b.node('Add', [scaled, b.weight([8])]));
    },
    kernels: ['Add', 'LayerNormalization'],
  },
};

function scanOf({ shape, dtype = 'float32', weights, step }: Body, trips: number): Graph {
  const b = writeGraph();
  const [s, x] = [b.input('s', shape, dtype), b.input('x', shape, dtype)];
  const next = step(b, s, x, weights === undefined ? -1 : b.input('w', weights.shape, weights.dtype));
  const w = writeGraph();
  const inputs = [w.input('s0', shape, dtype), w.input('xs', [trips, ...shape], dtype)];
  const captures = weights === undefined ? [] : [w.constant(weights)];
  const attributes = { body: b.finish(next, next), num_scan_inputs: 1 };
  return w.finish(...w.node('Scan', [...inputs, ...captures], attributes, { outputs: 2, captures: captures.length }));
}

describe('bodies of', () => {
  it.each(Object.keys(bodies))('%s', async (name) => {
    const body = bodies[name] as Body;
    for (const machine of ['tiny-8x8', 'tiny-dot', 'small', 'large'] as const) {
      const target = await testMachine(machine);
      const { executable, selection } = expectSound(scanOf(body, 18), target, 'auto', body.macs * 18);
      expect(repeatsOf(executable).map((r) => r.count)).toEqual([18]);
      expect(executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
      const inside = selection.kernels.filter((k) => k.region !== undefined);
      expect(inside.flatMap((k) => k.nodes.map((n) => n.op)).filter((op) => body.kernels.includes(op))).toEqual(body.kernels);
      const products = inside.filter((k) => k.engine === 'matrix');
      if (body.weights !== undefined) for (const { dtype } of products) expect(dtype).toMatch(/^u?int8$/);
      if (machine === 'small') expectSameWrittenOut(executable, target);
    }
  });

  it.each(Object.keys(bodies))('%s, written out', (name) => {
    const body = bodies[name] as Body;
    const graph = scanOf(body, 3);
    const { graph: written } = lower(graph, { regions: 'never' });
    expect(totalMacs(written)).toBe(body.macs * 3);
    const left = new Set(written.nodes.map((n) => n.op));
    for (const op of ['Scan', 'QLinearMatMul', 'QLinearAdd', 'BatchNormalization', 'SkipLayerNormalization', 'Pow'])
      expect(left).not.toContain(op);
    // The same as where the passes see the iterations before sizes are bound.
    const inputs = randomInputs(graph, 5);
    const early = lower(prepare(modelOf(graph)).graph).graph;
    const [a, b] = [written, early].map((g) => [...interpret(g, inputs)].map(([, tensor]) => tensor));
    expect(a).toEqual(b);
  });
});
