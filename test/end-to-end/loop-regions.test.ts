/** Loop and Scan as repeated regions: what they carry, hand out, stack and know beforehand, on machines of all kinds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/compiler/index.ts';
import type { Tensor } from '../../src/core/index.ts';
import type { Graph } from '../../src/graph/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';
import { expectSameWrittenOut, expectSound, repeatsOf } from './region-programs.ts';

const i64 = (shape: readonly number[], list: readonly number[]): Tensor => ({
  dtype: 'int64',
  shape,
  data: BigInt64Array.from(list, BigInt),
});
const yes: Tensor = { dtype: 'bool', shape: [], data: Uint8Array.of(1) };

interface Done {
  readonly next: readonly [number, number];
  readonly made: readonly number[];
}
type Doing = (b: GraphWriter, s: number, t: number, x: number, w: number) => Done;

const one = (list: readonly number[]): number => list[0] as number;

/** An operator that no engine runs. */
const onHost = (b: GraphWriter, x: number): number => one(b.node('Trilu', [x], { upper: 0 }));

/** What a body does to what it carries (s, t), an entry x and weights w from outside: [2, 4] each, w [8, 4]. */
const doings: Readonly<Record<string, Doing>> = {
  sum: (b, s, t, x) => ({ next: [one(b.node('Relu', b.node('Add', [s, x]))), t], made: [] }),
  'values change places': (b, s, t, x) => ({ next: [t, one(b.node('Add', [s, x]))], made: [] }),
  'what is carried is stacked': (b, s, t, x) => {
    const next = one(b.node('Tanh', b.node('Add', [s, x])));
    return { next: [next, one(b.node('Mul', [t, next]))], made: [next] };
  },
  'one value carried twice and stacked twice': (b, s, _, x) => {
    const next = one(b.node('Sub', [x, s]));
    return { next: [next, next], made: [next, next] };
  },
  'what was found is stacked': (b, s, t, x) => ({ next: [one(b.node('Add', [s, t])), x], made: [x, t] }),
  'products, joined operands': (b, s, t, x, w) => {
    const next = one(b.node('MatMul', [one(b.node('Concat', [s, x], { axis: 1 })), w]));
    return { next: [next, one(b.node('Add', [t, next]))], made: [one(b.node('Softmax', [next]))] };
  },
  'the old is read behind the new': (b, s, t, x) => {
    const next = one(b.node('Add', [s, x]));
    const turned = one(b.node('Transpose', [one(b.node('Mul', [s, t]))], { perm: [1, 0] }));
    return { next: [next, one(b.node('Transpose', [turned], { perm: [1, 0] }))], made: [turned] };
  },
  'no engine runs a part': (b, s, t, x) => {
    const next = onHost(b, one(b.node('Add', [s, x])));
    return { next: [next, one(b.node('Sub', [t, next]))], made: [next] };
  },
  'the host reads what lies where the next trip begins to write': (b, s, t, x) => {
    const turned = one(b.node('Softmax', [one(b.node('Transpose', [x], { perm: [1, 0] }))], { axis: 0 }));
    const sum = one(b.node('Add', [s, one(b.node('Transpose', [turned], { perm: [1, 0] }))]));
    return { next: [onHost(b, sum), t], made: [] };
  },
};

const picks = ['up', 'down', 'scattered', 'the number itself'] as const;
type Pick = (typeof picks)[number];

