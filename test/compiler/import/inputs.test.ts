/** Shapes and contents of graph inputs that the caller gives. */
import { describe, expect, test } from 'vitest';
import { importDecoded, type ImportedModel, type InputOptions } from '../../../src/compiler/import/index.ts';
import type { Tensor } from '../../../src/core/index.ts';
import { interpret, printGraph, symbolDim } from '../../../src/graph/index.ts';
import { floats, input, model, node, type Parts } from './build.ts';

function load(parts: Parts, options: InputOptions): ImportedModel {
  return importDecoded(model(parts), { name: 'test', sha256: '', ...options });
}

const reshape: Parts = {
  inputs: [input('x', ['batch', null, 4]), input('mask', ['batch', 2]), input('shape', [2], 'int64')],
  outputs: ['y', 'm'],
  nodes: [node('Reshape', ['x', 'shape'], ['y']), node('Relu', ['mask'], ['m'])],
};
const shapeOf = (...numbers: readonly number[]): Tensor => ({
  dtype: 'int64',
  shape: [numbers.length],
  data: BigInt64Array.from(numbers, BigInt),
});

describe('shapes', () => {
  test('settle names and unknown sizes, for other inputs too', () => {
    const { graph } = load(reshape, { shapes: new Map([['x', [3, 8, 4]]]) });
    const text = printGraph(graph);
    expect(text).toContain('input %x: float32[3, 8, 4]');
    expect(text).toContain('input %mask: float32[3, 2]');
  });

  test('may name sizes anew, and give the rank where the file gives none', () => {
    const parts: Parts = {
      inputs: [{ name: 'x', type: { kind: 'tensor', dtype: 'float32', shape: null } }],
      outputs: ['y'],
      nodes: [node('Relu', ['x'], ['y'])],
    };
    const { graph } = load(parts, { shapes: new Map([['x', [symbolDim('n'), 3]]]) });
    expect(printGraph(graph)).toContain('%y: float32[n, 3]');
  });

  test('two inputs that disagree about a name keep their own sizes, with a warning', () => {
    const both = new Map([
      ['x', [3, 8, 4]],
      ['mask', [5, 2]],
    ]);
    const { graph, diagnostics } = load(reshape, { shapes: both });
    expect(printGraph(graph)).toContain('input %mask: float32[5, 2]');
    expect(diagnostics.map((d) => d.code)).toEqual(['SYS4032']);
  });

  test('that contradict the file, or name no input, are refused together', () => {
    const wrong = new Map([
      ['x', [3, 8, 5]],
      ['mask', [3]],
      ['maks', [3, 2]],
    ]);
    expect(() => load(reshape, { shapes: wrong })).toThrow(
      /SYS4020.*"maks".*Did you mean "mask"[^]*SYS4021.*"x" is \[batch, x_axis1, 4\][^]*SYS4021.*"mask"/,
    );
  });
});

describe('contents', () => {
  test('make a constant of an input, and shapes follow from it', () => {
    const { graph } = load(reshape, { inputValues: new Map([['shape', shapeOf(2, -1)]]) });
    expect(graph.inputs.map((id) => graph.values[id]?.name)).toEqual(['x', 'mask']);
    expect(printGraph(graph)).toContain('%y: float32[2, 2*batch*x_axis1]');
  });

  test('of another type or shape are refused', () => {
    const float: Tensor = { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) };
    expect(() => load(reshape, { inputValues: new Map([['shape', float]]) })).toThrow(/SYS4022.*"shape" is int64 \[2\].*float32 \[2\]/);
    expect(() => load(reshape, { inputValues: new Map([['shape', shapeOf(1, 2, 3)]]) })).toThrow('SYS4022');
  });

  test('override the default of an input that has an initializer', () => {
    const parts: Parts = {
      irVersion: 3,
      inputs: [input('x', [2]), input('w', [2])],
      initializers: [floats('w', [2], [1, 1])],
      outputs: ['y'],
      nodes: [node('Mul', ['x', 'w'], ['y'])],
    };
    const w: Tensor = { dtype: 'float32', shape: [2], data: Float32Array.of(3, 4) };
    const run = (options: InputOptions): unknown => interpret(load(parts, options).graph, new Map([['x', w]])).get('y')?.data;
    expect(run({})).toEqual(Float32Array.of(3, 4));
    expect(run({ inputValues: new Map([['w', w]]) })).toEqual(Float32Array.of(9, 16));
  });
});
