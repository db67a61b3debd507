/** Attention operators against compositions of MatMul and Softmax, and against each other. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/core/index.ts';
import { evaluateNode, opDef, printShape, type Attribute, type Dim, type Node } from '../../src/graph/index.ts';
import { symbolDim } from '../../src/graph/dim.ts';
import { attributes, f32, i64, node, numbers, randomTensor, type Plain } from './helpers.ts';

function i32(shape: readonly number[], values: readonly number[]): Tensor {
  return { dtype: 'int32', shape, data: Int32Array.from(values) };
}

function bool(shape: readonly number[], values: readonly number[]): Tensor {
  return { dtype: 'bool', shape, data: Uint8Array.from(values) };
}

function run(
  op: string,
  inputs: readonly (Tensor | null)[],
  plain: Readonly<Record<string, Plain>> = {},
  outputs = 1,
  domain = 'com.microsoft',
): Tensor[] {
  return [...evaluateNode({ ...node(op, inputs.length, plain, outputs), domain }, 23, inputs)];
}

const one = (op: string, inputs: readonly (Tensor | null)[], plain: Readonly<Record<string, Plain>> = {}, opset = 23): Tensor => {
  const [y] = evaluateNode(node(op, inputs.length, plain), opset, inputs);
  if (y === undefined) throw new Error(op);
  return y;
};

/** [b, s, h·d] -> [b, h, s, d] */
function heads(x: Tensor, count: number): Tensor {
  const [b = 1, s = 1, w = 1] = x.shape;
  return one('Transpose', [f32([b, s, count, w / count], numbers(x))], { perm: [0, 2, 1, 3] });
}

function rows(x: Tensor): Tensor {
  const [b = 1, h = 1, s = 1, d = 1] = x.shape;
  return f32([b, s, h * d], numbers(one('Transpose', [x], { perm: [0, 2, 1, 3] })));
}

/** softmax(q·kᵀ / √d + mask)·v by standard operators. */
function composed(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | null = null, scale: number = 1 / Math.sqrt(q.shape[3] ?? 1)): Tensor {
  const product = one('Mul', [one('MatMul', [q, one('Transpose', [k], { perm: [0, 1, 3, 2] })]), f32([], [scale])]);
  return one('MatMul', [one('Softmax', [mask === null ? product : one('Add', [product, mask])]), v]);
}

function close(got: Tensor | undefined, want: Tensor, digits = 5): void {
  expect(got?.shape).toEqual(want.shape);
  const w = numbers(want);
  for (const [i, g] of numbers(got).entries()) expect(g).toBeCloseTo(w[i] ?? NaN, digits);
}

/** Additive mask [s, t]: query i stands at past + i. */
function causal(s: number, t: number, past: number, window = Infinity): Tensor {
  return f32(
    [s, t],
    Array.from({ length: s * t }, (_, n) => {
      const [i, j] = [Math.floor(n / t) + past, n % t];
      return j > i || j <= i - window ? -1e30 : 0;
    }),
  );
}

const sizes = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 3 }),
  group: fc.integer({ min: 1, max: 3 }),
  queries: fc.integer({ min: 1, max: 4 }),
  past: fc.integer({ min: 1, max: 3 }),
  size: fc.constantFrom(2, 4),
  seed: fc.integer(),
});

