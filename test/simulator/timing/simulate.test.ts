/** Whole programs on a whole machine: demand, time, bytes and joules together, by hand. */
import { describe, expect, test } from 'vitest';
import { SystoleError } from '../../../src/core/index.ts';
import type { Command } from '../../../src/isa/index.ts';
import { collectTrace, perfettoJson, simulate, traceEvents, type Trace } from '../../../src/simulator/index.ts';
import { accumulators, executable, inRegion, kernel, local, regions, tinyMachine, type Line } from './machine.ts';

const signal = (id: number, count = 1): Command => ({ op: 'SIGNAL', core: 0, id, count });
const wait = (id: number, count = 1): Command => ({ op: 'WAIT', core: 0, id, count });

/**
 * y[8, 4] = x[8, 8] · w[8, 4], int8, one tile.
 *
 * ns       0     10      26     36      44        144     166  172    182     190        290
 * dma-in   |start|x 64 B  |start|w 32 B  |  idle
 *                          retires 126   retires 144
 * matrix   |.............wait...................144| MATMUL |drain to 172
 * dma-out  |.............wait.................................172|start|y 32 B |latency|
 *
 * DRAM moves 4 B/ns, the DMA 16: x takes 64/4 = 16, w 32/4 = 8, y 8. MATMUL: K = 8, N = 4, M = 8 on 4 × 4: 2·1 folds;
 * 4 + 8 + 8 = 20 ticks, + 2 to start; drain 4 + 4 − 2 = 6.
 */
const product: readonly Line[] = [
  ['dma-in', 0, { op: 'LOAD', src: inRegion(1, 0, 8, 8), dst: local(0, 8, 8), operand: 'inputs' }],
  ['dma-in', 0, { op: 'LOAD', src: inRegion(0, 0, 8, 4), dst: local(64, 8, 4), operand: 'weights' }],
  ['dma-in', 0, signal(0)],
  ['matrix', 0, wait(0)],
  [
    'matrix',
    0,
    {
      op: 'MATMUL',
      mode: 'overwrite',
      x: local(0, 8, 8),
      w: local(64, 8, 4),
      acc: accumulators(0, 8, 4),
      drain: { out: local(128, 8, 4), bias: null, multiplier: null, outZero: 0, lo: -128, hi: 127 },
      xZero: 0,
      wZero: 0,
    },
  ],
  ['matrix', 0, signal(1)],
  ['dma-out', 0, wait(1)],
  ['dma-out', 0, { op: 'STORE', src: local(128, 8, 4), dst: inRegion(2, 0, 8, 4), operand: 'outputs' }],
];
const work = {
  kind: 'contraction',
  depthwise: false,
  groups: 1,
  m: 8,
  n: 4,
  channels: 8,
  taps: 1,
  batches: 1,
  vectorLaneTicks: 0,
} as const;
const kernels = [
  kernel('fc', {
    macs: 256,
    work,
    cold: [
      { space: 2, direction: 'read', operand: 'inputs', bytes: 64 },
      { space: 2, direction: 'read', operand: 'weights', bytes: 32 },
      { space: 2, direction: 'write', operand: 'outputs', bytes: 32 },
    ],
  }),
];
const result = simulate(executable(product, kernels), tinyMachine(), { detail: 'commands' });

