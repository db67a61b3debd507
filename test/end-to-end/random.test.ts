/**
 * Random small graphs on random machines: what compiles is legal, free of races and right; what does not is refused for a reason that
 * holds. Arrays from 4×4 to 16×16 with every dataflow, scratchpads from 16 KiB.
 */
import { describe, expect, it } from 'vitest';
import { seededRandom, SystoleError } from '../../src/core/index.ts';
import { calibrate, compile, importDecoded, randomInputs } from '../../src/compiler/index.ts';
import { interpret } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import { testMachine } from './machines.ts';
import { modelBuilder } from './model-builder.ts';
import { randomModel } from './random-models.ts';

const cases = 240;

function randomMachine(seed: number): Promise<Machine> {
  const random = seededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[random.integer(0, items.length - 1)] as T;
  const settings = [`memories.scratchpad.size=${pick([16, 24, 32, 48, 64, 128])} KiB`, `memories.accumulator.size=${pick([4, 8, 16])} KiB`];
  if (random.next() < 0.25) return testMachine('tiny-dot', settings);
  settings.push(
    `cores.npu.matrix.rows=${random.integer(4, 16)}`,
    `cores.npu.matrix.cols=${random.integer(4, 16)}`,
    `cores.npu.matrix.dataflow=${pick(['ws', 'os', 'is'])}`,
    `cores.npu.matrix.doubleBuffered=${pick(['true', 'false'])}`,
    `cores.npu.matrix.requantize=${pick(['output-stage', 'output-stage', 'vector'])}`,
  );
  return testMachine('tiny-8x8', settings);
}

