/** Programs with repeated regions, checked in every way that needs no second implementation. */
import { expect } from 'vitest';
import { calibrate, compile, lowerGraph, prepare, randomInputs, type Compilation } from '../../src/compiler/index.ts';
import { interpret, totalMacs, type Graph } from '../../src/graph/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import {
  assemble,
  commandOps,
  createCommandTable,
  disassemble,
  expandProgram,
  readCommand,
  readSlot,
  verifyExecutable,
  type Command,
  type Executable,
  type Ref,
} from '../../src/isa/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { modelOf } from './model-of-graph.ts';

/** Compiles a graph and expects its program to be sound, to compute what the interpreter does, and to count its MACs. */
export function expectSound(
  graph: Graph,
  machine: Machine,
  precision: 'fp32' | 'int8' | 'auto',
  macs: number = totalMacs(graph),
): Compilation {
  const model = modelOf(graph);
  const inputs = randomInputs(graph, 3);
  const calibration = precision === 'int8' ? calibrate(lowerGraph(prepare(model).graph).graph, [inputs]) : null;
  const compilation = compile(model, machine, { precision, dims: {}, calibration });
  const { executable, quantizedGraph } = compilation;
  expect(verifyExecutable(executable, machine)).toEqual([]);
  expect(executable.model.macs).toBe(macs);
  const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
  expect(diagnostics).toEqual([]);
  for (const [name, tensor] of interpret(quantizedGraph, inputs)) expect(outputs.get(name)).toEqual(tensor);
  return compilation;
}

export function repeatsOf({ programs: [program] }: Executable): readonly Extract<Command, { op: 'REPEAT' }>[] {
  const table = program?.commands;
  if (table === undefined) return [];
  const rows = [...table.op.keys()].filter((row) => commandOps[table.op[row] ?? 0] === 'REPEAT' && row < table.length);
  return rows.map((row) => readCommand(table, row)).filter((c) => c.op === 'REPEAT');
}

/** The same program with its REPEATs written out. */
export function written(executable: Executable): Executable {
  const programs = executable.programs.map((program) => {
    const { rows, shift, shifts } = expandProgram(program.commands);
    const table = createCommandTable();
    rows.forEach((row, i) => table.emit(readSlot(program.commands, row), moved(readCommand(program.commands, row), shifts[shift[i] ?? 0])));
    return { ...program, commands: table.finish() };
  });
  return { ...executable, programs };
}

function moved(command: Command, shift: ReadonlyMap<number, number> | undefined): Command {
  const walk = (x: unknown): unknown => {
    if (Array.isArray(x)) return x.map(walk);
    if (typeof x !== 'object' || x === null) return x;
    const copy = Object.fromEntries(Object.entries(x).map(([key, value]) => [key, walk(value)]));
    return 'region' in x && 'extents' in x ? { ...copy, offset: (x as Ref).offset + (shift?.get((x as Ref).region) ?? 0) } : copy;
  };
  return walk(command) as Command;
}

/** A program and the same program written out take the same time, move the same bytes and compute the same. */
export function expectSameWrittenOut(executable: Executable, machine: Machine): void {
  const flat = written(executable);
  expect(repeatsOf(flat)).toEqual([]);
  const [a, b] = [executable, flat].map((e) => simulate(e, machine));
  expect(b?.totals).toEqual(a?.totals);
  expect(b?.kernels).toEqual(a?.kernels);
  const text = disassemble(executable);
  expect(disassemble(assemble(text))).toBe(text);
}
