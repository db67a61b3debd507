/** Words that make no sense: exit code 2, a line that says why, and where the help is. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build, systole, temporaryFolder } from './run-cli.ts';

const folder = temporaryFolder();
const target = ['--target', 'edge-systolic-32'];
const values = (source: string): readonly string[] => ['simulate', 'lstm', ...target, '--calibrate', source];

beforeAll(build);
afterAll(() => folder.remove());

describe('bad usage is exit code 2 and points to the help', () => {
  test.each<readonly [string, RegExp, readonly string[]]>([
    ['no command', /a command is needed/, []],
    ['an unknown command', /unknown command "simulat"; did you mean "simulate"/, ['simulat', 'x']],
    ['an unknown option', /targte/, ['simulate', 'good.onnx', '--targte', 'x']],
    [
      'a choice nearly right',
      /--emit takes no "kernel": did you mean "kernels"\?/,
      ['compile', 'good.onnx', ...target, '--emit', 'kernel'],
    ],
    ['an option without a value', /^systole: -o is given without a value/, ['report', 'good.onnx', ...target, '-o']],
    ['an empty value', /--target is given without a value/, ['check', 'good.onnx', '--target=']],
    ['an empty name', /MODEL is given without a value/, ['check', '', ...target]],
    ['a flag with a value', /--json takes no value/, ['check', 'good.onnx', ...target, '--json=no']],
    ['a flag with a word behind it', /--json takes no value/, ['check', 'good.onnx', ...target, '--json', 'false']],
    ['words behind a double dash', /unknown argument: --json/, ['check', 'good.onnx', ...target, '--', '--json']],
    ['settings for nothing', /need a target/, ['targets', '--set', 'cores.npu.count=2']],
    ['parameters for nothing', /name of a network/, ['models', '--param', 'image=96']],
    ['a choice that is none', /precision.*int9/, ['simulate', 'good.onnx', ...target, '--precision', 'int9']],
    ['an argument too few', /MODEL is missing: an ONNX file/, ['simulate']],
    ['an argument too many', /unknown/, ['simulate', 'good.onnx', 'bad.onnx', ...target]],
    ['an option twice', /--target is given 2 times/, ['simulate', 'good.onnx', ...target, ...target]],
    ['a dimension without a number', /--dim N=x/, ['simulate', 'good.onnx', ...target, '--dim', 'N=x']],
    ['a required option left out', /--output must be given/, ['report', 'good.onnx', ...target]],
    ['outputs without inputs', /--values/, ['simulate', 'good.onnx', ...target, '-o', 'out.npz']],
    ['a seed that is none', /random:SEED/, values('random:x')],
  ])('%s', (_, message, words) => {
    const { code, out, err } = systole(words, folder.path);
    expect(err).toMatch(message);
    expect(err).toContain('--help');
    expect(code).toBe(2);
    expect(out).toBe('');
  });
});
