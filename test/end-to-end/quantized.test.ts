/**
 * Quantized models: absorbing QuantizeLinear and DequantizeLinear changes a contraction's outputs by one unit at most, anything else not at
 * all; and the program computes what the interpreter computes, bit for bit.
 */
import { describe, expect, it } from 'vitest';
import { seededRandom, type Tensor } from '../../src/core/index.ts';
import { calibrate, compile, importDecoded, prepare, randomInputs, type Compilation } from '../../src/compiler/index.ts';
import { interpret } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { chainModel, contractionModel, quantizedBuilder, type ByteType, type Scaling } from './quantized-models.ts';

const int8 = (scale: number, zero: number): Scaling => ({ dtype: 'int8', scale: [scale], zero: [zero] });
const uint8 = (scale: number, zero: number): Scaling => ({ dtype: 'uint8', scale: [scale], zero: [zero] });

interface Run {
  readonly compilation: Compilation;
  /** Outputs of the graph as the file has it, float between the pairs. */
  readonly float: ReadonlyMap<string, Tensor>;
  readonly outputs: ReadonlyMap<string, Tensor>;
}

/** Compiles, checks the program against the interpreter, and gives both results. */
async function run(model: OnnxModel, machineName: 'tiny-8x8' | 'tiny-dot' = 'tiny-8x8', settings: readonly string[] = []): Promise<Run> {
  const machine = await testMachine(machineName, settings);
  const imported = importDecoded(model, { name: 'q', sha256: '' });
  const inputs = randomInputs(imported.graph, 7);
  const compilation = compile(imported, machine, { precision: 'auto', dims: {}, calibration: null });
  const { executable, quantizedGraph } = compilation;
  expect(verifyExecutable(executable, machine)).toEqual([]);
  const executed = execute(executable, machine, inputs, { sanitize: true });
  expect(executed.diagnostics).toEqual([]);
  expect(executed.outputs).toEqual(interpret(quantizedGraph, inputs));
  expect(interpret(prepare(imported).graph, inputs)).toEqual(executed.outputs);
  expect(simulate(executable, machine).totals.cycles).toBeGreaterThan(0);
  return { compilation, float: interpret(imported.graph, inputs), outputs: executed.outputs };
}

function hostKernels({ compilation }: Run): readonly string[] {
  return compilation.executable.kernels.filter((k) => k.engine === 'host').map((k) => k.mapping);
}

function largestDifference(a: Tensor | undefined, b: Tensor | undefined): number {
  if (a === undefined || b === undefined || a.data.length !== b.data.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.data.length; i++) most = Math.max(most, Math.abs(Number(a.data[i]) - Number(b.data[i])));
  return most;
}