describe('ai.onnx Attention', () => {
  test('is MatMul, Softmax, MatMul, with grouped heads and a cache in front', () => {
    fc.assert(
      fc.property(sizes, ({ batch, heads: h, group, queries, past, size, seed }) => {
        const q = randomTensor([batch, h * group, queries, size], seed);
        const [k, v] = [randomTensor([batch, h, queries, size], seed + 1), randomTensor([batch, h, queries, 3], seed + 2)];
        const [pk, pv] = [randomTensor([batch, h, past, size], seed + 3), randomTensor([batch, h, past, 3], seed + 4)];
        const [y, presentK, presentV] = run('Attention', [q, k, v, null, pk, pv], { is_causal: 1 }, 3, '');
        const [wantK, wantV] = [one('Concat', [pk, k], { axis: 2 }), one('Concat', [pv, v], { axis: 2 })];
        expect(numbers(presentK)).toEqual(numbers(wantK));
        expect(numbers(presentV)).toEqual(numbers(wantV));
        const total = past + queries;
        const repeat = (x: Tensor, d: number): Tensor =>
          f32(
            [batch, h * group, total, d],
            numbers(one('Expand', [f32([batch, h, 1, total, d], numbers(x)), i64([5], [batch, h, group, total, d])])),
          );
        close(y, composed(q, repeat(wantK, size), repeat(wantV, 3), causal(queries, total, past)));
      }),
      { numRuns: 25 },
    );
  });

  test('a query without any key gives zeros, a hidden key may hold anything', () => {
    const v = f32([1, 1, 2, 1], [NaN, 4]);
    const [y] = run('Attention', [f32([1, 1, 2, 1], [1, 1]), f32([1, 1, 2, 1], [Infinity, 1]), v, bool([2, 2], [0, 1, 0, 0])], {}, 1, '');
    expect(numbers(y)).toEqual([4, 0]);
  });

  test('dimensions stay symbolic: the present length is the sum', () => {
    const [batch, past, now] = ['batch', 'past', 'now'].map(symbolDim);
    const type = (...shape: (Dim | undefined)[]) => ({ dtype: 'float16' as const, shape: shape.map((d) => d ?? 1) });
    const cache = type(batch, 2, past, 8);
    const types = infer('', 'Attention', [type(batch, now, 32), type(batch, now, 16), type(batch, now, 16), null, cache, cache], {
      q_num_heads: 4,
      kv_num_heads: 2,
    });
    expect(types.map((t) => printShape(t.shape))).toEqual([
      '[batch, now, 32]',
      '[batch, 2, now+past, 8]',
      '[batch, 2, now+past, 8]',
      '[batch, 4, now, now+past]',
    ]);
  });
});

function infer(
  domain: string,
  op: string,
  inputs: readonly ({ dtype: Tensor['dtype']; shape: readonly Dim[] } | null)[],
  plain: Readonly<Record<string, Plain>>,
  dims: Readonly<Record<number, readonly Dim[]>> = {},
): readonly { dtype: Tensor['dtype']; shape: readonly Dim[] }[] {
  const n: Node = { ...node(op, inputs.length, {}, 4), domain, attributes: attributes(plain) };
  const def = opDef(domain, op);
  if (def === undefined) throw new Error(`no ${domain} ${op}`);
  return def.infer({
    node: n,
    opset: 23,
    inputs,
    tensor: () => null,
    dims: (i) => dims[i] ?? null,
    elements: (i) => dims[i] ?? null,
    unknownDim: () => symbolDim('unknown'),
    inferGraph: () => [],
    contradicts: () => false,
    unknownRank: ([first]) => ({ dtype: first?.dtype ?? 'float32', shape: [], unranked: true }),
  });
}

