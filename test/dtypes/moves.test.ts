/** Element types × kernel classes: movement and requantization; and that the table leaves nothing out. */
import { expect, test } from 'vitest';
import { properties } from './classes.ts';
import { testCells } from './check.ts';
import { kernelClasses, rows, table } from './table.ts';

test('every element type has a cell in every kernel class, and every property is used', () => {
  expect(Object.keys(table)).toEqual([...rows]);
  for (const row of rows) expect(Object.keys(table[row])).toEqual([...kernelClasses]);
  const used = new Set(rows.flatMap((row) => kernelClasses.flatMap((c) => ('absent' in table[row][c] ? [] : table[row][c].properties))));
  expect([...used].toSorted()).toEqual(Object.keys(properties).toSorted());
});

testCells(['movement', 'requantization']);