describe('contractions', () => {
  const types: readonly ByteType[] = ['int8', 'uint8'];
  it.each(['qdq', 'qoperator'] as const)(
    '%s: any mix of types, scales, pads and groups runs on the array',
    { timeout: 120_000 },
    async (form) => {
      let apart = 0;
      for (let seed = 0; seed < 64; seed++) {
        const random = seededRandom(seed + 9000);
        const { model, output } = contractionModel(random, {
          op: seed % 3 === 0 ? 'MatMul' : 'Conv',
          x: types[seed & 1] ?? 'int8',
          w: types[(seed >> 1) & 1] ?? 'int8',
          y: types[(seed >> 2) & 1] ?? 'int8',
          perChannel: random.next() < 0.5,
          form,
          relu: random.next() < 0.3,
          bias: random.next() < 0.6,
        });
        const r = await run(model, seed % 4 === 3 ? 'tiny-dot' : 'tiny-8x8', seed % 8 === 0 ? ['cores.npu.matrix.requantize=vector'] : []);
        expect(hostKernels(r), `seed ${seed}`).toEqual([]);
        expect(
          r.compilation.executable.kernels.some((k) => k.engine === 'matrix' && k.macs > 0),
          `seed ${seed}`,
        ).toBe(true);
        const difference = largestDifference(r.float.get(output), r.outputs.get(output));
        expect(difference, `seed ${seed}`).toBeLessThanOrEqual(1);
        if (difference > 0) apart++;
      }
      // The rules differ only where a result lies close to a tie.
      expect(apart).toBeLessThan(32);
    },
  );

  it('a conv followed by Relu and a pair is one kernel that clamps as it drains', async () => {
    const b = quantizedBuilder();
    const x = b.pair(b.input('x', 'float32', [1, 3, 6, 6]), int8(0.05, 3));
    const w = b.dequantize(
      b.constant(
        'int8',
        [4, 3, 3, 3],
        Array.from({ length: 108 }, (_, i) => (i % 19) - 9),
      ),
      int8(0.1, 0),
    );
    const y = b.pair(b.node('Relu', [b.node('Conv', [x, w], { kernel_shape: [3, 3] })]), int8(0.2, -128));
    const r = await run(b.finish([[y, 'float32']]));
    expect(hostKernels(r)).toEqual([]);
    expect(r.compilation.executable.kernels.map((k) => `${k.engine} ${k.dtype}`)).toEqual(['vector int8', 'matrix int8']);
  });

  it('weights whose channels have zero points of their own are written with one', async () => {
    const b = quantizedBuilder();
    const x = b.dequantize(b.input('x', 'uint8', [5, 4]), uint8(0.25, 100));
    const w = b.constant('uint8', [4, 3], [90, 120, 140, 110, 130, 150, 100, 125, 160, 95, 115, 145]);
    const wd = b.dequantize(w, { dtype: 'uint8', scale: [0.5, 0.25, 0.125], zero: [100, 120, 150], axis: 1 });
    const q = b.quantize(b.node('MatMul', [x, wd]), uint8(4, 128));
    const r = await run(b.finish([[q, 'uint8']]));
    expect(hostKernels(r)).toEqual([]);
    expect(largestDifference(r.float.get(q), r.outputs.get(q))).toBeLessThanOrEqual(1);
  });

  it('sums that leave as float32 are scaled by the vector engine', async () => {
    const b = quantizedBuilder();
    const x = b.dequantize(b.input('x', 'int8', [5, 4]), int8(0.25, 10));
    const w = b.dequantize(b.constant('int8', [4, 3], [9, -12, 14, 11, 13, 15, -10, 12, 16, 9, 11, -14]), {
      dtype: 'int8',
      scale: [0.5, 0.25, 0.125],
      zero: [0, 0, 0],
      axis: 1,
    });
    const y = b.node('MatMul', [x, w]);
    const r = await run(b.finish([[y, 'float32']]));
    expect(hostKernels(r)).toEqual([]);
    expect(largestDifference(r.float.get(y), r.outputs.get(y))).toBeLessThanOrEqual(1e-4);
    expect(r.compilation.executable.kernels.map((k) => k.engine)).toEqual(['matrix']);
  });

  it('int4 weights, and weights in blocks, run as int8 or in float32', async () => {
    for (const block of [0, 2]) {
      const b = quantizedBuilder();
      const x = b.pair(b.input('x', 'float32', [3, 4]), int8(0.05, 3));
      const values = [-8, 7, 3, 1, 0, -1, -4, 5, 2, 6, -7, -3];
      const w = b.constant('int4', [4, 3], values);
      const scaled =
        block === 0
          ? b.dequantize(w, { dtype: 'int4', scale: [0.5], zero: [0] })
          : b.node('DequantizeLinear', [w, b.constant('float32', [2, 3], [0.5, 0.25, 0.125, 1, 0.75, 0.5])], {
              axis: 0,
              block_size: block,
            });
      const y = b.node('MatMul', [x, scaled]);
      const r = await run(b.finish([[y, 'float32']]));
      expect(hostKernels(r)).toEqual([]);
      expect(largestDifference(r.float.get(y), r.outputs.get(y))).toBeLessThanOrEqual(1e-4);
    }
  });
});

