/** What random cases found, each as small as it became: kept, whatever the generator makes tomorrow. */
import { describe, expect, test } from 'vitest';
import { seededRandom, type DType, type Tensor } from '../../src/core/index.ts';
import { tensorOf } from '../../src/graph/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { testMachine } from '../end-to-end/machines.ts';
import { checkCase, type Problem } from './check.ts';
import { randomNumbers } from './maker.ts';

type Made = Pick<Problem, 'graph' | 'inputs'>;

interface Found extends Pick<Problem, 'flavour' | 'precision'> {
  readonly name: string;
  readonly machine?: 'small' | 'tiny-dot';
  readonly build: (
    w: GraphWriter,
    input: (dtype: DType, shape: readonly number[], numbers?: readonly number[]) => number,
  ) => readonly number[];
}

function made({ build }: Found): Made {
  const random = seededRandom(7);
  const w = writeGraph(23);
  const inputs = new Map<string, Tensor>();
  const outputs = build(w, (dtype, shape, numbers) => {
    const name = `in${inputs.size}`;
    inputs.set(name, numbers === undefined ? randomNumbers(random, dtype, shape, 'bell', 1) : tensorOf(dtype, shape, [...numbers]));
    return w.input(name, shape, dtype);
  });
  return { graph: w.finish(...outputs), inputs };
}

const one = (w: GraphWriter, op: string, inputs: readonly (number | null)[], attributes: Parameters<GraphWriter['node']>[2] = {}): number =>
  w.node(op, inputs, attributes)[0] ?? -1;

const constant = (w: GraphWriter, dtype: DType, shape: readonly number[], numbers: readonly number[]): number =>
  w.constant(tensorOf(dtype, shape, numbers));

/** QuantizeLinear and DequantizeLinear of one scale. */
function pair(w: GraphWriter, x: number, scale: number): number {
  const parameters = [constant(w, 'float32', [], [Math.fround(scale)]), constant(w, 'int8', [], [3])];
  return one(w, 'DequantizeLinear', [one(w, 'QuantizeLinear', [x, ...parameters]), ...parameters]);
}

const signed = [0, -0, -1, 2, -Infinity, Infinity, NaN, -1e-40];

