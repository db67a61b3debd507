/**
 * Writes graphs that are more than chains of layers, node by node as torch.onnx.export (opset 17) names them: `/scope/Op`,
 * a second one in the same scope `/scope/Op_1`. Shapes are the builder's own business.
 */
import { elementCount } from '../core/index.ts';
import { writeOnnx, type AttributeValue, type NodeRecord, type TensorRecord, type ValueRecord } from './onnx-file.ts';
import { bellShaped } from './weights.ts';

export interface GraphWriter {
  input(name: string, shape: readonly number[], dtype?: 'float32' | 'int64'): string;
  /** A node with one output, whose name is returned. */
  op(scope: string, opType: string, inputs: readonly string[], attributes?: Readonly<Record<string, Attribute>>): string;
  /** A node with several outputs. */
  ops(
    scope: string,
    opType: string,
    inputs: readonly string[],
    outputs: number,
    attributes?: Readonly<Record<string, Attribute>>,
  ): readonly string[];
  /** Bell-shaped weights of this standard deviation. */
  weight(name: string, dims: readonly number[], deviation: number): string;
  /** The same number throughout, as fresh norms have them. */
  filled(name: string, dims: readonly number[], value: number): string;
  /** Numbers as they are. */
  floats(name: string, dims: readonly number[], data: Float32Array): string;
  /** A Constant node of one float, as exporters leave literals. */
  scalar(scope: string, value: number): string;
  /** A Constant node of int64. */
  ints(scope: string, values: readonly number[]): string;
  output(value: string, name: string, shape: readonly number[]): void;
  finish(): Uint8Array;
}

/** Whole numbers are int attributes; a float is given as { float }. */
export type Attribute = number | readonly number[] | string | { readonly float: number };

export function createGraphWriter(name: string, seed: number): GraphWriter {
  const nodes: NodeRecord[] = [];
  const initializers: TensorRecord[] = [];
  const inputs: ValueRecord[] = [];
  const outputs: ValueRecord[] = [];
  const renamed = new Map<string, string>();
  const counts = new Map<string, number>();
  const known = new Set<string>();

  const emit = (scope: string, opType: string, from: readonly string[], count: number, attributes: readonly AttributeValue[]): string[] => {
    const base = `${scope}/${opType}`;
    const n = counts.get(base) ?? 0;
    counts.set(base, n + 1);
    const path = n === 0 ? base : `${base}_${n}`;
    const made = Array.from({ length: count }, (_, i) => `${path}_output_${i}`);
    nodes.push({ name: path, opType, inputs: from, outputs: made, attributes });
    return made;
  };
  const first = (made: readonly string[]): string => made[0] ?? '';
  const store = (tensor: TensorRecord): string => {
    // A module used twice has its weights once.
    if (!known.has(tensor.name)) initializers.push(tensor);
    known.add(tensor.name);
    return tensor.name;
  };
  return {
    input(inputName, shape, dtype = 'float32') {
      inputs.push({ name: inputName, shape, dtype });
      return inputName;
    },
    op: (scope, opType, from, attributes = {}) => first(emit(scope, opType, from, 1, records(attributes))),
    ops: (scope, opType, from, count, attributes = {}) => emit(scope, opType, from, count, records(attributes)),
    weight: (parameter, dims, deviation) =>
      store({ name: parameter, dims, data: bellShaped(parameter, seed, elementCount(dims), deviation) }),
    filled: (parameter, dims, value) => store({ name: parameter, dims, data: new Float32Array(elementCount(dims)).fill(value) }),
    floats: (parameter, dims, data) => store({ name: parameter, dims, data }),
    scalar: (scope, value) =>
      first(emit(scope, 'Constant', [], 1, [{ name: 'value', tensor: { name: '', dims: [], data: Float32Array.of(value) } }])),
    ints(scope, values) {
      const data = BigInt64Array.from(values, BigInt);
      return first(emit(scope, 'Constant', [], 1, [{ name: 'value', tensor: { name: '', dims: [values.length], data } }]));
    },
    output(value, outputName, shape) {
      renamed.set(value, outputName);
      outputs.push({ name: outputName, shape });
    },
    finish() {
      const rename = (value: string): string => renamed.get(value) ?? value;
      const final = nodes.map((n) => ({ ...n, inputs: n.inputs.map(rename), outputs: n.outputs.map(rename) }));
      return writeOnnx({ name, nodes: final, initializers, inputs, outputs });
    },
  };
}

function records(attributes: Readonly<Record<string, Attribute>>): AttributeValue[] {
  return Object.entries(attributes).map(([name, value]): AttributeValue => {
    if (typeof value === 'number') return { name, int: value };
    if (typeof value === 'string') return { name, text: value };
    return 'float' in value ? { name, float: value.float } : { name, ints: value };
  });
}
