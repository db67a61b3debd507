/** Every kind of kernel on every integer type that quantized models hold activations in: the program equals the interpreter, bit for bit. */
import { describe, expect, it } from 'vitest';
import { compile, importDecoded, randomInputs } from '../../src/compiler/index.ts';
import { integerRange, isTensor, seededRandom, type DType, type RuntimeValue, type Tensor } from '../../src/core/index.ts';
import { interpret } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import { execute } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { quantizedBuilder, type QuantizedBuilder, type Scaling } from './quantized-models.ts';

type Held = 'int8' | 'uint8' | 'int16' | 'uint16';
const types: readonly Held[] = ['int8', 'uint8', 'int16', 'uint16'];

/** A scale under which numbers of the standard normal reach the ends of the type now and then. */
function scalingOf(dtype: Held, size = 2, shift = 5): Scaling {
  const [lo, hi] = integerRange(dtype);
  return { dtype, scale: [(2 * size) / (hi - lo)], zero: [Math.ceil((lo + hi) / 2) + (hi > 255 ? 0 : shift)] };
}

interface Case {
  readonly kind: string;
  readonly name: string;
  /** Of the last scale. */
  readonly size: number;
  build(b: QuantizedBuilder, s: (size?: number) => Scaling): string;
}

const integers = (dtype: DType, count: number): number[] => {
  const random = seededRandom(count);
  return Array.from({ length: count }, () => random.integer(...integerRange(dtype)));
};
const weightOf = (b: QuantizedBuilder, dtype: Held | 'int4', shape: readonly number[]): string => {
  const q = b.constant(
    dtype,
    shape,
    integers(
      dtype,
      shape.reduce((n, d) => n * d, 1),
    ),
  );
  return b.dequantize(q, { dtype, scale: [1 / 256], zero: [0] });
};

const cases: readonly Case[] = [
  {
    kind: 'contraction',
    name: 'Conv, residual Add, Relu',
    size: 4,
    build(b, s) {
      const x = b.pair(b.input('x', 'float32', [1, 6, 9, 10]), s());
      const y = b.pair(b.node('Conv', [x, weightOf(b, 'int8', [8, 6, 3, 3])], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }), s(4));
      const z = b.pair(b.input('z', 'float32', [1, 8, 9, 10]), s());
      return b.pair(b.node('Relu', [b.node('Add', [y, z])]), s(4));
    },
  },
  {
    kind: 'contraction',
    name: 'MatMul, weights of 4 bits',
    size: 4,
    build(b, s) {
      const x = b.pair(b.input('x', 'float32', [3, 5, 20]), s());
      return b.pair(b.node('MatMul', [x, weightOf(b, 'int4', [20, 11])]), s(4));
    },
  },
  {
    kind: 'contraction',
    name: 'depthwise Conv, weights of 4 bits',
    size: 2,
    build(b, s) {
      const x = b.pair(b.input('x', 'float32', [1, 7, 9, 9]), s());
      return b.pair(b.node('Conv', [x, weightOf(b, 'int4', [7, 1, 3, 3])], { kernel_shape: [3, 3], group: 7 }), s());
    },
  },
  {
    kind: 'window',
    name: 'MaxPool, AveragePool',
    size: 1,
    build(b, s) {
      const x = b.pair(b.input('x', 'float32', [1, 5, 12, 11]), s());
      const max = b.node('MaxPool', [x], { kernel_shape: [3, 3], strides: [1, 2], pads: [1, 1, 1, 1] });
      return b.pair(b.node('AveragePool', [b.pair(max, s())], { kernel_shape: [2, 3], pads: [1, 0, 0, 1] }), s(1));
    },
  },
  {
    kind: 'elementwise',
    name: 'Sigmoid, Mul, Sub',
    size: 2,
    build(b, s) {
      const x = b.pair(b.input('x', 'float32', [4, 5, 30]), s());
      const y = b.pair(b.node('Mul', [b.pair(b.node('Sigmoid', [x]), s(1)), x]), s());
      return b.pair(b.node('Sub', [y, b.pair(b.input('z', 'float32', [5, 1]), s())]), s());
    },
  },
  {
    kind: 'reduction',
    name: 'ReduceMean, Softmax',
    size: 0.5,
    build(b, s) {
      const x = b.pair(b.input('x', 'float32', [3, 12, 20]), s());
      const mean = b.pair(b.node('ReduceMean', [x, b.constant('int64', [1], [1])], { keepdims: 0 }), s(1));
      return b.pair(b.node('Softmax', [mean], { axis: -1 }), s(0.5));
    },
  },
  {
    kind: 'reduction',
    name: 'GlobalAveragePool, LayerNormalization',
    size: 3,
    build(b, s) {
      const x = b.pair(b.input('x', 'float32', [2, 24, 6, 5]), s());
      const mean = b.pair(b.node('GlobalAveragePool', [x]), s(1));
      const row = b.pair(b.node('Flatten', [mean]), s(1));
      const ones = b.constant('float32', [24], new Array<number>(24).fill(1.25));
      return b.pair(b.node('LayerNormalization', [row, ones], { axis: -1 }), s(3));
    },
  },
  {
    kind: 'movement',
    name: 'Transpose, Concat, Pad',
    size: 2,
    build(b, s) {
      const x = b.pair(b.input('x', 'float32', [1, 6, 5, 7]), s());
      const turned = b.pair(b.node('Transpose', [x], { perm: [0, 3, 1, 2] }), s());
      const both = b.pair(b.node('Concat', [turned, b.pair(b.input('y', 'float32', [1, 2, 6, 5]), s())], { axis: 1 }), s());
      return b.pair(b.node('Pad', [both, b.constant('int64', [8], [0, 0, 1, 2, 0, 1, 0, 1])]), s());
    },
  },
];

