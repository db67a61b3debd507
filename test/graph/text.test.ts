import { expect, test } from 'vitest';
import { SystoleError } from '../../src/core/index.ts';
import { interpret, parseGraph, printGraph, verifyGraph, type Graph } from '../../src/graph/index.ts';
import { f32, numbers } from './helpers.ts';

const text = `graph "tiny" opset 13 {
  input %x: float32[batch, 1, 3, 3]
  const %w: float32[1, 1, 2, 2] = [1.0, 0.5, -2.0, 0.1]
  const %"b::0": float32[1] = splat [0.25]
  const %scale: float32[100000] = splat [1.5]
  const %gone: float32[7, 7] = absent "no file weights.bin"
  %y: float32[batch, 1, 2, 2] = Conv(%x, %w, %"b::0") {strides: [1, 1], auto_pad: "VALID"} name "conv" origin ["conv"]
  %z = Fused(%y) name "tail" origin ["relu", "clip"] body {
    %r: float32[batch, 1, 2, 2] = Relu(%y) name "relu" origin ["relu"]
    %z: float32[batch, 1, 2, 2] = LeakyRelu(%r) {alpha: 0.1} name "leaky" origin ["clip"]
  }
  return %z
  retired "drop" view
}
`;

test('text is read and printed back unchanged', () => {
  expect(printGraph(parseGraph(text))).toBe(text);
});

test('a graph is printed and read back unchanged', () => {
  const graph = parseGraph(text);
  expect(parseGraph(printGraph(graph))).toEqual(graph);
  expect(verifyGraph(graph)).toEqual([]);
});

test('the parsed graph means what it says', () => {
  const x = f32([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const z = interpret(parseGraph(text), new Map([['x', x]])).get('z');
  // First pixel: 1*1 + 2*0.5 - 4*2 + 5*0.1 + 0.25 = -5.25 -> Relu 0.
  expect(numbers(z)).toEqual([0, 0, 0, 0]);
});

test('a quantized graph with ids out of order survives', () => {
  const quantized = `graph "q" opset 11 {
  input %x#3: int8[1, seq] quantized(scale [0.1] zero [-3] calibrated)
  const %w#0: int8[2, 2] quantized(axis 0 scale [0.1, 0.3] zero 0 times 2 placeholder) = [1, -2, 3, 4]
  unused %old: float16[]
  %y: int8[1, 2] quantized(scale [1e-20] zero [127] model) = Gemm(%x, %w, _) {alpha: 1.0, beta: 0.1d, transB: 1, list: [1.5, 2.0], none: ints[], names: ["a", "b"], t: tensor int64[2] = [-1, 9223372036854775807]}
  return %y
}
`;
  const graph = parseGraph(quantized);
  expect(graph.values.map((v) => v.name)).toEqual(['w', 'old', 'y', 'x']);
  expect(printGraph(graph)).toBe(quantized);
  expect(graph.nodes[0]?.attributes['beta']).toEqual({ kind: 'float', value: 0.1 });
});

test('errors say line and column', () => {
  const wrong = text.replace('Conv(%x,', 'Conv(%xx,');
  try {
    parseGraph(wrong, 'tiny.sir');
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(SystoleError);
    expect((error as SystoleError).message).toBe('tiny.sir:7:38: error SYS3021: %xx is not defined above this line. Did you mean %x?');
  }
});

test('weights of many megabytes survive text', () => {
  const bytes = Uint8Array.from({ length: 12_000_000 }, (_, i) => (i * 31) & 255);
  const count = bytes.length;
  const weights = {
    id: 0,
    name: 'w',
    type: { dtype: 'uint8', shape: [count] },
    layout: 'row-major',
    quantization: null,
    constant: { kind: 'bytes', bytes },
  } as const;
  const graph: Graph = { name: 'g', opset: 21, inputs: [], outputs: [0], values: [weights], nodes: [], retired: {} };
  const back = parseGraph(printGraph(graph)).values[0]?.constant;
  expect(back?.kind === 'bytes' && Buffer.compare(back.bytes, bytes)).toBe(0);
});
