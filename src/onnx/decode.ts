/** Bytes of an ONNX file -> OnnxModel. Zero-copy: raw data and strings of bytes are views of the file. */
import { foreignKind, onnxMessages as messages, type Diagnostic } from '../core/index.ts';
import { toElementType, toSparseTensor, toTensor } from './decode-tensor.ts';
import { toOptional, toSequence } from './decode-value.ts';
import { attributeKind, type AttributeKind } from './element-types.ts';
import { fields, onnx } from './generated/onnx.js';
import { isExact, toNumber, toText, type Int64 } from './int64.ts';
import { float32Of, int64List, packedReader } from './packed.ts';
import { locateDamage } from './locate-damage.ts';
import type {
  OnnxAttribute,
  OnnxData,
  OnnxDim,
  OnnxFunction,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  OnnxType,
  OnnxValueInfo,
} from './model.ts';
import { collectProblems, type Problems } from './problems.ts';
import { isSet } from './presence.ts';

/** ONNX 1.22 (June 2026). */
export const newestIrVersion = 13;
export const newestOpset = 27;

/** Protocol buffers end here, in bytes: https://protobuf.dev/programming-guides/proto-limits */
const largestMessage = 2 ** 31 - 1;

export interface DecodeOptions {
  /** Named in messages. */
  readonly file?: string;
}

