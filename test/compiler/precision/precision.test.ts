import { describe, expect, test } from 'vitest';
import { assignPrecision, calibrate, choosePrecision, randomInputs, type CalibrationTable } from '../../../src/compiler/precision/index.ts';
import { SystoleError, viewBytes, type Tensor } from '../../../src/core/index.ts';
import { interpret, parseGraph } from '../../../src/graph/index.ts';
import type { Constant, Graph, Value } from '../../../src/graph/ir.ts';

function table(ranges: Readonly<Record<string, readonly [number, number]>>): CalibrationTable {
  return new Map(Object.entries(ranges).map(([name, [min, max]]) => [name, { min, max }]));
}

function valueOf(graph: Graph, name: string): Value {
  const value = graph.values.find((v) => v.name === name);
  if (value === undefined) throw new Error(`no ${name}`);
  return value;
}

function scaleOf(graph: Graph, name: string): readonly [number, number] {
  const q = valueOf(graph, name).quantization;
  return [q?.scale[0] ?? NaN, q?.zeroPoint[0] ?? NaN];
}

function numbersOf({ constant, type }: Value): number[] {
  if (constant?.kind !== 'bytes') throw new Error('not bytes');
  return Array.from(viewBytes(type.dtype, constant.bytes), Number);
}

function codesOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof SystoleError) return error.diagnostics.map((d) => d.code);
    throw error;
  }
  return [];
}

const conv = parseGraph(`graph "conv" opset 13 {
  input %x: float32[1, 1, 1, 2]
  const %w: float32[2, 1, 1, 1] = [2.54, -0.5]
  const %b: float32[2] = [1.0, 0.0]
  %c: float32[1, 2, 1, 2] = Conv(%x, %w, %b) name "conv" origin ["conv"]
  %r: float32[1, 2, 1, 2] = Relu(%c) name "relu" origin ["relu"]
  %p: float32[1, 2, 1, 1] = MaxPool(%r) {kernel_shape: [1, 2]} name "pool" origin ["pool"]
  %f: float32[1, 2] = Flatten(%p) name "flatten" origin ["flatten"]
  return %f
}`);

const ranges = table({ x: [-1, 1.55], c: [-3, 6], r: [0, 6], p: [0, 5], f: [0, 5] });

describe('int8, worked by hand', () => {
  const { graph, diagnostics } = assignPrecision(conv, { mode: 'int8', calibration: ranges });

  test('an activation: scale (max - min) / 255, zero point -128 - min / scale', () => {
    expect(diagnostics).toEqual([]);
    // (1.55 + 1) / 255 = 0.01; -128 + 1 / 0.01 = -28
    expect(scaleOf(graph, 'x')).toEqual([Math.fround(2.55 / 255), -28]);
  });

  test('Conv, Relu, MaxPool and Flatten share: the clamp cuts at [0, 5], so nothing above or below need be held', () => {
    // The pool is only read by the output, which took [0, 5]; what it reads needs no more.
    for (const name of ['c', 'r', 'p', 'f']) expect([name, ...scaleOf(graph, name)]).toEqual([name, Math.fround(5 / 255), -128]);
    expect(valueOf(graph, 'c').type.dtype).toBe('int8');
  });

  test('weights: per output channel, largest magnitude at 127', () => {
    const w = valueOf(graph, 'w');
    expect(Array.from(w.quantization?.scale ?? [])).toEqual([Math.fround(Math.fround(2.54) / 127), Math.fround(0.5 / 127)]);
    expect(numbersOf(w)).toEqual([127, -127]);
    expect([w.type.dtype, w.quantization?.axis, Array.from(w.quantization?.zeroPoint ?? [])]).toEqual(['int8', 0, [0, 0]]);
  });

  test('bias: int32 in units of sx · sw', () => {
    const b = valueOf(graph, 'b');
    // 1 / (0.01 · 0.02) = 5000
    expect(numbersOf(b)).toEqual([5000, 0]);
    expect([b.type.dtype, b.quantization?.axis]).toEqual(['int32', 0]);
  });

  test('the numbers come out near the float ones', () => {
    const x: Tensor = { dtype: 'float32', shape: [1, 1, 1, 2], data: Float32Array.of(1, -0.8) };
    const f = interpret(graph, new Map([['x', x]])).get('f');
    // relu(2.54 · 1 + 1) = 3.54 -> round(3.54 / (5/255)) = 181, minus 128; relu(0.4) = 0.4 -> 20, minus 128
    expect(Array.from(f?.data ?? [], Number)).toEqual([181 - 128, 20 - 128]);
  });
});

