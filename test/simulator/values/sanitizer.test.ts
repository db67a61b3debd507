/** Planted faults, one of each kind: the sanitizer must name both commands. Each has a twin without the fault that it must let pass. */
import { describe, expect, test } from 'vitest';
import type { Ring } from '../../../src/isa/command.ts';
import { copy, int8, load, local, ref, row, run, signal, store, wait, type Row, type Tiny } from './tiny.ts';

const input = int8(
  [16],
  Array.from({ length: 16 }, (_, i) => i),
);
const in0 = (offset: number, count: number) => ref(0, 0, 'int8', offset, [count]);
const out0 = (offset: number, count: number) => ref(0, 1, 'int8', offset, [count]);
const here = (offset: number, count: number) => local('int8', offset, [count]);

function findings(rows: readonly Row[], more: Partial<Tiny> = {}): string[] {
  const tiny: Tiny = { rows, inputs: [input], outputs: [{ dtype: 'int8', shape: [4] }], kernels: 4, ...more };
  const found = run(tiny, { sanitize: true }).diagnostics;
  // Without values it must find the same.
  expect(run(tiny, { sanitize: true, values: false }).diagnostics).toEqual(found);
  return found.map((d) => `${d.code} ${d.message} [${d.origin.join(', ')}]`);
}

const codes = (rows: readonly Row[], more: Partial<Tiny> = {}): string[] => findings(rows, more).map((f) => f.slice(0, 7));

test('bytes never written', () => {
  const program = (count: number): Row[] => [
    row('dma-in', load(in0(0, count), here(0, count))),
    row('dma-in', store(here(0, 4), out0(0, 4))),
  ];
  expect(codes(program(4))).toEqual([]);
  expect(findings(program(3))).toEqual([
    'SYS6201 STORE (row 1, core 0 dma-in, kernel "k0" from node_0) reads operand src, bytes 3..3 of "scratchpad" of core 0, where nothing was ' +
      'written before. Load or compute these bytes first, or correct the reference. [node_0]',
  ]);
});

test('an output nobody wrote', () => {
  expect(findings([row('dma-in', load(in0(0, 3), out0(0, 3)))])[0]).toContain(
    'SYS6201 The host reads operand output "out0", byte 3 of region "out0"',
  );
});

