import { describe, expect, test } from 'vitest';
import {
  contiguousRuns,
  demand,
  demandTable,
  matrixTicks,
  type ConvCommand,
  type Demand,
  type MatmulCommand,
  type MoveCommand,
  type Product,
  type VectorStep,
} from '../../src/isa/index.ts';
import type { Machine } from '../../src/hw-configs/machine.ts';
import { accumulator, dense, dotProduct, dram, executableOf, machineWith, scratchpad, slot, spaces, systolic } from './fixtures.ts';

const product = (m: number, n: number, channels: number, more: Partial<Product> = {}): Product => ({
  products: 1,
  depthwise: false,
  m,
  n,
  channels,
  taps: 1,
  ...more,
});

function conv(more: Partial<ConvCommand> = {}): ConvCommand {
  return {
    op: 'CONV',
    mode: 'overwrite',
    x: dense(scratchpad, 'int8', [1, 4, 9, 9]),
    w: dense(scratchpad, 'int8', [20, 4, 3, 3]),
    acc: dense(accumulator, 'int32', [1, 20, 7, 7]),
    drain: null,
    xZero: 0,
    wZero: 0,
    groups: 1,
    strides: [1, 1],
    dilations: [1, 1],
    padTop: 0,
    padLeft: 0,
    ...more,
  };
}

const of = (command: Parameters<typeof demand>[0], machine: Machine): Demand => {
  const core = machine.cores['npu'];
  if (core === undefined) throw new Error('no core');
  return demand(command, core, machine, { spaces });
};

const traffic = (d: Demand): Record<string, number> =>
  Object.fromEntries(d.local.map((t) => [`${spaces[t.space]} ${t.direction} ${t.operand}`, t.bytes]));

describe('systolic arrays', () => {
  test('the worked example of matrix-ticks.ts', () => {
    expect(matrixTicks(systolic(8, 8), 1, product(49, 20, 4, { taps: 9 }))).toEqual({
      compute: 743,
      drain: 14,
      macs: 35280,
      issuedMacs: 47040,
    });
  });

  test('without double buffering every fold pays its load: 15 · (8 + 49)', () => {
    expect(matrixTicks(systolic(8, 8, { doubleBuffered: false }), 1, product(49, 20, 4, { taps: 9 })).compute).toBe(855);
  });

  test('few pixels: loads, not streams, set the pace: 8 + 2·max(3, 8) + 3', () => {
    expect(matrixTicks(systolic(8, 8), 1, product(3, 24, 8)).compute).toBe(8 + 2 * 8 + 3);
  });

  test('input stationary swaps pixels and outputs: ⌈36/8⌉·⌈49/8⌉ = 35 folds of 20', () => {
    const t = matrixTicks(systolic(8, 8, { dataflow: 'is' }), 1, product(49, 20, 4, { taps: 9 }));
    expect(t).toEqual({ compute: 8 + 34 * 20 + 20, drain: 14, macs: 35280, issuedMacs: 64 * 35 * 20 });
  });

  test('output stationary streams K = 36 per ⌈49/8⌉·⌈20/8⌉ = 21 folds and shifts 8 rows out at the end', () => {
    const t = matrixTicks(systolic(8, 8, { dataflow: 'os' }), 1, product(49, 20, 4, { taps: 9 }));
    expect(t).toEqual({ compute: 21 * 36, drain: 14 + 8, macs: 35280, issuedMacs: 64 * 21 * 36 });
  });

  test('a quarter rate takes four times as long and issues the same MACs', () => {
    const full = matrixTicks(systolic(8, 8), 1, product(49, 20, 36));
    const quarter = matrixTicks(systolic(8, 8), 0.25, product(49, 20, 36));
    expect(quarter).toEqual({ ...full, compute: full.compute * 4, drain: full.drain * 4 });
  });

  test('depthwise channels share a fold on its diagonal: 3×3 on 32×32 packs 3, 64 channels take 22 folds', () => {
    const t = matrixTicks(systolic(32, 32), 1, { products: 64, depthwise: true, m: 49, n: 1, channels: 1, taps: 9 });
    expect(t.compute).toBe(32 + 21 * 49 + 49);
    expect(t.macs).toBe(64 * 49 * 9);
  });

  test('depthwise with more taps than rows: 25 taps on 8 rows, ⌈25/8⌉ folds a channel', () => {
    const t = matrixTicks(systolic(8, 8), 1, { products: 6, depthwise: true, m: 49, n: 1, channels: 1, taps: 25 });
    expect(t.compute).toBe(8 + 23 * 49 + 49);
  });
});

