/** What lowering writes means what the node meant, counts what it counted, and leaves nothing that engines do not run. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lower } from '../../../src/compiler/lower/index.ts';
import { randomInputs } from '../../../src/compiler/index.ts';
import { interpret, totalMacs, type Graph } from '../../../src/graph/index.ts';
import { writeGraph, type GraphWriter } from './build.ts';

/** Sums in another order: so many ulp of numbers about 1. */
const tolerance = 2e-5;

function expectSame(before: Graph, gone: readonly string[], seed = 1): Graph {
  const { graph: after } = lower(before);
  for (const op of gone) expect(after.nodes.some((n) => n.op === op && n.domain === before.nodes[0]?.domain)).toBe(false);
  expect(totalMacs(after)).toBe(totalMacs(before));
  const inputs = randomInputs(before, seed);
  const [was, is] = [interpret(before, inputs), interpret(after, inputs)];
  for (const [name, tensor] of was) {
    const other = is.get(name);
    expect(other?.shape).toEqual(tensor.shape);
    const [a, b] = [tensor.data as Float32Array, other?.data as Float32Array];
    let worst = 0;
    a.forEach((x, i) => (worst = Math.max(worst, Math.abs(Number(x) - Number(b[i])) / Math.max(1, Math.abs(Number(x))))));
    expect({ name, worst }).toEqual({ name, worst: expect.toSatisfy((d: number) => d <= tolerance) });
  }
  for (const node of after.nodes) expect(node.origin).toEqual(before.nodes.flatMap((n) => n.origin).filter((o) => node.origin.includes(o)));
  return after;
}

/** One node on inputs of these shapes. */
function single(
  op: string,
  shapes: readonly (readonly number[])[],
  attributes: Parameters<GraphWriter['node']>[2] = {},
  outputs = 1,
): Graph {
  const w = writeGraph();
  const inputs = shapes.map((shape, i) => w.input(`x${i}`, shape));
  return w.finish(...w.node(op, inputs, attributes, { outputs }));
}

describe('recurrent operators', () => {
  const gates = { RNN: 1, GRU: 3, LSTM: 4 } as const;
  const sizes = fc.record({
    op: fc.constantFrom('RNN', 'GRU', 'LSTM'),
    direction: fc.constantFrom('forward', 'reverse', 'bidirectional'),
    steps: fc.integer({ min: 1, max: 4 }),
    batch: fc.integer({ min: 1, max: 2 }),
    layout: fc.integer({ min: 0, max: 1 }),
    bias: fc.boolean(),
    state: fc.boolean(),
    special: fc.boolean(),
  });

  it('step by step are the same', () => {
    fc.assert(
      fc.property(sizes, ({ op, direction, steps, batch, layout, bias, state, special }) => {
        const w = writeGraph();
        const [features, hidden] = [3, 2];
        const d = direction === 'bidirectional' ? 2 : 1;
        const rows = gates[op] * hidden;
        const x = w.input('x', layout === 1 ? [batch, steps, features] : [steps, batch, features]);
        const initial = (name: string): number | null =>
          state ? w.input(name, layout === 1 ? [batch, d, hidden] : [d, batch, hidden]) : null;
        const inputs: (number | null)[] = [
          x,
          w.weight([d, rows, features]),
          w.weight([d, rows, hidden]),
          bias ? w.weight([d, 2 * rows]) : null,
          null,
          initial('h0'),
        ];
        if (op === 'LSTM') inputs.push(initial('c0'), special ? w.weight([d, 3 * hidden]) : null);
        const attributes = { direction, layout, hidden_size: hidden, ...(op === 'GRU' && special ? { linear_before_reset: 1 } : {}) };
        const outputs = w.node(op, inputs, attributes, { outputs: op === 'LSTM' ? 3 : 2 });
        expectSame(w.finish(...outputs), [op]);
      }),
      { numRuns: 40 },
    );
  });

  it('with lengths that only the run knows stay whole, and say so', () => {
    const w = writeGraph();
    const inputs = [w.input('x', [2, 1, 3]), w.weight([1, 2, 3]), w.weight([1, 2, 2]), null, w.input('lengths', [1], 'int32')];
    const { graph, declined } = lower(w.finish(...w.node('RNN', inputs, { hidden_size: 2 })));
    expect(graph.nodes.map((n) => n.op)).toEqual(['RNN']);
    expect([...declined.values()][0]?.reason).toContain('sequence_lens');
  });
});

