/** 16-bit products summed in accumulators wider than int32: exact where int32 would wrap, checked against sums of big integers. */
import { describe, expect, it } from 'vitest';
import { compile, importDecoded, randomInputs, type Compilation } from '../../src/compiler/index.ts';
import { seededRandom, type Tensor } from '../../src/core/index.ts';
import { interpret } from '../../src/graph/index.ts';
import { readCommand, verifyExecutable } from '../../src/isa/index.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import { execute } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { quantizedBuilder, type Scaling } from './quantized-models.ts';

const wide = await testMachine('small', ['cores.npu.matrix.accumulatorBits=48']);
const plain = await testMachine('small');
const held: Scaling = { dtype: 'int16', scale: [2 ** -13], zero: [0] };
const weightScale = 2 ** -15;

const random = seededRandom(8);
/** Mostly large numbers, so that sums of a few are beyond int32. */
const large = (count: number): number[] =>
  Array.from({ length: count }, () => random.integer(20000, 32767) * (random.next() < 0.8 ? 1 : -1));

const [rows, depth, columns] = [9, 300, 11];
const weights = large(depth * columns);

function product(end: 'pair' | 'real', bias: boolean): OnnxModel {
  const b = quantizedBuilder();
  const x = b.pair(b.input('x', 'float32', [rows, depth]), held);
  const w = b.dequantize(b.constant('int16', [depth, columns], weights), { dtype: 'int16', scale: [weightScale], zero: [0] });
  const biasOf = (): string =>
    b.dequantize(b.constant('int32', [columns], large(columns)), { dtype: 'int32', scale: [2 ** -28], zero: [0] });
  const y = bias ? b.node('Gemm', [x, w, biasOf()]) : b.node('MatMul', [x, w]);
  return b.finish([[end === 'pair' ? b.pair(y, { ...held, scale: [2 ** -5] }) : y, 'float32']]);
}

function convolution(group: number): OnnxModel {
  const b = quantizedBuilder();
  const x = b.pair(b.input('x', 'float32', [1, 12, 9, 10]), held);
  const [out, inner] = [12, 12 / group];
  const w = b.constant('int16', [out, inner, 3, 3], large(out * inner * 9));
  const real = b.dequantize(w, { dtype: 'int16', scale: [weightScale], zero: [0] });
  const y = b.node('Relu', [b.node('Conv', [x, real], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], group })]);
  return b.finish([[b.pair(y, { ...held, scale: [2 ** -5] }), 'float32']]);
}

/** Reals whose integers are large. */
function inputsOf(shape: readonly number[]): ReadonlyMap<string, Tensor> {
  const count = shape.reduce((n, d) => n * d, 1);
  return new Map([['x', { dtype: 'float32', shape, data: Float32Array.from(large(count), (q) => q * 2 ** -13) }]]);
}

function sumTypes({ executable }: Compilation): readonly string[] {
  const commands = executable.programs.flatMap(({ commands: table }) => Array.from(table.op, (_, row) => readCommand(table, row)));
  return [
    ...new Set(commands.flatMap((c) => (c.op === 'MATMUL' || c.op === 'CONV' || c.op === 'DWCONV' ? [`${c.x.dtype} ${c.acc.dtype}`] : []))),
  ];
}

const cases: readonly (readonly [string, OnnxModel, readonly number[]])[] = [
  ['a product, requantized', product('pair', false), [rows, depth]],
  ['a product that leaves as reals', product('real', false), [rows, depth]],
  ['a Gemm with bias', product('pair', true), [rows, depth]],
  ['a convolution', convolution(1), [1, 12, 9, 10]],
  ['a depthwise convolution', convolution(12), [1, 12, 9, 10]],
];

describe('sums beyond int32', () => {
  it.each(cases)('%s: the program is the graph it was made from, in 16 bits', (name, model, shape) => {
    const imported = importDecoded(model, { name, sha256: '' });
    const compilation = compile(imported, wide, { precision: 'auto', dims: {}, calibration: null });
    const { executable, quantizedGraph } = compilation;
    expect(sumTypes(compilation)).toEqual(['int16 int64']);
    expect(verifyExecutable(executable, wide)).toEqual([]);
    expect(executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
    const inputs = inputsOf(shape);
    const { outputs, diagnostics } = execute(executable, wide, inputs, { sanitize: true });
    expect(diagnostics).toEqual([]);
    expect(outputs).toEqual(interpret(quantizedGraph, inputs));
  });

  it('are exact: the sums of big integers, times the scale', () => {
    const imported = importDecoded(product('real', false), { name: 'exact', sha256: '' });
    const { executable } = compile(imported, wide, { precision: 'auto', dims: {}, calibration: null });
    const inputs = inputsOf([rows, depth]);
    const [y] = execute(executable, wide, inputs, { sanitize: false }).outputs.values();
    const data = inputs.get('x')?.data;
    const x = data instanceof Float32Array ? Array.from(data, (v) => BigInt(v * 2 ** 13)) : [];
    let beyond = 0;
    for (let m = 0; m < rows; m++) {
      for (let n = 0; n < columns; n++) {
        let sum = 0n;
        for (let k = 0; k < depth; k++) sum += (x[m * depth + k] ?? 0n) * BigInt(weights[k * columns + n] ?? 0);
        if (BigInt.asIntN(32, sum) !== sum) beyond++;
        expect(y?.data[m * columns + n]).toBe(Math.fround(Number(sum) * 2 ** -28));
      }
    }
    expect(beyond).toBeGreaterThan(rows * columns * 0.9);
  });

  it('are not asked for where accumulators have 32 bits, nor where int32 is enough', () => {
    const imported = importDecoded(product('pair', false), { name: 'plain', sha256: '' });
    expect(sumTypes(compile(imported, plain, { precision: 'auto', dims: {}, calibration: null }))).toEqual(['float32 float32']);
    const b = quantizedBuilder();
    const x = b.pair(b.input('x', 'float32', [4, 8]), held);
    const w = b.dequantize(
      b.constant(
        'int16',
        [8, 3],
        Array.from({ length: 24 }, (_, i) => i * 100),
      ),
      { dtype: 'int8', scale: [1], zero: [0] },
    );
    const y = b.node('MatMul', [x, w]);
    const small = importDecoded(b.finish([[y, 'float32']]), { name: 'small', sha256: '' });
    const bytes = compile(small, wide, { precision: 'auto', dims: {}, calibration: null });
    expect(execute(bytes.executable, wide, randomInputs(small.graph, 2), { sanitize: true }).diagnostics).toEqual([]);
  });
});
