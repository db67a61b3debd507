/** ONNX models with open sizes, run-time indices and bodies, for what is told of their nodes. */
import { importDecoded, type ImportedModel, type ImportOptions } from '../../src/compiler/index.ts';
import type { DType } from '../../src/core/index.ts';
import type { OnnxAttribute, OnnxDim, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from '../../src/onnx/model.ts';

export const int = (name: string, value: number): OnnxAttribute => ({ name, refName: '', kind: 'int', value });
export const ints = (name: string, value: readonly number[]): OnnxAttribute => ({ name, refName: '', kind: 'ints', value });
export const body = (name: string, value: OnnxGraph): OnnxAttribute => ({ name, refName: '', kind: 'graph', value });

/** Named after its operator and its output: "Conv_y". */
export function node(opType: string, inputs: readonly string[], output: string, attributes: readonly OnnxAttribute[] = []): OnnxNode {
  return { name: `${opType}_${output}`, opType, domain: '', overload: '', inputs, outputs: [output], attributes };
}

export function tensor(name: string, shape: readonly OnnxDim[] | null, dtype: DType = 'float32'): OnnxValueInfo {
  return { name, type: { kind: 'tensor', dtype, shape } };
}

/** Small numbers that differ. */
export function weights(name: string, dims: readonly number[]): OnnxTensor {
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => (((i * 37) % 41) - 20) / 40);
  return { name, dtype: 'float32', dims, data: { kind: 'bytes', bytes: new Uint8Array(data.buffer) } };
}

export function wholeNumbers(name: string, values: readonly number[]): OnnxTensor {
  const data = BigInt64Array.from(values.map(BigInt));
  return { name, dtype: 'int64', dims: [values.length], data: { kind: 'bytes', bytes: new Uint8Array(data.buffer) } };
}

export interface Parts {
  readonly inputs?: readonly OnnxValueInfo[];
  readonly nodes: readonly OnnxNode[];
  readonly constants?: readonly OnnxTensor[];
  readonly outputs: readonly (string | OnnxValueInfo)[];
}

export function graphOf({ inputs = [], nodes, constants = [], outputs }: Parts): OnnxGraph {
  return {
    name: 'g',
    nodes,
    initializers: constants,
    sparseInitializers: [],
    inputs,
    outputs: outputs.map((o) => (typeof o === 'string' ? tensor(o, null) : o)),
    valueInfos: [],
  };
}

export function modelOf(parts: Parts): OnnxModel {
  return {
    irVersion: 8,
    producerName: 'test',
    producerVersion: '',
    opsetImports: [{ domain: '', version: 17 }],
    functions: [],
    metadata: {},
    graph: graphOf(parts),
  };
}

export function imported(parts: Parts, options: Partial<Pick<ImportOptions, 'inputValues' | 'shapes'>> = {}): ImportedModel {
  return importDecoded(modelOf(parts), { name: 'model', sha256: '', inputValues: options.inputValues, shapes: options.shapes });
}

/** Conv, fused Relu, MaxPool, Reshape (a view), Transpose, a constant sum and a product with it, an operator no engine has. */
export const oneOfEach: Parts = {
  inputs: [tensor('x', [1, 3, 8, 8])],
  constants: [weights('w', [8, 3, 3, 3]), weights('a', [16]), weights('b', [16]), wholeNumbers('flat', [1, 16, 8])],
  nodes: [
    node('Conv', ['x', 'w'], 'c', [ints('pads', [1, 1, 1, 1])]),
    node('Relu', ['c'], 'r'),
    node('MaxPool', ['r'], 'p', [ints('kernel_shape', [2, 2]), ints('strides', [2, 2])]),
    node('Reshape', ['p', 'flat'], 's'),
    node('Transpose', ['s'], 't', [ints('perm', [0, 2, 1])]),
    node('Add', ['a', 'b'], 'k'),
    node('Mul', ['t', 'k'], 'm'),
    node('Trilu', ['m'], 'y'),
  ],
  outputs: ['y'],
};

/** A linear layer over [batch, length]. */
export const openSizes: Parts = {
  inputs: [tensor('x', ['batch', 'length', 16])],
  constants: [weights('w', [16, 16])],
  nodes: [node('MatMul', ['x', 'w'], 'm'), node('Relu', ['m'], 'y')],
  outputs: ['y'],
};

/** A branch whose condition an input decides; the bodies read what is outside. */
export const branches: Parts = {
  inputs: [tensor('x', [1, 16]), tensor('flag', [], 'bool')],
  constants: [],
  nodes: [
    node('If', ['flag'], 'y', [
      body('then_branch', graphOf({ nodes: [node('Neg', ['x'], 'n')], outputs: ['n'] })),
      body('else_branch', graphOf({ nodes: [node('Exp', ['x'], 'e'), node('Neg', ['e'], 'm')], outputs: ['m'] })),
    ]),
  ],
  outputs: ['y'],
};

/** Rows of a table, by indices the run brings. */
export const lookUp: Parts = {
  inputs: [tensor('ids', [1, 4], 'int64')],
  constants: [weights('table', [10, 16]), weights('w', [16, 16])],
  nodes: [node('Gather', ['table', 'ids'], 'g'), node('MatMul', ['g', 'w'], 'y')],
  outputs: ['y'],
};

/** An operator without definition between two that have one. */
export const foreign: Parts = {
  inputs: [tensor('x', [1, 16])],
  nodes: [node('Neg', ['x'], 'n'), { ...node('Frobnicate', ['n'], 'f'), domain: 'acme' }, node('Exp', ['f'], 'y')],
  outputs: ['y'],
};

/** Indices of what is not zero: how many, a run decides. */
export const dataDependent: Parts = {
  inputs: [tensor('x', [4, 8])],
  nodes: [node('NonZero', ['x'], 'z'), node('Cast', ['z'], 'y', [int('to', 1)])],
  outputs: ['y'],
};

/** A product with a square matrix, repeated as often as an input says. */
export const repeated: Parts = {
  inputs: [tensor('x', [4, 16]), tensor('times', [], 'int64')],
  constants: [weights('w', [16, 16])],
  nodes: [
    node('Loop', ['times', '', 'x'], 'y', [
      body(
        'body',
        graphOf({
          inputs: [tensor('i', [], 'int64'), tensor('on', [], 'bool'), tensor('v', [4, 16])],
          nodes: [node('Identity', ['on'], 'on_out'), node('MatMul', ['v', 'w'], 'v_out')],
          outputs: ['on_out', 'v_out'],
        }),
      ),
    ]),
  ],
  outputs: ['y'],
};
