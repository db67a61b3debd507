/** Nodes and bodies on whatever values can be while a graph runs: tensors, sequences, optionals. */
import { fail, graphMessages, isTensor, type RuntimeValue, type Tensor } from '../core/index.ts';
import { constantOf } from './constant.ts';
import { evaluateNode } from './evaluate.ts';
import { definitionOf, leafNodes } from './infer.ts';
import type { Graph, Node, Value, ValueId } from './ir.ts';
import { repeatRanges, type RepeatRange } from './ops/repeat.ts';

/** Runs a body: its outputs in order, for inputs in order. */
export type RunGraph = (graph: Graph, inputs: readonly RuntimeValue[]) => readonly RuntimeValue[];

/**
 * The outputs of a node, one for each it has. Like `evaluateNode`, for operators on sequences, optionals and bodies too.
 * @param opset  version of ai.onnx the graph imports
 * @param run    runs bodies; the plain interpreter of this file unless somebody wants to watch
 */
export function evaluateNodeValues(
  node: Node,
  opset: number,
  inputs: readonly (RuntimeValue | null)[],
  run: RunGraph = runGraph,
): readonly RuntimeValue[] {
  const def = definitionOf(node);
  if (def.evaluateValues !== undefined) {
    return def.evaluateValues({ node, opset: node.version ?? opset, inputs, runGraph: run }).slice(0, node.outputs.length);
  }
  // Of the operators on tensors only Identity passes on everything.
  const [first = null] = inputs;
  if (first !== null && node.op === 'Identity' && node.domain === '') return [first];
  return evaluateNode(
    node,
    opset,
    inputs.map((x, index) => {
      if (x === null || isTensor(x)) return x;
      const problem = `input ${index} is ${x.kind === 'sequence' ? 'a sequence' : 'an optional'}, the operator takes tensors`;
      return fail(graphMessages.inputsDoNotFit({ op: node.op, node: node.name, problem, change: '' }, { origin: node.origin }));
    }),
  );
}

/** What does not change from one run of a graph to the next. A body runs as often as its loop. */
export interface RunPlan {
  readonly nodes: readonly Node[];
  /** By the index of their first node. */
  readonly regions: ReadonlyMap<number, RepeatRange>;
  /** Reads of each value by nodes; outputs of the graph count as one that never ends. */
  readonly uses: Int32Array;
  /** Small constants read before. */
  readonly constants: Map<ValueId, Tensor>;
}

/** Longer constants are made anew: bytes are views, which cost nothing, and splats should not stay written out. */
const keptElements = 65536;

const plans = new WeakMap<Graph, RunPlan>();

export function planOf(graph: Graph): RunPlan {
  const known = plans.get(graph);
  if (known !== undefined) return known;
  const nodes = leafNodes(graph.nodes);
  const uses = new Int32Array(graph.values.length);
  for (const id of graph.outputs) uses[id] = 1;
  for (const node of nodes) for (const id of node.inputs) if (id !== null) uses[id] = (uses[id] ?? 0) + 1;
  const regions = new Map(repeatRanges(nodes).map((range) => [range.begin, range]));
  const plan = { nodes, regions, uses, constants: new Map<ValueId, Tensor>() };
  plans.set(graph, plan);
  return plan;
}

/** Values as long as somebody will still read them. */
export interface Live {
  read(id: ValueId, node: string): RuntimeValue;
  /** Takes results; the node will run again, so that its operands stay. */
  put(node: Node, results: readonly RuntimeValue[]): void;
  /** A node is done: takes its results, lets go of what nobody reads any more. */
  settle(node: Node, results: readonly RuntimeValue[]): void;
}

export function startLive(graph: Graph, plan: RunPlan, inputs: Iterable<readonly [ValueId, RuntimeValue]>): Live {
  const values = new Map<ValueId, RuntimeValue>(inputs);
  const left = plan.uses.slice();
  return {
    read(id, node) {
      const found = values.get(id) ?? plan.constants.get(id);
      if (found !== undefined) return found;
      const value = valueOf(graph, id);
      if (value.constant === null) throw new Error(`value "${value.name}" is used before it is computed`);
      const tensor = constantOf(value.type, value.constant, value.name, node);
      if (tensor.data.length <= keptElements) plan.constants.set(id, tensor);
      else values.set(id, tensor);
      return tensor;
    },
    put(node, results) {
      for (const [i, id] of node.outputs.entries()) {
        const result = results[i];
        if (result !== undefined) values.set(id, result);
      }
    },
    settle(node, results) {
      for (const [i, id] of node.outputs.entries()) {
        const result = results[i];
        if (result === undefined) throw new Error(`${node.op} "${node.name}" did not compute its output ${i}`);
        if ((left[id] ?? 0) > 0) values.set(id, result);
      }
      for (const id of node.inputs) {
        if (id === null) continue;
        left[id] = (left[id] ?? 0) - 1;
        if (left[id] === 0) values.delete(id);
      }
    },
  };
}

/**
 * A graph without quantized values, by place: bodies of If, Loop, Scan and SequenceMap.
 * @param inputs  one for each input of the graph
 */
export function runGraph(graph: Graph, inputs: readonly RuntimeValue[]): readonly RuntimeValue[] {
  const plan = planOf(graph);
  const live = startLive(
    graph,
    plan,
    graph.inputs.map((id, i): readonly [ValueId, RuntimeValue] => {
      const given = inputs[i];
      if (given === undefined) throw new Error(`graph "${graph.name}" has ${graph.inputs.length} inputs, ${inputs.length} were given`);
      return [id, given];
    }),
  );
  for (const node of plan.nodes) {
    const operands = node.inputs.map((id) => (id === null ? null : live.read(id, node.name)));
    live.settle(node, evaluateNodeValues(node, graph.opset, operands));
  }
  return graph.outputs.map((id) => live.read(id, ''));
}

export function valueOf(graph: Graph, id: ValueId): Value {
  const value = graph.values[id];
  if (value === undefined) throw new Error(`graph "${graph.name}" has no value ${id}`);
  return value;
}
