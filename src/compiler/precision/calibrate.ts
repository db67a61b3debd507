/** Ranges of activations, from running the float model on inputs; and inputs, from a seed. */
import {
  compilerMessages,
  elementCount,
  fail,
  hashName,
  isFloat,
  isNarrowFloat,
  integerRange,
  isInteger,
  seededRandom,
  zeros,
  type Random,
  type Tensor,
} from '../../core/index.ts';
import { indexLimits, interpret, tensorOf } from '../../graph/index.ts';
import type { Graph, Value } from '../../graph/ir.ts';
import { staticShape } from '../passes/constants.ts';
import { createHistogram, type HistogramBuilder } from './calibrate-histogram.ts';
import { rangeOf, type CalibrationMethod } from './calibrate-method.ts';
import type { CalibrationTable, Range } from './range.ts';

/**
 * Runs the graph on every set of inputs and keeps a range of each float value, by name: what its finite numbers span, or what `method`
 * makes of them. The table fits this graph, and every graph that passes make of it without new values.
 */
export function calibrate(
  graph: Graph,
  inputs: readonly ReadonlyMap<string, Tensor>[],
  method: CalibrationMethod = { kind: 'min-max' },
): CalibrationTable {
  const collector = method.kind === 'min-max' ? spans() : histograms(method);
  const observe = (value: Value, tensor: Tensor): void => {
    if (tensor.dtype === 'float32' && tensor.data instanceof Float32Array) collector.add(value.name, tensor.data);
  };
  for (const one of inputs) interpret(graph, one, { observe });
  const table = collector.table();
  const empty = [...table].filter(([name, range]) => range.min > range.max && !isEmpty(graph, name)).map(([name]) => name);
  if (empty.length > 0) fail(compilerMessages.calibrationWithoutNumbers({ values: empty }));
  return table;
}

interface Collector {
  add(name: string, data: Float32Array): void;
  table(): Map<string, Range>;
}

function spans(): Collector {
  const table = new Map<string, Range>();
  return { add: (name, data) => void table.set(name, widen(table.get(name), data)), table: () => table };
}

function histograms(method: CalibrationMethod): Collector {
  const found = new Map<string, HistogramBuilder>();
  return {
    add(name, data) {
      const histogram = found.get(name) ?? createHistogram();
      found.set(name, histogram);
      histogram.add(data);
    },
    table: () => new Map([...found].map(([name, h]) => [name, h.total === 0 ? { min: Infinity, max: -Infinity } : rangeOf(h, method)])),
  };
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
 * Inputs for a model whose data nobody has: bell-shaped around 0 with unit variance for floats, the whole range for bytes, any row of
 * the table for indices, 0 or 1 for other integers.
 * Seeded by `seed` and the input's name, so that adding an input does not change the others.
 * @throws when an input has symbolic sizes: bind them first
 */
export function randomInputs(graph: Graph, seed: number): Map<string, Tensor> {
  const inputs = new Map<string, Tensor>();
  const rows = indexLimits(graph);
  for (const id of graph.inputs) {
    const value = graph.values[id];
    if (value !== undefined) inputs.set(value.name, randomTensor(value, seed, rows.get(id)));
  }
  return inputs;
}

function randomTensor(value: Value, seed: number, rows: number | undefined): Tensor {
  const shape = staticShape(value.type);
  if (shape === null) throw new Error(`input "${value.name}" has sizes that are not bound`);
  const { dtype } = value.type;
  const random = seededRandom(hashName(value.name) ^ Math.imul(seed, 0x9e3779b1));
  const next = generator(dtype, random, rows);
  if (isNarrowFloat(dtype)) return tensorOf(dtype, shape, Float32Array.from({ length: elementCount(shape) }, next));
  const { data } = zeros(dtype, shape);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) for (let i = 0; i < data.length; i++) data[i] = BigInt(next());
  else if (ArrayBuffer.isView(data)) for (let i = 0; i < data.length; i++) data[i] = next();
  return { dtype, shape, data };
}

function generator(dtype: Value['type']['dtype'], random: Random, rows: number | undefined): () => number {
  if (isFloat(dtype)) return () => random.bell();
  if (dtype === 'bool') return () => random.integer(0, 1);
  if (dtype === 'int8' || dtype === 'uint8') return () => random.integer(...integerRange(dtype));
  if (rows !== undefined && isInteger(dtype)) return () => random.integer(0, rows - 1);
  // Masks and lengths: small, so that they stay inside whatever they may index.
  return () => (isInteger(dtype) ? random.integer(0, 1) : 0);
}