describe('one tile of a product, to the last nanosecond, byte and picojoule', () => {
  test('time', () => {
    expect(
      result.commands?.map(({ op, engine, startCycle, endCycle, retireCycle }) => [op, engine, startCycle, endCycle, retireCycle]),
    ).toEqual([
      ['LOAD', 'npu.dma-in', 0, 26, 126],
      ['LOAD', 'npu.dma-in', 26, 44, 144],
      ['STORE', 'npu.dma-out', 172, 190, 290],
      ['MATMUL', 'npu.matrix', 144, 166, 172],
    ]);
    expect(result.totals).toMatchObject({ cycles: 290, seconds: 290e-9, inferencesPerSecond: 2 / 290e-9, commands: 8 });
    expect(result.engines).toEqual([
      { name: 'npu.dma-in', busyCycles: 44, stalledCycles: {}, idleCycles: 246 },
      { name: 'npu.dma-out', busyCycles: 18, stalledCycles: { 'wait:matrix': 172 }, idleCycles: 100 },
      { name: 'npu.matrix', busyCycles: 22, stalledCycles: { 'wait:dma-in': 144 }, idleCycles: 124 },
    ]);
    expect(result.kernels[0]).toMatchObject({ startCycle: 0, spanCycles: 290, attributedCycles: 290, limit: 'latency' });
  });

  test('work and bounds: 256 of 290 × 16 MACs; the reads alone need 24 cycles', () => {
    expect(result.totals).toMatchObject({ macs: 256, issuedMacs: 4 * 4 * 2 * 8, macUtilization: 256 / (290 * 16) });
    expect(result.totals.boundCycles).toBe(24);
    expect(result.totals.mappingBoundCycles).toBeGreaterThanOrEqual(24);
    expect(result.totals.efficiency).toBe(24 / 290);
  });

  test('bytes: DRAM as the program says; the accumulator holds two folds, reads one back and drains', () => {
    expect(result.kernels[0]?.traffic).toEqual({
      scratchpad: {
        inputs: { readBytes: 64, writeBytes: 64 },
        weights: { readBytes: 32, writeBytes: 32 },
        outputs: { readBytes: 32, writeBytes: 32 },
      },
      accumulator: { partials: { readBytes: 256, writeBytes: 256 } },
      dram: {
        inputs: { readBytes: 64, writeBytes: 0 },
        weights: { readBytes: 32, writeBytes: 0 },
        outputs: { readBytes: 0, writeBytes: 32 },
      },
    });
    expect(result.totals).toMatchObject({ dramReadBytes: 96, dramWriteBytes: 32, compulsoryBytes: 128, scratchpadPeakBytes: 128 });
    // Regions: 4096, then 4000 at the next 64, then 4096 at 8128: 12224 in all.
    expect(result.memories).toEqual([
      { name: 'scratchpad', readBytes: 128, writeBytes: 128, movedBytes: 256, peakBytes: 128, busyCycles: 0 },
      { name: 'accumulator', readBytes: 256, writeBytes: 256, movedBytes: 512, peakBytes: 128, busyCycles: 0 },
      { name: 'dram', readBytes: 96, writeBytes: 32, movedBytes: 128, peakBytes: 12_224, busyCycles: 32 },
    ]);
  });

  test('energy: 256 MACs × 0.5 + 256 B × 1 + 512 B × 0.1 + 128 B × 10 pJ + 1 mW × 290 ns', () => {
    const { energy, totals } = result;
    expect(energy.matrix).toBeCloseTo(128e-12, 20);
    expect(energy.scratchpad).toBeCloseTo(256e-12, 20);
    expect(energy.accumulator).toBeCloseTo(51.2e-12, 20);
    expect(energy.dram).toBeCloseTo(1280e-12, 20);
    expect(energy.leakage).toBeCloseTo(290e-12, 20);
    expect(totals.energyJoules).toBeCloseTo(2005.2e-12, 20);
    expect(result.kernels[0]?.energyJoules).toBeCloseTo(2005.2e-12, 20);
    expect(totals.averageWatts).toBeCloseTo(2005.2e-12 / 290e-9, 9);
    expect(totals.areaMm2).toBe(2.5);
  });
});

