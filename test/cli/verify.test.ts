/** `systole verify` as a user runs it: what it compares, when it ends with 1, what it writes. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatNpy, formatNpz, parseNpy } from '../../src/cli/npy.ts';
import type { VerifyDocument } from '../../src/cli/verify.ts';
import { dumpKernel, openFolder } from '../../src/cli/verify-files.ts';
import { findJudge } from '../../src/cli/verify-runtime.ts';
import { seededRandom, type Tensor } from '../../src/core/index.ts';
import { decodeExecutable, encodeExecutable } from '../../src/isa/index.ts';
import { encodeModel, encodeTensor } from '../../src/onnx/index.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import type { KernelTensor } from '../../src/reports/index.ts';
import type { VectorManifest } from '../../src/simulator/index.ts';
import { bell, modelBuilder } from '../end-to-end/model-builder.ts';
import { build, projectRoot, systole, temporaryFolder, type Outcome } from './run-cli.ts';

const folder = temporaryFolder();
const machine = join(projectRoot, 'test/machines/tiny-8x8.yaml');
const verify = (...words: readonly string[]): Outcome => systole(['verify', 'net.onnx', '-t', machine, ...words], folder.path);
const documentOf = (run: Outcome): VerifyDocument => JSON.parse(run.out) as VerifyDocument;
const read = (name: string): Buffer => readFileSync(join(folder.path, name));

/** Input [1, 2, 6, 6], kernels conv0 and conv2. */
function network(): OnnxModel {
  const b = modelBuilder();
  const random = seededRandom(9);
  const first = b.node('Conv', [b.input('x', [1, 2, 6, 6]), b.weight('w0', [4, 2, 3, 3], bell(random, 72, 0.4))], { kernel_shape: [3, 3] });
  const bias = b.weight('b2', [2], [0.5, -0.5]);
  return b.finish(
    b.node('Conv', [b.node('Relu', [first]), b.weight('w2', [2, 4, 1, 1], bell(random, 8, 0.7)), bias], { kernel_shape: [1, 1] }),
  );
}

function samples(count: number): Tensor {
  const random = seededRandom(4);
  return { dtype: 'float32', shape: [count, 2, 6, 6], data: Float32Array.from({ length: count * 72 }, () => random.bell()) };
}

function tensorProto(name: string, { dtype, shape, data }: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return encodeTensor({ name, dtype, dims: shape, data: { kind: 'bytes', bytes } });
}

beforeAll(() => {
  build();
  writeFileSync(join(folder.path, 'net.onnx'), encodeModel(network()));
  writeFileSync(join(folder.path, 'three.npz'), formatNpz(new Map([['x', samples(3)]])));
  writeFileSync(join(folder.path, 'one.npy'), formatNpy(samples(1)));
});
afterAll(() => folder.remove());

