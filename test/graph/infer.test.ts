import { expect, test } from 'vitest';
import {
  bindDims,
  bindGraph,
  bindPartly,
  inferGraphTypes,
  openDims,
  printDim,
  symbolDim,
  verifyGraph,
  type Dim,
  type Graph,
  type TensorType,
} from '../../src/graph/index.ts';
import { constantFrom } from '../../src/graph/constant.ts';
import { attributes, graphOf, i64, type Plain } from './helpers.ts';

type Shape = readonly (Dim | string)[];
const float = (...shape: Shape): TensorType => ({ dtype: 'float32', shape: shape.map((d) => (typeof d === 'string' ? symbolDim(d) : d)) });
const ints = (...shape: Shape): TensorType => ({ ...float(...shape), dtype: 'int64' });
const anyRank: TensorType = { dtype: 'float32', shape: [], unranked: true };

interface Step {
  readonly op: string;
  /** Values by name; numbers are int64 constants, '' is left out. */
  readonly of: readonly (string | number | readonly number[])[];
  readonly to?: string;
  readonly with?: Readonly<Record<string, Plain>>;
  readonly extra?: readonly string[];
}

/** A graph of these steps; the last is its output. Types are inferred. */
function inferred(inputs: Readonly<Record<string, TensorType>>, ...steps: readonly Step[]): Graph {
  const values: Graph['values'][number][] = [];
  const ids = new Map<string, number>();
  const add = (name: string, type: TensorType, constant: ReturnType<typeof constantFrom> | null = null): number => {
    ids.set(name, values.length);
    values.push({ id: values.length, name, type, layout: 'row-major', quantization: null, constant });
    return values.length - 1;
  };
  const inputIds = Object.entries(inputs).map(([name, type]) => add(name, type));
  const nodes: Graph['nodes'][number][] = [];
  for (const [n, step] of steps.entries()) {
    const operands = step.of.map((x, i) => {
      if (x === '') return null;
      if (typeof x === 'string') return ids.get(x) ?? -1;
      const tensor = i64(typeof x === 'number' ? [] : [x.length], typeof x === 'number' ? [x] : x);
      return add(`${n}.${i}`, { dtype: 'int64', shape: tensor.shape }, constantFrom(tensor));
    });
    const outputs = [step.to ?? `y${n}`, ...(step.extra ?? [])].map((name) => add(name, anyRank));
    const name = `${step.op}_${n}`;
    nodes.push({ op: step.op, domain: '', name, inputs: operands, outputs, attributes: attributes(step.with ?? {}), origin: [name] });
  }
  const graph = graphOf({ opset: 20, values, nodes, inputs: inputIds, outputs: nodes.at(-1)?.outputs.slice(0, 1) ?? [] });
  return inferGraphTypes(graph, Object.values(inputs));
}

function shapeOf(graph: Graph, name?: string): string {
  const value = name === undefined ? graph.values[graph.outputs[0] ?? -1] : graph.values.find((v) => v.name === name);
  if (value === undefined) throw new Error('no such value');
  return value.type.unranked === true ? 'unranked' : value.type.shape.map(printDim).join(' ');
}

test('where contents are not known, the rank still is: a target of three numbers gives three dimensions', () => {
  const graph = inferred({ x: float('n', 12), shape: ints(3) }, { op: 'Reshape', of: ['x', 'shape'], to: 'y' });
  expect(shapeOf(graph)).toBe('Reshape_0_axis0 Reshape_0_axis1 Reshape_0_axis2');
  expect(graph.unknowns?.[1]).toEqual({
    symbol: 'Reshape_0_axis1',
    upper: null,
    node: 'Reshape_0',
    op: 'Reshape',
    why: 'the values of input 1 (shape)',
    input: 'shape',
  });
  expect(shapeOf(inferred({ x: float('n', 12), shape: ints('k') }, { op: 'Reshape', of: ['x', 'shape'] }))).toBe('unranked');
});

