/**
 * Operators that lowering writes in terms of others, in every element type they take: no HOST command, the program equal to the graph it was made from bit
 * for bit, and that graph equal to the reference evaluator of the operator itself: exactly where nothing is rounded, within rounding elsewhere.
 */
import { describe, expect, it } from 'vitest';
import { calibrate, compile, importDecoded, lowerGraph, randomInputs } from '../../src/compiler/index.ts';
import { elementCount, integerRange, isFloat, seededRandom, type DType, type Tensor } from '../../src/core/index.ts';
import { interpret, numbersOf, tensorOf } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';
import { quantizedBuilder } from './quantized-models.ts';

const floats: readonly DType[] = ['float32', 'float16', 'bfloat16'];
const integers: readonly DType[] = ['int8', 'uint8', 'int16', 'int32'];

type Build = (w: GraphWriter, input: (name: string, shape: readonly number[], dtype: DType) => number, dtype: DType) => readonly number[];

interface Case {
  readonly name: string;
  readonly types: readonly DType[];
  /** Nothing is rounded: equal to the evaluator as well. */
  readonly exact?: true;
  readonly build: Build;
}

/** One operator on one tensor. */
const on =
  (
    op: string,
    shape: readonly number[],
    attributes: Readonly<Record<string, number | string | { float: number }>> = {},
    outputs = 1,
  ): Build =>
  (w, input, dtype) =>
    w.node(op, [input('x', shape, dtype)], attributes, { outputs });

const scalarInt = (w: GraphWriter, value: number): number => w.constant(tensorOf('int64', [], [value]));

const cases: readonly Case[] = [
  { name: 'ArgMax, first of equals', types: [...floats, ...integers], exact: true, build: on('ArgMax', [3, 6, 4], { axis: 1 }) },
  {
    name: 'ArgMin, last of equals, axis dropped',
    types: [...floats, ...integers],
    exact: true,
    build: on('ArgMin', [3, 7, 5], { axis: -1, keepdims: 0, select_last_index: 1 }),
  },
  { name: 'Hardmax', types: floats, exact: true, build: on('Hardmax', [4, 6, 3], { axis: 1 }) },
  {
    name: 'TopK, largest',
    types: [...floats, ...integers],
    exact: true,
    build: (w, input, dtype) => w.node('TopK', [input('x', [2, 9], dtype), w.ints([3])], {}, { outputs: 2 }),
  },
  {
    name: 'TopK, smallest, of another axis',
    types: [...floats, ...integers],
    exact: true,
    build: (w, input, dtype) => w.node('TopK', [input('x', [4, 3], dtype), w.ints([4])], { axis: 0, largest: 0 }, { outputs: 2 }),
  },
  {
    name: 'CumSum',
    types: [...floats, 'int32'],
    build: (w, input, dtype) => w.node('CumSum', [input('x', [3, 11, 2], dtype), scalarInt(w, 1)], { exclusive: 1 }),
  },
  {
    name: 'CumSum from the end',
    types: [...floats, 'int32'],
    build: (w, input, dtype) => w.node('CumSum', [input('x', [13], dtype), scalarInt(w, 0)], { reverse: 1 }),
  },
  {
    name: 'NegativeLogLikelihoodLoss with weights and a class ignored',
    types: floats,
    build: (w, input, dtype) =>
      w.node('NegativeLogLikelihoodLoss', [input('x', [3, 5, 4], dtype), input('labels', [3, 4], 'int64'), input('weights', [5], dtype)], {
        ignore_index: 2,
      }),
  },
  {
    name: 'SoftmaxCrossEntropyLoss with its logarithms',
    types: floats,
    build: (w, input, dtype) =>
      w.node('SoftmaxCrossEntropyLoss', [input('x', [6, 5], dtype), input('labels', [6], 'int32')], { reduction: 'sum' }, { outputs: 2 }),
  },
  {
    name: 'LayerNormalization with its statistics',
    types: floats,
    build: (w, input, dtype) =>
      w.node(
        'LayerNormalization',
        [input('x', [2, 3, 10], dtype), input('scale', [10], dtype), input('shift', [10], dtype)],
        {},
        {
          outputs: 3,
        },
      ),
  },
  {
    name: 'BatchNormalization that trains',
    types: floats,
    build: (w, input, dtype) => {
      const vectors = ['scale', 'shift', 'mean', 'variance'].map((name) => input(name, [3], dtype));
      return w.node('BatchNormalization', [input('x', [2, 3, 4, 2], dtype), ...vectors], { training_mode: 1 }, { outputs: 3 });
    },
  },
  { name: 'LpNormalization, L1', types: floats, build: on('LpNormalization', [4, 5], { axis: 0, p: 1 }) },
  { name: 'LRN of an even size', types: floats, build: on('LRN', [2, 7, 3, 2], { size: 4, alpha: { float: 0.5 } }) },
  { name: 'the largest of nothing', types: floats, exact: true, build: on('ReduceMax', [2, 0, 3], {}) },
  { name: 'SwiGLU', types: floats, build: (w, input, dtype) => w.node('SwiGLU', [input('a', [3, 4], dtype), input('b', [3, 4], dtype)]) },
  {
    name: 'Pow of integers, wrapping',
    types: ['int32'],
    exact: true,
    build: (w, input, dtype) => w.node('Pow', [input('x', [40], dtype), input('y', [40], 'int32')]),
  },
  {
    name: 'BitShift',
    types: ['uint8', 'uint16'],
    exact: true,
    build: (w, input, dtype) => {
      const [x, by] = [input('x', [30], dtype), input('by', [30], dtype)];
      return ['LEFT', 'RIGHT'].flatMap((direction) => w.node('BitShift', [x, by], { direction }));
    },
  },
  { name: 'BitCast', types: ['float32', 'int32'], exact: true, build: on('BitCast', [5, 3], { to: 12 }) },
  {
    name: 'QuantizeLinear and DequantizeLinear in blocks, the last one short',
    types: ['int8', 'uint8', 'int16'],
    exact: true,
    build: (w, input, dtype) => {
      const [scale, zero] = [input('scale', [3, 2], 'float32'), input('zero', [3, 2], dtype)];
      const blocks = { axis: 1, block_size: 4 };
      const [q = 0] = w.node('QuantizeLinear', [input('x', [3, 7], 'float32'), scale, zero], blocks);
      return [q, ...w.node('DequantizeLinear', [input('q', [3, 7], dtype), scale, zero], blocks)];
    },
  },
  {
    name: 'DynamicQuantizeLinear',
    types: ['float32'],
    exact: true,
    build: (w, input, dtype) => w.node('DynamicQuantizeLinear', [input('x', [5, 6], dtype)], {}, { outputs: 3 }),
  },
  {
    name: 'Dropout that trains when told so',
    types: floats,
    build: (w, input, dtype) => w.node('Dropout', [input('x', [7, 5], dtype), null, input('training', [], 'bool')], {}, { outputs: 2 }),
  },
  { name: 'the largest and smallest truth', types: ['bool'], exact: true, build: on('ReduceMin', [4, 3], { keepdims: 0 }) },
];

