/** Embeddings in blocks of few bits: rows are looked up as bytes and made floats on the engines. */
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/compiler/index.ts';
import { seededRandom, type DType, type Tensor } from '../../src/core/index.ts';
import { interpret, tensorOf } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

describe('GatherBlockQuantized', () => {
  it.each<readonly [DType, boolean, number]>([
    ['int4', true, 4],
    ['uint4', false, 4],
    ['uint8', true, 4],
    ['uint8', false, 8],
    ['uint8', true, 2],
  ])('%s, zero points %s, %i bits', async (dtype, zeros, bits) => {
    const machine = await testMachine('small');
    const random = seededRandom(bits);
    const [rows, columns, block] = [50, 40, 16];
    const perByte = dtype === 'uint8' ? 8 / bits : 1;
    const numbers = (shape: readonly number[], most: number): Tensor => {
      const lo = dtype === 'int4' ? -8 : 0;
      return tensorOf(
        dtype,
        shape,
        Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => random.integer(lo, most)),
      );
    };
    const most = dtype === 'int4' ? 7 : dtype === 'uint4' ? 15 : 255;
    const grid = Math.ceil(columns / block);
    const w = writeGraph();
    const scales = Float32Array.from({ length: rows * grid }, () => random.integer(1, 60) / 512);
    const operands = [
      w.constant(numbers([rows, columns / perByte], most)),
      w.input('ids', [2, 3], 'int64'),
      w.constant({ dtype: 'float32', shape: [rows, grid], data: scales }),
    ];
    if (zeros) operands.push(w.constant(numbers([rows, Math.ceil(grid / perByte)], most)));
    const attributes = { block_size: block, ...(dtype === 'uint8' ? { bits } : {}) };
    const graph = w.finish(...w.node('com.microsoft.GatherBlockQuantized', operands, attributes));
    const inputs = new Map<string, Tensor>([
      ['ids', { dtype: 'int64', shape: [2, 3], data: BigInt64Array.from([0n, 49n, 7n, -1n, 7n, 30n]) }],
    ]);
    const { executable } = compile(modelOf(graph), machine, { precision: 'auto', dims: {}, calibration: null });
    expect(executable.kernels.filter((k) => k.engine === 'host').map((k) => k.mapping)).toEqual([]);
    expect(verifyExecutable(executable, machine)).toEqual([]);
    const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
    expect(diagnostics).toEqual([]);
    expect(outputs).toEqual(interpret(graph, inputs));
    // A byte for a number, and what its block has.
    expect(executable.weights.segments.reduce((n, s) => n + s.bytes, 0)).toBeLessThan(rows * columns + rows * grid * 5 + 200);
  });
});