test('what is known of a target is used, and one open size follows from the rest', () => {
  const graph = inferred(
    { x: float('batch', 'seq', 768), k: ints(1) },
    { op: 'Shape', of: ['x'], to: 's', with: { end: 1 } },
    { op: 'Concat', of: ['s', 'k', [12, 64]], to: 'target', with: { axis: 0 } },
    { op: 'Reshape', of: ['x', 'target'] },
  );
  expect(shapeOf(graph)).toBe('batch seq 12 64');
});

test('pads that an exporter reverses and transposes are followed, symbols included', () => {
  // [n, 0, 1, 2] seen as two rows, the rows swapped, columns first: what PyTorch writes for F.pad.
  const graph = inferred(
    { x: float('n', 5) },
    { op: 'Shape', of: ['x'], to: 's' },
    { op: 'Slice', of: ['s', [0], [1]], to: 'n' },
    { op: 'Concat', of: ['n', [0, 1, 2]], to: 'list', with: { axis: 0 } },
    { op: 'Reshape', of: ['list', [-1, 2]], to: 'rows' },
    { op: 'Slice', of: ['rows', [-1], [-9000], [0], [-1]], to: 'swapped' },
    { op: 'Transpose', of: ['swapped'], to: 'columns' },
    { op: 'Reshape', of: ['columns', [-1]], to: 'pads' },
    { op: 'Pad', of: ['x', 'pads'] },
  );
  // begin [1, n], end [2, 0].
  expect(shapeOf(graph)).toBe('n+3 n+5');
});

test('comparisons of sizes are decided where they can be', () => {
  const expandTo = (then: number): Step[] => [
    { op: 'Shape', of: ['x'], to: 's' },
    { op: 'Equal', of: ['s', [-1, -1]], to: 'open' },
    { op: 'Where', of: ['open', [1, 1], 's'], to: 'target' },
    { op: 'Greater', of: ['s', [then, then]], to: 'larger' },
    { op: 'Where', of: ['larger', [7, 7], 'target'], to: 'chosen' },
    { op: 'ConstantOfShape', of: ['chosen'] },
  ];
  expect(shapeOf(inferred({ x: float('n', 4) }, ...expandTo(-1)))).toBe('7 7');
  // n may be larger than 4 or not: only that size is open.
  expect(shapeOf(inferred({ x: float('n', 4) }, ...expandTo(4)))).toBe('ConstantOfShape_5_axis0 4');
});

test('arithmetic on sizes stays symbolic through Split, Mul, Div, Range and Tile', () => {
  const graph = inferred(
    { x: float('h', 'w') },
    { op: 'Shape', of: ['x'], to: 's' },
    { op: 'Split', of: ['s'], to: 'h', with: { num_outputs: 2 }, extra: ['w'] },
    { op: 'Mul', of: ['h', 'w'], to: 'area' },
    { op: 'Div', of: ['area', 2], to: 'half' },
    { op: 'Squeeze', of: ['half', [0]], to: 'count' },
    { op: 'Range', of: [0, 'count', 1], to: 'line' },
    { op: 'Tile', of: ['line', 'w'] },
  );
  expect(shapeOf(graph, 'line')).toBe('floor(h*w/2)');
  expect(shapeOf(bindDims(graph, { h: 3, w: 5 }))).toBe('35');
});

test('broadcasting two open sizes gives the larger: they are equal or one is 1', () => {
  const graph = inferred({ a: float('a', 3), b: float('b', 1) }, { op: 'Add', of: ['a', 'b'] });
  expect(shapeOf(graph)).toBe('max(a,b) 3');
  expect(shapeOf(bindDims(graph, { a: 1, b: 4 }))).toBe('4 3');
  expect(() => bindDims(graph, { a: 2, b: 4 })).toThrow(/SYS3010: Add "Add_0": the shapes \[2, 3\] and \[4, 1\] do not broadcast/);
});

