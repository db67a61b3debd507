/** Ranges of activations, from running the float model on inputs; and inputs, from a seed. */
import {
  compilerMessages,
  fail,
  hashName,
  isFloat,
  integerRange,
  isInteger,
  seededRandom,
  zeros,
  type Random,
  type Tensor,
} from '../../core/index.ts';
import { interpret } from '../../graph/index.ts';
import type { Graph, Value } from '../../graph/ir.ts';
import { staticShape } from '../passes/constants.ts';
import type { CalibrationTable, Range } from './range.ts';

/**
 * Runs the graph on every set of inputs and keeps the smallest and largest finite number of each float value, by name. The table
 * fits this graph, and every graph that passes make of it without new values.
 */
export function calibrate(graph: Graph, inputs: readonly ReadonlyMap<string, Tensor>[]): CalibrationTable {
  const table = new Map<string, Range>();
  const observe = (value: Value, tensor: Tensor): void => {
    if (tensor.dtype !== 'float32' || !(tensor.data instanceof Float32Array)) return;
    const before = table.get(value.name);
    table.set(value.name, widen(before, tensor.data));
  };
  for (const one of inputs) interpret(graph, one, { observe });
  const empty = [...table].filter(([name, range]) => range.min > range.max && !isEmpty(graph, name)).map(([name]) => name);
  if (empty.length > 0) fail(compilerMessages.calibrationWithoutNumbers({ values: empty }));
  return table;
}

/** Whether a value has no elements at all, so that no range is to be expected. */
function isEmpty(graph: Graph, name: string): boolean {
  return graph.values.find((v) => v.name === name)?.type.shape.includes(0) ?? false;
}

function widen(before: Range | undefined, data: Float32Array): Range {
  let min = before?.min ?? Infinity;
  let max = before?.max ?? -Infinity;
  for (let i = 0; i < data.length; i++) {
    const x = data[i] ?? 0;
    if (x < min && x !== -Infinity) min = x;
    if (x > max && x !== Infinity) max = x;
  }
  return { min, max };
}

/**
 * Inputs for a model whose data nobody has: bell-shaped around 0 with unit variance for floats, small whole numbers for integers.
 * Seeded by `seed` and the input's name, so that adding an input does not change the others.
 * @throws when an input has symbolic sizes: bind them first
 */
export function randomInputs(graph: Graph, seed: number): Map<string, Tensor> {
  const inputs = new Map<string, Tensor>();
  for (const id of graph.inputs) {
    const value = graph.values[id];
    if (value !== undefined) inputs.set(value.name, randomTensor(value, seed));
  }
  return inputs;
}

function randomTensor(value: Value, seed: number): Tensor {
  const shape = staticShape(value.type);
  if (shape === null) throw new Error(`input "${value.name}" has sizes that are not bound`);
  const { dtype } = value.type;
  const random = seededRandom(hashName(value.name) ^ Math.imul(seed, 0x9e3779b1));
  const { data } = zeros(dtype, shape);
  const next = generator(dtype, random);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) for (let i = 0; i < data.length; i++) data[i] = BigInt(next());
  else if (ArrayBuffer.isView(data)) for (let i = 0; i < data.length; i++) data[i] = next();
  return { dtype, shape, data };
}

function generator(dtype: Value['type']['dtype'], random: Random): () => number {
  if (isFloat(dtype)) return () => random.bell();
  if (dtype === 'bool') return () => random.integer(0, 1);
  if (dtype === 'int8' || dtype === 'uint8') return () => random.integer(...integerRange(dtype));
  // Indices, tokens and lengths: small, so that they stay inside whatever they index.
  return () => (isInteger(dtype) ? random.integer(0, 1) : 0);
}
