/** Operators that read or write elements where numbers of the run say, as look-ups along one axis. */
import { elementCount, rowMajorStrides, type DType } from '../../core/index.ts';
import { attributeInt, attributeString, type Node } from '../../graph/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import { segmentsOf } from '../kernels/move-axes.ts';
import { constantNumbers } from '../kernels/values.ts';
import { dtypeCode } from './float-types.ts';
import { positions, wholeNumbers } from './ranking.ts';
import { unrollLimit, type Rule, type Rules } from './rule.ts';
import type { Writer } from './writer.ts';

/** Beyond so many pieces a move by known indices is a look-up too. */
export const mostPieces = 1024;

/** Updates that join what is there go one entry after the other. Written out each is a copy of the whole; in a repeated region it is written in place. */
const mostJoined = 64;

export function asIndex(w: Writer, indices: ValueId): ValueId {
  return w.value(indices).type.dtype === 'int32' ? indices : w.op('Cast', [indices], { to: dtypeCode('int32') });
}

/** Indices that count from the end as those that count from the beginning. */
function counted(w: Writer, indices: ValueId, size: number): ValueId {
  const index = asIndex(w, indices);
  const fromEnd = w.op('Add', [index, wholeNumbers(w, [], [size])]);
  return w.op('Where', [w.op('Less', [index, wholeNumbers(w, [], [0])]), fromEnd, index]);
}

function axisOf(node: Node, rank: number, otherwise: number = 0): number {
  return (attributeInt(node, 'axis', otherwise) + rank) % Math.max(1, rank);
}

/** data [outer, size, inner] at [1, count, 1]. */
const gather: Rule = (w, node) => {
  const [data = null, indices = null] = node.inputs;
  const [out] = node.outputs;
  if (data === null || indices === null || out === undefined || w.shape(out).includes(0)) return null;
  const shape = w.shape(data);
  const axis = axisOf(node, shape.length);
  const size = shape[axis] ?? 1;
  if (w.isConstant(indices)) {
    const known = constantNumbers(w.value(indices), mostPieces * 16);
    if (known === null || segmentsOf(known.map((i) => (i < 0 ? i + size : i))).length <= mostPieces) return null;
  }
  const table = w.reshape(data, [elementCount(shape.slice(0, axis)), size, elementCount(shape.slice(axis + 1))]);
  const index = w.reshape(counted(w, indices, size), [1, elementCount(w.shape(indices)), 1]);
  return [w.reshape(w.op('systole.Lookup', [table, index], { axis: 1 }), w.shape(out))];
};

/** Entries from the beginning of every axis but one, as many as another tensor has. */
function corner(w: Writer, x: ValueId, like: readonly number[], axis: number): ValueId {
  return like.reduce((at, extent, i) => (i === axis ? at : w.slice(at, i, 0, extent)), x);
}

const gatherElements: Rule = (w, node) => {
  const [data = null, indices = null] = node.inputs;
  if (data === null || indices === null || w.shape(indices).includes(0) || w.shape(indices).length === 0) return null;
  const axis = axisOf(node, w.shape(data).length);
  const table = corner(w, data, w.shape(indices), axis);
  return [w.op('systole.Lookup', [table, counted(w, indices, w.shape(data)[axis] ?? 1)], { axis })];
};

/** Where tuples of indices, the last axis, lie in a tensor of this shape: [tuples], int32. */
function flatIndex(w: Writer, indices: ValueId, shape: readonly number[]): ValueId {
  const own = w.shape(indices);
  const last = own.length - 1;
  const strides = rowMajorStrides(shape);
  const parts = shape.map((size, k) => {
    const index = counted(w, w.reshape(w.slice(indices, last, k, k + 1), [elementCount(own.slice(0, -1))]), size);
    const stride = strides[k] ?? 1;
    return stride === 1 ? index : w.op('Mul', [index, wholeNumbers(w, [], [stride])]);
  });
  return parts.reduce((a, b) => w.op('Add', [a, b]));
}

