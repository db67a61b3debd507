/** What puts elements elsewhere or weighs neighbours, in float32: the program has the interpreter's bits, or its numbers where it says near. */
import { describe, expect, it } from 'vitest';
import { compile, randomInputs } from '../../src/compiler/index.ts';
import { interpret, numbersOf, totalMacs, type Graph } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

async function expectOnEngines(graph: Graph, near: number = 0): Promise<void> {
  const machine = await testMachine('small');
  const inputs = randomInputs(graph, 5);
  const { executable } = compile(modelOf(graph), machine, { precision: 'fp32', dims: {}, calibration: null });
  expect(executable.kernels.filter((k) => k.engine === 'host').map((k) => k.name)).toEqual([]);
  expect(executable.model.macs).toBe(totalMacs(graph));
  expect(verifyExecutable(executable, machine)).toEqual([]);
  const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
  expect(diagnostics).toEqual([]);
  for (const [name, want] of interpret(graph, inputs)) {
    const got = outputs.get(name);
    if (got === undefined) throw new Error(`no output ${name}`);
    expect([got.dtype, got.shape]).toEqual([want.dtype, want.shape]);
    const [g, e] = [numbersOf(got), numbersOf(want)];
    const largest = Math.max(...Array.from(e, Math.abs));
    expect(Math.max(...Array.from(e, (x, i) => Math.abs(x - (g[i] ?? NaN))))).toBeLessThanOrEqual(near * largest);
  }
}

type Attributes = Parameters<GraphWriter['node']>[2];

function floats(w: GraphWriter, ...numbers: readonly number[]): number {
  return w.constant({ dtype: 'float32', shape: [numbers.length], data: Float32Array.from(numbers) });
}

describe('Resize', () => {
  const resize = (scales: readonly number[], attributes: Attributes, shape: readonly number[] = [1, 2, 12, 10]): Graph => {
    const w = writeGraph();
    return w.finish(...w.node('Resize', [w.input('x', shape), null, floats(w, ...scales)], attributes));
  };

  it.each([
    ['doubled, phase by phase', [1, 1, 2, 2], { mode: 'linear' }],
    ['three times, corners aligned: no phases', [1, 1, 3, 3], { mode: 'linear', coordinate_transformation_mode: 'align_corners' }],
    ['by a fraction', [1, 1, 1.3, 0.7], { mode: 'linear', coordinate_transformation_mode: 'asymmetric' }],
    ['cubic', [1, 1, 2, 2], { mode: 'cubic' }],
    ['cubic without what is outside', [1, 1, 2, 0.5], { mode: 'cubic', exclude_outside: 1 }],
    ['antialiased', [1, 1, 0.5, 0.4], { mode: 'linear', antialias: 1 }],
    ['nearest, up and down', [1, 1, 1.7, 0.6], { mode: 'nearest', nearest_mode: 'ceil' }],
  ] as const)('%s', async (_, scales, attributes) => {
    await expectOnEngines(resize(scales, attributes));
  });

  it('nearest in more pieces than one move has: axis by axis', async () => {
    await expectOnEngines(resize([1, 1, 1.37, 1.37], { mode: 'nearest' }, [1, 1, 64, 64]));
  });

  it('integers are rounded and saturate', async () => {
    const w = writeGraph();
    await expectOnEngines(
      w.finish(...w.node('Resize', [w.input('x', [1, 1, 12, 5], 'uint8'), null, floats(w, 1, 1, 2, 2)], { mode: 'cubic' })),
    );
  });

  it('a crop leaves the image', async () => {
    const w = writeGraph();
    const sizes = w.ints([1, 1, 6, 6]);
    const inputs = [w.input('x', [1, 1, 5, 5]), floats(w, 0, 0, -0.4, 0.3, 1, 1, 0.6, 1.4), null, sizes];
    const attributes = { coordinate_transformation_mode: 'tf_crop_and_resize', extrapolation_value: { float: 7 } };
    await expectOnEngines(w.finish(...w.node('Resize', inputs, { ...attributes, mode: 'linear' })));
    const v = writeGraph();
    const again = [v.input('x', [1, 1, 5, 5]), floats(v, 0, 0, -0.4, 0.3, 1, 1, 0.6, 1.4), null, v.ints([1, 1, 6, 6])];
    await expectOnEngines(v.finish(...v.node('Resize', again, { ...attributes, mode: 'nearest' })));
  });
});

