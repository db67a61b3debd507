/** If and Loop: operators with bodies. */
import { fail, graphMessages, isInteger, isTensor, zeros, type RuntimeValue, type Tensor } from '../../core/index.ts';
import type { Dim } from '../dim.ts';
import type { Graph, Node, TensorType, ValueId } from '../ir.ts';
import { oneNumber } from './contents.ts';
import { inferCarried } from './control-flow-carried.ts';
import { runsOnValues, scalar, scalarOf, stacked } from './control-flow-parts.ts';
import { bodyOf, capturedInputs, checkBodyInputs, checkBodyOutputs, describeValue, mergeTypes, ownInputs } from './control-flow-types.ts';
import { numbersOf } from './numbers.ts';
import { defineOp, misfit, requiredType, type InferContext, type OpContext, type OpDef, type ValuesContext } from './op-def.ts';

/** The tensor a runtime input must be. */
export function tensorInput(context: ValuesContext, index: number, what: string): Tensor {
  const value = context.inputs[index] ?? null;
  if (value !== null && isTensor(value)) return value;
  return misfit(context, `input ${index} (${what}) is ${value === null ? 'left out' : describeValue(value)}, a tensor is needed`);
}

function knownCondition(context: InferContext, index: number): boolean | null {
  const known = context.tensor(index);
  return known === null ? null : (numbersOf(known)[0] ?? 0) !== 0;
}

function checkCondition(context: OpContext, { dtype }: TensorType): void {
  if (dtype !== 'bool') misfit(context, `its condition is ${dtype}, not bool`);
}

const ifOp: OpDef = defineOp({
  name: 'If',
  since: [1, 11, 13, 16, 19, 21, 23, 24, 25],
  kernelClass: 'host',
  attributes: { then_branch: 'required', else_branch: 'required' },
  infer(context) {
    checkCondition(context, requiredType(context, 0, 'cond'));
    const captured = capturedInputs(context);
    const branch = (attribute: string): readonly TensorType[] => {
      const body = bodyOf(context, attribute);
      checkBodyInputs(context, body, 0);
      checkBodyOutputs(context, body, context.node.outputs.length);
      return context.inferGraph(body, captured);
    };
    const known = knownCondition(context, 0);
    if (known !== null) return branch(known ? 'then_branch' : 'else_branch');
    const [then, otherwise] = [branch('then_branch'), branch('else_branch')];
    // Exporters write both branches for any input. One that these inputs contradict is not the one that runs.
    const [thenFails, elseFails] = ['then_branch', 'else_branch'].map((name) => context.contradicts(bodyOf(context, name)));
    if (thenFails !== elseFails) return thenFails === true ? otherwise : then;
    return then.map((type, i) => mergeTypes(context, [type, otherwise[i] ?? type], 'which branch runs'));
  },
  evaluate: runsOnValues,
  evaluateValues(context) {
    const taken = scalarOf(context, tensorInput(context, 0, 'cond'), 'the condition') !== 0;
    return context.runGraph(bodyOf(context, taken ? 'then_branch' : 'else_branch'), capturedInputs(context));
  },
});

/**
 * Whether a Loop's body never ends the loop by itself: its first output is true, or the condition it was given.
 */
export function continuesAlways(body: Graph): boolean {
  const producers = new Map<ValueId, Node>();
  for (const node of body.nodes) for (const id of node.outputs) producers.set(id, node);
  let [id] = body.outputs;
  while (id !== undefined) {
    if (id === body.inputs[1]) return true;
    const constant = body.values[id]?.constant ?? null;
    if (constant !== null) {
      const bytes = constant.kind === 'bytes' ? constant.bytes : constant.kind === 'splat' ? constant.element : null;
      return bytes !== null && bytes[0] === 1;
    }
    const producer = producers.get(id);
    if (producer === undefined || producer.domain !== '' || !['Identity', 'Cast'].includes(producer.op)) return false;
    id = producer.inputs[0] ?? undefined;
  }
  return false;
}

/** How often a Loop runs, as far as that is known before it does. */
export interface TripCount {
  /** null: not known. */
  readonly exact: Dim | null;
  /** It runs no more often; null where nothing bounds it. */
  readonly most: Dim | null;
}

