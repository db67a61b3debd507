import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { operatorCoverage } from '../../src/compiler/index.ts';
import { opDefs } from '../../src/graph/index.ts';
import { renderOperators } from '../../src/reports/index.ts';

const file = join(import.meta.dirname, '../../docs/operators.md');

test('docs/operators.md is what the table of operators says', () => {
  const text = renderOperators(operatorCoverage());
  expect(readFileSync(file, 'utf8') === text, 'stale: run `npm run generate`').toBe(true);
});

test('every definition is in it, once', () => {
  const names = operatorCoverage().map((c) => `${c.domain}:${c.name}`);
  expect(new Set(names).size).toBe(names.length);
  expect(names.toSorted()).toEqual(
    opDefs
      .filter((d) => d.domain !== 'systole')
      .map((d) => `${d.domain}:${d.name}`)
      .toSorted(),
  );
});

test.each([
  ['Conv', 'matrix'],
  ['MatMulInteger', 'matrix'],
  ['Relu', 'vector'],
  ['Gelu', 'vector'],
  ['Softmax', 'vector'],
  ['LayerNormalization', 'vector'],
  ['Transpose', 'movement'],
  ['Reshape', 'view'],
  ['LSTM', 'lowered'],
  ['Attention', 'lowered'],
  ['QLinearConv', 'absorbed'],
  ['LRN', 'lowered'],
  ['Multinomial', 'host'],
  ['NonMaxSuppression', 'host'],
])('%s: %s', (name, place) => {
  expect(operatorCoverage().find((c) => c.domain === '' && c.name === name)?.place).toBe(place);
});
