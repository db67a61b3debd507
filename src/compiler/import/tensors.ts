/** Tensors and attributes of the file as constants of the graph. Data stays where the file has it. */
import { compilerMessages, fail, tensorBytes, elementCount } from '../../core/index.ts';
import type { Attribute, Constant, TensorType } from '../../graph/ir.ts';
import type { ExternalReader } from '../../onnx/index.ts';
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxTensor } from '../../onnx/model.ts';
import type { NamedNode } from './functions.ts';

/** External data as far as it was found. */
export type ExternalData = ReadonlyMap<OnnxTensor, Uint8Array | null>;

export interface KnownTensor {
  readonly type: TensorType;
  readonly constant: Constant;
}

/** Asks `read` for every external tensor of the model's graph. */
export async function readExternal(model: OnnxModel, read: ExternalReader | undefined): Promise<ExternalData> {
  const found = new Map<OnnxTensor, Uint8Array | null>();
  for (const tensor of externalTensors(model.graph)) {
    const { data } = tensor;
    if (data.kind !== 'external') continue;
    const expected = tensorBytes(tensor.dtype, elementCount(tensor.dims));
    const bytes = read === undefined ? null : await read(data.location, data.offset, data.length ?? expected);
    if (bytes !== null && bytes.byteLength !== expected) {
      fail(
        compilerMessages.externalDataShort(
          { tensor: tensor.name, location: data.location, expected, found: bytes.byteLength },
          { origin: [tensor.name] },
        ),
      );
    }
    found.set(tensor, bytes);
  }
  return found;
}

function externalTensors(graph: OnnxGraph): OnnxTensor[] {
  const inAttributes = graph.nodes.flatMap((node) => node.attributes.flatMap((a) => (a.kind === 'tensor' ? [a.value] : [])));
  return [...graph.initializers, ...inAttributes].filter((t) => t.data.kind === 'external');
}

/** @throws SYS4012 when bytes and shape disagree, SYS4015 for text */
export function readTensor(tensor: OnnxTensor, external: ExternalData, where: string): KnownTensor {
  const type: TensorType = { dtype: tensor.dtype, shape: tensor.dims };
  const { data } = tensor;
  switch (data.kind) {
    case 'strings':
      return fail(compilerMessages.stringTensors({ nodes: [where] }, { origin: [where] }));
    case 'absent':
      return { type, constant: { kind: 'absent', reason: 'the file gives its type and shape but no elements' } };
    case 'external': {
      const bytes = external.get(tensor) ?? null;
      const constant: Constant =
        bytes === null ? { kind: 'absent', reason: `external data "${data.location}" is not there` } : { kind: 'bytes', bytes };
      return { type, constant };
    }
    case 'bytes': {
      const expected = tensorBytes(tensor.dtype, elementCount(tensor.dims));
      if (data.bytes.byteLength !== expected) {
        fail(
          compilerMessages.tensorSizeWrong(
            { tensor: where, shape: tensor.dims, dtype: tensor.dtype, expected, found: data.bytes.byteLength },
            { origin: [where] },
          ),
        );
      }
      return { type, constant: { kind: 'bytes', bytes: data.bytes } };
    }
  }
}

const text = new TextDecoder();

/** null for kinds that only control flow and sparse data use; the caller has refused those nodes already. */
export function readAttribute(attribute: OnnxAttribute, external: ExternalData, node: string): Attribute | null {
  switch (attribute.kind) {
    case 'int':
    case 'float':
      return { kind: attribute.kind, value: attribute.value };
    case 'ints':
    case 'floats':
      return { kind: attribute.kind, value: attribute.value };
    case 'string':
      return { kind: 'string', value: text.decode(attribute.value) };
    case 'strings':
      return { kind: 'strings', value: attribute.value.map((s) => text.decode(s)) };
    case 'tensor':
      return { kind: 'tensor', ...readTensor(attribute.value, external, node) };
    case 'graph':
    case 'graphs':
    case 'sparseTensor':
    case 'sparseTensors':
    case 'tensors':
    case 'type':
    case 'types':
      return null;
  }
}

/** What a Constant node holds, in whichever of its attributes. */
export function readConstantNode(node: NamedNode, external: ExternalData): KnownTensor {
  // ONNX gives a Constant exactly one of value, value_float, value_ints, …; the kind tells which.
  for (const attribute of node.attributes) {
    switch (attribute.kind) {
      case 'tensor':
        return readTensor(attribute.value, external, node.name);
      case 'float':
        return known('float32', [], Float32Array.of(attribute.value));
      case 'floats':
        return known('float32', [attribute.value.length], Float32Array.from(attribute.value));
      case 'int':
        return known('int64', [], BigInt64Array.of(BigInt(attribute.value)));
      case 'ints':
        return known('int64', [attribute.value.length], BigInt64Array.from(attribute.value, BigInt));
      case 'sparseTensor':
        return fail(compilerMessages.sparseNotSupported({ tensors: [node.name] }, { origin: node.origin }));
      default:
        break;
    }
  }
  return fail(compilerMessages.stringTensors({ nodes: [node.name] }, { origin: node.origin }));
}

function known(dtype: 'float32' | 'int64', shape: readonly number[], data: Float32Array | BigInt64Array): KnownTensor {
  return { type: { dtype, shape }, constant: { kind: 'bytes', bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) } };
}
