/** Models of one or a few operators in any element type of floats: what every kind of kernel must compute on every type. */
import { bytesOf, seededRandom, type DType, type Random } from '../../src/core/index.ts';
import { importDecoded, type ImportedModel } from '../../src/compiler/index.ts';
import { tensorOf } from '../../src/graph/index.ts';
import type { OnnxModel, OnnxTensor } from '../../src/onnx/model.ts';
import { bell, modelBuilder, type ModelBuilder } from './model-builder.ts';

export type KernelKind = 'contraction' | 'window' | 'elementwise' | 'reduction' | 'movement';

export interface FloatCase {
  readonly kind: KernelKind;
  readonly name: string;
  readonly opset?: number;
  /** Returns the outputs. */
  build(b: ModelBuilder, random: Random): readonly string[];
}

const weight = (b: ModelBuilder, random: Random, name: string, shape: readonly number[], scale = 0.5): string =>
  b.weight(
    name,
    shape,
    bell(
      random,
      shape.reduce((n, d) => n * d, 1),
      scale,
    ),
  );

export const floatCases: readonly FloatCase[] = [
  {
    kind: 'contraction',
    name: 'Conv, bias, residual Add, Relu',
    build(b, r) {
      const x = b.input('x', [2, 6, 9, 11]);
      const y = b.node('Conv', [x, weight(b, r, 'w', [10, 6, 3, 3]), weight(b, r, 'b', [10])], { pads: [1, 1, 1, 1] });
      return [b.node('Relu', [b.node('Add', [y, b.input('z', [2, 10, 9, 11])])])];
    },
  },
  {
    kind: 'contraction',
    name: 'Conv, Relu in the drain, stride, groups',
    build(b, r) {
      const y = b.node('Conv', [b.input('x', [1, 8, 12, 10]), weight(b, r, 'w', [12, 4, 3, 2])], {
        strides: [2, 1],
        group: 2,
        pads: [0, 1, 1, 0],
      });
      return [b.node('Relu', [y])];
    },
  },
  {
    kind: 'contraction',
    name: 'depthwise Conv, Sigmoid',
    build(b, r) {
      const y = b.node('Conv', [b.input('x', [1, 9, 10, 10]), weight(b, r, 'w', [9, 1, 3, 3]), weight(b, r, 'b', [9])], {
        group: 9,
        dilations: [2, 1],
      });
      return [b.node('Sigmoid', [y])];
    },
  },
  {
    kind: 'contraction',
    name: 'Conv over one axis and over three',
    build: (b, r) => [
      b.node('Conv', [b.input('x', [1, 4, 30]), weight(b, r, 'w', [5, 4, 5])], { pads: [2, 2] }),
      b.node('Conv', [b.input('v', [1, 3, 4, 5, 6]), weight(b, r, 'u', [4, 3, 2, 3, 3])], { pads: [0, 1, 1, 1, 1, 1] }),
    ],
  },
  {
    kind: 'contraction',
    name: 'ConvTranspose',
    build: (b, r) => [
      b.node('ConvTranspose', [b.input('x', [1, 4, 5, 6]), weight(b, r, 'w', [4, 3, 3, 3]), weight(b, r, 'b', [3])], { strides: [2, 2] }),
    ],
  },
  {
    kind: 'contraction',
    name: 'Gemm with factors, Gemm with bias, Tanh',
    build(b, r) {
      const x = b.input('x', [7, 20]);
      const y = b.node('Gemm', [x, weight(b, r, 'w', [13, 20]), weight(b, r, 'b', [13])], { transB: 1 });
      const z = b.node('Gemm', [x, weight(b, r, 'u', [20, 5]), weight(b, r, 'c', [5])], { alpha: { float: 0.5 }, beta: { float: 1.5 } });
      return [b.node('Tanh', [y]), z];
    },
  },
  {
    kind: 'contraction',
    name: 'MatMul of two activations in batches, scaled, Softmax, MatMul',
    build(b, r) {
      const q = b.input('q', [2, 3, 9, 8]);
      const scores = b.node('MatMul', [q, b.node('Transpose', [b.input('k', [2, 3, 10, 8])], { perm: [0, 1, 3, 2] })]);
      const weights = b.node('Softmax', [b.node('Mul', [scores, b.weight('s', [], [0.35355338])])], { axis: -1 });
      return [b.node('MatMul', [weights, b.input('v', [2, 3, 10, 8])]), b.node('MatMul', [q, weight(b, r, 'w', [8, 6])])];
    },
  },
  {
    kind: 'window',
    name: 'MaxPool',
    build: (b) => [b.node('MaxPool', [b.input('x', [2, 5, 13, 12])], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })],
  },
  {
    kind: 'window',
    name: 'AveragePool, Relu',
    build: (b) => [
      b.node('Relu', [
        b.node('AveragePool', [b.input('x', [1, 6, 12, 11])], { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] }),
      ]),
    ],
  },
  { kind: 'window', name: 'GlobalMaxPool, one axis', build: (b) => [b.node('GlobalMaxPool', [b.input('x', [2, 3, 40])])] },
  {
    kind: 'elementwise',
    name: 'a chain that rounds behind every node',
    build(b, r) {
      const x = b.input('x', [3, 7, 20]);
      const y = b.node('Mul', [b.node('Add', [x, weight(b, r, 'c', [20], 1)]), b.input('y', [3, 1, 20])]);
      return [b.node('Sub', [b.node('Exp', [b.node('Mul', [y, b.weight('s', [], [0.3])])]), x])];
    },
  },
  {
    kind: 'elementwise',
    name: 'activations',
    opset: 20,
    build(b) {
      const x = b.input('x', [4, 33]);
      const acts = [
        'Relu',
        'Sigmoid',
        'Tanh',
        'HardSigmoid',
        'HardSwish',
        'LeakyRelu',
        'Elu',
        'Softplus',
        'Gelu',
        'Mish',
        'Erf',
        'Softsign',
      ];
      return acts.map((op) => b.node(op, [x]));
    },
  },
  {
    kind: 'elementwise',
    name: 'Div, Sqrt, Reciprocal, Pow, Clip, Min, Max, Log',
    build(b, r) {
      const x = b.node('Abs', [b.input('x', [5, 18])]);
      const one = b.node('Add', [x, b.weight('one', [], [1])]);
      return [
        b.node('Div', [x, one]),
        b.node('Sqrt', [x]),
        b.node('Reciprocal', [one]),
        b.node('Pow', [x, b.weight('two', [], [2])]),
        b.node('Clip', [x, b.weight('lo', [], [0.25]), b.weight('hi', [], [1.5])]),
        b.node('Max', [b.node('Min', [x, weight(b, r, 'm', [18], 1)]), b.weight('z', [], [0.1])]),
        b.node('Log', [one]),
      ];
    },
  },
  {
    kind: 'elementwise',
    name: 'BatchNormalization',
    build(b, r) {
      const positive = b.weight(
        'v',
        [5],
        bell(r, 5, 0.3).map((x) => 1 + x * x),
      );
      return [
        b.node('BatchNormalization', [
          b.input('x', [2, 5, 6, 7]),
          weight(b, r, 's', [5], 1),
          weight(b, r, 'b', [5], 1),
          weight(b, r, 'm', [5], 1),
          positive,
        ]),
      ];
    },
  },
  {
    kind: 'reduction',
    name: 'ReduceMean, ReduceMax, ReduceMin, ReduceL2, ReduceSum',
    opset: 18,
    build(b) {
      const x = b.input('x', [3, 20, 30]);
      return ['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceL2', 'ReduceSum', 'ReduceLogSumExp'].map((op) =>
        b.node(op, [x], { keepdims: 0 }),
      );
    },
  },
  { kind: 'reduction', name: 'GlobalAveragePool', build: (b) => [b.node('GlobalAveragePool', [b.input('x', [2, 4, 9, 9])])] },
  {
    kind: 'reduction',
    name: 'Softmax, rows and columns',
    build: (b) => [b.node('Softmax', [b.input('x', [3, 40])], { axis: -1 }), b.node('Softmax', [b.input('y', [2, 30, 5])], { axis: 1 })],
  },
  {
    kind: 'reduction',
    name: 'LayerNormalization, InstanceNormalization',
    build: (b, r) => [
      b.node('LayerNormalization', [b.input('x', [3, 4, 24]), weight(b, r, 's', [24], 1), weight(b, r, 'b', [24], 1)], { axis: -1 }),
      b.node('InstanceNormalization', [b.input('y', [2, 3, 6, 5]), weight(b, r, 't', [3], 1), weight(b, r, 'c', [3], 1)]),
    ],
  },
  {
    kind: 'reduction',
    name: 'RMSNormalization, GroupNormalization',
    opset: 23,
    build: (b, r) => [
      b.node('RMSNormalization', [b.input('x', [3, 4, 24]), weight(b, r, 's', [24], 1)], { axis: -1 }),
      b.node('GroupNormalization', [b.input('y', [1, 6, 5, 5]), weight(b, r, 't', [6], 1), weight(b, r, 'c', [6], 1)], { num_groups: 3 }),
    ],
  },
  {
    kind: 'movement',
    name: 'Transpose, Concat, Split, Pad, DepthToSpace, Tile',
    build(b) {
      const x = b.input('x', [1, 8, 5, 6]);
      const y = b.node('Transpose', [x], { perm: [0, 2, 3, 1] });
      return [
        y,
        b.node('Concat', [x, b.input('z', [1, 3, 5, 6])], { axis: 1 }),
        b.node('DepthToSpace', [x], { blocksize: 2 }),
        b.node('MaxPool', [b.node('Transpose', [x], { perm: [0, 1, 3, 2] })], { kernel_shape: [2, 2] }),
      ];
    },
  },
];

/** The same model with all floats in `dtype`. */
export function inType(model: OnnxModel, dtype: DType): OnnxModel {
  const type = <T extends { readonly type: { readonly kind: string } | null }>(info: T): T =>
    info.type?.kind === 'tensor' ? { ...info, type: { ...info.type, dtype } } : info;
  const typed = (t: OnnxTensor): OnnxTensor => {
    if (t.dtype !== 'float32' || t.data.kind !== 'bytes') return t;
    const numbers = new Float32Array(t.data.bytes.slice().buffer);
    return { ...t, dtype, data: { kind: 'bytes', bytes: bytesOf(tensorOf(dtype, t.dims, numbers)) } };
  };
  const { graph } = model;
  return {
    ...model,
    graph: { ...graph, initializers: graph.initializers.map(typed), inputs: graph.inputs.map(type), outputs: graph.outputs.map(type) },
  };
}

export function floatModel(c: FloatCase, dtype: DType): ImportedModel {
  const b = modelBuilder(c.opset ?? 17);
  const model = b.finish(...c.build(b, seededRandom(c.name.length)));
  return importDecoded(dtype === 'float32' ? model : inType(model, dtype), { name: c.name, sha256: '' });
}
