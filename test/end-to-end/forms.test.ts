/** A program in its other forms is the same program: as a file, as text, compiled again. */
import { describe, expect, test } from 'vitest';
import { compile, importModel, randomInputs, type ImportedModel } from '../../src/compiler/index.ts';
import { seededRandom } from '../../src/core/index.ts';
import { loadMachine, type Machine } from '../../src/hw-configs/index.ts';
import { assemble, decodeExecutable, disassemble, encodeExecutable, type Executable } from '../../src/isa/index.ts';
import { buildModel } from '../../src/models/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { bell, modelBuilder } from './model-builder.ts';
import { compileCalibrated, convModel, decoded } from './small-programs.ts';

interface Case {
  readonly name: string;
  readonly model: () => Promise<ImportedModel>;
  readonly machine: () => Promise<Machine>;
  /** Without calibration scales are placeholders, and the program has no weights. */
  readonly calibrated: boolean;
}

const cases: readonly Case[] = [
  {
    name: 'a small MobileNetV2 with weights',
    model: () => importModel(buildModel('mobilenetv2', { image: 32, width: 0.25, classes: 10 }), { name: 'mobilenetv2' }),
    machine: () => testMachine('tiny-8x8'),
    calibrated: true,
  },
  { name: 'a classifier that ends on the host', model: async () => hostModel(), machine: () => testMachine('tiny-dot'), calibrated: true },
  {
    name: 'ResNet-18 without scales',
    model: () => importModel(buildModel('resnet18'), { name: 'resnet18' }),
    machine: () => loadMachine({ preset: 'ethos-u55-256' }),
    calibrated: false,
  },
];

function hostModel(): ImportedModel {
  const random = seededRandom(3);
  const b = modelBuilder();
  const x = b.input('x', [2, 40]);
  const y = b.node('Gemm', [x, b.weight('w', [10, 40], bell(random, 400, 0.2)), b.weight('b', [10], bell(random, 10, 0.2))], { transB: 1 });
  return decoded('host', b.finish(b.node('Softmax', [y], { axis: -1 })));
}

async function compileCase({
  model,
  machine,
  calibrated,
}: Case): Promise<{ model: ImportedModel; machine: Machine; executable: Executable }> {
  const on = await machine();
  const from = await model();
  const { executable } = calibrated ? compileCalibrated(from, on) : compile(from, on, { precision: 'auto', dims: {}, calibration: null });
  return { model: from, machine: on, executable };
}

describe.each(cases)('$name', (one) => {
  test('as a file gives the same result document and the same values', async () => {
    const { model, machine, executable } = await compileCase(one);
    for (const weights of ['embed', 'hash'] as const) {
      const bytes = encodeExecutable(executable, { weights });
      const read = decodeExecutable(bytes);
      expect(simulate(read, machine)).toStrictEqual(simulate(executable, machine));
      expect(encodeExecutable(read, { weights })).toEqual(bytes);
      if (weights === 'hash' || !one.calibrated) continue;
      const inputs = randomInputs(model.graph, 5);
      const run = execute(executable, machine, inputs, { sanitize: false });
      expect(run.outputs.size).toBe(1);
      expect(execute(read, machine, inputs, { sanitize: false })).toEqual(run);
    }
  });

  test('as text assembles to the same bytes', async () => {
    const { executable } = await compileCase(one);
    const forms = [
      ['embed', 'base64'],
      ['hash', 'hash'],
    ] as const;
    for (const [inFile, inText] of forms) {
      const text = disassemble(executable, { weights: inText });
      const again = assemble(text);
      // Millions of bytes: `toEqual` on arrays of numbers takes seconds.
      expect(Buffer.compare(encodeExecutable(again, { weights: inFile }), encodeExecutable(executable, { weights: inFile }))).toBe(0);
      expect(disassemble(again, { weights: inText }) === text).toBe(true);
    }
  });

  test('compiled again is the same bytes', async () => {
    const [first, second] = [await compileCase(one), await compileCase(one)];
    const bytes = encodeExecutable(first.executable, { weights: 'embed' });
    expect(Buffer.compare(encodeExecutable(second.executable, { weights: 'embed' }), bytes)).toBe(0);
    const results = [first, second].map(({ executable, machine }) => JSON.stringify(simulate(executable, machine)));
    expect(results[0]).toBe(results[1]);
  });
});

describe('golden programs', () => {
  test('a padded convolution, its Relu and a residual add in one kernel', async () => {
    const layer = { channels: 8, outChannels: 8, height: 8, width: 8, kernel: 3, pad: 1 };
    const { executable } = compileCalibrated(convModel('small-program', layer, 'residual'), await testMachine('tiny-8x8'));
    const text = disassemble(executable);
    expect(executable.kernels.map((k) => k.origin)).toEqual([['conv0', 'relu1', 'add2']]);
    expect(text).toMatch(/CONV overwrite .* pad=1,1 /);
    await expect(text).toMatchFileSnapshot('golden/small-program.asm');
  });

  test('2 KiB of scratchpad: rows of the first convolution in a ring, reduction of the second in two steps', async () => {
    const random = seededRandom(1);
    const b = modelBuilder();
    const x = b.input('x', [1, 8, 12, 12]);
    const first = b.node('Conv', [x, b.weight('w1', [8, 8, 3, 3], bell(random, 576, 0.1))], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
    const second = b.node('Conv', [b.node('Relu', [first]), b.weight('w2', [8, 8, 5, 5], bell(random, 1600, 0.05))], {
      kernel_shape: [5, 5],
    });
    const machine = await testMachine('tiny-8x8', ['memories.scratchpad.size=2 KiB']);
    const { executable } = compileCalibrated(decoded('ring-and-k-tiles', b.finish(second)), machine);
    const text = disassemble(executable);
    expect(text).toMatch(/LOAD inputs dst=\S+ int8\[.*ring\[/);
    expect(text).toMatch(/CONV overwrite .*\n(.*\n)*?.*CONV accumulate .* out=/);
    await expect(text).toMatchFileSnapshot('golden/ring-and-k-tiles.asm');
  });
});
