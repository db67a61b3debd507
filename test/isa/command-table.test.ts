import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCommandTable, formRange, readCommand, readSlot, type ConvCommand, type Ref, type Slot } from '../../src/isa/index.ts';
import { anyCommand, anySlot } from './arbitrary.ts';

const slot: Slot = { core: 0, queue: 'matrix', kernel: 3 };
const ref = (extents: number[], offset: number): Ref => ({
  space: 1,
  region: -1,
  dtype: 'int8',
  offset,
  extents,
  strides: extents.map(() => 1),
});
const conv = (offset: number): ConvCommand => ({
  op: 'CONV',
  mode: 'overwrite',
  x: ref([1, 16, 9, 9], offset),
  w: ref([32, 16, 3, 3], offset),
  acc: { ...ref([1, 32, 7, 7], offset), dtype: 'int32' },
  drain: {
    out: ref([1, 32, 7, 7], offset),
    bias: ref([32], offset),
    multiplier: ref([32], offset),
    outZero: offset % 7,
    lo: -128,
    hi: 127,
  },
  xZero: offset % 5,
  wZero: 0,
  groups: 1,
  strides: [1, 1],
  dilations: [1, 1],
  padTop: offset % 2,
  padLeft: 0,
});

describe('command table', () => {
  test('reads back what was emitted, whatever it was', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anySlot, anyCommand), { maxLength: 6 }), (rows) => {
        const builder = createCommandTable();
        rows.forEach(([s, c], i) => expect(builder.emit(s, c)).toBe(i));
        const table = builder.finish();
        expect(table.length).toBe(rows.length);
        rows.forEach(([s, c], i) => {
          expect(readSlot(table, i)).toEqual(s);
          expect(readCommand(table, i)).toEqual(c);
        });
      }),
      { numRuns: 300 },
    );
  });

  test('grows past its first columns', () => {
    const builder = createCommandTable();
    for (let i = 0; i < 5000; i++) builder.emit(slot, conv(i));
    const table = builder.finish();
    expect(readCommand(table, 4999)).toEqual(conv(4999));
    expect(readCommand(table, 0)).toEqual(conv(0));
  });

  test('tiles of one shape have one form: offsets, zero points, padding and clamps are bindings', () => {
    const builder = createCommandTable();
    builder.emit(slot, conv(0));
    builder.emit(slot, conv(4711));
    const table = builder.finish();
    const form = (row: number): number[] => [...table.words.subarray(...formRange(table, row))];
    expect(form(0)).toEqual(form(1));
    expect(readCommand(table, 0)).not.toEqual(readCommand(table, 1));
  });
});
