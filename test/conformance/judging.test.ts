/** How the conformance runner reads packs and judges results. Needs no packs. */
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/core/index.ts';
import type { Attributes, Graph, Node, TensorType } from '../../src/graph/ir.ts';
import type { OnnxGraph, OnnxModel, OnnxNode } from '../../src/onnx/model.ts';
import { untar } from './archive.ts';
import { parseCsv } from './csv.ts';
import { dependentOutputs } from './dependence.ts';
import { difference } from './judge.ts';
import { sizeByRule } from './settings.ts';
import { dataDependentOperators, shapeCarryingInputs } from './shape-inputs.ts';
import { withoutDeclaredTypes } from './strip-types.ts';
import { archive, entry } from './tar-builder.ts';
import { readValue } from './test-data.ts';
import { atLeast, percent } from './threshold.ts';

describe('archives', () => {
  test('names from the header, its prefix, a GNU long name and a pax path; folders left out', () => {
    const long = 'a'.repeat(150);
    const files = untar(
      archive(
        entry('./plain/model.onnx', 'one'),
        entry('folder/', '', '5'),
        entry('model.onnx', 'two', '0', 'prefixed'),
        entry('././@LongLink', `${long}/gnu\0`, 'L'),
        entry('cut off', 'three'),
        entry('pax', `20 path=${long}/pax\n`, 'x'),
        entry('cut off', 'four'),
      ),
    );
    const texts = [...files].map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]);
    expect(texts).toEqual([
      ['plain/model.onnx', 'one'],
      ['prefixed/model.onnx', 'two'],
      [`${long}/gnu`, 'three'],
      [`${long}/pax`, 'four'],
    ]);
  });

  test('one that is cut off is said to be', () => {
    const whole = archive(entry('model.onnx', 'x'.repeat(600)));
    expect(() => untar(whole.subarray(0, 1024))).toThrow('damaged at byte 0');
  });
});

describe('indexes', () => {
  test('quotes hold commas, quotes and line ends; the last field may be empty', () => {
    const rows = parseCsv('name,inputs,notes\na,"x:float[1,2] ""q""",\nb,"two\nlines",end\n');
    expect(rows).toEqual([
      { name: 'a', inputs: 'x:float[1,2] "q"', notes: '' },
      { name: 'b', inputs: 'two\nlines', notes: 'end' },
    ]);
  });

  test('without a line end at the end, and with those of Windows', () => {
    expect(parseCsv('a,b\r\n1,2\r\n3,')).toEqual([
      { a: '1', b: '2' },
      { a: '3', b: '' },
    ]);
  });
});

const floats = (...numbers: readonly number[]): Tensor => ({ dtype: 'float32', shape: [numbers.length], data: Float32Array.from(numbers) });

