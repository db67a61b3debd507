/** Verification: right programs pass on every kind of machine, planted faults are found in the kernel they were planted in. */
import { describe, expect, test } from 'vitest';
import {
  calibrate,
  compile,
  importDecoded,
  importModel,
  randomInputs,
  type Compilation,
  type ImportedModel,
} from '../../src/compiler/index.ts';
import { seededRandom, viewBytes, type Tensor } from '../../src/core/index.ts';
import { loadMachine, type Machine } from '../../src/hw-configs/index.ts';
import { readCommand, type Executable } from '../../src/isa/index.ts';
import { buildModel } from '../../src/models/index.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import {
  compareTensors,
  defaultTolerance,
  renderVerification,
  verifyCompilation,
  type VerifyProblem,
  type VerifyRun,
} from '../../src/reports/index.ts';
import { testMachine } from '../end-to-end/machines.ts';
import { bell, modelBuilder } from '../end-to-end/model-builder.ts';
import { quantizedBuilder } from '../end-to-end/quantized-models.ts';

interface Case extends Omit<VerifyProblem, 'executable' | 'onKernel'> {
  readonly compilation: Compilation;
}

function caseOf(model: ImportedModel, machine: Machine, precision: 'int8' | 'fp32', seed = 3): Case {
  const inputs = randomInputs(model.graph, seed);
  const calibration = precision === 'int8' ? calibrate(model.graph, [inputs]) : null;
  const compilation = compile(model, machine, { precision, dims: {}, calibration });
  return { compilation, machine, model: model.graph, inputs, expectations: [], tolerance: defaultTolerance(precision) };
}

function imported(model: OnnxModel): ImportedModel {
  return importDecoded(model, { name: 'net', sha256: '' });
}

