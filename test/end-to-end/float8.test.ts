/** 8-bit floats: memory holds them, conversions read and write them, moves move them. */
import { describe, expect, it } from 'vitest';
import { compile, importDecoded, randomInputs } from '../../src/compiler/index.ts';
import { encodeFloat, seededRandom, type DType } from '../../src/core/index.ts';
import { interpret } from '../../src/graph/index.ts';
import { readCommand, verifyExecutable } from '../../src/isa/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { quantizedBuilder } from './quantized-models.ts';

const types = [
  ['float8e4m3fn', 17],
  ['float8e4m3fnuz', 18],
  ['float8e5m2', 19],
  ['float8e5m2fnuz', 20],
] as const satisfies readonly (readonly [DType, number])[];

describe.each(types)('%s', (dtype, code) => {
  it('Cast to it and back, QuantizeLinear and DequantizeLinear, Transpose and Concat', async () => {
    const machine = await testMachine('small', [`cores.npu.vector.dtypes=[int8, int32, float16, float32, ${dtype}]`]);
    const b = quantizedBuilder(23);
    const x = b.input('x', 'float32', [5, 40]);
    const held = b.node('Transpose', [b.node('Cast', [x], { to: code })], { perm: [1, 0] });
    const scale = b.constant('float32', [], [0.125]);
    const q = b.node('Concat', [held, b.node('QuantizeLinear', [b.input('y', 'float32', [7, 5]), scale], { output_dtype: code })], {
      axis: 0,
    });
    const back = b.node('Cast', [held], { to: 1 });
    const real = b.node('DequantizeLinear', [q, scale]);
    const model = importDecoded(
      b.finish([
        [q, dtype],
        [back, 'float32'],
        [real, 'float32'],
      ]),
      { name: dtype, sha256: '' },
    );
    const inputs = randomInputs(model.graph, 2);
    // Beyond the range, and NaN.
    const numbers = inputs.get('x')?.data;
    if (!(numbers instanceof Float32Array)) throw new Error('x is float32');
    numbers.set([1e9, Number.NaN]);
    const { executable, quantizedGraph } = compile(model, machine, { precision: 'auto', dims: {}, calibration: null });
    expect(executable.kernels.filter((k) => k.engine === 'host').map((k) => k.mapping)).toEqual([]);
    expect(verifyExecutable(executable, machine)).toEqual([]);
    const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
    expect(diagnostics).toEqual([]);
    expect(outputs).toEqual(interpret(quantizedGraph, inputs));
    expect(outputs.get(q)?.dtype).toBe(dtype);
  });
});

describe.each([
  ['float8e4m3fn', 'float8e4m3fn', 17],
  ['float8e4m3fn', 'float8e5m2', 17],
] as const)('products of %s by %s on an array that lists them', (dtype, weightType, code) => {
  const rates = `cores.npu.matrix.rates={ int8: 1, float8e4m3fn: 1, float8e5m2: 1, float32: 0.25 }`;
  const dtypes = 'cores.npu.vector.dtypes=[int8, int32, float32, float8e4m3fn, float8e5m2]';

  /** MatMul of pairs; weights have a scale for each column. */
  function model(): ReturnType<typeof importDecoded> {
    const b = quantizedBuilder(23);
    const [k, n] = [70, 12];
    const random = seededRandom(4);
    const scale = b.constant('float32', [], [0.0625]);
    const q = b.node('QuantizeLinear', [b.input('x', 'float32', [2, 9, k]), scale], { output_dtype: code });
    const codes = Float32Array.from({ length: k * n }, () => random.bell());
    const weights = encoded(weightType, codes);
    const scales = b.constant(
      'float32',
      [n],
      Array.from({ length: n }, () => random.integer(1, 40) / 100),
    );
    const w = b.node('DequantizeLinear', [b.stored(weightType, [k, n], weights), scales], { axis: 1 });
    const y = b.node('Relu', [b.node('MatMul', [b.node('DequantizeLinear', [q, scale]), w])]);
    return importDecoded(b.finish([[y, 'float32']]), { name: dtype, sha256: '' });
  }

  it('take them from memory as they are: the graph they are made from, bit for bit, and the file within rounding', async () => {
    const machine = await testMachine('small', [rates, dtypes]);
    const imported = model();
    const inputs = randomInputs(imported.graph, 2);
    const { executable, quantizedGraph } = compile(imported, machine, { precision: 'auto', dims: {}, calibration: null });
    const commands = executable.programs.flatMap(({ commands: table }) => Array.from(table.op, (_, row) => readCommand(table, row)));
    expect([...new Set(commands.flatMap((c) => (c.op === 'MATMUL' ? [`${c.x.dtype} ${c.w.dtype} ${c.acc.dtype}`] : [])))]).toEqual([
      `${dtype} ${weightType} float32`,
    ]);
    // A byte an element.
    expect(Math.max(...executable.weights.segments.map((s) => s.bytes))).toBe(70 * 12);
    expect(executable.kernels.filter((kernel) => kernel.engine === 'host')).toEqual([]);
    expect(verifyExecutable(executable, machine)).toEqual([]);
    const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
    expect(diagnostics).toEqual([]);
    expect(outputs).toEqual(interpret(quantizedGraph, inputs));
    for (const [name, want] of interpret(imported.graph, inputs)) {
      const got = outputs.get(name)?.data as Float32Array;
      const size = (want.data as Float32Array).reduce((most, y) => Math.max(most, Math.abs(y)), 0);
      expect((want.data as Float32Array).every((y, i) => Math.abs(y - (got[i] ?? NaN)) < size * 70 * 2 ** -23)).toBe(true);
    }
  });

  it('are products of float32 where it lists only that', async () => {
    const machine = await testMachine('small', ['cores.npu.matrix.rates={ int8: 1, float32: 0.25 }', dtypes]);
    const imported = model();
    const inputs = randomInputs(imported.graph, 2);
    const { executable } = compile(imported, machine, { precision: 'auto', dims: {}, calibration: null });
    expect(executable.kernels.filter((kernel) => kernel.engine === 'host')).toEqual([]);
    expect(execute(executable, machine, inputs, { sanitize: true }).outputs).toEqual(interpret(imported.graph, inputs));
  });
});

function encoded(dtype: 'float8e4m3fn' | 'float8e5m2', numbers: Float32Array): Uint8Array {
  return Uint8Array.from(numbers, (x) => encodeFloat(dtype, x, true));
}
