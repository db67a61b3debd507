import type { ImportedModel } from '../../src/compiler/index.ts';
import type { Graph } from '../../src/graph/index.ts';

/** A graph as if a file had held it. */
export function modelOf(graph: Graph): ImportedModel {
  const nodeTable = graph.nodes.map((n) => ({ name: n.name, opType: n.op, domain: n.domain, parent: null }));
  return { graph, identity: { name: 'test', sha256: '0'.repeat(64), opset: graph.opset }, nodeTable, diagnostics: [] };
}