/** Runs from 0 to trips - 1 by its trip count, or, `ends`, until a counter that it carries says so. */
function loopOf(doing: Doing, trips: number, pick: Pick, ends: boolean): Graph {
  const b = writeGraph();
  const [i, go] = [b.input('i', [], 'int64'), b.input('go', [], 'bool')];
  const [s, t, counter] = [b.input('s', [2, 4]), b.input('t', [2, 4]), b.input('counter', [], 'int64')];
  const [x, weights] = [b.input('x', [20, 2, 4]), b.input('w', [8, 4])];
  const int = (n: number): number => b.constant(i64([], [n]));
  const less = one(b.node('Sub', [counter, int(1)]));
  const entry = (): number => {
    if (pick === 'the number itself') return one(b.node('Mul', [s, one(b.node('Cast', [i], { to: 1 }))]));
    const squared = (): number => one(b.node('Mod', [one(b.node('Mul', [i, i])), int(20)]));
    return one(b.node('Gather', [x, pick === 'up' ? i : pick === 'down' ? counter : squared()]));
  };
  const { next, made } = doing(b, s, t, entry(), weights);
  const more = ends ? one(b.node('Greater', [less, int(19 - trips)])) : go;
  const body = b.finish(more, ...next, less, ...made);
  const w = writeGraph();
  const count = w.constant(i64([], [ends ? 1000 : trips]));
  const inputs = [
    count,
    ends ? w.constant(yes) : null,
    w.input('s0', [2, 4]),
    w.weight([2, 4]),
    w.constant(i64([], [19])),
    w.input('xs', [20, 2, 4]),
    w.weight([8, 4]),
  ];
  const outputs = w.node('Loop', inputs, { body }, { outputs: 3 + made.length, captures: 2 });
  return w.finish(...outputs.filter((_, k) => k !== 2));
}

interface ScanForm {
  readonly axis: 0 | 1 | 2;
  readonly inputBackward: 0 | 1;
  readonly outputBackward: 0 | 1;
  readonly outputAxis: 0 | 1 | 2;
}

/** Over one tensor twice, from both ends perhaps. */
function scanOf(doing: Doing, steps: number, form: ScanForm): Graph {
  const b = writeGraph();
  const [s, t, x, y, weights] = [
    b.input('s', [2, 4]),
    b.input('t', [2, 4]),
    b.input('x', [2, 4]),
    b.input('y', [2, 4]),
    b.input('w', [8, 4]),
  ];
  const { next, made } = doing(b, s, t, one(b.node('Add', [x, y])), weights);
  const body = b.finish(...next, ...made);
  const w = writeGraph();
  const shape = [2, 4];
  shape.splice(form.axis, 0, steps);
  const xs = w.input('xs', shape);
  const attributes = {
    body,
    num_scan_inputs: 2,
    scan_input_axes: [form.axis, form.axis],
    scan_input_directions: [0, form.inputBackward],
    scan_output_axes: made.map(() => form.outputAxis),
    scan_output_directions: made.map(() => form.outputBackward),
  };
  const inputs = [w.input('s0', [2, 4]), w.input('t0', [2, 4]), xs, xs, w.weight([8, 4])];
  return w.finish(...w.node('Scan', inputs, attributes, { outputs: 2 + made.length, captures: 1 }));
}

/** [2, 8] times [8, 4] a trip. */
const macsOf = (doing: string, trips: number): number => (doing.startsWith('products') ? 64 * trips : 0);

const names = fc.constantFrom(...Object.keys(doings));
const machines = ['tiny-8x8', 'tiny-dot', 'small', 'large'] as const;
/** How many random loops; the sanitizer follows every byte of the scratchpads, which are large there. */
const runs = { 'tiny-8x8': 6, 'tiny-dot': 6, small: 6, large: 2 } as const;

