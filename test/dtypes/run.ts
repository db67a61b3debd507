/** Runs a small graph as a program on the machine with every element type, against the interpreter; and a plain formula's numbers beside it. */
import { expect } from 'vitest';
import { bytesOf, isFloat, SystoleError, type Random, type Tensor } from '../../src/core/index.ts';
import { compile } from '../../src/compiler/index.ts';
import { floatsOf, interpret, numbersOf, type Graph } from '../../src/graph/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import { verifyExecutable, type Kernel } from '../../src/isa/index.ts';
import { programInputs } from '../../src/reports/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { testMachine } from '../end-to-end/machines.ts';
import { modelOf } from '../end-to-end/model-of-graph.ts';
import { graphInputs } from '../random/check.ts';

/** Little memory, so that small tensors are cut into tiles. */
export const machine: Machine = await testMachine('narrow', ['memories.scratchpad.size=8 KiB', 'memories.accumulator.size=1 KiB']);

export interface Case {
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, Tensor>;
}

export interface Ran {
  readonly output: Tensor;
  readonly kernels: readonly Kernel[];
}

/** The first output of the program: verified, free of findings, equal to the interpreter. */
export function runProgram({ graph, inputs }: Case, mappingSeed: number): Ran {
  const { executable, quantizedGraph } = compile(modelOf(graph), machine, { precision: 'auto', dims: {}, calibration: null, mappingSeed });
  expect(verifyExecutable(executable, machine)).toEqual([]);
  const { outputs, diagnostics } = execute(executable, machine, programInputs(executable, inputs), { sanitize: true });
  expect(diagnostics).toEqual([]);
  for (const [name, tensor] of interpret(quantizedGraph, graphInputs(quantizedGraph, inputs))) expectSame(outputs.get(name), tensor);
  const [output] = outputs.values();
  if (output === undefined) throw new Error('no output');
  return { output, kernels: executable.kernels };
}

/** NaN is NaN, whichever; all else the same bits. */
export function expectSame(actual: Tensor | undefined, expected: Tensor): void {
  expect(actual?.dtype).toBe(expected.dtype);
  expect(actual?.shape).toEqual(expected.shape);
  if (actual === undefined) return;
  if (isFloat(expected.dtype)) expect(floatsOf(actual)).toEqual(floatsOf(expected));
  else expect(bytesOf(actual)).toEqual(bytesOf(expected));
}

/** Codes and reasons why no engine runs the graph: of its refusal, or of its host kernels. Empty where engines run it all. */
export function refusalOf(graph: Graph): readonly string[] {
  try {
    const { executable } = compile(modelOf(graph), machine, { precision: 'auto', dims: {}, calibration: null });
    const codes = executable.diagnostics.filter((d) => d.severity !== 'info').map((d) => d.code);
    return executable.kernels.some((k) => k.engine === 'host') ? codes : [];
  } catch (error) {
    if (error instanceof SystoleError) return error.diagnostics.map((d) => d.code);
    throw error;
  }
}

export function listOf(tensor: Tensor): readonly number[] {
  return Array.from(numbersOf(tensor) as ArrayLike<number | bigint>, Number);
}

export function pick<T>(random: Random, items: readonly [T, ...T[]]): T {
  return items[random.integer(0, items.length - 1)] ?? items[0];
}
