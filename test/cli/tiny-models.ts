/** Small ONNX files, right and wrong, for tests of the command line. */
import { encodeModel, type OnnxAttribute, type OnnxGraph, type OnnxNode, type OnnxTensor } from '../../src/onnx/index.ts';

const ints = (name: string, value: readonly number[]): OnnxAttribute => ({ name, refName: '', kind: 'ints', value });

export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly OnnxAttribute[] = [],
): OnnxNode {
  return { name: `${opType}_${outputs[0] ?? ''}`, opType, domain: '', overload: '', inputs, outputs, attributes };
}

const weights: OnnxTensor = {
  name: 'w',
  dtype: 'float32',
  dims: [8, 3, 3, 3],
  data: { kind: 'bytes', bytes: new Uint8Array(Float32Array.from({ length: 216 }, (_, i) => ((i * 37) % 41) / 41 - 0.5).buffer) },
};

/** A file whose graph has these nodes, one input x [1,3,8,8] and one output y [1,8,8,8]. */
export function onnxFile(nodes: readonly OnnxNode[], changes: Partial<OnnxGraph> = {}): Uint8Array {
  const image = (name: string, channels: number): OnnxGraph['inputs'][number] => ({
    name,
    type: { kind: 'tensor', dtype: 'float32', shape: [1, channels, 8, 8] },
  });
  return encodeModel({
    irVersion: 8,
    producerName: 'test',
    producerVersion: '',
    opsetImports: [{ domain: '', version: 17 }],
    functions: [],
    metadata: {},
    graph: {
      name: 'g',
      nodes,
      initializers: [weights],
      sparseInitializers: [],
      inputs: [image('x', 3)],
      outputs: [image('y', 8)],
      valueInfos: [],
      ...changes,
    },
  });
}

export const conv = (from: string, to: string): OnnxNode =>
  node('Conv', [from, 'w'], [to], [ints('pads', [1, 1, 1, 1]), ints('kernel_shape', [3, 3])]);

/** Conv and Relu: compiles anywhere in milliseconds. */
export const tinyModel: Uint8Array = onnxFile([conv('x', 'c'), node('Relu', ['c'], ['y'])]);

export const cyclicModel: Uint8Array = onnxFile([node('Add', ['x', 'b'], ['a']), node('Relu', ['a'], ['b']), conv('b', 'y')]);

export const unknownOperatorModel: Uint8Array = onnxFile([node('Frobnicate', ['x'], ['f']), conv('f', 'y')]);