const gatherNd: Rule = (w, node) => {
  const [data = null, indices = null] = node.inputs;
  const [out] = node.outputs;
  if (data === null || indices === null || out === undefined || w.shape(out).includes(0)) return null;
  const [shape, own] = [w.shape(data), w.shape(indices)];
  const batch = attributeInt(node, 'batch_dims', 0);
  const depth = own.at(-1) ?? 0;
  if (depth === 0) return null;
  const named = shape.slice(batch, batch + depth);
  const batches = elementCount(shape.slice(0, batch));
  const table = w.reshape(data, [batches, elementCount(named), elementCount(shape.slice(batch + depth))]);
  const index = w.reshape(flatIndex(w, indices, named), [batches, elementCount(own.slice(0, -1)) / batches, 1]);
  return [w.reshape(w.op('systole.Lookup', [table, index], { axis: 1 }), w.shape(out))];
};

const joins: Readonly<Record<string, string>> = { add: 'Add', mul: 'Mul', max: 'Max', min: 'Min' };

/** Element types that the vector engine joins and stores. */
const joinable: ReadonlySet<DType> = new Set<DType>(['float32', 'float16', 'bfloat16', 'int32', 'int16', 'int8', 'uint8']);

/** data with updates written, or joined with what is there, where the index says along an axis. */
function placed(w: Writer, node: Node, data: ValueId, index: ValueId, updates: ValueId, axis: number): ReturnType<Rule> {
  const reduction = attributeString(node, 'reduction', 'none');
  if (reduction === 'none') return [w.op('systole.Place', [data, index, updates], { axis })];
  const count = w.shape(updates)[axis] ?? 0;
  const op = joins[reduction];
  const { dtype } = w.value(data).type;
  if (op === undefined || !joinable.has(dtype)) return { reason: `it joins ${dtype} elements by ${reduction}` };
  if (w.canRepeat(count, 3) || (count > mostJoined && w.canRepeat(count, unrollLimit)))
    return joinedInTurn(w, { op, data, index, updates, axis });
  if (count > mostJoined)
    return {
      reason: `it joins ${count} entries, one after the other${w.isInside ? ', in a loop that is a repeated region, which holds no other' : ''}`,
      limit: { what: 'entries that join what is there', actual: String(count), allowed: String(mostJoined) },
    };
  let at = data;
  for (let i = 0; i < count; i++) {
    const where = (w.shape(index)[axis] ?? 1) === 1 && count > 1 ? index : w.slice(index, axis, i, i + 1);
    const mine = w.slice(updates, axis, i, i + 1);
    const now = w.op('systole.Lookup', [corner(w, at, w.shape(updates), axis), where], { axis });
    at = w.op('systole.Place', [at, where, w.op(op, [now, mine])], { axis });
  }
  return [at];
}

interface Joined {
  /** Of what is there and an update. */
  readonly op: string;
  readonly data: ValueId;
  readonly index: ValueId;
  readonly updates: ValueId;
  readonly axis: number;
}

/** One entry a trip: what is there is looked up, joined, and put back where it was. */
function joinedInTurn(w: Writer, { op, data, index, updates, axis }: Joined): readonly ValueId[] {
  const shape = w.shape(updates);
  const single = (id: ValueId): readonly number[] => w.shape(id).map((d, i) => (i === axis ? 1 : d));
  const inFront = (id: ValueId): ValueId => w.transpose(id, [axis, ...shape.map((_, i) => i).filter((i) => i !== axis)]);
  const isOne = w.shape(index)[axis] === 1;
  const done = w.repeat({
    trips: shape[axis] ?? 1,
    initial: [data],
    scanned: [updates, ...(isOne ? [] : [index])].map((id) => ({ whole: inFront(id), reversed: false })),
    body([now = -1], [update = -1, place = -1]) {
      const where = isOne ? index : w.reshape(place, single(index));
      const mine = w.reshape(update, single(updates));
      const there = w.op('systole.Lookup', [corner(w, now, shape, axis), where], { axis });
      return { next: [w.op('systole.Place', [now, where, w.op(op, [there, mine])], { axis })], made: [] };
    },
  });
  if (done === null) throw new Error('what is scattered into changes its type');
  return done.final;
}

