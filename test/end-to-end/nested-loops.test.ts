/** Loops in loops, and loops of very many trips: one of two is the region, and what cannot be says why. */
import { describe, expect, it } from 'vitest';
import { compile, explainFates, type Compilation } from '../../src/compiler/index.ts';
import type { Tensor } from '../../src/core/index.ts';
import type { Graph } from '../../src/graph/index.ts';
import { loadMachine } from '../../src/hw-configs/index.ts';
import { simulate } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';
import { expectSound, repeatsOf } from './region-programs.ts';

const one = (list: readonly number[]): number => list[0] as number;
const int = (n: number): Tensor => ({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(n)) });

/** A Scan over sequences: each runs through an LSTM that starts where the last one ended. */
function recurrentInScan(outer: number, steps: number): Graph {
  const b = writeGraph();
  const [s, x] = [b.input('s', [1, 1, 4]), b.input('x', [steps, 1, 3])];
  const [, h = -1] = b.node('LSTM', [x, b.weight([1, 16, 3]), b.weight([1, 16, 4]), null, null, s], { hidden_size: 4 }, { outputs: 2 });
  const w = writeGraph();
  const inputs = [w.input('s0', [1, 1, 4]), w.input('xs', [outer, steps, 1, 3])];
  return w.finish(...w.node('Scan', inputs, { body: b.finish(h, h), num_scan_inputs: 1 }, { outputs: 2 }));
}

/** s = tanh(s + t), `inner` times, and t = t / 2, `outer` times. */
function loopInLoop(outer: number, inner: number): Graph {
  const c = writeGraph();
  const [, go, s, t] = [c.input('i', [], 'int64'), c.input('go', [], 'bool'), c.input('s', [2, 4]), c.input('t', [2, 4])];
  const most = c.finish(go, ...c.node('Tanh', c.node('Add', [s, t])));
  const b = writeGraph();
  const [, on, s1, t1] = [b.input('i', [], 'int64'), b.input('go', [], 'bool'), b.input('s', [2, 4]), b.input('t', [2, 4])];
  const next = b.node('Loop', [b.constant(int(inner)), null, s1, t1], { body: most }, { captures: 1 });
  const half = b.constant({ dtype: 'float32', shape: [], data: Float32Array.of(0.5) });
  const body = b.finish(on, one(next), one(b.node('Mul', [t1, half])));
  const w = writeGraph();
  return w.finish(
    ...w.node('Loop', [w.constant(int(outer)), null, w.input('s0', [2, 4]), w.input('t0', [2, 4])], { body }, { outputs: 2 }),
  );
}

const trips = ({ executable }: Compilation): readonly number[] => repeatsOf(executable).map((r) => r.count);

describe('a loop in a loop', () => {
  it.each(['tiny-8x8', 'tiny-dot', 'small'] as const)(
    'is one region where the inner one is short, several where it is long, on %s',
    async (name) => {
      const machine = await testMachine(name);
      expect(trips(expectSound(loopInLoop(20, 3), machine, 'fp32'))).toEqual([20]);
      expect(trips(expectSound(loopInLoop(2, 20), machine, 'fp32'))).toEqual([20, 20]);
      expect(trips(expectSound(recurrentInScan(18, 3), machine, 'fp32', 18 * 3 * 16 * 7))).toEqual([18]);
    },
  );

  it('of too many nodes for a region around it is the region, and the outer one is written out', async () => {
    const machine = await testMachine('small');
    const options = { precision: 'fp32', dims: {}, calibration: null } as const;
    const compilation = compile(modelOf(recurrentInScan(18, 400)), machine, options);
    expect(trips(compilation)).toEqual(Array.from({ length: 18 }, () => 400));
    expect(compilation.executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
    expect(trips(compile(modelOf(loopInLoop(30, 5000)), machine, options))).toEqual(Array.from({ length: 30 }, () => 5000));
  });

  it('stays on the host where both are long, and says so', async () => {
    const options = { precision: 'fp32', dims: {}, calibration: null } as const;
    const { selection } = compile(modelOf(recurrentInScan(500, 400)), await testMachine('small'), options);
    const [{ reason, fix } = { reason: '', fix: '' }] = selection.kernels.filter((k) => k.kind === 'host');
    expect(reason).toContain('it is in a loop that is a repeated region, which holds no other');
    expect(fix).toContain('shorten the loop around it');
  });
});

describe('very many trips', () => {
  const steady = (count: number, most = count): Graph => {
    const b = writeGraph();
    const [i, go, s] = [b.input('i', [], 'int64'), b.input('go', [], 'bool'), b.input('s', [4])];
    const next = count === most ? s : one(b.node('Add', [s, one(b.node('Cast', [i], { to: 1 }))]));
    const w = writeGraph();
    return w.finish(
      ...w.node('Loop', [w.constant(int(count)), null, w.input('s0', [4])], { body: b.finish(go, ...b.node('Tanh', [next])) }),
    );
  };
  const options = { precision: 'fp32', dims: {}, calibration: null } as const;

  it('compile in no time, and are refused where every command would be simulated', async () => {
    const machine = await testMachine('small');
    const compilation = compile(modelOf(steady(1e9)), machine, options);
    expect(trips(compilation)).toEqual([1e9]);
    expect(() => simulate(compilation.executable, machine)).toThrow(/fewer iterations/);
  });

  it('that each need the number of the trip stay on the host, and say how many are followed', async () => {
    const { nodes } = explainFates(modelOf(steady(1e9, 1)), await testMachine('small'), options);
    expect(nodes[0]?.reason).toBe('more than 100000 trips would have to be followed before the run');
  });

  it('of a recurrent layer are a region where activations live in the core, too', async () => {
    const w = writeGraph();
    const inputs = [w.input('x', [2000, 1, 8]), w.weight([1, 32, 8]), w.weight([1, 32, 8])];
    const graph = w.finish(one(w.node('LSTM', inputs, { hidden_size: 8 }, { outputs: 2 })));
    const compilation = compile(modelOf(graph), await loadMachine({ preset: 'tpu-v1' }), { ...options, precision: 'auto' });
    expect(trips(compilation)).toEqual([2000]);
    expect(compilation.executable.programs[0]?.commands.length).toBeLessThan(500);
  });
});