describe('sharing', () => {
  test('a value with another reader keeps its own range, and the pool between them the wider one', () => {
    const graph = parseGraph(`graph "wide" opset 13 {
      input %x: float32[1, 1, 2, 2]
      %n: float32[1, 1, 2, 2] = Neg(%x) name "neg" origin ["neg"]
      %r: float32[1, 1, 2, 2] = Relu(%n) name "relu" origin ["relu"]
      %s: float32[1, 1, 2, 2] = Sigmoid(%n) name "sigmoid" origin ["sigmoid"]
      %m: float32[1, 1, 2, 2] = Mul(%r, %s) name "mul" origin ["mul"]
      return %m
    }`);
    const made = assignPrecision(graph, {
      mode: 'int8',
      calibration: table({ x: [-1, 1], n: [-2, 2], r: [0, 2], s: [0, 1], m: [0, 4] }),
    }).graph;
    expect(scaleOf(made, 'n')[0]).toBe(Math.fround(4 / 255));
    expect(scaleOf(made, 'r')[0]).toBe(Math.fround(2 / 255));
  });

  test('a Sigmoid does not narrow what it reads; GlobalAveragePool has its own scale', () => {
    const graph = parseGraph(`graph "own" opset 13 {
      input %x: float32[1, 1, 2, 2]
      %n: float32[1, 1, 2, 2] = Neg(%x) name "neg" origin ["neg"]
      %s: float32[1, 1, 2, 2] = Sigmoid(%n) name "sigmoid" origin ["sigmoid"]
      %g: float32[1, 1, 1, 1] = GlobalAveragePool(%s) name "pool" origin ["pool"]
      return %g
    }`);
    const made = assignPrecision(graph, { mode: 'int8', calibration: table({ x: [-8, 8], n: [-8, 8], s: [0, 1], g: [0, 0.5] }) }).graph;
    expect([scaleOf(made, 'n')[0], scaleOf(made, 's')[0], scaleOf(made, 'g')[0]]).toEqual([16 / 255, 1 / 255, 0.5 / 255].map(Math.fround));
  });

  test('an empty range gives scale 1', () => {
    const graph = parseGraph('graph "zero" opset 13 { input %x: float32[1] %y: float32[1] = Neg(%x) name "n" origin ["n"] return %y }');
    const made = assignPrecision(graph, { mode: 'int8', calibration: table({ x: [0, 0], y: [0, 0] }) }).graph;
    expect(scaleOf(made, 'y')).toEqual([1, -128]);
  });

  test('a bias of two convolutions with different inputs is held twice; a constant an Add computes with stays float', () => {
    const graph = parseGraph(`graph "two" opset 13 {
      input %x: float32[1, 1, 1, 1]
      const %w: float32[1, 1, 1, 1] = [1.0]
      const %b: float32[1] = [1.0]
      %c: float32[1, 1, 1, 1] = Conv(%x, %w, %b) name "one" origin ["one"]
      %d: float32[1, 1, 1, 1] = Conv(%c, %w, %b) name "two" origin ["two"]
      %y: float32[1, 1, 1, 1] = Add(%d, %w) name "add" origin ["add"]
      return %y
    }`);
    const made = assignPrecision(graph, { mode: 'int8', calibration: table({ x: [0, 1], c: [0, 2], d: [0, 3], y: [0, 4] }) }).graph;
    const [one, two, add] = made.nodes.map((n) =>
      n.inputs.map((id) => `${made.values[id ?? -1]?.name} ${made.values[id ?? -1]?.type.dtype}`),
    );
    expect(one).toEqual(['x int8', 'w.int int8', 'b int32']);
    expect(two).toEqual(['c int8', 'w.int int8', 'b.int int32']);
    expect(add).toEqual(['d int8', 'w float32']);
  });
});

