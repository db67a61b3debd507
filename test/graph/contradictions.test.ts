/** What no operand may be, whatever the operator: told where types are inferred, with the numbers. */
import { expect, test } from 'vitest';
import { inferGraphTypes, type Attribute, type Graph, type TensorType } from '../../src/graph/index.ts';
import { constantFrom } from '../../src/graph/constant.ts';
import { attributes, graphOf, i64, type Plain } from './helpers.ts';

const float = (...shape: readonly number[]): TensorType => ({ dtype: 'float32', shape });

/** Types of one node's operands; a list is an int64 constant. */
function infer(op: string, operands: readonly (TensorType | readonly number[])[], plain: Readonly<Record<string, Plain>> = {}): Graph {
  const values = operands.map((given, id) => {
    const tensor = 'dtype' in given ? null : i64([given.length], given);
    const type: TensorType = 'dtype' in given ? given : { dtype: 'int64', shape: [given.length] };
    return {
      id,
      name: `v${id}`,
      type,
      layout: 'row-major' as const,
      quantization: null,
      constant: tensor === null ? null : constantFrom(tensor),
    };
  });
  const out = values.length;
  const made = { id: out, name: 'y', type: float(), layout: 'row-major' as const, quantization: null, constant: null };
  const inputs = operands.map((_, i) => i);
  const node = {
    op,
    domain: '',
    name: 'n',
    inputs,
    outputs: [out],
    attributes: attributes(plain) as Record<string, Attribute>,
    origin: ['n'],
  };
  const open = values.filter((v) => v.constant === null);
  const graph = graphOf({ values: [...values, made], nodes: [node], inputs: open.map((v) => v.id), outputs: [out] });
  return inferGraphTypes(
    graph,
    open.map((v) => v.type),
  );
}

test.each<readonly [string, RegExp, Parameters<typeof infer>]>([
  ['an attribute without a default left out', /SYS3013.*axis is left out/, ['Concat', [float(2), float(2)]]],
  ['an index outside the axis', /SYS3010.*index 99 is outside an axis of 3/, ['Gather', [float(3, 2), [0, 99]]]],
  ['an index before its begin', /SYS3010.*index -4 is outside an axis of 3/, ['Gather', [float(3, 2), [-4]]]],
  ['indices that are no whole numbers', /SYS3010.*input 1 is float32, whole numbers/, ['Gather', [float(3), float(2)]]],
  ['the opposite of a number', /SYS3010.*input 0 is float32, bool/, ['Not', [float(3)]]],
  ['an axis there is not', /SYS3013.*axis is 99; allowed: -2 to 1/, ['Softmax', [float(2, 3)], { axis: 99 }]],
  [
    'seven scales for four channels',
    /SYS3010.*7 scales for axis 1 of size 4/,
    ['DequantizeLinear', [{ dtype: 'int8', shape: [2, 4] }, float(7)]],
  ],
  ['a scale that does not fit the row', /SYS3010.*Scale is \[5\]/, ['LayerNormalization', [float(2, 32), float(5)]]],
  ['a scale of more axes than the data', /SYS3010.*Scale is \[4, 2, 32\]/, ['LayerNormalization', [float(2, 32), float(4, 2, 32)]]],
])('%s', (_, message, parts) => {
  expect(() => infer(...parts)).toThrow(message);
});

test('operands that fit stay fine', () => {
  expect(infer('Gather', [float(3, 2), [-3, 2]]).values[2]?.type.shape).toEqual([2, 2]);
  expect(infer('Softmax', [float(2, 3)], { axis: -2 }).values[1]?.type.shape).toEqual([2, 3]);
  expect(infer('LayerNormalization', [float(2, 32), float(1)]).values[2]?.type.shape).toEqual([2, 32]);
});

test('time for values captured through bodies in bodies grows with their depth', () => {
  let inner: Graph | null = null;
  for (let depth = 0; depth < 24; depth++) {
    const condition = {
      id: 0,
      name: 'c',
      type: { dtype: 'bool', shape: [] } as TensorType,
      layout: 'row-major' as const,
      quantization: null,
      constant: null,
    };
    const x = { ...condition, id: 1, name: 'x', type: float(4) };
    const y = { ...x, id: 2, name: 'y' };
    const plain = { op: 'Relu', domain: '', name: 'relu', inputs: [1], outputs: [2], attributes: {}, origin: [] };
    const branch: Graph = inner ?? graphOf({ values: [condition, x, y], nodes: [plain], inputs: [0, 1], outputs: [2] });
    const bodies: Record<string, Attribute> = {
      then_branch: { kind: 'graph', value: branch },
      else_branch: { kind: 'graph', value: branchOf(condition, x, y) },
    };
    const choice = {
      op: 'If',
      domain: '',
      name: `if${depth}`,
      inputs: [0, 0, 1],
      outputs: [2],
      captures: 2,
      attributes: bodies,
      origin: [],
    };
    inner = graphOf({ values: [condition, x, y], nodes: [choice], inputs: [0, 1], outputs: [2] });
  }
  const begin = performance.now();
  const found = inferGraphTypes(inner as Graph, [{ dtype: 'bool', shape: [] }, float(4)]);
  expect(found.values[2]?.type).toEqual(float(4));
  expect(performance.now() - begin).toBeLessThan(2000);
});

function branchOf(...values: Graph['values']): Graph {
  const neg = { op: 'Neg', domain: '', name: 'neg', inputs: [1], outputs: [2], attributes: {}, origin: [] };
  return graphOf({ values, nodes: [neg], inputs: [0, 1], outputs: [2] });
}
