/**
 * What is known of a Loop before the run, trip by trip: everything its body computes from the number of the trip, from constants and from
 * carried values that started as constants and are computed from these. Whether it goes on is among it, or how often it runs is not known.
 */
import { elementCount, SystoleError, type Tensor } from '../../core/index.ts';
import { constantOf, evaluateNode, opDef } from '../../graph/index.ts';
import type { Graph, Node, ValueId } from '../../graph/ir.ts';
import type { NotHere } from '../kernels/context.ts';
import { staticShape } from '../passes/constants.ts';

/** Elements of a value that is followed from trip to trip, and trips that are followed. */
const mostElements = 1024;
const mostTrips = 100_000;

export interface KnownTrips {
  readonly trips: number;
  /** The tensors of a value of the body in each trip, where they are known. */
  of(id: ValueId): readonly Tensor[] | null;
  /** A carried value behind the last trip, where it is known: by its place among the carried ones. */
  final(index: number): Tensor | null;
  isKnown(node: Node): boolean;
}

export interface LoopStart {
  readonly body: Graph;
  /** At most so many trips. */
  readonly most: number;
  readonly goesOn: boolean;
  /** Numbers of the carried values as they start, and of what the body reads from outside; null where they are not known. */
  readonly initial: readonly (Tensor | null)[];
  readonly captured: readonly (Tensor | null)[];
}

/** @returns why trips cannot be followed, where something that one computes contradicts itself too */
export function followTrips(start: LoopStart): KnownTrips | NotHere {
  try {
    return follow(start);
  } catch (error) {
    if (error instanceof SystoleError) return { reason: error.diagnostics[0]?.message ?? error.message };
    throw error;
  }
}

function follow({ body, most, goesOn, initial, captured }: LoopStart): KnownTrips | NotHere {
  const [number = -1, condition = -1, ...rest] = body.inputs;
  const carried = rest.slice(0, initial.length);
  const [next = -1, ...results] = body.outputs;
  const constants = new Map<ValueId, Tensor>();
  const constant = (id: ValueId): Tensor | null => {
    const value = body.values[id];
    const shape = value === undefined || value.constant === null ? null : staticShape(value.type);
    if (value === undefined || value.constant === null || value.constant.kind === 'absent' || shape === null) return null;
    if (elementCount(shape) > mostElements) return null;
    const known = constants.get(id) ?? constantOf(value.type, value.constant, value.name, '');
    constants.set(id, known);
    return known;
  };
  rest.slice(initial.length).forEach((id, i) => {
    const tensor = captured[i] ?? null;
    if (tensor !== null && tensor.data.length <= mostElements) constants.set(id, tensor);
  });

  if (most > mostTrips && goesOn && isSteady(body, results)) return alike(most);
  const isFollowed = carried.map((_, j) => (initial[j]?.data.length ?? Infinity) <= mostElements);
  let steps: readonly Node[] = [];
  let known = new Set<ValueId>();
  // What one of them becomes may hang on another that is not known after all.
  for (let settled = false; !settled;) {
    settled = true;
    known = new Set([number, condition, ...carried.filter((_, j) => isFollowed[j])]);
    const has = (id: ValueId | null): boolean => id === null || known.has(id) || constants.has(id) || constant(id) !== null;
    steps = body.nodes.filter((node) => {
      const def = opDef(node.domain, node.op);
      const sized = node.outputs.every((id) => (body.values[id]?.type.container ?? null) === null);
      if (def === undefined || def.evaluateValues !== undefined || node.inputs.length === 0 || !sized || !node.inputs.every(has))
        return false;
      // Weights: passes read them as the integers that they are.
      if (node.op === 'DequantizeLinear' && !node.inputs.some((id) => id !== null && known.has(id))) return false;
      for (const id of node.outputs) known.add(id);
      return true;
    });
    isFollowed.forEach((followed, j) => {
      if (!followed || has(results[j] ?? null)) return;
      isFollowed[j] = false;
      settled = false;
    });
    if (settled && !has(next)) return { reason: 'whether it goes on is computed at run time' };
  }

  const tensors = new Map([...known].map((id) => [id, [] as Tensor[]]));
  let state = initial;
  let trips = 0;
  for (let more = goesOn; more && trips < most; trips++) {
    if (trips >= mostTrips) return tooMany(`more than ${mostTrips} trips`);
    const now = new Map<ValueId, Tensor>([
      [number, { dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(trips)) }],
      [condition, { dtype: 'bool', shape: [], data: Uint8Array.of(1) }],
    ]);
    carried.forEach((id, j) => {
      const tensor = state[j] ?? null;
      if (isFollowed[j] === true && tensor !== null) now.set(id, tensor);
    });
    const read = (id: ValueId): Tensor => {
      const found = now.get(id) ?? constants.get(id) ?? constant(id);
      if (found === null) throw new Error(`"${body.values[id]?.name}" is not known`);
      return found;
    };
    for (const node of steps) {
      const made = evaluateNode(
        node,
        body.opset,
        node.inputs.map((id) => (id === null ? null : read(id))),
      );
      if (made.some((t) => t.data.length > mostElements)) return tooMany(`values of more than ${mostElements} elements, known beforehand`);
      node.outputs.forEach((id, i) => now.set(id, made[i] as Tensor));
    }
    for (const [id, tensor] of now) tensors.get(id)?.push(tensor);
    more = Number(read(next).data[0]) !== 0;
    state = carried.map((_, j) => (isFollowed[j] === true ? read(results[j] ?? -1) : null));
  }
  const nodes = new Set(steps);
  return {
    trips,
    of: (id) => tensors.get(id) ?? null,
    final: (index) => (isFollowed[index] === true ? (state[index] ?? null) : null),
    isKnown: (node) => nodes.has(node),
  };
}

/** Goes on whatever happens, and asks nothing about the number of the trip: no trip need be looked at. */
function isSteady(body: Graph, results: readonly ValueId[]): boolean {
  const [number = -1, condition = -1] = body.inputs;
  const [next = -1] = body.outputs;
  const isTrue = (id: ValueId): boolean => {
    const value = body.values[id];
    return value !== undefined && value.constant !== null && Number(constantOf(value.type, value.constant, value.name, '').data[0]) !== 0;
  };
  const made = new Map(body.nodes.flatMap((n) => n.outputs.map((id) => [id, n] as const)));
  let from = next;
  for (let maker = made.get(from); maker?.op === 'Identity'; maker = made.get(from)) from = maker.inputs[0] ?? -1;
  const isAsked = (id: ValueId): boolean => results.includes(id) || body.nodes.some((n) => n.op !== 'Identity' && n.inputs.includes(id));
  return (from === condition || isTrue(from)) && !isAsked(number) && !isAsked(condition);
}

function alike(trips: number): KnownTrips {
  return { trips, of: () => null, final: () => null, isKnown: () => false };
}

function tooMany(what: string): NotHere {
  return { reason: `${what} would have to be followed before the run` };
}
