/**
 * What holds for every program, checked on random ones. The checks recompute what they can from the program alone and share no code
 * with the event loop.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandOps, operands, readCommand, type Command } from '../../../src/isa/index.ts';
import { runEvents, type Timeline } from '../../../src/simulator/engines/event-loop.ts';
import { attribute } from '../../../src/simulator/observe/attribution.ts';
import { simulate } from '../../../src/simulator/index.ts';
import { accountsOf } from './account.ts';
import { executable, inRegion, kernel, local, tinyMachine, type Line } from './machine.ts';
import { workload, type Row } from './workload.ts';

const queues = ['dma-in', 'dma-out', 'matrix', 'vector'] as const;

/**
 * A legal program: command i may wait for earlier commands of other queues, one semaphore per dependence. Earlier in the list means
 * earlier in every queue, so there is no wait cycle.
 */
const anyProgram: fc.Arbitrary<{ rows: Row[]; needs: { row: number; on: number }[] }> = fc
  .array(
    fc.record({
      queue: fc.constantFrom(...queues),
      kernel: fc.integer({ min: -1, max: 3 }),
      setup: fc.nat(3),
      ticks: fc.nat(20),
      drain: fc.nat(9),
      latency: fc.nat(5000),
      work: fc.record({ dram: fc.nat(30_000), flash: fc.nat(9000) }),
      needs: fc.array(fc.nat(30), { maxLength: 3 }),
      barrier: fc.nat(7),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((commands) => {
    const rows: Row[] = [];
    const needs: { row: number; on: number }[] = [];
    const rowOf: number[] = [];
    const wanted = commands.map((c, i) =>
      [...new Set(c.needs.map((n) => (i === 0 ? 0 : n % i)))].filter((n) => i > 0 && commands[n]?.queue !== c.queue),
    );
    commands.forEach(({ queue, kernel: k, setup, ticks, drain, latency, work }, i) => {
      if (commands[i]?.barrier === 0) rows.push({ queue, barrier: true });
      for (const n of wanted[i] ?? []) rows.push({ queue, wait: `${n}-${i}` });
      for (const n of wanted[i] ?? []) needs.push({ row: rows.length, on: rowOf[n] ?? -1 });
      rowOf.push(rows.length);
      const streams = Object.fromEntries(Object.entries(work).filter(([, ps]) => ps > 0));
      rows.push({ queue, kernel: k, setup, ticks, drain, latency, ...(queue === 'vector' ? {} : { streams }) });
      wanted.forEach((list, later) => {
        if (list.includes(i)) rows.push({ queue, signal: `${i}-${later}` });
      });
    });
    return { rows, needs };
  });

const memories = { dram: { model: 'bandwidth' }, flash: { model: 'fixed' } } as const;
const hertz = 700e6;
const run = (rows: readonly Row[]): Timeline => runEvents(workload(rows, memories, hertz));
const commandRows = (t: Timeline): number[] => [...t.start.keys()].filter((row) => t.workload.action[row] === 0);

describe('any legal program', () => {
  test('every command runs once, in the order of its queue, after everything it waits for', () => {
    fc.assert(
      fc.property(anyProgram, ({ rows, needs }) => {
        const t = run(rows);
        expect(t.stuck).toEqual([]);
        const free: Record<string, number> = {};
        const retired: Record<string, number> = {};
        for (const row of commandRows(t)) {
          const queue = rows[row]?.queue ?? 'host';
          const [start, end, retire] = [t.start[row] ?? NaN, t.end[row] ?? NaN, t.retire[row] ?? NaN];
          expect(start).toBeGreaterThanOrEqual(free[queue] ?? 0);
          expect(end).toBeGreaterThanOrEqual(start);
          expect(retire).toBeGreaterThanOrEqual(Math.max(end, retired[queue] ?? 0));
          free[queue] = end;
          retired[queue] = retire;
        }
        for (const { row, on } of needs) expect(t.start[row]).toBeGreaterThanOrEqual(t.retire[on] ?? NaN);
        expect(t.total).toBe(Math.max(0, ...Object.values(retired)));
      }),
    );
  });

  test('a barrier splits time: what comes after it starts after all before it has retired', () => {
    fc.assert(
      fc.property(anyProgram, ({ rows }) => {
        const t = run(rows);
        rows.forEach((row, at) => {
          if (!('barrier' in row)) return;
          const before = commandRows(t).filter((r) => r < at);
          const after = commandRows(t).filter((r) => r > at);
          const lastBefore = Math.max(0, ...before.map((r) => t.retire[r] ?? 0));
          for (const r of after) expect(t.start[r]).toBeGreaterThanOrEqual(lastBefore);
        });
      }),
    );
  });

  test('busy + stalled + idle is the total for every engine; attributed cycles sum to it; no engine is busy longer', () => {
    fc.assert(
      fc.property(anyProgram, ({ rows }) => {
        const t = run(rows);
        const total = t.workload.reference.ticksUntil(t.total);
        for (const account of Object.values(accountsOf(t))) {
          expect(Object.values(account).reduce((a, b) => a + b, 0)).toBe(total);
          expect(account['busy'] ?? 0).toBeLessThanOrEqual(total);
        }
        const { cycles, time, columns } = attribute(t, 4);
        const anyKernel = rows.some((row) => 'kernel' in row && (row.kernel ?? -1) >= 0);
        const attributed = cycles.reduce((a, b) => a + b, 0);
        // A walk that meets no kernel at all has nobody to attribute to.
        expect([total, 0]).toContain(attributed);
        if (attributed > 0) {
          expect(anyKernel).toBe(true);
          expect(columns).toBe(4 + 2);
          expect(time.reduce((a, b) => a + b, 0)).toBe(t.total);
        }
      }),
    );
  });

  test('engine ticks are never lost to the rounding of edges: on a reference-clock engine without streams, busy = Σ ticks', () => {
    const ticks = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(ticks, (list) => {
        const account = accountsOf(run(list.map((n): Row => ({ queue: 'matrix', ticks: n }))));
        expect(account['matrix']).toEqual({ busy: list.reduce((a, b) => a + b, 0) });
      }),
    );
  });

  test('a shared memory conserves work: busy at least its work, and not longer than its users', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...queues), fc.integer({ min: 1, max: 1e6 })), { minLength: 1, maxLength: 20 }),
        (list) => {
          const t = run(list.map(([queue, work]): Row => ({ queue, streams: { dram: work } })));
          const work = list.reduce((sum, [, w]) => sum + w, 0);
          // All start at once and never pause, so the memory works without a gap: only the last end is rounded.
          expect(t.total).toBeGreaterThanOrEqual(work);
          expect(t.total).toBeLessThanOrEqual(work + list.length);
        },
      ),
    );
  });

  test('the same program gives the same timeline', () => {
    fc.assert(
      fc.property(anyProgram, ({ rows }) => {
        const [a, b] = [run(rows), run(rows)];
        expect([...a.retire]).toEqual([...b.retire]);
        expect([...a.enabler]).toEqual([...b.enabler]);
        expect(accountsOf(a)).toEqual(accountsOf(b));
      }),
      { numRuns: 30 },
    );
  });
});

