/**
 * Bodies that run a known number of times become nodes: the branch that is taken, the iterations one after the other.
 *
 *     %y = If(%true, %x) {then_branch: ...}        =>   the nodes of the branch
 *     %s = Loop(%three, %true, %s0) {body: ...}    =>   the nodes of the body, three times
 */
import { elementCount } from '../../core/index.ts';
import { attributeInt, attributeInts, constantOf } from '../../graph/index.ts';
import type { Graph, Node, ValueId } from '../../graph/ir.ts';
import type { NotHere } from '../kernels/context.ts';
import { unrollLimit, type Rule, type Rules } from './rule.ts';
import type { Writer } from './writer.ts';

function bodyOf(node: Node, name: string): Graph | null {
  const attribute = node.attributes[name];
  return attribute?.kind === 'graph' ? attribute.value : null;
}

function capturesOf(node: Node): readonly ValueId[] {
  const captures = node.captures ?? 0;
  return captures === 0 ? [] : node.inputs.slice(-captures).filter((id) => id !== null);
}

/** The numbers of a value of a body, where they are known outside it or stand in it. */
type Known = (id: ValueId | null | undefined) => readonly number[] | null;

/**
 * Nodes that one run of a body is, those of the bodies in it too, as often as they are known to run.
 * @param known  of the values that the node with the body reads
 */
function nodeCount(body: Graph, node: Node, known: Known): number {
  const captures = node.captures ?? 0;
  const inside: Known = (id) => {
    const at = id === null || id === undefined ? -1 : body.inputs.indexOf(id);
    if (at >= body.inputs.length - captures) return known(node.inputs[node.inputs.length - body.inputs.length + at]);
    const value = id === null || id === undefined ? undefined : body.values[id];
    if (value === undefined || value.constant === null || value.constant.kind === 'absent' || value.constant.kind === 'strings')
      return null;
    if (elementCount(value.type.shape.map(Number)) !== 1) return null;
    return Array.from(constantOf(value.type, value.constant, value.name, '').data, Number);
  };
  return body.nodes.reduce((n, inner) => {
    const [trips = 1] = inner.op === 'Loop' && inner.domain === '' ? (inside(inner.inputs[0]) ?? []) : [];
    const size = Object.values(inner.attributes).reduce((m, a) => m + (a.kind === 'graph' ? nodeCount(a.value, inner, inside) : 0), 0);
    return n + 1 + Math.max(1, trips) * size;
  }, 0);
}

/** Copies a body's nodes. @returns the values that are its outputs */
function inline(w: Writer, body: Graph, inputs: readonly ValueId[]): readonly ValueId[] {
  const known = new Map<ValueId, ValueId>();
  body.inputs.forEach((id, i) => {
    const outer = inputs[i];
    if (outer !== undefined) known.set(id, outer);
  });
  const outer = (id: ValueId): ValueId => {
    const found = known.get(id);
    if (found !== undefined) return found;
    const value = body.values[id];
    if (value === undefined || value.constant === null) throw new Error(`a body reads "${value?.name}" before it is made`);
    const made = w.constant(value);
    known.set(id, made);
    return made;
  };
  for (const node of body.nodes) {
    const made = w.inlined(
      { ...node, inputs: node.inputs.map((id) => (id === null ? null : outer(id))), ...versionOf(w, body, node) },
      node.outputs.map((id) => ({
        name: body.values[id]?.name ?? '',
        type: body.values[id]?.type ?? { dtype: 'float32', shape: [], unranked: true },
      })),
    );
    node.outputs.forEach((id, i) => known.set(id, made[i] as ValueId));
  }
  return body.outputs.map(outer);
}

function versionOf(w: Writer, body: Graph, node: Node): { readonly version?: number } {
  return node.version === undefined && body.opset !== w.opset ? { version: body.opset } : {};
}

const ifRule: Rule = (w, node) => {
  const condition = w.numbers(node.inputs[0]);
  if (condition === null) return { reason: 'its condition is computed at run time' };
  const body = bodyOf(node, condition[0] === 0 ? 'else_branch' : 'then_branch');
  return body === null ? null : inline(w, body, capturesOf(node)).slice(0, node.outputs.length);
};

function tooLong(what: string, nodes: number): NotHere {
  return {
    reason: `${what} would be ${nodes} nodes`,
    limit: { what: 'nodes of a body unrolled', actual: String(nodes), allowed: String(unrollLimit) },
  };
}

