import { describe, expect, test } from 'vitest';
import { expandProgram, verifyExecutable, type Command, type Executable, type RepeatCommand, type Slot } from '../../src/isa/index.ts';
import type { Machine } from '../../src/hw-configs/machine.ts';
import { dense, dram, executableOf, machineWith, scratchpad, slot, systolic } from './fixtures.ts';
import { sample, sampleCommands } from './sample.ts';

const machine = machineWith(systolic(8, 8));

/** The sample with row `row` replaced. */
function planted(row: number, change: (command: Command, slot: Slot) => readonly [Slot, Command]): Executable {
  const commands = sampleCommands.map(([s, c], i) => (i === row ? change(c, s) : ([s, c] as const)));
  return { ...sample, programs: executableOf(commands).programs };
}

const found = (e: Executable, on: Machine | null = machine): string[] => verifyExecutable(e, on).map((d) => `${d.code}: ${d.message}`);

/** Rows of the sample by what they do. */
const rows = { loadWeights: 0, loadX: 2, signalLoaded: 3, waitLoaded: 4, conv: 5, vector: 13, signalDone: 14, repeat: 16, store: 17 };

describe('verifier', () => {
  test('finds nothing wrong with the sample, with a machine or without', () => {
    expect(found(sample)).toEqual([]);
    expect(found(sample, null)).toEqual([]);
  });

  test('a load past the end of its region, with row, kernel and origin', () => {
    const e = planted(rows.loadX, (c, s) => [
      s,
      { ...c, src: dense(dram, 'int8', [1, 2, 4, 8], { region: 1, offset: 33, strides: [128, 64, 8, 1] }) } as Command,
    ]);
    expect(found(e)).toEqual([
      'SYS5031: Row 2 (LOAD of kernel "conv"): operand src touches bytes 33 to 128 of region "input", which has 128 bytes. Correct its offset, extents or strides.',
    ]);
    expect(verifyExecutable(e)[0]?.origin).toEqual(['/block.0/Conv']);
  });

  test('a REPEAT that moves a store past the end', () => {
    const e = planted(rows.repeat, (c, s) => [s, { ...c, count: 3 } as RepeatCommand]);
    expect(found(e)).toEqual([expect.stringMatching(/SYS5031: Row 17 \(STORE.*bytes 0 to 143 of region "output", which has 96/)]);
  });

  test('a tile outside the scratchpad, only where its size is known', () => {
    const e = planted(rows.vector, (c, s) => [
      s,
      { ...c, outputs: [dense(scratchpad, 'int8', [96], { offset: (1 << 20) - 95 })] } as Command,
    ]);
    expect(found(e)).toEqual([expect.stringMatching(/SYS5031: Row 13 .*out 0 .*window of scratchpad, which has 1048576/)]);
    expect(found(e, null)).toEqual([]);
  });

  test('references to nothing', () => {
    const at = (more: object): string[] =>
      found(planted(rows.loadX, (c, s) => [s, { ...c, src: dense(dram, 'int8', [1, 2, 4, 8], more) } as Command]));
    expect(at({ region: 9 })).toEqual([expect.stringMatching(/SYS5032.*region 9 of 3/)]);
    expect(at({ space: 7, region: 1 })).toEqual([expect.stringMatching(/SYS5032.*memory 7 of 3/)]);
    expect(at({ space: scratchpad, region: 1 })).toEqual([expect.stringMatching(/SYS5032.*"input" in memory scratchpad/)]);
    expect(at({ region: -1 })).toEqual([expect.stringMatching(/SYS5032.*window of dram, which no core owns/)]);
  });

  test('rings that do not close', () => {
    const ring = (more: object): string[] =>
      found(
        planted(rows.vector, (c, s) => [
          s,
          {
            ...c,
            inputs: [dense(scratchpad, 'int8', [8, 12], { offset: 512, ...more })],
            outputs: [dense(scratchpad, 'int8', [8, 12])],
          } as Command,
        ]),
      );
    expect(ring({ ring: { base: 512, bytes: 96, axis: 0 } })).toEqual([]);
    expect(ring({ ring: { base: 512, bytes: 100, axis: 0 } })).toEqual([
      expect.stringMatching(/SYS5033.*100 bytes are not whole steps of 12/),
    ]);
    expect(ring({ ring: { base: 512, bytes: 84, axis: 0 } })).toEqual([expect.stringMatching(/SYS5033.*overtake/)]);
    expect(ring({ ring: { base: 600, bytes: 96, axis: 0 } })).toEqual([expect.stringMatching(/SYS5033.*outside the ring/)]);
    expect(ring({ ring: { base: 512, bytes: 96, axis: 1 } })).toEqual([expect.stringMatching(/SYS5033.*larger stride/)]);
  });

  test('operands that disagree', () => {
    const conv = (more: object): string[] => found(planted(rows.conv, (c, s) => [s, { ...c, ...more } as Command]));
    expect(conv({ groups: 2 })).toEqual([
      expect.stringMatching(/SYS5034.*2 groups of w = int8\[4, 2, 3, 3\] do not fit x = int8\[1, 2, 4, 8\]/),
    ]);
    expect(conv({ op: 'DWCONV' })).toEqual([expect.stringMatching(/SYS5034.*not depthwise/)]);
    expect(conv({ acc: dense(2, 'float32', [1, 4, 2, 6]) })).toContainEqual(expect.stringMatching(/SYS5034.*sums of int8 are int32/));
    expect(conv({ x: dense(scratchpad, 'int8', [2, 4, 8]) })).toEqual([expect.stringMatching(/SYS5034.*3 axes where 4 belong/)]);
    const load = planted(rows.loadWeights, (c, s) => [s, { ...c, dst: dense(scratchpad, 'int8', [71]) } as Command]);
    expect(found(load)).toEqual([expect.stringMatching(/SYS5034.*cannot be copied/)]);
  });

  test('dtypes the machine does not compute', () => {
    const conv = planted(rows.conv, (c, s) => [s, { ...c, x: dense(scratchpad, 'int16', [1, 2, 4, 8]) } as Command]);
    expect(found(conv)).toEqual([expect.stringMatching(/SYS5035.*matrix engine does not take int16, only int8, float32/)]);
    expect(found(conv, null)).toEqual([]);
  });

  test('the wrong queue, an unknown core, an unknown kernel', () => {
    expect(found(planted(rows.loadWeights, (c) => [slot('dma-out'), c]))).toEqual([
      expect.stringMatching(/SYS5036.*Row 0 .*queue dma-out; it runs on dma-in/),
    ]);
    expect(found(planted(rows.store, (c) => [{ core: 3, queue: 'dma-out', kernel: 1 }, c]))).toEqual([
      expect.stringMatching(/SYS5002.*core 3/),
    ]);
    expect(found(planted(rows.store, (c) => [{ core: 0, queue: 'dma-out', kernel: 2 }, c]))).toEqual([
      expect.stringMatching(/SYS5042.*kernel 2 of 2/),
    ]);
  });

  test('a missing signal: the program cannot finish, and who waits for what', () => {
    const e = planted(rows.signalDone, (_, s) => [s, { op: 'BARRIER' }]);
    expect(found(e)).toEqual([
      'SYS5040: The program stops before its end: Row 15 (WAIT of kernel "relu") waits for 1 of semaphore 2 of core 0, which has 0. Move the SIGNALs before what waits for them.',
    ]);
  });

  test('two queues that wait for each other', () => {
    const sync = (op: 'SIGNAL' | 'WAIT', id: number): Command => ({ op, core: 0, id, count: 1 });
    const crossed = executableOf([
      [slot('matrix'), sync('WAIT', 0)],
      [slot('matrix'), sync('SIGNAL', 1)],
      [slot('vector'), sync('WAIT', 1)],
      [slot('vector'), sync('SIGNAL', 0)],
    ]);
    expect(found(crossed)).toEqual([expect.stringMatching(/SYS5040.*Row 0 .*; Row 2 /)]);
  });

  test('a semaphore with two signallers, and one that does not return to zero', () => {
    const e = planted(rows.signalLoaded, (_, s) => [s, { op: 'SIGNAL', core: 0, id: 1, count: 1 }]);
    expect(found(e)).toContainEqual(
      'SYS5038: Semaphore 1 of core 0 is signalled by 2 queues (c0.dma-in, c0.matrix); one only may. Use a semaphore for each.',
    );
    const more = planted(rows.signalLoaded, (c, s) => [s, { ...c, count: 2 } as Command]);
    expect(found(more)).toEqual(['SYS5039: Semaphore 0 of core 0 is signalled 3 times and awaited 2 times in one run. Balance them.']);
  });

  test('a semaphore the core does not have', () => {
    const e = planted(rows.signalDone, (_, s) => [s, { op: 'SIGNAL', core: 0, id: 16, count: 1 }]);
    expect(found(e)[0]).toMatch(/SYS5034.*semaphore 16 of 16/);
  });

  test('a REPEAT that reaches past the program', () => {
    expect(found(planted(rows.repeat, (c, s) => [s, { ...c, length: 2 } as RepeatCommand]))).toEqual([
      expect.stringMatching(/SYS5037.*reach to row 18.*ends at row 17/),
    ]);
  });

  test('regions that do not fit', () => {
    const small = machineWith(systolic(8, 8), { memories: { dram: { sizeBytes: 300 } } });
    // 88, to 128: 128, at 256: 96 bytes.
    expect(found(sample, small)).toEqual([
      expect.stringMatching(/SYS5041.*dram need 352 bytes, 52 more than its 300; the largest is region "input" of 128/),
    ]);
    const elsewhere: Machine = { ...machine, memories: { dram: machine.memories['dram'] ?? never() } };
    expect(found(sample, elsewhere)).toEqual([
      expect.stringMatching(/SYS5003.*"scratchpad"/),
      expect.stringMatching(/SYS5003.*"accumulator"/),
    ]);
  });

  test('kernels whose commands are not all there', () => {
    const without = (...gone: readonly number[]): Executable => ({
      ...sample,
      programs: executableOf(sampleCommands.filter((_, i) => !gone.includes(i))).programs,
    });
    expect(found(without(rows.conv), null)).toEqual([
      expect.stringMatching(/SYS5042.*Kernel "conv" multiplies 1728 times, .* only 864 times/),
    ]);
    expect(found(without(rows.vector), null)).toEqual([expect.stringMatching(/SYS5042.*Kernel "relu" works on the vector engine/)]);
    expect(found({ ...sample, kernels: sample.kernels.map((k) => ({ ...k, macs: 2 * k.macs })) }, null)).toEqual([
      expect.stringMatching(/SYS5042.*3456 MACs together, the model 1728/),
    ]);
  });

  test('tables that do not agree', () => {
    expect(found({ ...sample, weights: { ...sample.weights, bytes: 80 } })).toEqual([
      expect.stringMatching(/SYS5042.*end at byte 88 of 80/),
    ]);
    expect(found({ ...sample, entryPoints: [{ name: 'main', program: 4, inputs: [], outputs: [], scalars: [] }] })).toEqual([
      expect.stringMatching(/SYS5042.*program 4 of 1/),
    ]);
    expect(found({ ...sample, nodes: [{ name: 'n', opType: 'Relu', fate: 'kernel', kernel: 5 }] })).toEqual([
      expect.stringMatching(/SYS5042.*kernel 5 of 2/),
    ]);
  });
});

function never(): never {
  throw new Error('the fixture has this');
}

describe('expansion', () => {
  const load = [
    slot('dma-in'),
    { op: 'LOAD', operand: 'inputs', src: dense(dram, 'int8', [1], { region: 0 }), dst: dense(scratchpad, 'int8', [1]) },
  ] as const;
  const repeat = (count: number, length: number, bytes: number): readonly [Slot, Command] => [
    slot('dma-in'),
    { op: 'REPEAT', count, length, strides: [{ region: 0, bytes }] },
  ];
  const expand = (...commands: (readonly [Slot, Command])[]) => {
    const { rows: order, shift, shifts } = expandProgram(executableOf(commands).programs[0]?.commands ?? never());
    return [...order].map((row, i) => [row, shifts[shift[i] ?? -1]?.get(0) ?? 0]);
  };

  test('without REPEAT it is the program', () => {
    expect(expand(load, load)).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });

  test('REPEATs nest, and their shifts add up', () => {
    // row 0: 2 × { row 1; row 2: 2 × { row 3 } }; row 4
    expect(expand(repeat(2, 3, 100), load, repeat(2, 1, 10), load, load)).toEqual([
      [1, 0],
      [3, 0],
      [3, 10],
      [1, 100],
      [3, 100],
      [3, 110],
      [4, 0],
    ]);
  });

  test('a count gone wrong is told, not run', () => {
    expect(() => expand(repeat(2 ** 31 - 1, 1, 0), load)).toThrow(/SYS5030.*2147483647 commands/);
  });
});