describe('races', () => {
  test('a read that does not wait for its LOAD', () => {
    const program = (synchronised: boolean): Row[] => [
      row('dma-in', load(in0(0, 4), here(8, 4)), { kernel: 1 }),
      ...(synchronised ? [row('dma-in', signal(0)), row('dma-out', wait(0))] : []),
      row('dma-out', store(here(8, 4), out0(0, 4)), { kernel: 2 }),
    ];
    expect(codes(program(true))).toEqual([]);
    const [first] = findings(program(false));
    expect(first).toBe(
      'SYS6202 STORE (row 1, core 0 dma-out, kernel "k2" from node_2) reads bytes 8..11 of "scratchpad" of core 0, which ' +
        'LOAD (row 0, core 0 dma-in, kernel "k1" from node_1) writes, and nothing orders the two. ' +
        'Add a SIGNAL after the first and a WAIT before the second, or use different bytes. [node_1, node_2]',
    );
  });

  test('a buffer filled again before its reader is done', () => {
    const program = (synchronised: boolean): Row[] => [
      row('dma-in', load(in0(0, 4), here(0, 4))),
      row('dma-in', signal(0)),
      row('dma-out', wait(0)),
      row('dma-out', store(here(0, 4), out0(0, 4))),
      ...(synchronised ? [row('dma-out', signal(1)), row('dma-in', wait(1))] : []),
      row('dma-in', load(in0(4, 4), here(0, 4))),
    ];
    expect(codes(program(true))).toEqual([]);
    const found = findings(program(false));
    expect(found.length).toBe(1);
    expect(found[0]).toMatch(/^SYS6202 .*LOAD \(row 4.*STORE \(row 3|^SYS6202 .*STORE \(row 3.*LOAD \(row 4/);
  });

  test('two writers', () => {
    const program = (offset: number): Row[] => [
      row('dma-in', load(in0(0, 4), out0(0, 4))),
      row('dma-out', load(in0(4, 4), ref(0, 2, 'int8', offset, [4]))),
      row('dma-in', load(in0(0, 4), ref(0, 2, 'int8', 0, [4]))),
    ];
    expect(codes(program(4), { arena: 8 })).toEqual([]);
    expect(codes(program(3), { arena: 8 })).toEqual(['SYS6202']);
  });

  test('order passes on through a third queue', () => {
    const rows = [
      row('dma-in', load(in0(0, 4), here(0, 4))),
      row('dma-in', signal(0)),
      row('vector', wait(0)),
      row('vector', signal(1)),
      row('dma-out', wait(1)),
      row('dma-out', store(here(0, 4), out0(0, 4))),
    ];
    expect(codes(rows)).toEqual([]);
  });
});

test('semaphores that force another order than the rows', () => {
  // Row by row, the STORE takes the first LOAD's bytes; but it waits until the second LOAD has destroyed them.
  const rows = [
    row('dma-in', load(in0(0, 4), here(0, 4)), { kernel: 1 }),
    row('dma-out', wait(0)),
    row('dma-out', store(here(0, 4), out0(0, 4)), { kernel: 2 }),
    row('dma-in', copy(here(0, 4), here(4, 4)), { kernel: 1 }),
    row('dma-in', load(in0(4, 4), here(0, 4)), { kernel: 3 }),
    row('dma-in', signal(0)),
  ];
  expect(findings(rows)).toEqual([
    'SYS6203 STORE (row 2, core 0 dma-out, kernel "k2" from node_2) reads bytes 0..3 of "scratchpad" of core 0 only after ' +
      'LOAD (row 4, core 0 dma-in, kernel "k3" from node_3), which stands later in the program, wrote them. ' +
      'Correct the semaphores, or give the two tiles different bytes. [node_3, node_2]',
  ]);
});

describe('live tiles that overlap', () => {
  const program = (offset: number): Row[] => [
    row('dma-in', load(in0(0, 4), here(0, 4)), { kernel: 1 }),
    row('dma-in', copy(here(0, 1), here(12, 1)), { kernel: 1 }),
    row('dma-in', load(in0(4, 4), here(offset, 4)), { kernel: 2 }),
    row('dma-in', store(here(0, 4), out0(0, 4)), { kernel: 1 }),
  ];

  test('a tile of one kernel, partly written over by another', () => {
    expect(codes(program(4))).toEqual([]);
    const [first] = findings(program(2));
    expect(first).toContain('SYS6204 STORE (row 3');
    expect(first).toContain(
      'partly from LOAD (row 0, core 0 dma-in, kernel "k1" from node_1) and partly from LOAD (row 2, core 0 dma-in, kernel "k2" from node_2)',
    );
  });

  test('a result written over before anyone read it', () => {
    const rows = [
      row('dma-in', load(in0(0, 4), here(0, 4))),
      row('dma-in', load(in0(4, 4), here(0, 4))),
      row('dma-in', store(here(0, 4), out0(0, 4))),
    ];
    expect(findings(rows)[0]).toContain('SYS6206 LOAD (row 1, core 0 dma-in, kernel "k0" from node_0) writes over bytes 0..3');
  });

  test('a part of a result that nobody needs may go, a result that nobody needs at all may not', () => {
    // Kernel 1 makes four bytes with two commands, kernel 2 reads the first two or none, kernel 3 takes the room of the others.
    const rows = (reads: boolean): Row[] => [
      row('dma-in', load(in0(0, 4), here(0, 4)), { kernel: 0 }),
      row('dma-in', copy(here(0, 2), here(8, 2)), { kernel: 1 }),
      row('dma-in', copy(here(2, 2), here(10, 2)), { kernel: 1 }),
      row('dma-in', copy(here(reads ? 8 : 0, 2), here(16, 2)), { kernel: 2 }),
      row('dma-in', copy(here(0, 2), here(10, 2)), { kernel: 3 }),
      row('dma-in', store(here(10, 2), ref(0, 1, 'int8', 0, [2]))),
      row('dma-in', store(here(16, 2), ref(0, 1, 'int8', 2, [2]))),
    ];
    expect(codes(rows(true))).toEqual([]);
    expect(codes(rows(false))).toEqual(['SYS6206']);
  });
});

describe('bounds', () => {
  test('outside the window, outside the region', () => {
    expect(findings([row('dma-in', load(in0(0, 4), here(65534, 4))), row('dma-in', load(in0(0, 4), out0(0, 4)))])).toEqual([
      'SYS6205 LOAD (row 0, core 0 dma-in, kernel "k0" from node_0): operand dst touches bytes 65534..65537 of "scratchpad" of core 0, ' +
        'which has 65,536 bytes. Correct the offset, extents or strides of the reference. [node_0]',
    ]);
    expect(codes([row('dma-in', load(in0(13, 4), out0(0, 4)))])).toEqual(['SYS6205']);
  });

  test('rings', () => {
    const withRing = (ring: Ring, extent = 2, offset = 0): string[] =>
      codes(
        [
          row('dma-in', load(in0(0, 8), here(0, 8))),
          row('dma-in', copy(local('int8', offset, [extent, 2], { strides: [2, 1], ring }), ref(0, 2, 'int8', 0, [extent, 2]))),
          row('dma-in', load(in0(0, 4), out0(0, 4))),
        ],
        { arena: 64 },
      );
    expect(withRing({ base: 0, bytes: 8, axis: 0 }, 2, 6)).toEqual([]);
    expect(withRing({ base: 0, bytes: 7, axis: 0 })).toEqual(['SYS6207']);
    expect(withRing({ base: 0, bytes: 8, axis: 1 })).toEqual(['SYS6207']);
    expect(withRing({ base: 0, bytes: 8, axis: 0 }, 5)).toEqual(['SYS6207']);
    expect(withRing({ base: 4, bytes: 4, axis: 0 }, 1, 0)).toEqual(['SYS6207']);
  });
});

test('findings are told once per pair, and counted', () => {
  const strides = [{ region: 1, bytes: 1 }];
  const rows = [
    row('dma-in', { op: 'REPEAT', count: 3, length: 2, strides }),
    row('dma-in', load(in0(0, 1), out0(0, 1))),
    row('dma-in', copy(here(9, 1), here(30, 1))),
    row('dma-in', load(in0(0, 1), out0(3, 1))),
  ];
  const found = findings(rows);
  expect(found.length).toBe(2);
  expect(found[0]).toContain('nothing was written before (3 times)');
});

test('the first twenty are shown, with the total', () => {
  const rows = Array.from({ length: 30 }, (_, i) => row('dma-in', copy(here(i, 1), out0(i % 4, 1))));
  const found = findings(rows, {});
  expect(found.length).toBe(21);
  expect(found[20]).toContain('SYS6209');
});
