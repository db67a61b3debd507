/**
 * Turns what no engine runs whole into operators that engines run:
 *
 *     %y = LSTM(%x, %w, %r)   =>   one product for all steps, then step by step: product, gates, state
 *
 * In: a graph with bound sizes. Out: the same meaning (up to rounding where a rule says so), written in ai.onnx operators of
 * `writtenOpset`. Every node keeps the origin of what it came from; its MACs are its share of the original's.
 */
import type { Diagnostic } from '../../core/index.ts';
import { compactGraph } from '../../graph/index.ts';
import type { Graph } from '../../graph/ir.ts';
import type { NotHere } from '../kernels/context.ts';
import { foldOutputs } from '../passes/fold-constants.ts';
import { removeDeadCode } from '../passes/dead-code.ts';
import { runPasses, type Pass } from '../passes/pass.ts';
import { rewriteNodes, type RewriteOptions } from './driver.ts';
import { hoistFromRegions } from './hoist.ts';
import { trimRegions } from './regions.ts';
import { controlFlowRule, ruleFor } from './rules.ts';

export interface Lowered {
  readonly graph: Graph;
  /** Why nodes stayed whole, by node name. */
  readonly declined: ReadonlyMap<string, NotHere>;
  /** What was found in bodies that were written out. */
  readonly diagnostics: readonly Diagnostic[];
}

export function lower(bound: Graph, options: RewriteOptions = {}): Lowered {
  // With the sizes, shapes computed from shapes are known.
  const before = runPasses(bound, [foldOutputs, removeDeadCode]);
  const { graph, declined, told } = rewriteNodes(before, ruleFor, 'bound', options);
  const after = graph === before ? before : runPasses(graph, [hoistFromRegions, foldOutputs, trimRegions, removeDeadCode]);
  return { graph: compactGraph(withOwnOutputs(after)), declined, diagnostics: told };
}

/**
 * Bodies that run a few times, or differ from time to time, as nodes, sizes still open: what is inside then has the sizes of its iteration.
 * Those that can be repeated regions wait for `lower`.
 *
 *     %y = If(%true, %x) {then_branch: ...}   =>   the nodes of the branch
 */
export const unrollBodies: Pass = {
  name: 'unroll-bodies',
  summary: 'Writes out the branch an If takes and the iterations of Loop and Scan where that is known before the model runs',
  run(graph) {
    if (!graph.nodes.some((node) => controlFlowRule(node) !== undefined)) return graph;
    const { graph: written } = rewriteNodes(graph, controlFlowRule, 'open', { regions: 'always' });
    return written === graph ? graph : compactGraph(written);
  },
};

/** A graph output must be made by a node: where it is a constant, an identity makes it. */
function withOwnOutputs(graph: Graph): Graph {
  if (!graph.outputs.some((id) => (graph.values[id]?.constant ?? null) !== null)) return graph;
  const values = graph.values.slice();
  const nodes = graph.nodes.slice();
  const outputs = graph.outputs.map((id) => {
    const value = graph.values[id];
    if (value === undefined || value.constant === null) return id;
    const made = values.length;
    values.push({ ...value, id: made, constant: null });
    values[id] = { ...value, name: `${value.name}:constant` };
    nodes.push({ op: 'Identity', domain: '', name: `${value.name}:output`, inputs: [id], outputs: [made], attributes: {}, origin: [] });
    return made;
  });
  return { ...graph, values, nodes, outputs };
}
