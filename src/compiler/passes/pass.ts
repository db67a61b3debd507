/** What a pass is, and how a list of them is run. */
import { fail, formatDiagnostic, graphMessages, type Diagnostic } from '../../core/index.ts';
import { printGraph, verifyGraph } from '../../graph/index.ts';
import type { Graph } from '../../graph/ir.ts';
import { perChannel } from '../precision/placeholder.ts';

export interface PassContext {
  /** Tells the user something; passes never print. */
  report(diagnostic: Diagnostic): void;
}

/** A pure step from graph to graph. Returns the same reference when it changed nothing. */
export interface Pass {
  readonly name: string;
  /** One sentence for lists and documentation. */
  readonly summary: string;
  run(graph: Graph, cx: PassContext): Graph;
}

export interface RunPassesOptions {
  /** Called after every pass with what it made, changed or not (`SYSTOLE_DUMP`). */
  readonly dump?: ((pass: Pass, graph: Graph, changed: boolean) => void) | undefined;
  readonly report?: ((diagnostic: Diagnostic) => void) | undefined;
  /** Stop after the pass of this name. */
  readonly stopAfter?: string | undefined;
}

/**
 * Runs passes in order and verifies the graph after each that changed it.
 * @throws the coded errors of nodes that no longer fit once a pass made numbers known; an internal error with the graph before the pass
 *   when a pass breaks a rule of the graph: that is our bug
 */
export function runPasses(graph: Graph, passes: readonly Pass[], options: RunPassesOptions = {}): Graph {
  const cx: PassContext = { report: (diagnostic) => options.report?.(diagnostic) };
  let current = graph;
  for (const pass of passes) {
    const next = pass.run(current, cx);
    if (next !== current) verifyAfter(pass, current, next);
    options.dump?.(pass, next, next !== current);
    current = next;
    if (options.stopAfter === pass.name) break;
  }
  return current;
}

function verifyAfter(pass: Pass, before: Graph, after: Graph): void {
  const problems = verifyGraph(withoutLazyScales(after));
  if (problems.length === 0) return;
  if (isOfTheModel(problems, before, after)) fail(...problems);
  const told = problems.map(formatDiagnostic).join('\n');
  throw new Error(`invariant broken: pass ${pass.name} made a graph that is not one\n${told}\n\ngraph before:\n${printGraph(before)}`);
}

/**
 * Whether the problems are those of nodes the pass left as they were: numbers it made known then contradict what the file says, which no pass
 * can help.
 */
function isOfTheModel(problems: readonly Diagnostic[], before: Graph, after: Graph): boolean {
  if (problems.some((p) => p.code === graphMessages.brokenGraph.code || p.origin.length === 0)) return false;
  const kept = new Set(before.nodes);
  const named = new Set(problems.flatMap((p) => p.origin));
  return after.nodes.every((node) => kept.has(node) || !node.origin.some((name) => named.has(name)));
}

/** Scales of constants are computed from weights when read, which verifying must not cause: it sees placeholders of the same form. */
function withoutLazyScales(graph: Graph): Graph {
  const isLazy = (v: Graph['values'][number]): boolean => v.quantization !== null && (v.constant !== null || v.quantization.axis !== null);
  if (!graph.values.some(isLazy)) return graph;
  const values = graph.values.map((v) => {
    if (v.quantization === null || !isLazy(v)) return v;
    const { axis } = v.quantization;
    const channels = axis === null ? 1 : v.type.shape[axis];
    return {
      ...v,
      quantization: typeof channels === 'number' ? perChannel(channels, axis, 'placeholder', () => new Float32Array(channels)) : null,
    };
  });
  return { ...graph, values };
}
