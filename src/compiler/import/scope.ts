/** Which names a body takes from the graphs around it. */
import type { NamedGraph, NamedNode } from './names.ts';

/** Names a graph reads and does not define, in the order of first reading. */
export type FreeNames = (graph: NamedGraph) => readonly string[];

/** Bodies are looked through once, however often they are asked for. */
export function findFreeNames(): FreeNames {
  const known = new Map<NamedGraph, readonly string[]>();
  const free: FreeNames = (graph) => {
    const before = known.get(graph);
    if (before !== undefined) return before;
    const own = definedNames(graph);
    const found = new Set<string>();
    const read = (name: string): void => {
      if (name !== '' && !own.has(name)) found.add(name);
    };
    for (const node of graph.nodes) {
      node.inputs.forEach(read);
      for (const body of node.bodies) free(body.graph).forEach(read);
    }
    for (const output of graph.outputs) read(output.name);
    const names = [...found];
    known.set(graph, names);
    return names;
  };
  return free;
}

/** Inputs, initializers and outputs of nodes. */
export function definedNames(graph: NamedGraph): ReadonlySet<string> {
  const own = new Set<string>();
  for (const { name } of [...graph.inputs, ...graph.initializers]) own.add(name);
  for (const { values } of graph.sparseInitializers) own.add(values.name);
  for (const node of graph.nodes) for (const output of node.outputs) own.add(output);
  return own;
}

/** What the bodies of a node read of the graph the node stands in, each name once. */
export function capturedNames(node: NamedNode, free: FreeNames): readonly string[] {
  if (node.bodies.length === 0) return [];
  return [...new Set(node.bodies.flatMap((body) => free(body.graph)))];
}
