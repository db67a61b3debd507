/** Every kind of mistake in a description: its code and the exact place it is reported at. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SystoleError } from '../../src/core/index.ts';
import { loadMachine, presetYaml, readMachineSource } from '../../src/hw-configs/index.ts';
import { codesAndPlaces, diagnose, edited, placeOf, tinyText } from './help.ts';

describe('one mistake, one diagnostic, at its place', () => {
  test.each<[what: string, code: string, from: string, to: string, at: string]>([
    ['unknown key', 'SYS2010', 'rows: 8', 'rows: 8\n      colums: 8', 'colums'],
    ['unknown key at the top', 'SYS2010', 'host:', 'hots: 1\nhost:', 'hots'],
    ['missing key', 'SYS2011', '      rows: 8\n', '', 'matrix:'],
    ['missing bandwidth', 'SYS2011', 'bandwidth: 8 GB/s, ', '', 'dram: { kind'],
    ['wrong type: list for a size', 'SYS2012', 'size: 1 GiB', 'size: [1]', '[1]'],
    ['wrong type: text for true or false', 'SYS2012', 'doubleBuffered: true', 'doubleBuffered: perhaps', 'perhaps'],
    ['wrong type: nothing', 'SYS2012', 'size: 1 GiB', 'size:', 'size:, bandwidth: 8'],
    ['wrong type: empty list', 'SYS2012', 'results: [scratchpad]', 'results: []', '[] }'],
    ['not one of the choices', 'SYS2013', 'dataflow: ws', 'dataflow: wz', 'wz'],
    ['unknown kind of engine', 'SYS2013', 'kind: systolic', 'kind: systolik', 'systolik'],
    ['unusable name', 'SYS2014', '    chip: {', '    my-chip: {', 'my-chip'],
    ['wrong unit', 'SYS2020', 'size: 1 GiB', 'size: 512 GHz', '512 GHz'],
    ['no unit', 'SYS2020', 'size: 1 GiB', 'size: 1024', '1024'],
    ['unit on a plain number', 'SYS2020', 'rows: 8', 'rows: 8 B', '8 B\n'],
    ['cycles of no clock', 'SYS2020', 'core: 1 GHz', 'core: 2 cycles', '2 cycles'],
    ['unknown unit', 'SYS2021', 'size: 1 GiB', 'size: 1 GIB', '1 GIB'],
    ['negative size', 'SYS2022', 'size: 1 GiB', 'size: -1 GiB', '-1 GiB'],
    ['zero size', 'SYS2022', 'size: 1 GiB', 'size: 0 B', '0 B'],
    ['part of a byte', 'SYS2022', 'size: 1 GiB', 'size: 1.5 B', '1.5 B'],
    ['formula that is none', 'SYS2030', 'rows: 8', 'rows: 8 +', '8 +'],
    ['function that is not allowed', 'SYS2030', 'rows: 8', 'rows: random(8)', 'random(8)'],
    ['unknown name in a formula', 'SYS2031', 'rows: 8', 'rows: 2 * colz', '2 * colz'],
    ['formula over itself', 'SYS2032', 'rows: 8', 'rows: 2 * rows', '2 * rows'],
    ['mixed dimensions', 'SYS2033', 'size: 1 GiB', 'size: 1 GiB + 1 ns', '1 GiB + 1 ns'],
    ['unknown memory', 'SYS2050', 'constants: dram', 'constants: drma', 'drma'],
    ['unknown clock', 'SYS2050', '    clock: core', '    clock: cora', 'cora'],
    [
      'energy of an unknown memory',
      'SYS2050',
      '      dram: { value: 100',
      '      l2: { value: 1 pJ/B, source: x }\n      dram: { value: 100',
      'l2:',
    ],
    ['duplicate key', 'SYS2003', '      cols: 8', '      cols: 8\n      rows: 9', 'rows: 9'],
  ])('%s', async (_, code, from, to, at) => {
    const yaml = edited([from, to]);
    expect(await codesAndPlaces(yaml)).toEqual([`${code} ${placeOf(yaml, at)}`]);
  });

  test('what is not YAML stops there', async () => {
    expect(await codesAndPlaces('name: [')).toEqual(['SYS2002 1:8']);
    expect(await codesAndPlaces('')).toEqual(['SYS2002 1:1']);
    expect(await codesAndPlaces('just text')).toEqual(['SYS2002 1:1']);
    expect((await diagnose('a: !!js/function x'))[0]?.code).toBe('SYS2002');
    expect((await diagnose('['.repeat(100000)))[0]?.code).toBe('SYS2002');
  });
});

describe('messages say what to write', () => {
  test.each<[from: string, to: string, text: string]>([
    [
      'size: 1 GiB',
      'size: 512 GHz',
      'memories.dram.size is "512 GHz", a frequency, but it must be a size in whole bytes. Write it like "512 KiB".',
    ],
    ['size: 1 GiB', 'size: 1 GIB', 'Did you mean "GiB"?'],
    ['rows: 8', 'row: 8', '"row" is not a key of cores.npu.matrix. Did you mean "rows"?'],
    ['constants: dram', 'constants: drma', 'Did you mean "dram"? There is: scratchpad, accumulator, dram.'],
    ['      rows: 8\n', '', 'cores.npu.matrix lacks "rows". Add it: a whole number, such as 32.'],
    ['rows: 8', 'rows: 2 * colz', '"colz" names no quantity of this description. Did you mean "cols"?'],
    ['cols: 8', 'cols: 8 - 2 * 5', 'cores.npu.matrix.cols is "8 - 2 * 5" = -2, but it must be above zero.'],
  ])('%s -> %s', async (from, to, text) => {
    const all = (await diagnose(edited([from, to]))).map(({ message }) => message).join('\n');
    expect(all).toContain(text);
  });
});

test('all problems are told at once, in the order of the file', async () => {
  const yaml = edited(
    ['rows: 8', 'rows: eight'],
    ['dataflow: ws', 'dataflow: wz'],
    ['start: 4 cycles', 'start: 4 B'],
    ['size: 64 KiB', 'size: -64 KiB'],
    ['latency: 50 ns', 'latancy: 50 ns'],
    ['inputs: dram', 'inputs: flash'],
  );
  expect((await diagnose(yaml)).map(({ code }) => code)).toEqual([
    'SYS2031', // rows: eight
    'SYS2013', // dataflow
    'SYS2020', // start
    'SYS2022', // size
    'SYS2011', // latency is missing …
    'SYS2010', // … because latancy is not a key
    'SYS2050', // inputs
  ]);
});

test('loadMachine throws all errors as one, without a stack in the message', async () => {
  const error = await loadMachine({ yaml: edited(['rows: 8', 'rows: 0'], ['cols: 8', 'cols: -1']), file: 'm.yaml' }).catch(
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(SystoleError);
  expect((error as SystoleError).message).toBe(
    'm.yaml:14:13: error SYS2022: cores.npu.matrix.rows is 0, but it must be above zero. Write a value like 32.\n' +
      'm.yaml:15:13: error SYS2022: cores.npu.matrix.cols is -1, but it must be above zero. Write a value like 32.',
  );
});

test('an unknown preset is told with a suggestion', async () => {
  await expect(loadMachine({ preset: 'edge-systolic-23' })).rejects.toThrow(/SYS2001.*Did you mean "edge-systolic-32"/);
  expect(() => presetYaml('x')).toThrow(/SYS2001/);
});

test('property: whatever is done to a description, there is a machine or an error, never a crash', async () => {
  const lines = tinyText.split('\n');
  const junk = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.constantFrom('- a', 'a: &x *x', '{', '  rows: ((', 'x: 1e999', '? a', 'rates: ~', '"'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(lines.length - 1), junk), { minLength: 1, maxLength: 3 }), async (edits) => {
      const changed = [...lines];
      for (const [at, text] of edits) changed[at] = text;
      const { machine, diagnostics } = await readMachineSource({ yaml: changed.join('\n'), file: 'm.yaml' });
      expect(machine === null).toBe(diagnostics.some(({ severity }) => severity === 'error'));
    }),
    { numRuns: 150, seed: 7 },
  );
});
