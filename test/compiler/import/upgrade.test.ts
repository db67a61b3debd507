/** Models of operator sets 1 to 6 mean what they meant. */
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../../src/core/index.ts';
import { interpret, printGraph } from '../../../src/graph/index.ts';
import type { Graph } from '../../../src/graph/ir.ts';
import { floats, importParts, input, node, tensor, type Parts } from './build.ts';

function load(parts: Omit<Parts, 'outputs'>): Graph {
  return importParts({ opset: 6, ...parts, outputs: ['y'] }).graph;
}

/** Output `y` for inputs of float32 numbers. */
function run(graph: Graph, inputs: Readonly<Record<string, readonly [shape: readonly number[], numbers: readonly number[]]>>): Tensor {
  const tensors = Object.entries(inputs).map(([name, [shape, numbers]]): [string, Tensor] => {
    return [name, { dtype: 'float32', shape, data: Float32Array.from(numbers) }];
  });
  const y = interpret(graph, new Map(tensors)).get('y');
  if (y === undefined) throw new Error('no output y');
  return y;
}

describe('broadcasting was asked for by attributes', () => {
  const ones = (n: number): readonly number[] => Array.from({ length: n }, () => 1);

  test('`axis` says where the second operand begins', () => {
    const graph = load({
      inputs: [input('a', [1, 2, 2]), input('b', [2])],
      nodes: [node('Add', ['a', 'b'], ['y'], { broadcast: 1, axis: 1 })],
    });
    expect(run(graph, { a: [[1, 2, 2], ones(4)], b: [[2], [10, 20]] }).data).toEqual(Float32Array.of(11, 11, 21, 21));
    // What was added has the origin of the node it was added for.
    expect(graph.nodes.map((n) => [n.op, n.origin])).toEqual([
      ['Unsqueeze', ['Add:y']],
      ['Add', ['Add:y']],
    ]);
    expect(graph.opset).toBe(7);
  });

  test('without `axis` the ends are aligned, as now', () => {
    const graph = load({
      inputs: [input('a', [1, 2, 2]), input('b', [2])],
      nodes: [node('Add', ['a', 'b'], ['y'], { broadcast: 1 })],
    });
    expect(run(graph, { a: [[1, 2, 2], ones(4)], b: [[2], [10, 20]] }).data).toEqual(Float32Array.of(11, 21, 11, 21));
  });

  test('PRelu has one slope for each channel', () => {
    const graph = load({
      inputs: [input('x', [1, 2, 2])],
      initializers: [floats('slope', [2], [2, 3])],
      nodes: [node('PRelu', ['x', 'slope'], ['y'])],
    });
    expect(
      run(graph, {
        x: [
          [1, 2, 2],
          [-1, -1, -1, -1],
        ],
      }).data,
    ).toEqual(Float32Array.of(-2, -2, -3, -3));
  });

  test('files from before IR 3 add biases without saying so; whatever set they claim', () => {
    const parts: Parts = {
      irVersion: 1,
      opset: 7,
      inputs: [input('x', [1, 2, 2, 3])],
      initializers: [floats('bias', [2], [10, 20])],
      outputs: ['y'],
      nodes: [node('Add', ['x', 'bias'], ['y'])],
    };
    expect(run(importParts(parts).graph, { x: [[1, 2, 2, 3], ones(12)] }).data.slice(4, 8)).toEqual(Float32Array.of(11, 11, 21, 21));
    expect(() => importParts({ ...parts, irVersion: 3 })).toThrow('SYS3010');
  });
});

describe('what became an input', () => {
  test('the shape of Reshape', () => {
    const graph = load({
      opset: 4,
      inputs: [input('x', [2, 3])],
      nodes: [node('Reshape', ['x'], ['y'], { shape: [0, -1, 1] })],
    });
    expect(printGraph(graph)).toContain('%y: float32[2, 3, 1]');
  });

  test('Tile along one axis', () => {
    const int64 = (name: string, n: bigint) => tensor(name, { dtype: 'int64', shape: [], data: BigInt64Array.of(n) });
    const graph = load({
      opset: 1,
      inputs: [input('x', [1, 2])],
      initializers: [int64('tiles', 3n), int64('axis', 1n)],
      nodes: [node('Tile', ['x', 'tiles', 'axis'], ['y'])],
    });
    expect(
      run(graph, {
        x: [
          [1, 2],
          [1, 2],
        ],
      }).data,
    ).toEqual(Float32Array.of(1, 2, 1, 2, 1, 2));
  });
});

describe('other spellings', () => {
  test.each([
    ['Cast by name', node('Cast', ['x'], ['y'], { to: 'INT32' }), 'int32[1, 2, 3]', 5],
    ['Concat along axis 1', node('Concat', ['x', 'x'], ['y']), 'float32[1, 4, 3]', 3],
    ['paddings of Pad', node('Pad', ['x'], ['y'], { paddings: [0, 1, 0, 0, 0, 2] }), 'float32[1, 3, 5]', 1],
    ['is_test of Dropout', node('Dropout', ['x'], ['y'], { is_test: 1 }), 'float32[1, 2, 3]', 6],
    ['consumed_inputs', node('Relu', ['x'], ['y'], { consumed_inputs: [0] }), 'float32[1, 2, 3]', 1],
  ] as const)('%s', (_, old, type, opset) => {
    const graph = load({ opset, inputs: [input('x', [1, 2, 3])], nodes: [old] });
    expect(printGraph(graph)).toContain(`%y: ${type}`);
    expect(Object.keys(graph.nodes.at(-1)?.attributes ?? {})).not.toContain('consumed_inputs');
  });

  test('scales of Upsample', () => {
    const nodes = [node('Upsample', ['x'], ['y'], { height_scale: { float: 2 }, width_scale: { float: 3 } })];
    expect(printGraph(load({ opset: 1, inputs: [input('x', [1, 2, 3, 4])], nodes }))).toContain('%y: float32[1, 2, 6, 12]');
  });
});

describe('which operator set', () => {
  const parts: Parts = { inputs: [input('x', [2])], outputs: ['y'], nodes: [node('Relu', ['x'], ['y'])] };

  test('without any: 1 before IR 3, else the newest with a warning', () => {
    const old = importParts({ ...parts, irVersion: 2 }, { irVersion: 2, opsetImports: [] });
    expect([old.identity.opset, old.graph.opset, old.diagnostics]).toEqual([1, 7, []]);
    const unsaid = importParts(parts, { opsetImports: [] });
    expect([unsaid.identity.opset, unsaid.diagnostics.map((d) => d.code)]).toEqual([27, ['SYS4028']]);
  });

  test('of other domains only, and drafts, are fine', () => {
    expect(importParts(parts, { opsetImports: [{ domain: 'com.microsoft', version: 1 }] }).diagnostics).toEqual([]);
    expect(importParts({ ...parts, opset: 28 }).graph.opset).toBe(28);
  });
});