describe('com.microsoft Attention', () => {
  const [batch, length, width, count] = [2, 3, 8, 2];
  const x = randomTensor([batch, length, width], 1);
  const w = randomTensor([width, 3 * width], 2);
  const b = randomTensor([3 * width], 3);
  const past = randomTensor([2, batch, count, 2, width / count], 4);
  const projected = one('Add', [one('MatMul', [x, w]), b]);
  const part = (i: number): Tensor =>
    heads(one('Slice', [projected, i64([1], [i * width]), i64([1], [(i + 1) * width]), i64([1], [2])]), count);
  const pastPart = (i: number): Tensor =>
    f32([batch, count, 2, 4], numbers(past).slice((i * numbers(past).length) / 2, ((i + 1) * numbers(past).length) / 2));

  test('projects, attends and keeps a cache', () => {
    const [y, present] = run('Attention', [x, w, b, null, past], { num_heads: count, unidirectional: 1 }, 2);
    const k = one('Concat', [pastPart(0), part(1)], { axis: 2 });
    const v = one('Concat', [pastPart(1), part(2)], { axis: 2 });
    close(y, rows(composed(part(0), k, v, causal(length, length + 2, 2))));
    close(present, f32([2, batch, count, 5, 4], [...numbers(k), ...numbers(v)]));
  });

  test('every form of the mask hides the same keys', () => {
    // Sequence 0 has 2 tokens, sequence 1 all 3.
    const hidden = f32([2, 1, 1, 3], [0, 0, -10000, 0, 0, 0]);
    const want = rows(composed(part(0), part(1), part(2), hidden));
    const each = [0, 1, 2].flatMap(() => [1, 1, 0]);
    const all = Array<number>(9).fill(1);
    for (const mask of [
      i32([2], [2, 3]),
      i32([4], [2, 3, 0, 0]),
      i32([8], [2, 3, 0, 3, 6, 0, 2, 5]),
      i32([2, 3], [1, 1, 0, 1, 1, 1]),
      i32([2, 3, 3], [...each, ...all]),
      i32([2, 1, 3, 3], [...each, ...all]),
    ]) {
      close(run('Attention', [x, w, b, mask], { num_heads: count })[0], want);
    }
    expect(() => run('Attention', [x, w, b, i32([5], [1, 1, 1, 1, 1])], { num_heads: count })).toThrow(/mask \[5\]/);
  });

  test('QAttention is Attention on the numbers its integers stand for', () => {
    const q = (t: Tensor, scale: number, zero: number): Tensor => ({
      dtype: 'uint8',
      shape: t.shape,
      data: Uint8Array.from(numbers(t), (v) => Math.min(255, Math.max(0, Math.round(v / scale) + zero))),
    });
    const real = (t: Tensor, scale: number, zero: number): Tensor =>
      f32(
        t.shape,
        numbers(t).map((v) => (v - zero) * scale),
      );
    const [qx, qw] = [q(x, 0.02, 128), q(w, 0.03, 120)];
    const zero = (z: number): Tensor => ({ dtype: 'uint8', shape: [], data: Uint8Array.of(z) });
    const [y, present] = run(
      'QAttention',
      [qx, qw, b, f32([], [0.02]), f32([1], [0.03]), i32([2], [2, 3]), zero(128), zero(120), past],
      { num_heads: count, unidirectional: 1 },
      2,
    );
    const [want, wantPresent] = run(
      'Attention',
      [real(qx, 0.02, 128), real(qw, 0.03, 120), b, i32([2], [2, 3]), past],
      { num_heads: count, unidirectional: 1 },
      2,
    );
    close(y, want ?? f32([], []), 4);
    close(present, wantPresent ?? f32([], []), 4);
  });

  test('MultiHeadAttention on projected rows gives the same; packed forms too', () => {
    const rowsOf = [0, 1, 2].map((i) =>
      one('Slice', [one('MatMul', [x, w]), i64([1], [i * width]), i64([1], [(i + 1) * width]), i64([1], [2])]),
    );
    const [y, present] = run('Attention', [x, w, b, null, past], { num_heads: count }, 2);
    const [own, k, v] = run('MultiHeadAttention', [...rowsOf, b, null, null, pastPart(0), pastPart(1)], { num_heads: count }, 3);
    close(own, y ?? f32([], []));
    expect([...numbers(k), ...numbers(v)].map((n) => n.toFixed(4))).toEqual(numbers(present).map((n) => n.toFixed(4)));
    // [batch, length, heads, 3, size]
    const stack = (parts: readonly (Tensor | undefined)[]): Tensor => {
      const split = parts.map((t) => f32([batch, length, count, 1, 4], numbers(t)));
      return one('Concat', split, { axis: 3 });
    };
    const plainRows = run('MultiHeadAttention', rowsOf, { num_heads: count })[0] ?? f32([], []);
    close(run('MultiHeadAttention', [stack(rowsOf)], { num_heads: count })[0], plainRows);
    close(run('MultiHeadAttention', [rowsOf[0] ?? null, stack(rowsOf.slice(1))], { num_heads: count })[0], plainRows);
    close(
      run('MultiHeadAttention', [rowsOf[0] ?? null, ...rowsOf.slice(1).map((t) => heads(t, count))], { num_heads: count })[0],
      plainRows,
    );
  });

  test('rotary positions of do_rotary are those of RotaryEmbedding', () => {
    const [y] = run('Attention', [x, w, b], { num_heads: count, do_rotary: 1 });
    const angles = Array.from({ length: length * 2 }, (_, i) => Math.floor(i / 2) * 10000 ** (-(i % 2) / 2));
    const [cos, sin] = [f32([length, 2], angles.map(Math.cos)), f32([length, 2], angles.map(Math.sin))];
    const turn = (t: Tensor): Tensor => run('RotaryEmbedding', [t, i64([1], [0]), cos, sin])[0] ?? t;
    close(y, rows(composed(turn(part(0)), turn(part(1)), part(2))));
  });
});

