/** Model-local functions: inlined with their own operator sets, attributes, names. */
import { describe, expect, test } from 'vitest';
import type { ImportedModel } from '../../../src/compiler/import/index.ts';
import { interpret, printGraph } from '../../../src/graph/index.ts';
import type { OnnxAttribute, OnnxFunction, OnnxGraph } from '../../../src/onnx/model.ts';
import { importParts, input, model, node, type PlainAttribute } from './build.ts';

function local(name: string, parts: Partial<OnnxFunction>): OnnxFunction {
  return {
    name,
    domain: 'local',
    overload: '',
    inputs: ['a'],
    outputs: ['r'],
    attributes: [],
    attributeDefaults: [],
    nodes: [],
    opsetImports: [],
    ...parts,
  };
}

function call(functions: readonly OnnxFunction[], attributes: Readonly<Record<string, PlainAttribute>> = {}, overload = ''): ImportedModel {
  const [first] = functions;
  const caller = { ...node(first?.name ?? '', ['x'], ['y'], attributes, { name: 'call', domain: 'local' }), overload };
  return importParts({ inputs: [input('x', [2])], outputs: ['y'], nodes: [caller] }, { functions });
}

function run({ graph }: ImportedModel): readonly number[] {
  const x = { dtype: 'float32' as const, shape: [2], data: Float32Array.of(-4, 3) };
  return Array.from(interpret(graph, new Map([['x', x]])).get('y')?.data ?? [], Number);
}

const refers = (name: string, refName: string): OnnxAttribute => ({ name, refName, kind: 'float', value: 0 });
const leaky = { ...node('LeakyRelu', ['a'], ['r']), attributes: [refers('alpha', 'slope')] };

describe('attributes', () => {
  const attributeDefaults: readonly OnnxAttribute[] = [{ name: 'slope', refName: '', kind: 'float', value: 0.25 }];

  test("the call's, else the function's default, else the operator's", () => {
    expect(run(call([local('F', { nodes: [leaky], attributeDefaults })], { slope: { float: 0.5 } }))).toEqual([-2, 3]);
    expect(run(call([local('F', { nodes: [leaky], attributeDefaults })]))).toEqual([-1, 3]);
    expect(run(call([local('F', { nodes: [leaky] })]))[0]).toBeCloseTo(-0.04);
  });

  test('reach through nested calls and into bodies', () => {
    const branch = (nodes: OnnxGraph['nodes']): OnnxGraph => model({ inputs: [], outputs: ['b'], nodes }).graph;
    const inBranch = branch([{ ...leaky, outputs: ['b'] }]);
    const attributes: readonly OnnxAttribute[] = [
      { name: 'then_branch', refName: '', kind: 'graph', value: inBranch },
      { name: 'else_branch', refName: '', kind: 'graph', value: branch([node('Neg', ['a'], ['b'])]) },
    ];
    const inner = local('G', {
      nodes: [
        node('Constant', [], ['c'], { value_int: 1 }),
        node('Cast', ['c'], ['t'], { to: 9 }),
        { ...node('If', ['t'], ['r']), attributes },
      ],
    });
    const outer = local('F', {
      nodes: [{ ...node('G', ['a'], ['r'], {}, { domain: 'local', name: '' }), attributes: [refers('slope', 'k')] }],
    });
    const imported = call([outer, inner], { k: { float: 0.5 } });
    // The branch reads the caller's `x`, although it is called `a` in there.
    const owner = imported.graph.nodes.find((n) => n.op === 'If');
    expect(owner?.captures).toBe(1);
    expect(printGraph(imported.graph)).toMatch(/LeakyRelu\(%x\) \{alpha: float 0.5\}|LeakyRelu\(%x\) \{alpha: 0.5\}/);
    expect(imported.nodeTable.map((row) => row.name)).toEqual(['call']);
    expect(owner?.origin).toEqual(['call']);
  });
});

test('operator sets of its own: old forms are raised, others are noted on the node', () => {
  const old = local('F', { opsetImports: [{ domain: '', version: 1 }], nodes: [node('Cast', ['a'], ['r'], { to: 'INT32' })] });
  expect(printGraph(call([old]).graph)).toMatch(/%y: int32\[2\] = Cast.* version 7/);
  const newer = local('F', { opsetImports: [{ domain: '', version: 18 }], nodes: [node('Relu', ['a'], ['r'])] });
  expect(call([newer]).graph.nodes[0]?.version).toBe(18);
});

test('overloads are other functions', () => {
  const functions = [
    local('F', { nodes: [node('Neg', ['a'], ['r'])] }),
    local('F', { overload: 'abs', nodes: [node('Abs', ['a'], ['r'])] }),
  ];
  expect(run(call(functions))).toEqual([4, -3]);
  expect(run(call(functions, {}, 'abs'))).toEqual([4, 3]);
});

test('an output that is an input is a copy; left-out inputs and outputs stay left out', () => {
  expect(run(call([local('F', { outputs: ['a'] })]))).toEqual([-4, 3]);
  const clip = local('F', {
    inputs: ['a', 'low', 'high'],
    outputs: ['r', 'unused'],
    nodes: [node('Clip', ['a', 'low', 'high'], ['r']), node('Neg', ['a'], ['unused'])],
  });
  expect(run(call([clip]))).toEqual([-4, 3]);
});

test('functions that double at each of forty levels are refused, not expanded', () => {
  const functions = Array.from({ length: 40 }, (_, i) => {
    const next = (from: string, to: string) => node(i === 39 ? 'Neg' : `F${i + 1}`, [from], [to], {}, { domain: i === 39 ? '' : 'local' });
    return local(`F${i}`, { nodes: [next('a', 't'), next('t', 'r')] });
  });
  expect(() => call(functions)).toThrow('SYS4027');
});

test('an operator of the standard is what the standard says, even where a function has its name', () => {
  const fake = local('Relu', { domain: '', nodes: [node('Neg', ['a'], ['r'])] });
  const { graph } = importParts({ inputs: [input('x', [2])], outputs: ['y'], nodes: [node('Relu', ['x'], ['y'])] }, { functions: [fake] });
  expect(graph.nodes.map((n) => n.op)).toEqual(['Relu']);
});