test('an operator on a tensor of unknown rank says what all ranks agree on', () => {
  expect(shapeOf(inferred({ x: anyRank }, { op: 'Relu', of: ['x'] }))).toBe('unranked');
  expect(shapeOf(inferred({ x: anyRank, s: ints(2) }, { op: 'Reshape', of: ['x', 's'] }))).toBe('Reshape_0_axis0 Reshape_0_axis1');
  expect(shapeOf(inferred({ x: anyRank }, { op: 'Size', of: ['x'] }))).toBe('');
  // Only matrices multiply in Gemm: the rank is that of the operator, the sizes of b stay.
  expect(shapeOf(inferred({ x: anyRank, b: float(8, 'm') }, { op: 'Gemm', of: ['x', 'b'] }))).toBe('Gemm_0_axis0 m');
  expect(inferred({ x: anyRank }, { op: 'Cast', of: ['x'], with: { to: 7 } }).values.at(-1)?.type.dtype).toBe('int64');
});

test('unknown dimensions keep their symbols and are bound like others', () => {
  const graph = inferred(
    { x: float('n', 4) },
    { op: 'NonZero', of: ['x'], to: 'where' },
    { op: 'Cast', of: ['where'], with: { to: 1 }, to: 'real' },
    { op: 'Add', of: ['real', 'real'] },
  );
  expect(shapeOf(graph)).toBe('2 NonZero_0_axis1');
  expect(printDim(graph.unknowns?.[0]?.upper ?? 0)).toBe('4*n');
  expect(verifyGraph(graph)).toEqual([]);
  expect(shapeOf(bindPartly(graph, { n: 3 }))).toBe('2 NonZero_0_axis1');
  expect(shapeOf(bindDims(graph, { n: 3, NonZero_0_axis1: 5 }))).toBe('2 5');
  const most = bindGraph(graph, { n: 3 });
  expect(shapeOf(most.graph)).toBe('2 12');
  expect(most.diagnostics.map((d) => d.message)).toEqual([
    'NonZero "NonZero_0": its dimension "NonZero_0_axis1" hangs on how many elements are not zero; it is taken as 12, the most it can be. Give another size with --dim NonZero_0_axis1=N.',
  ]);
});

test('what nothing bounds names the flags that would settle it', () => {
  const range = inferred({ count: ints() }, { op: 'Range', of: [0, 'count', 1] });
  expect(() => bindDims(range, {})).toThrow(
    /SYS3051: Range "Range_0": its dimension "Range_0_axis0" hangs on the values of input 1 \(limit\), known only at run time. Give the size with --dim Range_0_axis0=N, or the numbers with --input-value count=FILE./,
  );
  expect(shapeOf(bindDims(range, { Range_0_axis0: 6 }))).toBe('6');
  const rank = inferred({ x: float(6), shape: ints('k') }, { op: 'Reshape', of: ['x', 'shape'], to: 'y' }, { op: 'Relu', of: ['y'] });
  expect(openDims(rank).map((o) => [o.symbol, o.node?.name, o.value.name])).toEqual([
    ['k', 'Reshape_0', 'shape'],
    [null, 'Reshape_0', 'y'],
  ]);
  expect(() => bindDims(rank, {})).toThrow(/SYS3052: Reshape "Reshape_0": .* --input-value shape=FILE/);
});

test('Slice: bounds where only the run tells, exact where an end lies beyond or counts from the end', () => {
  const slice = (...of: Step['of']): Graph => inferred({ x: float('n', 10), i: ints(1) }, { op: 'Slice', of: ['x', ...of] });
  expect(shapeOf(slice('i', [9], [1]))).toBe('n Slice_0_axis1');
  expect(slice('i', [9], [1]).unknowns?.[0]?.upper).toBe(9);
  expect(shapeOf(slice([1], [-1], [0]))).toBe('n-2 10');
  expect(shapeOf(bindDims(slice([0], [128], [0]), { n: 7 }))).toBe('7 10');
  expect(shapeOf(bindDims(slice([-1], [-9000000000], [0], [-2]), { n: 7 }))).toBe('4 10');
});

