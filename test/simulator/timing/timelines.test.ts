/**
 * Three timelines worked out by hand. 1 GHz, so a tick is a nanosecond and a cycle; all numbers in the drawings are ns.
 * Not a demand formula in sight: durations stand in the programs.
 */
import { describe, expect, test } from 'vitest';
import { runEvents } from '../../../src/simulator/engines/event-loop.ts';
import { attribute } from '../../../src/simulator/observe/attribution.ts';
import { kernelActivity, limitOf } from '../../../src/simulator/observe/limit.ts';
import { accountsOf, timesOf } from './account.ts';
import { workload, type Row } from './workload.ts';

const ns = 1000;
const inNs = (times: number[][]): number[][] => times.map((t) => t.map((ps) => ps / ns));

describe('double-buffered load, compute, store', () => {
  /**
   * Kernel 0 is the first tile, kernel 1 the other two. A transfer sets up 10, moves, retires 20 after its last byte; a product takes 150
   * and retires 8 later. Two buffers: the third load waits until the first product is done.
   *
   *          0    10        110 120       220  280 288 298      398 430 448   468 498       618 636   686 706
   * dma-in   |set |move L0   |set|move L1  |....wait....|set|move L2 half | full|  idle
   *                          retires 130   retires 240                    448, retires 468
   * matrix   |....wait full....130|  M0        280|  M1             430|wait|  M2           618|  idle
   *                                    retires 288     retires 438           468    retires 626
   * dma-out  |....wait done..................288|set|move S0 half  398|wait 438|set|S1 498|..wait 626|set|S2 686| retires 706
   *
   * From 298 L2 and S0 share the DRAM. S0 has 50, done at 398 instead of 348; L2 has 100: 50 done by 398, the rest alone by 448 instead of 398.
   */
  const load = (kernel: number): Row => ({ queue: 'dma-in', kernel, setup: 10, streams: { dram: 100 * ns }, latency: 20 * ns });
  const product = (kernel: number): Row => ({ queue: 'matrix', kernel, ticks: 150, drain: 8 });
  const store = (kernel: number): Row => ({ queue: 'dma-out', kernel, setup: 10, streams: { dram: 50 * ns }, latency: 20 * ns });
  const timeline = runEvents(
    workload([
      load(0),
      { queue: 'dma-in', signal: 'full' },
      load(1),
      { queue: 'dma-in', signal: 'full' },
      { queue: 'dma-in', wait: 'empty' },
      load(1),
      { queue: 'dma-in', signal: 'full' },
      { queue: 'matrix', wait: 'full' },
      product(0),
      { queue: 'matrix', signal: 'empty' },
      { queue: 'matrix', signal: 'done' },
      { queue: 'matrix', wait: 'full' },
      product(1),
      { queue: 'matrix', signal: 'done' },
      { queue: 'matrix', wait: 'full' },
      product(1),
      { queue: 'matrix', signal: 'done' },
      { queue: 'dma-out', wait: 'done' },
      store(0),
      { queue: 'dma-out', wait: 'done' },
      store(1),
      { queue: 'dma-out', wait: 'done' },
      store(1),
    ]),
  );

  test('every start, end and retirement', () => {
    expect(inNs(timesOf(timeline))).toEqual([
      [0, 110, 130], // L0
      [110, 220, 240], // L1
      [288, 448, 468], // L2
      [130, 280, 288], // M0
      [280, 430, 438], // M1
      [468, 618, 626], // M2
      [288, 398, 418], // S0
      [438, 498, 518], // S1
      [626, 686, 706], // S2
    ]);
    expect(timeline.total).toBe(706 * ns);
  });

  test('busy, stalls by reason and idle add up to 706 for every engine', () => {
    expect(accountsOf(timeline)).toEqual({
      'dma-in': { busy: 330, 'wait:matrix': 68, 'memory:dram': 50, idle: 258 },
      'dma-out': { busy: 180, 'wait:matrix': 288 + 40 + 128, 'memory:dram': 50, idle: 20 },
      matrix: { busy: 450, 'wait:dma-in': 130 + 38, idle: 88 },
    });
    expect(timeline.memoryBusyCycles[0]).toBe(100 + 100 + 150 + 50 + 50);
  });

  test('attribution: S2 80 ← M2 158 ← L2 180 ← M0 158 ← L0 130', () => {
    const { cycles, time, columns } = attribute(timeline, 2);
    expect([...cycles]).toEqual([158 + 130, 80 + 158 + 180]);
    // compute, vector, host, latency, dram. Kernel 0: M0 150 + drain 8; L0 100 + set-up 10 + latency 20.
    expect([...time.subarray(0, columns)].map((ps) => ps / ns)).toEqual([150, 0, 0, 8 + 10 + 20, 100]);
    // Kernel 1: M2 150 + 8; L2 10 + 150 + 20; S2 10 + 50 + 20.
    expect([...time.subarray(columns)].map((ps) => ps / ns)).toEqual([150, 0, 0, 8 + 30 + 30, 150 + 50]);
  });

  test('neither kernel has 60 % of its time on one resource: both wait in turns', () => {
    const attribution = attribute(timeline, 2);
    const activity = kernelActivity(timeline, 2);
    expect([0, 1].map((k) => limitOf(k, timeline, attribution, activity))).toEqual(['latency', 'latency']);
    expect([...activity.start].map((ps) => ps / ns)).toEqual([0, 110]);
    expect([...activity.retire].map((ps) => ps / ns)).toEqual([418, 706]);
  });
});

