/** Weights outside the model file are found at import and read when somebody looks. */
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadModel } from '../../../src/cli/model.ts';
import { importModel } from '../../../src/compiler/import/index.ts';
import { interpret } from '../../../src/graph/index.ts';
import { encodeModel, type ExternalReader } from '../../../src/onnx/index.ts';
import type { OnnxSparseTensor, OnnxTensor } from '../../../src/onnx/model.ts';
import { input, model, node, tensor } from './build.ts';

function external(name: string, dims: readonly number[], location: string, offset = 0): OnnxTensor {
  return { name, dtype: 'float32', dims, data: { kind: 'external', location, offset, length: null } };
}

test('three gigabytes in two files: nothing is read at import, memory stays where it was', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'systole-external-'));
  try {
    // Files with holes: they take no room on disk.
    const gigabyte = 2 ** 30;
    const layers = Array.from({ length: 12 }, (_, i) => external(`w${i}`, [8192, 8192], i < 6 ? 'a.bin' : 'b.bin', (i % 6) * 2 ** 28));
    for (const name of ['a.bin', 'b.bin']) {
      const file = openSync(join(folder, name), 'w');
      ftruncateSync(file, 1.5 * gigabyte);
      if (name === 'b.bin') writeSync(file, new Uint8Array(Float32Array.of(1, 2, 3).buffer), 0, 12, 5 * 2 ** 28);
      closeSync(file);
    }
    const graph = {
      inputs: [input('x', ['n', 8192])],
      outputs: ['y12'],
      initializers: layers,
      nodes: layers.map((w, i) => node('MatMul', [i === 0 ? 'x' : `y${i}`, w.name], [`y${i + 1}`])),
    };
    writeFileSync(join(folder, 'model.onnx'), encodeModel(model(graph)));
    const before = process.memoryUsage().rss;
    const imported = await loadModel(join(folder, 'model.onnx'));
    expect(process.memoryUsage().rss - before).toBeLessThan(0.2 * gigabyte);
    expect(imported.diagnostics).toEqual([]);
    const last = imported.graph.values.find((v) => v.name === 'w11')?.constant;
    expect(last?.kind === 'bytes' ? new Float32Array(last.bytes.slice(0, 12).buffer) : last).toEqual(Float32Array.of(1, 2, 3));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('each tensor is asked for once and read only when looked at', async () => {
  const asked: string[] = [];
  let reads = 0;
  const read: ExternalReader = (location, offset, length) => {
    asked.push(`${location} ${offset} ${length}`);
    const bytes = new Uint8Array(Float32Array.of(5, 6).buffer);
    return Promise.resolve({
      byteLength: length ?? 0,
      read: () => {
        reads++;
        return bytes;
      },
    });
  };
  const attribute = { tensor: external('', [2], 'dir/c.bin', 8) };
  const bytes = encodeModel(
    model({
      inputs: [input('x', [2])],
      outputs: ['z'],
      initializers: [external('w', [2], 'w.bin')],
      nodes: [node('Constant', [], ['c'], { value: attribute }), node('Add', ['x', 'w'], ['y']), node('Add', ['y', 'c'], ['z'])],
    }),
  );
  const { graph } = await importModel(bytes, { name: 'lazy', external: read });
  expect(asked).toEqual(['w.bin 0 8', 'dir/c.bin 8 8']);
  expect(graph.values.map((v) => v.type.dtype)).toEqual(['float32', 'float32', 'float32', 'float32', 'float32']);
  const z = interpret(graph, new Map([['x', { dtype: 'float32', shape: [2], data: Float32Array.of(1, 1) }]])).get('z');
  expect(z?.data).toEqual(Float32Array.of(11, 13));
  expect(reads).toBeGreaterThan(0);
});

test('a file that shrank since import is told when it is read', async () => {
  const bytes = encodeModel(
    model({ inputs: [], outputs: ['y'], initializers: [external('w', [2000], 'w.bin')], nodes: [node('Neg', ['w'], ['y'])] }),
  );
  const shrunk: ExternalReader = () => Promise.resolve({ byteLength: 8000, read: () => new Uint8Array(4) });
  const { graph } = await importModel(bytes, { name: 'shrunk', external: shrunk });
  expect(() => interpret(graph, new Map())).toThrow(/SYS4011.*"w" needs 8000 bytes, and "w.bin" gave 4/);
});

test('sparse initializers are dense when read; indices outside the shape are refused', () => {
  const sparse = (indices: readonly bigint[], dims: readonly number[], shape: readonly number[]): OnnxSparseTensor => ({
    values: tensor('s', { dtype: 'float32', shape: [2], data: Float32Array.of(7, 8) }),
    indices: tensor('', { dtype: 'int64', shape, data: BigInt64Array.from(indices) }),
    dims,
  });
  const load = async (s: OnnxSparseTensor): Promise<unknown> => {
    const plain = model({ inputs: [], outputs: ['y'], nodes: [node('Neg', ['s'], ['y'])] });
    const bytes = encodeModel({ ...plain, graph: { ...plain.graph, sparseInitializers: [s] } });
    return interpret((await importModel(bytes, { name: 's' })).graph, new Map()).get('y')?.data;
  };
  return Promise.all([
    expect(load(sparse([1n, 5n], [2, 3], [2]))).resolves.toEqual(Float32Array.of(-0, -7, -0, -0, -0, -8)),
    expect(load(sparse([0n, 1n, 1n, 2n], [2, 3], [2, 2]))).resolves.toEqual(Float32Array.of(-0, -7, -0, -0, -0, -8)),
    expect(load(sparse([1n, 6n], [2, 3], [2]))).rejects.toThrow(/SYS4026.*index 1 lies outside/),
    expect(load(sparse([1n, 5n], [2 ** 40, 3], [2]))).rejects.toThrow(/SYS4026.*made dense/),
  ]);
});
