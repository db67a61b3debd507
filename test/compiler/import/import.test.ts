import { describe, expect, test } from 'vitest';
import { importDecoded, importModel } from '../../../src/compiler/import/index.ts';
import { SystoleError, type Tensor } from '../../../src/core/index.ts';
import { interpret, printGraph, symbolDim } from '../../../src/graph/index.ts';
import { encodeModel } from '../../../src/onnx/index.ts';
import type { OnnxFunction, OnnxNode, OnnxTensor, OnnxType, OnnxValueInfo } from '../../../src/onnx/model.ts';
import { floats, importParts, input, model, node, tensor, type Parts } from './build.ts';

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof SystoleError) return error.diagnostics.map((d) => `${d.code}: ${d.message}`);
    throw error;
  }
  return [];
}

const x = input('x', [2]);

describe('order and names', () => {
  test('nodes out of order are sorted, in file order where that is free', () => {
    const { graph, nodeTable } = importParts({
      inputs: [x],
      outputs: ['d'],
      nodes: [node('Add', ['b', 'c'], ['d']), node('Relu', ['x'], ['c']), node('Neg', ['x'], ['b'])],
    });
    expect(graph.nodes.map((n) => n.op)).toEqual(['Relu', 'Neg', 'Add']);
    expect(nodeTable.map((n) => n.opType)).toEqual(['Add', 'Relu', 'Neg']);
  });

  test('a cycle is refused, naming its nodes and not those behind it', () => {
    const [problem = '', ...rest] = problemsOf(() =>
      importParts({
        inputs: [x],
        outputs: ['c'],
        nodes: [
          node('Add', ['x', 'b'], ['a'], {}, { name: 'first' }),
          node('Neg', ['a'], ['b'], {}, { name: 'second' }),
          node('Relu', ['b'], ['c'], {}, { name: 'behind' }),
        ],
      }),
    );
    expect(rest).toEqual([]);
    expect(problem).toContain('SYS4001');
    expect(problem).toContain('"first", "second"');
    expect(problem).not.toContain('behind');
  });

  test('a ring of 5,000 nodes is told without a stack overflow', () => {
    const nodes = Array.from({ length: 5000 }, (_, i) => node('Neg', [`v${(i + 4999) % 5000}`], [`v${i}`], {}, { name: `n${i}` }));
    const [problem = ''] = problemsOf(() => importParts({ inputs: [x], outputs: ['v7'], nodes }));
    expect(problem).toContain('SYS4001');
  });

  test('nodes without a name take that of their output, equal names get suffixes', () => {
    const { nodeTable } = importParts({
      inputs: [x],
      outputs: ['c'],
      nodes: [
        node('Relu', ['x'], ['a'], {}, { name: '' }),
        node('Neg', ['a'], ['b'], {}, { name: 'same' }),
        node('Neg', ['b'], ['c'], {}, { name: 'same' }),
      ],
    });
    expect(nodeTable.map((n) => n.name)).toEqual(['a', 'same', 'same_2']);
  });

  test('a tensor written twice and a tensor nobody writes are told together', () => {
    const problems = problemsOf(() =>
      importParts({
        inputs: [x],
        outputs: ['a'],
        nodes: [node('Relu', ['x'], ['a']), node('Neg', ['x'], ['a']), node('Add', ['x', 'ghost'], ['b'])],
      }),
    );
    expect(problems.map((p) => p.slice(0, 7))).toEqual(['SYS4006', 'SYS4007']);
    expect(problems[1]).toContain('"ghost"');
  });
});

