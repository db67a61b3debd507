/**
 * Bodies that run a known number of times become nodes: the branch that is taken, the iterations one after the other.
 *
 *     %y = If(%true, %x) {then_branch: ...}        =>   the nodes of the branch
 *     %s = Loop(%three, %true, %s0) {body: ...}    =>   the nodes of the body, three times
 *
 * More than a few iterations are a repeated region where the body is the same in each: see loop-regions.ts.
 */
import { elementCount, zeros, type Tensor } from '../../core/index.ts';
import { attributeInt, attributeInts, constantOf } from '../../graph/index.ts';
import type { Graph, Node, ValueId } from '../../graph/ir.ts';
import type { NotHere } from '../kernels/context.ts';
import { staticShape } from '../passes/constants.ts';
import { followTrips, type KnownTrips } from './known-trips.ts';
import { inline, writeRegion, type LoopBody } from './loop-regions.ts';
import { unrolledTrips, unrollLimit, type Rule, type Rules } from './rule.ts';
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

/** Nodes that a step of a recurrent layer is written as, roughly. */
const recurrentSteps: Readonly<Record<string, number>> = { RNN: 4, GRU: 14, LSTM: 16 };

/**
 * Nodes that one run of a body is, those of the bodies in it too, as often as they are known to run; `compact`: once where they run so often
 * that they can be repeated regions.
 * @param known  of the values that the node with the body reads
 */
function nodeCount(body: Graph, node: Node, known: Known, compact = false): number {
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
  const times = (trips: number): number => (compact && trips > unrolledTrips ? 1 : Math.max(1, trips));
  const lengthOf = (id: ValueId | null | undefined, axis: number): number => {
    const extent = id === null || id === undefined ? undefined : body.values[id]?.type.shape[axis];
    return typeof extent === 'number' ? extent : 1;
  };
  return body.nodes.reduce((n, inner) => {
    const nodes = inner.domain === '' ? recurrentSteps[inner.op] : undefined;
    if (nodes !== undefined) return n + nodes * times(lengthOf(inner.inputs[0], attributeInt(inner, 'layout', 0)));
    const isLoop = inner.op === 'Loop' && inner.domain === '';
    const isScan = inner.op === 'Scan' && inner.domain === '';
    const scanned = isScan ? inner.inputs[inner.inputs.length - (inner.captures ?? 0) - 1] : null;
    const [axis = 0] = attributeInts(inner, 'scan_input_axes', []).slice(-1);
    const [trips = 1] = isLoop ? (inside(inner.inputs[0]) ?? []) : [isScan ? lengthOf(scanned, Math.max(0, axis)) : 1];
    const size = Object.values(inner.attributes).reduce(
      (m, a) => m + (a.kind === 'graph' ? nodeCount(a.value, inner, inside, compact) : 0),
      0,
    );
    return n + 1 + times(trips) * size;
  }, 0);
}

/** Nodes of one iteration. */
interface Size {
  /** With the loops inside written out too. */
  readonly full: number;
  /** With those that run often as regions. */
  readonly compact: number;
}

function sizeOf(w: Writer, body: Graph, node: Node): Size {
  const [full, compact] = [false, true].map((c) => nodeCount(body, node, (id) => w.numbers(id), c)) as [number, number];
  return { full, compact };
}

/** Regions do not nest: where a loop inside is too long for a region around it, it is one itself, and this one is written out. */
function leavesRegionsInside(w: Writer, trips: number, { full, compact }: Size): boolean {
  return full > unrollLimit && trips * compact <= unrollLimit && w.canRepeat(2 * unrolledTrips, unrollLimit);
}

/** Copies a body's nodes. @returns the values that are its outputs */
function inlineAll(w: Writer, body: Graph, inputs: readonly ValueId[]): readonly ValueId[] {
  const outer = inline(w, body, new Map(body.inputs.flatMap((id, i) => (inputs[i] === undefined ? [] : [[id, inputs[i]] as const]))));
  return body.outputs.map(outer);
}

