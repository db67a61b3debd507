/** Tensors of the file: raw data as views of it, typed fields converted to the same little-endian form. */
import { bitsOf, elementCount, onnxMessages as messages, tensorBytes, type DType } from '../core/index.ts';
import { elementType, newestElementType } from './element-types.ts';
import { isExact, toNumber, toText, type Int64 } from './int64.ts';
import type { onnx } from './generated/onnx.js';
import type { OnnxSparseTensor, OnnxTensor, OnnxTensorData } from './model.ts';
import { countNumbers, float32Of, float64Of, int64Bytes, int64List, low32, type Repeated } from './packed.ts';
import { isSet } from './presence.ts';
import type { Problems } from './problems.ts';

/** What an unreadable tensor is replaced by, so that the rest of the file can be looked at. Never leaves this room: there is an error. */
const unreadable: OnnxTensor = { name: '', dtype: 'float32', dims: [0], data: { kind: 'absent' } };

/** @param where  the tensor in the user's words: `initializer "fc.weight"` */
export function toTensor(proto: onnx.TensorProto.$Properties, where: string, problems: Problems): OnnxTensor {
  const name = proto.name ?? '';
  const dtype = toElementType(proto.dataType ?? 0, where, problems);
  const dims = toDims(proto.dims ?? [], where, problems);
  if (dtype === undefined || dims === undefined) return { ...unreadable, name };
  if (isSet(proto.segment)) problems.add(messages.tensorSegment({ where }));
  return { name, dtype, dims, data: toData(proto, dtype, dims, where, problems) };
}

export function toSparseTensor(proto: onnx.SparseTensorProto.$Properties, where: string, problems: Problems): OnnxSparseTensor {
  return {
    values: toTensor(proto.values ?? {}, `the values of ${where}`, problems),
    indices: toTensor(proto.indices ?? {}, `the indices of ${where}`, problems),
    dims: toDims(proto.dims ?? [], where, problems) ?? [],
  };
}

export function toElementType(number: number, where: string, problems: Problems): DType | undefined {
  const dtype = elementType(number);
  if (dtype === undefined) problems.add(messages.unknownElementType({ where, type: number, newest: newestElementType }));
  return dtype;
}

function toDims(list: Repeated<Int64>, where: string, problems: Problems): readonly number[] | undefined {
  const dims = int64List(list);
  const result = dims.map(toNumber);
  const unsafe = dims.find((d) => !isExact(d));
  if (unsafe !== undefined) problems.add(messages.unsafeInteger({ where: `a dimension of ${where}`, value: toText(unsafe) }));
  const negative = result.find((d) => d < 0);
  if (negative !== undefined) problems.add(messages.badDimension({ where, value: negative }));
  // Sixteen bytes is the widest element: beyond this no byte count is exact, and no memory is that large.
  else if (unsafe === undefined && elementCount(result) > Number.MAX_SAFE_INTEGER / 16) {
    problems.add(messages.tensorTooLarge({ where, dims: result }));
    return undefined;
  }
  return unsafe === undefined && negative === undefined ? result : undefined;
}

function toData(
  proto: onnx.TensorProto.$Properties,
  dtype: DType,
  dims: readonly number[],
  where: string,
  problems: Problems,
): OnnxTensorData {
  if (proto.dataLocation === 1) return toExternal(proto, where, problems);
  const count = elementCount(dims);
  const wrongSize = (expected: string, actual: string): OnnxTensorData => {
    problems.add(messages.tensorSize({ where, dtype, dims, expected, actual }));
    return { kind: 'absent' };
  };
  const raw = proto.rawData ?? new Uint8Array();
  if (raw.length > 0) {
    if (dtype === 'string') return wrongSize('entries of string_data', 'raw_data');
    const expected = tensorBytes(dtype, count);
    return raw.length === expected ? { kind: 'bytes', bytes: raw } : wrongSize(`${expected} bytes`, `${raw.length}`);
  }
  const field = typedField(proto, dtype);
  const expected = dtype === 'string' ? count : field.perElement >= 1 ? count * field.perElement : Math.ceil(count * field.perElement);
  if (field.length === expected) return field.data();
  if (field.length > 0) return wrongSize(`${expected} entries of ${field.name}`, `${field.length}`);
  const misplaced = typedFieldNames.find((name) => (proto[name]?.length ?? 0) > 0);
  if (misplaced !== undefined) return wrongSize(`${expected} entries of ${field.name}`, `none (but some in ${snake(misplaced)})`);
  return { kind: 'absent' };
}

