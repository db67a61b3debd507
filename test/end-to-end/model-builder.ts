/** Builds small ONNX models in memory, as decoded files: what an exporter would write, without the bytes. */
import type { DType, Random } from '../../src/core/index.ts';
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from '../../src/onnx/model.ts';

type AttributeValue = number | string | readonly number[] | { readonly float: number };

export interface ModelBuilder {
  input(name: string, shape: readonly number[]): string;
  weight(name: string, shape: readonly number[], values: ArrayLike<number>): string;
  node(opType: string, inputs: readonly string[], attributes?: Readonly<Record<string, AttributeValue>>): string;
  finish(...outputs: readonly string[]): OnnxModel;
}

const noRef = { refName: '' };

function attribute(name: string, value: AttributeValue): OnnxAttribute {
  if (typeof value === 'number') return { name, ...noRef, kind: 'int', value };
  if (typeof value === 'string') return { name, ...noRef, kind: 'string', value: new TextEncoder().encode(value) };
  if ('float' in value) return { name, ...noRef, kind: 'float', value: value.float };
  return { name, ...noRef, kind: 'ints', value };
}

export function modelBuilder(opset = 17): ModelBuilder {
  const inputs: OnnxValueInfo[] = [];
  const initializers: OnnxTensor[] = [];
  const nodes: OnnxNode[] = [];
  const info = (name: string, dtype: DType, shape: readonly number[] | null): OnnxValueInfo => ({
    name,
    type: { kind: 'tensor', dtype, shape },
  });
  return {
    input(name, shape) {
      inputs.push(info(name, 'float32', shape));
      return name;
    },
    weight(name, shape, values) {
      const data = Float32Array.from(values);
      initializers.push({ name, dtype: 'float32', dims: shape, data: { kind: 'bytes', bytes: new Uint8Array(data.buffer) } });
      return name;
    },
    node(opType, nodeInputs, attributes = {}) {
      const name = `${opType.toLowerCase()}${nodes.length}`;
      nodes.push({
        name,
        opType,
        domain: '',
        overload: '',
        inputs: nodeInputs,
        outputs: [`${name}_out`],
        attributes: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
      });
      return `${name}_out`;
    },
    finish(...outputs) {
      return {
        irVersion: 8,
        producerName: 'test',
        producerVersion: '',
        opsetImports: [{ domain: '', version: opset }],
        graph: {
          name: 'g',
          nodes,
          initializers,
          sparseInitializers: [],
          inputs,
          outputs: outputs.map((name) => info(name, 'float32', null)),
          valueInfos: [],
        },
        functions: [],
        metadata: {},
      };
    },
  };
}

export function bell(random: Random, count: number, scale: number): Float32Array {
  return Float32Array.from({ length: count }, () => random.bell() * scale);
}