describe('loops', () => {
  it.each(Object.keys(doings))('%s', async (doing) => {
    const machine = await testMachine('small');
    const form: ScanForm = { axis: 1, inputBackward: 1, outputBackward: 1, outputAxis: 0 };
    for (const precision of ['fp32', 'int8'] as const) {
      const { executable } = expectSound(scanOf(doings[doing] as Doing, 17, form), machine, precision, macsOf(doing, 17));
      expect(repeatsOf(executable).map((r) => r.count)).toEqual([17]);
      expect(executable.kernels.some((k) => k.engine === 'host')).toBe(doing.includes('no engine') || doing.includes('host'));
    }
  });

  it('of ten thousand trips are no longer than of three hundred', async () => {
    const machine = await testMachine('small');
    const graphs = [300, 10_000].map((trips) => {
      const b = writeGraph();
      const [i, go, s] = [b.input('i', [], 'int64'), b.input('go', [], 'bool'), b.input('s', [2, 4])];
      const step = b.input('step', [2, 4]);
      const [number = 0] = b.node('Cast', [i], { to: 1 });
      const body = b.finish(go, ...b.node('Sub', [one(b.node('Mul', [step, number])), s]));
      const w = writeGraph();
      const inputs = [w.constant(i64([], [trips])), null, w.input('s0', [2, 4]), w.input('x', [2, 4])];
      return w.finish(...w.node('Loop', inputs, { body }, { captures: 1 }));
    });
    const [short, long] = graphs as [Graph, Graph];
    const { executable } = compile(modelOf(long), machine, { precision: 'fp32', dims: {}, calibration: null });
    const [once] = repeatsOf(expectSound(short, machine, 'fp32').executable);
    expect(repeatsOf(executable)).toEqual([{ ...once, count: 10_000 }]);
    expect(executable.programs[0]?.commands.length).toBeLessThan(200);
  });

  it.each([0, 1, 2, 16, 17])('of %i trips', async (trips) => {
    const machine = await testMachine('small');
    const graph = loopOf(doings['what is carried is stacked'] as Doing, trips, 'up', false);
    const { executable } = expectSound(graph, machine, 'fp32');
    expect(executable.hostSegments.filter((segment) => segment.graph.includes('Loop'))).toEqual([]);
    expect(repeatsOf(executable).map((r) => r.count)).toEqual(trips > 16 ? [trips] : []);
  });

  it('whose bodies bring their own quantization', async () => {
    const machine = await testMachine('small');
    const b = writeGraph();
    const [s, x, weights] = [b.input('s', [2, 8]), b.input('x', [2, 8]), b.input('w', [8, 8])];
    const held = (v: number, scale: number): number => {
      const form = [
        b.constant({ dtype: 'float32', shape: [], data: Float32Array.of(scale) }),
        b.constant({ dtype: 'int8', shape: [], data: Int8Array.of(0) }),
      ];
      return one(b.node('DequantizeLinear', [one(b.node('QuantizeLinear', [v, ...form])), ...form]));
    };
    const next = held(one(b.node('MatMul', [held(one(b.node('Add', [held(s, 0.05), x])), 0.1), weights])), 0.07);
    const w = writeGraph();
    const inputs = [w.input('s0', [2, 8]), w.input('xs', [18, 2, 8]), w.weight([8, 8])];
    const graph = w.finish(...w.node('Scan', inputs, { body: b.finish(next, next), num_scan_inputs: 1 }, { outputs: 2, captures: 1 }));
    const { executable } = expectSound(graph, machine, 'auto', 18 * 2 * 8 * 8);
    expect(repeatsOf(executable).map((r) => r.count)).toEqual([18]);
  });

  it.each(machines)('of known trip count, on %s', async (name) => {
    const machine = await testMachine(name);
    const arbitrary = fc.tuple(
      names,
      fc.constantFrom(1, 3, 17, 20),
      fc.constantFrom(...picks),
      fc.boolean(),
      fc.constantFrom('fp32', 'int8'),
    );
    fc.assert(
      fc.property(arbitrary, ([doing, trips, pick, ends, precision]) => {
        const { executable } = expectSound(loopOf(doings[doing] as Doing, trips, pick, ends), machine, precision, macsOf(doing, trips));
        expect(repeatsOf(executable).map((r) => r.count)).toEqual(trips > 16 ? [trips] : []);
        expectSameWrittenOut(executable, machine);
      }),
      { numRuns: runs[name], seed: 11 },
    );
  });

  it.each(machines)('over sequences, on %s', async (name) => {
    const machine = await testMachine(name);
    const form: fc.Arbitrary<ScanForm> = fc.record({
      axis: fc.constantFrom(0, 1, 2),
      inputBackward: fc.constantFrom(0, 1),
      outputBackward: fc.constantFrom(0, 1),
      outputAxis: fc.constantFrom(0, 1, 2),
    });
    fc.assert(
      fc.property(names, fc.constantFrom(1, 17, 18), form, fc.constantFrom('fp32', 'int8'), (doing, steps, scan, precision) => {
        const { executable } = expectSound(scanOf(doings[doing] as Doing, steps, scan), machine, precision, macsOf(doing, steps));
        expect(repeatsOf(executable).map((r) => r.count)).toEqual(steps > 16 ? [steps] : []);
        expectSameWrittenOut(executable, machine);
      }),
      { numRuns: runs[name], seed: 12 },
    );
  });
});
