import { describe, expect, test } from 'vitest';
import { renderCsv, renderSummary, wrap } from '../../src/reports/index.ts';
import { formatRate, formatShare, formatSi } from '../../src/reports/format.ts';
import { madeUpResult } from './made-up.ts';

describe('the summary', () => {
  test.each([76, 80, 120])('fits %i columns whatever the names', (width) => {
    const text = renderSummary(madeUpResult(57, 'a/very/long/name/that/somebody/really/gave/to/a/layer/of/theirs'), {
      width,
      color: false,
    });
    // The title line names model and machine in full.
    const wide = text
      .split('\n')
      .slice(1)
      .filter((line) => line.length > width);
    expect(wide).toEqual([]);
  });

  test('says the headline, the limits, the engines, the memories and the ten costliest kernels', () => {
    const result = madeUpResult(57);
    const text = renderSummary(result, { width: 80, color: false });
    expect(text).toContain('resnet50 on made-up-32 · int8');
    expect(text).toContain(`${result.totals.cycles.toString().replace(/\B(?=(\d{3})+$)/g, ',')} cycles`);
    for (const engine of result.engines) expect(text).toContain(engine.name);
    const [costliest] = result.kernels.toSorted((a, b) => b.attributedCycles - a.attributedCycles);
    expect(text.indexOf(costliest?.name ?? '?')).toBeGreaterThan(text.indexOf('Kernels (10 of 57)'));
    expect(text).toContain('SYS3002');
  });

  test('tells what a run reads and writes of caches that stay, where there are any', () => {
    const result = madeUpResult(3);
    expect(renderSummary(result, { width: 80, color: false })).not.toContain('caches');
    const totals = { ...result.totals, stateReadBytes: 1_234_567_890, stateWriteBytes: 123_456 };
    const lines = renderSummary({ ...result, totals }, { width: 80, color: false }).split('\n');
    const line = lines.find((l) => l.startsWith('  state')) ?? '';
    expect(line).toMatch(/1\.1 GiB of caches read, 120\.6 KiB written$/);
    expect(line.length).toBeLessThanOrEqual(80);
  });

  test('has no escape codes without colour, and only then', () => {
    expect(renderSummary(madeUpResult(3), { width: 80, color: false })).not.toContain('\u001b');
    expect(renderSummary(madeUpResult(3), { width: 80, color: true })).toContain('\u001b[1m');
  });
});

test('figures keep three digits and climb to the next prefix in time', () => {
  expect(formatSi(0.0048123, 's')).toBe('4.81 ms');
  expect(formatSi(0.99996, 's')).toBe('1.00 s');
  expect(formatSi(12.8e9, 'B/s')).toBe('12.8 GB/s');
  expect(formatSi(0, 'J')).toBe('0 J');
  expect(formatRate(207.8)).toBe('208');
  expect(formatRate(1234567.8)).toBe('1,234,568');
  expect(formatShare(0.8321)).toBe('83.2 %');
});

test('lines break at spaces, longer words inside', () => {
  expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrap('abcdefghij k', 4)).toEqual(['abcd', 'efgh', 'ij k']);
});

test('CSV quotes what must be quoted', () => {
  expect(
    renderCsv(
      ['a', 'b'],
      [
        ['x,y', 'say "hi"'],
        [1, true],
      ],
    ),
  ).toBe('a,b\r\n"x,y","say ""hi"""\r\n1,true\r\n');
});
