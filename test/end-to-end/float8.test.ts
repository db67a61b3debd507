/** 8-bit floats: memory holds them, conversions read and write them, moves move them. */
import { describe, expect, it } from 'vitest';
import { compile, importDecoded, randomInputs } from '../../src/compiler/index.ts';
import type { DType } from '../../src/core/index.ts';
import { interpret } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
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