test('bytes at the DRAM are the bytes of the program, by kernel, operand and direction', () => {
  const anyMove: fc.Arbitrary<Line> = fc
    .record({
      kernel: fc.nat(2),
      isLoad: fc.boolean(),
      operand: fc.constantFrom(...operands),
      rows: fc.integer({ min: 1, max: 20 }),
      columns: fc.integer({ min: 1, max: 40 }),
      gap: fc.nat(9),
    })
    .map(({ kernel: k, isLoad, operand, rows, columns, gap }): Line => {
      const outside = inRegion(isLoad ? 1 : 2, 0, rows, columns, columns + gap);
      const inside = local(0, rows, columns);
      const command: Command = isLoad
        ? { op: 'LOAD', src: outside, dst: inside, operand }
        : { op: 'STORE', src: inside, dst: outside, operand };
      return [isLoad ? 'dma-in' : 'dma-out', k, command];
    });
  const kernels = ['a', 'b', 'c'].map((name) => kernel(name));
  fc.assert(
    fc.property(fc.array(anyMove, { minLength: 1, maxLength: 30 }), (lines) => {
      const program = executable(lines, kernels);
      const result = simulate(program, tinyMachine());
      const expected: Record<string, number> = {};
      const table = program.programs[0]?.commands;
      for (let row = 0; row < lines.length; row++) {
        const command = table === undefined ? undefined : readCommand(table, row);
        if (command?.op !== 'LOAD' && command?.op !== 'STORE') throw new Error(commandOps.join());
        const bytes = command.src.extents.reduce((a, b) => a * b, 1);
        const key = `${lines[row]?.[1]} ${command.operand} ${command.op === 'LOAD' ? 'readBytes' : 'writeBytes'}`;
        expected[key] = (expected[key] ?? 0) + bytes;
      }
      const counted: Record<string, number> = {};
      result.kernels.forEach(({ traffic }, k) => {
        for (const [operand, both] of Object.entries(traffic['dram'] ?? {})) {
          for (const [direction, bytes] of Object.entries(both)) if (bytes > 0) counted[`${k} ${operand} ${direction}`] = bytes;
        }
      });
      expect(counted).toEqual(expected);
      const sum = Object.values(expected).reduce((a, b) => a + b, 0);
      expect(result.totals.dramReadBytes + result.totals.dramWriteBytes).toBe(sum);
      const parts = result.kernels.reduce((joules, k) => joules + k.energyJoules, 0);
      expect(parts).toBeCloseTo(result.totals.energyJoules, 18);
      expect(result.totals.cycles).toBeGreaterThanOrEqual(Math.ceil(sum / 4));
    }),
  );
});