describe('random graphs on random machines', () => {
  it(`${cases} of them compile, verify, run clean and right`, { timeout: 240_000 }, async () => {
    const refused: string[] = [];
    for (let seed = 0; seed < cases; seed++) {
      const machine = await randomMachine(seed + 50_000);
      const float = machine.cores['npu']?.matrix.rates.float32 !== undefined && seed % 5 < 2;
      const model = importDecoded(randomModel(seed), { name: `random ${seed}`, sha256: '' });
      const inputs = randomInputs(model.graph, seed + 1);
      const calibration = float ? null : calibrate(model.graph, [inputs]);
      let compilation;
      try {
        compilation = compile(model, machine, { precision: float ? 'fp32' : 'int8', dims: {}, calibration });
      } catch (error) {
        if (!(error instanceof SystoleError)) throw error;
        refused.push(`${seed}: ${error.message}`);
        continue;
      }
      const { executable, quantizedGraph } = compilation;
      expect(
        executable.kernels.filter((k) => k.engine === 'host'),
        `seed ${seed}`,
      ).toEqual([]);
      expect(verifyExecutable(executable, machine), `seed ${seed}`).toEqual([]);
      const run = execute(executable, machine, inputs, { sanitize: true });
      expect(run.diagnostics, `seed ${seed}`).toEqual([]);
      for (const [name, expected] of interpret(quantizedGraph, inputs)) {
        const actual = run.outputs.get(name);
        if (float) expect(distance(actual?.data as Float32Array, expected.data as Float32Array), `seed ${seed}`).toBeLessThanOrEqual(1e-5);
        else expect(actual, `seed ${seed}`).toEqual(expected);
      }
      const { totals } = simulate(executable, machine);
      expect(totals.boundCycles, `seed ${seed}`).toBeLessThanOrEqual(totals.mappingBoundCycles);
      expect(totals.mappingBoundCycles, `seed ${seed}`).toBeLessThanOrEqual(totals.cycles);
    }
    expect(refused.length, refused.join('\n')).toBeLessThanOrEqual(cases * 0.05);
  });

  it('a batch larger than the accumulators hold is cut into single images', async () => {
    const machine = await testMachine('tiny-8x8');
    const b = modelBuilder();
    const y = b.node('Conv', [b.input('x', [37, 2, 20, 20]), b.weight('w', [9, 2, 3, 3], bellOf(9 * 2 * 9))], {
      kernel_shape: [3, 3],
      pads: [1, 1, 1, 1],
    });
    const model = importDecoded(b.finish(y), { name: 'batch', sha256: '' });
    const inputs = randomInputs(model.graph, 5);
    const { executable, quantizedGraph } = compile(model, machine, {
      precision: 'int8',
      dims: {},
      calibration: calibrate(model.graph, [inputs]),
    });
    const run = execute(executable, machine, inputs, { sanitize: true });
    expect(run.diagnostics).toEqual([]);
    expect(run.outputs).toEqual(interpret(quantizedGraph, inputs));
  });

  it('a program of too many tiles is refused before it is written', async () => {
    const machine = await testMachine('tiny-8x8', ['memories.scratchpad.size=1 KiB', 'memories.accumulator.size=1 KiB']);
    const b = modelBuilder();
    const y = b.node(
      'Conv',
      [b.input('x', [8, 256, 128, 128]), b.weight('w', [256, 256, 3, 3], new Float32Array(256 * 256 * 9).fill(0.5))],
      { kernel_shape: [3, 3] },
    );
    const model = importDecoded(b.finish(y), { name: 'long', sha256: '' });
    const error = caught(() => compile(model, machine, { precision: 'int8', dims: {}, calibration: null }));
    expect(error.diagnostics[0]?.code).toBe('SYS4513');
  });

  it('a window that cannot be on chip at once is refused with a demand that really exceeds the memory', async () => {
    // One output needs its whole window: k·k input bytes and k·k weight bytes, whatever the tiling.
    for (const k of [24, 30, 40]) {
      for (const kib of [1, 2, 3]) {
        const machine = await testMachine('tiny-8x8', [`memories.scratchpad.size=${kib} KiB`]);
        const b = modelBuilder();
        const y = b.node('Conv', [b.input('x', [1, 1, k + 2, k + 2]), b.weight('w', [1, 1, k, k], new Float32Array(k * k).fill(0.5))], {
          kernel_shape: [k, k],
        });
        const model = importDecoded(b.finish(y), { name: 'window', sha256: '' });
        const minimum = 2 * k * k + 1;
        const build = (): unknown => compile(model, machine, { precision: 'int8', dims: {}, calibration: null });
        if (minimum <= kib * 1024 - 1024) expect(build, `${k} in ${kib} KiB`).not.toThrow();
        if (minimum > kib * 1024) {
          const error = caught(build);
          expect(error.diagnostics[0]?.code).toBe('SYS4501');
          const demand = Number(/needs at least ([\d,]+) B/.exec(error.message)?.[1]?.replaceAll(',', ''));
          expect(demand).toBeGreaterThanOrEqual(minimum);
          expect(demand).toBeGreaterThan(kib * 1024);
        }
      }
    }
  });

  it('a model no memory of the machine holds is refused with its live bytes', async () => {
    const machine = await testMachine('tiny-8x8', ['memories.dram.size=64 KiB']);
    const b = modelBuilder();
    // Relu between two convolutions: 3 × 120 × 120 = 43,200 B twice.
    const x = b.input('x', [1, 3, 120, 120]);
    const w = (name: string): string => b.weight(name, [3, 3, 1, 1], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    const model = importDecoded(b.finish(b.node('Conv', [b.node('Conv', [x, w('w1')]), w('w2')])), { name: 'wide', sha256: '' });
    const error = caught(() => compile(model, machine, { precision: 'int8', dims: {}, calibration: null }));
    expect(error.diagnostics[0]?.code).toMatch(/SYS450[23]/);
    expect(error.message).toContain('86,400 B');
  });
});

function bellOf(count: number): Float32Array {
  const random = seededRandom(count);
  return Float32Array.from({ length: count }, () => random.bell() / 4);
}

function caught(run: () => unknown): SystoleError {
  try {
    run();
  } catch (error) {
    if (error instanceof SystoleError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

function distance(a: Float32Array, b: Float32Array): number {
  let error = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    error += ((a[i] as number) - (b[i] as number)) ** 2;
    norm += (b[i] as number) ** 2;
  }
  return norm === 0 ? Math.sqrt(error) : Math.sqrt(error / norm);
}
