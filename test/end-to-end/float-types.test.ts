/** Every kind of kernel in every floating type the machines list: the program equals the interpreter, bit for bit. */
import { describe, expect, it } from 'vitest';
import { compile, randomInputs, type Compilation } from '../../src/compiler/index.ts';
import { isTensor, type DType, type RuntimeValue, type Tensor } from '../../src/core/index.ts';
import { interpret, tensorOf } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { floatCases, floatModel } from './typed-models.ts';

const types: readonly DType[] = ['float32', 'float16', 'bfloat16'];

/** Units of the last place between two tensors of 16-bit floats, at most. */
function furthest(a: Tensor | undefined, b: RuntimeValue): number {
  if (a === undefined || !isTensor(b) || !(a.data instanceof Uint16Array) || !(b.data instanceof Uint16Array)) return Infinity;
  const place = (bits: number): number => (bits & 0x8000 ? 0x8000 - bits : bits);
  return b.data.reduce((most, bits, i) => Math.max(most, Math.abs(place(bits) - place(a.data[i] as number))), 0);
}

describe.each(['small', 'large'] as const)('on %s', (name) => {
  describe.each(types)('%s', (dtype) => {
    it.each(floatCases)('$kind: $name', async (c) => {
      const machine = await testMachine(name);
      const model = floatModel(c, dtype);
      const { executable, quantizedGraph } = compile(model, machine, { precision: 'auto', dims: {}, calibration: null });
      const engines = executable.kernels.map((k) => `${k.engine} ${k.name}`);
      expect(engines.filter((e) => e.startsWith('host'))).toEqual([]);
      expect(executable.entryPoints[0]?.inputs.map((b) => b.dtype)).toEqual(model.graph.inputs.map(() => dtype));
      expect(verifyExecutable(executable, machine)).toEqual([]);
      const inputs = randomInputs(model.graph, 3);
      const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
      expect(diagnostics).toEqual([]);
      expect(outputs).toEqual(interpret(quantizedGraph, inputs));
      // The file's own numbers: each node rounds once, whatever it was lowered to.
      if (dtype === 'float32') return;
      for (const [output, y] of interpret(model.graph, inputs)) expect(furthest(outputs.get(output), y), output).toBeLessThanOrEqual(1);
    });
  });
});

describe('--precision of a float32 model', () => {
  it.each([
    ['fp16', 'float16'],
    ['bf16', 'bfloat16'],
  ] as const)('%s casts weights and activations', async (precision, dtype) => {
    const machine = await testMachine('small');
    const [conv] = floatCases;
    if (conv === undefined) throw new Error('no case');
    const given = randomInputs(floatModel(conv, 'float32').graph, 5);
    const asked = compile(floatModel(conv, 'float32'), machine, { precision, dims: {}, calibration: null });
    const own = compile(floatModel(conv, dtype), machine, { precision: 'auto', dims: {}, calibration: null });
    expect(asked.executable.options['precision']).toBe(precision);
    expect(own.executable.options['precision']).toBe(precision);
    // Inputs in float32 are rounded as they are bound, ties to even.
    const rounded = new Map([...given].map(([name, t]) => [name, tensorOf(dtype, t.shape, t.data as Float32Array)]));
    const run = (c: Compilation, inputs: ReadonlyMap<string, Tensor>) => execute(c.executable, machine, inputs, { sanitize: true });
    expect(run(asked, given).outputs).toEqual(run(own, rounded).outputs);
  });

  it('halves the bytes that cross the bus', async () => {
    const machine = await testMachine('large');
    const [conv] = floatCases;
    if (conv === undefined) throw new Error('no case');
    const bytes = (precision: 'fp32' | 'fp16'): number => {
      const { executable } = compile(floatModel(conv, 'float32'), machine, { precision, dims: {}, calibration: null });
      const { totals } = simulate(executable, machine, { detail: 'kernels' });
      return totals.dramReadBytes + totals.dramWriteBytes;
    };
    // Biases are fp32 in both: accumulators add them.
    const bias = 10 * 4;
    expect(bytes('fp32') - bias).toBe(2 * (bytes('fp16') - bias));
  });
});