export interface DecodedModel {
  readonly model: OnnxModel;
  /** Warnings and notes; errors are thrown. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads a model. Whatever the bytes, it returns or throws a SystoleError (SYS1001 to SYS1013), in time and memory proportional to
 * their number. Tensor data stays in `bytes`: do not change them while the model lives.
 */
export function decodeModel(bytes: Uint8Array, options: DecodeOptions = {}): DecodedModel {
  const problems = collectProblems(options.file);
  const plain = plainView(bytes);
  const proto = read(plain, 'ModelProto', (r) => onnx.ModelProto.decode(r), problems);
  if (!isSet(proto.graph)) {
    const size = plain.length;
    const kind = foreignKind(plain);
    problems.add(kind === undefined ? messages.noGraph({ size }) : messages.notOnnx({ size, kind, detail: '' }));
    problems.settle();
  }
  const model = toModel(proto, problems);
  return { model, diagnostics: problems.settle() };
}

/** Reads one serialized TensorProto, the form in which ONNX test data comes (`input_0.pb`). */
export function decodeTensor(bytes: Uint8Array, options: DecodeOptions = {}): OnnxTensor {
  const problems = collectProblems(options.file);
  const proto = read(plainView(bytes), 'TensorProto', (r) => onnx.TensorProto.decode(r), problems);
  const tensor = toTensor(proto, isSet(proto.name) ? `tensor "${proto.name}"` : 'the tensor', problems);
  problems.settle();
  return tensor;
}

/**
 * Reads one serialized SequenceProto: test data of inputs and outputs of sequence type. Nothing in the bytes tells them from a
 * TensorProto: the type of the input or output does.
 */
export function decodeSequence(bytes: Uint8Array, options: DecodeOptions = {}): OnnxData {
  const problems = collectProblems(options.file);
  const proto = read(plainView(bytes), 'SequenceProto', (r) => onnx.SequenceProto.decode(r), problems);
  const sequence = toSequence(proto, 'the sequence', problems);
  problems.settle();
  return sequence;
}

/** Reads one serialized OptionalProto. */
export function decodeOptional(bytes: Uint8Array, options: DecodeOptions = {}): OnnxData {
  const problems = collectProblems(options.file);
  const proto = read(plainView(bytes), 'OptionalProto', (r) => onnx.OptionalProto.decode(r), problems);
  const optional = toOptional(proto, 'the optional', problems);
  problems.settle();
  return optional;
}

/** A Node Buffer would hand out Buffers as views; we promise plain arrays. */
function plainView(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function read<Proto>(
  bytes: Uint8Array,
  message: string,
  decode: (reader: ReturnType<typeof packedReader>) => Proto,
  problems: Problems,
): Proto {
  if (bytes.length > largestMessage) {
    problems.add(messages.fileTooLarge({ size: bytes.length }));
    problems.settle();
  }
  try {
    return decode(packedReader(bytes));
  } catch (error) {
    const size = bytes.length;
    const kind = foreignKind(bytes);
    const damage = locateDamage(bytes, message, fields);
    // A file that makes no sense from its first fields on was never ONNX.
    const atOnce = damage !== undefined && damage.path === '' && damage.offset < 16;
    if (kind !== undefined || atOnce) {
      problems.add(messages.notOnnx({ size, kind, detail: `at byte ${damage?.offset ?? 0}, ${damage?.reason ?? ''}` }));
    } else {
      const found = damage ?? { offset: 0, path: '', reason: error instanceof Error ? error.message : String(error) };
      problems.add(messages.damagedFile({ size, ...found }));
    }
    problems.settle();
    throw error;
  }
}

function toModel(proto: onnx.ModelProto, problems: Problems): OnnxModel {
  const irVersion = toInteger(proto.irVersion ?? 0, 'the IR version', problems);
  if (irVersion > newestIrVersion)
    problems.add(messages.newerThanKnown({ what: 'ONNX IR version', version: irVersion, newest: newestIrVersion }));
  const opsetImports = toOpsets(proto.opsetImport, problems);
  for (const { domain, version } of opsetImports) {
    if ((domain === '' || domain === 'ai.onnx') && version > newestOpset) {
      problems.add(messages.newerThanKnown({ what: 'opset', version, newest: newestOpset }));
    }
  }
  if (proto.trainingInfo.length > 0) problems.add(messages.trainingIgnored({ count: proto.trainingInfo.length }));
  return {
    irVersion,
    producerName: proto.producerName ?? '',
    producerVersion: proto.producerVersion ?? '',
    opsetImports,
    graph: toGraph(proto.graph ?? {}, problems),
    functions: proto.functions.map((f) => toFunction(f, problems)),
    // fromEntries defines keys, so that a key `__proto__` is a key like any other.
    metadata: Object.fromEntries(proto.metadataProps.map((e) => [e.key ?? '', e.value ?? ''])),
  };
}

function toOpsets(imports: readonly onnx.OperatorSetIdProto.$Properties[], problems: Problems): OnnxModel['opsetImports'] {
  return imports.map(({ domain, version }) => ({
    domain: domain ?? '',
    version: toInteger(version ?? 0, `the version of operator set "${domain ?? ''}"`, problems),
  }));
}

function toGraph(proto: onnx.GraphProto.$Properties, problems: Problems): OnnxGraph {
  const values = (list: readonly onnx.ValueInfoProto.$Properties[] | null | undefined, kind: string): OnnxValueInfo[] =>
    (list ?? []).map((v) => toValueInfo(v, kind, problems));
  return {
    name: proto.name ?? '',
    nodes: (proto.node ?? []).map((n) => toNode(n, problems)),
    initializers: (proto.initializer ?? []).map((t) => toTensor(t, `initializer "${t.name ?? ''}"`, problems)),
    sparseInitializers: (proto.sparseInitializer ?? []).map((t) =>
      toSparseTensor(t, `sparse initializer "${t.values?.name ?? ''}"`, problems),
    ),
    inputs: values(proto.input, 'input'),
    outputs: values(proto.output, 'output'),
    valueInfos: values(proto.valueInfo, 'value'),
  };
}

function toFunction(proto: onnx.FunctionProto.$Properties, problems: Problems): OnnxFunction {
  const where = `function "${proto.name ?? ''}"`;
  return {
    name: proto.name ?? '',
    domain: proto.domain ?? '',
    overload: proto.overload ?? '',
    inputs: proto.input ?? [],
    outputs: proto.output ?? [],
    attributes: proto.attribute ?? [],
    attributeDefaults: (proto.attributeProto ?? []).map((a) => toAttribute(a, where, problems)),
    nodes: (proto.node ?? []).map((n) => toNode(n, problems)),
    opsetImports: toOpsets(proto.opsetImport ?? [], problems),
  };
}

function toNode(proto: onnx.NodeProto.$Properties, problems: Problems): OnnxNode {
  const opType = proto.opType ?? '';
  const outputs = proto.output ?? [];
  const where = proto.name ? `node "${proto.name}" (${opType})` : `the ${opType} node that gives "${outputs[0] ?? ''}"`;
  return {
    name: proto.name ?? '',
    opType,
    domain: proto.domain ?? '',
    overload: proto.overload ?? '',
    inputs: proto.input ?? [],
    outputs,
    attributes: (proto.attribute ?? []).map((a) => toAttribute(a, where, problems)),
  };
}

function toAttribute(proto: onnx.AttributeProto.$Properties, owner: string, problems: Problems): OnnxAttribute {
  const name = proto.name ?? '';
  const refName = proto.refAttrName ?? '';
  const where = `attribute "${name}" of ${owner}`;
  const kind = kindOf(proto);
  const problem = (why: string): OnnxAttribute => {
    problems.add(messages.badAttribute({ where, why }));
    return { name, refName, kind: 'int', value: 0 };
  };
  if (kind === undefined)
    return problem(isSet(proto.type) ? `has type ${proto.type}, which ONNX does not define` : 'has neither type nor value');
  // A reference takes its value from the caller; what stands here is a filler of the right kind.
  const missing = refName === '' && !isSet(singleMessage(proto, kind));
  switch (kind) {
    case 'int':
      return { name, refName, kind, value: toAttributeInt(proto.i ?? 0, where, problems) };
    case 'float':
      return { name, refName, kind, value: proto.f ?? 0 };
    case 'string':
      return { name, refName, kind, value: proto.s ?? new Uint8Array() };
    case 'tensor':
      if (missing) return problem('is a tensor without a value');
      return { name, refName, kind, value: toTensor(proto.t ?? { dataType: 1, dims: [0] }, where, problems) };
    case 'graph':
      if (missing) return problem('is a graph without a value');
      return { name, refName, kind, value: toGraph(proto.g ?? {}, problems) };
    case 'sparseTensor': {
      if (missing) return problem('is a sparse tensor without a value');
      const empty = { dataType: 1, dims: [0] };
      return { name, refName, kind, value: toSparseTensor(proto.sparseTensor ?? { values: empty, indices: empty }, where, problems) };
    }
    case 'type':
      return { name, refName, kind, value: toType(proto.tp, where, problems) };
    case 'ints':
      return { name, refName, kind, value: int64List(proto.ints ?? []).map((v) => toAttributeInt(v, where, problems)) };
    case 'floats':
      return { name, refName, kind, value: [...float32Of(proto.floats ?? [])] };
    case 'strings':
      return { name, refName, kind, value: proto.strings ?? [] };
    case 'tensors':
      return { name, refName, kind, value: (proto.tensors ?? []).map((t) => toTensor(t, where, problems)) };
    case 'graphs':
      return { name, refName, kind, value: (proto.graphs ?? []).map((g) => toGraph(g, problems)) };
    case 'sparseTensors':
      return { name, refName, kind, value: (proto.sparseTensors ?? []).map((t) => toSparseTensor(t, where, problems)) };
    case 'types':
      return { name, refName, kind, value: (proto.typeProtos ?? []).map((t) => toType(t, where, problems)) };
  }
}

/** IR 1 had no type field: the value that is there tells. */
function kindOf(proto: onnx.AttributeProto.$Properties): AttributeKind | undefined {
  if (isSet(proto.type) && proto.type !== 0) return attributeKind(proto.type);
  if (isSet(proto.f)) return 'float';
  if (isSet(proto.i)) return 'int';
  if (isSet(proto.s)) return 'string';
  if (isSet(proto.t)) return 'tensor';
  if (isSet(proto.g)) return 'graph';
  if (isSet(proto.sparseTensor)) return 'sparseTensor';
  if (isSet(proto.tp)) return 'type';
  if (proto.floats?.length) return 'floats';
  if (proto.ints?.length) return 'ints';
  if (proto.strings?.length) return 'strings';
  if (proto.tensors?.length) return 'tensors';
  if (proto.graphs?.length) return 'graphs';
  if (proto.sparseTensors?.length) return 'sparseTensors';
  if (proto.typeProtos?.length) return 'types';
  return undefined;
}

/** The value of a kind that has no sensible default; other kinds have one (0, empty) and count as present. */
function singleMessage(proto: onnx.AttributeProto.$Properties, kind: AttributeKind): unknown {
  return kind === 'tensor' ? proto.t : kind === 'graph' ? proto.g : kind === 'sparseTensor' ? proto.sparseTensor : kind;
}

function toValueInfo(proto: onnx.ValueInfoProto.$Properties, kind: string, problems: Problems): OnnxValueInfo {
  const name = proto.name ?? '';
  return { name, type: toType(proto.type, `${kind} "${name}"`, problems) };
}

function toType(proto: onnx.TypeProto.$Properties | null | undefined, where: string, problems: Problems): OnnxType {
  const none: OnnxType = { kind: 'none' };
  if (!isSet(proto)) return none;
  const tensor = proto.tensorType ?? proto.sparseTensorType;
  if (isSet(tensor)) {
    // Exporters leave the element type 0 where they do not know it; then nothing is known.
    if (!tensor.elemType) return none;
    const dtype = toElementType(tensor.elemType, where, problems);
    if (dtype === undefined) return none;
    const shape = isSet(tensor.shape) ? (tensor.shape.dim ?? []).map((d) => toDim(d, where, problems)) : null;
    return { kind: isSet(proto.tensorType) ? 'tensor' : 'sparseTensor', dtype, shape };
  }
  if (isSet(proto.sequenceType)) return { kind: 'sequence', element: elementOf(proto.sequenceType.elemType, where, problems) };
  if (isSet(proto.optionalType)) return { kind: 'optional', element: elementOf(proto.optionalType.elemType, where, problems) };
  if (isSet(proto.mapType)) {
    const keyType = toElementType(proto.mapType.keyType ?? 0, `the keys of ${where}`, problems);
    return keyType === undefined ? none : { kind: 'map', keyType, value: elementOf(proto.mapType.valueType, where, problems) };
  }
  return isSet(proto.opaqueType) ? { kind: 'opaque' } : none;
}

function elementOf(proto: onnx.TypeProto.$Properties | null | undefined, where: string, problems: Problems): OnnxType | null {
  return isSet(proto) ? toType(proto, where, problems) : null;
}

/** Negative sizes are how some exporters write "unknown". */
function toDim(proto: onnx.TensorShapeProto.Dimension.$Properties, where: string, problems: Problems): OnnxDim {
  if (!isSet(proto.dimValue)) return proto.dimParam || null;
  const size = toInteger(proto.dimValue, `a dimension of ${where}`, problems);
  return size < 0 ? null : size;
}

function toInteger(value: Int64, where: string, problems: Problems): number {
  if (!isExact(value)) problems.add(messages.unsafeInteger({ where, value: toText(value) }));
  return toNumber(value);
}

/** Exporters write INT64_MAX (or nearly) for "to the end" and INT64_MIN for "from the end": the largest exact numbers mean the same. */
function toAttributeInt(value: Int64, where: string, problems: Problems): number {
  const number = toNumber(value);
  if (number >= 2 ** 62) return Number.MAX_SAFE_INTEGER;
  if (number <= -(2 ** 62)) return Number.MIN_SAFE_INTEGER;
  return toInteger(value, where, problems);
}
