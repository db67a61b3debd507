/** What a command line or a file asks for that is not there: dimensions, operators. */
import { compilerMappingMessages, compilerMessages, suggest, type Diagnostic } from '../core/index.ts';
import { opDef, suggestOp, symbolsOf, type Graph, type Node } from '../graph/index.ts';

/** Sizes given for dimensions the model does not have. */
export function unknownDims(graph: Graph, dims: Readonly<Record<string, number>>): Diagnostic[] {
  const sized = graph.inputs.flatMap((id) => (graph.values[id]?.type.shape ?? []).flatMap(symbolsOf));
  const symbols = [...new Set([...sized, ...(graph.unknowns ?? []).map((u) => u.symbol)])];
  return Object.keys(dims)
    .filter((name) => !symbols.includes(name))
    .map((name) => compilerMappingMessages.unknownDimension({ name, symbols, near: suggest(name, symbols) }));
}

/** Operators without a definition, each once, bodies included. */
export function unknownOperators(graph: Graph): Diagnostic[] {
  const found = new Map<string, Node[]>();
  const visit = (nodes: readonly Node[]): void => {
    for (const node of nodes) {
      if (node.body === undefined && opDef(node.domain, node.op) === undefined) {
        const operator = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
        const users = found.get(operator);
        if (users === undefined) found.set(operator, [node]);
        else users.push(node);
      }
      for (const a of Object.values(node.attributes)) if (a.kind === 'graph') visit(a.value.nodes);
    }
  };
  visit(graph.nodes);
  return [...found].map(([operator, users]) => {
    const nodes = users.map((n) => n.name);
    const near = suggestOp(users[0]?.op ?? operator);
    return compilerMessages.unknownOperator({ operator, count: nodes.length, nodes, near }, { origin: nodes });
  });
}
