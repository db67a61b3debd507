/** Products of 8-bit floats in all their forms: the array reads what memory holds, scales and bias come behind the sums. */
import { describe, expect, it } from 'vitest';
import { compile, importDecoded, randomInputs } from '../../src/compiler/index.ts';
import { decodeFloat, isNarrowFloat, seededRandom, type DType, type Random } from '../../src/core/index.ts';
import { floatsOf, interpret } from '../../src/graph/index.ts';
import { readCommand, verifyExecutable } from '../../src/isa/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { quantizedBuilder, type QuantizedBuilder } from './quantized-models.ts';

const types = [
  ['float8e4m3fn', 17],
  ['float8e4m3fnuz', 18],
  ['float8e5m2', 19],
  ['float8e5m2fnuz', 20],
] as const satisfies readonly (readonly [DType, number])[];

/** Numbers of a type that are finite and not near its largest. */
function codes(random: Random, dtype: DType, count: number): Uint8Array {
  const draw = (): number => {
    for (;;) {
      const code = random.integer(0, 255);
      if (isNarrowFloat(dtype) && Math.abs(decodeFloat(dtype, code)) < 32) return code;
    }
  };
  return Uint8Array.from({ length: count }, draw);
}

interface Form {
  readonly x: readonly number[];
  readonly w: readonly number[];
  /** Of the weights: where their scales lie; null for one scale. */
  readonly axis: number | null;
  readonly op: string;
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
  readonly bias?: number;
}

const forms: Readonly<Record<string, Form>> = {
  'Conv 1-D with bias': { op: 'Conv', x: [2, 3, 20], w: [5, 3, 3], axis: 0, bias: 5, attributes: { pads: [1, 1] } },
  'Conv 2-D, dilated, strided': {
    op: 'Conv',
    x: [1, 4, 11, 9],
    w: [6, 4, 3, 2],
    axis: null,
    attributes: { dilations: [2, 1], strides: [2, 1], pads: [2, 0, 1, 1] },
  },
  'Conv 2-D in groups with bias': { op: 'Conv', x: [2, 6, 8, 8], w: [8, 3, 3, 3], axis: 0, bias: 8, attributes: { group: 2 } },
  'Conv depthwise': { op: 'Conv', x: [1, 7, 9, 9], w: [7, 1, 3, 3], axis: 0, bias: 7, attributes: { group: 7, pads: [1, 1, 1, 1] } },
  'Conv 3-D with bias': { op: 'Conv', x: [1, 2, 5, 6, 7], w: [4, 2, 3, 3, 2], axis: 0, bias: 4, attributes: { pads: [1, 0, 0, 1, 0, 0] } },
  'ConvTranspose 2-D': { op: 'ConvTranspose', x: [1, 3, 5, 6], w: [3, 4, 3, 3], axis: 1, bias: 4, attributes: { strides: [2, 2] } },
  'ConvTranspose 1-D in groups, one scale': { op: 'ConvTranspose', x: [1, 4, 7], w: [4, 2, 3], axis: null, attributes: { group: 2 } },
  'Gemm with bias': { op: 'Gemm', x: [9, 33], w: [33, 10], axis: 1, bias: 10 },
  'Gemm of turned weights': { op: 'Gemm', x: [9, 33], w: [10, 33], axis: 0, bias: 10, attributes: { transB: 1 } },
  'MatMul in batches': { op: 'MatMul', x: [3, 5, 17], w: [3, 17, 6], axis: null },
};

function modelOf(
  dtype: DType,
  code: number,
  form: Form,
  scale: 'known' | 'computed' = 'known',
  outputs: 'both' | 'last' = 'both',
): ReturnType<typeof importDecoded> {
  const b: QuantizedBuilder = quantizedBuilder(23);
  const random = seededRandom(7);
  const unit = scale === 'known' ? b.constant('float32', [], [0.0625]) : b.node('Abs', [b.input('s', 'float32', [])]);
  const q = b.node('QuantizeLinear', [b.input('x', 'float32', form.x), unit], { output_dtype: code });
  const channels = form.axis === null ? 1 : (form.w[form.axis] ?? 1);
  const scales = Array.from({ length: channels }, () => random.integer(1, 40) / 256);
  const size = form.w.reduce((n, d) => n * d, 1);
  const w = b.node(
    'DequantizeLinear',
    [b.stored(dtype, form.w, codes(random, dtype, size)), b.constant('float32', form.axis === null ? [] : [channels], scales)],
    form.axis === null ? {} : { axis: form.axis },
  );
  const operands = [b.node('DequantizeLinear', [q, unit]), w];
  if (form.bias !== undefined) {
    operands.push(
      b.constant(
        'float32',
        [form.bias],
        Array.from({ length: form.bias }, () => random.bell()),
      ),
    );
  }
  const y = b.node('Relu', [b.node(form.op, operands, form.attributes ?? {})]);
  const last = [b.node('QuantizeLinear', [y, unit], { output_dtype: code }), dtype] as const;
  return importDecoded(b.finish(outputs === 'last' ? [last] : [last, [y, 'float32']]), { name: dtype, sha256: '' });
}