describe('two streams and an engine that reads the memory itself', () => {
  /**
   * L moves 300 at the memory's full rate. W is a product of 100 ticks that streams its own weights, 60 of the memory: alone it takes
   * 60 / 100 of the bandwidth, so its cap is 0.6. S is slow: 40 of memory in 160 ticks, cap 0.25.
   *
   *   0–50     L alone: 50 done
   *   50       W starts. Fair parts are 1/2 each; W's cap 0.6 is above: L 1/2, W 1/2
   *   50–90    40 × 1/2: L 70 done, W 20 done
   *   90       S starts. Parts 1/3; S takes its cap 1/4, the others 3/8 each
   *   90–196⅔  W has 40 left: 40 / (3/8) = 106⅔ → ends at 196.667. Alone it had ended at 150: stalled 46.667. L: 70 + 40 = 110 done.
   *            S: 26⅔ done
   *   196⅔–250 S keeps 1/4: 13⅓ left / (1/4) = 53⅓ → ends at 250, as alone. L gets 3/4: 40 → 150 done
   *   250–400  L alone: 150 left → ends at 400: 100 later than alone. 300 + 60 + 40 of work in 400: the memory was never idle.
   */
  const timeline = runEvents(
    workload([
      { queue: 'dma-in', kernel: 0, streams: { dram: 300 * ns } },
      { queue: 'vector', kernel: 1, ticks: 50 },
      { queue: 'vector', signal: 'go' },
      { queue: 'vector', kernel: 1, ticks: 40 },
      { queue: 'vector', signal: 'store' },
      { queue: 'matrix', wait: 'go' },
      { queue: 'matrix', kernel: 1, ticks: 100, streams: { dram: 60 * ns } },
      { queue: 'dma-out', wait: 'store' },
      { queue: 'dma-out', kernel: 2, ticks: 160, streams: { dram: 40 * ns } },
    ]),
  );

  test('every start, end and retirement', () => {
    expect(timesOf(timeline)).toEqual([
      [0, 400_000, 400_000],
      [0, 50_000, 50_000],
      [50_000, 90_000, 90_000],
      [50_000, 196_667, 196_667],
      [90_000, 250_000, 250_000],
    ]);
  });

  test('what contention cost is stalled on memory, not busy', () => {
    expect(accountsOf(timeline)).toEqual({
      'dma-in': { busy: 300, 'memory:dram': 100 },
      'dma-out': { 'wait:vector': 90, busy: 160, idle: 150 },
      matrix: { 'wait:vector': 50, busy: 100, 'memory:dram': 47, idle: 203 },
      vector: { busy: 90, idle: 310 },
    });
    expect(timeline.memoryBusyCycles[0]).toBe(400);
  });

  test('the load is all of the critical path, and the memory is its limit', () => {
    const attribution = attribute(timeline, 3);
    expect([...attribution.cycles]).toEqual([400, 0, 0]);
    expect(limitOf(0, timeline, attribution, kernelActivity(timeline, 3))).toBe('memory:dram');
  });

  test('with model fixed nobody waits for anybody', () => {
    const rows: Row[] = [
      { queue: 'dma-in', streams: { dram: 300 * ns } },
      { queue: 'dma-out', streams: { dram: 300 * ns } },
    ];
    expect(inNs(timesOf(runEvents(workload(rows, { dram: { model: 'fixed' } }))))).toEqual([
      [0, 300, 300],
      [0, 300, 300],
    ]);
    expect(inNs(timesOf(runEvents(workload(rows))))).toEqual([
      [0, 600, 600],
      [0, 600, 600],
    ]);
  });
});