describe('what the rest of the machine costs', () => {
  test('bursts: eight rows of 4 B out of a wider matrix move eight bursts of 16 B', () => {
    const load: Line = ['dma-in', 0, { op: 'LOAD', src: inRegion(0, 0, 8, 4, 32), dst: local(0, 8, 4), operand: 'weights' }];
    const { totals, memories } = simulate(executable([load], kernels), tinyMachine());
    expect(memories[2]).toMatchObject({ readBytes: 32, movedBytes: 128 });
    expect(totals.cycles).toBe(10 + 128 / 4 + 100);
  });

  test('a DMA slower than the memory sets the pace: 64 B at 16 B per tick on a memory of 64 B/ns', () => {
    const load: Line = ['dma-in', 0, { op: 'LOAD', src: inRegion(1, 0, 8, 8), dst: local(0, 8, 8), operand: 'inputs' }];
    const { totals } = simulate(executable([load], kernels), tinyMachine({ readBytesPerSecond: 64e9 }));
    expect(totals.cycles).toBe(10 + 4 + 100);
  });

  test('weights the array takes from the DRAM itself: 32 B take 8 ns, under 22 ticks; at a sixteenth of the speed they stall it', () => {
    const lines: Line[] = product.flatMap(([queue, k, command]): Line[] =>
      command.op === 'MATMUL' ? [[queue, k, { ...command, w: inRegion(0, 0, 8, 4) }]] : [],
    );
    expect(simulate(executable(lines, kernels), tinyMachine()).engines[0]).toEqual({
      name: 'npu.matrix',
      busyCycles: 22,
      stalledCycles: {},
      idleCycles: 106,
    });
    const slow = simulate(executable(lines, kernels), tinyMachine({ readBytesPerSecond: 0.25e9 }));
    expect(slow.engines[0]).toMatchObject({ busyCycles: 22, stalledCycles: { 'memory:dram': 128 - 22 } });
  });

  test('host: hand-over 500 ns + 1000 operations at 1/ns + 300 B at 2 B/ns, in parts where it takes several commands', () => {
    const host: Line = ['host', 0, { op: 'HOST', segment: 0, inputs: [inRegion(1, 0, 1, 100)], outputs: [inRegion(2, 0, 1, 200)] }];
    const hostKernel = kernel('sort', { class: 'host', engine: 'host', work: { kind: 'host', ops: 1000, bytes: 300 } });
    const one = simulate(executable([host], [hostKernel]), tinyMachine());
    expect(one.totals).toMatchObject({ cycles: 1650, hostSeconds: 1650e-9, hostOps: 1000 });
    expect(one.engines).toEqual([{ name: 'host', busyCycles: 1650, stalledCycles: {}, idleCycles: 0 }]);
    expect(one.kernels[0]).toMatchObject({ limit: 'host', attributedCycles: 1650 });
    expect(one.energy.host).toBeCloseTo(20_000e-12, 18);
    const two = simulate(executable([host, host], [hostKernel]), tinyMachine());
    expect(two.totals).toMatchObject({ cycles: 1650 + 500, hostOps: 1000 });
  });

  test('REPEAT runs its commands as often as it says', () => {
    const load: Line = ['dma-in', 0, { op: 'LOAD', src: inRegion(1, 0, 8, 8), dst: local(0, 8, 8), operand: 'inputs' }];
    const repeat: Line = ['dma-in', 0, { op: 'REPEAT', count: 3, length: 2, strides: [{ region: 1, bytes: 64 }] }];
    const inner: Line = ['dma-in', 0, { op: 'REPEAT', count: 2, length: 1, strides: [] }];
    const { totals } = simulate(executable([repeat, inner, load, load], kernels), tinyMachine());
    expect(totals).toMatchObject({ dramReadBytes: 7 * 64, cycles: 7 * 26 + 100, commands: 7 });
  });
});

