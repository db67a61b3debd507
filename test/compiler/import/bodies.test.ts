/** If, Loop and Scan: bodies become graphs of their own that say what they take from outside. */
import { describe, expect, test } from 'vitest';
import type { ImportedModel } from '../../../src/compiler/import/index.ts';
import { printGraph } from '../../../src/graph/index.ts';
import type { Attribute, Graph, Node } from '../../../src/graph/ir.ts';
import type { OnnxAttribute, OnnxGraph, OnnxNode } from '../../../src/onnx/model.ts';
import { floats, importParts, input, model, node, tensor } from './build.ts';

function body(parts: Parameters<typeof model>[0]): OnnxGraph {
  return model(parts).graph;
}

function withBodies(plain: OnnxNode, bodies: Readonly<Record<string, OnnxGraph>>): OnnxNode {
  const graphs = Object.entries(bodies).map(([name, value]): OnnxAttribute => ({ name, refName: '', kind: 'graph', value }));
  return { ...plain, attributes: [...plain.attributes, ...graphs] };
}

function bodyOf(owner: Node | undefined, name: string): Graph {
  const attribute: Attribute | undefined = owner?.attributes[name];
  if (attribute?.kind !== 'graph') throw new Error(`no body ${name}`);
  return attribute.value;
}

const namesOf = (graph: Graph, ids: readonly (number | null)[]): readonly (string | undefined)[] =>
  ids.map((id) => graph.values[id ?? -1]?.name);

const condition = input('c', [], 'bool');
const x = input('x', [2]);

describe('what a body reads from outside', () => {
  const imported: ImportedModel = importParts({
    inputs: [condition, x, input('y', [2])],
    initializers: [floats('one', [2], [1, 1])],
    outputs: ['r'],
    nodes: [
      withBodies(node('If', ['c'], ['r'], {}, { name: 'if' }), {
        // `x` is the outer one, `t` the branch's own; `one` is a constant both may have.
        then_branch: body({ inputs: [], outputs: ['t'], nodes: [node('Add', ['x', 'one'], ['t'], {}, { name: 'add' })] }),
        // Here `t` is another value, `x` one of this branch's own, which hides the outer one.
        else_branch: body({
          inputs: [],
          outputs: ['t'],
          nodes: [node('Neg', ['y'], ['x'], {}, { name: 'add' }), node('Relu', ['x'], ['t'], {}, { name: '' })],
        }),
      }),
    ],
  });
  const [owner] = imported.graph.nodes;

  test('is handed over: captures are the last inputs of the node and of every body, in one order', () => {
    expect(namesOf(imported.graph, owner?.inputs ?? [])).toEqual(['c', 'x', 'y']);
    expect(owner?.captures).toBe(2);
    const then = bodyOf(owner, 'then_branch');
    const other = bodyOf(owner, 'else_branch');
    expect(namesOf(then, then.inputs)).toEqual(['x', 'y']);
    expect(namesOf(other, other.inputs)).toEqual(['x:outer', 'y']);
    expect(namesOf(other, other.nodes[1]?.inputs ?? [])).toEqual(['x']);
  });

  test('small constants are copied, so that shapes may depend on them', () => {
    expect(printGraph(bodyOf(owner, 'then_branch'))).toContain('const %one: float32[2]');
    const large = tensor('one', { dtype: 'float32', shape: [2000], data: new Float32Array(2000) });
    const { graph } = importParts({
      inputs: [condition],
      initializers: [large],
      outputs: ['r'],
      nodes: [
        withBodies(node('If', ['c'], ['r']), {
          then_branch: body({ inputs: [], outputs: ['t'], nodes: [node('Neg', ['one'], ['t'])] }),
          else_branch: body({ inputs: [], outputs: ['t'], nodes: [node('Relu', ['one'], ['t'])] }),
        }),
      ],
    });
    expect(namesOf(graph, graph.nodes[0]?.inputs ?? [])).toEqual(['c', 'one']);
  });

  test('nodes of bodies have paths for names, and a row each', () => {
    expect(imported.nodeTable).toEqual([
      { name: 'if', opType: 'If', domain: '', parent: null },
      { name: 'if/then_branch/add', opType: 'Add', domain: '', parent: 'if' },
      { name: 'if/else_branch/add', opType: 'Neg', domain: '', parent: 'if' },
      { name: 'if/else_branch/t', opType: 'Relu', domain: '', parent: 'if' },
    ]);
    expect(bodyOf(owner, 'else_branch').nodes.map((n) => n.origin)).toEqual([['if/else_branch/add'], ['if/else_branch/t']]);
  });

  test('a body waits for what it reads: its node is sorted behind', () => {
    const { graph } = importParts({
      inputs: [condition, x],
      outputs: ['r'],
      nodes: [
        withBodies(node('If', ['c'], ['r']), {
          then_branch: body({ inputs: [], outputs: ['late'], nodes: [] }),
          else_branch: body({ inputs: [], outputs: ['x'], nodes: [] }),
        }),
        node('Relu', ['x'], ['late']),
      ],
    });
    expect(graph.nodes.map((n) => n.op)).toEqual(['Relu', 'If']);
  });
});

test('a Loop in a Loop: what the inner one takes goes through the outer one', () => {
  const count = tensor('n', { dtype: 'int64', shape: [], data: BigInt64Array.of(3n) });
  const inner = body({
    inputs: [input('j', [], 'int64'), input('d', [], 'bool'), { name: 'b', type: { kind: 'none' } }],
    outputs: ['d', 'b2'],
    nodes: [node('Add', ['b', 'step'], ['b2'], {}, { name: 'add' })],
  });
  const outer = body({
    inputs: [input('i', [], 'int64'), input('d', [], 'bool'), input('a', [2])],
    outputs: ['d', 'a2'],
    nodes: [withBodies(node('Loop', ['n', '', 'a'], ['a2'], {}, { name: 'in' }), { body: inner })],
  });
  const { graph, nodeTable } = importParts({
    inputs: [x, input('step', [2])],
    initializers: [count],
    outputs: ['y'],
    nodes: [withBodies(node('Loop', ['n', '', 'x'], ['y'], {}, { name: 'out' }), { body: outer })],
  });
  const [loop] = graph.nodes;
  expect(namesOf(graph, loop?.inputs ?? [])).toEqual(['n', undefined, 'x', 'step']);
  const [nested] = bodyOf(loop, 'body').nodes;
  expect(nested?.captures).toBe(1);
  expect(bodyOf(nested, 'body').inputs).toHaveLength(4);
  expect(printGraph(graph)).toMatch(/%y: float32\[2\]/);
  expect(nodeTable.map((row) => row.name)).toEqual(['out', 'out/body/in', 'out/body/in/body/add']);
});

test('a branch that does not fit the shapes at hand leaves its outputs open instead of refusing the model', () => {
  // What exporters write for squeeze: one branch is for sizes the model never has.
  const axes = tensor('axes', { dtype: 'int64', shape: [1], data: BigInt64Array.of(0n) });
  const { diagnostics } = importParts({
    inputs: [condition, x],
    initializers: [axes],
    outputs: ['r'],
    nodes: [
      withBodies(node('If', ['c'], ['r']), {
        then_branch: body({ inputs: [], outputs: ['t'], nodes: [node('Squeeze', ['x', 'axes'], ['t'])] }),
        else_branch: body({ inputs: [], outputs: ['t'], nodes: [node('Identity', ['x'], ['t'])] }),
      }),
    ],
  });
  expect(diagnostics.map((d) => [d.severity, d.code])).toContainEqual(['info', 'SYS4031']);
});
