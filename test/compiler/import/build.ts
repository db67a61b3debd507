/** ONNX models in a few words, for tests of the importer and the passes. */
import { importDecoded, type ImportedModel } from '../../../src/compiler/import/index.ts';
import type { DType, Tensor } from '../../../src/core/index.ts';
import { bytesOf, elementCount, seededRandom } from '../../../src/core/index.ts';
import type { OnnxAttribute, OnnxDim, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from '../../../src/onnx/model.ts';

export type PlainAttribute = number | string | readonly number[] | { readonly float: number } | { readonly tensor: OnnxTensor };

function attribute(name: string, plain: PlainAttribute): OnnxAttribute {
  if (typeof plain === 'number') return { name, refName: '', kind: 'int', value: plain };
  if (typeof plain === 'string') return { name, refName: '', kind: 'string', value: new TextEncoder().encode(plain) };
  if ('float' in plain) return { name, refName: '', kind: 'float', value: plain.float };
  if ('tensor' in plain) return { name, refName: '', kind: 'tensor', value: plain.tensor };
  return { name, refName: '', kind: 'ints', value: plain };
}

/** node('Add', ['a', 'b'], ['c']) */
export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, PlainAttribute>> = {},
  rest: Partial<OnnxNode> = {},
): OnnxNode {
  return {
    name: rest.name ?? `${opType}:${outputs[0]}`,
    opType,
    domain: rest.domain ?? '',
    overload: '',
    inputs,
    outputs,
    attributes: Object.entries(attributes).map(([name, plain]) => attribute(name, plain)),
  };
}

export function tensor(name: string, { dtype, shape, ...rest }: Tensor): OnnxTensor {
  return { name, dtype, dims: shape, data: { kind: 'bytes', bytes: bytesOf({ dtype, shape, ...rest }) } };
}

export function floats(name: string, shape: readonly number[], numbers: readonly number[]): OnnxTensor {
  return tensor(name, { dtype: 'float32', shape, data: Float32Array.from(numbers) });
}

/** Seeded bell-shaped numbers around 0 of this size. */
export function randomFloats(name: string, shape: readonly number[], seed: number, size: number = 1): OnnxTensor {
  const random = seededRandom(seed);
  return floats(
    name,
    shape,
    Array.from({ length: elementCount(shape) }, () => size * random.bell()),
  );
}

export function input(name: string, shape: readonly OnnxDim[], dtype: DType = 'float32'): OnnxValueInfo {
  return { name, type: { kind: 'tensor', dtype, shape } };
}

export interface Parts {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly string[];
  readonly initializers?: readonly OnnxTensor[];
  readonly opset?: number;
  readonly irVersion?: number;
}

export function model(parts: Parts, rest: Partial<OnnxModel> = {}): OnnxModel {
  return {
    irVersion: parts.irVersion ?? 8,
    producerName: 'test',
    producerVersion: '',
    opsetImports: [{ domain: '', version: parts.opset ?? 13 }],
    graph: {
      name: 'test',
      nodes: parts.nodes,
      initializers: parts.initializers ?? [],
      sparseInitializers: [],
      inputs: parts.inputs,
      outputs: parts.outputs.map((name) => ({ name, type: { kind: 'none' } })),
      valueInfos: [],
    },
    functions: [],
    metadata: {},
    ...rest,
  };
}

export function importParts(parts: Parts, rest: Partial<OnnxModel> = {}): ImportedModel {
  return importDecoded(model(parts, rest), { name: 'test', sha256: '' });
}