const loop: Rule = (w, node) => {
  const body = bodyOf(node, 'body');
  if (body === null) return null;
  const captures = capturesOf(node);
  const [trips = null, first = null, ...rest] = node.inputs.slice(0, node.inputs.length - captures.length);
  const initial = rest.filter((id) => id !== null);
  const given = trips === null ? null : w.numbers(trips);
  if (trips !== null && given === null) return { reason: 'its trip count is computed at run time' };
  const most = given?.[0] ?? Infinity;
  if (first !== null && w.numbers(first) === null) return { reason: 'its condition is computed at run time' };
  const size = nodeCount(body, node, (id) => w.numbers(id));
  if (Number.isFinite(most) && most * size > unrollLimit) return tooLong(`${most} iterations of ${size} nodes`, most * size);
  let condition = first === null ? 1 : (w.numbers(first)?.[0] ?? 1);
  let carried: readonly ValueId[] = initial;
  const scanned: ValueId[][] = body.outputs.slice(1 + initial.length).map(() => []);
  for (let i = 0; i < most && condition !== 0; i++) {
    if ((i + 1) * size > unrollLimit) return tooLong(`${i + 1} or more iterations of ${size} nodes`, (i + 1) * size);
    const scalar = w.tensor({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(i)) });
    const keepGoing = w.tensor({ dtype: 'bool', shape: [], data: Uint8Array.of(1) });
    const [next, ...outputs] = inline(w, body, [scalar, keepGoing, ...carried, ...captures]);
    carried = outputs.slice(0, initial.length);
    outputs.slice(initial.length).forEach((id, k) => scanned[k]?.push(id));
    const known = w.numbers(next);
    if (known === null) return { reason: 'whether it goes on is computed at run time' };
    condition = known[0] ?? 0;
  }
  if (scanned.some((list) => list.length === 0)) return { reason: 'it runs no iteration' };
  const stacked = scanned.map((list) => stack(w, list, 0));
  return [...carried, ...stacked].slice(0, node.outputs.length);
};

/** Values of one shape along a new axis. */
function stack(w: Writer, list: readonly ValueId[], axis: number): ValueId {
  return w.concat(
    list.map((id) => w.op('Unsqueeze', [id, w.ints([axis])])),
    axis,
  );
}

const scan: Rule = (w, node) => {
  const body = bodyOf(node, 'body');
  const version = node.version ?? w.opset;
  if (body === null) return null;
  if (version < 9) return { reason: 'Scan of operator set 8 has sequence lengths of its own' };
  const captures = capturesOf(node);
  const given = node.inputs.slice(0, node.inputs.length - captures.length).filter((id) => id !== null);
  const count = attributeInt(node, 'num_scan_inputs', 0);
  const states = given.slice(0, given.length - count);
  const inputs = given.slice(given.length - count);
  const axesOf = (name: string, n: number): readonly number[] =>
    attributeInts(
      node,
      name,
      Array.from({ length: n }, () => 0),
    );
  const axes = axesOf('scan_input_axes', count);
  const backward = axesOf('scan_input_directions', count);
  const outs = body.outputs.length - states.length;
  const outAxes = axesOf('scan_output_axes', outs);
  const outBackward = axesOf('scan_output_directions', outs);
  const axisOf = (id: ValueId, k: number): number => {
    const rank = w.value(id).type.shape.length;
    return ((axes[k] ?? 0) + rank) % rank;
  };
  if (inputs.some((id) => w.value(id).type.unranked === true)) return { reason: 'the ranks of its sequences are not known' };
  const [lead] = inputs;
  const steps = lead === undefined ? 0 : (w.value(lead).type.shape[axisOf(lead, 0)] ?? 0);
  if (typeof steps !== 'number') return { reason: 'the length of its sequence is not known' };
  const size = nodeCount(body, node, (id) => w.numbers(id));
  if (steps * size > unrollLimit) return tooLong(`${steps} steps of ${size} nodes`, steps * size);
  let carried: readonly ValueId[] = states;
  const scanned: ValueId[][] = Array.from({ length: outs }, () => []);
  for (let t = 0; t < steps; t++) {
    const now = inputs.map((id, k) => {
      const axis = axisOf(id, k);
      const at = backward[k] === 1 ? steps - 1 - t : t;
      return w.op('Squeeze', [w.cut(id, axis, at), w.ints([axis])]);
    });
    const outputs = inline(w, body, [...carried, ...now, ...captures]);
    carried = outputs.slice(0, states.length);
    outputs.slice(states.length).forEach((id, k) => (outBackward[k] === 1 ? scanned[k]?.unshift(id) : scanned[k]?.push(id)));
  }
  if (steps === 0) return { reason: 'its sequence has no elements' };
  const stacked = scanned.map((list, k) => {
    const rank = w.value(list[0] as ValueId).type.shape.length + 1;
    return stack(w, list, ((outAxes[k] ?? 0) + rank) % rank);
  });
  return [...carried, ...stacked].slice(0, node.outputs.length);
};

export const controlFlowRules: Rules = { If: ifRule, Loop: loop, Scan: scan };