describe('com.microsoft GroupQueryAttention', () => {
  const [size, count, keyHeads] = [4, 4, 2];
  const operands = (batch: number, length: number, seed: number): readonly [Tensor, Tensor, Tensor] => [
    randomTensor([batch, length, count * size], seed),
    randomTensor([batch, length, keyHeads * size], seed + 1),
    randomTensor([batch, length, keyHeads * size], seed + 2),
  ];
  const plain = { num_heads: count, kv_num_heads: keyHeads } as const;
  const repeat = (x: Tensor): Tensor => {
    const [b = 1, , t = 1, d = 1] = x.shape;
    return f32([b, count, t, d], numbers(one('Expand', [f32([b, keyHeads, 1, t, d], numbers(x)), i64([5], [b, keyHeads, 2, t, d])])));
  };

  test('the first call is causal attention over groups, whatever the window', () => {
    const [q, k, v] = operands(2, 3, 10);
    const lengths = [i32([2], [2, 2]), i32([], [3])];
    const [y, pk] = run('GroupQueryAttention', [q, k, v, null, null, ...lengths], plain, 3);
    close(y, rows(composed(heads(q, count), repeat(heads(k, keyHeads)), repeat(heads(v, keyHeads)), causal(3, 3, 0))));
    expect(numbers(pk)).toEqual(numbers(heads(k, keyHeads)));
    const [windowed] = run('GroupQueryAttention', [q, k, v, null, null, ...lengths], { ...plain, local_window_size: 2 }, 3);
    close(windowed, rows(composed(heads(q, count), repeat(heads(k, keyHeads)), repeat(heads(v, keyHeads)), causal(3, 3, 0, 2))));
    const packed = one('Concat', [q, k, v], { axis: 2 });
    const [same] = run('GroupQueryAttention', [packed, null, null, null, null, ...lengths], plain, 3);
    expect(numbers(same)).toEqual(numbers(y));
  });

  test('tokens one at a time give what all at once give, in a growing cache and in a fixed buffer', () => {
    const [q, k, v] = operands(1, 3, 20);
    const cos = f32(
      [8, 2],
      Array.from({ length: 16 }, (_, i) => Math.cos(i)),
    );
    const sin = f32(
      [8, 2],
      Array.from({ length: 16 }, (_, i) => Math.sin(i)),
    );
    const options = { ...plain, do_rotary: 1 };
    const [whole] = run('GroupQueryAttention', [q, k, v, null, null, i32([1], [2]), i32([], [3]), cos, sin], options, 3);
    const token = (t: Tensor, i: number): Tensor =>
      f32([1, 1, t.shape[2] ?? 1], numbers(t).slice(i * (t.shape[2] ?? 1), (i + 1) * (t.shape[2] ?? 1)));
    for (const start of [0, 6]) {
      let cache = [
        f32([1, keyHeads, start, size], Array(keyHeads * start * size).fill(7)),
        f32([1, keyHeads, start, size], Array(keyHeads * start * size).fill(7)),
      ];
      const seen: number[] = [];
      for (let i = 0; i < 3; i++) {
        const [y, pk, pv] = run(
          'GroupQueryAttention',
          [token(q, i), token(k, i), token(v, i), ...cache, i32([1], [i]), i32([], [i + 1]), cos, sin],
          options,
          3,
        );
        seen.push(...numbers(y));
        if (pk !== undefined && pv !== undefined) cache = [pk, pv];
      }
      expect(cache[0]?.shape).toEqual([1, keyHeads, Math.max(start, 3), size]);
      for (const [i, n] of numbers(whole).entries()) expect(seen[i]).toBeCloseTo(n, 5);
    }
  });

  test('a sink takes its share of the softmax, softcap bends the scores', () => {
    const ones = f32([1, 1, size], Array(size).fill(1));
    const lengths = [i32([1], [0]), i32([], [1])];
    const options = { num_heads: 1, kv_num_heads: 1, scale: 'float:1' } as const;
    // One key with score 4: its weight is e^4 / (e^4 + e^sink).
    const [smooth] = run('GroupQueryAttention', [ones, ones, ones, null, null, ...lengths], { ...options, smooth_softmax: 1 }, 3);
    expect(numbers(smooth)[0]).toBeCloseTo(Math.exp(4) / (Math.exp(4) + 1), 6);
    const sink = f32([1], [3]);
    const [sunk] = run(
      'GroupQueryAttention',
      [ones, ones, ones, null, null, ...lengths, null, null, null, null, sink],
      { ...options, softcap: 'float:2' },
      3,
    );
    const score = 2 * Math.tanh(2);
    expect(numbers(sunk)[0]).toBeCloseTo(Math.exp(score) / (Math.exp(score) + Math.exp(3)), 6);
  });

  test('the present length comes from total_sequence_length where shapes tell it', () => {
    const [past, now] = [symbolDim('past'), symbolDim('now')];
    const q = { dtype: 'float16' as const, shape: [1, now, 16] };
    const kv = { dtype: 'float16' as const, shape: [1, now, 8] };
    const cache = { dtype: 'float16' as const, shape: [1, 2, past, 4] };
    const ints = { dtype: 'int32' as const, shape: [1] };
    const inputs = [q, kv, kv, cache, cache, ints, ints];
    const shapes = (dims: Readonly<Record<number, readonly Dim[]>>): string[] =>
      infer('com.microsoft', 'GroupQueryAttention', inputs, plain, dims).map((t) => printShape(t.shape));
    expect(shapes({ 6: [symbolDim('total')] })[1]).toBe('[1, 2, max(past,total), 4]');
    expect(shapes({})[1]).toBe('[1, 2, unknown, 4]');
  });
});

