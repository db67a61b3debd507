/** `--precision fp8`: a float model whose products are those of 8-bit floats, with scales found at run time or by calibration. */
import { expect, it } from 'vitest';
import { calibrate, compile, importDecoded, lowerGraph, prepare, randomInputs, type CompileOptions } from '../../src/compiler/index.ts';
import { seededRandom } from '../../src/core/index.ts';
import { floatsOf, interpret } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { quantizedBuilder } from './quantized-models.ts';

function network(): ReturnType<typeof importDecoded> {
  const b = quantizedBuilder(23);
  const random = seededRandom(9);
  const weights = (shape: readonly number[], size: number): string =>
    b.constant(
      'float32',
      shape,
      Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => random.bell() * size),
    );
  const x = b.input('x', 'float32', [1, 3, 10, 10]);
  const first = b.node('Relu', [b.node('Conv', [x, weights([8, 3, 3, 3], 0.2), weights([8], 0.1)], { pads: [1, 1, 1, 1] })]);
  const second = b.node('Conv', [first, weights([8, 1, 3, 3], 0.3)], { group: 8 });
  const third = b.node('Add', [b.node('Conv', [second, weights([8, 8, 1, 1], 0.3)]), second]);
  const flat = b.node('Flatten', [b.node('MaxPool', [third], { kernel_shape: [2, 2], strides: [2, 2] })]);
  const y = b.node('Gemm', [flat, weights([10, 128], 0.1), weights([10], 0.1)], { transB: 1 });
  return importDecoded(b.finish([[y, 'float32']]), { name: 'network', sha256: '' });
}

const options: CompileOptions = { precision: 'fp8', dims: {}, calibration: null };

it('products take float8e4m3fn, the rest stays float32, and the numbers stay near', async () => {
  const machine = await testMachine('narrow');
  const model = network();
  const inputs = randomInputs(model.graph, 1);
  const calibration = calibrate(lowerGraph(prepare(model).graph).graph, [inputs]);
  const [wanted] = interpret(model.graph, inputs).values();
  const kernels: number[] = [];
  for (const made of [options, { ...options, calibration }]) {
    const { executable, quantizedGraph } = compile(model, machine, made);
    expect(executable.options['precision']).toBe('fp8');
    expect(executable.kernels.filter((k) => k.class === 'contraction').map((k) => k.dtype)).toEqual(
      Array.from({ length: 4 }, () => 'float8e4m3fn'),
    );
    expect(executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
    expect(verifyExecutable(executable, machine)).toEqual([]);
    const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
    expect(diagnostics).toEqual([]);
    expect(outputs).toEqual(interpret(quantizedGraph, inputs));
    const [got] = outputs.values();
    if (got === undefined || wanted === undefined) throw new Error('an output');
    const [mine, theirs] = [floatsOf(got), floatsOf(wanted)];
    const noise = theirs.reduce((sum, v, i) => sum + (v - (mine[i] ?? NaN)) ** 2, 0);
    const decibels = 10 * Math.log10(theirs.reduce((sum, v) => sum + v * v, 0) / noise);
    // Three bits behind the point: a rounding leaves 31 dB.
    expect(decibels).toBeGreaterThan(20);
    expect(decibels).toBeLessThan(45);
    kernels.push(executable.kernels.length);
  }
  // Calibrated scales need nobody to look for the largest number.
  expect(kernels[1]).toBeLessThan(kernels[0] ?? 0);
});

it('weights take a byte, products the rate of 8 bits', async () => {
  const machine = await testMachine('narrow');
  const model = network();
  const calibration = calibrate(lowerGraph(prepare(model).graph).graph, [randomInputs(model.graph, 1)]);
  const [narrow, wide] = (['fp8', 'fp32'] as const).map((precision) => {
    const { executable } = compile(model, machine, { ...options, precision, calibration: precision === 'fp8' ? calibration : null });
    const matrix = simulate(executable, machine).engines.find((e) => e.name.endsWith('matrix'));
    return { stored: executable.weights.segments.reduce((n, s) => n + s.bytes, 0), busy: matrix?.busyCycles ?? 0 };
  });
  expect(narrow?.stored).toBeLessThan((wide?.stored ?? 0) / 2);
  expect(narrow?.busy).toBeLessThan((wide?.busy ?? 0) / 2);
});

it('a machine without the type is told', async () => {
  const machine = await testMachine('small');
  expect(() => compile(network(), machine, options)).toThrow(/SYS4570|float8e4m3fn/);
});