const scatterElements: Rule = (w, node) => {
  const [data = null, indices = null, updates = null] = node.inputs;
  if (data === null || indices === null || updates === null) return null;
  if (w.shape(updates).includes(0) || w.shape(data).length === 0 || w.shape(indices).join() !== w.shape(updates).join()) return null;
  const axis = axisOf(node, w.shape(data).length);
  return placed(w, node, data, counted(w, indices, w.shape(data)[axis] ?? 1), updates, axis);
};

const scatterNd: Rule = (w, node) => {
  const [data = null, indices = null, updates = null] = node.inputs;
  if (data === null || indices === null || updates === null || w.shape(updates).includes(0)) return null;
  const [shape, own] = [w.shape(data), w.shape(indices)];
  const depth = own.at(-1) ?? 0;
  if (depth === 0) return null;
  const named = shape.slice(0, depth);
  const tuples = elementCount(own.slice(0, -1));
  const inner = elementCount(shape.slice(depth));
  const table = w.reshape(data, [elementCount(named), inner]);
  const index = w.reshape(flatIndex(w, indices, named), [tuples, 1]);
  const results = placed(w, node, table, index, w.reshape(updates, [tuples, inner]), 0);
  if (results === null || 'reason' in results) return results;
  return results.map((id) => (id === null ? null : w.reshape(id, shape)));
};

/** New entries of a cache from each batch's own position on, perhaps around the end. */
const tensorScatter: Rule = (w, node) => {
  const [cache = null, update = null, starts = null] = node.inputs;
  if (cache === null || update === null || w.shape(update).includes(0)) return null;
  const shape = w.shape(cache);
  const axis = axisOf(node, shape.length, -2);
  const [size = 1, length = 1] = [shape[axis], w.shape(update)[axis]];
  const steps = positions(w, shape.length, axis, length);
  const batch = shape.map((d, i) => (i === 0 ? d : 1));
  const index = starts === null ? steps : w.op('Add', [w.reshape(asIndex(w, starts), batch), steps]);
  if (attributeString(node, 'mode', 'linear') !== 'circular') return [w.op('systole.Place', [cache, index, update], { axis })];
  const end = wholeNumbers(w, [], [size]);
  const around = w.op('Where', [w.op('Less', [index, end]), index, w.op('Sub', [index, end])]);
  return [w.op('systole.Place', [cache, around, update], { axis })];
};

/** The first entries of each batch, as many as its length says, in reverse. */
const reverseSequence: Rule = (w, node) => {
  const [x = null, lengths = null] = node.inputs;
  if (x === null || lengths === null || w.shape(x).includes(0)) return null;
  const shape = w.shape(x);
  const time = attributeInt(node, 'time_axis', 0);
  const batch = attributeInt(node, 'batch_axis', 1);
  const at = positions(w, shape.length, time, shape[time] ?? 1);
  const length = w.reshape(
    asIndex(w, lengths),
    shape.map((d, i) => (i === batch ? d : 1)),
  );
  const back = w.op('Sub', [w.op('Sub', [length, wholeNumbers(w, [], [1])]), at]);
  return [w.op('systole.Lookup', [x, w.op('Where', [w.op('Less', [at, length]), back, at])], { axis: time })];
};

/** Elements put where the indices of a pooling say, among zeros. */
const maxUnpool: Rule = (w, node) => {
  const [x = null, indices = null, wanted = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || indices === null || out === undefined || wanted !== null || w.shape(x).includes(0)) return null;
  const { dtype } = w.value(x).type;
  const count = elementCount(w.shape(x));
  const total = elementCount(w.shape(out));
  const zeros = w.lazy({ dtype, shape: [total] }, { kind: 'splat', element: new Uint8Array(dtype === 'float32' ? 4 : 2) });
  const flat = (id: ValueId): ValueId => w.reshape(id, [count]);
  return [w.reshape(w.op('systole.Place', [zeros, flat(asIndex(w, indices)), flat(x)], { axis: 0 }), w.shape(out))];
};

export const lookupRules: Rules = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  MaxUnpool: maxUnpool,
  ReverseSequence: reverseSequence,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  TensorScatter: tensorScatter,
};
