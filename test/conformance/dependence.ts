/** Which values of a graph hang on the values of others. Through sizes alone does not count: those are known before the run. */
import type { Graph, Node, ValueId } from '../../src/graph/ir.ts';

/** Names of the outputs that hang on the values of a graph input. */
export function dependentOutputs(graph: Graph): readonly string[] {
  const moved = movedOutputs(
    graph,
    graph.inputs.map(() => true),
  );
  return graph.outputs.filter((_, i) => moved[i]).map((id) => graph.values[id]?.name ?? '');
}

/** For each output, whether it hangs on one of the inputs marked. */
function movedOutputs(graph: Graph, inputs: readonly boolean[]): readonly boolean[] {
  const moved = new Set<ValueId>(graph.inputs.filter((_, i) => inputs[i]));
  for (const node of graph.nodes) {
    const operands = node.inputs.map((id) => id !== null && moved.has(id));
    const results = operands.includes(true) ? throughNode(node, operands) : [];
    for (const [i, id] of node.outputs.entries()) if (results[i]) moved.add(id);
  }
  return graph.outputs.map((id) => moved.has(id));
}

function throughNode(node: Node, operands: readonly boolean[]): readonly boolean[] {
  const all = node.outputs.map(() => true);
  const bodies = Object.values(node.attributes).flatMap((a) => (a.kind === 'graph' ? [a.value] : []));
  const [body] = bodies;
  const declared = operands.slice(0, operands.length - (node.captures ?? 0));
  const captures = operands.slice(declared.length);
  switch (node.op) {
    case 'Shape':
    case 'Size':
      return [];
    case 'If': {
      if (declared[0] === true) return all;
      const branches = bodies.map((b) => movedOutputs(b, captures));
      return node.outputs.map((_, i) => branches.some((b) => b[i]));
    }
    case 'Loop': {
      const [trips = false, condition = false, ...state] = declared;
      // How often it runs decides everything it gives.
      return body === undefined || trips || condition ? all : throughLoop(body, state, captures, all);
    }
    default:
      return all;
  }
}

/** The body takes (iteration, condition, state, captures) and gives (condition, state, scan outputs), again and again. */
function throughLoop(body: Graph, initial: readonly boolean[], captures: readonly boolean[], all: readonly boolean[]): readonly boolean[] {
  let state = initial;
  for (;;) {
    const [condition = false, ...results] = movedOutputs(body, [false, false, ...state, ...captures]);
    if (condition) return all;
    const next = state.map((was, i) => was || results[i] === true);
    if (next.every((x, i) => x === state[i])) return results.map((x, i) => x || next[i] === true);
    state = next;
  }
}