/** Few different numbers, so that there are ties; labels below 5; of floats now and then an infinity is not asked for. */
function filled(name: string, dtype: DType, shape: readonly number[], seed: number): Tensor {
  const random = seededRandom(seed + name.length);
  const next = (): number => {
    if (name === 'labels') return random.integer(0, 4);
    if (name === 'by' || name === 'y') return random.integer(0, 12);
    if (dtype === 'bool') return random.integer(0, 1);
    if (isFloat(dtype)) return name === 'x' || name === 'shift' ? random.integer(-6, 6) / 4 : random.integer(1, 8) / 8;
    const [lo, hi] = integerRange(dtype === 'int64' ? 'int32' : dtype);
    return random.next() < 0.2 ? (random.next() < 0.5 ? lo : hi) : random.integer(Math.max(lo, -3), 3);
  };
  return tensorOf(dtype, shape, Array.from({ length: elementCount(shape) }, next));
}

/** Of a type's own rounding, a few units. */
const units: Readonly<Partial<Record<DType, number>>> = { float32: 2 ** -20, float16: 2 ** -9, bfloat16: 2 ** -6 };

function expectClose(got: Tensor | undefined, want: Tensor, what: string): void {
  const [a, b] = [numbersOf(got ?? want), numbersOf(want)];
  expect([got?.dtype, got?.shape], what).toEqual([want.dtype, want.shape]);
  const unit = units[want.dtype] ?? 0;
  const far = Array.from(b, (y, i) => ({ i, got: a[i] ?? NaN, want: y })).filter(
    ({ got: x, want: y }) => !(Object.is(x, y) || Math.abs(x - y) <= unit * Math.max(1, Math.abs(y))),
  );
  expect(far, what).toEqual([]);
}

