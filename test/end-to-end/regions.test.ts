/** Recurrent layers as repeated regions: programs with REPEAT compute what the interpreter does, on machines of all kinds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/compiler/index.ts';
import { totalMacs, type Graph } from '../../src/graph/index.ts';
import { disassemble, type Executable } from '../../src/isa/index.ts';
import { simulate } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';
import { expectSameWrittenOut, expectSound, repeatsOf } from './region-programs.ts';

interface Layer {
  readonly op: 'RNN' | 'GRU' | 'LSTM';
  readonly steps: number;
  readonly batch: number;
  readonly features: number;
  readonly hidden: number;
  readonly direction: 'forward' | 'reverse' | 'bidirectional';
  readonly layout: 0 | 1;
  readonly initial: boolean;
  readonly bias: boolean;
  /** Outputs asked for: the sequence, the last state, both (and an LSTM's cell). */
  readonly outputs: 'sequence' | 'last' | 'all';
  readonly linearBeforeReset: 0 | 1;
}

function graphOf(layer: Layer): Graph {
  const { op, steps, batch, features, hidden } = layer;
  const w = writeGraph(21, steps + hidden);
  const gates = { RNN: 1, GRU: 3, LSTM: 4 }[op];
  const d = layer.direction === 'bidirectional' ? 2 : 1;
  const state = (name: string): number => w.input(name, layer.layout === 1 ? [batch, d, hidden] : [d, batch, hidden]);
  const inputs = [
    w.input('x', layer.layout === 1 ? [batch, steps, features] : [steps, batch, features]),
    w.weight([d, gates * hidden, features]),
    w.weight([d, gates * hidden, hidden]),
    layer.bias ? w.weight([d, 2 * gates * hidden]) : null,
    null,
    ...(layer.initial ? [state('h')] : []),
    ...(layer.initial && op === 'LSTM' ? [state('c')] : []),
  ];
  const attributes = {
    hidden_size: hidden,
    direction: layer.direction,
    layout: layer.layout,
    ...(op === 'GRU' ? { linear_before_reset: layer.linearBeforeReset } : {}),
  };
  const made = w.node(op, inputs, attributes, { outputs: op === 'LSTM' ? 3 : 2 });
  const [y = 0, ...last] = made;
  return w.finish(...(layer.outputs === 'sequence' ? [y] : layer.outputs === 'last' ? last : made));
}

const layer: fc.Arbitrary<Layer> = fc.record({
  op: fc.constantFrom('RNN', 'GRU', 'LSTM'),
  steps: fc.constantFrom(1, 2, 17, 19),
  batch: fc.integer({ min: 1, max: 3 }),
  features: fc.integer({ min: 1, max: 9 }),
  hidden: fc.constantFrom(1, 3, 8, 12),
  direction: fc.constantFrom('forward', 'reverse', 'bidirectional'),
  layout: fc.constantFrom(0, 1),
  initial: fc.boolean(),
  bias: fc.boolean(),
  outputs: fc.constantFrom('sequence', 'last', 'all'),
  linearBeforeReset: fc.constantFrom(0, 1),
});

const plain: Layer = {
  op: 'LSTM',
  steps: 0,
  batch: 1,
  features: 3,
  hidden: 4,
  direction: 'forward',
  layout: 0,
  initial: false,
  bias: true,
  outputs: 'all',
  linearBeforeReset: 0,
};

/** How many random layers; the sanitizer follows every byte of the scratchpads, which are large there. */
const runs = { 'tiny-8x8': 6, 'tiny-dot': 6, small: 6, large: 2 } as const;

describe('recurrent layers', () => {
  it.each(['tiny-8x8', 'tiny-dot', 'small', 'large'] as const)('of any form, on %s', async (name) => {
    const machine = await testMachine(name);
    fc.assert(
      fc.property(layer, fc.constantFrom('fp32', 'int8'), (one, precision) => {
        const { executable } = expectSound(graphOf(one), machine, precision);
        const regions = one.direction === 'bidirectional' ? 2 : 1;
        expect(repeatsOf(executable).map((r) => r.count)).toEqual(Array.from({ length: one.steps > 16 ? regions : 0 }, () => one.steps));
        expectSameWrittenOut(executable, machine);
      }),
      { numRuns: runs[name], seed: 7 },
    );
  });

  it('of two thousand steps repeat as few commands as those of twenty', async () => {
    const machine = await testMachine('small');
    const [short, long] = [20, 2000].map((steps) => {
      const graph = graphOf({ ...plain, steps });
      const { executable } = compile(modelOf(graph), machine, { precision: 'fp32', dims: {}, calibration: null });
      expect(executable.model.macs).toBe(totalMacs(graph));
      return executable;
    }) as [Executable, Executable];
    const [once] = repeatsOf(short);
    expect(repeatsOf(long)).toEqual([{ ...once, count: 2000 }]);
    expect(long.programs[0]?.commands.length).toBeLessThan(500);
    const [a, b] = [short, long].map((one) => simulate(one, machine).totals.cycles);
    // A hundred times as long, but for what lies in front and behind.
    expect((b ?? 0) / (a ?? 1)).toBeGreaterThan(80);
    expect((b ?? 0) / (a ?? 1)).toBeLessThan(105);
  });

  it('as text', async () => {
    const { executable } = expectSound(graphOf({ ...plain, steps: 18 }), await testMachine('tiny-8x8'), 'fp32');
    await expect(disassemble(executable)).toMatchFileSnapshot('golden/lstm.asm');
  });
});
