/** Order of execution: every node after the nodes whose outputs it reads. Linear time, no recursion. */
import { Graph as LibGraph, alg } from '@dagrejs/graphlib';
import { compilerMessages, fail } from '../../core/index.ts';

/** What sorting needs to know of a node. */
export interface Sortable {
  readonly name: string;
  readonly outputs: readonly string[];
}

/** graphlib's cycle search recurses once per node on a path and overflows the stack between 2,000 and 4,000. */
const largestSearched = 1000;

/**
 * Nodes in an order that runs. Already sorted (nearly every file): the same array. Otherwise Kahn's algorithm, ready nodes in
 * file order, so that the result is the same every time.
 * @param reads  names a node waits for: its inputs, and what its bodies take from this graph
 * @throws SYS4001 naming the nodes on a cycle
 */
export function sortNodes<N extends Sortable>(nodes: readonly N[], reads: (node: N) => readonly string[]): readonly N[] {
  const producer = new Map<string, number>();
  nodes.forEach((node, i) => {
    for (const output of node.outputs) if (output !== '') producer.set(output, i);
  });
  const edges = nodes.map((node) => predecessorsOf(reads(node), producer));
  if (edges.every((from, i) => from.every((j) => j < i))) return nodes;

  const successors: number[][] = nodes.map(() => []);
  const waiting = new Int32Array(nodes.length);
  edges.forEach((from, i) => {
    waiting[i] = from.length;
    for (const j of from) successors[j]?.push(i);
  });
  const order: number[] = [];
  for (let i = 0; i < nodes.length; i++) if (waiting[i] === 0) order.push(i);
  for (let head = 0; head < order.length; head++) {
    for (const next of successors[order[head] ?? -1] ?? []) {
      const left = (waiting[next] ?? 0) - 1;
      waiting[next] = left;
      if (left === 0) order.push(next);
    }
  }
  if (order.length < nodes.length) {
    const left = new Set<number>();
    waiting.forEach((count, i) => {
      if (count > 0) left.add(i);
    });
    failOnCycle(nodes, edges, successors, left);
  }
  return order.flatMap((i) => nodes[i] ?? []);
}

/** The nodes that write these names, each once. */
function predecessorsOf(reads: readonly string[], producer: ReadonlyMap<string, number>): number[] {
  const from = new Set<number>();
  for (const name of reads) {
    const j = producer.get(name);
    if (j !== undefined) from.add(j);
  }
  return [...from];
}

/** `left` holds what could not be ordered: cycles and everything downstream of them. Downstream is trimmed before searching. */
function failOnCycle(nodes: readonly Sortable[], edges: readonly number[][], successors: readonly number[][], left: Set<number>): never {
  const remaining = new Map<number, number>();
  for (const i of left) remaining.set(i, (successors[i] ?? []).filter((s) => left.has(s)).length);
  const ends = [...left].filter((i) => remaining.get(i) === 0);
  for (let head = 0; head < ends.length; head++) {
    const i = ends[head] ?? -1;
    left.delete(i);
    for (const j of edges[i] ?? []) {
      const count = remaining.get(j);
      if (count === undefined || !left.has(j)) continue;
      remaining.set(j, count - 1);
      if (count === 1) ends.push(j);
    }
  }
  const nameOf = (i: number): string => nodes[i]?.name ?? '';
  const cycles = left.size <= largestSearched ? searchCycles(edges, left) : [walkBack(edges, left)];
  const named = cycles.map((cycle) => cycle.sort((a, b) => a - b).map(nameOf));
  fail(compilerMessages.graphHasCycle({ cycles: named }, { origin: named.flat() }));
}

function searchCycles(edges: readonly number[][], left: ReadonlySet<number>): number[][] {
  const graph = new LibGraph();
  for (const i of left) graph.setNode(String(i));
  for (const i of left) for (const j of edges[i] ?? []) if (left.has(j)) graph.setEdge(String(j), String(i));
  return alg.findCycles(graph).map((cycle) => cycle.map(Number));
}

/** One cycle of a part too large to search: walk from reader to producer until a node comes again. */
function walkBack(edges: readonly number[][], left: ReadonlySet<number>): number[] {
  const path: number[] = [];
  const seen = new Map<number, number>();
  let [i] = left;
  while (i !== undefined) {
    const before = seen.get(i);
    if (before !== undefined) return path.slice(before);
    seen.set(i, path.length);
    path.push(i);
    i = (edges[i] ?? []).find((j) => left.has(j));
  }
  return path;
}