describe('judging', () => {
  test('floats within rtol 1e-3 and atol 1e-7', () => {
    expect(difference(floats(1.0009, 5e-8), floats(1, 0))).toBeNull();
    expect(difference(floats(1.0011, 2e-7), floats(1, 0))).toContain('2 of 2 differ');
  });

  test('NaN equals NaN, infinities only themselves', () => {
    expect(difference(floats(NaN, Infinity), floats(NaN, Infinity))).toBeNull();
    expect(difference(floats(NaN), floats(1))).not.toBeNull();
    expect(difference(floats(3e38), floats(Infinity))).not.toBeNull();
    expect(difference(floats(-Infinity), floats(Infinity))).not.toBeNull();
  });

  test('integers exactly, also beyond what a double holds', () => {
    const big = (x: bigint): Tensor => ({ dtype: 'int64', shape: [1], data: BigInt64Array.of(x) });
    expect(difference(big(2n ** 53n), big(2n ** 53n + 1n))).toBe(
      'element 0 is 9007199254740992 instead of 9007199254740993 (1 of 1 differ)',
    );
  });

  test('bfloat16 may be one unit off, not two', () => {
    const half = (bits: number): Tensor => ({ dtype: 'bfloat16', shape: [1], data: Uint16Array.of(bits) });
    expect(difference(half(0x3f81), half(0x3f80))).toBeNull();
    expect(difference(half(0x3f82), half(0x3f80))).not.toBeNull();
  });

  test('the padding of packed integers does not count', () => {
    const packed = (...bytes: readonly number[]): Tensor => ({ dtype: 'int4', shape: [3], data: Uint8Array.from(bytes) });
    expect(difference(packed(0x21, 0xf3), packed(0x21, 0x03))).toBeNull();
    expect(difference(packed(0x21, 0x04), packed(0x21, 0x03))).toBe('element 2 is 4 instead of 3 (1 of 3 differ)');
  });

  test('type and shape always; of random results nothing else', () => {
    expect(difference(floats(1, 2), { ...floats(1, 2), shape: [2, 1] })).toBe('float32[2] instead of float32[2, 1]');
    expect(difference(floats(1), floats(2), 'type')).toBeNull();
    expect(difference(floats(1), { dtype: 'float64', shape: [1], data: Float64Array.of(1) }, 'type')).not.toBeNull();
    expect(difference(undefined, floats(1))).toBe('no output');
  });

  test('sequences and optionals hold what they should', () => {
    const sequence = (...elements: readonly Tensor[]) => ({ kind: 'sequence', dtype: 'float32', elements }) as const;
    expect(difference(sequence(floats(1)), sequence(floats(1)))).toBeNull();
    expect(difference(sequence(floats(1), floats(3)), sequence(floats(1), floats(2)))).toContain('tensor 1 of the sequence');
    expect(difference(floats(1), sequence(floats(1)))).not.toBeNull();
    expect(difference({ kind: 'optional', value: null }, { kind: 'optional', value: null })).toBeNull();
    expect(difference({ kind: 'optional', value: null }, { kind: 'optional', value: floats(1) })).not.toBeNull();
  });
});

describe('test data', () => {
  /** TensorProto float32 [1]: dims 1, data_type 1, raw_data. */
  const tensor = [0x08, 1, 0x10, 1, 0x4a, 4, 0, 0, 0x80, 0x3f];

  test('a sequence is its tensors, an empty optional is empty', () => {
    const element = { kind: 'tensor', dtype: 'float32', shape: null } as const;
    const bytes = Uint8Array.from([0x10, 1, 0x1a, tensor.length, ...tensor, 0x1a, tensor.length, ...tensor]);
    expect(readValue(bytes, { kind: 'sequence', element })).toEqual({
      kind: 'sequence',
      dtype: 'float32',
      elements: [floats(1), floats(1)],
    });
    expect(readValue(Uint8Array.of(0x10, 1), { kind: 'optional', element })).toEqual({ kind: 'optional', value: null });
    expect(readValue(Uint8Array.from([0x10, 1, 0x1a, tensor.length, ...tensor]), { kind: 'optional', element })).toEqual({
      kind: 'optional',
      value: floats(1),
    });
  });
});

const node = (opType: string, inputs: readonly string[], outputs: readonly string[]): OnnxNode => ({
  name: '',
  opType,
  domain: '',
  overload: '',
  inputs,
  outputs,
  attributes: [],
});

function modelOf(nodes: readonly OnnxNode[], inputs: readonly string[]): OnnxModel {
  const graph: OnnxGraph = {
    name: 'g',
    nodes,
    initializers: [],
    sparseInitializers: [],
    inputs: inputs.map((name) => ({ name, type: { kind: 'tensor', dtype: 'int64', shape: [1] } })),
    outputs: [{ name: 'y', type: { kind: 'tensor', dtype: 'float32', shape: [7] } }],
    valueInfos: [{ name: 'y', type: { kind: 'tensor', dtype: 'float32', shape: [7] } }],
  };
  return {
    irVersion: 8,
    producerName: '',
    producerVersion: '',
    opsetImports: [{ domain: '', version: 17 }],
    graph,
    functions: [],
    metadata: {},
  };
}