describe('dot-product engines', () => {
  test('the worked example of matrix-ticks.ts', () => {
    const t = matrixTicks(dotProduct(8, 16, 1), 1, product(49, 20, 20, { taps: 9 }));
    expect(t).toEqual({ compute: 2646, drain: 8, macs: 20 * 20 * 9 * 49, issuedMacs: 128 * 2646 });
  });

  test('depthwise leaves the input lanes idle: 9 · ⌈20/16⌉ · ⌈49/2⌉', () => {
    expect(matrixTicks(dotProduct(8, 16, 2), 1, { products: 20, depthwise: true, m: 49, n: 1, channels: 1, taps: 9 }).compute).toBe(
      9 * 2 * 25,
    );
  });
});

describe('contractions', () => {
  // K = 36, 5 folds of rows; N = 20, 3 folds of columns; M = 49.
  test('weight stationary reads inputs once per column fold, sums once per row fold but the first', () => {
    expect(traffic(of(conv(), machineWith(systolic(8, 8))))).toEqual({
      'scratchpad read inputs': 36 * 49 * 3,
      'scratchpad read weights': 720,
      'accumulator read partials': 20 * 49 * 4 * 4,
      'accumulator write partials': 20 * 49 * 4 * 5,
    });
  });

  test('accumulating reads them all; a drain reads once more, and writes the outputs', () => {
    const drain = {
      out: dense(scratchpad, 'int8', [1, 20, 7, 7]),
      bias: dense(scratchpad, 'int32', [20]),
      multiplier: null,
      outZero: 0,
      lo: -128,
      hi: 127,
    };
    const d = of(conv({ mode: 'accumulate', drain }), machineWith(systolic(8, 8)));
    expect(traffic(d)).toMatchObject({ 'accumulator read partials': 20 * 49 * 4 * 6, 'scratchpad write outputs': 980 });
    expect(d.ticks).toBe(743);
    expect(d.drainTicks).toBe(14);
  });

  test('a narrow port binds: 5292 + 720 bytes at 4 bytes a tick', () => {
    const narrow = machineWith(systolic(8, 8), { memories: { scratchpad: { readBytesPerSecond: 4e9 } } });
    expect(of(conv(), narrow).ticks).toBe((36 * 49 * 3 + 720) / 4);
  });

  test('groups run one after another', () => {
    const grouped = conv({ w: dense(scratchpad, 'int8', [20, 2, 3, 3]), groups: 2 });
    // K = 18: 3 folds of rows; N = 10: 2 of columns; two groups: 12 folds.
    expect(of(grouped, machineWith(systolic(8, 8))).ticks).toBe(8 + 11 * 49 + 49);
  });

  test('a batched MATMUL has a stationary operand per batch', () => {
    const command: MatmulCommand = {
      op: 'MATMUL',
      mode: 'overwrite',
      x: dense(scratchpad, 'int8', [6, 10, 16]),
      w: dense(scratchpad, 'int8', [6, 16, 8]),
      acc: dense(accumulator, 'int32', [6, 10, 8]),
      drain: null,
      xZero: 0,
      wZero: 0,
    };
    const d = of(command, machineWith(systolic(8, 8, { startTicks: 5 })));
    expect(d.ticks).toBe(5 + 8 + 11 * 10 + 10); // 6 · 2 folds of 10
    expect(d.macs).toBe(6 * 10 * 16 * 8);
  });

  test('operands in external memories are streams, each byte once, and bind no port of the core', () => {
    const d = of(conv({ w: dense(dram, 'int8', [20, 4, 3, 3]) }), machineWith(systolic(8, 8)));
    expect(d.external).toEqual([
      { space: dram, direction: 'read', bytes: 720, runs: 1, runBytes: 720, movedBytes: 768, operand: 'weights' },
    ]);
  });

  test("an unknown dtype is the user's to mend", () => {
    expect(() => of(conv({ x: dense(scratchpad, 'float64', [1, 4, 9, 9]) }), machineWith(systolic(8, 8)))).toThrow(/SYS5001.*float64/);
  });
});