const typedFieldNames = ['floatData', 'int32Data', 'int64Data', 'doubleData', 'uint64Data', 'stringData'] as const;
const snake = (name: string): string => name.replace('Data', '_data');

interface TypedField {
  readonly name: string;
  readonly length: number;
  /** Entries of the field for one element: 2 for complex numbers, 1/2 or 1/4 for packed types. */
  readonly perElement: number;
  readonly data: () => OnnxTensorData;
}

/** The field ONNX keeps elements of this type in, when not in raw_data (comments of TensorProto in onnx.proto). */
function typedField(proto: onnx.TensorProto.$Properties, dtype: DType): TypedField {
  const field = (name: string, length: number, perElement: number, view: () => ArrayBufferView): TypedField => ({
    name,
    length,
    perElement,
    data: () => {
      const { buffer, byteOffset, byteLength } = view();
      return { kind: 'bytes', bytes: new Uint8Array(buffer, byteOffset, byteLength) };
    },
  });
  switch (dtype) {
    case 'float32':
    case 'complex64': {
      const values = proto.floatData ?? [];
      return field('float_data', countNumbers(values, 4), dtype === 'float32' ? 1 : 2, () => float32Of(values));
    }
    case 'float64':
    case 'complex128': {
      const values = proto.doubleData ?? [];
      return field('double_data', countNumbers(values, 8), dtype === 'float64' ? 1 : 2, () => float64Of(values));
    }
    case 'int64': {
      const values = proto.int64Data ?? [];
      return field('int64_data', countNumbers(values, 0), 1, () => int64Bytes(values));
    }
    case 'uint64':
    case 'uint32': {
      const values = proto.uint64Data ?? [];
      return field('uint64_data', countNumbers(values, 0), 1, () => (dtype === 'uint64' ? int64Bytes(values) : low32(values)));
    }
    case 'string': {
      const values = proto.stringData ?? [];
      return { name: 'string_data', length: values.length, perElement: 1, data: () => ({ kind: 'strings', strings: values }) };
    }
    default: {
      const values = proto.int32Data ?? [];
      const bits = bitsOf(dtype);
      return field('int32_data', countNumbers(values, 0), Math.min(1, bits / 8), () => {
        const words = low32(values);
        return bits === 32 ? words : bits === 16 ? Uint16Array.from(words) : Uint8Array.from(words);
      });
    }
  }
}

function toExternal(proto: onnx.TensorProto.$Properties, where: string, problems: Problems): OnnxTensorData {
  const entries = new Map((proto.externalData ?? []).map((e) => [e.key ?? '', e.value ?? '']));
  const problem = (why: string): OnnxTensorData => {
    problems.add(messages.badExternalData({ where, why }));
    return { kind: 'absent' };
  };
  const location = entries.get('location') ?? '';
  if (location === '') return problem('no location is given');
  const numbers: (number | null)[] = [];
  for (const key of ['offset', 'length']) {
    const text = entries.get(key);
    const value = text === undefined || text === '' ? null : Number(text);
    if (value !== null && !(/^\d+$/.test(text ?? '') && Number.isSafeInteger(value)))
      return problem(`its ${key} is "${text}", not a number of bytes`);
    numbers.push(value);
  }
  return { kind: 'external', location, offset: numbers[0] ?? 0, length: numbers[1] ?? null };
}
