import { compactGraph } from '../../graph/index.ts';
import type { Graph, Node, ValueId } from '../../graph/ir.ts';
import type { Pass } from './pass.ts';

/**
 * Nodes and values that no graph output depends on go away; those left are numbered anew.
 *
 *     %a = Relu(%x)
 *     %b = Sigmoid(%x)      =>      %a = Relu(%x)
 *     return %a                     return %a
 *
 * Graph inputs stay, used or not: they are the model's interface. Never does anything to a graph without unused values.
 */
export const removeDeadCode: Pass = {
  name: 'remove-dead-code',
  summary: 'Drops nodes and values that no graph output depends on',
  run: (graph) => {
    const { nodes, dead } = liveNodes(graph);
    const retired = settleRetired(graph, nodes, dead);
    const isSettled = dead.length === 0 && retired === graph.retired;
    return compactGraph(isSettled ? graph : { ...graph, nodes, retired });
  },
};

function liveNodes(graph: Graph): { nodes: readonly Node[]; dead: readonly Node[] } {
  const needed = new Set<ValueId>(graph.outputs);
  const nodes: Node[] = [];
  const dead: Node[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    if (node === undefined) continue;
    if (!node.outputs.some((id) => needed.has(id))) {
      dead.push(node);
      continue;
    }
    for (const id of node.inputs) if (id !== null) needed.add(id);
    nodes.push(node);
  }
  return { nodes: nodes.reverse(), dead: dead.reverse() };
}

/** An ONNX node is retired only when no node that is left came from it. */
function settleRetired(graph: Graph, nodes: readonly Node[], dead: readonly Node[]): Graph['retired'] {
  const alive = new Set(nodes.flatMap((node) => node.origin));
  const retired: Record<string, 'folded' | 'view' | 'dead'> = {};
  let changed = false;
  for (const [name, fate] of Object.entries(graph.retired)) {
    if (alive.has(name)) changed = true;
    else retired[name] = fate;
  }
  for (const name of dead.flatMap((node) => node.origin)) {
    if (alive.has(name) || retired[name] !== undefined) continue;
    retired[name] = 'dead';
    changed = true;
  }
  return changed ? retired : graph.retired;
}