const machines = { small: await testMachine('small'), large: await testMachine('large') } as const;

function check(one: Case, dtype: DType, target: keyof typeof machines, seed: number): void {
  const machine = machines[target];
  const w = writeGraph(28);
  const inputs = new Map<string, Tensor>();
  const input = (name: string, shape: readonly number[], type: DType): number => {
    inputs.set(name, filled(name, type, shape, seed));
    return w.input(name, shape, type);
  };
  const outputs = one.build(w, input, dtype);
  const graph = w.finish(...outputs);
  const { executable, quantizedGraph } = compile(modelOf(graph), machine, { precision: 'auto', dims: {}, calibration: null });
  const what = `${one.name}, ${dtype} on ${target}`;
  expect(
    executable.kernels.filter((k) => k.engine === 'host').map((k) => k.name),
    what,
  ).toEqual([]);
  expect(verifyExecutable(executable, machine), what).toEqual([]);
  const run = execute(executable, machine, inputs, { sanitize: true });
  expect(run.diagnostics, what).toEqual([]);
  expect(run.outputs, what).toEqual(interpret(quantizedGraph, inputs));
  for (const [name, want] of interpret(graph, inputs)) {
    if (one.exact === true) expect(run.outputs.get(name), what).toEqual(want);
    else expectClose(run.outputs.get(name), want, what);
  }
  const { totals } = simulate(executable, machine);
  expect(totals.boundCycles, what).toBeLessThanOrEqual(totals.cycles);
}

describe('operators written in terms of others run on the engines', () => {
  it.each(cases)('$name', (one) => {
    for (const dtype of one.types) check(one, dtype, 'small', 3);
    check(one, one.types[0] ?? 'float32', 'large', 11);
  });
});

describe('ranking in int8 programs', () => {
  it.each(['ArgMax', 'ArgMin', 'TopK'])('%s finds what is the extreme of the quantized numbers', (op) => {
    const w = writeGraph(24);
    const x = w.input('x', [6, 40], 'float32');
    const y = op === 'TopK' ? w.node(op, [x, w.ints([3])], {}, { outputs: 2 }) : w.node(op, [x], { axis: 1 });
    const graph = w.finish(y.at(-1) ?? 0);
    const inputs = randomInputs(graph, 4);
    const calibration = calibrate(lowerGraph(graph).graph, [inputs]);
    const { executable, quantizedGraph } = compile(modelOf(graph), machines.small, { precision: 'int8', dims: {}, calibration });
    const { outputs } = execute(executable, machines.small, inputs, { sanitize: true });
    expect(outputs).toEqual(interpret(quantizedGraph, inputs));
    const numbers = inputs.get('x')?.data as Float32Array;
    const step = (Math.max(...numbers) - Math.min(...numbers)) / 255;
    const [places] = outputs.values();
    const count = (places?.shape[1] ?? 1) as number;
    for (const [i, place] of Array.from(numbersOf(places ?? tensorOf('int64', [0], []))).entries()) {
      const row = Array.from(numbers.slice(40 * Math.floor(i / count), 40 * Math.floor(i / count) + 40));
      const sorted = row.toSorted((a, b) => (op === 'ArgMin' ? a - b : b - a));
      expect(Math.abs((row[place] ?? NaN) - (sorted[i % count] ?? NaN))).toBeLessThan(1.01 * step);
    }
  });
});

describe('operands that a model quantizes itself', () => {
  it('are ranked as the reals they stand for', () => {
    const b = quantizedBuilder();
    const x = b.pair(b.input('x', 'float32', [3, 5, 7]), { dtype: 'uint8', scale: [0.05], zero: [100] });
    const place = b.node('ArgMax', [x], { axis: 1 });
    const norm = b.node('LpNormalization', [x], { axis: 2 });
    const model = importDecoded(
      b.finish([
        [place, 'int64'],
        [norm, 'float32'],
      ]),
      { name: 'ranked', sha256: '' },
    );
    const inputs = randomInputs(model.graph, 6);
    const { executable } = compile(model, machines.small, { precision: 'auto', dims: {}, calibration: null });
    expect(executable.kernels.filter((k) => k.engine === 'host').map((k) => k.name)).toEqual([]);
    expect(execute(executable, machines.small, inputs, { sanitize: true }).outputs).toEqual(interpret(model.graph, inputs));
  });
});
