import { describe, expect, test } from 'vitest';
import { seededRandom, SystoleError, type Diagnostic } from '../../src/core/index.ts';
import { buildModel, findModel, models } from '../../src/models/index.ts';
import { decodeModel } from '../../src/onnx/index.ts';
import { read, run, type Network } from './reference.ts';

function macsOf(net: Network): number {
  let total = 0;
  run(net, null, (_, __, macs) => (total += macs));
  return total;
}

describe('multiply-accumulates, counted from the nodes of the file', () => {
  // Published: torchvision's table of GFLOPS (1.81, 4.09, 0.30, 15.47) and the MobileNet paper (569 million).
  const published: [name: string, macs: number][] = [
    ['resnet18', 1_814_073_344],
    ['resnet50', 4_089_184_256],
    ['mobilenetv1', 568_740_352],
    ['mobilenetv2', 300_774_272],
    ['vgg16', 15_470_264_320],
  ];
  test.each(published)('%s', (name, macs) => {
    const net = read(buildModel(name));
    expect(macsOf(net)).toBe(macs);
    expect(findModel(name)?.macs).toBe(macs);
    expect(net.output).toEqual([1, 1000]);
    // Parameters as torchvision counts them, BatchNorm's four vectors folded into one bias.
    const parameters = [...net.weights.values()].reduce((n, w) => n + w.data.length, 0);
    const expected: Record<string, number> = { resnet18: 11_684_712, resnet50: 25_530_472, mobilenetv2: 3_487_816, vgg16: 138_357_544 };
    if (expected[name] !== undefined) expect(parameters).toBe(expected[name]);
  });

  test('grow with the batch, follow image and width', () => {
    const at = (parameters: Record<string, number>): number =>
      macsOf(read(buildModel('mobilenetv2', { image: 32, classes: 10, width: 0.25, ...parameters })));
    expect(at({ batch: 3 })).toBe(3 * at({}));
    expect(at({ image: 64 })).toBeGreaterThan(3.5 * at({}));
    expect(at({ width: 0.5 })).toBeGreaterThan(2 * at({}));
  });
});

test('resnet18, node by node', async () => {
  const { graph } = decodeModel(buildModel('resnet18')).model;
  const text = graph.nodes
    .map((n) => {
      const attributes = n.attributes.map((a) => `${a.name}=${JSON.stringify('value' in a ? a.value : null)}`).join(' ');
      return `${n.name} ${n.opType}(${n.inputs.join(', ')}) -> ${n.outputs.join(', ')}${attributes === '' ? '' : ` {${attributes}}`}`;
    })
    .join('\n');
  expect(graph.nodes).toHaveLength(49);
  await expect(`${text}\n`).toMatchFileSnapshot('resnet18.nodes.txt');
});

test('mobilenetv2: names and bounds of ReLU6 as the exporter writes them', () => {
  const { graph } = decodeModel(buildModel('mobilenetv2', { image: 32 })).model;
  const names = graph.nodes.map((n) => n.name);
  expect(names.slice(0, 5)).toEqual([
    '/features/features.0/features.0.0/Conv',
    '/features/features.0/features.0.2/Constant',
    '/features/features.0/features.0.2/Constant_1',
    '/features/features.0/features.0.2/Clip',
    '/features/features.1/conv/conv.0/conv.0.0/Conv',
  ]);
  expect(names).toEqual(
    expect.arrayContaining(['/features/features.3/Add', '/features/features.17/conv/conv.2/Conv', '/classifier/classifier.1/Gemm']),
  );
  expect(graph.nodes[3]?.inputs).toEqual([
    '/features/features.0/features.0.0/Conv_output_0',
    '/features/features.0/features.0.2/Constant_output_0',
    '/features/features.0/features.0.2/Constant_1_output_0',
  ]);
  expect(graph.nodes.filter((n) => n.opType === 'Conv')).toHaveLength(52);
  expect(graph.nodes.filter((n) => n.opType === 'Clip')).toHaveLength(35);
  expect(graph.nodes.filter((n) => n.opType === 'Add')).toHaveLength(10);
});

