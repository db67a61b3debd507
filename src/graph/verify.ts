/** Checks what must hold of a graph between passes. */
import { graphMessages, SystoleError, type Diagnostic } from '../core/index.ts';
import { equalDim, symbolsOf } from './dim.ts';
import { meaningType, startInference, type Inference } from './infer.ts';
import type { Graph, Node, Quantization, TensorType, Value, ValueId } from './ir.ts';
import { opDef } from './ops/index.ts';
import { printShape } from './ops/op-def.ts';
import { isRepeatBegin, isRepeatEnd, repeatRanges, type RepeatRange } from './ops/repeat.ts';
import { printType } from './text-type.ts';

/**
 * Every rule a graph breaks; empty when it is sound. Rules: ids are indices · names are unique · each value has one producer ·
 * nodes come after what they read · reads are of defined values · types are as inferred · quantization fits its value ·
 * a Fused body is closed · outputs exist · repeated regions have both ends, and keep to themselves what they make · bodies (attributes of kind graph) hold to the same, types apart, and take their captures.
 */
export function verifyGraph(graph: Graph): readonly Diagnostic[] {
  return verify(graph, true);
}

/**
 * @param types  whether to infer types and compare. Not in bodies: what enters one, and so the types in it, may differ from one
 *   iteration to the next.
 */
function verify(graph: Graph, types: boolean): readonly Diagnostic[] {
  const problems: Diagnostic[] = [];
  const report = (rule: string, where: string, problem: string, origin: readonly string[] = []): void => {
    problems.push(graphMessages.brokenGraph({ rule, where, problem }, { origin }));
  };
  const nameOf = (id: ValueId): string => graph.values[id]?.name ?? `#${id}`;
  checkValues(graph, report);
  const defined = new Set<ValueId>(graph.inputs);
  for (const value of graph.values) if (value.constant !== null) defined.add(value.id);
  for (const id of graph.inputs) if (graph.values[id] === undefined) report('inputs exist', 'graph', `input ${id} is not a value`);

  const valueAt = (id: ValueId): Value => {
    const value = graph.values[id];
    if (value === undefined) throw new Error(`no value ${id}`);
    return value;
  };
  const inference = startInference(graph.opset, valueAt, { graph });
  const declared = new Set(graph.unknowns?.map((u) => u.symbol));
  /** Whether only a run decides a symbol, of the graph or made by this inference. */
  const isOpen = (symbol: string): boolean => declared.has(symbol) || inference.unknowns().some((u) => u.symbol === symbol);
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
    problems.push(...checkBodies(node, where));
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
    else if (types && readable && fresh.length === node.outputs.length) checkTypes(graph, node, inference, isOpen, problems, report);
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
  checkRegions(graph, report);
  return problems;
}

type Report = (rule: string, where: string, problem: string, origin?: readonly string[]) => void;

/** What a trip makes is read in the region, or leaves it by its end. What is one across an end has one type and quantization. */
function checkRegions(graph: Graph, report: Report): void {
  if (!graph.nodes.some((n) => isRepeatBegin(n) || isRepeatEnd(n))) return;
  const nameOf = (id: ValueId): string => graph.values[id]?.name ?? `#${id}`;
  let ranges: readonly RepeatRange[];
  try {
    ranges = repeatRanges(graph.nodes);
  } catch (error) {
    return report('repeated regions', 'graph', error instanceof Error ? error.message : String(error));
  }
  const madeIn = new Map<ValueId, number>();
  ranges.forEach(({ begin, end, form }, r) => {
    const where = `systole.RepeatBegin "${graph.nodes[begin]?.name}"`;
    for (const node of graph.nodes.slice(begin, end)) for (const id of node.outputs) madeIn.set(id, r);
    const held = (id: ValueId): Value | undefined => graph.values[id];
    const pairs = [
      ...form.carried.flatMap((c) => [[c.initial, c.seen] as const, [c.seen, c.next] as const, [c.next, c.final] as const]),
      ...form.scanned.map((x) => [x.whole, x.entry] as const),
      ...form.stacked.map((x) => [x.entry, x.whole] as const),
    ];
    for (const [a, b] of pairs) {
      if (held(a)?.type.dtype !== held(b)?.type.dtype || !sameScale(held(a)?.quantization ?? null, held(b)?.quantization ?? null))
        report('repeated regions', where, `%${nameOf(a)} and %${nameOf(b)} are one value, held differently`);
    }
  });
  graph.nodes.forEach((node, at) => {
    for (const id of node.inputs) {
      const r = id === null ? undefined : madeIn.get(id);
      const range = ranges[r ?? -1];
      if (id !== null && range !== undefined && !(range.begin < at && at <= range.end))
        report('repeated regions', `${node.op} "${node.name}"`, `reads %${nameOf(id)}, which a region keeps to itself`, node.origin);
    }
  });
  for (const id of graph.outputs) if (madeIn.has(id)) report('repeated regions', 'graph', `the output %${nameOf(id)} is one trip's alone`);
}

