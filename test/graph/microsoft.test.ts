/** com.microsoft operators on real numbers: compositions of ai.onnx operators, and cases worked by hand. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/core/index.ts';
import { evaluateNode } from '../../src/graph/index.ts';
import { f32, i64, node, numbers, randomTensor, type Plain } from './helpers.ts';

function i32(shape: readonly number[], values: readonly number[]): Tensor {
  return { dtype: 'int32', shape, data: Int32Array.from(values) };
}

function u8(shape: readonly number[], values: readonly number[]): Tensor {
  return { dtype: 'uint8', shape, data: Uint8Array.from(values) };
}

function run(op: string, inputs: readonly (Tensor | null)[], plain: Readonly<Record<string, Plain>> = {}, outputs = 1): Tensor[] {
  return [...evaluateNode({ ...node(op, inputs.length, plain, outputs), domain: 'com.microsoft' }, 1, inputs)];
}

function one(op: string, inputs: readonly (Tensor | null)[], plain: Readonly<Record<string, Plain>> = {}): Tensor {
  const [y] = evaluateNode(node(op, inputs.length, plain), 23, inputs);
  if (y === undefined) throw new Error(op);
  return y;
}

function close(got: Tensor | undefined, want: Tensor, digits = 5): void {
  expect(got?.shape).toEqual(want.shape);
  const w = numbers(want);
  for (const [i, g] of numbers(got).entries()) expect(g).toBeCloseTo(w[i] ?? NaN, digits);
}

describe('activations', () => {
  const x = randomTensor([2, 3, 4], 1);
  const bias = randomTensor([4], 2);
  const sum = one('Add', [x, bias]);

  test('are those of ai.onnx, behind a bias', () => {
    close(run('Gelu', [x])[0], one('Gelu', [x]));
    close(run('BiasGelu', [x, bias])[0], one('Gelu', [sum]));
    close(run('FastGelu', [x, bias])[0], one('Gelu', [sum], { approximate: 'tanh' }));
    close(run('FastGelu', [x])[0], one('Gelu', [x], { approximate: 'tanh' }));
    close(run('QuickGelu', [x])[0], one('Mul', [x, one('Sigmoid', [one('Mul', [x, f32([], [1.702])])])]));
    const [silu] = evaluateNode({ ...node('Silu', 1), domain: 'com.example' }, 1, [x]);
    close(silu, one('Mul', [x, one('Sigmoid', [x])]));
  });

  test('BiasSplitGelu gates one half by the other; BiasAdd adds twice', () => {
    const [y] = run('BiasSplitGelu', [x, bias]);
    const half = (from: number): Tensor => one('Slice', [sum, i64([1], [from]), i64([1], [from + 2]), i64([1], [2])]);
    close(y, one('Mul', [half(0), one('Gelu', [half(2)])]));
    close(run('BiasAdd', [x, bias, x])[0], one('Add', [sum, x]));
  });

  test('BiasSoftmax broadcasts its bias on the inside or the outside', () => {
    const data = randomTensor([4, 3], 3);
    const inner = f32([2, 1, 3], [0, 1, 2, 3, 4, 5]);
    const [y] = run('BiasSoftmax', [f32([2, 2, 3], numbers(data)), inner], { axis: 2, is_inner_broadcast: 1 });
    close(y, one('Softmax', [one('Add', [f32([2, 2, 3], numbers(data)), inner])]));
    const outer = f32([2, 3], [0, 1, 2, 3, 4, 5]);
    const [z] = run('BiasSoftmax', [f32([2, 2, 3], numbers(data)), outer], { axis: 2, is_inner_broadcast: 0 });
    close(z, one('Softmax', [one('Add', [f32([2, 2, 3], numbers(data)), outer])]));
  });
});

describe('normalization', () => {
  const [x, skip] = [randomTensor([2, 3, 4], 4), randomTensor([2, 3, 4], 5)];
  const [gamma, beta, bias] = [randomTensor([4], 6), randomTensor([4], 7), randomTensor([4], 8)];

  test('SkipLayerNormalization is LayerNormalization of the sum, which it also gives', () => {
    const sum = one('Add', [one('Add', [x, skip]), bias]);
    const [y, mean, inverse, total] = run('SkipLayerNormalization', [x, skip, gamma, beta, bias], { epsilon: 'float:0.001' }, 4);
    const want = evaluateNode(node('LayerNormalization', 3, { epsilon: 'float:0.001' }, 3), 17, [sum, gamma, beta]);
    for (const [i, t] of [y, mean, inverse].entries()) close(t, want[i] ?? x);
    close(total, sum);
  });

  test('without mean it is RMSNormalization', () => {
    const [y] = run('SkipSimplifiedLayerNormalization', [x, skip, gamma], { epsilon: 'float:0.001' }, 4);
    close(y, one('RMSNormalization', [one('Add', [x, skip]), gamma], { epsilon: 'float:0.001' }));
    const [simple, inverse] = evaluateNode(node('SimplifiedLayerNormalization', 2, {}, 2), 17, [x, gamma]);
    close(simple, one('RMSNormalization', [x, gamma]));
    const square =
      numbers(x)
        .slice(0, 4)
        .reduce((s, v) => s + v * v, 0) / 4;
    expect(numbers(inverse)[0]).toBeCloseTo(1 / Math.sqrt(square + 1e-5), 5);
  });

  test('EmbedLayerNormalization adds word, position and segment, and counts the mask', () => {
    const [words, positions, segments] = [randomTensor([5, 4], 9), randomTensor([8, 4], 10), randomTensor([2, 4], 11)];
    const [ids, kinds, places] = [i32([2, 3], [0, 1, 4, 2, 2, 3]), i32([2, 3], [0, 0, 1, 1, 1, 0]), i32([2, 3], [5, 6, 7, 0, 1, 2])];
    const mask = i32([2, 3], [1, 1, 0, 1, 1, 1]);
    const [y, counts, total] = run('EmbedLayerNormalization', [ids, kinds, words, positions, segments, gamma, beta, mask, places], {}, 3);
    const sum = one('Add', [
      one('Add', [one('Gather', [words, ids]), one('Gather', [positions, places])]),
      one('Gather', [segments, kinds]),
    ]);
    close(total, sum);
    close(y, one('LayerNormalization', [sum, gamma, beta], { epsilon: 'float:1e-12' }));
    expect(numbers(counts)).toEqual([2, 3]);
    expect(() => run('EmbedLayerNormalization', [i32([1, 1], [5]), null, words, positions, null, gamma, beta], {}, 3)).toThrow(
      /no row 5, it has 5/,
    );
  });

  test('GroupNorm over groups of channels, in both layouts, with a skip', () => {
    const image = randomTensor([2, 4, 3, 2], 12);
    const last = one('Transpose', [image], { perm: [0, 2, 3, 1] });
    const norm = one('GroupNormalization', [image, gamma, beta], { num_groups: 2 });
    const silu = one('Mul', [norm, one('Sigmoid', [norm])]);
    close(run('GroupNorm', [image, gamma, beta], { groups: 2, activation: 1, channels_last: 0 })[0], silu, 4);
    close(run('GroupNorm', [last, gamma, beta], { groups: 2, activation: 1 })[0], one('Transpose', [silu], { perm: [0, 2, 3, 1] }), 4);
    const [, sum] = run('SkipGroupNorm', [last, gamma, beta, f32([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]), bias], { groups: 2, activation: 0 }, 2);
    close(sum, one('Add', [one('Add', [last, f32([2, 1, 1, 4], [1, 2, 3, 4, 5, 6, 7, 8])]), bias]));
  });
});

describe('products', () => {
  test('FusedMatMul turns its operands as the attributes say', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean(), fc.integer(), (ta, tb, ba, bb, seed) => {
        // The operands of the plain product, laid out the way the attributes undo.
        const [a, b] = [randomTensor([2, 3, 4], seed), randomTensor([2, 4, 5], seed + 1)];
        const laid = (t: Tensor, trans: boolean, batch: boolean): Tensor => {
          const swapped = trans ? one('Transpose', [t], { perm: [0, 2, 1] }) : t;
          return batch ? one('Transpose', [swapped], { perm: [1, 0, 2] }) : swapped;
        };
        const plain = { transA: Number(ta), transB: Number(tb), transBatchA: Number(ba), transBatchB: Number(bb), alpha: 'float:0.5' };
        const [y] = run('FusedMatMul', [laid(a, ta, ba), laid(b, tb, bb)], plain);
        close(y, one('Mul', [one('MatMul', [a, b]), f32([], [0.5])]));
      }),
      { numRuns: 20 },
    );
  });

  test('activations behind Gemm, MatMul and Conv', () => {
    const [a, b, c] = [randomTensor([3, 4], 1), randomTensor([4, 2], 2), randomTensor([2], 3)];
    close(
      run('FusedGemm', [a, b, c], { activation: 'LeakyRelu', activation_alpha: 'float:0.2' })[0],
      one('LeakyRelu', [one('Gemm', [a, b, c])], { alpha: 'float:0.2' }),
    );
    close(run('FusedMatMulActivation', [a, b], { activation: 'Tanh' })[0], one('Tanh', [one('MatMul', [a, b])]));
    close(run('GemmFastGelu', [a, b, c])[0], one('Gelu', [one('Add', [one('MatMul', [a, b]), c])], { approximate: 'tanh' }));
    const [x, w, z] = [randomTensor([1, 2, 3, 3], 4), randomTensor([2, 2, 1, 1], 5), randomTensor([1, 2, 3, 3], 6)];
    close(run('FusedConv', [x, w, null, z], { activation: 'Relu' })[0], one('Relu', [one('Add', [one('Conv', [x, w]), z])]));
  });

  test.each([2, 4, 8])('MatMulNBits takes %d-bit weights out of their bytes', (bits) => {
    const [n, k, block] = [3, 40, 16];
    const blocks = Math.ceil(k / block);
    const code = (row: number, p: number): number => (row * 7 + p * 5) % 2 ** bits;
    const pack = (values: readonly number[]): number[] => {
      const per = 8 / bits;
      return Array.from({ length: Math.ceil(values.length / per) }, (_, i) =>
        values.slice(i * per, (i + 1) * per).reduce((byte, v, j) => byte | (v << (j * bits)), 0),
      );
    };
    const bytes = Array.from({ length: n * blocks }, (_, i) =>
      pack(Array.from({ length: block }, (__, p) => code(Math.floor(i / blocks), (i % blocks) * block + p))),
    ).flat();
    const scales = Array.from({ length: n * blocks }, (_, i) => 0.1 * (i + 1));
    const zero = (row: number, g: number): number => (row + g) % 2 ** bits;
    const zeros = Array.from({ length: n }, (_, row) => pack(Array.from({ length: blocks }, (__, g) => zero(row, g)))).flat();
    const a = randomTensor([2, k], 1);
    const inputs = [a, u8([n, blocks, (block * bits) / 8], bytes), f32([n, blocks], scales)];
    const plain = { K: k, N: n, bits, block_size: block };
    const weights = (point: (row: number, g: number) => number): Tensor =>
      f32(
        [k, n],
        Array.from({ length: k * n }, (_, i) => {
          const [p, row] = [Math.floor(i / n), i % n];
          const g = Math.floor(p / block);
          return (code(row, p) - point(row, g)) * (scales[row * blocks + g] ?? 0);
        }),
      );
    close(run('MatMulNBits', inputs, plain)[0], one('MatMul', [a, weights(() => 2 ** (bits - 1))]), 2);
    close(run('MatMulNBits', [...inputs, u8([n, Math.ceil((blocks * bits) / 8)], zeros)], plain)[0], one('MatMul', [a, weights(zero)]), 2);
    const points = f32(
      [n, blocks],
      Array.from({ length: n * blocks }, (_, i) => zero(Math.floor(i / blocks), i % blocks)),
    );
    const [biased] = run('MatMulNBits', [...inputs, points, null, f32([n], [1, 2, 3])], plain);
    close(biased, one('Add', [one('MatMul', [a, weights(zero)]), f32([n], [1, 2, 3])]), 2);
  });
});

describe('moves', () => {
  test('ExpandDims, Range, Unique and the operators ai.onnx has too', () => {
    expect(run('ExpandDims', [f32([2, 3], [1, 2, 3, 4, 5, 6]), i32([], [-2])])[0]?.shape).toEqual([2, 1, 3]);
    expect(numbers(run('Range', [f32([], [2]), f32([], [5])])[0])).toEqual([2, 3, 4]);
    expect(run('Unique', [f32([5], [4, 2, 4, 9, 2])], {}, 3).map(numbers)).toEqual([
      [4, 2, 9],
      [0, 1, 0, 2, 1],
      [2, 2, 1],
    ]);
    const x = randomTensor([3, 3], 1);
    expect(numbers(run('Trilu', [x, i64([], [0])], { upper: 0 })[0])).toEqual(numbers(one('Trilu', [x, i64([], [0])], { upper: 0 })));
    expect(numbers(run('GatherND', [x, i64([2, 2], [0, 1, 2, 2])])[0])).toEqual([numbers(x)[1], numbers(x)[8]]);
    expect(numbers(run('QuantizeLinear', [f32([2], [1, -1]), f32([], [0.5]), u8([], [10])])[0])).toEqual([12, 8]);
  });

  test('Inverse times the matrix is the identity', () => {
    const x = f32([2, 2, 2], [0, 2, 4, 1, 3, 1, 1, 2]);
    const [y] = run('Inverse', [x]);
    close(one('MatMul', [x, y ?? x]), f32([2, 2, 2], [1, 0, 0, 1, 1, 0, 0, 1]));
    expect(() => run('Inverse', [f32([2, 2], [1, 2, 2, 4])])).toThrow(/no inverse/);
  });

  test('CropAndResize samples corner to corner', () => {
    const image = f32([1, 1, 2, 2], [0, 1, 2, 3]);
    const [y] = run('CropAndResize', [image, f32([2, 4], [0, 0, 1, 1, 0, 0, 2, 0]), i32([2], [0, 0]), i32([2], [3, 1])], {
      extrapolation_value: 'float:-1',
    });
    expect(numbers(y)).toEqual([0.5, 1.5, 2.5, 0, 2, -1]);
  });

  test('GatherBlockQuantized unpacks the rows it is asked for', () => {
    // Two rows of 16 4-bit numbers, one block each: row r holds (i + r) mod 16.
    const bytes = Array.from({ length: 16 }, (_, i) => {
      const [r, p] = [Math.floor(i / 8), (i % 8) * 2];
      return ((p + r) % 16) | ((((p + 1 + r) % 16) << 4) & 0xf0);
    });
    const [y] = run('GatherBlockQuantized', [u8([2, 8], bytes), i64([2], [1, 5]), f32([2, 1], [1, 0.5])], { block_size: 16, bits: 4 });
    expect(y?.shape).toEqual([2, 16]);
    expect(numbers(y)).toEqual([...Array.from({ length: 16 }, (_, i) => (((i + 1) % 16) - 8) * 0.5), ...Array<number>(16).fill(0)]);
  });

  test('dropout outside training changes nothing and keeps every bit', () => {
    const x = randomTensor([3, 11], 1);
    const [y, mask] = run('BitmaskDropout', [x, f32([], [0.5])], {}, 2);
    expect(y).toBe(x);
    expect(numbers(mask)).toEqual([0xffffffff, 1]);
    const training: Tensor = { dtype: 'bool', shape: [], data: Uint8Array.of(1) };
    expect(() => run('BitmaskDropout', [x, f32([], [0.5]), training], {}, 2)).toThrow(/training mode/);
    const [dx] = run('BitmaskDropoutGrad', [
      f32([3], [1, 2, 3]),
      { dtype: 'uint32', shape: [1], data: Uint32Array.of(5) },
      f32([], [0.5]),
      training,
    ]);
    expect(numbers(dx)).toEqual([2, 0, 6]);
  });
});