describe('QLinearMatMul', () => {
  it.each([
    [[2, 1, 5, 33], [3, 33, 9], false],
    [[2, 3, 5, 33], [33, 9], true],
    [[33], [33, 9], false],
    [[4, 33], [33], false],
    [[33], [33], false],
    [[33], [3, 33, 9], true],
  ] as const)(
    '%j by %j, by column %s: batches that broadcast against each other, and vectors, stay integers on the array',
    async (a, b, byColumn) => {
      const m = quantizedBuilder();
      const random = seededRandom(3);
      const weights = m.constant(
        'uint8',
        b,
        Array.from({ length: b.reduce((n, d) => n * d, 1) }, () => random.integer(0, 255)),
      );
      const columns = byColumn ? Array.from({ length: 9 }, (_, i) => i) : [0];
      const scales = m.scaling({ dtype: 'uint8', scale: columns.map((i) => 0.03 + i / 100), zero: columns.map(() => 130) });
      const operands = [m.input('x', 'uint8', a), ...m.scaling(uint8(0.05, 120)), weights, ...scales, ...m.scaling(uint8(0.4, 128))];
      const y = m.node('QLinearMatMul', operands);
      const r = await run(m.finish([[y, 'uint8']]));
      expect(hostKernels(r)).toEqual([]);
      expect(r.compilation.executable.kernels.filter((k) => k.macs > 0)).toHaveLength(1);
      expect(largestDifference(r.float.get(y), r.outputs.get(y))).toBeLessThanOrEqual(1);
    },
  );
});

describe('what lies between', () => {
  it('equal scales pass through moves and maxima, with pairs or without, and the integers are what is moved', async () => {
    const b = quantizedBuilder();
    const s = uint8(0.5, 20);
    const x = b.input('x', 'uint8', [1, 4, 6, 6]);
    const p = b.node('MaxPool', [b.dequantize(x, s)], { kernel_shape: [2, 2], strides: [2, 2] });
    const t = b.node('Transpose', [b.pair(p, s)], { perm: [0, 2, 3, 1] });
    const f = b.node('Reshape', [t, b.constant('int64', [2], [3, 12])]);
    const q = b.quantize(f, s);
    const r = await run(b.finish([[q, 'uint8']]));
    expect(hostKernels(r)).toEqual([]);
    expect(r.outputs.get(q)).toEqual(r.float.get(q));
    expect(r.compilation.executable.kernels.map((k) => k.dtype)).toEqual(['uint8', 'uint8']);
  });

  it('a Concat of different scales requantizes the parts that differ', async () => {
    const b = quantizedBuilder();
    const x = b.dequantize(b.input('x', 'int8', [2, 3]), int8(0.5, 20));
    const y = b.dequantize(b.input('y', 'uint8', [2, 5]), uint8(0.25, 100));
    const q = b.quantize(b.node('Concat', [x, y, x], { axis: 1 }), int8(0.5, 20));
    const r = await run(b.finish([[q, 'int8']]));
    expect(hostKernels(r)).toEqual([]);
    expect(r.outputs.get(q)).toEqual(r.float.get(q));
  });

  it('elementwise operators, averages and softmax give exactly what float evaluation between the pairs gives', async () => {
    const b = quantizedBuilder();
    const x = b.dequantize(b.input('x', 'int8', [1, 8, 4, 4]), int8(0.05, 20));
    const sum = b.pair(b.node('Add', [x, b.pair(b.node('Sigmoid', [x]), uint8(1 / 256, 0))]), int8(0.1, -20));
    const scaled = b.node('Mul', [sum, b.dequantize(b.constant('int8', [8, 1, 1], [1, 2, 3, 4, 5, 6, 7, 8]), int8(0.25, 0))]);
    const mean = b.node('GlobalAveragePool', [b.pair(scaled, int8(0.2, 5))]);
    const flat = b.node('Flatten', [b.pair(mean, int8(0.2, 5))]);
    const q = b.quantize(b.node('Softmax', [flat], { axis: 1 }), uint8(1 / 256, 0));
    const r = await run(b.finish([[q, 'uint8']]));
    expect(hostKernels(r)).toEqual([]);
    expect(largestDifference(r.float.get(q), r.outputs.get(q))).toBeLessThanOrEqual(1);
  });

  it('a value read as float too keeps its float form, and integers read under another scale are the same bytes', async () => {
    const b = quantizedBuilder();
    const x = b.dequantize(b.input('x', 'int8', [4, 4]), int8(0.5, 3));
    const y = b.node('Tanh', [x]);
    const q = b.quantize(y, int8(1 / 128, 0));
    const other = b.dequantize(q, int8(1 / 64, 0));
    const z = b.node('Add', [y, other]);
    const r = await run(
      b.finish([
        [z, 'float32'],
        [q, 'int8'],
      ]),
    );
    expect(hostKernels(r)).toEqual([]);
    expect(r.outputs).toEqual(r.float);
  });

  it('a pair with a scale for each channel goes into a scale of the whole: the integers are not those of the pair', async () => {
    const b = quantizedBuilder();
    const y = b.pair(b.input('x', 'float32', [2, 9]), { dtype: 'int8', scale: [0.05, 0.1], zero: [0, 3], axis: 0 });
    const machine = await testMachine('tiny-8x8', []);
    const imported = importDecoded(b.finish([[y, 'float32']]), { name: 'q', sha256: '' });
    const inputs = randomInputs(imported.graph, 7);
    const calibration = calibrate(prepare(imported).graph, [inputs]);
    const { executable, quantizedGraph } = compile(imported, machine, { precision: 'int8', dims: {}, calibration });
    const { outputs } = execute(executable, machine, inputs, { sanitize: true });
    expect(outputs).toEqual(interpret(quantizedGraph, inputs));
    expect(new Set(Array.from(outputs.get(y)?.data ?? [], Number)).size).toBeGreaterThan(8);
  });

  it('16-bit activations stay 16 bits on the vector engine', async () => {
    const b = quantizedBuilder();
    const s: Scaling = { dtype: 'int16', scale: [0.001], zero: [-300] };
    const x = b.pair(b.input('x', 'float32', [4, 5]), s);
    const y = b.pair(b.node('Mul', [x, b.pair(b.node('Relu', [x]), s)]), s);
    const r = await run(b.finish([[y, 'float32']]));
    expect(hostKernels(r)).toEqual([]);
    expect(r.outputs).toEqual(r.float);
  });
});

