/** Before faults mean anything: the programs are right, the naive machine agrees under every schedule, and what is to be broken is there. */
import { expect, test } from 'vitest';
import { bytesOf } from '../../src/core/index.ts';
import { verifyExecutable, type CommandOp } from '../../src/isa/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { racesOf } from './happens-before.ts';
import { agrees, verifyFails } from './mutant.ts';
import { allPriorities, runNaive } from './naive-machine.ts';
import { basePrograms } from './programs.ts';

const programs = await basePrograms();

test.each(programs)('$name: verified, sanitizer clean, right, and the naive machine agrees bit for bit', (p) => {
  expect(verifyExecutable(p.executable, p.machine)).toEqual([]);
  for (const { inputs, golden } of p.runs) {
    const run = execute(p.executable, p.machine, inputs, { sanitize: true });
    expect(run.diagnostics).toEqual([]);
    for (const [name, tensor] of golden) expect(agrees(tensor, run.outputs.get(name)), name).toBe(true);
    const bytes = Uint8Array.from([...run.outputs.values()].flatMap((t) => [...bytesOf(t)]));
    for (const priority of [allPriorities[0] ?? [], allPriorities[17] ?? []]) {
      expect(runNaive(p.executable, p.machine, p.rows, inputs, priority)).toEqual({ kind: 'outputs', bytes });
    }
  }
  expect(racesOf(p.executable, p.machine, p.rows)).toEqual([]);
  expect(p.runs.filter((_, run) => verifyFails(p, p.executable, run))).toEqual([]);
});

test('the programs have what is to be broken', () => {
  const commands = programs.flatMap((p) => p.rows.map((r) => r.command));
  const ops = new Set<CommandOp>(commands.map((c) => c.op));
  for (const op of ['CONV', 'DWCONV', 'MATMUL', 'POOL', 'VECTOR', 'REDUCE', 'LOAD', 'STORE', 'SIGNAL', 'WAIT'] as const) {
    expect(ops, op).toContain(op);
  }
  const convs = commands.flatMap((c) => (c.op === 'CONV' ? [c] : []));
  expect(convs.some((c) => c.mode === 'accumulate' && c.strides[0] === 2 && c.padTop + c.padLeft > 0)).toBe(true);
  expect(convs.some((c) => c.x.ring !== undefined)).toBe(true);
  const mappings = programs.flatMap((p) => p.executable.kernels.map((k) => k.mapping));
  expect(mappings.filter((m) => /ring of \d+ rows/.test(m)).length).toBeGreaterThanOrEqual(2);
});