describe('vector engine', () => {
  const steps = (...ops: VectorStep['op'][]): VectorStep[] => ops.map((op) => ({ op, dst: 0, a: 0, b: 0, c: -1, immediate: 0 }));
  const m = machineWith(systolic(8, 8));

  test('VECTOR: 100 elements on 16 lanes are 7 rounds; loads and stores are free, exp costs 8', () => {
    const a = dense(scratchpad, 'int8', [100]);
    const add = of({ op: 'VECTOR', inputs: [a, a], outputs: [a], steps: steps('load', 'load', 'add', 'store') }, m);
    expect([add.ticks, add.laneTicks, add.actions.vectorOps]).toEqual([7, 100, 100]);
    const exp = of({ op: 'VECTOR', inputs: [a], outputs: [a], steps: steps('load', 'dequantize', 'exp', 'quantize', 'store') }, m);
    expect([exp.ticks, exp.laneTicks, exp.actions.vectorOps]).toEqual([7 * 11, 1100, 300]);
  });

  test('broadcasts along the last axes are read once, further out again', () => {
    const out = dense(scratchpad, 'float32', [4, 5, 6]);
    const perChannel = { ...out, strides: [0, 4, 0] };
    const d = of({ op: 'VECTOR', inputs: [perChannel], outputs: [out], steps: steps('load', 'store') }, m);
    expect(traffic(d)).toEqual({ 'scratchpad read inputs': 4 * 5 * 4, 'scratchpad write outputs': 480 });
  });

  test('POOL: outputs × taps; averages requantize', () => {
    const pool = {
      op: 'POOL',
      x: dense(scratchpad, 'int8', [1, 16, 16, 16]),
      out: dense(scratchpad, 'int8', [1, 16, 8, 8]),
      kernel: [2, 2],
      strides: [2, 2],
      dilations: [1, 1],
      padTop: 0,
      padLeft: 0,
      countBox: [0, 0, 16, 16],
      xZero: 0,
      multiplier: 1,
      outZero: 0,
      lo: -128,
      hi: 127,
    } as const;
    expect(of({ ...pool, kind: 'max' }, m)).toMatchObject({ ticks: 256, laneTicks: 4096 });
    expect(of({ ...pool, kind: 'average' }, m)).toMatchObject({ ticks: 384, laneTicks: 1024 * (4 + 2) });
  });

  test('REDUCE: an element of x a lane tick', () => {
    const x = dense(scratchpad, 'int8', [4, 50]);
    const acc = { ...dense(scratchpad, 'int32', [4, 50]), strides: [4, 0] };
    const d = of({ op: 'REDUCE', kind: 'sum', mode: 'accumulate', x, acc, xZero: 0 }, m);
    expect([d.ticks, d.laneTicks]).toEqual([13, 200]);
    expect(traffic(d)).toEqual({
      'scratchpad read inputs': 200,
      'scratchpad read partials': 16,
      'scratchpad write partials': 16,
    });
  });
});

