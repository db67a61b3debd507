/** Checks what must hold of a graph between passes. */
import { graphMessages, SystoleError, type Diagnostic } from '../core/index.ts';
import { equalDim, printDim } from './dim.ts';
import { meaningType, startInference, type Inference } from './infer.ts';
import type { Graph, Node, TensorType, Value, ValueId } from './ir.ts';
import { printShape } from './ops/op-def.ts';

/**
 * Every rule a graph breaks; empty when it is sound. Rules: ids are indices · names are unique · each value has one producer ·
 * nodes come after what they read · reads are of defined values · types are as inferred · quantization fits its value ·
 * a Fused body is closed · outputs exist.
 */
export function verifyGraph(graph: Graph): readonly Diagnostic[] {
  const problems: Diagnostic[] = [];
  const report = (rule: string, where: string, problem: string, origin: readonly string[] = []): void => {
    problems.push(graphMessages.brokenGraph({ rule, where, problem }, { origin }));
  };
  const nameOf = (id: ValueId): string => graph.values[id]?.name ?? `#${id}`;
  checkValues(graph, report);
  const defined = new Set<ValueId>(graph.inputs);
  for (const value of graph.values) if (value.constant !== null) defined.add(value.id);
  for (const id of graph.inputs) if (graph.values[id] === undefined) report('inputs exist', 'graph', `input ${id} is not a value`);

  const inference = startInference(graph.opset, (id) => {
    const value = graph.values[id];
    if (value === undefined) throw new Error(`no value ${id}`);
    return value;
  });
  /** Values of Fused bodies that are no outputs of theirs: by id, the node. */
  const hidden = new Map<ValueId, Node>();
  const visit = (node: Node): void => {
    const where = `${node.op} "${node.name}"`;
    let readable = true;
    for (const id of node.inputs) {
      if (id === null || defined.has(id)) continue;
      readable = false;
      const rule = graph.values[id] === undefined ? 'reads exist' : 'topological order';
      report(rule, where, `reads %${nameOf(id)}, which is not computed before it`, node.origin);
    }
    const fresh = node.outputs.filter((id) => {
      if (graph.values[id] === undefined) report('outputs exist', where, `writes value ${id}, which does not exist`, node.origin);
      else if (defined.has(id)) report('single assignment', where, `writes %${nameOf(id)}, which already has a producer`, node.origin);
      else return true;
      return false;
    });
    if (node.body !== undefined) {
      checkFused(node, node.body, graph, report);
      for (const inner of node.body) {
        visit(inner);
        for (const id of inner.outputs) if (!node.outputs.includes(id)) hidden.set(id, node);
      }
      for (const id of node.outputs) {
        if (!defined.has(id)) report('closed body', where, `its body does not compute %${nameOf(id)}`, node.origin);
      }
      return;
    }
    for (const id of fresh) defined.add(id);
    if (node.op === 'Fused') report('closed body', where, 'has no body', node.origin);
    else if (readable && fresh.length === node.outputs.length) checkTypes(graph, node, inference, problems, report);
  };
  for (const node of graph.nodes) {
    visit(node);
    for (const id of node.inputs) {
      const owner = id === null ? undefined : hidden.get(id);
      if (id !== null && owner !== undefined) {
        report('closed body', `Fused "${owner.name}"`, `%${nameOf(id)} is read outside but is not among its outputs`, owner.origin);
      }
    }
  }
  for (const id of graph.outputs) {
    const owner = hidden.get(id);
    if (owner !== undefined) {
      report('closed body', `Fused "${owner.name}"`, `%${nameOf(id)} is an output of the graph but not of the node`, owner.origin);
    }
    if (!defined.has(id)) report('outputs exist', 'graph', `the output %${nameOf(id)} is never computed`);
  }
  return problems;
}

type Report = (rule: string, where: string, problem: string, origin?: readonly string[]) => void;

function checkValues(graph: Graph, report: Report): void {
  const names = new Set<string>();
  for (const [i, value] of graph.values.entries()) {
    if (value.id !== i) report('ids are indices', `%${value.name}`, `has id ${value.id} at index ${i}`);
    if (names.has(value.name)) report('unique names', `%${value.name}`, 'two values have this name');
    names.add(value.name);
    checkQuantization(value, report);
  }
}

function checkQuantization(value: Value, report: Report): void {
  const q = value.quantization;
  if (q === null) return;
  const where = `%${value.name}`;
  if (!/^u?int/.test(value.type.dtype)) report('quantization fits', where, `is quantized, but of type ${value.type.dtype}`);
  if (q.scale.length !== q.zeroPoint.length)
    report('quantization fits', where, `has ${q.scale.length} scales and ${q.zeroPoint.length} zero points`);
  if (q.axis === null) {
    if (q.scale.length !== 1) report('quantization fits', where, `has ${q.scale.length} scales but no axis`);
    return;
  }
  const size = value.type.shape[q.axis];
  if (size === undefined) report('quantization fits', where, `has scales along axis ${q.axis} of ${printShape(value.type.shape)}`);
  else if (typeof size === 'number' && size !== q.scale.length) {
    report('quantization fits', where, `has ${q.scale.length} scales along axis ${q.axis} of size ${size}`);
  }
}

/** A body computes with values of the same graph; what enters it must be an input, and every input is read. */
function checkFused(node: Node, body: readonly Node[], graph: Graph, report: Report): void {
  const where = `Fused "${node.name}"`;
  if (body.length === 0) report('closed body', where, 'has an empty body', node.origin);
  const inner = new Set(body.flatMap((n) => n.outputs));
  const entering = new Set(body.flatMap((n) => n.inputs).filter((id) => id !== null && !inner.has(id)));
  for (const id of entering) {
    if (id !== null && !node.inputs.includes(id)) {
      report('closed body', where, `its body reads %${graph.values[id]?.name ?? id}, which is not among its inputs`, node.origin);
    }
  }
  for (const id of node.inputs) {
    if (id !== null && !entering.has(id))
      report('closed body', where, `its input %${graph.values[id]?.name ?? id} is not read`, node.origin);
  }
}

function checkTypes(graph: Graph, node: Node, inference: Inference, problems: Diagnostic[], report: Report): void {
  let types: readonly TensorType[];
  try {
    types = inference.infer(node);
  } catch (error) {
    if (!(error instanceof SystoleError)) throw error;
    problems.push(...error.diagnostics);
    return;
  }
  for (const [i, id] of node.outputs.entries()) {
    const value = graph.values[id];
    const type = types[i];
    const where = `${node.op} "${node.name}"`;
    if (type === undefined) {
      report('types as inferred', where, `has an output ${i}, which the operator does not have`, node.origin);
      continue;
    }
    if (value === undefined) continue;
    const stated = meaningType(value);
    const sameShape = stated.shape.length === type.shape.length && stated.shape.every((d, k) => equalDim(d, type.shape[k] ?? 0));
    if (!sameShape || stated.dtype !== (value.quantization === null ? type.dtype : 'float32')) {
      const written = (t: TensorType): string => `${t.dtype}[${t.shape.map(printDim).join(', ')}]`;
      report('types as inferred', where, `computes ${written(type)}, but %${value.name} is ${written(stated)}`, node.origin);
    }
  }
}