function sameScale(a: Quantization | null, b: Quantization | null): boolean {
  if (a === b || a === null || b === null) return a === b;
  return a.scale.length === 1 && b.scale.length === 1 && a.scale[0] === b.scale[0] && a.zeroPoint[0] === b.zeroPoint[0];
}

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

/** Bodies of If, Loop, Scan: graphs of their own, which take what the node captures behind their declared inputs. */
function checkBodies(node: Node, where: string): readonly Diagnostic[] {
  const bodies = Object.entries(node.attributes).flatMap(([name, a]) => (a.kind === 'graph' ? [{ name, body: a.value }] : []));
  const captures = node.captures ?? 0;
  const problems: Diagnostic[] = [];
  const report = (problem: string): void => {
    problems.push(graphMessages.brokenGraph({ rule: 'bodies take captures', where, problem }, { origin: node.origin }));
  };
  if (captures > 0 && bodies.length === 0) report(`captures ${captures} values, but has no body`);
  if (captures > node.inputs.length) report(`captures ${captures} values, but has ${node.inputs.length} inputs`);
  if (node.inputs.slice(node.inputs.length - captures).includes(null)) report('captures an input that is left out');
  for (const { name, body } of bodies) {
    const declared = declaredBodyInputs(node);
    const taken = body.inputs.length;
    if (declared === null ? taken < captures : taken !== declared + captures) {
      const expected = declared === null ? `at least ${captures}` : `${declared} and ${captures} captures`;
      report(`its ${name} has ${taken} inputs, not ${expected}`);
    }
    for (const d of verify(body, false)) problems.push({ ...d, message: `${where}, in its ${name}: ${d.message}` });
  }
  return problems;
}

/** How many inputs a body has before the captures; null where only the operator knows. */
export function declaredBodyInputs(node: Pick<Node, 'op' | 'domain' | 'inputs' | 'captures'>): number | null {
  const own = node.inputs.length - (node.captures ?? 0);
  if (node.domain !== '') return null;
  switch (node.op) {
    case 'If':
      return 0;
    case 'Loop':
      return Math.max(2, own);
    case 'SequenceMap':
      return own;
    default:
      return null;
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

function checkTypes(
  graph: Graph,
  node: Node,
  inference: Inference,
  isOpen: (symbol: string) => boolean,
  problems: Diagnostic[],
  report: Report,
): void {
  // What an operator without definition computes is what the file says; nothing contradicts it.
  if (opDef(node.domain, node.op) === undefined) return;
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
    const expected: TensorType = value.quantization === null ? type : { ...type, dtype: 'float32' };
    if (!agrees(stated, expected, isOpen)) {
      report('types as inferred', where, `computes ${printType(type)}, but %${value.name} is ${printType(stated)}`, node.origin);
    }
  }
}

/** One may know more than the other (the file says it; numbers became known), but they may not contradict each other. */
function agrees(stated: TensorType, inferred: TensorType, isOpen: (symbol: string) => boolean): boolean {
  if (stated.dtype !== inferred.dtype || stated.container !== inferred.container) return false;
  // A pass that folds shapes makes more known than was at import.
  if (inferred.unranked === true || stated.unranked === true) return true;
  if (stated.shape.length !== inferred.shape.length) return false;
  return stated.shape.every((d, k) => {
    const other = inferred.shape[k] ?? 0;
    return equalDim(d, other) || [d, other].some((x) => symbolsOf(x).some(isOpen));
  });
}