const found: readonly Found[] = [
  {
    name: 'reductions of a scalar still square it, or take its size',
    flavour: 'integer',
    precision: 'auto',
    build: (w, input) => [
      one(w, 'ReduceSumSquare', [input('int32', [], [233])], { keepdims: 0 }),
      one(w, 'ReduceL1', [input('float32', [], [-3])], { keepdims: 0 }),
      one(w, 'ReduceL2', [input('bfloat16', [], [-3])], { keepdims: 0 }),
    ],
  },
  {
    name: 'reductions that are asked to do nothing',
    flavour: 'fp32',
    precision: 'fp32',
    build: (w, input) => [one(w, 'ReduceSumSquare', [input('float32', [9])], { noop_with_empty_axes: 1 })],
  },
  {
    name: 'squares of int32 beyond 2⁵³ wrap',
    flavour: 'integer',
    precision: 'auto',
    build: (w, input) => [one(w, 'ReduceSumSquare', [input('int32', [3], [-(2 ** 31), 2 ** 31 - 1, 123456789])], { keepdims: 0 })],
  },
  {
    name: 'the least of one quantized scalar',
    flavour: 'qdq',
    precision: 'auto',
    build: (w, input) => [one(w, 'ReduceMin', [pair(w, input('float32', []), 0.01)], { keepdims: 0 })],
  },
  {
    name: 'sums and means of three in 16 bits round once',
    flavour: 'bfloat16',
    precision: 'auto',
    build: (w, input) => {
      const [a, b, c] = [input('bfloat16', [40]), input('bfloat16', [40]), input('bfloat16', [1])];
      return [one(w, 'Mean', [a, b, c]), one(w, 'Sum', [a, b, c])];
    },
  },
  {
    name: 'a quantized NaN is the smallest, though nobody stores it',
    flavour: 'qdq',
    precision: 'auto',
    build: (w, input) => [pair(w, input('float32', [8], signed), 0.01)],
  },
  {
    name: 'zeros of both signs, infinities and NaN through clamps, slopes, maxima and roots',
    flavour: 'fp32',
    precision: 'fp32',
    build: (w, input) => {
      const x = input('float32', [8], signed);
      const y = input(
        'float32',
        [8],
        signed.map((v) => -v),
      );
      const [half, zero] = [constant(w, 'float32', [], [0.5]), constant(w, 'float32', [], [0])];
      return [
        ...['Relu', 'Elu', 'LeakyRelu', 'HardSigmoid', 'HardSwish'].map((op) => one(w, op, [x])),
        ...['Max', 'Min'].map((op) => one(w, op, [x, y])),
        one(w, 'PRelu', [x, y]),
        one(w, 'Pow', [x, half]),
        one(w, 'Clip', [x, zero]),
        one(w, 'MaxPool', [one(w, 'Reshape', [x, w.ints([1, 1, 8])])], { kernel_shape: [2] }),
        one(w, 'ReduceMax', [one(w, 'Reshape', [x, w.ints([4, 2])]), w.ints([1])]),
        one(w, 'ReduceMin', [one(w, 'Reshape', [x, w.ints([4, 2])]), w.ints([1])]),
      ];
    },
  },
  {
    name: 'padding as wide as the kernel: tiles that lie in it load nothing',
    flavour: 'fp32',
    precision: 'fp32',
    build: (w, input) => [one(w, 'Conv', [input('float32', [1, 5, 9, 4]), w.weight([2, 5, 2, 3]), w.weight([2])], { pads: [2, 3, 1, 0] })],
  },
  {
    name: 'infinite weights add nothing under the padding',
    flavour: 'bfloat16',
    precision: 'auto',
    build: (w, input) => [
      one(w, 'Conv', [input('bfloat16', [1, 1, 4, 5]), input('bfloat16', [2, 1, 2, 2], [...signed])], {
        pads: [1, 0, 1, 0],
        strides: [2, 2],
      }),
    ],
  },
  {
    name: 'a Pad of 16-bit floats with a value',
    flavour: 'bfloat16',
    precision: 'auto',
    build: (w, input) => [
      one(w, 'Pad', [input('bfloat16', [1, 3, 2, 10]), w.ints([0, 0, 3, 0, 2, 0, 1, 0]), constant(w, 'bfloat16', [], [2])], {
        mode: 'constant',
      }),
    ],
  },
  {
    name: 'a product with a vector, and an operand for each of its rows',
    flavour: 'fp32',
    precision: 'fp32',
    build: (w, input) => [
      one(w, 'Add', [one(w, 'MatMul', [input('float32', [1, 6, 11, 2]), w.weight([2])]), w.weight([1, 6, 1])]),
      one(w, 'Add', [one(w, 'MatMul', [input('float32', [5]), input('float32', [3, 5, 7])]), w.weight([3, 1])]),
    ],
  },
  {
    name: 'constants clipped, then quantized: not folded as if they were reals',
    flavour: 'qdq',
    precision: 'auto',
    build: (w) => {
      const q = constant(
        w,
        'int8',
        [6, 2],
        Array.from({ length: 12 }, (_, i) => 20 * i - 110),
      );
      const scales = [
        constant(
          w,
          'float32',
          [6],
          [1, 2, 3, 4, 5, 6].map((v) => v / 128),
        ),
        constant(w, 'int8', [6], new Array<number>(6).fill(0)),
      ];
      const real = one(w, 'DequantizeLinear', [q, ...scales], { axis: 0 });
      return [pair(w, one(w, 'Clip', [real, constant(w, 'float32', [], [-0.75]), constant(w, 'float32', [], [1.5])]), 0.045)];
    },
  },
  {
    name: 'float16 asked of lanes that have none: no command of theirs stores it',
    flavour: 'fp16',
    precision: 'fp16',
    machine: 'tiny-dot',
    build: (w, input) => [
      one(w, 'Attention', [input('float32', [1, 2, 4, 3]), input('float32', [1, 2, 6, 3]), input('float32', [1, 2, 6, 1])], {
        is_causal: 1,
      }),
    ],
  },
  {
    name: 'parts of results that nobody reads may be written over',
    flavour: 'fp32',
    precision: 'fp32',
    build: (w, input) => {
      const part = one(w, 'Slice', [one(w, 'Neg', [input('float32', [30, 31])]), w.ints([7]), w.ints([9]), w.ints([0])]);
      const again = one(w, 'Exp', [one(w, 'Softmax', [part], { axis: 0 })]);
      return [one(w, 'MatMul', [again, w.weight([31, 40])])];
    },
  },
  {
    name: 'a transposed convolution sums in the order its convolution does: one that overflows on the way overflows in both',
    flavour: 'fp32',
    precision: 'fp32',
    build: (w, input) => [
      one(w, 'ConvTranspose', [input('float32', [1, 1, 3], [3e38, 3e38, -3e38]), constant(w, 'float32', [1, 1, 3], [1, 1, 1])]),
      one(w, 'ConvTranspose', [input('float32', [1, 1, 3], [-3e38, 3e38, 3e38]), constant(w, 'float32', [1, 1, 3], [1, 1, 1])]),
    ],
  },
  {
    name: 'operands without elements, for the host and for nobody',
    flavour: 'fp32',
    precision: 'fp32',
    build: (w, input) => {
      const none = one(w, 'Min', [input('float32', [1, 9, 0, 10]), input('float32', [1, 9, 1, 10])]);
      const unread = one(w, 'Gather', [one(w, 'Pad', [input('float32', [3, 8]), w.ints([0, 1, 0, 2])]), w.ints([])], { axis: 1 });
      return [one(w, 'Conv', [none, w.weight([7, 9, 1, 2]), w.weight([7])], { pads: [1, 1, 0, 1], strides: [1, 2] }), unread];
    },
  },
];

describe('found by random cases', () => {
  test.each(found)('$name', async (f) => {
    for (const mapping of [undefined, 1, 2, 3]) {
      const machine = await testMachine(f.machine ?? 'small', ['memories.scratchpad.size=16 KiB']);
      const outcome = checkCase({ ...made(f), flavour: f.flavour, precision: f.precision, sort: 'wild' }, machine, mapping);
      expect(outcome.kind === 'wrong' ? `${outcome.what}: ${outcome.detail}` : outcome.kind).toBe('right');
    }
  });
});