describe('inference', () => {
  test('inputs that carry shapes: directly, or through shape arithmetic; data does not', () => {
    const nodes = [node('Concat', ['n', 'm'], ['shape']), node('Reshape', ['x', 'shape'], ['r']), node('Tile', ['r', 'times'], ['y'])];
    expect(shapeCarryingInputs(modelOf(nodes, ['x', 'n', 'm', 'times']))).toEqual(['n', 'm', 'times']);
    expect(shapeCarryingInputs(modelOf([node('Conv', ['x', 'w'], ['y'])], ['x', 'w']))).toEqual([]);
  });

  test('operators whose shapes are made of data are found in bodies too', () => {
    const body = modelOf([node('NonZero', ['x'], ['y'])], []).graph;
    const outer: OnnxNode = { ...node('If', ['c'], ['y']), attributes: [{ name: 'then_branch', refName: '', kind: 'graph', value: body }] };
    expect(dataDependentOperators(modelOf([outer], ['c']))).toEqual(['NonZero']);
  });

  test('declared types go, those of inputs stay', () => {
    const { graph } = withoutDeclaredTypes(modelOf([node('Relu', ['x'], ['y'])], ['x']));
    expect(graph.outputs).toEqual([{ name: 'y', type: { kind: 'none' } }]);
    expect(graph.valueInfos).toEqual([]);
    expect(graph.inputs[0]?.type.kind).toBe('tensor');
  });
});

describe('outputs that hang on inputs', () => {
  const scalar: TensorType = { dtype: 'float32', shape: [] };
  const step = (op: string, inputs: readonly number[], outputs: readonly number[], attributes: Attributes = {}): Node => {
    return { op, domain: '', name: `${op}${outputs[0]}`, inputs, outputs, attributes, origin: [] };
  };
  const graphOf = (count: number, inputs: readonly number[], outputs: readonly number[], nodes: readonly Node[]): Graph => {
    const values = Array.from({ length: count }, (_, id) => ({
      id,
      name: `v${id}`,
      type: scalar,
      layout: 'row-major' as const,
      quantization: null,
      constant: null,
    }));
    return { name: 'g', opset: 21, inputs, outputs, values, nodes, retired: {} };
  };

  test('through values, not through sizes', () => {
    const nodes = [step('Shape', [0], [1]), step('ConstantOfShape', [1], [2]), step('Relu', [0], [3])];
    expect(dependentOutputs(graphOf(4, [0], [2, 3], nodes))).toEqual(['v3']);
  });

  test('a state of a loop hangs on what another state brings in a later turn', () => {
    // Body: (i, keep, a, b, c) -> (keep, b, b, c): a takes over b, c stays what it was.
    const body = graphOf(5, [0, 1, 2, 3, 4], [1, 3, 3, 4], []);
    const loop = step('Loop', [0, 1, 2, 3, 4], [5, 6, 7], { body: { kind: 'graph', value: body } });
    expect(dependentOutputs(graphOf(8, [3], [5, 6, 7], [loop]))).toEqual(['v5', 'v6']);
    // How often it runs decides all of them.
    expect(dependentOutputs(graphOf(8, [0], [5, 6, 7], [loop]))).toEqual(['v5', 'v6', 'v7']);
  });

  test('a branch hangs on what it captures', () => {
    const reads = graphOf(1, [0], [0], []);
    const reading: Node = { ...step('If', [0, 1], [2], { then_branch: { kind: 'graph', value: reads } }), captures: 1 };
    expect(dependentOutputs(graphOf(3, [1], [2], [reading]))).toEqual(['v2']);
    const fixed: Node = { ...reading, attributes: { then_branch: { kind: 'graph', value: graphOf(2, [0], [1], []) } } };
    expect(dependentOutputs(graphOf(3, [1], [2], [fixed]))).toEqual([]);
  });
});

describe('demands', () => {
  test('shares are rounded down, nothing out of nothing is enough', () => {
    expect(percent(0.99999)).toBe('99.9 %');
    expect(atLeast('x', 96, 100, 0.97).ok).toBe(false);
    expect(atLeast('x', 97, 100, 0.97).ok).toBe(true);
    expect(atLeast('x', 0, 0, 1).ok).toBe(true);
  });

  test('sizes by name: the total is past and new together', () => {
    expect(['batch_size', 'N', 'height', 'seq_len', 'past_seq_len', 'total_seq_len'].map(sizeByRule)).toEqual([1, 1, 224, 16, 16, 32]);
  });
});