test('our decoder and onnx-proto read the same file', () => {
  const bytes = buildModel('resnet50', { image: 32, classes: 10 });
  const theirs = read(bytes);
  const { model, diagnostics } = decodeModel(bytes);
  expect(diagnostics).toEqual([]);
  expect(model).toMatchObject({ irVersion: 8, opsetImports: [{ domain: '', version: 17 }], producerName: 'systole' });
  expect(model.graph.nodes.map((n) => [n.name, n.opType, n.inputs, n.outputs[0]])).toEqual(
    theirs.steps.map((s) => [s.name, s.op, s.inputs, s.output]),
  );
  expect(model.graph.inputs).toEqual([{ name: 'input', type: { kind: 'tensor', dtype: 'float32', shape: [1, 3, 32, 32] } }]);
  expect(model.graph.initializers).toHaveLength(108);
  for (const t of model.graph.initializers) {
    const w = theirs.weights.get(t.name);
    expect([t.name, t.dtype, t.dims]).toEqual([t.name, 'float32', w?.dims]);
    const bytesOf = w && new Uint8Array(w.data.buffer);
    expect(t.data.kind === 'bytes' && bytesOf && Buffer.compare(t.data.bytes, bytesOf)).toBe(0);
  }
  expect(theirs.weights.get('layer2.0.downsample.0.weight')?.dims).toEqual([512, 256, 1, 1]);
});

describe('weights', () => {
  const small = { image: 32, classes: 10 };
  test('same parameters, same bytes; another seed, other weights of the same layers', () => {
    expect(Buffer.compare(buildModel('mobilenetv1', small), buildModel('mobilenetv1', small))).toBe(0);
    const [a, b] = [0, 1].map((seed) => read(buildModel('mobilenetv1', { ...small, seed })));
    expect([...(a?.weights.keys() ?? [])]).toEqual([...(b?.weights.keys() ?? [])]);
    expect(a?.weights.get('features.1.0.weight')?.data).not.toEqual(b?.weights.get('features.1.0.weight')?.data);
  });

  test.each(['resnet18', 'resnet50', 'mobilenetv1', 'mobilenetv2'])(
    '%s: activations neither fade nor grow, outputs differ by input',
    (name) => {
      const image = name.startsWith('mobilenet') ? 64 : 32;
      const net = read(buildModel(name, { ...small, image }));
      // A bright and a dark picture of noise.
      const scores = [1, -1].map((brightness) => {
        const random = seededRandom(5);
        const pixels = Float64Array.from({ length: 3 * image * image }, () => brightness + random.bell());
        const out = run(net, pixels, (step, { data }) => {
          if (!['Conv', 'Clip', 'Relu', 'Gemm'].includes(step.op)) return;
          expect([step.name, inRange(rms(data))]).toEqual([step.name, true]);
          if (step.op === 'Clip') expect([step.name, atCeiling(data) < 0.05]).toEqual([step.name, true]);
        });
        return [...(out.data ?? [])];
      });
      expect(rms(Float64Array.from(scores[0] ?? [], (v, i) => v - (scores[1]?.[i] ?? 0)))).toBeGreaterThan(0.02);
    },
  );

  const rms = (data: Float64Array | null): number =>
    Math.sqrt((data ?? new Float64Array()).reduce((sum, v) => sum + v * v, 0) / (data?.length ?? 1));
  const inRange = (v: number): boolean => v > 0.05 && v < 10;
  const atCeiling = (data: Float64Array | null): number => (data ?? new Float64Array()).filter((v) => v === 6).length / (data?.length ?? 1);
});

test('vgg16 pools the last feature map by 1×1 at 224 and has no Dropout', () => {
  const vgg = findModel('vgg16');
  expect(vgg?.parameters.find((p) => p.name === 'image')?.multipleOf).toBe(224);
  expect(problemsOf(() => buildModel('vgg16', { image: 256 }))[0]?.message).toContain('it must be a multiple of 224');
});

describe('requests that cannot be met', () => {
  test('unknown model, with a near name', () => {
    expect(findModel('./resnet50.onnx')).toBeUndefined();
    const [problem] = problemsOf(() => buildModel('resnet51'));
    expect(problem?.code).toBe('SYS1901');
    expect(problem?.message).toBe(
      `unknown model "resnet51". Did you mean "resnet50"? Give the path of an ONNX file or one of: ${models.map((m) => m.name).join(', ')}.`,
    );
  });
  test('unknown and impossible parameters, all at once', () => {
    const problems = problemsOf(() => buildModel('resnet18', { bacth: 2, image: 8, classes: 1.5, seed: Number.NaN }));
    expect(problems.map((d) => d.code)).toEqual(['SYS1902', 'SYS1903', 'SYS1903', 'SYS1903']);
    expect(problems[0]?.message).toContain('Did you mean "batch"?');
  });
  test('names in other spellings are found', () => {
    expect(findModel('ResNet-50')?.name).toBe('resnet50');
    expect(findModel('mobilenet_v2')?.name).toBe('mobilenetv2');
  });
});

function problemsOf(act: () => unknown): readonly Diagnostic[] {
  try {
    act();
  } catch (error) {
    if (error instanceof SystoleError) return error.diagnostics;
    throw error;
  }
  return [];
}
