/** Tensors and attributes of the file as constants of the graph. Data stays where the file has it. */
import { compilerMessages, elementCount, fail, tensorBytes } from '../../core/index.ts';
import type { Attribute, Constant, TensorType } from '../../graph/ir.ts';
import type { OnnxAttribute, OnnxTensor } from '../../onnx/model.ts';
import { externalConstant, type ExternalData } from './external.ts';
import type { NamedNode } from './names.ts';
import { readSparse } from './sparse.ts';
import { readType } from './types.ts';

export interface KnownTensor {
  readonly type: TensorType;
  readonly constant: Constant;
}

const text = new TextDecoder();

/** @throws SYS4012 when bytes and shape disagree */
export function readTensor(tensor: OnnxTensor, external: ExternalData, where: string): KnownTensor {
  const type: TensorType = { dtype: tensor.dtype, shape: tensor.dims };
  const { data } = tensor;
  const check = (found: number, expected: number): void => {
    if (found === expected) return;
    const { dims: shape, dtype } = tensor;
    fail(compilerMessages.tensorSizeWrong({ tensor: where, shape, dtype, expected, found }, { origin: [where] }));
  };
  switch (data.kind) {
    case 'strings':
      check(data.strings.length, elementCount(tensor.dims));
      return { type, constant: { kind: 'strings', strings: data.strings.map((s) => text.decode(s)) } };
    case 'absent':
      return { type, constant: { kind: 'absent', reason: 'the file gives its type and shape but no elements' } };
    case 'external':
      return { type, constant: externalConstant(tensor, data.location, external) };
    case 'bytes':
      check(data.bytes.byteLength, tensorBytes(tensor.dtype, elementCount(tensor.dims)));
      return { type, constant: { kind: 'bytes', bytes: data.bytes } };
  }
}

/** null for kinds no operator of ONNX has. Bodies are no attributes here. */
function readAttribute(attribute: OnnxAttribute, external: ExternalData, where: string): Attribute | null {
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
      return { kind: 'tensor', ...readTensor(attribute.value, external, where) };
    case 'sparseTensor':
      return { kind: 'tensor', ...readSparse(attribute.value, external, where) };
    case 'type':
      // A type without a value: `Optional` says so what it would hold.
      return { kind: 'tensor', type: readType(attribute.value, where), constant: { kind: 'absent', reason: 'it is only a type' } };
    case 'graph':
    case 'graphs':
    case 'sparseTensors':
    case 'tensors':
    case 'types':
      return null;
  }
}

export function readAttributes(node: NamedNode, external: ExternalData): Record<string, Attribute> {
  // fromEntries defines keys, so that an attribute `__proto__` is one like any other.
  return Object.fromEntries(
    node.attributes.flatMap((attribute) => {
      const read = readAttribute(attribute, external, `${node.name}.${attribute.name}`);
      return read === null ? [] : [[attribute.name, read] as const];
    }),
  );
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
      case 'string':
        return strings([], [attribute.value]);
      case 'strings':
        return strings([attribute.value.length], attribute.value);
      case 'sparseTensor':
        return readSparse(attribute.value, external, node.name);
      default:
        break;
    }
  }
  return fail(compilerMessages.constantWithoutValue({ node: node.name }, { origin: node.origin }));
}

function strings(shape: readonly number[], elements: readonly Uint8Array[]): KnownTensor {
  return { type: { dtype: 'string', shape }, constant: { kind: 'strings', strings: elements.map((s) => text.decode(s)) } };
}

function known(dtype: 'float32' | 'int64', shape: readonly number[], data: Float32Array | BigInt64Array): KnownTensor {
  return { type: { dtype, shape }, constant: { kind: 'bytes', bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) } };
}
