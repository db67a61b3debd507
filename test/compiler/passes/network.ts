/** Graphs for tests, written as calls: types come from inference, so a spelling that is not valid ONNX fails at once. */
import { expect } from 'vitest';
import { float16FromFloat32 } from '../../../src/core/index.ts';
import { runPasses } from '../../../src/compiler/passes/index.ts';
import { recoverBodies, recoverPasses } from '../../../src/compiler/passes/recover/index.ts';
import { randomInputs } from '../../../src/compiler/precision/index.ts';
import { bindDims, floatsOf, interpret, startInference, symbolDim, verifyGraph } from '../../../src/graph/index.ts';
import type { Dim } from '../../../src/graph/index.ts';
import type { Attribute, Constant, Graph, Node, TensorType, Value, ValueId } from '../../../src/graph/ir.ts';

type Plain = number | string | readonly number[] | { readonly float: number } | { readonly body: Graph };

export interface Network {
  input(name: string, shape: readonly (number | string)[], dtype?: TensorType['dtype']): ValueId;
  /** A float32 number. */
  number(x: number): ValueId;
  ints(list: readonly number[]): ValueId;
  /** An int64 number. */
  int(n: number): ValueId;
  floats(shape: readonly number[], data: readonly number[] | ((i: number) => number)): ValueId;
  halves(shape: readonly number[], data: (i: number) => number): ValueId;
  bools(shape: readonly number[], data: (i: number) => boolean): ValueId;
  op(op: string, inputs: readonly (ValueId | null)[], attributes?: Readonly<Record<string, Plain>>): ValueId;
  ops(op: string, inputs: readonly (ValueId | null)[], outputs: number, attributes?: Readonly<Record<string, Plain>>): readonly ValueId[];
  shape(id: ValueId): readonly Dim[];
  finish(...outputs: readonly ValueId[]): Graph;
}

export function network(opset: number = 18): Network {
  const values: Value[] = [];
  const nodes: Node[] = [];
  const inputs: ValueId[] = [];
  const add = (name: string, type: TensorType, constant: Constant | null): ValueId => {
    values.push({ id: values.length, name, type, layout: 'row-major', quantization: null, constant });
    return values.length - 1;
  };
  const value = (id: ValueId): Value => {
    const found = values[id];
    if (found === undefined) throw new Error(`no value ${id}`);
    return found;
  };
  const inference = startInference(opset, value);
  const bytes = (type: TensorType, data: Float32Array | BigInt64Array | Uint16Array | Uint8Array): ValueId =>
    add(`c${values.length}`, type, { kind: 'bytes', bytes: new Uint8Array(data.buffer) });
  const self: Network = {
    input(name, shape, dtype = 'float32') {
      const id = add(name, { dtype, shape: shape.map((d) => (typeof d === 'string' ? symbolDim(d) : d)) }, null);
      inputs.push(id);
      return id;
    },
    number: (x) => bytes({ dtype: 'float32', shape: [] }, Float32Array.of(x)),
    ints: (list) => bytes({ dtype: 'int64', shape: [list.length] }, BigInt64Array.from(list, BigInt)),
    int: (n) => bytes({ dtype: 'int64', shape: [] }, BigInt64Array.of(BigInt(n))),
    floats(shape, data) {
      const count = shape.reduce((n, d) => n * d, 1);
      const list = typeof data === 'function' ? Float32Array.from({ length: count }, (_, i) => data(i)) : Float32Array.from(data);
      return bytes({ dtype: 'float32', shape }, list);
    },
    halves: (shape, data) =>
      bytes(
        { dtype: 'float16', shape },
        Uint16Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => float16FromFloat32(data(i))),
      ),
    bools: (shape, data) =>
      bytes(
        { dtype: 'bool', shape },
        Uint8Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => (data(i) ? 1 : 0)),
      ),
    op: (op, read, attributes) => self.ops(op, read, 1, attributes)[0] ?? 0,
    ops(op, read, count, attributes = {}) {
      const name = `n${nodes.length}`;
      const outputs = Array.from({ length: count }, (_, i) => add(`${name}.${i}`, { dtype: 'float32', shape: [] }, null));
      const written = Object.fromEntries(Object.entries(attributes).map(([k, a]) => [k, attribute(a)]));
      const node: Node = { op, domain: '', name, inputs: read, outputs, attributes: written, origin: [name] };
      inference.infer(node).forEach((type, i) => {
        const id = outputs[i];
        if (id !== undefined) values[id] = { ...value(id), type };
      });
      nodes.push(node);
      return outputs;
    },
    shape: (id) => value(id).type.shape,
    finish(...outputs) {
      const graph: Graph = { name: 'g', opset, inputs, outputs, values, nodes, retired: {} };
      expect(verifyGraph(graph)).toEqual([]);
      return graph;
    },
  };
  return self;
}

function attribute(a: Plain): Attribute {
  if (typeof a === 'number') return { kind: 'int', value: a };
  if (typeof a === 'string') return { kind: 'string', value: a };
  if ('body' in a) return { kind: 'graph', value: a.body };
  return 'float' in a ? { kind: 'float', value: a.float } : { kind: 'ints', value: a };
}

export interface Recovered {
  readonly graph: Graph;
  /** Lines of the report. */
  readonly told: readonly string[];
}

export function recover(graph: Graph): Recovered {
  const told: string[] = [];
  return { graph: runPasses(graph, [...recoverBodies, ...recoverPasses], { report: (d) => told.push(d.message) }), told };
}

/** Operators of a graph that was recovered, without those that only move data or ask for shapes. */
export function computing(graph: Graph): readonly string[] {
  const moves = ['Reshape', 'Transpose', 'Unsqueeze', 'Squeeze', 'Shape', 'Slice', 'Concat', 'Expand', 'Gather'];
  return graph.nodes.map((n) => n.op).filter((op) => !moves.includes(op));
}

export function count(graph: Graph, op: string): number {
  return graph.nodes.filter((n) => n.op === op).length;
}

/** Both compute the same on random inputs, up to the rounding of some operations in another order. */
export function expectSame(before: Graph, after: Graph, dims: Readonly<Record<string, number>> = {}, seed: number = 7): void {
  const [a, b] = [bindDims(before, dims), bindDims(after, dims)];
  const inputs = randomInputs(a, seed);
  const others = [...interpret(b, inputs).values()];
  [...interpret(a, inputs).values()].forEach((t, k) => {
    const other = others[k];
    expect(other?.shape).toEqual(t.shape);
    if (other === undefined) return;
    const [x, y] = [floatsOf(t), floatsOf(other)];
    x.forEach((want, i) => {
      if (Object.is(y[i], want)) return;
      expect(Math.abs((y[i] ?? NaN) - want), `output ${k}, element ${i}`).toBeLessThan(5e-5 * Math.max(1, Math.abs(want)));
    });
  });
}

/** The composite is found, told of once, and computes the same. */
export function expectRecovered(before: Graph, op: string, dims: Readonly<Record<string, number>> = {}): Recovered {
  const recovered = recover(before);
  expect(count(recovered.graph, op), recovered.graph.nodes.map((n) => n.op).join(' ')).toBe(1);
  expect(recovered.told.filter((line) => line.includes(`1 × ${op}`))).toHaveLength(1);
  expectSame(before, recovered.graph, dims);
  return recovered;
}

export function expectLeft(before: Graph, op: string, dims: Readonly<Record<string, number>> = {}): void {
  const { graph } = recover(before);
  expect(count(graph, op)).toBe(0);
  expectSame(before, graph, dims);
}