describe('without numbers', () => {
  test('placeholders: one warning; no weight byte is read', () => {
    let reads = 0;
    const watched: Constant = {
      kind: 'bytes',
      get bytes(): Uint8Array {
        reads++;
        return new Uint8Array(Float32Array.of(1, 2).buffer);
      },
    };
    const graph: Graph = { ...conv, values: conv.values.map((v) => (v.name === 'w' || v.name === 'b' ? { ...v, constant: watched } : v)) };
    const { graph: made, diagnostics } = assignPrecision(graph, { mode: 'int8', calibration: null });
    expect(diagnostics.map((d) => [d.severity, d.code])).toEqual([['warning', 'SYS4202']]);
    expect(reads).toBe(0);
    expect(valueOf(made, 'c').quantization).toMatchObject({ source: 'placeholder' });
    expect(numbersOf(valueOf(made, 'w'))).toEqual([127, 127]);
    expect(reads).toBeGreaterThan(0);
    expect(() => interpret(made, randomInputs(conv, 1))).toThrow(SystoleError);
  });

  test('absent weights stay absent', () => {
    const graph: Graph = {
      ...conv,
      values: conv.values.map((v) => (v.name === 'w' ? { ...v, constant: { kind: 'absent', reason: 'gone' } } : v)),
    };
    const w = valueOf(assignPrecision(graph, { mode: 'int8', calibration: ranges }).graph, 'w');
    expect([w.type.dtype, w.constant?.kind, w.quantization?.source]).toEqual(['int8', 'absent', 'placeholder']);
  });

  test('refusals: half precision, a calibration of another model, fp32 of an integer model', () => {
    const half = parseGraph('graph "half" opset 13 { input %x: float16[1] %y: float16[1] = Neg(%x) name "n" origin ["n"] return %y }');
    expect(codesOf(() => assignPrecision(half, { mode: 'fp32', calibration: null }))).toEqual(['SYS4201']);
    expect(codesOf(() => assignPrecision(conv, { mode: 'int8', calibration: table({ x: [0, 1] }) }))).toEqual(['SYS4203']);
    const integer = assignPrecision(conv, { mode: 'int8', calibration: null }).graph;
    expect(codesOf(() => assignPrecision(integer, { mode: 'fp32', calibration: null }))).toEqual(['SYS4204']);
    expect(codesOf(() => choosePrecision(['int16'], conv))).toEqual(['SYS4205']);
  });

  test('auto: the model’s own precision where the machine has it', () => {
    expect(choosePrecision(['int8', 'float32'], conv)).toBe('fp32');
    expect(choosePrecision(['int8'], conv)).toBe('int8');
    const integer = assignPrecision(conv, { mode: 'int8', calibration: null }).graph;
    expect(choosePrecision(['int8', 'float32'], integer)).toBe('int8');
  });

  test('fp32 is the same graph', () => {
    expect(assignPrecision(conv, { mode: 'fp32', calibration: null }).graph).toBe(conv);
  });
});

describe('calibration', () => {
  test('keeps the smallest and largest number over all inputs', () => {
    const input = (a: number, b: number): ReadonlyMap<string, Tensor> =>
      new Map([['x', { dtype: 'float32', shape: [1, 1, 1, 2], data: Float32Array.of(a, b) }]]);
    const found = calibrate(conv, [input(1, 0), input(-2, 0.5)]);
    expect(found.get('x')).toEqual({ min: -2, max: 1 });
    // channel 0: 2.54 x + 1, channel 1: -0.5 x
    expect(found.get('c')?.min).toBeCloseTo(-4.08, 5);
    expect(found.get('c')?.max).toBeCloseTo(3.54, 5);
    expect(found.get('f')).toEqual({ min: 0, max: found.get('c')?.max });
  });

  test('random inputs depend on the seed and the name, and on nothing else', () => {
    const numbers = (seed: number): number[] => Array.from(randomInputs(conv, seed).get('x')?.data ?? [], Number);
    expect(numbers(1)).toEqual(numbers(1));
    expect(numbers(1)).not.toEqual(numbers(2));
  });
});
