import { elementCount, seededRandom, type Tensor } from '../../src/core/index.ts';
import { type Attribute, type Graph, type Node, type Value } from '../../src/graph/index.ts';

/** A float32 tensor. */
export function f32(shape: readonly number[], numbers: readonly number[]): Tensor {
  return { dtype: 'float32', shape, data: Float32Array.from(numbers) };
}

export function i64(shape: readonly number[], numbers: readonly number[]): Tensor {
  return { dtype: 'int64', shape, data: BigInt64Array.from(numbers, BigInt) };
}

/** Bell-shaped float32 numbers. */
export function randomTensor(shape: readonly number[], seed: number): Tensor {
  const random = seededRandom(seed);
  return f32(
    shape,
    Array.from({ length: elementCount(shape) }, () => random.bell()),
  );
}

export type Plain = number | string | readonly number[];

/** int, float ("float:0.5"), string, ints. */
export function attributes(plain: Readonly<Record<string, Plain>>): Record<string, Attribute> {
  const result: Record<string, Attribute> = {};
  for (const [key, value] of Object.entries(plain)) {
    if (typeof value === 'number') result[key] = { kind: 'int', value };
    else if (typeof value !== 'string') result[key] = { kind: 'ints', value };
    else if (value.startsWith('float:')) result[key] = { kind: 'float', value: Number(value.slice(6)) };
    else result[key] = { kind: 'string', value };
  }
  return result;
}

export function node(op: string, inputs: number, plain: Readonly<Record<string, Plain>> = {}, outputs: number = 1): Node {
  return {
    op,
    domain: op === 'ScaleShift' ? 'systole' : '',
    name: op.toLowerCase(),
    inputs: Array.from({ length: inputs }, (_, i) => i),
    outputs: Array.from({ length: outputs }, (_, i) => inputs + i),
    attributes: attributes(plain),
    origin: [op.toLowerCase()],
  };
}

/** The numbers of a tensor, int64 as number. */
export function numbers(tensor: Tensor | undefined): number[] {
  return tensor === undefined ? [] : Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

export function value(id: number, name: string, shape: Value['type']['shape'], dtype: Value['type']['dtype'] = 'float32'): Value {
  return { id, name, type: { dtype, shape }, layout: 'row-major', quantization: null, constant: null };
}

export function graphOf(parts: Partial<Graph> & Pick<Graph, 'values' | 'nodes' | 'inputs' | 'outputs'>): Graph {
  return { name: 'test', opset: 13, retired: {}, ...parts };
}