const ifRule: Rule = (w, node) => {
  const condition = w.numbers(node.inputs[0]);
  if (condition === null) return { reason: 'its condition is computed at run time' };
  const body = bodyOf(node, condition[0] === 0 ? 'else_branch' : 'then_branch');
  return body === null ? null : inlineAll(w, body, capturesOf(node)).slice(0, node.outputs.length);
};

function tooLong(w: Writer, what: string, nodes: number): NotHere {
  return {
    reason: `${what} would be ${nodes} nodes${w.isInside ? ', and it is in a loop that is a repeated region, which holds no other' : ''}`,
    limit: { what: 'nodes of a body unrolled', actual: String(nodes), allowed: String(unrollLimit) },
    ...(w.isInside
      ? { fix: `shorten one of the two loops: up to ${unrollLimit} nodes are written out, and the other is then the region` }
      : {}),
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
  if (first !== null && w.numbers(first) === null) return { reason: 'its condition is computed at run time' };
  const size = sizeOf(w, body, node);
  const operands = { most: given?.[0] ?? Infinity, goesOn: first === null || w.numbers(first)?.[0] !== 0, initial, captures };
  const followed = tripsOf(w, body, operands);
  if (!('reason' in followed) && followed.trips < operands.most) {
    if (!w.isBound) return withTrips(w, node, body, followed.trips);
    const stacks = node.outputs.slice(initial.length).map((id) => w.value(id).type);
    if (stacks.some(({ shape: [length] }) => typeof length === 'number' && length !== followed.trips)) return endsEarly;
  }
  const most = 'reason' in followed ? operands.most : followed.trips;
  const inside = leavesRegionsInside(w, most, size);
  const region = 'reason' in followed || inside ? null : loopRegion(w, node, body, { ...operands, size: size.full }, followed);
  if (region !== null) return region.results;
  const each = inside ? size.compact : size.full;
  if (Number.isFinite(most) && most * each > unrollLimit)
    return 'reason' in followed ? followed : tooLong(w, `${most} iterations of ${each} nodes`, most * each);
  let condition = first === null ? 1 : (w.numbers(first)?.[0] ?? 1);
  let carried: readonly ValueId[] = initial;
  const scanned: ValueId[][] = body.outputs.slice(1 + initial.length).map(() => []);
  for (let i = 0; i < most && condition !== 0; i++) {
    if ((i + 1) * each > unrollLimit) return tooLong(w, `${i + 1} or more iterations of ${each} nodes`, (i + 1) * each);
    const scalar = w.tensor({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(i)) });
    const keepGoing = w.tensor({ dtype: 'bool', shape: [], data: Uint8Array.of(1) });
    const [next, ...outputs] = inlineAll(w, body, [scalar, keepGoing, ...carried, ...captures]);
    carried = outputs.slice(0, initial.length);
    outputs.slice(initial.length).forEach((id, k) => scanned[k]?.push(id));
    const known = w.numbers(next);
    if (known === null) return { reason: 'whether it goes on is computed at run time' };
    condition = known[0] ?? 0;
  }
  const stacked = scanned.map((list, k) => (list.length === 0 ? empty(w, node.outputs[initial.length + k]) : stack(w, list, 0)));
  if (stacked.includes(null)) return { reason: 'it runs no iteration' };
  return [...carried, ...stacked].slice(0, node.outputs.length);
};

/** What a loop stacks that runs no iteration; null where its type is not known. */
function empty(w: Writer, output: ValueId | undefined): ValueId | null {
  const type = output === undefined ? null : w.value(output).type;
  const shape = type === null || type.unranked === true || type.container !== undefined ? null : staticShape(type);
  if (type === null || shape === null || !shape.includes(0) || type.dtype === 'string') return null;
  return w.tensor(zeros(type.dtype, shape));
}

interface LoopOperands {
  readonly most: number;
  readonly goesOn: boolean;
  readonly initial: readonly ValueId[];
  readonly captures: readonly ValueId[];
  /** Nodes of one iteration. */
  readonly size: number;
}

/** null: iterations are written out, or the Loop stays. `results` null: it is a region once sizes are known, until then it stays. */
interface AsRegion {
  readonly results: readonly ValueId[] | null;
}