describe('rotary embedding', () => {
  test('turning by zero changes nothing; turning twice adds the angles', () => {
    const x = randomTensor([1, 2, 3, 4], 5);
    const cache = (f: (a: number) => number, step: number): Tensor =>
      f32(
        [3, 2],
        Array.from({ length: 6 }, (_, i) => f(step * (i + 1))),
      );
    const turn = (t: Tensor, step: number, plain: Readonly<Record<string, Plain>>): Tensor =>
      one('RotaryEmbedding', [t, f32([1, 3, 2], numbers(cache(Math.cos, step))), f32([1, 3, 2], numbers(cache(Math.sin, step)))], plain);
    for (const interleaved of [0, 1]) {
      expect(numbers(turn(x, 0, { interleaved }))).toEqual(numbers(x));
      close(turn(turn(x, 0.5, { interleaved }), 0.25, { interleaved }), turn(x, 0.75, { interleaved }));
    }
    const cos = cache(Math.cos, 1);
    const sin = cache(Math.sin, 1);
    const [own] = run('RotaryEmbedding', [x, i64([1, 3], [2, 0, 1]), cos, sin]);
    close(own, one('RotaryEmbedding', [x, cos, sin, i64([1, 3], [2, 0, 1])]));
  });
});

test('LinearAttention in pieces with its state is LinearAttention at once', () => {
  const parts: Record<string, Attribute> = attributes({ q_num_heads: 2, kv_num_heads: 1, update_rule: 'gated_delta' });
  const full = [
    randomTensor([1, 4, 8], 1),
    randomTensor([1, 4, 4], 2),
    randomTensor([1, 4, 3], 3),
    null,
    randomTensor([1, 4, 1], 4),
    randomTensor([1, 4, 1], 5),
  ];
  const evaluate = (inputs: readonly (Tensor | null)[]): readonly Tensor[] =>
    evaluateNode({ ...node('LinearAttention', inputs.length, {}, 2), attributes: parts }, 27, inputs);
  const [y, state] = evaluate(full);
  const cut = (t: Tensor | null, from: number, to: number): Tensor | null =>
    t === null ? null : f32([1, to - from, t.shape[2] ?? 1], numbers(t).slice(from * (t.shape[2] ?? 1), to * (t.shape[2] ?? 1)));
  const [first, middle] = evaluate(full.map((t) => cut(t, 0, 3)));
  const [last, end] = evaluate(full.map((t, i) => (i === 3 ? (middle ?? null) : cut(t, 3, 4))));
  expect([...numbers(first), ...numbers(last)]).toEqual(numbers(y));
  expect(numbers(end)).toEqual(numbers(state));
});