describe('what passes', () => {
  test('open sizes are those of the inputs, unless --dim says otherwise', () => {
    const open = network();
    const shape = { kind: 'tensor', dtype: 'float32', shape: ['n', 2, 'h', 'w'] } as const;
    writeFileSync(join(folder.path, 'open.onnx'), encodeModel({ ...open, graph: { ...open.graph, inputs: [{ name: 'x', type: shape }] } }));
    const onFile = (...words: readonly string[]): Outcome => systole(['verify', 'open.onnx', '-t', machine, ...words], folder.path);
    const run = onFile('--inputs', 'three.npz', '--precision', 'fp32');
    expect(run).toMatchObject({ code: 0, err: '' });
    expect(run.out).toContain('n = 3, h = 6, w = 6');
    const samplesOfOne = documentOf(onFile('--inputs', 'three.npz', '--dim', 'n=1', '--precision', 'fp32', '--json'));
    expect(samplesOfOne.runs.map((r) => r.inputs)).toEqual(['three.npz[0]', 'three.npz[1]', 'three.npz[2]']);
    expect(onFile('--inputs', 'three.npz', '--dim', 'h=5').err).toMatch(/SYS8006/);
  });

  test('a model on seeded inputs: exit 0 and a table within 80 columns', () => {
    const run = verify('--precision', 'int8');
    expect(run).toMatchObject({ code: 0, err: '' });
    expect(run.out).toMatch(/net on tiny-8x8, int8: verified/);
    expect(run.out).toMatch(/2 of 2 kernels repeat the interpreter bit for bit/);
    expect(run.out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('--json tells every run, output and kernel, the same each time', () => {
    const run = verify('--precision', 'int8', '--inputs', 'three.npz', '--json');
    const found = documentOf(run);
    expect(found).toMatchObject({ formatVersion: 1, precision: 'int8', passed: true, target: { name: 'tiny-8x8' } });
    expect(found.runs.map((r) => r.inputs)).toEqual(['three.npz[0]', 'three.npz[1]', 'three.npz[2]']);
    expect(found.runs[0]?.kernels.map((k) => `${k.name} ${k.verdict}`)).toEqual(['conv0 exact', 'conv2 exact']);
    expect(verify('--precision', 'int8', '--inputs', 'three.npz', '--json').out).toBe(run.out);
  });

  test.each(['percentile:99', 'mse'])('scales by %s from other samples', (method) => {
    const run = verify('--precision', 'int8', '--calibrate', 'three.npz', '--calibrate', 'one.npy', '--calibration', method, '--json');
    expect(run.err).toBe('');
    expect(documentOf(run).runs[0]?.outputs[0]?.float?.sqnrDb).toBeGreaterThan(15);
  });
});

describe('ONNX test data', () => {
  const writeSet = (name: string, output: Tensor): void => {
    mkdirSync(join(folder.path, name), { recursive: true });
    writeFileSync(join(folder.path, name, 'input_0.pb'), tensorProto('x', samples(1)));
    writeFileSync(join(folder.path, name, 'output_0.pb'), tensorProto('', output));
  };

  test('expected outputs are one more reference, and judge the model itself', () => {
    mkdirSync(join(folder.path, 'data'), { recursive: true });
    expect(verify('--precision', 'fp32', '--inputs', 'one.npy', '--dump', 'conv2', '--out', 'seen').code).toBe(0);
    const file = readdirSync(join(folder.path, 'seen')).find((f) => /output.*float\.npy$/.test(f)) ?? '';
    const right = parseNpy(read(join('seen', file)), file);
    writeSet('data/test_data_set_0', right);
    const run = verify('--precision', 'fp32', '--inputs', 'data', '--json');
    expect(run.err).toBe('');
    expect(documentOf(run).runs[0]?.outputs[0]?.expectations[0]).toMatchObject({ name: 'expected', model: { differing: 0 } });

    writeSet('data/test_data_set_1', { ...right, data: Float32Array.from(right.data as Float32Array, (x) => x + 1) });
    const wrong = verify('--precision', 'fp32', '--inputs', 'data');
    expect(wrong.code).toBe(1);
    expect(wrong.err).toMatch(/SYS8063.*test_data_set_1: the model itself against expected/);
  });

  test('a folder without data', () => {
    mkdirSync(join(folder.path, 'empty'), { recursive: true });
    expect(verify('--inputs', 'empty')).toMatchObject({ code: 1, err: expect.stringContaining('SYS8065') });
  });
});

describe('what fails', () => {
  test('more than int8 can give: exit 1, the table all the same', () => {
    const run = verify('--precision', 'int8', '--tolerance', 'sqnr=90');
    expect(run.code).toBe(1);
    expect(run.out).toMatch(/NOT verified/);
    expect(run.err).toMatch(/SYS8063: output "conv2_out".*SQNR [\d.]+ dB, at least 90 wanted/);
  });

  test('a program with one weight changed: the kernel is named', () => {
    const how = ['-t', machine, '--precision', 'fp32'];
    expect(systole(['compile', 'net.onnx', ...how, '-o', 'net.npu'], folder.path).code).toBe(0);
    expect(verify('--precision', 'fp32', '--program', 'net.npu').code).toBe(0);
    const executable = decodeExecutable(read('net.npu'));
    const { weights } = executable;
    const segments = weights.segments.map((s) => ({ offset: s.offset, bytes: s.bytes, read: () => withOtherBias(s.read()) }));
    writeFileSync(
      join(folder.path, 'bad.npu'),
      encodeExecutable({ ...executable, weights: { ...weights, segments } }, { weights: 'embed' }),
    );
    const run = verify('--precision', 'fp32', '--program', 'bad.npu');
    expect(run.code).toBe(1);
    expect(run.out).toMatch(/First wrong kernel: conv2/);
    expect(run.err).toMatch(
      /SYS8062: 1 of 2 kernels.*the first is "conv2": 16 of 32 elements differ, by up to 0\.25, [\d,]+ ULP, first at index \d+\. See/,
    );
  });

  test('a program of another precision', () => {
    const run = verify('--precision', 'int8', '--program', 'net.npu');
    expect(run).toMatchObject({ code: 1, err: expect.stringContaining('SYS8067') });
  });

  test.each<[string, RegExp, readonly string[]]>([
    ['a kernel that is not there', /SYS8064.*Did you mean "conv0"/, ['--dump', 'conv3']],
    ['inputs of another shape', /SYS8006/, ['--inputs', 'wrong.npy']],
    ['a finished program', /SYS8009/, []],
  ])('%s', (_, message, words) => {
    writeFileSync(join(folder.path, 'wrong.npy'), formatNpy({ dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) }));
    const model = words.length === 0 ? 'net.npu' : 'net.onnx';
    const run = systole(['verify', model, '-t', machine, ...words], folder.path);
    expect(run.code).toBe(1);
    expect(run.err).toMatch(message);
  });

  test.each([
    ['--tolerance', 'psnr=3'],
    ['--calibration', 'percentile:20'],
    ['--count', '3'],
    ['--out', 'there'],
  ])('%s %s is a usage error', (...words) => {
    expect(verify(...words).code).toBe(2);
  });
});

describe('files', () => {
  test('--dump: operands and results as the program, its nodes and the model in float have them', () => {
    expect(verify('--precision', 'int8', '--dump', 'relu1', '--out', 'dump').code).toBe(0);
    expect(readdirSync(join(folder.path, 'dump')).sort()).toEqual([
      '0000-conv0.input.x.float.npy',
      '0000-conv0.input.x.program.npy',
      '0000-conv0.input.x.reference.npy',
      '0000-conv0.output.relu1_out.float.npy',
      '0000-conv0.output.relu1_out.isolated.npy',
      '0000-conv0.output.relu1_out.program.npy',
      '0000-conv0.output.relu1_out.reference.npy',
    ]);
    const result = (side: string): Tensor => parseNpy(read(`dump/0000-conv0.output.relu1_out.${side}.npy`), side);
    expect(result('program')).toEqual(result('reference'));
    expect(result('program')).toMatchObject({ dtype: 'int8', shape: [1, 4, 4, 4] });
    expect(result('float').dtype).toBe('float32');
  });

  test('--vectors: a manifest and the numbers of each command, the same each time', () => {
    const words = ['--precision', 'int8', '--kernels', 'conv2', '--count', '3', '--vectors'];
    expect(verify(...words, 'rtl').code).toBe(0);
    const manifest = JSON.parse(read('rtl/manifest.json').toString()) as VectorManifest;
    expect(manifest.vectors.map((v) => v.kernel)).toEqual(['conv2', 'conv2', 'conv2']);
    const files = manifest.vectors.flatMap((v) => v.operands.flatMap((o) => [o.before, o.after])).filter((f) => f !== null);
    expect(readdirSync(join(folder.path, 'rtl')).sort()).toEqual([...files, 'manifest.json'].sort());
    for (const { fileExtents, before, after } of manifest.vectors.flatMap((v) => v.operands)) {
      for (const file of [before, after]) if (file !== null) expect(parseNpy(read(`rtl/${file}`), file).shape).toEqual(fileExtents);
    }
    expect(verify(...words, 'again').code).toBe(0);
    for (const file of readdirSync(join(folder.path, 'rtl'))) expect(read(`again/${file}`)).toEqual(read(`rtl/${file}`));
  });
});

describe('files that cannot be written, or should not stay', () => {
  test.each([
    ['--dump', 'conv0', '--out', 'one.npy'],
    ['--vectors', 'one.npy'],
    ['--vectors', 'one.npy/deep'],
  ])('%s %s %s %s: the path is refused before anything runs', (...words) => {
    expect(verify(...words)).toMatchObject({ code: 1, err: expect.stringMatching(/SYS8074: cannot write into "one\.npy/) });
  });

  test('a kernel that is not there: those that are, and no directory left behind', () => {
    const run = verify('--dump', 'nope', '--out', 'fresh/deep');
    expect(run).toMatchObject({ code: 1, err: expect.stringContaining('SYS8064: --dump nope') });
    expect(run.err).toContain('There are "conv0", "conv2".');
    expect(existsSync(join(folder.path, 'fresh'))).toBe(false);
  });

  test('files of others stay where a verification fails', () => {
    mkdirSync(join(folder.path, 'mine'));
    writeFileSync(join(folder.path, 'mine/note.txt'), 'kept');
    expect(verify('--dump', 'nope', '--out', 'mine').code).toBe(1);
    expect(readdirSync(join(folder.path, 'mine'))).toEqual(['note.txt']);
  });

  test('names that differ only in what file names cannot hold do not share a file', () => {
    const written = openFolder(join(folder.path, 'dense'));
    const tensor = (value: string, n: number): KernelTensor => ({
      value,
      role: 'input',
      program: { dtype: 'uint8', shape: [1], data: Uint8Array.of(n) },
      reference: null,
      isolated: null,
      float: null,
    });
    dumpKernel(written, { index: 3, name: '/a/b' }, [tensor('x/y', 1), tensor('x:y', 2)]);
    expect(written.files.map((file) => basename(file))).toEqual(['0003-a_b.input.x_y.program.npy', '0003-a_b.input.x_y.program~2.npy']);
    expect(parseNpy(read('dense/0003-a_b.input.x_y.program~2.npy'), 'b').data[0]).toBe(2);
    written.discard();
    expect(existsSync(join(folder.path, 'dense'))).toBe(false);
  });
});

describe('what is missing or without effect is told', () => {
  test('sizes: those left open, and a set of them that fits', () => {
    const open = network();
    const [x] = open.graph.inputs;
    const inputs =
      x === undefined ? [] : [{ ...x, type: { kind: 'tensor', dtype: 'float32', shape: ['batch', 2, 'height', 'width'] } as const }];
    writeFileSync(join(folder.path, 'open.onnx'), encodeModel({ ...open, graph: { ...open.graph, inputs } }));
    for (const command of ['verify', 'simulate']) {
      const run = systole([command, 'open.onnx', '-t', machine], folder.path);
      expect(run.code).toBe(1);
      expect(run.err).toMatch(/SYS3002: dimension "height" has no number.*--dim height=N/);
      expect(run.err).toMatch(/info SYS8075: .*--dim batch=1 --dim height=224 --dim width=224\./);
    }
  });

  test('calibration of a program in floats', () => {
    const run = verify('--precision', 'fp32', '--calibration', 'mse', '--json');
    expect(run.code).toBe(0);
    expect(documentOf(run).notes.map((n) => `${n.severity} ${n.code}`)).toContain('warning SYS8076');
    const simulated = systole(['simulate', 'net.onnx', '-t', machine, '--precision', 'fp32', '--calibrate', 'one.npy'], folder.path);
    expect(simulated.out).toMatch(/SYS8076: --calibrate has no effect/);
  });

  test('inputs that are not numbers', () => {
    const data = samples(1).data as Float32Array;
    data[5] = NaN;
    data[6] = Infinity;
    writeFileSync(join(folder.path, 'odd.npy'), formatNpy({ dtype: 'float32', shape: [1, 2, 6, 6], data }));
    const run = verify('--precision', 'fp32', '--inputs', 'odd.npy');
    expect(run.out.replace(/\s+/g, ' ')).toContain('SYS8072: input "x" of odd.npy holds 1 NaN and 1 infinite number of 72');
  });

  test('sizes beyond the memory of the computer: a figure at once, for whatever holds numbers', () => {
    const sizes = ['--dim', 'batch=1', '--dim', 'height=350000', '--dim', 'width=350000'];
    for (const words of [['verify'], ['simulate', '--calibrate', 'random:1'], ['verify', '--inputs', 'one.npy']]) {
      const [command = '', ...options] = words;
      const run = systole([command, 'open.onnx', '-t', machine, ...options, ...sizes], folder.path);
      expect(run).toMatchObject({
        code: 1,
        err: expect.stringMatching(/^error SYS8079: this needs at least [\d,.]+ TiB of memory .*there are [\d.]+ [GT]iB here/),
      });
    }
  });

  test('several samples where one run takes one', () => {
    const run = systole(['simulate', 'net.onnx', '-t', machine, '--precision', 'fp32', '--values', 'three.npz'], folder.path);
    expect(run).toMatchObject({ code: 1, err: expect.stringContaining('SYS8073: "three.npz" holds 3 samples') });
  });
});

describe('ONNX Runtime', () => {
  const installed = ((): boolean => {
    try {
      createRequire(import.meta.url).resolve('onnxruntime-node');
      return true;
    } catch {
      return false;
    }
  })();

  test('says how to have it where it is absent', async () => {
    const found = await findJudge(new Uint8Array(), { packages: ['no-such-runtime'] });
    expect('diagnostic' in found && found.diagnostic).toMatchObject({
      code: 'SYS8060',
      severity: 'info',
      message: expect.stringContaining('npm install onnxruntime-node'),
    });
  });

  test.skipIf(installed)('is found in the folder the command runs in, and is one more reference', () => {
    const home = join(folder.path, 'node_modules/onnxruntime-node');
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), '{ "name": "onnxruntime-node", "main": "index.js" }');
    const answer = 'new Tensor("float32", new Float32Array(32).fill(7), [1, 2, 4, 4])';
    writeFileSync(
      join(home, 'index.js'),
      `class Tensor { constructor(type, data, dims) { Object.assign(this, { type, data, dims }); } }
       const env = { versions: { node: '7.8.9' } };
       const session = { inputNames: ['x'], outputNames: ['conv2_out'], run: async ({ x }) => {
         if (x.type !== 'float32' || x.dims.join() !== '1,2,6,6') throw new Error('fed with ' + x.type);
         return { conv2_out: ${answer} };
       } };
       module.exports = { env, Tensor, InferenceSession: { create: async () => session } };`,
    );
    const run = verify('--precision', 'fp32');
    expect(run.out).toMatch(/Also compared with ONNX Runtime \(onnxruntime-node 7\.8\.9\)/);
    expect(run.err).toMatch(/SYS8063.*the model itself against onnxruntime/);
    writeFileSync(
      join(home, 'index.js'),
      `module.exports = { Tensor: class {}, InferenceSession: { create: () => { throw new Error('no such operator'); } } };`,
    );
    const failed = verify('--precision', 'fp32');
    expect(failed.code).toBe(0);
    expect(failed.out.replace(/\s+/g, ' ')).toContain('SYS8061: not compared with ONNX Runtime, which failed: no such operator');
    expect(existsSync(home)).toBe(true);
  });
});

/** The bias of conv2, 0.5 and -0.5, with 0.75 in place of the first. */
function withOtherBias(bytes: Uint8Array): Uint8Array {
  const changed = Buffer.from(bytes);
  const at = changed.indexOf(Buffer.from(Float32Array.of(0.5, -0.5).buffer));
  if (at >= 0) changed.writeFloatLE(0.75, at);
  return changed;
}
