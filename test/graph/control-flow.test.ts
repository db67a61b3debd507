import fc from 'fast-check';
import { expect, test } from 'vitest';
import { elementCount, isTensor, type RuntimeValue, type Tensor } from '../../src/core/index.ts';
import {
  bindGraph,
  inferGraphTypes,
  interpret,
  interpretValues,
  parseGraph,
  printGraph,
  printType,
  verifyGraph,
  type Graph,
} from '../../src/graph/index.ts';
import { f32, i64, numbers } from './helpers.ts';

/** Sums 1..i into a carried value, keeps each, and reads %step of the graph around it. */
const counting = `graph "counting" opset 16 {
  input %n: int64[]
  input %go: bool[]
  input %start: float32[2]
  input %step: float32[2]
  %sum: float32[2], %steps: float32[trips, 2] = Loop(%n, %go, %start, %step) {body: graph "body" opset 16 {
    input %i: int64[]
    input %cond: bool[]
    input %acc: float32[2]
    input %step: float32[2]
    %next: float32[2] = Add(%acc, %step) name "add"
    %on: bool[] = Identity(%cond) name "on"
    return %on, %next, %next
  }} captures 1 name "loop" origin ["loop"]
  return %sum, %steps
  unknown "trips" of "Loop" "loop" why "how often the loop runs" input "n"
}
`;

const bool = (x: number): Tensor => ({ dtype: 'bool', shape: [], data: Uint8Array.of(x) });

function run(text: string, inputs: Record<string, RuntimeValue>): Map<string, RuntimeValue> {
  return interpretValues(parseGraph(text), new Map(Object.entries(inputs)));
}

function typesOf(graph: Graph): string[] {
  const typed = inferGraphTypes(
    graph,
    graph.inputs.map((id) => graph.values[id]?.type ?? { dtype: 'float32', shape: [] }),
  );
  return typed.outputs.map((id) => printType(typed.values[id]?.type ?? { dtype: 'float32', shape: [] }));
}

test('a loop carries values, keeps rows, and reads values of the graph around it', () => {
  const inputs = { n: i64([], [3]), go: bool(1), start: f32([2], [0, 10]), step: f32([2], [1, 2]) };
  const out = interpret(parseGraph(counting), new Map(Object.entries(inputs)));
  expect(numbers(out.get('sum'))).toEqual([3, 16]);
  expect(out.get('steps')?.shape).toEqual([3, 2]);
  expect(numbers(out.get('steps'))).toEqual([1, 12, 2, 14, 3, 16]);
  // No iteration: the start, and no rows.
  const none = interpret(parseGraph(counting), new Map(Object.entries({ ...inputs, go: bool(0) })));
  expect(numbers(none.get('sum'))).toEqual([0, 10]);
  expect(none.get('steps')?.shape).toEqual([0, 2]);
});

test('bodies survive text, and are sound', () => {
  const graph = parseGraph(counting);
  expect(printGraph(graph)).toBe(counting);
  expect(parseGraph(printGraph(graph))).toEqual(graph);
  expect(verifyGraph(graph)).toEqual([]);
});

test('bodies in bodies, containers, unknown ranks, text constants and versions survive text', () => {
  const text = `graph "nested" opset 18 {
  input %c: bool[]
  input %x: optional<sequence<float32[*]>>
  input %m: map<float32[*]>
  const %t: string[2] = strings ["a\\n//b", "\\"q\\""]
  %y: float32[*] = If(%c, %t) {then_branch: graph "then" opset 18 {
    input %t: string[2]
    %a: float32[*] = If(%t) {then_branch: graph "inner" opset 18 {
      input %t: string[2]
      %b: sequence<string[2]> = SequenceConstruct(%t) version 11 macs 12 name "b"
      return %b
    }} captures 1
    return %a
  }, else_branch: graph "else" opset 18 {
    input %t: string[2]
    return %t
  }} captures 1 name "y"
  return %y
  unknown "u 1" of "If" "y" why "which branch \\"runs\\"" most 4*batch
}
`;
  const graph = parseGraph(text);
  expect(printGraph(graph)).toBe(text);
  expect(parseGraph(printGraph(graph))).toEqual(graph);
});