test('axes that only the run names leave the rank where their number is known', () => {
  const of = (op: string, type: TensorType, keep: number): string =>
    shapeOf(
      inferred({ x: type, axes: ints(1) }, { op, of: ['x', 'axes'], ...(op.startsWith('Reduce') ? { with: { keepdims: keep } } : {}) }),
    );
  expect(of('ReduceSum', float(2, 3), 1)).toBe('ReduceSum_0_axis0 ReduceSum_0_axis1');
  expect(of('ReduceSum', float(3, 3), 0)).toBe('3');
  expect(of('Squeeze', float(3, 1, 4), 0)).toBe('3 4');
  expect(of('Unsqueeze', float(1, 1), 0)).toBe('1 1 1');
  expect(of('Unsqueeze', float(5), 0)).toBe('Unsqueeze_0_axis0 Unsqueeze_0_axis1');
});

test('a symbol of the inputs is never given to an unknown dimension', () => {
  const graph = inferred({ x: float('Range_0_axis0'), n: ints() }, { op: 'Range', of: [0, 'n', 1] });
  expect(shapeOf(graph)).toBe('Range_0_axis0_2');
});

test('20,000 operators on open shapes take no time', () => {
  const steps: Step[] = [{ op: 'Reshape', of: ['x', 's'], to: 'v0' }];
  // Every second operator adds a shape nobody knows: sums of all of them would grow without end.
  for (let i = 1; i < 20_000; i += 2) {
    steps.push({ op: 'Reshape', of: ['x', 's'], to: `r${i}` }, { op: 'Add', of: [`v${i - 1}`, `r${i}`], to: `v${i + 1}` });
  }
  const start = performance.now();
  const graph = inferred({ x: float('a', 'b'), s: ints(2) }, ...steps);
  expect(shapeOf(graph).length).toBeLessThan(2000);
  expect(performance.now() - start).toBeLessThan(15_000);
});

test('the branch that a constant condition picks hands on what it computes with shapes; its body is typed', () => {
  const branch = (op: string): Graph => ({
    ...graphOf({
      opset: 20,
      values: [
        { id: 0, name: `${op}.s`, type: anyRank, layout: 'row-major', quantization: null, constant: null },
        { id: 1, name: `${op}.t`, type: anyRank, layout: 'row-major', quantization: null, constant: null },
      ],
      nodes: [{ op, domain: '', name: op, inputs: op === 'Add' ? [0, 0] : [0], outputs: [1], attributes: {}, origin: [op] }],
      inputs: [0],
      outputs: [1],
    }),
  });
  const graph = inferred(
    { x: float('n', 4) },
    { op: 'Shape', of: ['x'], to: 's' },
    { op: 'Equal', of: [1, 1], to: 'yes' },
    { op: 'Identity', of: ['s'], to: 't' },
    { op: 'ConstantOfShape', of: ['t'] },
  );
  const chosen: Graph = {
    ...graph,
    nodes: graph.nodes.map((node) =>
      node.op !== 'Identity'
        ? node
        : {
            ...node,
            op: 'If',
            inputs: [graph.values.find((v) => v.name === 'yes')?.id ?? -1, ...node.inputs],
            captures: 1,
            attributes: { then_branch: { kind: 'graph', value: branch('Add') }, else_branch: { kind: 'graph', value: branch('Neg') } },
          },
    ),
  };
  const typed = inferGraphTypes(chosen, [float('n', 4)]);
  expect(shapeOf(typed)).toBe('2*n 8');
  expect(verifyGraph(typed)).toEqual([]);
  const body = typed.nodes[2]?.attributes['then_branch'];
  expect(body?.kind === 'graph' ? body.value.values.map((v) => v.type) : null).toEqual([
    { dtype: 'int64', shape: [2] },
    { dtype: 'int64', shape: [2] },
  ]);
});
