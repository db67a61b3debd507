/** Faults within one command or one ring, planted: operands that meet, rings that leave their memory or disagree. */
import { describe, expect, test } from 'vitest';
import type { Command, Ref, Ring } from '../../../src/isa/command.ts';
import { copy, int8, load, local, ref, row, run, store, type Row } from './tiny.ts';

const input = int8(
  [16],
  Array.from({ length: 16 }, (_, i) => i),
);
const in0 = (offset: number, count: number): Ref => ref(0, 0, 'int8', offset, [count]);
const out0 = (offset: number, count: number): Ref => ref(0, 1, 'int8', offset, [count]);
const here = (offset: number, extents: readonly number[], more: Partial<Ref> = {}): Ref => local('int8', offset, extents, more);

function findings(rows: readonly Row[]): readonly string[] {
  const whole = [row('dma-in', load(in0(0, 16), here(0, [16]))), ...rows, row('dma-in', load(in0(0, 4), out0(0, 4)))];
  const tiny = { rows: whole, inputs: [input], outputs: [{ dtype: 'int8', shape: [4] }], kernels: 2 } as const;
  const found = run(tiny, { sanitize: true }).diagnostics;
  expect(run(tiny, { sanitize: true, values: false }).diagnostics).toEqual(found);
  return found.filter((d) => d.severity === 'error').map((d) => `${d.code} ${d.message} [${d.origin.join(', ')}]`);
}

const double = (x: Ref, out: Ref): Command => ({
  op: 'VECTOR',
  inputs: [x],
  outputs: [out],
  steps: [
    { op: 'load', dst: 0, a: 0, b: -1, c: -1, immediate: 0 },
    { op: 'add', dst: 1, a: 0, b: 0, c: -1, immediate: 0 },
    { op: 'store', dst: 0, a: 1, b: -1, c: -1, immediate: 0 },
  ],
});

const pool = (x: Ref, out: Ref): Command => ({
  op: 'POOL',
  kind: 'max',
  x,
  out,
  kernel: [1, 2],
  strides: [1, 1],
  dilations: [1, 1],
  padTop: 0,
  padLeft: 0,
  countBox: [0, 0, 1, 4],
  xZero: 0,
  multiplier: 1,
  outZero: 0,
  lo: -128,
  hi: 127,
});

describe('a command that writes over its own operand', () => {
  test('a copy one byte further on', () => {
    const [first] = findings([row('dma-in', copy(here(0, [4]), here(1, [4])), { kernel: 1 })]);
    expect(first).toBe(
      'SYS6211 COPY (row 1, core 0 dma-in, kernel "k1" from node_1) writes bytes 1..3 of "scratchpad" of core 0 as operand dst and reads ' +
        'them as operand src. Give the two operands different bytes. [node_1]',
    );
    expect(findings([row('dma-in', copy(here(0, [4]), here(4, [4])))])).toEqual([]);
  });

  test('element for element in place is fine, shifted is not', () => {
    const vector = (out: number): readonly string[] =>
      findings([row('dma-in', double(here(0, [4]), here(out, [4])))]).map((f) => f.slice(0, 7));
    expect(vector(0)).toEqual([]);
    expect(vector(2)).toEqual(['SYS6211']);
    expect(vector(8)).toEqual([]);
  });

  test('a window operator may not even work in place', () => {
    const window = (out: number): readonly string[] =>
      findings([row('dma-in', pool(here(0, [1, 1, 1, 4]), here(out, [1, 1, 1, 3])))]).map((f) => f.slice(0, 7));
    expect(window(8)).toEqual([]);
    expect(window(0)).toEqual(['SYS6211']);
  });

  test('tiles whose rows lie between each other do not meet', () => {
    const rows = (offset: number): Ref => here(offset, [3, 2], { strides: [4, 1] });
    expect(findings([row('dma-in', copy(rows(0), rows(2)))])).toEqual([]);
    expect(findings([row('dma-in', copy(rows(0), rows(1)))])[0]).toContain('SYS6211');
  });
});

describe('rings', () => {
  const slabs = (ring: Ring, offset: number, count = 2): Ref => here(offset, [count, 2], { strides: [2, 1], ring });
  const through = (written: Ring, readRing: Ring): readonly string[] =>
    findings([
      row('dma-in', load(ref(0, 0, 'int8', 0, [2, 2]), slabs(written, 36))),
      row('dma-in', store(slabs(readRing, 36), ref(0, 1, 'int8', 0, [2, 2])), { kernel: 1 }),
    ]);

  test('a reader that wraps elsewhere than the writer', () => {
    expect(through({ base: 32, bytes: 8, axis: 0 }, { base: 32, bytes: 8, axis: 0 })).toEqual([]);
    expect(through({ base: 32, bytes: 8, axis: 0 }, { base: 32, bytes: 16, axis: 0 })[0]).toBe(
      'SYS6212 STORE (row 2, core 0 dma-in, kernel "k1" from node_1) reads operand src around a ring of bytes 32..47 of "scratchpad" of core 0, ' +
        'but LOAD (row 1, core 0 dma-in, kernel "k0" from node_0) wrote it around bytes 32..39. ' +
        "Give both references the same ring's base and bytes. [node_0, node_1]",
    );
  });

  test('a ring that leaves its memory, though this tile does not', () => {
    const ring = { base: 65532, bytes: 8, axis: 0 };
    const [first] = findings([row('dma-in', load(ref(0, 0, 'int8', 0, [1, 2]), slabs(ring, 65532, 1)))]);
    expect(first).toMatch(/SYS6207 LOAD \(row 1.*its bytes 65532\.\.65539 leave "scratchpad" of core 0, which has 65536/);
  });
});
