/** Test data that are no tensors. */
import { describe, expect, test } from 'vitest';
import { onnx } from '../../src/onnx/generated/onnx.js';
import { decodeOptional, decodeSequence, type OnnxData } from '../../src/onnx/index.ts';

const int32 = (numbers: readonly number[]): onnx.TensorProto.$Properties => ({
  dims: [numbers.length],
  dataType: 6,
  int32Data: [...numbers],
});

function numbersOf(data: OnnxData | null | undefined): readonly number[] {
  if (data?.kind !== 'tensor' || data.value.data.kind !== 'bytes') throw new Error('no tensor with numbers');
  return [...new Int32Array(data.value.data.bytes.slice().buffer)];
}

describe('sequences', () => {
  test('of tensors, in order, each of its own shape', () => {
    const bytes = onnx.SequenceProto.encode({ name: 's', elemType: 1, tensorValues: [int32([1, 2]), int32([3])] }).finish();
    const sequence = decodeSequence(bytes);
    expect(sequence.kind === 'sequence' && sequence.elements.map(numbersOf)).toEqual([[1, 2], [3]]);
  });

  test('empty ones, whatever their type', () => {
    expect(decodeSequence(new Uint8Array())).toEqual({ kind: 'sequence', name: '', elements: [] });
  });

  test('of sequences and maps', () => {
    const inner = { elemType: 1, tensorValues: [int32([5])] };
    const bytes = onnx.SequenceProto.encode({ elemType: 4, mapValues: [{ keyType: 7, keys: [8], values: inner }] }).finish();
    const sequence = decodeSequence(bytes);
    const [map] = sequence.kind === 'sequence' ? sequence.elements : [];
    expect(map?.kind === 'map' && [map.keyType, map.keys, map.values.map(numbersOf)]).toEqual(['int64', [8], [[5]]]);
  });

  test('that mix types, or claim one there is not, are refused', () => {
    const mixed = { elemType: 1, tensorValues: [int32([1])], sequenceValues: [{}] };
    expect(() => decodeSequence(onnx.SequenceProto.encode(mixed).finish())).toThrow(/SYS1042.*several types/);
    expect(() => decodeSequence(onnx.SequenceProto.encode({ elemType: 9 }).finish())).toThrow('SYS1042');
  });
});

describe('optionals', () => {
  test('with a tensor, with a sequence, with nothing', () => {
    const tensor = decodeOptional(onnx.OptionalProto.encode({ elemType: 1, tensorValue: int32([7]) }).finish());
    expect(tensor.kind === 'optional' && numbersOf(tensor.value)).toEqual([7]);
    const sequence = decodeOptional(onnx.OptionalProto.encode({ elemType: 3, sequenceValue: { elemType: 1 } }).finish());
    expect(sequence).toMatchObject({ kind: 'optional', value: { kind: 'sequence', elements: [] } });
    expect(decodeOptional(onnx.OptionalProto.encode({ elemType: 1 }).finish())).toEqual({ kind: 'optional', name: '', value: null });
  });
});
