/** Which inputs index tables: numbers drawn for them stay inside. */
import { describe, expect, test } from 'vitest';
import { importDecoded, randomInputs } from '../../src/compiler/index.ts';
import { indexLimits } from '../../src/graph/index.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import { quantizedBuilder, type QuantizedBuilder } from '../end-to-end/quantized-models.ts';

function limitsOf(build: (b: QuantizedBuilder) => string): Readonly<Record<string, number>> {
  const { graph } = importDecoded(modelOf(build), { name: 'table', sha256: '' });
  return Object.fromEntries([...indexLimits(graph)].map(([id, rows]) => [graph.values[id]?.name ?? '', rows]));
}

function modelOf(build: (b: QuantizedBuilder) => string): OnnxModel {
  const b = quantizedBuilder();
  return b.finish([[build(b), 'float32']]);
}

const table = (b: QuantizedBuilder, rows: number): string => b.constant('float32', [rows, 2], new Array<number>(2 * rows).fill(1));

describe('inputs that index a table', () => {
  test('a Gather: the rows of the axis it gathers along', () => {
    expect(limitsOf((b) => b.node('Gather', [table(b, 30), b.input('ids', 'int64', [1, 8])]))).toEqual({ ids: 30 });
    expect(limitsOf((b) => b.node('Gather', [table(b, 30), b.input('ids', 'int64', [8])], { axis: -1 }))).toEqual({ ids: 2 });
  });

  test('through casts and views; of two tables the smaller', () => {
    const limits = limitsOf((b) => {
      const ids = b.node('Reshape', [b.node('Cast', [b.input('ids', 'int32', [2, 4])], { to: 7 }), b.constant('int64', [1], [8])]);
      return b.node('Add', [b.node('Gather', [table(b, 9), ids]), b.node('Gather', [table(b, 5), ids])]);
    });
    expect(limits).toEqual({ ids: 5 });
  });

  test('not where the numbers change, nor the data', () => {
    const limits = limitsOf((b) => b.node('Gather', [table(b, 9), b.node('Neg', [b.input('ids', 'int64', [3])])]));
    expect(limits).toEqual({});
    expect(limitsOf((b) => b.node('Gather', [b.input('x', 'float32', [9, 2]), b.constant('int64', [1], [0])]))).toEqual({});
  });

  test('drawn indices reach every row and no further', () => {
    const model = modelOf((b) => b.node('Gather', [table(b, 7), b.input('ids', 'int64', [200])]));
    const ids = randomInputs(importDecoded(model, { name: 'table', sha256: '' }).graph, 1).get('ids')?.data as BigInt64Array;
    expect([...new Set([...ids].map(Number))].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});
