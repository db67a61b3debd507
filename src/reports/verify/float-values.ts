/** What values would be in float: those of the model as its file has it, and those that only lowering made. */
import { isFloat, type Tensor } from '../../core/index.ts';
import { leafNodes, repeatRanges, type Graph, type Node, type Value, type ValueId } from '../../graph/index.ts';
import type { VerifyProblem } from './report.ts';
import { observed, type Values } from './values.ts';

/**
 * By name, of the values in `kept`. What the file has no name for (steps of a recurrence, scores of a recovered attention, bodies of loops)
 * is computed from what it has, in the operators of the program before precision; of values of a repeated region as its last trip has them.
 */
export function floatValues({ compilation, model, inputs }: VerifyProblem, kept: ReadonlySet<string>): Values {
  const known = observed(model, inputs, kept);
  const graph = compilation.floatGraph();
  const wanted = graph.values.filter(({ name, type }) => kept.has(name) && !known.has(name) && isFloat(type.dtype));
  if (wanted.length === 0) return known;
  const given = new Map([...inputs, ...known]);
  const part = partMaking(graph, new Set(wanted.map((v) => v.id)), given);
  const made = observed(part, given, new Set(wanted.map((v) => v.name)));
  return new Map([...made, ...known]);
}

/** The nodes that the wanted values need, on given values in place of others where these fit. */
function partMaking(graph: Graph, wanted: ReadonlySet<ValueId>, given: Values): Graph {
  const nodes = leafNodes(graph.nodes);
  const needed = new Set(wanted);
  const asInputs = new Set<ValueId>();
  const chosen: Node[] = [];
  const isGiven = (id: ValueId): boolean => {
    const value = graph.values[id];
    return value !== undefined && !wanted.has(id) && fits(value, given.get(value.name));
  };
  const take = (node: Node, inside: ReadonlySet<ValueId>): void => {
    chosen.push(node);
    for (const id of node.inputs) {
      if (id === null || inside.has(id)) continue;
      if (isGiven(id)) asInputs.add(id);
      else needed.add(id);
    }
  };
  const isNeeded = (node: Node): boolean => node.outputs.some((id) => needed.has(id));
  const none: ReadonlySet<ValueId> = new Set();
  // A region runs as a whole: nothing in it stands for a value of one trip.
  const ends = new Map(repeatRanges(nodes).map(({ begin, end }) => [end, begin]));
  for (let at = nodes.length - 1; at >= 0; at--) {
    const begin = ends.get(at) ?? at;
    const body = nodes.slice(begin, at + 1);
    if (body.some(isNeeded)) {
      const inside = body.length === 1 ? none : new Set(body.flatMap((n) => n.outputs));
      for (const node of body.toReversed()) take(node, inside);
    }
    at = begin;
  }
  const inputs = [...asInputs, ...graph.inputs.filter((id) => needed.has(id) && !asInputs.has(id))];
  return { ...graph, inputs, outputs: [], nodes: chosen.toReversed(), retired: {} };
}

/** Whether a value of the model may stand for one of this graph. */
function fits({ type, quantization }: Value, tensor: Tensor | undefined): boolean {
  if (tensor === undefined || tensor.shape.length !== type.shape.length || tensor.shape.some((d, i) => d !== type.shape[i])) return false;
  return tensor.dtype === type.dtype || (isFloat(tensor.dtype) && (isFloat(type.dtype) || quantization !== null));
}
