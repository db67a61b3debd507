/** DeformConv as look-ups and a product, and positions in int8 programs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrate, compile, lowerGraph, prepare, randomInputs } from '../../src/compiler/index.ts';
import { isTensor } from '../../src/core/index.ts';
import { interpret, numbersOf, type Graph } from '../../src/graph/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';
import { expectSound } from './region-programs.ts';

interface Form {
  readonly batch: number;
  /** Channels of an offset group, and how many there are. */
  readonly part: number;
  readonly offsetGroups: 1 | 2;
  readonly groups: 1 | 2;
  readonly size: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly bias: boolean;
  readonly mask: boolean;
}

const form: fc.Arbitrary<Form> = fc.record({
  batch: fc.constantFrom(1, 2),
  part: fc.constantFrom(2, 4),
  offsetGroups: fc.constantFrom(1, 2),
  groups: fc.constantFrom(1, 2),
  size: fc.tuple(fc.integer({ min: 5, max: 8 }), fc.integer({ min: 5, max: 8 })),
  kernel: fc.tuple(fc.constantFrom(1, 2, 3), fc.constantFrom(1, 3)),
  strides: fc.tuple(fc.constantFrom(1, 2), fc.constantFrom(1, 2)),
  dilations: fc.tuple(fc.constantFrom(1, 2), fc.constantFrom(1, 2)),
  pads: fc.tuple(fc.constantFrom(0, 1), fc.constantFrom(0, 1), fc.constantFrom(0, 1), fc.constantFrom(0, 1)),
  bias: fc.boolean(),
  mask: fc.boolean(),
});

/** Offsets come from a convolution of the image, as in detection networks, or are inputs. */
function graphOf(f: Form, computed: boolean): Graph {
  const w = writeGraph();
  const channels = f.part * f.offsetGroups;
  const x = w.input('x', [f.batch, channels, ...f.size]);
  const [oh = 1, ow = 1] = f.size.map((extent, i) => {
    const taps = ((f.kernel[i] ?? 1) - 1) * (f.dilations[i] ?? 1) + 1;
    return Math.floor((extent + (f.pads[i] ?? 0) + (f.pads[i + 2] ?? 0) - taps) / (f.strides[i] ?? 1)) + 1;
  });
  const wide = f.offsetGroups * f.kernel[0] * f.kernel[1];
  const window = { strides: f.strides, dilations: f.dilations, pads: f.pads };
  const offset = computed
    ? (w.node('Conv', [x, w.weight([2 * wide, channels, ...f.kernel], 0.3)], window)[0] as number)
    : w.input('offset', [f.batch, 2 * wide, oh, ow]);
  const operands = [
    x,
    w.weight([6, channels / f.groups, ...f.kernel]),
    offset,
    f.bias ? w.weight([6]) : null,
    ...(f.mask ? [w.input('mask', [f.batch, wide, oh, ow])] : []),
  ];
  return w.finish(...w.node('DeformConv', operands, { ...window, group: f.groups, offset_group: f.offsetGroups }));
}

const plain: Form = {
  batch: 1,
  part: 4,
  offsetGroups: 1,
  groups: 1,
  size: [12, 12],
  kernel: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  pads: [1, 1, 1, 1],
  bias: true,
  mask: true,
};

describe('DeformConv', () => {
  it.each(['tiny-8x8', 'tiny-dot', 'small', 'large'] as const)('of any form, on %s', async (name) => {
    const machine = await testMachine(name);
    fc.assert(
      fc.property(form, fc.boolean(), (f, computed) => {
        const graph = graphOf(f, computed);
        const { executable } = expectSound(graph, machine, 'fp32');
        expect(executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
        const inputs = randomInputs(graph, 3);
        const [mine] = execute(executable, machine, inputs, { sanitize: false }).outputs.values();
        const [asked] = interpret(graph, inputs).values();
        if (mine === undefined || asked === undefined || !isTensor(asked)) throw new Error('no output');
        const theirs = numbersOf(asked);
        Array.from(numbersOf(mine)).forEach((x, i) => expect(x).toBeCloseTo(theirs[i] ?? NaN, 4));
      }),
      { numRuns: name === 'large' ? 2 : 5, seed: 4 },
    );
  });

  it('keeps positions in float32 in an int8 program', async () => {
    const machine = await testMachine('small');
    const graph = graphOf(plain, true);
    const inputs = randomInputs(graph, 3);
    const calibration = calibrate(lowerGraph(prepare(modelOf(graph)).graph).graph, [inputs]);
    const { executable, selection, quantizedGraph } = compile(modelOf(graph), machine, { precision: 'int8', dims: {}, calibration });
    const floors = selection.kernels.filter((k) => k.nodes.some((n) => n.op === 'Floor'));
    expect(floors.map((k) => k.dtype)).toEqual(['float32', 'float32']);
    expect(selection.kernels.filter((k) => k.engine === 'matrix').map((k) => k.dtype)).toEqual(['int8', 'int8']);
    const [mine] = execute(executable, machine, inputs, { sanitize: true }).outputs.values();
    const [asked] = interpret(graph, inputs).values();
    if (mine === undefined || asked === undefined || !isTensor(asked)) throw new Error('no output');
    const held = quantizedGraph.values[quantizedGraph.outputs[0] as number]?.quantization;
    const [scale = 1, zero = 0] = [held?.scale[0], held?.zeroPoint[0]];
    const [a, b] = [Array.from(numbersOf(mine), (q) => (q - zero) * scale), Array.from(numbersOf(asked))];
    const energy = (list: readonly number[]): number => list.reduce((n, x) => n + x * x, 0);
    expect(10 * Math.log10(energy(b) / energy(b.map((x, i) => x - (a[i] ?? 0))))).toBeGreaterThan(20);
  });
});
