/** One rule, one edge: not a picosecond too early, not one too late. */
import { describe, expect, test } from 'vitest';
import { runEvents } from '../../../src/simulator/engines/event-loop.ts';
import { attribute } from '../../../src/simulator/observe/attribution.ts';
import { accountsOf, timesOf } from './account.ts';
import { workload, type Row } from './workload.ts';

const startOf = (rows: readonly Row[], index: number, hertz?: number): number =>
  timesOf(runEvents(workload(rows, undefined, hertz)))[index]?.[0] ?? NaN;

describe('a WAIT opens with the retirement that feeds it', () => {
  const rows = (latency: number): Row[] => [
    { queue: 'dma-in', streams: { dram: 1000 }, latency },
    { queue: 'dma-in', signal: 'ready' },
    { queue: 'vector', wait: 'ready' },
    { queue: 'vector', ticks: 1 },
  ];
  test.each([
    [999, 2000], // ready at 1999: the edge at 2000 takes it
    [1000, 2000], // ready at 2000: the very edge
    [1001, 3000], // ready at 2001: a picosecond late costs a tick
  ])('latency %d ps: starts at %d', (latency, start) => {
    expect(startOf(rows(latency), 1)).toBe(start);
  });
});

test('SIGNAL is posted: its queue goes on, its effect waits for the retirement of all before it', () => {
  const timeline = runEvents(
    workload([
      { queue: 'matrix', ticks: 10, drain: 90 },
      { queue: 'matrix', signal: 'a' },
      { queue: 'matrix', ticks: 10, drain: 5 },
      { queue: 'matrix', signal: 'b' },
      { queue: 'vector', wait: 'a' },
      { queue: 'vector', ticks: 1 },
      { queue: 'dma-out', wait: 'b' },
      { queue: 'dma-out', ticks: 1 },
    ]),
  );
  // The second product ends at 20 and could retire at 25, but retirement is in order: 100.
  expect(timesOf(timeline)).toEqual([
    [0, 10_000, 100_000],
    [10_000, 20_000, 100_000],
    [100_000, 101_000, 101_000],
    [100_000, 101_000, 101_000],
  ]);
});

test('a WAIT for 3 opens with the third SIGNAL and takes all three', () => {
  const timeline = runEvents(
    workload([
      { queue: 'dma-in', ticks: 5 },
      { queue: 'dma-in', signal: 's' },
      { queue: 'dma-in', ticks: 5 },
      { queue: 'dma-in', signal: 's', count: 2 },
      { queue: 'dma-in', ticks: 5 },
      { queue: 'dma-in', signal: 's' },
      { queue: 'matrix', wait: 's', count: 3 },
      { queue: 'matrix', ticks: 1 },
      { queue: 'matrix', wait: 's' },
      { queue: 'matrix', ticks: 1 },
    ]),
  );
  expect(
    timesOf(timeline)
      .slice(3)
      .map(([start]) => start),
  ).toEqual([10_000, 15_000]);
});

test('700 MHz: one tick prints as one cycle, and a million as a million', () => {
  const one = runEvents(workload([{ queue: 'matrix', ticks: 1 }], undefined, 700e6));
  expect([one.total, one.workload.reference.ticksUntil(one.total)]).toEqual([1428, 1]);
  const many = runEvents(
    workload(
      Array.from({ length: 1000 }, (): Row => ({ queue: 'matrix', ticks: 1000 })),
      undefined,
      700e6,
    ),
  );
  expect(many.workload.reference.ticksUntil(many.total)).toBe(1_000_000);
  expect(accountsOf(many)).toEqual({ matrix: { busy: 1_000_000 } });
});

test('a barrier opens with the last retirement, not with the last arrival', () => {
  const timeline = runEvents(
    workload([
      { queue: 'matrix', ticks: 10, drain: 90 },
      { queue: 'vector', ticks: 20 },
      { queue: 'vector', barrier: true },
      { queue: 'vector', ticks: 1 },
    ]),
  );
  expect(timesOf(timeline).at(-1)).toEqual([100_000, 101_000, 101_000]);
});

test('parts of a time that is no whole number of cycles add up: 1001 ps are 2 cycles, the next 999 ps none', () => {
  const timeline = runEvents(
    workload([
      { queue: 'dma-in', streams: { dram: 1001 } },
      { queue: 'dma-in', streams: { dram: 999 } },
      { queue: 'dma-in', streams: { dram: 1001 } },
    ]),
  );
  expect(accountsOf(timeline)).toEqual({ 'dma-in': { busy: 4 } });
  expect(timeline.total).toBe(3001);
});

test('ties on the enabler go to the lower queue, then to the earlier row', () => {
  // At 10 both the vector command before it (own queue) and the load end: dma-in comes first.
  const timeline = runEvents(
    workload([
      { queue: 'dma-in', kernel: 0, ticks: 10 },
      { queue: 'dma-in', signal: 's' },
      { queue: 'vector', kernel: 1, ticks: 10 },
      { queue: 'vector', wait: 's' },
      { queue: 'vector', kernel: 2, ticks: 7 },
    ]),
  );
  expect([...attribute(timeline, 3).cycles]).toEqual([10, 0, 7]);
});

test('a command of no kernel counts for the kernel it enabled', () => {
  const timeline = runEvents(
    workload([
      { queue: 'matrix', ticks: 3 },
      { queue: 'matrix', kernel: 0, ticks: 4 },
      { queue: 'matrix', ticks: 5 },
    ]),
  );
  expect([...attribute(timeline, 1).cycles]).toEqual([12]);
});

test('a program that waits for ever is caught with what it is stuck at', () => {
  const timeline = runEvents(
    workload([
      { queue: 'matrix', wait: 'a' },
      { queue: 'matrix', ticks: 1 },
      { queue: 'matrix', signal: 'b' },
      { queue: 'vector', wait: 'b' },
      { queue: 'vector', signal: 'a' },
      { queue: 'dma-in', ticks: 1 },
    ]),
  );
  expect(timeline.stuck).toEqual([
    { queue: 1, row: 0 },
    { queue: 2, row: 3 },
  ]);
});

test('an empty program takes no time', () => {
  const timeline = runEvents(workload([]));
  expect([timeline.total, timeline.last]).toEqual([0, -1]);
  expect([...attribute(timeline, 2).cycles]).toEqual([0, 0]);
});
