/** OnnxModel -> bytes of an ONNX file: what decode reads back as the same model. Tensor data is written as raw_data. */
import { attributeKindNumber, elementTypeNumber } from './element-types.ts';
import { onnx } from './generated/onnx.js';
import type {
  OnnxAttribute,
  OnnxDim,
  OnnxFunction,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxSparseTensor,
  OnnxTensor,
  OnnxType,
  OnnxValueInfo,
} from './model.ts';

export function encodeModel(model: OnnxModel): Uint8Array {
  return finish(
    onnx.ModelProto.encode({
      irVersion: model.irVersion,
      producerName: model.producerName,
      producerVersion: model.producerVersion,
      graph: fromGraph(model.graph),
      opsetImport: [...model.opsetImports],
      metadataProps: Object.entries(model.metadata).map(([key, value]) => ({ key, value })),
      functions: model.functions.map(fromFunction),
    }),
  );
}

/** One serialized TensorProto. */
export function encodeTensor(tensor: OnnxTensor): Uint8Array {
  return finish(onnx.TensorProto.encode(fromTensor(tensor)));
}

/** Under Node the writer gives a Buffer; everybody is promised a plain array. */
function finish(writer: { finish(): Uint8Array }): Uint8Array {
  const { buffer, byteOffset, byteLength } = writer.finish();
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function fromGraph(graph: OnnxGraph): onnx.GraphProto.$Properties {
  return {
    name: graph.name,
    node: graph.nodes.map(fromNode),
    initializer: graph.initializers.map(fromTensor),
    sparseInitializer: graph.sparseInitializers.map(fromSparseTensor),
    input: graph.inputs.map(fromValueInfo),
    output: graph.outputs.map(fromValueInfo),
    valueInfo: graph.valueInfos.map(fromValueInfo),
  };
}

function fromFunction(f: OnnxFunction): onnx.FunctionProto.$Properties {
  return {
    name: f.name,
    domain: f.domain,
    input: [...f.inputs],
    output: [...f.outputs],
    attribute: [...f.attributes],
    attributeProto: f.attributeDefaults.map(fromAttribute),
    node: f.nodes.map(fromNode),
    opsetImport: [...f.opsetImports],
    ...(f.overload === '' ? {} : { overload: f.overload }),
  };
}

function fromNode(node: OnnxNode): onnx.NodeProto.$Properties {
  return {
    input: [...node.inputs],
    output: [...node.outputs],
    name: node.name,
    opType: node.opType,
    attribute: node.attributes.map(fromAttribute),
    // Written only where they say something, as exporters do: readers before IR 10 know no overload.
    ...(node.domain === '' ? {} : { domain: node.domain }),
    ...(node.overload === '' ? {} : { overload: node.overload }),
  };
}

function fromAttribute(attribute: OnnxAttribute): onnx.AttributeProto.$Properties {
  const { name, refName, kind } = attribute;
  const type = attributeKindNumber(kind);
  return refName === '' ? { name, type, ...fromAttributeValue(attribute) } : { name, type, refAttrName: refName };
}

function fromAttributeValue(attribute: OnnxAttribute): onnx.AttributeProto.$Properties {
  switch (attribute.kind) {
    case 'int':
      return { i: attribute.value };
    case 'float':
      return { f: attribute.value };
    case 'string':
      return { s: attribute.value };
    case 'tensor':
      return { t: fromTensor(attribute.value) };
    case 'graph':
      return { g: fromGraph(attribute.value) };
    case 'sparseTensor':
      return { sparseTensor: fromSparseTensor(attribute.value) };
    case 'type':
      return { tp: fromType(attribute.value) };
    case 'ints':
      return { ints: [...attribute.value] };
    case 'floats':
      return { floats: [...attribute.value] };
    case 'strings':
      return { strings: [...attribute.value] };
    case 'tensors':
      return { tensors: attribute.value.map(fromTensor) };
    case 'graphs':
      return { graphs: attribute.value.map(fromGraph) };
    case 'sparseTensors':
      return { sparseTensors: attribute.value.map(fromSparseTensor) };
    case 'types':
      return { typeProtos: attribute.value.map(fromType) };
  }
}

function fromTensor({ name, dtype, dims, data }: OnnxTensor): onnx.TensorProto.$Properties {
  const tensor: onnx.TensorProto.$Properties = { dims: [...dims], dataType: elementTypeNumber(dtype), ...(name === '' ? {} : { name }) };
  switch (data.kind) {
    case 'bytes':
      return { ...tensor, rawData: data.bytes };
    case 'strings':
      return { ...tensor, stringData: [...data.strings] };
    case 'external': {
      const entries: [key: string, value: string][] = [['location', data.location]];
      if (data.offset !== 0) entries.push(['offset', String(data.offset)]);
      if (data.length !== null) entries.push(['length', String(data.length)]);
      return {
        ...tensor,
        dataLocation: onnx.TensorProto.DataLocation.EXTERNAL,
        externalData: entries.map(([key, value]) => ({ key, value })),
      };
    }
    case 'absent':
      return tensor;
  }
}

function fromSparseTensor(sparse: OnnxSparseTensor): onnx.SparseTensorProto.$Properties {
  return { values: fromTensor(sparse.values), indices: fromTensor(sparse.indices), dims: [...sparse.dims] };
}

function fromValueInfo({ name, type }: OnnxValueInfo): onnx.ValueInfoProto.$Properties {
  return type.kind === 'none' ? { name } : { name, type: fromType(type) };
}

function fromType(type: OnnxType): onnx.TypeProto.$Properties {
  switch (type.kind) {
    case 'tensor':
    case 'sparseTensor': {
      const tensor = {
        elemType: elementTypeNumber(type.dtype),
        ...(type.shape === null ? {} : { shape: { dim: type.shape.map(fromDim) } }),
      };
      return type.kind === 'tensor' ? { tensorType: tensor } : { sparseTensorType: tensor };
    }
    case 'sequence':
      return { sequenceType: type.element === null ? {} : { elemType: fromType(type.element) } };
    case 'optional':
      return { optionalType: type.element === null ? {} : { elemType: fromType(type.element) } };
    case 'map':
      return { mapType: { keyType: elementTypeNumber(type.keyType), ...(type.value === null ? {} : { valueType: fromType(type.value) }) } };
    case 'opaque':
      return { opaqueType: {} };
    case 'none':
      return {};
  }
}

function fromDim(dim: OnnxDim): onnx.TensorShapeProto.Dimension.$Properties {
  return typeof dim === 'number' ? { dimValue: dim } : dim === null ? {} : { dimParam: dim };
}