describe('operators', () => {
  test('unknown operators are nodes typed as the file says, else of unknown rank', () => {
    const parts: Parts = {
      inputs: [x],
      outputs: ['c'],
      nodes: [
        node('Rellu', ['x'], ['a'], {}, { name: 'one' }),
        node('Frobnicate', ['a'], ['b'], {}, { name: 'two', domain: 'com.example' }),
        node('Relu', ['b'], ['c']),
      ],
    };
    const plain = model(parts);
    const typed = {
      ...plain,
      graph: { ...plain.graph, valueInfos: [input('b', [2, 'k'])] },
      opsetImports: [
        { domain: '', version: 13 },
        { domain: 'com.example', version: 3 },
      ],
    };
    const { graph } = importDecoded(typed, { name: 'test', sha256: '' });
    expect(printGraph(graph)).toContain('%a: float32[*] = Rellu');
    expect(printGraph(graph)).toContain('%b: float32[2, k] = com.example.Frobnicate');
    expect(graph.nodes.map((n) => n.version)).toEqual([undefined, 3, undefined]);
    // `k` stands in no input: only the file claims it.
    expect(graph.unknowns?.map((u) => [u.symbol, u.node])).toEqual([['k', 'two']]);
  });

  test('all nodes that contradict their operands are told at once', () => {
    const problems = problemsOf(() =>
      importParts({
        inputs: [x, input('y', [3])],
        outputs: ['c', 'd'],
        nodes: [
          node('Add', ['x', 'y'], ['a'], {}, { name: 'first' }),
          node('Relu', ['a'], ['c']),
          node('Mul', ['y', 'x'], ['d'], {}, { name: 'second' }),
        ],
      }),
    );
    expect(problems).toEqual([expect.stringContaining('Add "first"'), expect.stringContaining('Mul "second"')]);
  });

  test('a node with more outputs than its operator has is refused', () => {
    const run = (): unknown => importParts({ inputs: [x], outputs: ['a'], nodes: [node('Relu', ['x'], ['a', 'b'])] });
    expect(problemsOf(run)[0]).toMatch(/SYS4024: Relu "Relu:a" names 2 outputs; the operator has 1/);
  });

  test('Constant nodes become constants and are retired', () => {
    const { graph } = importParts({
      inputs: [x],
      outputs: ['y'],
      nodes: [
        node('Constant', [], ['c'], { value: { tensor: floats('', [2], [1, 2]) } }, { name: 'const' }),
        node('Add', ['x', 'c'], ['y']),
      ],
    });
    expect(graph.nodes.map((n) => n.op)).toEqual(['Add']);
    expect(graph.retired).toEqual({ const: 'folded' });
  });

  test('left-out optional inputs and outputs', () => {
    const { graph } = importParts({
      inputs: [x],
      outputs: ['y'],
      initializers: [floats('high', [], [6])],
      nodes: [node('Clip', ['x', '', 'high'], ['y', ''])],
    });
    const [clip] = graph.nodes;
    expect(clip?.inputs.map((id) => (id === null ? null : graph.values[id]?.name))).toEqual(['x', null, 'high']);
    expect(clip?.outputs).toHaveLength(1);
  });

  test('model-local functions are inlined, with attribute references and names under the call', () => {
    const leaky: OnnxFunction = {
      name: 'ScaledLeaky',
      domain: 'local',
      overload: '',
      inputs: ['a'],
      outputs: ['r'],
      attributes: ['slope'],
      attributeDefaults: [],
      opsetImports: [],
      nodes: [
        {
          ...node('LeakyRelu', ['a'], ['t'], {}, { name: 'act' }),
          attributes: [{ name: 'alpha', refName: 'slope', kind: 'float', value: 0 }],
        },
        node('Add', ['t', 't'], ['r'], {}, { name: '' }),
      ],
    };
    const parts: Parts = {
      inputs: [x],
      outputs: ['y'],
      nodes: [node('ScaledLeaky', ['x'], ['y'], { slope: { float: 0.5 } }, { name: 'call', domain: 'local' })],
    };
    const { graph, nodeTable } = importParts(parts, { functions: [leaky] });
    expect(graph.nodes.map((n) => n.name)).toEqual(['call/act', 'call/Add_1']);
    expect(graph.nodes.map((n) => n.origin)).toEqual([['call'], ['call']]);
    expect(nodeTable).toEqual([{ name: 'call', opType: 'ScaledLeaky', domain: 'local', parent: null }]);
    const y = interpret(graph, new Map([['x', { dtype: 'float32', shape: [2], data: Float32Array.of(-4, 3) }]])).get('y');
    expect(Array.from(y?.data ?? [], Number)).toEqual([-4, 6]);

    const self = { ...leaky, nodes: [node('ScaledLeaky', ['a'], ['r'], {}, { domain: 'local' })] };
    expect(problemsOf(() => importParts(parts, { functions: [self] }))[0]).toContain('SYS4010');
  });
});