describe('transforms', () => {
  it.each([
    ['real, one-sided', [2, 12, 3, 1], 1, { onesided: 1 }],
    ['complex, inverse', [2, 5, 6, 2], 2, { inverse: 1 }],
  ] as const)('DFT, %s: a product with a constant, whose MACs are nobody’s', async (_, shape, axis, attributes) => {
    const w = writeGraph();
    const at = w.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(axis)) });
    await expectOnEngines(w.finish(...w.node('DFT', [w.input('x', shape), null, at], attributes)), 2 ** -20);
  });

  it('STFT with a window of the run', async () => {
    const w = writeGraph();
    const step = w.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(4n) });
    await expectOnEngines(w.finish(...w.node('STFT', [w.input('x', [2, 30, 1]), step, w.input('window', [8])])), 2 ** -20);
  });
});

describe('windows', () => {
  it.each([1, 2, 3])('LpPool, p = %i', async (p) => {
    const w = writeGraph();
    const attributes = { p, kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] };
    await expectOnEngines(w.finish(...w.node('LpPool', [w.input('x', [1, 2, 7, 6])], attributes)), 2 ** -20);
  });

  it('Col2Im: blocks that overlap add', async () => {
    const w = writeGraph();
    const inputs = [w.input('x', [1, 8, 12]), w.ints([5, 7]), w.ints([2, 2])];
    await expectOnEngines(w.finish(...w.node('Col2Im', inputs, { strides: [2, 2], pads: [1, 0, 0, 1], dilations: [1, 1] })));
  });
});

describe('with numbers of the run', () => {
  it('Pad', async () => {
    const w = writeGraph();
    await expectOnEngines(w.finish(...w.node('Pad', [w.input('x', [3, 4]), w.ints([1, -1, 0, 2]), w.input('value', [])])));
  });

  it('AffineGrid', async () => {
    const w = writeGraph();
    await expectOnEngines(w.finish(...w.node('AffineGrid', [w.input('theta', [2, 2, 3]), w.ints([2, 3, 4, 5])])));
  });

  it('CenterCropPad', async () => {
    const w = writeGraph();
    await expectOnEngines(w.finish(...w.node('CenterCropPad', [w.input('x', [5, 8, 3]), w.ints([9, 3, 3])])));
  });
});

describe('running states', () => {
  it.each(['linear', 'gated', 'delta', 'gated_delta'])('LinearAttention, %s', async (rule) => {
    const w = writeGraph(27);
    const shapes = [
      [2, 3, 16],
      [2, 3, 8],
      [2, 3, 10],
      [2, 2, 4, 5],
      [2, 3, 2],
      [2, 3, 2],
    ];
    const inputs = shapes.map((shape, i) => w.input(`x${i}`, shape));
    const attributes = { q_num_heads: 4, kv_num_heads: 2, update_rule: rule };
    await expectOnEngines(w.finish(...w.node('LinearAttention', inputs, attributes, { outputs: 2 })), 2 ** -18);
  });

  it('CausalConvWithState', async () => {
    const w = writeGraph(27);
    const inputs = [w.input('x', [2, 3, 7]), w.input('w', [3, 1, 4]), w.input('b', [3]), w.input('past', [2, 3, 3])];
    await expectOnEngines(w.finish(...w.node('CausalConvWithState', inputs, { activation: 'silu' }, { outputs: 2 })), 2 ** -20);
  });
});

it('sizes and what they make are constants, also as outputs', async () => {
  const w = writeGraph();
  const x = w.input('x', [3, 5]);
  const [shape = -1] = w.node('Shape', [x]);
  const [eye = -1] = w.node('EyeLike', [x], { k: 1 });
  await expectOnEngines(w.finish(shape, eye, ...w.node('Size', [x]), ...w.node('Relu', [x])));
});
