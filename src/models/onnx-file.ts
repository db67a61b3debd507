/**
 * The one place that touches `onnx-proto`: the published JavaScript binding of ONNX (IR 8). Models are written with it, and read by
 * src/onnx, whose codec is generated from our own schema: writer and reader check each other.
 */
import onnxProto from 'onnx-proto';

/** What we use of it; its own declarations name a protobufjs of another major version. */
export type AttributeValue =
  | { readonly name: string; readonly int: number }
  | { readonly name: string; readonly float: number }
  | { readonly name: string; readonly ints: readonly number[] }
  | { readonly name: string; readonly text: string }
  | { readonly name: string; readonly tensor: TensorRecord };

export interface NodeRecord {
  readonly name: string;
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly AttributeValue[];
}

/** float32 for weights, int64 for shapes and indices. */
export interface TensorRecord {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export interface ValueRecord {
  readonly name: string;
  readonly shape: readonly number[];
  /** float32 when left out. */
  readonly dtype?: 'float32' | 'int64';
}

export interface NetworkRecord {
  readonly name: string;
  readonly nodes: readonly NodeRecord[];
  readonly initializers: readonly TensorRecord[];
  readonly inputs: readonly ValueRecord[];
  readonly outputs: readonly ValueRecord[];
}

const opset = 17;
const irVersion = 8;

/** The ONNX file. Nodes and tensors are written in the order given, so the same network gives the same bytes. */
export function writeOnnx(network: NetworkRecord): Uint8Array {
  const { onnx } = onnxProto;
  const model = onnx.ModelProto.create({
    irVersion,
    producerName: 'systole',
    opsetImport: [{ domain: '', version: opset }],
    graph: {
      name: network.name,
      node: network.nodes.map((n) => ({
        input: [...n.inputs],
        output: [...n.outputs],
        name: n.name,
        opType: n.opType,
        attribute: n.attributes.map(attribute),
      })),
      initializer: network.initializers.map(tensor),
      input: network.inputs.map(valueInfo),
      output: network.outputs.map(valueInfo),
    },
  });
  // Under Node the writer gives a Buffer; everybody here is promised a plain array.
  const file = onnx.ModelProto.encode(model).finish();
  return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
}

function attribute(a: AttributeValue): onnxProto.onnx.IAttributeProto {
  const { AttributeType } = onnxProto.onnx.AttributeProto;
  if ('int' in a) return { name: a.name, type: AttributeType.INT, i: a.int };
  if ('float' in a) return { name: a.name, type: AttributeType.FLOAT, f: a.float };
  if ('text' in a) return { name: a.name, type: AttributeType.STRING, s: new TextEncoder().encode(a.text) };
  if ('ints' in a) return { name: a.name, type: AttributeType.INTS, ints: [...a.ints] };
  return { name: a.name, type: AttributeType.TENSOR, t: tensor(a.tensor) };
}

function tensor({ name, dims, data }: TensorRecord): onnxProto.onnx.ITensorProto {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const { FLOAT, INT64 } = onnxProto.onnx.TensorProto.DataType;
  return { name, dims: [...dims], dataType: data instanceof Float32Array ? FLOAT : INT64, rawData };
}

function valueInfo({ name, shape, dtype }: ValueRecord): onnxProto.onnx.IValueInfoProto {
  const { FLOAT, INT64 } = onnxProto.onnx.TensorProto.DataType;
  return {
    name,
    type: { tensorType: { elemType: dtype === 'int64' ? INT64 : FLOAT, shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
  };
}