describe('networks', () => {
  it(
    'chains of layers with pairs here and there: the program is the absorbed graph, and no product runs on the host',
    { timeout: 120_000 },
    async () => {
      for (let seed = 0; seed < 80; seed++) {
        const model = chainModel(seededRandom(seed + 400));
        const r = await run(model, seed % 5 === 4 ? 'tiny-dot' : 'tiny-8x8', seed % 7 === 0 ? ['cores.npu.matrix.requantize=vector'] : []);
        expect(hostKernels(r), `seed ${seed}`).toEqual([]);
        expect([...r.outputs.keys()], `seed ${seed}`).toEqual([...r.float.keys()]);
      }
    },
  );
});

describe('what a quantized model leaves in float32', () => {
  const build = (): OnnxModel => {
    const b = quantizedBuilder();
    const x = b.pair(b.input('x', 'float32', [6, 8]), int8(1 / 32, 3));
    const bell = seededRandom(3);
    const hidden = b.node('Tanh', [
      b.node('MatMul', [
        x,
        b.constant(
          'float32',
          [8, 8],
          Array.from({ length: 64 }, () => bell.bell()),
        ),
      ]),
    ]);
    return b.finish([[b.node('MatMul', [hidden, b.node('Transpose', [hidden], { perm: [1, 0] })]), 'float32']]);
  };
  const onlyInt8 = ['cores.npu.matrix.rates={int8: 1}'];

  it('multiplies in float32 where the array does', async () => {
    const r = await run(build());
    expect(hostKernels(r)).toEqual([]);
    expect(r.outputs).toEqual(r.float);
  });

  it('multiplies in int8 where it does not: timed without a calibration, run with one', async () => {
    const machine = await testMachine('tiny-8x8', onlyInt8);
    const imported = importDecoded(build(), { name: 'q', sha256: '' });
    const inputs = randomInputs(imported.graph, 7);
    const timed = compile(imported, machine, { precision: 'auto', dims: {}, calibration: null });
    expect(timed.executable.diagnostics.map((d) => d.code)).toContain('SYS4220');
    expect(timed.executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
    expect(simulate(timed.executable, machine).totals.cycles).toBeGreaterThan(0);

    const calibration = calibrate(prepare(imported).graph, [inputs]);
    const { executable, quantizedGraph } = compile(imported, machine, { precision: 'auto', dims: {}, calibration });
    const executed = execute(executable, machine, inputs, { sanitize: true });
    expect(executed.diagnostics).toEqual([]);
    expect(executed.outputs).toEqual(interpret(quantizedGraph, inputs));
    const [[name, float] = ['', undefined]] = interpret(imported.graph, inputs);
    expect(largestDifference(float, executed.outputs.get(name))).toBeLessThan(0.2);
  });
});

describe('models of which only weights are quantized', () => {
  const build = (): OnnxModel => {
    const b = quantizedBuilder();
    const w = b.constant(
      'uint8',
      [8, 5],
      Array.from({ length: 40 }, (_, i) => (i * 67) % 256),
    );
    const scaling: Scaling = {
      dtype: 'uint8',
      scale: [0.5, 0.25, 0.125, 1, 2].map((v) => v / 64),
      zero: [128, 128, 128, 128, 128],
      axis: 1,
    };
    return b.finish([[b.node('MatMul', [b.input('x', 'float32', [6, 8]), b.dequantize(w, scaling)]), 'float32']]);
  };

  it('are float models: float32 where the array has it, int8 activations against the given weights where not', async () => {
    const r = await run(build());
    expect(r.compilation.executable.options.precision).toBe('fp32');
    expect(r.outputs).toEqual(r.float);

    const machine = await testMachine('tiny-8x8', ['cores.npu.matrix.rates={int8: 1}']);
    const imported = importDecoded(build(), { name: 'q', sha256: '' });
    const inputs = randomInputs(imported.graph, 7);
    const calibration = calibrate(prepare(imported).graph, [inputs]);
    const { executable, quantizedGraph } = compile(imported, machine, { precision: 'auto', dims: {}, calibration });
    expect(executable.kernels.map((k) => `${k.engine} ${k.dtype}`)).toEqual(['matrix int8']);
    expect(execute(executable, machine, inputs, { sanitize: true }).outputs).toEqual(interpret(quantizedGraph, inputs));
  });
});

describe('integer operators', () => {
  it('MatMulInteger and ConvInteger give exact sums, scaled behind', async () => {
    const b = quantizedBuilder();
    const x = b.input('x', 'uint8', [1, 3, 5, 5]);
    const w = b.constant(
      'int8',
      [4, 3, 2, 2],
      Array.from({ length: 48 }, (_, i) => ((i * 37) % 255) - 127),
    );
    const sums = b.node('ConvInteger', [x, w, b.constant('uint8', [], [128]), b.constant('int8', [], [3])], { pads: [1, 0, 0, 1] });
    const y = b.node('Mul', [b.node('Cast', [sums], { to: 1 }), b.constant('float32', [4, 1, 1], [0.5, 0.25, 0.125, 1])]);
    const r = await run(b.finish([[y, 'float32']]));
    expect(hostKernels(r)).toEqual([]);
    expect(r.outputs).toEqual(r.float);
    expect(r.compilation.executable.kernels.map((k) => k.engine)).toEqual(['matrix']);
  });

  it('zero points computed at run time, or one for each column, leave the products on the array', async () => {
    const b = quantizedBuilder();
    const x = b.input('x', 'uint8', [2, 3, 7]);
    const zx = b.input('zx', 'uint8', [1]);
    const w = b.input('w', 'uint8', [7, 5]);
    const zw = b.input('zw', 'uint8', [5]);
    const fixed = b.constant(
      'int8',
      [7, 5],
      Array.from({ length: 35 }, (_, i) => ((i * 91) % 240) - 120),
    );
    const outputs = [
      b.node('MatMulInteger', [x, w, zx, zw]),
      b.node('MatMulInteger', [x, w, zx, b.constant('uint8', [], [9])]),
      b.node('MatMulInteger', [x, fixed, zx, b.constant('int8', [5], [1, -2, 3, 0, 5])]),
      b.node('MatMulInteger', [x, w, b.constant('uint8', [], [128]), zw]),
    ];
    const r = await run(b.finish(outputs.map((name) => [name, 'int32'] as const)));
    expect(hostKernels(r)).toEqual([]);
    expect(r.outputs).toEqual(r.float);
  });

  it('ConvInteger with a zero point computed at run time corrects for the taps that lie in the image', async () => {
    const b = quantizedBuilder();
    const x = b.input('x', 'uint8', [1, 2, 5, 5]);
    const zx = b.input('zx', 'uint8', []);
    const w = b.constant(
      'int8',
      [3, 2, 3, 3],
      Array.from({ length: 54 }, (_, i) => ((i * 53) % 255) - 127),
    );
    const y = b.node('ConvInteger', [x, w, zx], { pads: [1, 1, 1, 1], strides: [2, 2] });
    const r = await run(b.finish([[y, 'int32']]));
    expect(hostKernels(r)).toEqual([]);
    expect(r.outputs).toEqual(r.float);
  });

  it('dynamic quantization: the products run on the array whatever the scales turn out to be', async () => {
    const b = quantizedBuilder();
    const x = b.input('x', 'float32', [4, 6]);
    const { q, scale, zero } = b.dynamic(x);
    const w = b.constant(
      'int8',
      [6, 3],
      Array.from({ length: 18 }, (_, i) => ((i * 29) % 200) - 100),
    );
    const sums = b.node('MatMulInteger', [q, w, zero]);
    const factor = b.node('Mul', [scale, b.constant('float32', [3], [0.5, 0.25, 0.125])]);
    const y = b.node('Mul', [b.node('Cast', [sums], { to: 1 }), factor]);
    const r = await run(b.finish([[y, 'float32']]));
    expect(r.compilation.executable.kernels.filter((k) => k.engine === 'host' && k.macs > 0)).toEqual([]);
    expect(r.outputs).toEqual(r.float);
  });

  it('MatMulNBits unpacks its weights once', async () => {
    for (const bits of [4, 8]) {
      const b = quantizedBuilder();
      const random = seededRandom(bits);
      const [k, n, block] = [40, 3, 16];
      const blocks = Math.ceil(k / block);
      const x = b.input('x', 'float32', [2, k]);
      const bytes = n * blocks * ((block * bits) / 8);
      const w = b.constant(
        'uint8',
        [n, blocks, (block * bits) / 8],
        Array.from({ length: bytes }, () => random.integer(0, 255)),
      );
      const scales = b.constant(
        'float32',
        [n * blocks],
        Array.from({ length: n * blocks }, () => random.integer(1, 9) / 64),
      );
      const y = b.node('MatMulNBits', [x, w, scales], { K: k, N: n, bits, block_size: block }, 'com.microsoft');
      const r = await run(b.finish([[y, 'float32']]));
      expect(hostKernels(r)).toEqual([]);
      expect(largestDifference(r.float.get(y), r.outputs.get(y))).toBeLessThanOrEqual(1e-3);
    }
  });

  it('Quant of QONNX: narrow integers in bytes, clamped to their own range', async () => {
    const b = quantizedBuilder();
    const quant = (x: string, scale: number, bits: number, signed: number): string =>
      b.node(
        'Quant',
        [x, ...[scale, 0, bits].map((v) => b.constant('float32', [], [v]))],
        { signed, narrow: signed, rounding_mode: 'ROUND' },
        'onnx.brevitas',
      );
    const x = quant(b.input('x', 'float32', [3, 8]), 0.25, 2, 1);
    const w = quant(
      b.constant(
        'float32',
        [8, 4],
        Array.from({ length: 32 }, (_, i) => ((i * 7) % 13) / 6 - 1),
      ),
      1,
      2,
      1,
    );
    const y = quant(b.node('MatMul', [x, w]), 0.125, 3, 0);
    const r = await run(b.finish([[y, 'float32']]));
    expect(hostKernels(r)).toEqual([]);
    expect(r.outputs).toEqual(r.float);
    expect(r.compilation.executable.kernels.filter((k) => k.engine === 'matrix').map((k) => k.dtype)).toEqual(['int8']);
  });
});
