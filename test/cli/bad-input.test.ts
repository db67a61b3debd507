/** Whatever is wrong with the input: a coded message, exit code 1, no stack, nothing half-written. */
import { chmodSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { presetYaml } from '../../src/hw-configs/index.ts';
import { formatNpz } from '../../src/cli/npy.ts';
import { build, systole, temporaryFolder } from './run-cli.ts';
import { cyclicModel, tinyModel, unknownOperatorModel } from './tiny-models.ts';

const folder = temporaryFolder();
const target = ['--target', 'edge-systolic-32'];
/** Every list holds the one before nine times. */
const bomb = ['a: &a [x]', ...Array.from('bcdefgh', (c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(', ')}]`), ''].join(
  '\n',
);

beforeAll(() => {
  build();
  const yaml = presetYaml('edge-systolic-32');
  const files: Readonly<Record<string, Uint8Array | string>> = {
    'good.onnx': tinyModel,
    'empty.onnx': '',
    'text.onnx': 'This is not an ONNX file, it is a letter to somebody.\n'.repeat(20),
    'cut.onnx': tinyModel.subarray(0, Math.floor(tinyModel.length * 0.6)),
    'cycle.onnx': cyclicModel,
    'unknown-op.onnx': unknownOperatorModel,
    'broken.npu': tinyModel,
    'unit.yaml': yaml.replace(/frequency: \S+ \S+|: 1 GHz/, (found) => found.replace(/\d+ ?\S*$/, '1 KiB')),
    'negative.yaml': yaml.replace(/size: 1 MiB/, 'size: -1 MiB'),
    'syntax.yaml': 'cores: [\n',
    'unknown-path.study.yaml': 'models: good.onnx\ntarget: edge-systolic-32\nparameters:\n  memories.scratchpda.size: [64 KiB]\n',
    'misspelt.study.yaml': 'modles: good.onnx\ntarget: edge-systolic-32\n',
    'objective.study.yaml': 'models: good.onnx\ntarget: edge-systolic-32\nobjectives: [secnods]\n',
    'bomb.study.yaml': bomb,
    'fine.study.yaml': 'models: good.onnx\ntarget: edge-systolic-32\n',
    'other-name.npz': formatNpz(new Map([['z', { dtype: 'float32', shape: [1, 3, 8, 8], data: new Float32Array(192) }]])),
    'other-shape.npz': formatNpz(new Map([['x', { dtype: 'float32', shape: [1, 3, 8, 9], data: new Float32Array(216) }]])),
    'not.npz': 'x,y\n1,2\n',
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder.path, name), content);
  symlinkSync('gone.onnx', join(folder.path, 'dangling'));
  mkdirSync(join(folder.path, 'exported'));
  writeFileSync(join(folder.path, 'exported', 'model.onnx'), tinyModel);
  mkdirSync(join(folder.path, 'saved'));
  writeFileSync(join(folder.path, 'saved', 'saved_model.pb'), '');
  mkdirSync(join(folder.path, 'locked'));
  chmodSync(join(folder.path, 'locked'), 0o555);
});
afterAll(() => folder.remove());

const compileTo = (model: string): readonly string[] => ['compile', model, ...target, '-o', 'out.npu'];
const values = (file: string): readonly string[] => ['simulate', 'good.onnx', ...target, '--calibrate', 'random:1', '--values', file];

describe('bad input', () => {
  test.each<readonly [string, RegExp, readonly string[]]>([
    ['an empty file', /SYS1\d{3}.*empty/, compileTo('empty.onnx')],
    ['not an ONNX file', /SYS1\d{3}/, compileTo('text.onnx')],
    ['a truncated file', /SYS1\d{3}/, compileTo('cut.onnx')],
    ['a graph with a cycle', /SYS\d{4}.*(cycle|circle|itself)/i, compileTo('cycle.onnx')],
    ['an unknown operator', /SYS\d{4}.*Frobnicate/, compileTo('unknown-op.onnx')],
    ['a model that is not there', /SYS8002.*no such file/, compileTo('nowhere.onnx')],
    ['a misspelt built-in model', /SYS8001.*Did you mean "resnet18"/, compileTo('resnet81')],
    [
      'an unknown preset',
      /SYS2001.*Did you mean "edge-systolic-32"/,
      ['compile', 'good.onnx', '--target', 'edge-systolic-23', '-o', 'out.npu'],
    ],
    ['a wrong unit', /SYS20\d\d/, ['compile', 'good.onnx', '--target', 'unit.yaml', '-o', 'out.npu']],
    ['a negative size', /SYS20\d\d/, ['compile', 'good.onnx', '--target', 'negative.yaml', '-o', 'out.npu']],
    ['YAML that is none', /SYS2002/, ['compile', 'good.onnx', '--target', 'syntax.yaml', '-o', 'out.npu']],
    ['an unknown path to set', /SYS2041.*scratchpda/, [...compileTo('good.onnx'), '--set', 'memories.scratchpda.size=1 MiB']],
    ['a machine nothing fits on', /SYS\d{4}/, [...compileTo('good.onnx'), '--set', 'memories.dram.size=1 KiB']],
    ['an output folder that is not there', /SYS8003/, ['compile', 'good.onnx', ...target, '-o', 'nowhere/out.npu']],
    ['an output that is a directory', /SYS8003.*directory/, ['compile', 'good.onnx', ...target, '-o', 'locked']],
    ['a study over an unknown path', /SYS2041.*scratchpda/, ['sweep', 'unknown-path.study.yaml', '--out', 'study']],
    ['a study with a misspelt key', /SYS7001.*modles/, ['sweep', 'misspelt.study.yaml', '--out', 'study']],
    ['a study with an unknown objective', /SYS7003.*Did you mean "seconds"/, ['sweep', 'objective.study.yaml', '--out', 'study']],
    ['a study that is not there', /SYS8002/, ['sweep', 'nowhere.yaml', '--out', 'study']],
    ['a program that is none', /SYS5\d{3}/, ['simulate', 'broken.npu', ...target]],
    ['a program where a model is needed', /SYS8009/, compileTo('broken.npu')],
    ['inputs under another name', /SYS8005.*"x".*"z"/, values('other-name.npz')],
    ['inputs of another shape', /SYS8006.*\[1,3,8,9\].*\[1,3,8,8\]/, values('other-shape.npz')],
    ['inputs that are no numpy file', /SYS8004/, values('not.npz')],
    ['values without scales', /SYS\d{4}.*calibrate/, ['simulate', 'good.onnx', ...target, '--values', 'random:1']],
    ['no target', /SYS8010/, ['simulate', 'good.onnx']],
    ['an unknown code', /SYS8007/, ['explain', 'SYS9999']],
    ['a directory with a model in it', /SYS8002.*the model in it is "exported\/model\.onnx"/, compileTo('exported')],
    ['a SavedModel', /SYS8002.*SavedModel.*tf2onnx/, compileTo('saved')],
    ['a link to nothing', /SYS8002.*"gone\.onnx", which is not there/, compileTo('dangling')],
    [
      'a model as the machine',
      /SYS1082.*an ONNX model.*not a machine description/,
      ['compile', 'good.onnx', '-t', 'good.onnx', '-o', 'out.npu'],
    ],
    ['a study as the machine', /SYS1084.*modles, target/, ['compile', 'good.onnx', '-t', 'misspelt.study.yaml', '-o', 'out.npu']],
    ['a directory as the machine', /SYS8002.*it is a directory/, ['compile', 'good.onnx', '-t', 'exported', '-o', 'out.npu']],
    ['a machine as the study', /SYS1085/, ['sweep', 'unit.yaml', '--out', 'study']],
    ['a model as the study', /SYS1082.*not a study/, ['sweep', 'good.onnx', '--out', 'study']],
    ['aliases that multiply', /SYS7002.*aliases/, ['sweep', 'bomb.study.yaml', '--out', 'study']],
    ['a model as program text', /SYS1082.*an ONNX model.*not program text/, ['asm', 'good.onnx', '-o', 'out.npu']],
    ['a model as a program', /good\.onnx: error SYS5010.*ONNX model/, ['disasm', 'good.onnx', '-o', 'out.txt']],
    ['a file where a directory is made', /SYS8074.*file of that name/, ['sweep', 'fine.study.yaml', '--out', 'good.onnx']],
    ['an output that is read', /SYS8003.*it is the input/, ['report', 'good.onnx', ...target, '-o', './good.onnx']],
    ['two outputs of one name', /SYS8003.*two outputs/, [...values('random:1'), '-o', 'x.npz', '--trace', './x.npz']],
    [
      'one setting with two values',
      /SYS8043.*as 16 and as 32/,
      [...compileTo('good.onnx'), ...['16', '32'].flatMap((n) => ['--set', `cores.npu.matrix.rows=${n}`])],
    ],
    ['a name of two lines', /^error SYS8002.*"two\\u000alines\.onnx".*\n$/, compileTo('two\nlines.onnx')],
    ['a word that is no code', /SYS8007.*"foo"/, ['explain', 'foo']],
    ['assembler that is none', /^text\.onnx:1: error SYS1081/, ['asm', 'text.onnx', '-o', 'out.npu']],
  ])('%s', (_, message, words) => {
    const before = readdirSync(folder.path).sort();
    const { code, out, err } = systole(words, folder.path);
    expect(err).toMatch(message);
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err).not.toMatch(/\n\s+at |node:|\.js:/);
    expect(
      readdirSync(folder.path)
        .filter((name) => name !== 'study')
        .sort(),
    ).toEqual(before.filter((name) => name !== 'study'));
  });

  test('a locked output folder', (context) => {
    // Root may write everywhere.
    if (process.getuid?.() === 0) context.skip();
    const { code, err } = systole(['compile', 'good.onnx', ...target, '-o', 'locked/out.npu'], folder.path);
    expect(code).toBe(1);
    expect(err).toMatch(/SYS8003.*permission/);
  });

  test('an existing output survives a command that fails', () => {
    writeFileSync(join(folder.path, 'kept.npu'), 'before');
    expect(systole(['compile', 'cycle.onnx', ...target, '-o', 'kept.npu'], folder.path).code).toBe(1);
    expect(readFileSync(join(folder.path, 'kept.npu'), 'utf8')).toBe('before');
  });
});