describe('a chain of waits with latencies', () => {
  /**
   * Two loads, both needed by M; M's drain feeds V; a relay queue passes a semaphore on without work; a barrier; one last product.
   *
   * dma-in   L0 0–100, retires 130. L1 100–200, retires 230: SIGNAL posted at 200 counts from 230 on.
   * matrix   WAIT 2 of `in` until 230. M 230–260, drain 40: retires 300. SIGNAL `m`.
   * dma-out  WAIT `m` until 300, then SIGNAL `relay` at once: nothing of its own in between.
   * vector   WAIT `relay` until 300. V 300–310, retires 310.
   * barrier  at max(230, 300, 300, 310) = 310
   * matrix   N 310–330, retires 370.
   */
  const timeline = runEvents(
    workload([
      { queue: 'dma-in', kernel: 0, streams: { dram: 100 * ns }, latency: 30 * ns },
      { queue: 'dma-in', signal: 'in' },
      { queue: 'dma-in', kernel: 1, streams: { dram: 100 * ns }, latency: 30 * ns },
      { queue: 'dma-in', signal: 'in' },
      { queue: 'matrix', wait: 'in', count: 2 },
      { queue: 'matrix', kernel: 1, ticks: 30, drain: 40 },
      { queue: 'matrix', signal: 'm' },
      { queue: 'dma-out', wait: 'm' },
      { queue: 'dma-out', signal: 'relay' },
      { queue: 'vector', wait: 'relay' },
      { queue: 'vector', kernel: 2, ticks: 10 },
      { queue: 'matrix', barrier: true },
      { queue: 'matrix', kernel: 3, ticks: 20, drain: 40 },
    ]),
  );

  test('every start, end and retirement', () => {
    expect(inNs(timesOf(timeline))).toEqual([
      [0, 100, 130],
      [100, 200, 230],
      [230, 260, 300],
      [300, 310, 310],
      [310, 330, 370],
    ]);
  });

  test('the reasons of all stalls', () => {
    expect(accountsOf(timeline)).toEqual({
      'dma-in': { busy: 200, barrier: 110, idle: 60 },
      'dma-out': { 'wait:matrix': 300, barrier: 10, idle: 60 },
      matrix: { 'wait:dma-in': 230, busy: 50, barrier: 50, idle: 40 },
      vector: { 'wait:dma-out': 300, busy: 10, idle: 60 },
    });
  });

  test('attribution goes through the relay to the product: N 60 ← V 10 ← M 70 ← L1 130 ← L0 100', () => {
    const attribution = attribute(timeline, 4);
    expect([...attribution.cycles]).toEqual([100, 130 + 70, 10, 60]);
    const activity = kernelActivity(timeline, 4);
    expect([0, 1, 2, 3].map((k) => limitOf(k, timeline, attribution, activity))).toEqual(['memory:dram', 'latency', 'vector', 'latency']);
  });
});
