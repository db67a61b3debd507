/** Programs for a machine that looks functions up: the program equals the graph that says so bit for bit, and the error against exact functions is the tables'. */
import { describe, expect, it } from 'vitest';
import { calibrate, compile, randomInputs, type Compilation } from '../../src/compiler/index.ts';
import type { DType } from '../../src/core/index.ts';
import { interpret, numbersOf, type Graph } from '../../src/graph/index.ts';
import { readCommand, verifyExecutable } from '../../src/isa/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

interface Case {
  readonly op: string;
  readonly looked: string;
  /** Of outputs, absolute, with 256 steps. */
  readonly error: number;
  /** false: no operator of one element each. */
  readonly bytes?: false;
  readonly more?: (w: GraphWriter) => readonly number[];
}

const cases: readonly Case[] = [
  { op: 'Exp', looked: 'expTable', error: 2e-4 },
  { op: 'Sigmoid', looked: 'sigmoidTable', error: 5e-5 },
  { op: 'Tanh', looked: 'tanhTable', error: 1e-4 },
  { op: 'Gelu', looked: 'erfTable', error: 1e-4 },
  { op: 'Swish', looked: 'sigmoidTable', error: 3e-4 },
  { op: 'Mish', looked: 'tanhTable', error: 5e-4 },
  { op: 'Softmax', looked: 'expTable', error: 1e-5, bytes: false },
  { op: 'LayerNormalization', looked: 'inverseRootTable', error: 5e-5, bytes: false, more: (w) => [w.weight([40]), w.weight([40])] },
  { op: 'RMSNormalization', looked: 'inverseRootTable', error: 5e-5, bytes: false, more: (w) => [w.weight([40])] },
];

function graphOf({ op, more }: Case, dtype: DType): Graph {
  const w = writeGraph(24);
  return w.finish(...w.node(op, [w.input('x', [6, 40], dtype), ...(more?.(w) ?? [])]));
}

function stepsOf({ executable }: Compilation): ReadonlySet<string> {
  const commands = executable.programs.flatMap(({ commands: table }) => Array.from(table.op, (_, row) => readCommand(table, row)));
  return new Set(commands.flatMap((c) => (c.op === 'VECTOR' ? c.steps.map((s) => `${s.op} ${s.immediate}`) : [])));
}

const machine = await testMachine('small', ['cores.npu.vector.functions=table']);

describe('functions looked up in tables', () => {
  it.each(cases)('$op', (one) => {
    for (const precision of ['fp32', 'int8', 'fp16'] as const) {
      const graph = graphOf(one, 'float32');
      const given = randomInputs(graph, 5);
      const calibration = precision === 'int8' ? calibrate(graph, [given]) : null;
      const compilation = compile(modelOf(graph), machine, { precision, dims: {}, calibration });
      const inputs = precision === 'fp16' ? randomInputs(compilation.quantizedGraph, 5) : given;
      // One byte in, one byte out: a table of all there is, whatever the function.
      const byByte = precision === 'int8' && one.bytes !== false;
      expect([...stepsOf(compilation)].join(), precision).toContain(byByte ? 'lookup' : `${one.looked} 256`);
      const { outputs, diagnostics } = execute(compilation.executable, machine, inputs, { sanitize: true });
      expect(diagnostics).toEqual([]);
      expect(outputs, precision).toEqual(interpret(compilation.quantizedGraph, inputs));
      if (precision !== 'fp32') continue;
      for (const [name, want] of interpret(graph, inputs)) {
        const got = numbersOf(outputs.get(name) ?? want);
        const far = Array.from(numbersOf(want), (y, i) => Math.abs((got[i] ?? 0) - y));
        expect(Math.max(...far)).toBeLessThan(one.error);
        expect(Math.max(...far)).toBeGreaterThan(0);
      }
    }
  });

  it('of bytes are exact', async () => {
    const exact = await testMachine('small');
    for (const op of ['Sigmoid', 'Gelu', 'Sin', 'HardSwish', 'Reciprocal']) {
      const w = writeGraph(24);
      const graph = w.finish(...w.node(op, w.node('Mul', [w.input('x', [7, 50]), w.input('y', [7, 1])])));
      const inputs = randomInputs(graph, 9);
      const calibration = calibrate(graph, [inputs]);
      const [looked, computed] = [machine, exact].map((target) => {
        const compilation = compile(modelOf(graph), target, { precision: 'int8', dims: {}, calibration });
        expect([...stepsOf(compilation)].some((s) => s.startsWith('lookup'))).toBe(target === machine);
        expect(verifyExecutable(compilation.executable, target)).toEqual([]);
        return execute(compilation.executable, target, inputs, { sanitize: true });
      });
      expect(looked?.diagnostics).toEqual([]);
      expect(looked?.outputs, op).toEqual(computed?.outputs);
    }
  });

  it('more steps, less error', async () => {
    const graph = graphOf({ op: 'Tanh', looked: '', error: 0 }, 'float32');
    const inputs = randomInputs(graph, 5);
    const [want] = interpret(graph, inputs).values();
    const errors: number[] = [];
    for (const steps of [64, 256, 1024]) {
      const finer = await testMachine('small', ['cores.npu.vector.functions=table', `cores.npu.vector.tableSteps=${steps}`]);
      const { executable } = compile(modelOf(graph), finer, { precision: 'fp32', dims: {}, calibration: null });
      const [got] = execute(executable, finer, inputs, { sanitize: false }).outputs.values();
      const exact = want === undefined ? [] : Array.from(numbersOf(want));
      errors.push(Math.max(...exact.map((y, i) => Math.abs(y - (got === undefined ? NaN : (numbersOf(got)[i] ?? NaN))))));
    }
    const [coarse = 0, middle = 0, fine = 0] = errors;
    expect(coarse / middle).toBeGreaterThan(8);
    expect(middle / fine).toBeGreaterThan(8);
  });
});