test('two cores share the DRAM and wait for each other by name', () => {
  // Both loads set up 0–10 and share 4 B/ns until 42: 64 B each, alone done at 26. Core 1's array waits for core 0's load to retire.
  const machine = tinyMachine();
  const npu = machine.cores['npu'];
  if (npu === undefined) throw new Error('no core');
  const two = { ...machine, cores: { npu: { ...npu, count: 2 } } };
  const load: Command = { op: 'LOAD', src: inRegion(1, 0, 8, 8), dst: local(0, 8, 8), operand: 'inputs' };
  const add: Command = {
    op: 'VECTOR',
    inputs: [local(0, 8, 8)],
    outputs: [local(0, 8, 8)],
    steps: [
      { op: 'load', dst: 0, a: 0, b: -1, c: -1, immediate: 0 },
      { op: 'add', dst: 0, a: 0, b: 0, c: -1, immediate: 0 },
      { op: 'store', dst: 0, a: 0, b: -1, c: -1, immediate: 0 },
    ],
  };
  const lines: Line[] = [
    ['dma-in', 0, load, 0],
    ['dma-in', 0, { op: 'SIGNAL', core: 1, id: 5, count: 1 }, 0],
    ['dma-in', 0, load, 1],
    ['vector', 0, { op: 'WAIT', core: 1, id: 5, count: 1 }, 1],
    ['vector', 0, add, 1], // 64 elements on 4 lanes: 16 ticks, 3 to start
  ];
  expect(simulate(executable(lines, kernels), two).engines).toEqual([
    { name: 'npu[0].dma-in', busyCycles: 26, stalledCycles: { 'memory:dram': 16 }, idleCycles: 119 },
    { name: 'npu[1].dma-in', busyCycles: 26, stalledCycles: { 'memory:dram': 16 }, idleCycles: 119 },
    { name: 'npu[1].vector', busyCycles: 19, stalledCycles: { 'wait:npu[0].dma-in': 142 }, idleCycles: 0 },
  ]);
});

describe('detail, determinism, observers', () => {
  test('detail selects how much there is, and changes nothing else', () => {
    const kernelsOnly = simulate(executable(product, kernels), tinyMachine());
    const totalsOnly = simulate(executable(product, kernels), tinyMachine(), { detail: 'totals' });
    expect(kernelsOnly.commands).toBeUndefined();
    expect([totalsOnly.kernels, totalsOnly.nodes]).toEqual([[], []]);
    expect(totalsOnly.totals).toEqual(result.totals);
    expect(kernelsOnly.kernels).toEqual(result.kernels);
  });

  test('two runs give identical bytes, observed or not', () => {
    const traces: Trace[] = [];
    const observed = simulate(executable(product, kernels), tinyMachine(), {
      detail: 'commands',
      observers: [(t, cx) => traces.push(collectTrace(t, cx))],
    });
    expect(JSON.stringify(observed)).toBe(JSON.stringify(result));
    const [trace] = traces;
    expect(trace).toMatchObject({ queues: ['npu.dma-in', 'npu.dma-out', 'npu.matrix'], length: 4, totalPs: 290_000 });
    expect(trace && traceEvents(trace).filter((e) => e.ph === 'X')).toHaveLength(4);
    expect(trace && traceEvents(trace).at(-1)).toEqual({
      name: 'MATMUL fc',
      ph: 'X',
      pid: 1,
      tid: 3,
      ts: 0.144,
      dur: 0.022,
      args: { kernel: 'fc', op: 'MATMUL', retirePs: 172_000, after: 'npu.dma-in' },
    });
    expect(trace && JSON.parse(perfettoJson(trace))).toMatchObject({ traceEvents: traceEvents(trace as Trace) });
  });
});

describe('what it refuses', () => {
  const codeOf = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      if (error instanceof SystoleError) return error.message;
      throw error;
    }
    return 'nothing';
  };

  test('a program for another machine', () => {
    expect(codeOf(() => simulate(executable(product, kernels), { ...tinyMachine(), planHash: 'other' }))).toContain('SYS6501');
  });

  test('regions larger than their memory, with the numbers', () => {
    const message = codeOf(() => simulate(executable(product, kernels), tinyMachine({ sizeBytes: 12_000 })));
    expect(message).toContain('SYS6502');
    expect(message).toContain('224 bytes too many');
    expect(regions).toHaveLength(3);
  });

  test('a program that waits for ever, with who waits where', () => {
    const lines = product.filter(([queue, , command]) => !(queue === 'matrix' && command.op === 'SIGNAL'));
    const message = codeOf(() => simulate(executable(lines, kernels), tinyMachine()));
    expect(message).toContain('SYS6503');
    expect(message).toContain('npu.dma-out at WAIT (row 5 of fc)');
  });

  test('an entry point it does not have, with the one that was meant', () => {
    expect(codeOf(() => simulate(executable(product, kernels), tinyMachine(), { entryPoint: 'mein' }))).toContain('Did you mean "main"?');
  });
});