describe('float8e4m3fn in one kernel', () => {
  const compiled = async (model: ReturnType<typeof importDecoded>): Promise<ReturnType<typeof compile>> =>
    compile(model, await testMachine('narrow'), { precision: 'auto', dims: {}, calibration: null });

  it('scale, bias, activation and the QuantizeLinear behind a Conv are its drain', async () => {
    const form = forms['Conv 2-D in groups with bias'];
    if (form === undefined) throw new Error('no such form');
    const model = modelOf('float8e4m3fn', 17, form, 'known', 'last');
    const { executable, quantizedGraph } = await compiled(model);
    expect(executable.kernels.map((k) => [k.class, k.origin.length > 3])).toEqual([
      ['elementwise', false],
      ['contraction', true],
    ]);
    const inputs = randomInputs(model.graph, 3);
    expect(execute(executable, await testMachine('narrow'), inputs, { sanitize: true }).outputs).toEqual(interpret(quantizedGraph, inputs));
  });

  it('scales computed at run time are multiplied behind the sums as well', async () => {
    for (const name of ['Gemm with bias', 'Conv 1-D with bias']) {
      const form = forms[name];
      if (form === undefined) throw new Error('no such form');
      const model = modelOf('float8e4m3fn', 17, form, 'computed', 'last');
      const { executable, quantizedGraph } = await compiled(model);
      expect(executable.kernels.filter((k) => k.class === 'contraction').map((k) => k.dtype)).toEqual(['float8e4m3fn']);
      const inputs = randomInputs(model.graph, 3);
      expect(execute(executable, await testMachine('narrow'), inputs, { sanitize: true }).outputs).toEqual(
        interpret(quantizedGraph, inputs),
      );
    }
  });
});

describe('float8e4m3fn beside floats', () => {
  it.each(['with a scale', 'by a Cast'])('%s: stays in memory, and becomes floats on chip', async (how) => {
    const machine = await testMachine('narrow');
    const b = quantizedBuilder(23);
    const w = b.stored('float8e4m3fn', [40, 12], codes(seededRandom(2), 'float8e4m3fn', 480));
    const scale = b.constant('float32', [], [0.5]);
    const real = how === 'by a Cast' ? b.node('Cast', [w], { to: 1 }) : b.node('DequantizeLinear', [w, scale]);
    const model = importDecoded(b.finish([[b.node('MatMul', [b.input('x', 'float32', [3, 40]), real]), 'float32']]), {
      name: how,
      sha256: '',
    });
    const { executable } = compile(model, machine, { precision: 'auto', dims: {}, calibration: null });
    expect(executable.kernels.map((k) => k.class)).toEqual(['contraction']);
    expect(executable.kernels[0]?.mapping).toMatch(/ of float32 made of float8e4m3fn$/);
    expect(executable.weights.segments.reduce((n, s) => n + s.bytes, 0)).toBeLessThan(500);
    const inputs = randomInputs(model.graph, 3);
    expect(execute(executable, machine, inputs, { sanitize: true }).outputs).toEqual(interpret(model.graph, inputs));
  });
});

describe.each(types)('%s', (dtype, code) => {
  it.each(Object.entries(forms))('%s', async (_, form) => {
    const machine = await testMachine('narrow', ['memories.scratchpad.size=6 KiB', 'memories.accumulator.size=1 KiB']);
    const imported = modelOf(dtype, code, form);
    const inputs = randomInputs(imported.graph, 3);
    const { executable, quantizedGraph } = compile(imported, machine, { precision: 'auto', dims: {}, calibration: null });
    const commands = executable.programs.flatMap(({ commands: table }) => Array.from(table.op, (__, row) => readCommand(table, row)));
    const operands = commands.flatMap((c) => (c.op === 'MATMUL' || c.op === 'CONV' || c.op === 'DWCONV' ? [c.x.dtype, c.w.dtype] : []));
    expect(new Set(operands)).toEqual(new Set([dtype]));
    expect(executable.kernels.filter((kernel) => kernel.engine === 'host').map((k) => k.mapping)).toEqual([]);
    expect(verifyExecutable(executable, machine)).toEqual([]);
    const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
    expect(diagnostics).toEqual([]);
    expect(outputs).toEqual(interpret(quantizedGraph, inputs));
    expect(execute(executable, machine, inputs, { sanitize: false, plain: true }).outputs).toEqual(outputs);
    const wanted = interpret(imported.graph, inputs);
    for (const [name, tensor] of outputs) {
      const want = wanted.get(name);
      if (want?.dtype !== 'float32') continue;
      const [got, numbers] = [floatsOf(tensor), floatsOf(want)];
      const size = numbers.reduce((most, y) => Math.max(most, Math.abs(y)), 0);
      expect(numbers.every((y, i) => Math.abs(y - (got[i] ?? NaN)) <= size * 100 * 2 ** -23)).toBe(true);
    }
  });
});