function model(c: Case, held: Held): OnnxModel {
  const b = quantizedBuilder();
  return b.finish([[c.build(b, (size) => scalingOf(held, size)), 'float32']]);
}

describe.each(['small', 'large'] as const)('on %s', (name) => {
  describe.each(types)('%s', (held) => {
    it.each(cases)('$kind: $name', async (c) => {
      const machine = await testMachine(name);
      const imported = importDecoded(model(c, held), { name: c.name, sha256: '' });
      const { executable, quantizedGraph } = compile(imported, machine, { precision: 'auto', dims: {}, calibration: null });
      expect(executable.kernels.filter((k) => k.engine === 'host').map((k) => k.mapping)).toEqual([]);
      expect(verifyExecutable(executable, machine)).toEqual([]);
      const inputs = randomInputs(imported.graph, 3);
      const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
      expect(diagnostics).toEqual([]);
      expect(outputs).toEqual(interpret(quantizedGraph, inputs));
      if (c.kind === 'contraction') expect(executable.kernels.find((k) => k.engine === 'matrix')?.dtype).toBe(held);
      // As written, the file computes in fp32 between the pairs: one unit apart at most.
      const unit = scalingOf(held, c.size).scale[0] ?? 0;
      for (const [output, y] of interpret(imported.graph, inputs)) expect(furthest(outputs.get(output), y)).toBeLessThan(1.01 * unit);
    });
  });
});

describe('weights of 4 bits', () => {
  it.each(cases.filter((c) => c.name.includes('4 bits')))(
    '$name: half the bytes where the array takes int4, the same numbers',
    async (c) => {
      const run = async (settings: readonly string[]) => {
        const machine = await testMachine('small', settings);
        const imported = importDecoded(model(c, 'int8'), { name: c.name, sha256: '' });
        const { executable } = compile(imported, machine, { precision: 'auto', dims: {}, calibration: null });
        return {
          weights: executable.weights,
          outputs: execute(executable, machine, randomInputs(imported.graph, 5), { sanitize: true }).outputs,
        };
      };
      const packed = await run([]);
      const wide = await run(['cores.npu.matrix.rates={ int8: 1, float32: 1 }']);
      expect(packed.outputs).toEqual(wide.outputs);
      const bytes = (r: typeof packed): number => Math.max(...r.weights.segments.map((seg) => seg.bytes));
      expect(bytes(packed)).toBe(Math.ceil(bytes(wide) / 2));
    },
  );
});

function furthest(a: Tensor | undefined, b: RuntimeValue): number {
  if (a === undefined || !isTensor(b) || !(a.data instanceof Float32Array) || !(b.data instanceof Float32Array)) return Infinity;
  const y = b.data;
  return a.data.reduce((most, x, i) => Math.max(most, Math.abs(x - (y[i] ?? NaN))), 0);
}
