/** Models made by others, found through SYSTOLE_DATA; their index says what must come out. */
import { existsSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { elementCount, tensorBytes } from '../../src/core/index.ts';
import { decodeModel, encodeModel, type OnnxGraph, type OnnxTensor } from '../../src/onnx/index.ts';

const data = `${process.env['SYSTOLE_DATA'] ?? '../shared/data'}/onnx`;
const index = `${data}/models.csv`;
const present = existsSync(index);
if (!present) console.warn(`SKIPPED: no ${index}; set SYSTOLE_DATA to the folder of test data to decode the collected models`);

describe.skipIf(!present)('collected models decode to what their index counts', () => {
  const rows = present ? csv(readFileSync(index, 'utf8')) : [];
  test.each(rows.map((row) => [row['name'] ?? '', row] as const))('%s', (_, row) => {
    const bytes = readFileSync(`${data}/${row['file']}`);
    const { model, diagnostics } = decodeModel(bytes);
    expect(diagnostics).toEqual([]);
    const opset = model.opsetImports.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version;
    const graphs = allGraphs(model.graph);
    expect(opset).toBe(Number(row['opset']));
    expect(graphs.reduce((n, g) => n + g.nodes.length, 0)).toBe(Number(row['nodes']));
    expect(graphs.flatMap(constants).reduce((n, t) => n + tensorBytes(t.dtype, elementCount(t.dims)), 0)).toBe(Number(row['params_bytes']));
    expect(isDeepStrictEqual(decodeModel(encodeModel(model)).model, model)).toBe(true);
  });
});

function allGraphs(graph: OnnxGraph): OnnxGraph[] {
  const inner = graph.nodes
    .flatMap((n) => n.attributes)
    .flatMap((a) => (a.kind === 'graph' ? [a.value] : a.kind === 'graphs' ? a.value : []));
  return [graph, ...inner.flatMap(allGraphs)];
}

/** What the index calls parameters: initializers and the tensors of Constant nodes. */
function constants(graph: OnnxGraph): OnnxTensor[] {
  const nodes = graph.nodes.filter((n) => n.opType === 'Constant').flatMap((n) => n.attributes);
  return [...graph.initializers, ...nodes.flatMap((a) => (a.kind === 'tensor' ? [a.value] : []))];
}

function csv(text: string): Record<string, string>[] {
  const [header = [], ...rows] = text
    .trim()
    .split(/\r?\n/)
    .map((line) => [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map((m) => (m[1] ?? '').replace(/^"|"$/g, '')));
  return rows.map((row) => Object.fromEntries(header.map((key, i) => [key, row[i] ?? ''])));
}
