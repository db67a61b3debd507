/**
 * Moves that would cross to memory in pieces shorter than a burst are assembled on chip: any permutation, interleaving, repetition or
 * selection of elements of any type, on scratchpads down to 16 KiB, leaves exactly what the operators mean, races and unwritten bytes apart.
 */
import { describe, expect, it } from 'vitest';
import { seededRandom, type DType, type Random } from '../../src/core/index.ts';
import { compile, randomInputs } from '../../src/compiler/index.ts';
import { interpret, type Graph } from '../../src/graph/index.ts';
import { verifyExecutable, type Executable } from '../../src/isa/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

function expectMoved(graph: Graph, machine: Machine, what: string): Executable {
  const { executable } = compile(modelOf(graph), machine, { precision: 'fp32', dims: {}, calibration: null });
  expect(
    executable.kernels.map((k) => k.engine),
    what,
  ).not.toContain('host');
  expect(verifyExecutable(executable, machine), what).toEqual([]);
  const inputs = randomInputs(graph, 1);
  const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
  expect(diagnostics, what).toEqual([]);
  for (const [name, tensor] of interpret(graph, inputs)) expect(outputs.get(name), what).toEqual(tensor);
  const { totals } = simulate(executable, machine);
  expect(totals.boundCycles, what).toBeLessThanOrEqual(totals.cycles);
  return executable;
}

const dtypes: readonly DType[] = ['int8', 'uint8', 'bool', 'int16', 'int32', 'float32', 'int64'];

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.integer(0, items.length - 1)] as T;
}

function shapeOf(random: Random, rank: number, most: number): number[] {
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const count = shape.reduce((n, e) => n * e, 1);
    shape.push(random.integer(1, Math.max(1, Math.min(random.next() < 0.3 ? 70 : 9, Math.floor(most / count)))));
  }
  return shape;
}

/** One move of a random shape and type. */
function randomMove(random: Random): Graph {
  const w = writeGraph();
  const dtype = pick(random, dtypes);
  const shape = shapeOf(random, 4, 4000);
  const x = w.input('x', shape, dtype);
  const axis = random.integer(0, 3);
  const node = (op: string, more: readonly (number | null)[], attributes: Parameters<typeof w.node>[2] = {}): Graph =>
    w.finish(...w.node(op, [x, ...more], attributes));
  switch (random.integer(0, 8)) {
    case 0:
    case 1: {
      const perm = [0, 1, 2, 3];
      for (let i = 3; i > 0; i--) {
        const j = random.integer(0, i);
        [perm[i], perm[j]] = [perm[j] ?? 0, perm[i] ?? 0];
      }
      return node('Transpose', [], { perm });
    }
    case 2: {
      const others = Array.from({ length: random.integer(1, 3) }, (_, i) =>
        w.input(
          `y${i}`,
          shape.map((e, d) => (d === axis ? random.integer(1, 20) : e)),
          dtype,
        ),
      );
      return node('Concat', others, { axis });
    }
    case 3: {
      const scales = [1, 1, random.integer(1, 3), random.integer(1, 4)];
      return node('Resize', [null, w.constant({ dtype: 'float32', shape: [4], data: Float32Array.from(scales) })], {});
    }
    case 4: {
      const b = random.integer(1, 3);
      const wide = w.input('wide', [1, random.integer(1, 5) * b * b, random.integer(1, 30), random.integer(1, 30)], dtype);
      return w.finish(...w.node('DepthToSpace', [wide], { blocksize: b, mode: pick(random, ['DCR', 'CRD']) }));
    }
    case 5: {
      const b = random.integer(1, 3);
      const tall = w.input('tall', [2, random.integer(1, 5), b * random.integer(1, 20), b * random.integer(1, 20)], dtype);
      return w.finish(...w.node('SpaceToDepth', [tall], { blocksize: b }));
    }
    case 6: {
      const steps = shape.map(() => pick(random, [1, 1, 2, 3, -1, -2]));
      const starts = steps.map((s, i) => (s > 0 ? Math.min(random.integer(0, 2), (shape[i] ?? 1) - 1) : (shape[i] ?? 1) - 1));
      const ends = steps.map((s) => (s > 0 ? 1000 : -1000));
      return node('Slice', [w.ints(starts), w.ints(ends), w.ints([0, 1, 2, 3]), w.ints(steps)]);
    }
    case 7: {
      const pads = Array.from({ length: 8 }, () => random.integer(0, 3));
      return node('Pad', [w.ints(pads)], { mode: 'constant' });
    }
    default:
      return node('Tile', [w.ints(shape.map(() => random.integer(1, 3)))]);
  }
}

describe('assembled moves', () => {
  it.each([
    ['tiny-8x8', 'memories.scratchpad.size=16 KiB'],
    ['tiny-8x8', 'memories.scratchpad.size=4 KiB'],
    ['tiny-dot', 'memories.scratchpad.size=16 KiB'],
    ['large', 'memories.dram.burst=128 B'],
  ] as const)('100 of them on %s with %s are right, clean and no faster than bounds', { timeout: 120_000 }, async (name, setting) => {
    const machine = await testMachine(name, [setting]);
    let assembled = 0;
    for (let seed = 0; seed < 100; seed++) {
      const graph = randomMove(seededRandom(seed));
      const executable = expectMoved(graph, machine, `seed ${seed}: ${graph.nodes.map((n) => n.op).join()}`);
      if (executable.kernels.some((k) => k.mapping.includes('assembled'))) assembled++;
    }
    expect(assembled).toBeGreaterThan(20);
  });

  it('a transpose takes a block in both directions: every burst is whole', async () => {
    const machine = await testMachine('tiny-8x8', ['memories.scratchpad.size=16 KiB']);
    const w = writeGraph();
    const executable = expectMoved(
      w.finish(...w.node('Transpose', [w.input('x', [256, 192], 'int8')], { perm: [1, 0] })),
      machine,
      'transpose',
    );
    const dram = simulate(executable, machine).memories.find((m) => m.name === 'dram');
    expect(dram?.movedBytes).toBe(2 * 256 * 192);
  });

  it('weaving two images column by column moves every byte once each way', async () => {
    const machine = await testMachine('tiny-8x8', ['memories.scratchpad.size=16 KiB']);
    const w = writeGraph();
    const parts = ['a', 'b'].map((name) => w.input(name, [4, 64, 64, 1], 'int8'));
    const executable = expectMoved(w.finish(...w.node('Concat', parts, { axis: 3 })), machine, 'weave');
    const dram = simulate(executable, machine).memories.find((m) => m.name === 'dram');
    expect(dram?.movedBytes).toBe(4 * 4 * 64 * 64);
  });
});