export function loopTrips(context: InferContext, body: Graph): TripCount {
  const [m = null, cond = null] = ownInputs(context);
  const first = cond === null ? true : knownCondition(context, 1);
  if (first === false) return { exact: 0, most: 0 };
  const given = m === null ? null : oneNumber(context, 0, 'M');
  const most = typeof given === 'number' ? Math.max(0, given) : given;
  return { exact: first === true && continuesAlways(body) ? most : null, most };
}

/** Iterations of a Loop without a trip count, beyond which it is taken to be endless. */
const mostIterations = 100_000;

const loop: OpDef = defineOp({
  name: 'Loop',
  since: [1, 11, 13, 16, 19, 21, 23, 24, 25],
  kernelClass: 'host',
  attributes: { body: 'required' },
  infer(context) {
    const body = bodyOf(context, 'body');
    const [trip = null, cond = null] = ownInputs(context);
    if (cond !== null) checkCondition(context, cond);
    if (trip !== null && !isInteger(trip.dtype)) misfit(context, `its trip count is ${trip.dtype}, not int64`);
    const initial = ownInputs(context)
      .slice(2)
      .map((type, i) => type ?? misfit(context, `carried value ${i} has no initial value`));
    checkBodyInputs(context, body, 2 + initial.length);
    checkBodyOutputs(context, body, 1 + Math.max(initial.length, context.node.outputs.length));
    const captured = capturedInputs(context);
    const trips = loopTrips(context, body);
    const run = (carried: readonly TensorType[]): readonly TensorType[] =>
      context.inferGraph(body, [{ dtype: 'int64', shape: [] }, { dtype: 'bool', shape: [] }, ...carried, ...captured]).slice(1);
    const { carried, each } = inferCarried(context, initial, run, trips);
    const length = (): Dim => trips.exact ?? context.unknownDim(trips.most, 'how often the loop runs');
    return [...carried, ...each.map((type): TensorType => (type.unranked === true ? type : { ...type, shape: [length(), ...type.shape] }))];
  },
  evaluate: runsOnValues,
  evaluateValues(context) {
    const body = bodyOf(context, 'body');
    const own = ownInputs(context);
    const captured = capturedInputs(context);
    const trips = (own[0] ?? null) === null ? Infinity : scalarOf(context, tensorInput(context, 0, 'M'), 'the trip count');
    let go = (own[1] ?? null) === null ? 1 : scalarOf(context, tensorInput(context, 1, 'cond'), 'the condition');
    let carried: readonly RuntimeValue[] = own.slice(2).map((x, i) => x ?? misfit(context, `carried value ${i} has no initial value`));
    const rows = body.outputs.slice(1 + carried.length).map((): Tensor[] => []);
    for (let i = 0; i < trips && go !== 0; i++) {
      if (trips === Infinity && i === mostIterations) {
        fail(graphMessages.endlessLoop({ node: context.node.name, limit: mostIterations }, { origin: context.node.origin }));
      }
      const [next, ...results] = context.runGraph(body, [scalar('int64', i), scalar('bool', go), ...carried, ...captured]);
      go = next !== undefined && isTensor(next) ? scalarOf(context, next, 'the condition') : 0;
      carried = results.slice(0, carried.length);
      keepRows(context, rows, results.slice(carried.length));
    }
    return [...carried, ...rows.map((parts, k) => (parts.length > 0 ? stacked(context, parts, 0) : noRows(body, 1 + carried.length + k)))];
  },
});

export function keepRows(context: OpContext, rows: readonly Tensor[][], results: readonly RuntimeValue[]): void {
  for (const [k, result] of results.entries()) {
    if (!isTensor(result)) misfit(context, `its body makes ${describeValue(result)} in each iteration, only tensors can be put together`);
    rows[k]?.push(result);
  }
}

/** What is put together of no iterations: sizes that are not known before one runs are 0. */
function noRows(body: Graph, output: number): Tensor {
  const id = body.outputs[output];
  const type = id === undefined ? undefined : body.values[id]?.type;
  return zeros(type?.dtype ?? 'float32', [0, ...(type?.shape ?? []).map((d) => (typeof d === 'number' ? d : 0))]);
}

export const controlFlowOps: readonly OpDef[] = [ifOp, loop];
