/** 8-bit floats in the lanes: conversions with and without saturation, from and to integers, in blocks; operators between pairs of them. */
import { describe, expect, it } from 'vitest';
import { compile, importDecoded, randomInputs } from '../../src/compiler/index.ts';
import type { DType, Tensor } from '../../src/core/index.ts';
import { floatsOf, interpret } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import type { Kernel } from '../../src/isa/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { quantizedBuilder, type QuantizedBuilder } from './quantized-models.ts';

const types = [
  ['float8e4m3fn', 17, 448],
  ['float8e4m3fnuz', 18, 240],
  ['float8e5m2', 19, 57344],
  ['float8e5m2fnuz', 20, 57344],
] as const satisfies readonly (readonly [DType, number, number])[];

interface Ran {
  readonly outputs: ReadonlyMap<string, Tensor>;
  readonly kernels: readonly Kernel[];
}

/** On engines alone, equal to the interpreter, fast and plain; `given` in place of random inputs. */
async function ran(
  b: QuantizedBuilder,
  outputs: readonly (readonly [string, DType])[],
  given: Readonly<Record<string, readonly number[]>> = {},
): Promise<Ran> {
  const machine = await testMachine('narrow');
  const model = importDecoded(b.finish(outputs), { name: 'lanes', sha256: '' });
  const inputs = randomInputs(model.graph, 5);
  for (const [name, numbers] of Object.entries(given)) {
    const data = inputs.get(name)?.data;
    if (data === undefined || data instanceof BigInt64Array || data instanceof BigUint64Array || !('set' in data)) throw new Error(name);
    data.set(numbers);
  }
  const { executable, quantizedGraph } = compile(model, machine, { precision: 'auto', dims: {}, calibration: null });
  expect(executable.kernels.filter((k) => k.engine === 'host').map((k) => [k.name, k.mapping])).toEqual([]);
  expect(verifyExecutable(executable, machine)).toEqual([]);
  const result = execute(executable, machine, inputs, { sanitize: true });
  expect(result.diagnostics).toEqual([]);
  expect(execute(executable, machine, inputs, { sanitize: false, plain: true }).outputs).toEqual(result.outputs);
  expect(result.outputs).toEqual(interpret(quantizedGraph, inputs));
  const wanted = interpret(model.graph, inputs);
  for (const [name, tensor] of result.outputs) expect(tensor).toEqual(wanted.get(name));
  return { outputs: result.outputs, kernels: executable.kernels };
}

function numbersOf(tensor: Tensor | undefined): readonly number[] {
  return tensor === undefined ? [] : Array.from(floatsOf(tensor));
}

