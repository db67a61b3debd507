/** Attention as one kernel: the same numbers as its parts, bit for bit, and no scores off chip. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrate, compile, lowerGraph, prepare, randomInputs, type Compilation } from '../../src/compiler/index.ts';
import type { Tensor } from '../../src/core/index.ts';
import { floatsOf, interpret, type Graph, type ValueId } from '../../src/graph/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import { assemble, computeBounds, decodeExecutable, disassemble, encodeExecutable, verifyExecutable } from '../../src/isa/index.ts';
import { programInputs } from '../../src/reports/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { graphInputs } from '../random/check.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

type Precision = 'fp32' | 'fp16' | 'bf16' | 'int8';

interface Sizes {
  readonly batch: number;
  readonly keyHeads: number;
  /** Query heads that share a key head. */
  readonly group: number;
  readonly queries: number;
  readonly keys: number;
  readonly size: number;
  readonly valueSize: number;
}

type Mask = 'none' | 'keys' | 'queries' | 'heads';

/** As exporters write it: keys turned, scores scaled, a mask added; heads that share a key are rows of one product. */
function attentionGraph(s: Sizes, mask: Mask, hidden: (query: number, key: number) => boolean, block?: number): Graph {
  const { batch, keyHeads, group, queries, keys, size, valueSize } = s;
  const w = writeGraph();
  const node = (op: string, inputs: readonly ValueId[], attributes = {}): ValueId => w.node(op, [...inputs], attributes)[0] ?? 0;
  const q = w.input('q', [batch, keyHeads, group * queries, size]);
  const k = w.input('k', [batch, keyHeads, keys, size]);
  const v = w.input('v', [batch, keyHeads, keys, valueSize]);
  const product = node('MatMul', [q, node('Transpose', [k], { perm: [0, 1, 3, 2] })]);
  let scores = node('Mul', [product, w.constant({ dtype: 'float32', shape: [], data: Float32Array.of(1 / Math.sqrt(size)) })]);
  if (mask !== 'none') {
    const shape = mask === 'keys' ? [1, 1, 1, keys] : mask === 'queries' ? [queries, keys] : [1, keyHeads * group, queries, keys];
    const count = shape.reduce((n, d) => n * d, 1);
    const data = Float32Array.from({ length: count }, (_, i) =>
      hidden(Math.floor(i / keys) % queries, i % keys) ? -Infinity : (i % 7) / 8,
    );
    const apart = node('Reshape', [scores, w.ints([batch, keyHeads * group, queries, keys])]);
    const masked = node('Add', [apart, w.constant({ dtype: 'float32', shape, data })]);
    const weights = block === undefined ? node('Softmax', [masked], { axis: -1 }) : masked;
    scores = node('Reshape', [weights, w.ints([batch, keyHeads, group * queries, keys])]);
  } else if (block === undefined) scores = node('Softmax', [scores], { axis: -1 });
  return w.finish(block === undefined ? node('MatMul', [scores, v]) : node('systole.SoftmaxMatMul', [scores, v], { block }));
}

function compiled(
  graph: Graph,
  machine: Machine,
  precision: Precision,
  inputs: ReadonlyMap<string, Tensor>,
  mappingSeed?: number,
): Compilation {
  const model = modelOf(graph);
  const calibration = precision === 'int8' ? calibrate(lowerGraph(prepare(model).graph).graph, [inputs]) : null;
  return compile(model, machine, { precision, dims: {}, calibration, ...(mappingSeed === undefined ? {} : { mappingSeed }) });
}

function expectSame({ executable, quantizedGraph }: Compilation, machine: Machine, inputs: ReadonlyMap<string, Tensor>): void {
  expect(verifyExecutable(executable, machine)).toEqual([]);
  const { outputs, diagnostics } = execute(executable, machine, programInputs(executable, inputs), { sanitize: true });
  expect(diagnostics).toEqual([]);
  const expected = interpret(quantizedGraph, graphInputs(quantizedGraph, inputs));
  expect([...outputs.keys()]).toEqual([...expected.keys()]);
  // Which NaN comes of a row that sees nothing is not promised: numbers are compared, not bits.
  for (const [name, tensor] of outputs) expect(floatsOf(tensor)).toEqual(floatsOf(expected.get(name) as Tensor));
}