describe('attention', () => {
  it.each([
    [
      'heads in rank 4',
      [
        [1, 2, 3, 4],
        [1, 2, 5, 4],
        [1, 2, 5, 4],
      ],
      {},
    ],
    [
      'heads in rank 3',
      [
        [2, 3, 8],
        [2, 5, 8],
        [2, 5, 8],
      ],
      { q_num_heads: 2, kv_num_heads: 2 },
    ],
    [
      'grouped heads',
      [
        [1, 4, 3, 4],
        [1, 2, 5, 4],
        [1, 2, 5, 4],
      ],
      {},
    ],
    [
      'causal',
      [
        [1, 2, 4, 4],
        [1, 2, 4, 4],
        [1, 2, 4, 4],
      ],
      { is_causal: 1 },
    ],
    [
      'softcap and scale',
      [
        [1, 2, 3, 4],
        [1, 2, 5, 4],
        [1, 2, 5, 4],
      ],
      { softcap: { float: 2 }, scale: { float: 0.3 } },
    ],
    [
      'a mask',
      [
        [1, 2, 3, 4],
        [1, 2, 5, 4],
        [1, 2, 5, 4],
        [3, 5],
      ],
      {},
    ],
    [
      'a cache',
      [
        [1, 4, 2, 4],
        [1, 2, 2, 4],
        [1, 2, 2, 4],
        [2, 5],
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ],
      { is_causal: 1 },
    ],
  ] as const)('of ai.onnx: %s', (_, shapes, attributes) => {
    expectSame(single('Attention', shapes, attributes, shapes.length > 4 ? 3 : 1), ['Attention']);
  });

  it.each(['bool', 'float32'] as const)('a query whose every key a %s mask hides gets zeros, not the average of nothing', (dtype) => {
    const w = writeGraph();
    const shapes = [
      [1, 2, 3, 4],
      [1, 2, 5, 4],
      [1, 2, 5, 4],
    ];
    const heads = shapes.map((shape, i) => w.input(`x${i}`, shape));
    const graph = w.finish(...w.node('Attention', [...heads, w.input('mask', [3, 5], dtype)]));
    const inputs = new Map(randomInputs(graph, 3));
    // Query 1 sees nothing, query 2 one key.
    const sees = Array.from({ length: 15 }, (_, i) => i < 5 || i === 12);
    inputs.set('mask', {
      dtype,
      shape: [3, 5],
      data: dtype === 'bool' ? Uint8Array.from(sees, Number) : Float32Array.from(sees, (s) => (s ? 0 : -Infinity)),
    });
    const [y = ''] = graph.outputs.map((id) => graph.values[id]?.name ?? '');
    const was = interpret(graph, inputs).get(y)?.data as Float32Array;
    const is = interpret(lower(graph).graph, inputs).get(y)?.data as Float32Array;
    expect([...was.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
    was.forEach((x, i) => expect(is[i]).toBeCloseTo(x, 5));
  });

  it('lengths that only the run knows: with and without a cache, causal, in windows, from no key at all to all', () => {
    const bound = fc.integer({ min: -1, max: 3 });
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), bound, bound, fc.tuple(fc.nat(6), fc.nat(6)), (cached, causal, left, right, lengths) => {
        const w = writeGraph();
        const heads = [w.input('q', [2, 2, 3, 4]), w.input('k', [2, 2, cached ? 4 : 6, 4]), w.input('v', [2, 2, cached ? 4 : 6, 4])];
        const caches = cached ? [w.input('pk', [2, 2, 2, 4]), w.input('pv', [2, 2, 2, 4])] : [null, null];
        const attributes = { is_causal: Number(causal), left_window_size: left, right_window_size: right };
        const graph = w.finish(...w.node('Attention', [...heads, null, ...caches, w.input('lengths', [2], 'int64')], attributes));
        const inputs = new Map(randomInputs(graph, 3));
        inputs.set('lengths', { dtype: 'int64', shape: [2], data: BigInt64Array.from(lengths, BigInt) });
        const { graph: after } = lower(graph);
        expect(after.nodes.map((n) => n.op)).not.toContain('Attention');
        const [was, is] = [graph, after].map((g) => [...interpret(g, inputs).values()][0]?.data as Float32Array);
        was?.forEach((x, i) => expect(is?.[i]).toBeCloseTo(x, 5));
      }),
      { numRuns: 150 },
    );
  });

  it('a constant mask that leaves a key to every query needs no guard', () => {
    const w = writeGraph();
    const shapes = [
      [1, 2, 3, 4],
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ];
    const heads = shapes.map((shape, i) => w.input(`x${i}`, shape));
    const { graph } = lower(w.finish(...w.node('Attention', heads, { is_causal: 1 })));
    expect(graph.nodes.map((n) => n.op)).not.toContain('Where');
  });

  it('grouped heads are not copied', () => {
    const { graph } = lower(
      single('Attention', [
        [1, 4, 3, 4],
        [1, 2, 5, 4],
        [1, 2, 5, 4],
      ]),
    );
    expect(graph.nodes.map((n) => n.op)).not.toContain('Expand');
  });

  it('MultiHeadAttention of com.microsoft', () => {
    expectSame(single('com.microsoft.MultiHeadAttention', [[2, 3, 8], [2, 5, 8], [2, 5, 8], [24]], { num_heads: 2 }), [
      'MultiHeadAttention',
    ]);
  });

  it('Attention of com.microsoft with a cache', () => {
    const w = writeGraph();
    const inputs = [w.input('x', [2, 3, 8]), w.weight([8, 24]), w.weight([24]), null, w.input('past', [2, 2, 2, 4, 4])];
    expectSame(w.finish(...w.node('com.microsoft.Attention', inputs, { num_heads: 2, unidirectional: 1 }, { outputs: 2 })), ['Attention']);
  });

  it('GroupQueryAttention with rotary positions, when the cache is as full as its size says', () => {
    const w = writeGraph();
    const lengths = w.constant({ dtype: 'int32', shape: [1], data: Int32Array.of(4) });
    const total = w.constant({ dtype: 'int32', shape: [], data: Int32Array.of(5) });
    const cache = [w.input('pk', [1, 2, 3, 4]), w.input('pv', [1, 2, 3, 4])];
    const qkv = [w.input('q', [1, 2, 16]), w.input('k', [1, 2, 8]), w.input('v', [1, 2, 8])];
    const tables = [w.weight([8, 2], 1), w.weight([8, 2], 1)];
    const attributes = { num_heads: 4, kv_num_heads: 2, do_rotary: 1 };
    const outputs = w.node('com.microsoft.GroupQueryAttention', [...qkv, ...cache, lengths, total, ...tables], attributes, { outputs: 3 });
    expectSame(w.finish(...outputs), ['GroupQueryAttention']);
  });

  it.each([0, 1])('RotaryEmbedding, interleaved %d', (interleaved) => {
    expectSame(
      single(
        'RotaryEmbedding',
        [
          [2, 3, 4, 6],
          [2, 4, 2],
          [2, 4, 2],
        ],
        { interleaved, rotary_embedding_dim: 4 },
      ),
      ['RotaryEmbedding'],
    );
  });
});