describe.each(types)('%s', (dtype, code, largest) => {
  const [isInfinite, hasZeros] = [dtype === 'float8e5m2', !dtype.endsWith('fnuz')];

  it('what is too large becomes the largest number, or with saturate = 0 infinity or NaN', async () => {
    const b = quantizedBuilder(23);
    const x = b.input('x', 'float32', [6, 2]);
    const one = b.constant('float32', [], [2]);
    const capped = b.node('Cast', [b.node('Cast', [x], { to: code })], { to: 1 });
    const open = b.node('Cast', [b.node('Cast', [x], { to: code, saturate: 0 })], { to: 1 });
    const quantized = b.node('Cast', [b.node('QuantizeLinear', [x, one], { output_dtype: code, saturate: 0 })], { to: 1 });
    const { outputs } = await ran(
      b,
      [
        [capped, 'float32'],
        [open, 'float32'],
        [quantized, 'float32'],
      ],
      { x: [1e9, -1e9, Infinity, -Infinity, NaN, -0, largest, -largest, 1 / 3, 2 ** -30, largest * 1.01, 2 * largest] },
    );
    const beyond = isInfinite ? Infinity : NaN;
    const zero = hasZeros ? -0 : 0;
    const small = dtype.startsWith('float8e4m3') ? 0.34375 : 0.3125;
    expect(numbersOf(outputs.get(capped))).toEqual([
      largest,
      -largest,
      largest,
      -largest,
      NaN,
      zero,
      largest,
      -largest,
      small,
      0,
      largest,
      largest,
    ]);
    expect(numbersOf(outputs.get(open))).toEqual([
      beyond,
      -beyond,
      beyond,
      -beyond,
      NaN,
      zero,
      largest,
      -largest,
      small,
      0,
      largest,
      beyond,
    ]);
    expect(numbersOf(outputs.get(quantized))).toEqual([
      beyond,
      -beyond,
      beyond,
      -beyond,
      NaN,
      zero,
      largest / 2,
      -largest / 2,
      small / 2,
      0,
      largest / 2,
      largest,
    ]);
  });

  it('integers become it and come of it', async () => {
    const b = quantizedBuilder(23);
    const [whole, byte, flag] = [b.input('i', 'int32', [3, 4]), b.input('u', 'uint8', [12]), b.input('b', 'bool', [5])];
    const held = b.node('Cast', [whole], { to: code });
    const outputs: (readonly [string, DType])[] = [
      [held, dtype],
      [b.node('Cast', [byte], { to: code }), dtype],
      [b.node('Cast', [flag], { to: code }), dtype],
      [b.node('Cast', [held], { to: 6 }), 'int32'],
      [b.node('Cast', [held], { to: 9 }), 'bool'],
      [b.node('Cast', [held], { to: 10 }), 'float16'],
    ];
    await ran(b, outputs, { i: [0, 1, -1, 17, 19, 240, 248, 449, -70000, 2147483647, -2147483648, 61440] });
  });

  it('blocks of an axis have scales of their own', async () => {
    const b = quantizedBuilder(23);
    const x = b.input('x', 'float32', [4, 10]);
    const scales = b.input('s', 'float32', [4, 3]);
    const positive = b.node('Add', [b.node('Abs', [scales]), b.constant('float32', [], [0.25])]);
    const q = b.node('QuantizeLinear', [x, positive], { output_dtype: code, axis: 1, block_size: 4 });
    const y = b.node('DequantizeLinear', [q, positive], { axis: 1, block_size: 4 });
    await ran(b, [
      [q, dtype],
      [y, 'float32'],
    ]);
  });

  it('a residual Add of two dequantized values with an activation, quantized again, is one kernel', async () => {
    const b = quantizedBuilder(23);
    const [sa, sb, so] = [0.5, 0.125, 0.0625].map((s) => b.constant('float32', [], [s]));
    if (sa === undefined || sb === undefined || so === undefined) throw new Error('three scales');
    const [p, q] = [b.input('p', dtype, [3, 5, 7]), b.input('q', dtype, [3, 5, 7])];
    const sum = b.node('Add', [b.node('DequantizeLinear', [p, sa]), b.node('DequantizeLinear', [q, sb])]);
    const y = b.node('QuantizeLinear', [b.node('Relu', [sum]), so], { output_dtype: code });
    const { kernels } = await ran(b, [[y, dtype]]);
    expect(kernels.map((k) => k.class)).toEqual(['elementwise']);
  });

  it('pooling, clamps and moves between pairs run on the engines', async () => {
    const b = quantizedBuilder(23);
    const s = b.constant('float32', [], [0.25]);
    const pair = (x: string): string => b.node('DequantizeLinear', [b.node('QuantizeLinear', [x, s], { output_dtype: code }), s]);
    const x = b.node('DequantizeLinear', [b.input('x', dtype, [1, 3, 8, 6]), s]);
    const pooled = pair(b.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] }));
    const clipped = pair(b.node('Clip', [pooled, b.constant('float32', [], [-1]), b.constant('float32', [], [4])]));
    const moved = pair(b.node('Transpose', [clipped], { perm: [0, 2, 3, 1] }));
    const joined = b.node('Concat', [moved, moved], { axis: 3 });
    await ran(b, [[b.node('QuantizeLinear', [joined, s], { output_dtype: code }), dtype]]);
  });
});