test('a body that breaks a rule is found, with the node it belongs to', () => {
  const problems = (change: (text: string) => string): string =>
    verifyGraph(parseGraph(change(counting)))
      .map((d) => d.message)
      .join('\n');
  expect(problems((t) => t.replace('captures 1 ', 'captures 3 '))).toMatch(/Loop "loop": its body has 4 inputs, not 2 and 3 captures/);
  expect(problems((t) => t.replace('    input %step: float32[2]\n', '    unused %step: float32[2]\n'))).toMatch(
    /Loop "loop", in its body: Add "add": reads %step, which is not computed before it/,
  );
});

test('what is known of a trip count is known of the sizes it decides', () => {
  expect(typesOf(parseGraph(counting))).toEqual(['float32[2]', 'float32[trips, 2]']);
  const fixed = counting.replace('input %n: int64[]', 'const %n: int64[] = [5]').replace('input %go: bool[]', 'const %go: bool[] = [1]');
  expect(typesOf(parseGraph(fixed))).toEqual(['float32[2]', 'float32[5, 2]']);
});

/** Each iteration appends %x to what is carried. */
const growing = (trips: string): string => `graph "growing" opset 16 {
  ${trips}
  const %go: bool[] = [1]
  input %x: float32[3]
  %all: float32[*] = Loop(%n, %go, %x, %x) {body: graph "body" opset 16 {
    input %i: int64[]
    input %cond: bool[]
    input %acc: float32[*]
    input %x: float32[3]
    %next: float32[*] = Concat(%acc, %x) {axis: 0} name "append"
    return %cond, %next
  }} captures 1 name "loop"
  return %all
}
`;

test('a value that grows in each iteration has the size of the last', () => {
  expect(typesOf(parseGraph(growing('const %n: int64[] = [4]')))).toEqual(['float32[15]']);
  expect(typesOf(parseGraph(growing('const %n: int64[] = [400]')))).toEqual(['float32[1203]']);
  expect(typesOf(parseGraph(growing('input %n: int64[]')))).toEqual(['float32[loop_axis0]']);
  const all = run(growing('const %n: int64[] = [400]'), { x: f32([3], [1, 2, 3]) }).get('all');
  expect(all !== undefined && isTensor(all) ? all.shape : null).toEqual([1203]);
});

test('a loop that never ends is said to be one', () => {
  const endless = growing('const %n: int64[] = [4]').replace('Loop(%n,', 'Loop(_,').replace('Concat(%acc, %x) {axis: 0}', 'Identity(%acc)');
  expect(() => run(endless, { x: f32([3], [1, 2, 3]) })).toThrow(/SYS3062: Loop "loop" has no trip count .* after 100000 iterations/);
}, 30_000);

const choice = (cond: string): string => `graph "choice" opset 16 {
  ${cond}
  input %x: float32[2, 3]
  %y: float32[*] = If(%c, %x) {then_branch: graph "then" opset 16 {
    input %x: float32[2, 3]
    %t: float32[2, 3] = Neg(%x) name "neg"
    return %t
  }, else_branch: graph "else" opset 16 {
    input %x: float32[2, 3]
    %e: float32[4, 3] = Concat(%x, %x) {axis: 0} name "twice"
    return %e
  }} captures 1 name "if"
  return %y
}
`;

test('branches of different sizes leave a size open, a constant condition does not', () => {
  expect(typesOf(parseGraph(choice('input %c: bool[]')))).toEqual(['float32[if_axis0, 3]']);
  expect(typesOf(parseGraph(choice('const %c: bool[] = [1]')))).toEqual(['float32[2, 3]']);
  expect(typesOf(parseGraph(choice('const %c: bool[] = [0]')))).toEqual(['float32[4, 3]']);
  const x = f32([2, 3], [1, 2, 3, 4, 5, 6]);
  expect(numbers(run(choice('input %c: bool[]'), { c: bool(1), x }).get('y') as Tensor)).toEqual([-1, -2, -3, -4, -5, -6]);
  expect((run(choice('input %c: bool[]'), { c: bool(0), x }).get('y') as Tensor).shape).toEqual([4, 3]);
});

/** One branch adds %b to %x, the other reshapes %x. */
const addOrReshape = (x: readonly number[], b: readonly number[], target: readonly number[]): string => `graph "either" opset 16 {
  input %c: bool[]
  input %x: float32[${x.join(', ')}]
  %y: float32[*] = If(%c, %x) {then_branch: graph "then" opset 16 {
    input %x: float32[${x.join(', ')}]
    const %b: float32[${b.join(', ')}] = splat [1]
    %t: float32[*] = Add(%x, %b) name "add"
    return %t
  }, else_branch: graph "else" opset 16 {
    input %x: float32[${x.join(', ')}]
    const %s: int64[${target.length}] = [${target.join(', ')}]
    %e: float32[*] = Reshape(%x, %s) name "fill"
    return %e
  }} captures 1 name "if" origin ["if"]
  %z: float32[*] = Relu(%y) name "relu"
  return %z
}
`;