describe('convolutions', () => {
  const small = fc.integer({ min: 1, max: 3 });
  it('transposed ones, phase by phase', () => {
    fc.assert(
      fc.property(
        fc.tuple(small, small),
        fc.tuple(small, small),
        fc.tuple(small, small),
        fc.tuple(small, small),
        fc.constantFrom(1, 2),
        (k, s, d, extra, group) => {
          const w = writeGraph();
          const pads = k.map((kernel, i) => Math.min(1, (kernel - 1) * (d[i] ?? 1)));
          const x = w.input('x', [1, 2 * group, 3 + extra[0], 3 + extra[1]]);
          const inputs = [x, w.weight([2 * group, 2, ...k]), w.weight([2 * group])];
          const y = w.node('ConvTranspose', inputs, { strides: s, dilations: d, pads: [...pads, ...pads], group });
          expectSame(w.finish(...y), ['ConvTranspose']);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('3-D ones, depth as channels', () => {
    const w = writeGraph();
    const inputs = [w.input('x', [2, 4, 5, 6, 7]), w.weight([6, 2, 3, 2, 3]), w.weight([6])];
    const y = w.node('Conv', inputs, { strides: [2, 1, 2], pads: [1, 0, 1, 1, 1, 1], group: 2, dilations: [1, 2, 1] });
    const after = expectSame(w.finish(...y), []);
    expect(after.nodes.filter((n) => n.op === 'Conv').every((n) => after.values[n.inputs[0] ?? 0]?.type.shape.length === 4)).toBe(true);
  });
});

describe('products', () => {
  it.each([
    [
      'ij,jk->ik',
      [
        [2, 3],
        [3, 4],
      ],
    ],
    [
      'bij,bjk->bik',
      [
        [2, 2, 3],
        [2, 3, 4],
      ],
    ],
    [
      'bhqd,bhkd->bhqk',
      [
        [1, 2, 3, 4],
        [1, 2, 5, 4],
      ],
    ],
    [
      'bqhd,bkhd->bhqk',
      [
        [1, 3, 2, 4],
        [1, 5, 2, 4],
      ],
    ],
    [
      '...ij,jk->...ik',
      [
        [2, 3, 2, 3],
        [3, 4],
      ],
    ],
    ['ij->ji', [[2, 3]]],
    ['ijk->j', [[2, 3, 4]]],
    ['i,j->ij', [[2], [3]]],
    [
      'ij,jk,kl->il',
      [
        [2, 3],
        [3, 4],
        [4, 2],
      ],
    ],
  ] as const)('Einsum %s', (equation, shapes) => {
    expectSame(single('Einsum', shapes, { equation }), ['Einsum']);
  });

  it('MatMul whose batches broadcast against each other', () => {
    expectSame(
      single('MatMul', [
        [2, 1, 3, 4],
        [1, 5, 4, 2],
      ]),
      [],
    );
    expectSame(single('MatMul', [[4], [4, 2]]), []);
  });

  it('Gemm with factors and a bias of any shape', () => {
    expectSame(
      single(
        'Gemm',
        [
          [3, 2],
          [4, 3],
          [2, 1],
        ],
        { alpha: { float: 0.5 }, beta: { float: 2 }, transA: 1, transB: 1 },
      ),
      [],
    );
  });

  it('MatMulNBits: weights in blocks of 4 bits', () => {
    const w = writeGraph();
    const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i * 37) & 255);
    const packed = w.constant({ dtype: 'uint8', shape: [3, 2, 8], data: bytes(48) });
    const zero = w.constant({ dtype: 'uint8', shape: [3], data: bytes(3) });
    const y = w.node('com.microsoft.MatMulNBits', [w.input('a', [2, 32]), packed, w.weight([6], 0.01), zero], {
      K: 32,
      N: 3,
      bits: 4,
      block_size: 16,
    });
    expectSame(w.finish(...y), ['MatMulNBits']);
  });

  it('FusedMatMul, FusedGemm, FusedConv', () => {
    expectSame(
      single(
        'com.microsoft.FusedMatMul',
        [
          [2, 3, 4],
          [2, 5, 4],
        ],
        { transB: 1, alpha: { float: 0.5 } },
      ),
      ['FusedMatMul'],
    );
    expectSame(
      single(
        'com.microsoft.FusedGemm',
        [
          [2, 3],
          [3, 4],
        ],
        { activation: 'Relu' },
      ),
      ['FusedGemm'],
    );
    const w = writeGraph();
    const y = w.node('com.microsoft.FusedConv', [w.input('x', [1, 2, 5, 5]), w.weight([3, 2, 3, 3]), w.weight([3])], {
      activation: 'Relu',
      kernel_shape: [3, 3],
    });
    expectSame(w.finish(...y), ['FusedConv']);
  });
});

describe('operators of com.microsoft', () => {
  it.each([
    ['BiasGelu', [[2, 4], [4]]],
    ['FastGelu', [[2, 4], [4]]],
    ['QuickGelu', [[2, 4]]],
    ['SkipLayerNormalization', [[2, 3, 4], [2, 3, 4], [4], [4], [4]]],
    ['SkipSimplifiedLayerNormalization', [[2, 3, 4], [2, 3, 4], [4], [4]]],
  ] as const)('%s', (op, shapes) => {
    expectSame(single(`com.microsoft.${op}`, shapes), [op]);
  });
});
