/** Test data of any type: TensorProto, SequenceProto, OptionalProto and MapProto (onnx-data.proto) as plain values. */
import { onnxMessages as messages } from '../core/index.ts';
import { toElementType, toSparseTensor, toTensor } from './decode-tensor.ts';
import type { onnx } from './generated/onnx.js';
import { toNumber } from './int64.ts';
import type { OnnxData } from './model.ts';
import { int64List } from './packed.ts';
import { isSet } from './presence.ts';
import type { Problems } from './problems.ts';

export function toSequence(proto: onnx.SequenceProto.$Properties, where: string, problems: Problems): OnnxData {
  const of = (index: number): string => `element ${index} of ${where}`;
  const elements = [
    ...(proto.tensorValues ?? []).map((t, i): OnnxData => ({ kind: 'tensor', value: toTensor(t, of(i), problems) })),
    ...(proto.sparseTensorValues ?? []).map((t, i): OnnxData => ({ kind: 'sparseTensor', value: toSparseTensor(t, of(i), problems) })),
    ...(proto.sequenceValues ?? []).map((s, i) => toSequence(s, of(i), problems)),
    ...(proto.mapValues ?? []).map((m, i) => toMap(m, of(i), problems)),
    ...(proto.optionalValues ?? []).map((o, i) => toOptional(o, of(i), problems)),
  ];
  const counts = [proto.tensorValues, proto.sparseTensorValues, proto.sequenceValues, proto.mapValues, proto.optionalValues];
  const used = counts.filter((list) => (list?.length ?? 0) > 0).length;
  if (used > 1) problems.add(messages.badContainer({ where, why: 'holds values of several types' }));
  const stated = proto.elemType ?? 0;
  if (stated < 0 || stated > 5)
    problems.add(messages.badContainer({ where, why: `says its elements are of type ${stated}; ONNX has 0 to 5` }));
  return { kind: 'sequence', name: proto.name ?? '', elements };
}

export function toOptional(proto: onnx.OptionalProto.$Properties, where: string, problems: Problems): OnnxData {
  const name = proto.name ?? '';
  const inner = `the value of ${where}`;
  // Writers give elem_type even where there is no value, so only what is there counts.
  const value: OnnxData | null = isSet(proto.tensorValue)
    ? { kind: 'tensor', value: toTensor(proto.tensorValue, inner, problems) }
    : isSet(proto.sparseTensorValue)
      ? { kind: 'sparseTensor', value: toSparseTensor(proto.sparseTensorValue, inner, problems) }
      : isSet(proto.sequenceValue)
        ? toSequence(proto.sequenceValue, inner, problems)
        : isSet(proto.mapValue)
          ? toMap(proto.mapValue, inner, problems)
          : isSet(proto.optionalValue)
            ? toOptional(proto.optionalValue, inner, problems)
            : null;
  return { kind: 'optional', name, value };
}

function toMap(proto: onnx.MapProto.$Properties, where: string, problems: Problems): OnnxData {
  const keyType = toElementType(proto.keyType ?? 0, `the keys of ${where}`, problems) ?? 'int64';
  const strings = proto.stringKeys ?? [];
  const keys = strings.length > 0 ? strings : int64List(proto.keys ?? []).map(toNumber);
  const values = toSequence(proto.values ?? {}, `the values of ${where}`, problems);
  const elements = values.kind === 'sequence' ? values.elements : [];
  if (elements.length !== keys.length) {
    problems.add(messages.badContainer({ where, why: `has ${keys.length} keys and ${elements.length} values` }));
  }
  return { kind: 'map', name: proto.name ?? '', keyType, keys, values: elements };
}
