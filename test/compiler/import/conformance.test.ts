/** The networks of the public model set that this version has to read, when the set lies beside the project. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importModel, type ImportedModel } from '../../../src/compiler/import/index.ts';
import { fusePasses, preparePasses, runPasses } from '../../../src/compiler/passes/index.ts';
import { assignPrecision } from '../../../src/compiler/precision/index.ts';
import { bindDims, leafNodes, totalMacs } from '../../../src/graph/index.ts';
import type { Graph } from '../../../src/graph/ir.ts';

const data = process.env['SYSTOLE_DATA'] ?? '../shared/data';
const table = join(data, 'onnx/models.csv');
const isThere = existsSync(table);
if (!isThere) console.warn(`SKIPPED: no ${table}; set SYSTOLE_DATA to run the import conformance tests`);

function importNamed(name: string): Promise<ImportedModel> {
  return importModel(readFileSync(join(data, 'onnx/models', name, 'model.onnx')), { name });
}

/** The `macs` column; no field of these rows holds a comma before it. */
function statedMacs(name: string): number {
  const [header = '', ...rows] = readFileSync(table, 'utf8').split('\n');
  const column = header.split(',').indexOf('macs');
  return Number(rows.find((row) => row.startsWith(`${name},`))?.split(',')[column]);
}

function compileGraph(graph: Graph): Graph {
  const prepared = bindDims(runPasses(graph, preparePasses), {});
  return runPasses(assignPrecision(prepared, { mode: 'int8', calibration: null }).graph, fusePasses);
}

const models: Readonly<Record<string, { nodes: number; codes: readonly string[] }>> = {
  light_resnet50: { nodes: 415, codes: [] },
  light_squeezenet: { nodes: 105, codes: [] },
  light_vgg19: { nodes: 82, codes: [] },
  light_densenet121: { nodes: 1746, codes: [] },
  light_inception_v1: { nodes: 237, codes: [] },
  stream_resnet18: { nodes: 49, codes: ['SYS4003'] },
  stream_fsrcnn: { nodes: 8, codes: ['SYS4005'] },
};

describe.skipIf(!isThere)('conformance', () => {
  test.each(Object.entries(models))('%s', async (name, { nodes, codes }) => {
    const model = await importNamed(name);
    expect(model.nodeTable.length).toBe(nodes);
    expect(model.diagnostics.map((d) => d.code)).toEqual(codes);
    expect(totalMacs(model.graph)).toBe(statedMacs(name));

    const graph = compileGraph(model.graph);
    expect(totalMacs(graph)).toBe(statedMacs(name));
    // Every ONNX node is in a kernel or has a stated fate, and never both.
    const alive = new Set(leafNodes(graph.nodes).flatMap((node) => node.origin));
    for (const node of model.nodeTable)
      expect([node.name, alive.has(node.name)]).toEqual([node.name, graph.retired[node.name] === undefined]);
  });
});