/** Four convolutions and a shortcut: kernels conv0, conv2, conv4 (with the sum) and conv7. */
function network(): OnnxModel {
  const b = modelBuilder();
  const random = seededRandom(5);
  const conv = (x: string, cin: number, cout: number): string => {
    const w = b.weight(`w${x}`, [cout, cin, 3, 3], bell(random, cout * cin * 9, Math.sqrt(2 / (cin * 9))));
    return b.node('Conv', [x, w, b.weight(`b${x}`, [cout], bell(random, cout, 0.1))], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
  };
  const first = b.node('Relu', [conv(b.input('x', [1, 3, 12, 12]), 3, 8)]);
  const second = b.node('Relu', [conv(first, 8, 8)]);
  const sum = b.node('Relu', [b.node('Add', [conv(second, 8, 8), first])]);
  return b.finish(conv(sum, 8, 4));
}

/** The executable with one float32 changed that a kernel loads from the weights: a weight of float kernels, the scale of a channel of others. */
function withFault(executable: Executable, kernel: string, change: (x: number) => number): Executable {
  const { commands } = executable.programs[0] as Executable['programs'][number];
  const { weights } = executable;
  const index = executable.kernels.findIndex((k) => k.name === kernel);
  for (let row = 0; row < commands.length; row++) {
    const command = readCommand(commands, row);
    if (commands.kernel[row] !== index || command.op !== 'LOAD') continue;
    const { region, dtype, extents } = command.src;
    if (region !== weights.region || (dtype !== 'float32' && dtype !== 'uint8')) continue;
    // Biases, four bytes each, then as many scales.
    const offset = command.src.offset + (dtype === 'uint8' ? (extents[0] ?? 0) / 2 : 0);
    const segments = weights.segments.map((s) => {
      if (offset < s.offset || offset >= s.offset + s.bytes) return s;
      return {
        ...s,
        read: () => {
          const bytes = s.read().slice();
          const view = new DataView(bytes.buffer);
          view.setFloat32(offset - s.offset, change(view.getFloat32(offset - s.offset, true)), true);
          return bytes;
        },
      };
    });
    return { ...executable, weights: { ...weights, segments } };
  }
  throw new Error(`${kernel} loads no float32`);
}

const verdicts = (run: VerifyRun): readonly string[] => run.kernels.map((k) => `${k.name} ${k.verdict}`);

describe('right programs', () => {
  test('int8: every kernel repeats the interpreter, outputs are near the model in float', async () => {
    const run = verifyCompilation(caseOf(imported(network()), await testMachine('tiny-8x8'), 'int8'));
    expect(run).toMatchObject({ passed: true, firstWrong: null, misses: [], sanitizer: [] });
    expect(verdicts(run)).toEqual(['conv0 exact', 'conv2 exact', 'conv4 exact', 'conv7 exact']);
    expect(run.outputs[0]).toMatchObject({ bitEqual: true, cumulative: { maxLsb: 0, sqnrDb: null } });
    expect(run.outputs[0]?.float?.sqnrDb).toBeGreaterThan(25);
  });

  test('fp32', async () => {
    const run = verifyCompilation(caseOf(imported(network()), await testMachine('tiny-8x8'), 'fp32'));
    expect(run).toMatchObject({ passed: true, jump: null });
    expect(run.outputs[0]?.float?.sqnrDb ?? Infinity).toBeGreaterThan(100);
  });

  test('activations in a core’s own memory are read from there', async () => {
    const run = verifyCompilation(caseOf(imported(network()), await loadMachine({ preset: 'tpu-v1' }, []), 'int8'));
    expect(run.passed).toBe(true);
    expect(run.kernels.filter((k) => k.verdict !== 'exact')).toEqual([]);
  });

  test('kernels of views, movement, softmax and the host', async () => {
    const b = modelBuilder();
    const x = b.node('Reshape', [b.input('x', [2, 3, 8]), b.weight('s', [0], [])].slice(0, 1).concat(shape(b)));
    const t = b.node('Transpose', [x], { perm: [1, 0] });
    const model = imported(b.finish(b.node('Softmax', [b.node('Trilu', [b.node('Sin', [t])], { upper: 0 })], { axis: -1 })));
    const run = verifyCompilation(caseOf(model, await testMachine('tiny-8x8'), 'fp32'));
    expect(run.passed).toBe(true);
    expect(run.kernels.some((k) => k.engine === 'host' && k.verdict === 'exact')).toBe(true);
  });

  test('a network with depthwise convolutions and pooling', { timeout: 120_000 }, async () => {
    const model = await importModel(buildModel('mobilenetv1', { image: 32, width: 0.1, classes: 10 }), { name: 'mobilenetv1' });
    const run = verifyCompilation(caseOf(model, await testMachine('tiny-dot'), 'int8'));
    expect(run.passed).toBe(true);
    expect(run.kernels.length).toBeGreaterThan(25);
  });
});

/** A float32 initializer is no shape: Reshape wants int64, which Shape makes. */
function shape(b: ReturnType<typeof modelBuilder>): string {
  return b.node('Shape', [b.weight('like', [6, 8], new Float32Array(48))]);
}

test('a scale of the model that cuts off what a Relu would: no error of the value before it', async () => {
  const b = quantizedBuilder();
  const scaling = { dtype: 'uint8', scale: [0.02], zero: [0] } as const;
  const weights = b.pair(b.constant('float32', [4, 3, 3, 3], bell(seededRandom(4), 108, 0.3)), { dtype: 'int8', scale: [0.01], zero: [0] });
  const x = b.pair(b.input('x', 'float32', [1, 3, 8, 8]), { dtype: 'uint8', scale: [0.03], zero: [128] });
  // The zero point makes negative sums zero: that is the model's Relu.
  const positive = b.pair(b.node('Conv', [x, weights], { kernel_shape: [3, 3] }), scaling);
  const y = b.pair(b.node('MaxPool', [positive], { kernel_shape: [2, 2] }), scaling);
  const model = imported(b.finish([[y, 'float32']]));
  const machine = await testMachine('tiny-8x8');
  const compilation = compile(model, machine, { precision: 'auto', dims: {}, calibration: null });
  const inputs = randomInputs(model.graph, 3);
  const run = verifyCompilation({
    compilation,
    machine,
    model: model.graph,
    inputs,
    expectations: [],
    tolerance: defaultTolerance('int8', { quantizedModel: true }),
  });
  expect(run.passed).toBe(true);
  const product = run.kernels.find((k) => k.class === 'contraction');
  expect(product?.float?.sqnrDb ?? 0).toBeGreaterThan(30);
});

describe('planted faults', () => {
  test('a scale of one channel: the kernel is named, those behind it are exact by themselves', async () => {
    const given = caseOf(imported(network()), await testMachine('tiny-8x8'), 'int8');
    const executable = withFault(given.compilation.executable, 'conv2', (x) => x * 3);
    const run = verifyCompilation({ ...given, executable });
    expect(run).toMatchObject({ passed: false, firstWrong: 'conv2', sanitizer: [] });
    expect(verdicts(run)).toEqual(['conv0 exact', 'conv2 wrong', 'conv4 exact', 'conv7 exact']);
    expect(run.kernels.map((k) => k.cumulative?.differing === 0)).toEqual([true, false, false, false]);
    // One of eight channels of conv2 has other numbers, and nothing else.
    expect(run.kernels[1]?.isolated?.differing).toBeGreaterThan(0);
    expect(run.kernels[1]?.isolated?.differing).toBeLessThanOrEqual(144);
    expect(run.jump).toMatchObject({ kernel: 'conv2' });
  });

  test('one float weight', async () => {
    const given = caseOf(imported(network()), await testMachine('tiny-8x8'), 'fp32');
    const executable = withFault(given.compilation.executable, 'conv4', (x) => x * 1.01);
    const run = verifyCompilation({ ...given, executable });
    expect(run).toMatchObject({ passed: false, firstWrong: 'conv4' });
    expect(verdicts(run).filter((v) => v.endsWith('wrong'))).toEqual(['conv4 wrong']);
  });

  test('a NaN is counted, not averaged', async () => {
    const given = caseOf(imported(network()), await testMachine('tiny-8x8'), 'fp32');
    const run = verifyCompilation({ ...given, executable: withFault(given.compilation.executable, 'conv7', () => NaN) });
    expect(run.firstWrong).toBe('conv7');
    // The first weight is the upper left tap: it reaches no output of the first row and column of one channel.
    expect(run.kernels[3]?.isolated?.unordered).toBe(11 * 11);
    expect(run.misses.map((m) => m.against)).toContain('float');
  });

  test('outputs that others expect', async () => {
    const given = caseOf(imported(network()), await testMachine('tiny-8x8'), 'fp32');
    const wrong: Tensor = { dtype: 'float32', shape: [1, 4, 12, 12], data: new Float32Array(576).fill(1) };
    const name = given.model.values[given.model.outputs[0] ?? -1]?.name ?? '';
    const run = verifyCompilation({ ...given, expectations: [{ name: 'expected', outputs: new Map([[name, wrong]]) }] });
    expect(run).toMatchObject({ passed: false, firstWrong: null, misses: [{ output: name, against: 'expectation' }] });
  });

  test.each([
    [1, 4, 12, 11],
    [1, 4, 144],
    [4, 12, 12],
  ])('outputs of another shape than others expect are no agreement: %i, %i, …', async (...shape) => {
    const given = caseOf(imported(network()), await testMachine('tiny-8x8'), 'fp32');
    const name = given.model.values[given.model.outputs[0] ?? -1]?.name ?? '';
    const right = verifyCompilation({ ...given, expectations: [] });
    expect(right.passed).toBe(true);
    const other: Tensor = { dtype: 'float32', shape, data: new Float32Array(shape.reduce((a, b) => a * b)) };
    const run = verifyCompilation({ ...given, expectations: [{ name: 'expected', outputs: new Map([[name, other]]) }] });
    expect(run.misses.map((m) => m.what)).toEqual([
      `the model itself against expected: the shape is [1, 4, 12, 12] in place of [${shape.join(', ')}]`,
    ]);
  });

  test('a tolerance that int8 cannot meet', async () => {
    const given = caseOf(imported(network()), await testMachine('tiny-8x8'), 'int8');
    const run = verifyCompilation({ ...given, tolerance: { ...given.tolerance, sqnrDb: 90 } });
    expect(run.misses).toMatchObject(
      [{ against: 'float', what: /SQNR [\d.]+ dB, at least 90 wanted/ }].map((m) => ({ against: m.against })),
    );
  });
});

describe('dumps', () => {
  test('operands and results of a kernel, as every side has them', async () => {
    const given = caseOf(imported(network()), await testMachine('tiny-8x8'), 'int8');
    const seen = new Map<string, readonly string[]>();
    verifyCompilation({
      ...given,
      onKernel: ({ name }, tensors) =>
        seen.set(
          name,
          tensors.map((t) => `${t.role} ${t.value} ${t.program?.dtype} ${t.float?.dtype ?? '-'} ${t.isolated === null ? '-' : 'isolated'}`),
        ),
    });
    expect(seen.get('conv4')).toEqual([
      'input relu3_out int8 float32 -',
      'input relu1_out int8 float32 -',
      'output relu6_out int8 float32 isolated',
    ]);
  });
});

describe('metrics, by hand', () => {
  const float = (...numbers: number[]): { tensor: Tensor; quantization: null } => ({
    tensor: { dtype: 'float32', shape: [numbers.length], data: Float32Array.from(numbers) },
    quantization: null,
  });

  test('SQNR 20 dB is a tenth of the amplitude', () => {
    const error = compareTensors(float(1.1, 0), float(1, 0));
    expect(error?.sqnrDb).toBeCloseTo(20, 5);
    expect(error).toMatchObject({ elements: 2, differing: 1, maxAbsAt: 0, cosine: 1 });
    expect(error?.peak).toBeCloseTo(0.1, 6);
  });

  test('ULP count representable numbers, across zero too; zeros are equal, NaN is NaN', () => {
    const tiny = 2 ** -149;
    expect(compareTensors(float(tiny, -0, NaN), float(-tiny, 0, NaN))).toMatchObject({ differing: 1, unordered: 0, maxUlp: 2 });
    expect(compareTensors(float(1 + 2 ** -23), float(1))?.maxUlp).toBe(1);
    expect(compareTensors(float(Infinity, 1), float(1, 1))).toMatchObject({ unordered: 1, maxAbs: 0 });
  });

  test('half floats by their bits, integers by their steps', () => {
    const half = (bits: number): { tensor: Tensor; quantization: null } => ({
      tensor: { dtype: 'float16', shape: [1], data: Uint16Array.of(bits) },
      quantization: null,
    });
    expect(compareTensors(half(0x3c01), half(0x3c00))).toMatchObject({ maxUlp: 1, maxAbs: 2 ** -10 });
    const quantization = { scale: Float32Array.of(0.5), zeroPoint: Int32Array.of(10), axis: null, source: 'calibrated' } as const;
    const bytes = (...q: number[]) => ({
      tensor: { dtype: 'int8', shape: [q.length], data: viewBytes('int8', Uint8Array.from(q)) } as Tensor,
      quantization,
    });
    expect(compareTensors(bytes(12, 10), bytes(10, 10))).toMatchObject({ maxLsb: 2, maxAbs: 1, sqnrDb: -999, cosine: null });
    // Against plain numbers: real numbers, 0.5 · (12 − 10) = 1.
    expect(compareTensors(bytes(12, 10), float(1, 0))).toMatchObject({ differing: 0, maxLsb: null });
  });

  test('other sizes cannot be compared', () => {
    expect(compareTensors(float(1), float(1, 2))).toBeNull();
  });
});

test('figures that NaN is left out of are not printed as good ones', async () => {
  const given = caseOf(imported(network()), await testMachine('tiny-8x8'), 'fp32');
  const run = verifyCompilation({ ...given, executable: withFault(given.compilation.executable, 'conv7', () => NaN) });
  const title = { model: 'net', target: 'tiny-8x8', precision: 'fp32', inputs: 'random:3', notes: [] };
  const text = renderVerification(run, title, { width: 80, color: false });
  expect(text).toMatch(/model in float {2,}NaN or ∞ {2,}NaN or ∞ {2,}– {2,}–/);
  expect(text.replace(/\s+/g, ' ')).toContain('121 of 576 elements differ, 121 of them infinite or NaN on one side only.');
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

test('kernels that share the name of their node are told apart by what they do', async () => {
  const run = verifyCompilation(caseOf(imported(network()), await testMachine('tiny-8x8'), 'fp32'));
  const more = run.kernels.slice(0, 1).map((k) => ({ ...k, class: 'softmax' }));
  const title = { model: 'net', target: 'tiny-8x8', precision: 'fp32', inputs: 'random:3', notes: [] };
  const text = renderVerification({ ...run, kernels: [...run.kernels, ...more] }, title, { width: 80, color: false });
  expect(text).toMatch(/conv0 \[contraction\] [^]*conv0 \[softmax\] /);
  expect(text).not.toContain('conv2 [');
});

test('the text fits 80 columns and names the fault', async () => {
  const given = caseOf(imported(network()), await testMachine('tiny-8x8'), 'int8');
  const run = verifyCompilation({ ...given, executable: withFault(given.compilation.executable, 'conv2', (x) => x * 3) });
  const title = { model: 'net', target: 'tiny-8x8', precision: 'int8', inputs: 'random:3', notes: ['A note.'] };
  const text = renderVerification(run, title, { width: 80, color: false });
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(text).toContain('net on tiny-8x8, int8: NOT verified');
  expect(text).toMatch(/First wrong kernel: conv2 \(from relu3\)/);
  expect(text).toMatch(/Error jumps at conv2/);
});