describe('moves', () => {
  const load: MoveCommand = {
    op: 'LOAD',
    src: dense(dram, 'int8', [16, 7, 56], { region: 0, strides: [12544, 112, 1] }),
    dst: dense(scratchpad, 'int8', [16, 7, 56]),
    operand: 'inputs',
  };

  test('the worked example: rows of 56 bytes in bursts of 64', () => {
    const d = of(load, machineWith(systolic(8, 8)));
    expect(d.ticks).toBe(392);
    expect(d.external).toEqual([
      { space: dram, direction: 'read', bytes: 6272, runs: 112, runBytes: 56, movedBytes: 7168, operand: 'inputs' },
    ]);
    expect(traffic(d)).toEqual({ 'scratchpad write inputs': 6272 });
  });

  test('a gather sees one run for each index, and reads the indices beside it', () => {
    const d = of(
      {
        op: 'LOAD',
        src: dense(dram, 'int8', [3, 100, 1000], { region: 0, strides: [0, 1, 100] }),
        dst: dense(scratchpad, 'int8', [3, 100]),
        index: dense(scratchpad, 'int32', [3, 100], { strides: [4, 0] }),
        operand: 'weights',
      },
      machineWith(systolic(8, 8)),
    );
    expect(d.external).toEqual([
      { space: dram, direction: 'read', bytes: 300, runs: 3, runBytes: 100, movedBytes: 384, operand: 'weights' },
    ]);
    expect(traffic(d)).toEqual({ 'scratchpad write weights': 300, 'scratchpad read inputs': 12 });
  });

  test('axes join into runs while they are contiguous', () => {
    expect(contiguousRuns(dense(dram, 'int8', [16, 7, 56]))).toEqual({ runs: 1, runBytes: 6272 });
    expect(contiguousRuns(dense(dram, 'int8', [16, 7, 56], { strides: [1000, 56, 1] }))).toEqual({ runs: 16, runBytes: 392 });
    expect(contiguousRuns(dense(dram, 'float32', [8, 1, 3], { strides: [12, 999, 4] }))).toEqual({ runs: 1, runBytes: 96 });
    expect(contiguousRuns(dense(dram, 'int8', [5, 3], { strides: [1, 5] }))).toEqual({ runs: 15, runBytes: 1 });
    expect(contiguousRuns({ ...dense(dram, 'int4', [4, 9]), strides: [9, 1] })).toEqual({ runs: 1, runBytes: 18 });
    expect(contiguousRuns(dense(dram, 'int8', [4, 0]))).toEqual({ runs: 0, runBytes: 0 });
  });
});

describe('demand table', () => {
  const machine = machineWith(systolic(8, 8));

  test('equals the demand of each command, and computes each form once', () => {
    const commands = Array.from({ length: 2000 }, (_, i) => {
      const command = conv({ padTop: i % 2, acc: { ...dense(accumulator, 'int32', [1, 20, 7, 1 + (i % 3)]), offset: i * 64 } });
      return [slot('matrix'), command] as const;
    });
    const columns = demandTable(executableOf(commands), machine);
    expect(columns.distinct).toHaveLength(3);
    commands.slice(0, 6).forEach(([, command], row) => {
      const d = of(command, machine);
      expect(columns.distinct[columns.id[row] ?? -1]).toEqual(d);
      expect([columns.ticks[row], columns.macs[row]]).toEqual([d.ticks, d.macs]);
    });
  });

  test('tells apart forms that differ in one word', () => {
    const commands = Array.from({ length: 3000 }, (_, i) => [slot('matrix'), conv({ groups: i + 1 })] as const);
    expect(demandTable(executableOf(commands), machine).distinct).toHaveLength(3000);
  });

  test('cores of different make have different demands', () => {
    const npu = machine.cores['npu'];
    if (npu === undefined) throw new Error('no core');
    const two: Machine = { ...machine, cores: { npu: { ...npu, count: 2 }, big: { ...npu, matrix: systolic(16, 16) } } };
    const at = (core: number) => [{ core, queue: 'matrix', kernel: 0 }, conv()] as const;
    const columns = demandTable(executableOf([at(0), at(1), at(2)]), two);
    expect(columns.distinct).toHaveLength(2);
    expect([...columns.id]).toEqual([0, 0, 1]);
    expect(() => demandTable(executableOf([at(3)]), two)).toThrow(/SYS5002.*core 3/);
  });
});