describe('values', () => {
  test('constants of one name: the last counts, with a warning', () => {
    const value = (numbers: readonly number[]) => ({ value: { tensor: floats('', [2], numbers) } });
    const { graph, diagnostics } = importParts({
      inputs: [x],
      outputs: ['y'],
      nodes: [
        node('Constant', [], ['c'], value([1, 2]), { name: 'old' }),
        node('Constant', [], ['c'], value([3, 4]), { name: 'new' }),
        node('Add', ['x', 'c'], ['y']),
      ],
    });
    expect(diagnostics.map((d) => d.code)).toEqual(['SYS4023']);
    expect(printGraph(graph)).toContain('const %c: float32[2] = [3.0, 4.0]');
    expect(graph.retired).toEqual({ old: 'folded', new: 'folded' });
  });

  test('every form of Constant', () => {
    const list = (name: string, kind: 'strings' | 'floats', value: readonly string[] | readonly number[]): OnnxNode => ({
      ...node('Constant', [], [name]),
      attributes: [
        kind === 'strings'
          ? { name: 'value_strings', refName: '', kind, value: value.map((s) => new TextEncoder().encode(String(s))) }
          : { name: 'value_floats', refName: '', kind, value: value.map(Number) },
      ],
    });
    const { graph } = importParts({
      inputs: [],
      outputs: ['i', 'is', 's', 'ss', 'fs', 'f'],
      nodes: [
        node('Constant', [], ['i'], { value_int: 3 }),
        node('Constant', [], ['is'], { value_ints: [4, 5] }),
        node('Constant', [], ['s'], { value_string: 'hé' }),
        list('ss', 'strings', ['a', '']),
        list('fs', 'floats', [1, 0.5]),
        node('Constant', [], ['f'], { value_float: { float: 2 } }),
      ],
    });
    expect(interpret(graph, new Map())).toEqual(
      new Map<string, Tensor>([
        ['i', { dtype: 'int64', shape: [], data: BigInt64Array.of(3n) }],
        ['is', { dtype: 'int64', shape: [2], data: BigInt64Array.of(4n, 5n) }],
        ['s', { dtype: 'string', shape: [], data: ['hé'] }],
        ['ss', { dtype: 'string', shape: [2], data: ['a', ''] }],
        ['fs', { dtype: 'float32', shape: [2], data: Float32Array.of(1, 0.5) }],
        ['f', { dtype: 'float32', shape: [], data: Float32Array.of(2) }],
      ]),
    );
    expect(problemsOf(() => importParts({ inputs: [], outputs: ['c'], nodes: [node('Constant', [], ['c'])] }))[0]).toContain('SYS4025');
  });

  test('inputs of any type: unknown rank, sequences, optionals, none at all', () => {
    const element: OnnxType = { kind: 'tensor', dtype: 'int64', shape: [null, 3] };
    const typed = (name: string, type: OnnxType): OnnxValueInfo => ({ name, type });
    const { graph, diagnostics } = importParts({
      inputs: [
        typed('r', { kind: 'tensor', dtype: 'float16', shape: null }),
        typed('s', { kind: 'sequence', element }),
        typed('o', { kind: 'optional', element: { kind: 'sequence', element } }),
        typed('m', { kind: 'map', keyType: 'string', value: { kind: 'tensor', dtype: 'float32', shape: null } }),
        typed('n', { kind: 'none' }),
      ],
      outputs: ['r', 's', 'o', 'm', 'n'],
      nodes: [],
    });
    const shape = [symbolDim('s_axis0'), 3];
    expect(graph.values.map((v) => v.type)).toEqual([
      { dtype: 'float16', shape: [], unranked: true },
      { dtype: 'int64', shape, container: 'sequence' },
      { dtype: 'int64', shape: [symbolDim('o_axis0'), 3], container: 'optional-sequence' },
      { dtype: 'float32', shape: [], unranked: true, container: 'map' },
      { dtype: 'float32', shape: [], unranked: true },
    ]);
    expect(diagnostics.map((d) => d.code)).toEqual(['SYS4029']);
  });

  test('a graph without declared outputs gives what nobody reads; one without anything is refused', () => {
    const { graph, diagnostics } = importParts({
      inputs: [x],
      outputs: [],
      nodes: [node('Relu', ['x'], ['y']), node('Neg', ['y'], ['z'])],
    });
    expect(graph.outputs.map((id) => graph.values[id]?.name)).toEqual(['z']);
    expect(diagnostics.map((d) => d.code)).toEqual(['SYS4034']);
    expect(problemsOf(() => importParts({ inputs: [x], outputs: [], nodes: [] }))[0]).toContain('SYS4014');
  });

  test('initializers that are also inputs are constants (IR 3), unused ones vanish', () => {
    const { graph } = importParts({
      irVersion: 3,
      inputs: [x, input('w', [2]), input('unused', [2])],
      outputs: ['y'],
      initializers: [floats('w', [2], [1, 2]), floats('unused', [2], [3, 4])],
      nodes: [node('Add', ['x', 'w'], ['y'])],
    });
    expect(graph.inputs.map((id) => graph.values[id]?.name)).toEqual(['x']);
    expect(graph.values.map((v) => v.name)).toEqual(['x', 'w', 'y']);
  });

  test('tensor data are views of the file', async () => {
    const bytes = encodeModel(
      model({ inputs: [x], outputs: ['y'], initializers: [floats('w', [2], [1, 2])], nodes: [node('Add', ['x', 'w'], ['y'])] }),
    );
    const { graph, identity } = await importModel(bytes, { name: 'file' });
    const constant = graph.values.find((v) => v.name === 'w')?.constant;
    expect(constant?.kind === 'bytes' && constant.bytes.buffer === bytes.buffer).toBe(true);
    expect(identity.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(identity.opset).toBe(13);
  });

  test('unknown sizes become symbols, and shapes computed from shapes follow them', () => {
    const { graph } = importParts({
      inputs: [input('x', ['batch', null, 4])],
      outputs: ['y'],
      initializers: [
        tensor('zero', { dtype: 'int64', shape: [1], data: BigInt64Array.of(0n) }),
        tensor('rest', { dtype: 'int64', shape: [1], data: BigInt64Array.of(-1n) }),
      ],
      nodes: [
        node('Shape', ['x'], ['shape']),
        node('Gather', ['shape', 'zero'], ['n'], { axis: 0 }),
        node('Concat', ['n', 'rest'], ['target'], { axis: 0 }),
        node('Reshape', ['x', 'target'], ['y']),
      ],
    });
    expect(printGraph(graph)).toContain('%y: float32[batch, 4*x_axis1] = Reshape');
  });

  test('absent external data: one warning with count and bytes; present data must fit', async () => {
    const external = (name: string, dims: readonly number[]): OnnxTensor => ({
      name,
      dtype: 'float32',
      dims,
      data: { kind: 'external', location: 'w.bin', offset: 0, length: null },
    });
    const bytes = encodeModel(
      model({
        inputs: [x],
        outputs: ['b'],
        initializers: [external('w', [2]), external('v', [1, 2])],
        nodes: [node('Add', ['x', 'w'], ['a']), node('Add', ['a', 'v'], ['b'])],
      }),
    );
    const absent = await importModel(bytes, { name: 'absent' });
    expect(absent.diagnostics.map((d) => `${d.severity} ${d.code}: ${d.message}`)).toEqual([
      expect.stringMatching(/^warning SYS4003: 2 tensors .*\(16 B\): "w", "v"\./),
    ]);
    const present = await importModel(bytes, { name: 'present', external: () => Promise.resolve(new Uint8Array(8)) });
    expect(present.diagnostics).toEqual([]);
    await expect(importModel(bytes, { name: 'short', external: () => Promise.resolve(new Uint8Array(7)) })).rejects.toThrow(
      /SYS4011.*\n.*SYS4011/,
    );
  });

  test('int8 straight into Conv is taken as quantized, with one warning', () => {
    const { graph, diagnostics } = importParts({
      inputs: [input('x', [1, 1, 4, 4], 'int8')],
      outputs: ['z'],
      initializers: [
        tensor('w', { dtype: 'int8', shape: [2, 1, 3, 3], data: new Int8Array(18) }),
        tensor('v', { dtype: 'int8', shape: [1, 2, 1, 1], data: new Int8Array(2) }),
      ],
      nodes: [node('Conv', ['x', 'w'], ['y']), node('Conv', ['y', 'v'], ['z'])],
    });
    expect(diagnostics.map((d) => d.code)).toEqual(['SYS4005']);
    expect(graph.values.map((v) => [v.name, v.type.dtype, v.quantization?.source, v.quantization?.axis])).toEqual([
      ['x', 'int8', 'placeholder', null],
      ['w', 'int8', 'placeholder', 0],
      ['v', 'int8', 'placeholder', 0],
      ['y', 'int8', 'placeholder', null],
      ['z', 'int8', 'placeholder', null],
    ]);
  });

  test('bytes that do not match the shape are refused', () => {
    const short: OnnxTensor = { name: 'w', dtype: 'float32', dims: [2], data: { kind: 'bytes', bytes: new Uint8Array(4) } };
    const run = (): unknown =>
      importDecoded(model({ inputs: [x], outputs: ['y'], initializers: [short], nodes: [node('Add', ['x', 'w'], ['y'])] }), {
        name: 't',
        sha256: '',
      });
    expect(problemsOf(run)[0]).toMatch(/SYS4012: tensor "w" is float32\[2\], which is 8 bytes, but holds 4/);
  });
});
