import fc from 'fast-check';
import onnxProto from 'onnx-proto';
import { describe, expect, test } from 'vitest';
import { decodeModel, decodeTensor, encodeModel, encodeTensor, type OnnxModel } from '../../src/onnx/index.ts';
import { arbitraryModel } from './arbitrary-model.ts';

describe('decode(encode(model)) = model', () => {
  test('for random models of every attribute kind, element type and value type', () => {
    fc.assert(
      fc.property(arbitraryModel, (model) => {
        expect(decodeModel(encodeModel(model)).model).toEqual(model);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  test('a key named __proto__ is a key like any other', () => {
    const metadata = Object.fromEntries([['__proto__', 'kept']]);
    const decoded = decodeModel(encodeModel({ ...empty, metadata })).model;
    expect(Object.entries(decoded.metadata)).toEqual([['__proto__', 'kept']]);
  });

  test('one tensor alone, as in test data', () => {
    const tensor = { name: 'x', dtype: 'int16', dims: [2], data: { kind: 'bytes', bytes: Uint8Array.of(1, 0, 255, 255) } } as const;
    expect(decodeTensor(encodeTensor(tensor))).toEqual(tensor);
  });
});

test('onnx-proto, an independent decoder, reads what we encode', () => {
  const model: OnnxModel = {
    ...empty,
    graph: {
      ...empty.graph,
      nodes: [
        {
          name: 'n',
          opType: 'Conv',
          domain: '',
          overload: '',
          inputs: ['x', 'w'],
          outputs: ['y'],
          attributes: [{ name: 'pads', refName: '', kind: 'ints', value: [1, -2, 2 ** 40, -(2 ** 40)] }],
        },
      ],
      initializers: [{ name: 'w', dtype: 'float32', dims: [1], data: { kind: 'bytes', bytes: Uint8Array.of(0, 0, 128, 63) } }],
    },
  };
  const { graph } = onnxProto.onnx.ModelProto.decode(encodeModel(model));
  const node = graph?.node?.[0];
  expect(node?.opType).toBe('Conv');
  expect(node?.attribute?.[0]?.ints?.map(Number)).toEqual([1, -2, 2 ** 40, -(2 ** 40)]);
  expect([...(graph?.initializer?.[0]?.rawData ?? [])]).toEqual([0, 0, 128, 63]);
});

const empty: OnnxModel = {
  irVersion: 8,
  producerName: '',
  producerVersion: '',
  opsetImports: [{ domain: '', version: 17 }],
  graph: { name: 'g', nodes: [], initializers: [], sparseInitializers: [], inputs: [], outputs: [], valueInfos: [] },
  functions: [],
  metadata: {},
};
