/** What strangers' files and tired fingers hand to the command line. */
import { expect, test } from 'vitest';
import { parseGraph, printGraph } from '../../src/graph/index.ts';
import { printable } from '../../src/core/index.ts';
import { columns } from '../../src/cli/wrap.ts';
import { readBytes } from '../../src/cli/files.ts';
import { readModelOptions } from '../../src/cli/model-options.ts';
import { wholeNumbers, type Values } from '../../src/cli/values.ts';
import { columnCount, formatSi } from '../../src/reports/format.ts';

const inputValue = (text: string): Values => ({ texts: () => [], assignments: () => new Map([['n', text]]) }) as Partial<Values> as Values;

test('names cannot steer a terminal; colours of reports stay', () => {
  expect(printable('a\u001b[2Jb\u0007\u009b\u202ec')).toBe('a\\u001b[2Jb\\u0007\\u009b\\u202ec');
  expect(printable('\u001b[1mé 界\u001b[0m\n\tx')).toBe('\u001b[1mé 界\u001b[0m\n\tx');
});

test('columns of East Asian names stand below each other', () => {
  const lines = columns([
    ['畳み込み', 'matrix'],
    ['conv', 'vector'],
  ]).split('\n');
  expect(lines.slice(0, 2)).toEqual(['畳み込み  matrix', 'conv      vector']);
});

test('text of a graph shows what nobody sees, and reads back', () => {
  const graph = parseGraph('graph "g" opset 17 {\n  input %"a\\u009b2J\\u202e\\n": float32[1]\n  return %"a\\u009b2J\\u202e\\n"\n}');
  expect(graph.values[0]?.name).toBe('a\u009b2J\u202e\n');
  expect(printGraph(graph)).toContain('"a\\u009b2J\\u202e\\n"');
  expect(parseGraph(printGraph(graph))).toEqual(graph);
});

test.skipIf(process.platform === 'win32')('a device is no file', async () => {
  await expect(readBytes('/dev/zero')).rejects.toThrow(/SYS8002.*device/);
});

test.each(['1.5', '1e300', '9007199254740993'])('%s is no int64', async (text) => {
  const make = (await readModelOptions(inputValue(text))).inputValues.get('n');
  expect(() => make?.('int64')).toThrow(/SYS8042.*no int64/);
});

test('numbers that fit are taken', async () => {
  const make = (await readModelOptions(inputValue('[2,0]'))).inputValues.get('n');
  expect(make?.('int8').data).toEqual(Int8Array.of(2, 0));
  expect(() => make?.('bool')).toThrow(/SYS8042/);
});

test('a size beyond all sizes is too large, not no number', () => {
  expect(() => wholeNumbers(new Map([['H', '9007199254740991']]), 'dim')).toThrow(/too large/);
});

test('thousands of seconds are seconds', () => {
  expect(formatSi(8_190_000, 's')).toBe('8,190,000 s');
  expect(formatSi(999.4, 's')).toBe('999 s');
});

test('counts too long for their column are told with three digits', () => {
  expect(columnCount(9_876_543, 12)).toBe('   9,876,543');
  expect(columnCount(6_755_949_196_891, 12)).toBe('      6.76 T');
});