test('branches of different rank: the program is made for the larger result, and says so', () => {
  const graph = parseGraph(addOrReshape([2, 3], [4, 2, 3], [6]));
  expect(typesOf(graph)).toEqual(['float32[*]']);
  const { graph: bound, diagnostics } = bindGraph(graph, {});
  expect(bound.values[bound.outputs[0] ?? 0]?.type.shape).toEqual([4, 2, 3]);
  expect(diagnostics.map((d) => `${d.code} ${d.message}`)).toEqual([
    'SYS3057 If "if": its result is [4, 2, 3] or [6], by which branch runs; the program is made for [4, 2, 3]. Export with the condition fixed if it is the other.',
  ]);
});

test('a branch that the inputs contradict is not the one that runs', () => {
  expect(typesOf(parseGraph(addOrReshape([2, 3], [5], [3, 2])))).toEqual(['float32[3, 2]']);
  expect(typesOf(parseGraph(addOrReshape([2, 3], [3], [7])))).toEqual(['float32[2, 3]']);
});

test('whatever the branches make, a bound graph has room for it', () => {
  const shape = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 });
  fc.assert(
    fc.property(shape, shape, shape, (x, b, target) => {
      const graph = parseGraph(addOrReshape(x, b, target));
      const results = [1, 0].flatMap((c) => {
        try {
          const size = x.reduce((n, d) => n * d, 1);
          const out = interpretValues(
            graph,
            new Map([
              ['c', bool(c)],
              ['x', f32(x, new Array<number>(size).fill(1))],
            ]),
          ).get('z');
          return out !== undefined && isTensor(out) ? [out.shape] : [];
        } catch {
          return [];
        }
      });
      // Where every run fails binding may refuse as well.
      if (results.length === 0) return;
      const { graph: bound } = bindGraph(graph, {});
      const made = bound.values[bound.outputs[0] ?? 0]?.type.shape.map(Number) ?? [];
      expect(results.map((r) => r.length)).toContain(made.length);
      for (const r of results) expect(elementCount(made)).toBeGreaterThanOrEqual(elementCount(r));
    }),
    { numRuns: 300 },
  );
});

const scan = (attributes: string): string => `graph "scan" opset 16 {
  input %s: float32[2]
  input %x: float32[2, 3]
  %last: float32[2], %rows: float32[*] = Scan(%s, %x) {num_scan_inputs: 1, ${attributes}body: graph "body" opset 16 {
    input %a: float32[2]
    input %b: float32[2]
    %sum: float32[2] = Add(%a, %b) name "add"
    return %sum, %sum
  }} name "scan"
  return %last, %rows
}
`;

test('Scan runs along an axis, forwards or backwards, and puts its rows along another', () => {
  const text = scan('scan_input_axes: [1], scan_output_axes: [1], ');
  const inputs = { s: f32([2], [0, 0]), x: f32([2, 3], [1, 2, 3, 10, 20, 30]) };
  expect(typesOf(parseGraph(text))).toEqual(['float32[2]', 'float32[2, 3]']);
  const out = run(text, inputs);
  expect(numbers(out.get('last') as Tensor)).toEqual([6, 60]);
  expect(numbers(out.get('rows') as Tensor)).toEqual([1, 3, 6, 10, 30, 60]);
  const back = run(scan('scan_input_axes: [1], scan_input_directions: [1], scan_output_directions: [1], '), inputs);
  // Cumulative from the end; the rows turned round again, along axis 0.
  expect(numbers(back.get('rows') as Tensor)).toEqual([6, 60, 5, 50, 3, 30]);
});

test('a body that does not fit its operator is refused', () => {
  const bad = scan('scan_input_axes: [1], ')
    .replace('Add(%a, %b) name "add"', 'Cast(%a) {to: 11} name "add"')
    .replaceAll('%sum: float32', '%sum: float64');
  expect(() => typesOf(parseGraph(bad))).toThrow(/SYS3010: Scan "scan": carried value 0 is float32, the body makes it float64/);
});
