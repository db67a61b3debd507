/** Lines on a terminal: whatever the names, columns stay columns. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { displayWidth, fit, fitAll, pad, wrap } from '../../src/reports/text.ts';

const names = fc.string({
  unit: fc.constantFrom('a', '/', '.', '界', 'é', '👩‍👩‍👧', '\u0301', '\u001b[31m', '\n', '\u202e', '\u200b'),
  maxLength: 60,
});

test('a name takes the columns it is given, and steers nothing', () => {
  fc.assert(
    fc.property(names, fc.integer({ min: 8, max: 40 }), (name, width) => {
      const text = pad(fit(name, width), width);
      expect(displayWidth(text)).toBe(width);
      // oxlint-disable-next-line no-control-regex
      expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    }),
  );
});

test('lines are no wider than they may be, and leave nothing out', () => {
  fc.assert(
    fc.property(fc.array(names, { maxLength: 8 }), (words) => {
      const lines = wrap(words.join(' '), 24);
      for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(24);
      const letters = (text: string): string => text.replaceAll(/[^a界]/g, '');
      expect(letters(lines.join(''))).toBe(letters(words.join(' ')));
    }),
  );
});

test('names that differ in the middle, at the end or in front can be told apart', () => {
  const layers = Array.from({ length: 12 }, (_, i) => `/bert/encoder/layer.${i}/attention/output/dense/MatMul`);
  for (const list of [layers, layers.map((n) => `${n}_1`), layers.map((n) => `/a/long/way/down/the/path/of/a/model${n}`)]) {
    expect(new Set(fitAll(list, 36)).size).toBe(12);
  }
  expect(fitAll(['/layer1/conv', '/layer2/conv'], 36)).toEqual(['/layer1/conv', '/layer2/conv']);
});
