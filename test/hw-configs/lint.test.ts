/** Well-formed descriptions of machines that make no sense. */
import { describe, expect, test } from 'vitest';
import { loadMachine, validateMachine } from '../../src/hw-configs/index.ts';
import { codesAndPlaces, diagnose, edited, placeOf, tinyText } from './help.ts';

const secondCore = (memory: string): string =>
  tinyText.replace(
    / {2}npu:\n([\s\S]*?)memories:/,
    (_, body: string) => `  npu:\n${body}  two:\n${body.replaceAll('scratchpad', memory)}memories:`,
  );

describe('errors', () => {
  test.each<[what: string, code: string, from: string, to: string, at: string]>([
    ['activations in flash', 'SYS2051', 'burst: 64 B, owner: external', 'burst: 64 B, owner: external, readOnly: true', 'dram, state'],
    ['port outside the core', 'SYS2052', 'weights: [scratchpad]', 'weights: [scratchpad, dram]', 'dram], results'],
    ['scratchpad outside the core', 'SYS2052', '    scratchpad: scratchpad', '    scratchpad: dram', 'dram\n    accumulator'],
    ['accumulator below a row', 'SYS2054', 'size: 16 KiB', 'size: 31 B', '31 B'],
    ['scratchpad below 1 KiB', 'SYS2055', 'size: 64 KiB', 'size: 1023 B', '1023 B'],
    ['impossible rate', 'SYS2056', 'int8: 1,', 'int8: 1000,', '1000,'],
    ['no operand type', 'SYS2056', '{ int8: 1, float32: 0.25 }', '{}', '{} # float32'],
    ['sums of 24 bits', 'SYS2056', 'requantize: output-stage', 'accumulatorBits: 24\n      requantize: output-stage', '24\n'],
    ['requantize without int32', 'SYS2056', 'requantize: output-stage', 'requantize: vector', 'vector\n      ports'],
    ['value outside its range', 'SYS2058', '{ value: 10 mW,', '{ value: 10 mW, high: 5 mW,', '{ value: 10 mW'],
  ])('%s', async (_, code, from, to, at) => {
    const yaml =
      code === 'SYS2056' && to.includes('vector') ? edited([from, to], ['[int8, int32, float32]', '[int8, float32]']) : edited([from, to]);
    expect(await codesAndPlaces(yaml)).toContain(`${code} ${placeOf(yaml, at)}`);
    await expect(loadMachine({ yaml, file: 'm.yaml' })).rejects.toThrow(code);
  });

  test('numbers are in the message: demand, what is there, what is missing', async () => {
    const [first] = await diagnose(tinyText, ['memories.accumulator.size=31 B']);
    expect(first?.message).toBe(
      'memories.accumulator has 31 B, but one row of results (8 columns, 32 bits each) needs 32 B. Make it larger by at least 1 B, or the array smaller.',
    );
    expect(await diagnose(tinyText, ['memories.accumulator.size=32 B'])).toEqual([]);
  });

  test('two kinds of core need a memory each', async () => {
    expect((await diagnose(secondCore('scratchpad'))).map(({ code }) => code)).toEqual(['SYS2053', 'SYS2053']);
  });

  test('a home inside cores needs a single core', async () => {
    expect((await diagnose(tinyText, ['placement.activations=scratchpad'])).map(({ code }) => code)).toEqual([]);
    expect((await diagnose(tinyText, ['placement.activations=scratchpad', 'cores.npu.count=2'])).map(({ code }) => code)).toEqual([
      'SYS2057',
    ]);
  });
});

describe('warnings leave a machine', () => {
  test.each<[what: string, code: string, settings: readonly string[]]>([
    ['scratchpad too narrow for activations', 'SYS2070', ['memories.scratchpad.bandwidth=7 B/cycle']],
    ['accumulator too narrow for sums, both ways', 'SYS2070 SYS2070', ['memories.accumulator.bandwidth=31 B/cycle']],
    ['operand type without energy', 'SYS2071', ['technology.energy.mac={int8: {value: 1 pJ, source: x}}']],
    [
      'memory without energy',
      'SYS2071',
      ['technology.energy.memory={scratchpad: {value: 1 pJ/B, source: x}, dram: {value: 1 pJ/B, source: x}}'],
    ],
    ['memory nobody names', 'SYS2072', ['cores.npu.accumulator=scratchpad']],
  ])('%s', async (_, codes, settings) => {
    const diagnostics = await diagnose(tinyText, settings);
    expect(diagnostics.map(({ code, severity }) => `${code} ${severity}`)).toEqual(codes.split(' ').map((code) => `${code} warning`));
    await expect(loadMachine({ yaml: tinyText, file: 'm.yaml' }, settings)).resolves.toHaveProperty('planHash');
  });

  test('exactly wide enough is wide enough: 8 rows of int8, 8 sums of 4 B', async () => {
    expect(await diagnose(tinyText, ['memories.scratchpad.bandwidth=8 B/cycle', 'memories.accumulator.bandwidth=32 B/cycle'])).toEqual([]);
  });
});

test('validateMachine tells errors and warnings of a file', async () => {
  expect(await validateMachine(tinyText, 'm.yaml')).toEqual([]);
  expect((await validateMachine('a: 1', 'm.yaml')).every(({ location }) => location?.file === 'm.yaml')).toBe(true);
});
