/** Inputs and expected outputs of a test: serialized TensorProto, SequenceProto or OptionalProto, as the graph's type says. */
import { viewBytes, type DType, type OptionalValue, type RuntimeValue, type Tensor, type TensorSequence } from '../../src/core/index.ts';
import { decodeOptional, decodeSequence, decodeTensor } from '../../src/onnx/index.ts';
import type { OnnxData, OnnxModel, OnnxTensor, OnnxType, OnnxValueInfo } from '../../src/onnx/model.ts';
import type { TestFiles } from './packs.ts';

export interface DataSet {
  readonly name: string;
  /** By graph input. Those the data set leaves out are absent. */
  readonly inputs: ReadonlyMap<string, RuntimeValue>;
  /** In the order of the graph's outputs. */
  readonly outputs: readonly RuntimeValue[];
}

/** Graph inputs that a caller gives: those without an initializer. */
export function openInputs(model: OnnxModel): readonly OnnxValueInfo[] {
  const initialized = new Set([
    ...model.graph.initializers.map((t) => t.name),
    ...model.graph.sparseInitializers.map((t) => t.values.name),
  ]);
  return model.graph.inputs.filter((i) => !initialized.has(i.name));
}

/** All data sets of a test, in order: `test_data_set_K` with `input_I.pb` and `output_I.pb`. */
export function readDataSets(model: OnnxModel, files: TestFiles): readonly DataSet[] {
  const sets: DataSet[] = [];
  for (let k = 0; ; k++) {
    const name = `test_data_set_${k}`;
    if (files.read(`${name}/output_0.pb`) === null) return sets;
    const read = (file: string, type: OnnxType): RuntimeValue | null => {
      const bytes = files.read(`${name}/${file}`);
      return bytes === null ? null : readValue(bytes, type);
    };
    const inputs = openInputs(model).flatMap((input, i) => {
      const value = read(`input_${i}.pb`, input.type);
      return value === null ? [] : [[input.name, value] as const];
    });
    const outputs = model.graph.outputs.flatMap((output, i) => read(`output_${i}.pb`, output.type) ?? []);
    sets.push({ name, inputs: new Map(inputs), outputs });
  }
}

export function readValue(bytes: Uint8Array, type: OnnxType): RuntimeValue {
  switch (type.kind) {
    case 'sequence':
      return containerOf(decodeSequence(bytes), elementType(type));
    case 'optional':
      return containerOf(decodeOptional(bytes), elementType(type));
    case 'tensor':
    case 'none':
    case 'sparseTensor':
    case 'map':
    case 'opaque':
      return readTensor(bytes);
  }
}

function elementType(type: OnnxType | null): DType {
  if (type === null) return 'float32';
  if (type.kind === 'sequence' || type.kind === 'optional') return elementType(type.element);
  return type.kind === 'tensor' ? type.dtype : 'float32';
}

function readTensor(bytes: Uint8Array): Tensor {
  return tensorOf(decodeTensor(bytes));
}

function tensorOf({ dtype, dims: shape, data }: OnnxTensor): Tensor {
  switch (data.kind) {
    case 'bytes':
      return { dtype, shape, data: viewBytes(dtype, data.bytes) };
    case 'strings':
      return { dtype, shape, data: data.strings.map((s) => new TextDecoder().decode(s)) };
    case 'external':
      throw new Error(`the data of a test lies in another file, ${data.location}`);
    case 'absent': {
      if (!shape.includes(0)) throw new Error(`a ${dtype} tensor of the test has no data`);
      return { dtype, shape, data: dtype === 'string' ? [] : viewBytes(dtype, new Uint8Array()) };
    }
  }
}

/** @param dtype  of the elements, for a sequence that has none */
function containerOf(data: OnnxData, dtype: DType): TensorSequence | OptionalValue | Tensor {
  switch (data.kind) {
    case 'tensor':
      return tensorOf(data.value);
    case 'sequence': {
      const elements = data.elements.map((element) => {
        if (element.kind !== 'tensor') throw new Error(`a sequence of ${element.kind} values in a test`);
        return tensorOf(element.value);
      });
      return { kind: 'sequence', dtype: elements[0]?.dtype ?? dtype, elements };
    }
    case 'optional': {
      const value = data.value === null ? null : containerOf(data.value, dtype);
      if (value !== null && 'kind' in value && value.kind === 'optional') throw new Error('an optional of an optional in a test');
      return { kind: 'optional', value };
    }
    case 'sparseTensor':
    case 'map':
      throw new Error(`a ${data.kind} value in a test`);
  }
}
