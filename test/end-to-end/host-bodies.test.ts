/** What the host runs reaches it as text: bodies, what they capture, and sequences arrive whole. */
import { expect, test } from 'vitest';
import { compile, type ImportedModel } from '../../src/compiler/index.ts';
import type { Tensor } from '../../src/core/index.ts';
import { interpret, parseGraph } from '../../src/graph/index.ts';
import { decodeExecutable, encodeExecutable } from '../../src/isa/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';

const text = `graph "bodies" opset 16 {
  input %x: float32[4, 8]
  input %n: int64[]
  input %c: bool[]
  const %w: float32[8, 8] = splat [0.25]
  const %go: bool[] = [1]
  const %step: float32[4, 8] = splat [0.5]
  %a: float32[4, 8] = MatMul(%x, %w) name "a" origin ["a"]
  %b: float32[4, 8] = Loop(%n, %go, %a, %step) {body: graph "loop body" opset 16 {
    input %i: int64[]
    input %cond: bool[]
    input %acc: float32[4, 8]
    input %step: float32[4, 8]
    const %two: float32[] = [2.0]
    %double: float32[4, 8] = Mul(%acc, %two) name "double"
    %next: float32[4, 8] = Add(%double, %step) name "add"
    return %cond, %next
  }} captures 1 name "b" origin ["b"]
  %y: float32[4, 8] = If(%c, %a, %b) {then_branch: graph "then" opset 16 {
    input %a: float32[4, 8]
    input %b: float32[4, 8]
    %s: sequence<float32[4, 8]> = SequenceConstruct(%a, %b) name "s"
    %last: int64[] = SequenceLength(%s) name "last"
    const %one: int64[] = [1]
    %at: int64[] = Sub(%last, %one) name "at"
    %t: float32[4, 8] = SequenceAt(%s, %at) name "t"
    return %t
  }, else_branch: graph "else" opset 16 {
    input %a: float32[4, 8]
    input %b: float32[4, 8]
    %e: float32[4, 8] = Neg(%a) name "e"
    return %e
  }} captures 2 name "y" origin ["y"]
  %z: float32[4, 8] = MatMul(%y, %w) name "z" origin ["z"]
  return %z
}
`;

function bodiesModel(): ImportedModel {
  const graph = parseGraph(text);
  const nodeTable = graph.nodes.map((n) => ({ name: n.name, opType: n.op, domain: '', parent: null }));
  return { graph, identity: { name: 'bodies', sha256: '', opset: 16 }, nodeTable, diagnostics: [] };
}

test('loops and branches decided at run time run on the host as the interpreter does', async () => {
  const machine = await testMachine('tiny-8x8');
  const model = bodiesModel();
  const { executable } = compile(model, machine, { precision: 'fp32', dims: {}, calibration: null });
  // Through the file: the segment is what its text says.
  const stored = decodeExecutable(encodeExecutable(executable, { weights: 'embed' }));
  const x: Tensor = { dtype: 'float32', shape: [4, 8], data: Float32Array.from({ length: 32 }, (_, i) => i / 8 - 2) };
  for (const [n, c] of [
    [3, 1],
    [3, 0],
    [0, 1],
  ] as const) {
    const inputs = new Map<string, Tensor>([
      ['x', x],
      ['n', { dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(n)) }],
      ['c', { dtype: 'bool', shape: [], data: Uint8Array.of(c) }],
    ]);
    const { outputs } = execute(stored, machine, inputs, { sanitize: true });
    const expected = interpret(model.graph, inputs).get('z');
    expect(outputs.get('z')?.data).toEqual(expected?.data);
  }
});

test('a result whose size only the run decides has the largest size, and a run that makes another says so', async () => {
  const machine = await testMachine('tiny-8x8');
  const graph = parseGraph(`graph "sizes" opset 16 {
  input %x: float32[2, 3]
  input %c: bool[]
  %y: float32[u, 3] = If(%c, %x) {then_branch: graph "then" opset 16 {
    input %x: float32[2, 3]
    %t: float32[4, 3] = Concat(%x, %x) {axis: 0} name "t"
    return %t
  }, else_branch: graph "else" opset 16 {
    input %x: float32[2, 3]
    %e: float32[2, 3] = Neg(%x) name "e"
    return %e
  }} captures 1 name "y" origin ["y"]
  return %y
  unknown "u" of "If" "y" why "which branch runs" input "c" most 4
}
`);
  const model: ImportedModel = { ...bodiesModel(), graph, nodeTable: [{ name: 'y', opType: 'If', domain: '', parent: null }] };
  const { executable } = compile(model, machine, { precision: 'fp32', dims: {}, calibration: null });
  const inputs = (c: number): Map<string, Tensor> =>
    new Map<string, Tensor>([
      ['x', { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ['c', { dtype: 'bool', shape: [], data: Uint8Array.of(c) }],
    ]);
  expect(execute(executable, machine, inputs(1), { sanitize: true }).outputs.get('y')?.shape).toEqual([4, 3]);
  expect(() => execute(executable, machine, inputs(0), { sanitize: true })).toThrow(
    /SYS3066: output 0 of host segment 0 is \[2, 3\], 6 elements; the program was compiled for 12/,
  );
});