const kinds = ({ selection }: Compilation): readonly string[] => selection.kernels.map((k) => k.kind);
const isJoined = (c: Compilation): boolean => kinds(c).includes('attention');

describe('attention', () => {
  it('equals the interpreter of its parts in any size, type and tiling', async () => {
    const names = ['tiny-8x8', 'tiny-dot', 'small', 'large'] as const;
    const machines = new Map(await Promise.all(names.map(async (name) => [name, await testMachine(name)] as const)));
    const few = fc.integer({ min: 1, max: 3 });
    const extent = fc.integer({ min: 1, max: 20 });
    let joined = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.constantFrom<Precision>('fp32', 'fp16', 'bf16', 'int8'),
        fc.record({ batch: few, keyHeads: few, group: few, queries: extent, keys: extent, size: extent, valueSize: extent }),
        fc.constantFrom<Mask>('none', 'keys', 'queries', 'heads'),
        fc.integer({ min: 0, max: 4 }),
        fc.option(fc.nat(1000), { nil: undefined }),
        (name, asked, sizes, mask, every, seed) => {
          const machine = machines.get(name);
          if (machine === undefined) return;
          const precision = name.startsWith('tiny') && (asked === 'fp16' || asked === 'bf16') ? 'fp32' : asked;
          // The first key is seen by all, so that calibration sees numbers.
          const graph = attentionGraph(sizes, mask, (i, j) => every > 0 && j > 0 && (i + j) % (every + 1) === 0);
          const inputs = randomInputs(graph, 3);
          const c = compiled(graph, machine, precision, inputs, seed);
          if (isJoined(c)) joined++;
          expectSame(c, machine, inputs);
        },
      ),
      { numRuns: 60 },
    );
    expect(joined).toBeGreaterThan(15);
  });

  it('in blocks of keys equals its definition in any size, type and tiling', async () => {
    const names = ['tiny-8x8', 'tiny-dot', 'small', 'large'] as const;
    const machines = new Map(await Promise.all(names.map(async (name) => [name, await testMachine(name)] as const)));
    const few = fc.integer({ min: 1, max: 2 });
    const extent = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.constantFrom<Precision>('fp32', 'fp16', 'bf16'),
        fc.record({ batch: few, keyHeads: few, group: few, queries: extent, keys: extent, size: extent, valueSize: extent }),
        fc.constantFrom<Mask>('none', 'keys', 'queries', 'heads'),
        fc.integer({ min: 1, max: 12 }),
        fc.option(fc.nat(1000), { nil: undefined }),
        (name, asked, sizes, mask, block, seed) => {
          const machine = machines.get(name);
          if (machine === undefined) return;
          const precision = name.startsWith('tiny') ? 'fp32' : asked;
          // Whole blocks are hidden from some rows, and whole rows see nothing.
          const graph = attentionGraph(sizes, mask, (i, j) => j > i || i === 3, block);
          const inputs = randomInputs(graph, 3);
          const c = compiled(graph, machine, precision, inputs, seed);
          expect(kinds(c)).toContain('attention');
          expectSame(c, machine, inputs);
        },
      ),
      { numRuns: 60 },
    );
  });

  const whole: Sizes = { batch: 1, keyHeads: 2, group: 1, queries: 32, keys: 48, size: 16, valueSize: 16 };

  it('keeps scores on chip: no tensor of theirs, less traffic, the same products, bounds below the cycles', async () => {
    const machine = await testMachine('small');
    const graph = attentionGraph(whole, 'none', () => false);
    const inputs = randomInputs(graph, 1);
    const c = compiled(graph, machine, 'fp32', inputs);
    expect(kinds(c)).toEqual(['attention']);
    const { batch, keyHeads, queries, keys, size, valueSize } = whole;
    const rows = batch * keyHeads * queries;
    expect(c.executable.kernels[0]).toMatchObject({ class: 'attention', engine: 'matrix', macs: rows * keys * (size + valueSize) });
    expect([...c.tensors().keys()]).toEqual(['q', 'k', 'v', 'matmul4_0']);
    const result = simulate(c.executable, machine);
    expect(result.totals.macs).toBe(rows * keys * (size + valueSize));
    // Whatever rows are taken together, a head's keys and values stay for all of them.
    const once = (rows * (size + valueSize) + batch * keyHeads * keys * (size + valueSize)) * 4;
    expect(result.totals.dramReadBytes + result.totals.dramWriteBytes).toBe(once);
    const { boundCycles, mappingBoundCycles } = computeBounds(c.executable, machine);
    expect(boundCycles).toBeLessThanOrEqual(mappingBoundCycles);
    expect(mappingBoundCycles).toBeLessThanOrEqual(result.totals.cycles);
    const ratio = (c.executable.kernels[0]?.estimateCycles ?? 0) / result.totals.cycles;
    expect(ratio).toBeGreaterThan(0.7);
    expect(ratio).toBeLessThan(1.3);
  });

  it('gives what its parts give where a row sees no key', async () => {
    const machine = await testMachine('small');
    const graph = attentionGraph({ ...whole, queries: 5 }, 'queries', (i, j) => i === 2 || j > 3 * i);
    for (const precision of ['fp32', 'fp16', 'bf16'] as const) {
      const inputs = randomInputs(graph, 2);
      const c = compiled(graph, machine, precision, inputs);
      expect(isJoined(c)).toBe(true);
      expectSame(c, machine, inputs);
    }
  });

  it('goes in blocks where rows are too long to take many, and says so', async () => {
    const machine = await testMachine('small', ['memories.scratchpad.size=16 KiB']);
    const long: Sizes = { batch: 1, keyHeads: 1, group: 2, queries: 64, keys: 300, size: 8, valueSize: 8 };
    for (const [precision, mask] of [
      ['fp32', 'none'],
      ['fp16', 'queries'],
    ] as const) {
      const graph = attentionGraph(long, mask, (i, j) => j > 4 * i + 100);
      const inputs = randomInputs(graph, 5);
      const c = compiled(graph, machine, precision, inputs);
      expect(c.quantizedGraph.nodes.map((n) => n.op)).toContain('SoftmaxMatMul');
      expect(c.executable.diagnostics.map((d) => d.code)).toContain('SYS4560');
      expectSame(c, machine, inputs);
      expect(c.executable.kernels.reduce((n, k) => n + k.macs, 0)).toBe(2 * 64 * 300 * 16);
      const { totals } = simulate(c.executable, machine);
      expect(computeBounds(c.executable, machine).mappingBoundCycles).toBeLessThanOrEqual(totals.cycles);
      // Nobody else's rounding: near what whole rows give.
      const [y] = interpret(graph, inputs).values();
      const [z] = interpret(c.quantizedGraph, graphInputs(c.quantizedGraph, inputs)).values();
      const tolerance = precision === 'fp32' ? 1e-6 : 4e-3;
      const [exact, blocks] = [floatsOf(y as Tensor), floatsOf(z as Tensor)];
      exact.forEach((value, i) => expect(Math.abs(value - (blocks[i] ?? 0))).toBeLessThan(tolerance));
    }
  });

  it('stays apart where somebody else reads scores or weights, and where tensors are on chip already', async () => {
    const machine = await testMachine('small');
    const graph = attentionGraph(whole, 'none', () => false);
    const inputs = randomInputs(graph, 1);
    for (const op of ['Softmax', 'Mul']) {
      const made = graph.nodes.find((n) => n.op === op)?.outputs[0] ?? 0;
      const c = compiled({ ...graph, outputs: [...graph.outputs, made] }, machine, 'fp32', inputs);
      expect(isJoined(c)).toBe(false);
      expectSame(c, machine, inputs);
    }
    const local = await testMachine('small', ['placement.activations=scratchpad', 'memories.scratchpad.size=256 KiB']);
    const c = compiled(graph, local, 'fp32', inputs);
    expect(isJoined(c)).toBe(false);
    expectSame(c, local, inputs);
  });

  it('is in files and texts of programs', async () => {
    const machine = await testMachine('tiny-8x8');
    const graph = attentionGraph(
      { batch: 1, keyHeads: 1, group: 1, queries: 3, keys: 5, size: 4, valueSize: 2 },
      'queries',
      (i, j) => j > i + 2,
    );
    const { executable } = compiled(graph, machine, 'fp32', randomInputs(graph, 1));
    const text = disassemble(executable);
    await expect(text).toMatchFileSnapshot('golden/attention.asm');
    expect(assemble(text).kernels).toEqual(executable.kernels);
    expect(decodeExecutable(encodeExecutable(executable, { weights: 'embed' })).kernels).toEqual(executable.kernels);
  });
});
