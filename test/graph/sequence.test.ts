import { expect, test } from 'vitest';
import { isTensor, type RuntimeValue, type Tensor } from '../../src/core/index.ts';
import { inferGraphTypes, interpret, interpretValues, parseGraph, printType, type Graph } from '../../src/graph/index.ts';
import { f32, numbers } from './helpers.ts';

function graphOf(inputs: string, nodes: string, outputs: string): Graph {
  return parseGraph(`graph "g" opset 18 {\n${inputs}\n${nodes}\n  return ${outputs}\n}\n`);
}

function typesOf(graph: Graph): string[] {
  const typed = inferGraphTypes(
    graph,
    graph.inputs.map((id) => graph.values[id]?.type ?? { dtype: 'float32', shape: [] }),
  );
  return typed.outputs.map((id) => printType(typed.values[id]?.type ?? { dtype: 'float32', shape: [] }));
}

function run(graph: Graph, inputs: Record<string, RuntimeValue>): Map<string, RuntimeValue> {
  return interpretValues(graph, new Map(Object.entries(inputs)));
}

const [a, b, c] = [f32([2], [1, 2]), f32([2], [3, 4]), f32([2], [5, 6])];

test('a sequence is made, changed, read and put together again', () => {
  const graph = graphOf(
    '  input %a: float32[2]\n  input %b: float32[2]\n  input %c: float32[2]\n  const %one: int64[] = [1]\n  const %back: int64[] = [-1]',
    `  %s: sequence<float32[2]> = SequenceConstruct(%a, %b) name "s"
  %t: sequence<float32[2]> = SequenceInsert(%s, %c, %one) name "t"
  %at: float32[2] = SequenceAt(%t, %back) name "at"
  %u: sequence<float32[2]> = SequenceErase(%t, %one) name "u"
  %n: int64[] = SequenceLength(%t) name "n"
  %row: float32[6] = ConcatFromSequence(%t) {axis: 0} name "row"
  %stack: float32[2, 2] = ConcatFromSequence(%u) {axis: 1, new_axis: 1} name "stack"`,
    '%at, %n, %row, %stack',
  );
  const out = run(graph, { a, b, c });
  const shown = (name: string): number[] => numbers(out.get(name) as Tensor);
  expect(shown('row')).toEqual([1, 2, 5, 6, 3, 4]);
  expect(shown('at')).toEqual([3, 4]);
  expect(shown('n')).toEqual([3]);
  expect(shown('stack')).toEqual([1, 3, 2, 4]);
  // Lengths are followed: what is put together has a known size.
  expect(typesOf(graph)).toEqual(['float32[2]', 'int64[]', 'float32[6]', 'float32[2, 2]']);
});

test('an empty sequence takes the type of what is put into it', () => {
  const graph = graphOf(
    '  input %a: float32[2]',
    `  %e: sequence<float32[*]> = SequenceEmpty() name "e"
  %s: sequence<float32[2]> = SequenceInsert(%e, %a) name "s"`,
    '%e, %s',
  );
  expect(typesOf(graph)).toEqual(['sequence<float32[*]>', 'sequence<float32[2]>']);
  const whole = graphOf(
    '  input %a: int64[2]',
    '  %e: sequence<float32[*]> = SequenceEmpty() name "e"\n  %s: sequence<int64[*]> = SequenceInsert(%e, %a) name "s"',
    '%s',
  );
  expect(() => typesOf(whole)).toThrow(/SYS3010: SequenceInsert "s": one value is to be float32 and int64/);
});

test('parts of an axis: of one size, of listed sizes, each entry alone', () => {
  const split = (inputs: string, attributes: string): Graph =>
    graphOf(
      `  input %x: float32[5, 2]\n${inputs}`,
      `  %s: sequence<float32[*]> = SplitToSequence(%x${inputs === '' ? '' : ', %k'}) {${attributes}} name "s"\n  %n: int64[] = SequenceLength(%s) name "n"`,
      '%s, %n',
    );
  const x = f32([5, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const shapes = (graph: Graph): string => {
    const s = run(graph, { x }).get('s');
    return s !== undefined && !isTensor(s) && s.kind === 'sequence' ? s.elements.map((e) => `[${e.shape.join()}]`).join(' ') : '';
  };
  expect(shapes(split('  const %k: int64[] = [2]', 'axis: 0'))).toBe('[2,2] [2,2] [1,2]');
  expect(shapes(split('  const %k: int64[2] = [1, 4]', 'axis: 0'))).toBe('[1,2] [4,2]');
  expect(shapes(split('', 'axis: 1, keepdims: 0'))).toBe('[5] [5]');
  // Elements of different sizes leave the size open, bounded by the largest.
  expect(typesOf(split('  const %k: int64[] = [2]', 'axis: 0'))[0]).toMatch(/^sequence<float32\[s_axis0, 2\]>$/);
  expect(typesOf(split('', 'axis: 1, keepdims: 0'))[0]).toBe('sequence<float32[5]>');
});

test('a body maps over a sequence', () => {
  const graph = graphOf(
    '  input %s: sequence<float32[2]>\n  input %c: float32[2]',
    `  %m: sequence<float32[2]> = SequenceMap(%s, %c) {body: graph "add" opset 18 {
    input %e: float32[2]
    input %c: float32[2]
    %y: float32[2] = Add(%e, %c) name "add"
    return %y
  }} name "m"
  %all: float32[4] = ConcatFromSequence(%m) {axis: 0} name "all"`,
    '%all',
  );
  expect(numbers(run(graph, { s: { kind: 'sequence', dtype: 'float32', elements: [a, b] }, c }).get('all') as Tensor)).toEqual([
    6, 8, 8, 10,
  ]);
});

test('an optional holds something or nothing', () => {
  const graph = graphOf(
    '  input %o: optional<float32[2]>',
    `  %has: bool[] = OptionalHasElement(%o) name "has"
  %y: float32[2] = OptionalGetElement(%o) name "get"`,
    '%has, %y',
  );
  expect(numbers(run(graph, { o: { kind: 'optional', value: a } }).get('y') as Tensor)).toEqual([1, 2]);
  expect(numbers(run(graph, { o: a }).get('has') as Tensor)).toEqual([1]);
  expect(() => run(graph, { o: { kind: 'optional', value: null } })).toThrow(
    /SYS3063: OptionalGetElement "get": the optional holds nothing/,
  );
});

test('a sequence is no tensor: neither as an operand nor as an output that must be one', () => {
  const graph = graphOf('  input %a: float32[2]', '  %s: sequence<float32[2]> = SequenceConstruct(%a) name "s"', '%s');
  expect(() => interpret(graph, new Map([['a', a]]))).toThrow(/SYS3060: the output "s" is a sequence of tensors/);
  const relu = graphOf('  input %s: sequence<float32[2]>', '  %y: float32[2] = Relu(%s) name "relu"', '%y');
  expect(() => run(relu, { s: { kind: 'sequence', dtype: 'float32', elements: [a] } })).toThrow(
    /SYS3010: Relu "relu": input 0 is a sequence/,
  );
});

test('each batch entry is reversed as far as its length goes', () => {
  const graph = graphOf(
    '  input %x: float32[2, 3]\n  const %n: int64[2] = [2, 3]',
    '  %y: float32[2, 3] = ReverseSequence(%x, %n) {batch_axis: 0, time_axis: 1} name "r"',
    '%y',
  );
  expect(numbers(run(graph, { x: f32([2, 3], [1, 2, 3, 4, 5, 6]) }).get('y') as Tensor)).toEqual([2, 1, 3, 6, 5, 4]);
});
