/** Whatever the bytes, importing returns or throws a coded error, soon and in little memory. `bench/fuzz.mjs` runs longer. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importModel } from '../../../src/compiler/import/index.ts';
import { SystoleError } from '../../../src/core/index.ts';
import { opNames } from '../../../src/graph/index.ts';
import { decodeModel, encodeModel, type OnnxModel, type OnnxNode } from '../../../src/onnx/index.ts';
import { arbitraryModel } from '../../onnx/arbitrary-model.ts';
import { floats, input, model, node, randomFloats, tensor } from './build.ts';

async function outcome(bytes: Uint8Array): Promise<'read' | 'coded'> {
  const start = performance.now();
  try {
    await importModel(bytes, { name: 'fuzz' });
    return 'read';
  } catch (error) {
    if (!(error instanceof SystoleError)) throw error;
    const codes = error.diagnostics.map((d) => d.code);
    expect(codes.every((code) => /^SYS\d{4}$/.test(code))).toBe(true);
    // An operator's definition stumbled: coded for the user, a fault all the same.
    expect(codes, error.message).not.toContain('SYS4030');
    return 'coded';
  } finally {
    expect(performance.now() - start).toBeLessThan(5000);
  }
}

const branch = (op: string) => ({
  name: '',
  refName: '',
  kind: 'graph' as const,
  value: model({ inputs: [], outputs: ['b'], nodes: [node(op, ['f'], ['b'])] }).graph,
});

/** A convolution, a shape computed from a shape, a branch. */
const seed: Uint8Array = encodeModel(
  model({
    inputs: [input('x', ['n', 2, 6, 6]), input('c', [], 'bool')],
    outputs: ['y'],
    initializers: [
      randomFloats('w', [3, 2, 3, 3], 1),
      floats('bias', [3], [1, 2, 3]),
      tensor('first', { dtype: 'int64', shape: [1], data: BigInt64Array.of(0n) }),
      tensor('rest', { dtype: 'int64', shape: [1], data: BigInt64Array.of(-1n) }),
    ],
    nodes: [
      node('Conv', ['x', 'w', 'bias'], ['a'], { pads: [1, 1, 1, 1], strides: [2, 2] }),
      node('MaxPool', ['a'], ['p'], { kernel_shape: [2, 2] }),
      node('Shape', ['p'], ['s']),
      node('Gather', ['s', 'first'], ['n'], { axis: 0 }),
      node('Concat', ['n', 'rest'], ['t'], { axis: 0 }),
      node('Reshape', ['p', 't'], ['f']),
      {
        ...node('If', ['c'], ['y']),
        attributes: [
          { ...branch('Relu'), name: 'then_branch' },
          { ...branch('Softmax'), name: 'else_branch' },
        ],
      },
    ],
  }),
);

/** A sound file with bytes overwritten, and perhaps cut. */
const damagedFile = fc
  .record({
    edits: fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { minLength: 1, maxLength: 4 }),
    cut: fc.option(fc.nat(), { freq: 8 }),
  })
  .map(({ edits, cut }) => {
    const bytes = seed.slice();
    for (const { at, byte } of edits) bytes[at % bytes.length] = byte;
    return cut === null ? bytes : bytes.subarray(0, cut % (bytes.length + 1));
  });

const extreme = fc.constantFrom(0, 1, -1, 2, 1025, 65536, 2 ** 31, 2 ** 40, 2 ** 52);

/** One node of any operator with operands that need not fit, of sizes nobody has memory for. */
const strangeNode: fc.Arbitrary<OnnxModel> = fc
  .record({
    op: fc.constantFrom(...opNames()),
    opset: fc.constantFrom(1, 6, 7, 10, 13, 18, 23, 27),
    shapes: fc.array(
      fc.array(
        fc.oneof(
          extreme.filter((n) => n >= 0),
          fc.constantFrom('n', null),
        ),
        { maxLength: 4 },
      ),
      { maxLength: 3 },
    ),
    numbers: fc.array(extreme, { maxLength: 4 }),
    dtype: fc.constantFrom('float32' as const, 'int64' as const, 'int8' as const, 'bool' as const, 'string' as const),
    attributes: fc.dictionary(
      fc.constantFrom('axis', 'axes', 'pads', 'kernel_shape', 'strides', 'perm', 'k', 'num_outputs', 'blocksize', 'to', 'group', 'shape'),
      fc.oneof(extreme, fc.array(extreme, { maxLength: 4 }), fc.constant('text')),
      { maxKeys: 3 },
    ),
    outputs: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ op, opset, shapes, numbers, dtype, attributes, outputs }) => {
    const inputs = shapes.map((shape, i) => input(`x${i}`, shape, dtype));
    const list = tensor('list', { dtype: 'int64', shape: [numbers.length], data: BigInt64Array.from(numbers, BigInt) });
    const names = Array.from({ length: outputs }, (_, i) => `y${i}`);
    const strange: OnnxNode = node(op, [...inputs.map((v) => v.name), 'list'], names, attributes);
    return model({ opset, inputs, initializers: [list], outputs: names, nodes: [strange] });
  });

describe('whatever the bytes, importing returns or throws a coded error', () => {
  test('damaged files', async () => {
    const seen = new Set<string>();
    const property = fc.asyncProperty(damagedFile, async (bytes) => {
      seen.add(await outcome(bytes));
    });
    await fc.assert(property, { numRuns: 400, seed: 4 });
    expect(seen.size).toBe(2);
  });

  test('models of random parts', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryModel, async (random) => void (await outcome(encodeModel(random)))),
      { numRuns: 400, seed: 5 },
    );
  });

  test('single nodes with operands and attributes that make no sense', async () => {
    const before = process.memoryUsage().rss;
    await fc.assert(
      fc.asyncProperty(strangeNode, async (random) => void (await outcome(encodeModel(random)))),
      { numRuns: 1500, seed: 6 },
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 2 ** 20);
  });

  test('a tensor of 2^39 elements without data costs nothing, one of 2^48 cannot exist', async () => {
    const parts = (dims: readonly number[]): Uint8Array => {
      const huge = { name: 'w', dtype: 'float32' as const, dims, data: { kind: 'absent' as const } };
      return encodeModel(model({ inputs: [], outputs: ['y'], initializers: [huge], nodes: [node('Relu', ['w'], ['y'])] }));
    };
    expect(await outcome(parts([2 ** 20, 2 ** 19]))).toBe('read');
    expect(await outcome(parts([2 ** 24, 2 ** 24]))).toBe('coded');
    expect(decodeModel(parts([2 ** 24, 2 ** 24])).model.graph.initializers[0]?.dims).toEqual([2 ** 24, 2 ** 24]);
  });
});
