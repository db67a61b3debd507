/** Random ONNX models: every attribute kind, every element type, nested graphs. Valid in form; they need not mean anything. */
import fc, { type Arbitrary } from 'fast-check';
import { allDTypes, elementCount, tensorBytes, type DType } from '../../src/core/index.ts';
import type {
  OnnxAttribute,
  OnnxDim,
  OnnxGraph,
  OnnxModel,
  OnnxSparseTensor,
  OnnxTensor,
  OnnxTensorData,
  OnnxType,
} from '../../src/onnx/index.ts';

const name = fc.string({ maxLength: 6, unit: 'grapheme' });
const bytes = (length: number): Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const dtype: Arbitrary<DType> = fc.constantFrom(...allDTypes);
const dims = fc.array(fc.nat(3), { maxLength: 3 });
const float32 = fc.float();
const integer = fc.maxSafeInteger();

/** Typed by its data: bytes or strings for the shape, a reference, or nothing (only where there is something to leave out). */
const tensor: Arbitrary<OnnxTensor> = fc.tuple(name, dtype, dims).chain(([tensorName, type, shape]) => {
  const count = elementCount(shape);
  const stored: Arbitrary<OnnxTensorData> =
    type === 'string'
      ? fc.array(bytes(2), { minLength: count, maxLength: count }).map((strings) => ({ kind: 'strings', strings }))
      : bytes(tensorBytes(type, count)).map((b) => ({ kind: 'bytes', bytes: b }));
  const external = fc
    .record({ location: fc.string({ minLength: 1 }), offset: fc.nat(), length: fc.option(fc.nat()) })
    .map((e): OnnxTensorData => ({ kind: 'external', ...e }));
  const absent = fc.constant<OnnxTensorData>({ kind: 'absent' });
  return fc.oneof(stored, external, count > 0 ? absent : stored).map((data) => ({ name: tensorName, dtype: type, dims: shape, data }));
});

const sparse: Arbitrary<OnnxSparseTensor> = fc.record({ values: tensor, indices: tensor, dims });
const dim: Arbitrary<OnnxDim> = fc.oneof(fc.nat(), fc.string({ minLength: 1, maxLength: 3 }), fc.constant(null));

const { type } = fc.letrec<{ type: OnnxType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 2 },
    fc.record({ kind: fc.constantFrom('tensor', 'sparseTensor'), dtype, shape: fc.option(fc.array(dim, { maxLength: 3 })) }),
    fc.constantFrom<OnnxType>({ kind: 'opaque' }, { kind: 'none' }),
    fc.record({ kind: fc.constantFrom('sequence', 'optional'), element: fc.option(tie('type')) }),
    fc.record({ kind: fc.constant('map' as const), keyType: dtype, value: fc.option(tie('type')) }),
  ),
}));

const { graph, attribute } = fc.letrec<{ graph: OnnxGraph; attribute: OnnxAttribute }>((tie) => {
  const list = <T>(item: Arbitrary<T>): Arbitrary<T[]> => fc.array(item, { maxLength: 2 });
  const named = { name, refName: fc.constant('') };
  const node = fc.record({
    name,
    opType: name,
    domain: name,
    overload: name,
    inputs: list(name),
    outputs: list(name),
    attributes: list(tie('attribute')),
  });
  const valueInfo = fc.record({ name, type });
  return {
    attribute: fc.oneof(
      { maxDepth: 2 },
      fc.record({ ...named, kind: fc.constant('int' as const), value: integer }),
      fc.record({ ...named, kind: fc.constant('float' as const), value: float32 }),
      fc.record({ ...named, kind: fc.constant('string' as const), value: bytes(3) }),
      fc.record({ ...named, kind: fc.constant('tensor' as const), value: tensor }),
      fc.record({ ...named, kind: fc.constant('sparseTensor' as const), value: sparse }),
      fc.record({ ...named, kind: fc.constant('type' as const), value: type }),
      fc.record({ ...named, kind: fc.constant('ints' as const), value: list(integer) }),
      fc.record({ ...named, kind: fc.constant('floats' as const), value: list(float32) }),
      fc.record({ ...named, kind: fc.constant('strings' as const), value: list(bytes(3)) }),
      fc.record({ ...named, kind: fc.constant('tensors' as const), value: list(tensor) }),
      fc.record({ ...named, kind: fc.constant('sparseTensors' as const), value: list(sparse) }),
      fc.record({ ...named, kind: fc.constant('types' as const), value: list(type) }),
      // In a function body: the value is the caller's, what stands here is a filler.
      fc.record({ name, refName: fc.string({ minLength: 1 }), kind: fc.constant('int' as const), value: fc.constant(0) }),
      fc.record({ ...named, kind: fc.constant('graph' as const), value: tie('graph') }),
      fc.record({ ...named, kind: fc.constant('graphs' as const), value: list(tie('graph')) }),
    ),
    graph: fc.record({
      name,
      nodes: list(node),
      initializers: list(tensor),
      sparseInitializers: list(sparse),
      inputs: list(valueInfo),
      outputs: list(valueInfo),
      valueInfos: list(valueInfo),
    }),
  };
});

const opsets = fc.array(fc.record({ domain: name, version: fc.nat(27) }), { maxLength: 2 });

export const arbitraryModel: Arbitrary<OnnxModel> = fc.record({
  irVersion: fc.nat(13),
  producerName: name,
  producerVersion: name,
  opsetImports: opsets,
  graph,
  functions: fc.array(
    fc.record({
      name,
      domain: name,
      overload: name,
      inputs: fc.array(name, { maxLength: 2 }),
      outputs: fc.array(name, { maxLength: 2 }),
      attributes: fc.array(name, { maxLength: 2 }),
      attributeDefaults: fc.array(attribute, { maxLength: 2 }),
      nodes: graph.map((g) => g.nodes),
      opsetImports: opsets,
    }),
    { maxLength: 1 },
  ),
  metadata: fc.dictionary(name, name, { maxKeys: 2, noNullPrototype: true }),
});