const endsEarly: NotHere = { reason: 'it ends before its trip count, which the sizes of its results were taken from' };

/** The same Loop with the trip count that it has, so that sizes are known behind it. */
function withTrips(w: Writer, node: Node, body: Graph, trips: number): readonly ValueId[] {
  const [, condition = -1] = body.inputs;
  const count = w.tensor({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(trips)) });
  const value: Graph = { ...body, outputs: [condition, ...body.outputs.slice(1)] };
  return w.node({
    ...node,
    inputs: [count, null, ...node.inputs.slice(2)],
    attributes: { ...node.attributes, body: { kind: 'graph', value } },
  });
}

/** Why not, where it is only known trip by trip, once each is written. */
function tripsOf(w: Writer, body: Graph, { most, goesOn, initial, captures }: Omit<LoopOperands, 'size'>): KnownTrips | NotHere {
  const tensors = (ids: readonly ValueId[]): readonly (Tensor | null)[] => ids.map((id) => w.smallTensor(id));
  return followTrips({ body, most, goesOn, initial: tensors(initial), captured: tensors(captures) });
}

function loopRegion(
  w: Writer,
  node: Node,
  body: Graph,
  { initial, captures, size }: Omit<LoopOperands, 'most' | 'goesOn'>,
  trips: KnownTrips,
): AsRegion | null {
  if (!w.canRepeat(trips.trips, size)) return null;
  const [, ...results] = body.outputs;
  const loop: LoopBody = {
    body,
    carried: initial.map((id, j) => ({
      input: body.inputs[2 + j] as ValueId,
      initial: id,
      output: results[j] as ValueId,
      known: trips.final(j),
    })),
    entries: [],
    captured: captures.map((outside, k) => ({ input: body.inputs[2 + initial.length + k] as ValueId, outside })),
    made: results.slice(initial.length).map((output) => ({ output, axis: 0, reversed: false })),
  };
  return asRegion(w, node, loop, trips);
}

/** Tries; what was written is thrown away where the body cannot be repeated. */
function asRegion(w: Writer, node: Node, loop: LoopBody, trips: KnownTrips | number): AsRegion | null {
  const results = writeRegion(w, loop, trips);
  if ('reason' in results) {
    w.again();
    return null;
  }
  if (w.isBound) return { results: results.slice(0, node.outputs.length) };
  w.again();
  return { results: null };
}

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
  const size = sizeOf(w, body, node);
  const inside = leavesRegionsInside(w, steps, size);
  if (w.canRepeat(steps, size.full) && !inside) {
    const first = states.length + inputs.length;
    const region = asRegion(
      w,
      node,
      {
        body,
        carried: states.map((initial, j) => ({
          input: body.inputs[j] as ValueId,
          initial,
          output: body.outputs[j] as ValueId,
          known: null,
        })),
        entries: inputs.map((whole, k) => ({
          input: body.inputs[states.length + k] as ValueId,
          whole,
          axis: axisOf(whole, k),
          reversed: backward[k] === 1,
        })),
        captured: captures.map((outside, k) => ({ input: body.inputs[first + k] as ValueId, outside })),
        made: body.outputs.slice(states.length).map((output, k) => ({ output, axis: outAxes[k] ?? 0, reversed: outBackward[k] === 1 })),
      },
      steps,
    );
    if (region !== null) return region.results;
  }
  const each = inside ? size.compact : size.full;
  if (steps * each > unrollLimit) return tooLong(w, `${steps} steps of ${each} nodes`, steps * each);
  let carried: readonly ValueId[] = states;
  const scanned: ValueId[][] = Array.from({ length: outs }, () => []);
  for (let t = 0; t < steps; t++) {
    const now = inputs.map((id, k) => {
      const axis = axisOf(id, k);
      const at = backward[k] === 1 ? steps - 1 - t : t;
      return w.op('Squeeze', [w.cut(id, axis, at), w.ints([axis])]);
    });
    const outputs = inlineAll(w, body, [...carried, ...now, ...captures]);
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
