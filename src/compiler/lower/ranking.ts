/**
 * Which element is the largest: ArgMax, ArgMin, Hardmax, TopK. Positions along the axis are a constant, int32; the extreme is found first, then the first
 * (or last) position that holds it.
 */
import { isFloat, type DType } from '../../core/index.ts';
import { attributeInt } from '../../graph/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import type { NotHere } from '../kernels/context.ts';
import { dtypeCode } from './float-types.ts';
import type { Rule, Rules } from './rule.ts';
import type { Writer } from './writer.ts';

/** Larger than any position. */
const beyond = 2147483647;

export function wholeNumbers(w: Writer, shape: readonly number[], numbers: readonly number[]): ValueId {
  return w.tensor({ dtype: 'int32', shape, data: Int32Array.from(numbers) });
}

/** 0, 1, … along one axis of `rank`. */
export function positions(w: Writer, rank: number, axis: number, count: number): ValueId {
  const shape = Array.from({ length: rank }, (_, i) => (i === axis ? count : 1));
  return wholeNumbers(
    w,
    shape,
    Array.from({ length: count }, (_, i) => i),
  );
}

/** A number of an element type. */
export function numberOf(w: Writer, dtype: DType, value: number): ValueId {
  return isFloat(dtype) ? w.float(value) : w.op('Cast', [wholeNumbers(w, [], [value])], { to: dtypeCode(dtype) });
}

/** Elements in an order where the largest comes first: turned around where the smallest should. */
function descending(w: Writer, x: ValueId, largest: boolean): ValueId {
  if (largest) return x;
  return w.op(isFloat(w.value(x).type.dtype) ? 'Neg' : 'BitwiseNot', [x]);
}

/** The place of the largest element along the axis, which stays with size 1: the first of equals, or the last. */
export function placeOfLargest(w: Writer, x: ValueId, axis: number, places: ValueId, last: boolean = false): ValueId {
  const top = w.op('ReduceMax', [x, w.ints([axis])]);
  const found = w.op('Where', [w.op('Less', [x, top]), wholeNumbers(w, [], [last ? -1 : beyond]), places]);
  return w.op(last ? 'ReduceMax' : 'ReduceMin', [found, w.ints([axis])]);
}

const comparable: ReadonlySet<DType> = new Set<DType>(['float32', 'float16', 'bfloat16', 'int8', 'uint8', 'int16', 'uint16', 'int32']);

function cannotCompare(w: Writer, x: ValueId): NotHere | null {
  const { type, name } = w.value(x);
  if (comparable.has(type.dtype)) return null;
  return {
    reason: `its elements ("${name}") are ${type.dtype}`,
    limit: { what: 'element type', actual: type.dtype, allowed: [...comparable].join(', ') },
  };
}

const argument =
  (largest: boolean): Rule =>
  (w, node) => {
    const [x = null] = node.inputs;
    const [out] = node.outputs;
    if (x === null || out === undefined || w.shape(x).includes(0)) return null;
    const no = cannotCompare(w, x);
    if (no !== null) return no;
    const rank = w.shape(x).length;
    const axis = (attributeInt(node, 'axis', 0) + rank) % Math.max(1, rank);
    const places = positions(w, rank, axis, w.shape(x)[axis] ?? 1);
    const place = placeOfLargest(w, descending(w, x, largest), axis, places, attributeInt(node, 'select_last_index', 0) !== 0);
    return [w.op('Cast', [w.reshape(place, w.shape(out))], { to: dtypeCode('int64') })];
  };

/** 1 at the first largest element of a row, 0 elsewhere. */
const hardmax: Rule = (w, node) => {
  const [x = null] = node.inputs;
  if (x === null || w.shape(x).includes(0) || !isFloat(w.value(x).type.dtype)) return null;
  const shape = w.shape(x);
  const whole = (node.version ?? w.opset) < 13;
  const given = attributeInt(node, 'axis', whole ? 1 : -1);
  const at = (given + shape.length) % Math.max(1, shape.length);
  const count = (list: readonly number[]): number => list.reduce((n, d) => n * d, 1);
  // Before opset 13 everything from the axis on is one row.
  const rows = whole ? w.reshape(x, [count(shape.slice(0, at)), count(shape.slice(at))]) : x;
  const axis = whole ? 1 : at;
  const places = positions(w, w.shape(rows).length, axis, w.shape(rows)[axis] ?? 1);
  const hot = w.op('Equal', [places, placeOfLargest(w, rows, axis, places)]);
  return [w.reshape(w.op('Where', [hot, w.float(1), w.float(0)]), shape)];
};

/** Elements taken one after the other: each takes nine operators over the whole axis. */
const mostTaken = 256;

/** The K first elements in descending (or ascending) order, one after the other; what is taken gets a place that no search finds. */
const topK: Rule = (w, node) => {
  const [x = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || out === undefined || w.shape(out).includes(0)) return null;
  const no = cannotCompare(w, x);
  if (no !== null) return no;
  const rank = w.shape(x).length;
  const axis = (attributeInt(node, 'axis', -1) + rank) % Math.max(1, rank);
  const count = w.shape(out)[axis] ?? 1;
  if (count > mostTaken)
    return {
      reason: `it takes ${count} elements, one after the other`,
      limit: { what: 'K', actual: String(count), allowed: String(mostTaken) },
    };
  // NaN ranks with infinity.
  const numbers = isFloat(w.value(x).type.dtype) ? w.op('Where', [w.op('IsNaN', [x]), w.float(Infinity), x]) : x;
  const all = positions(w, rank, axis, w.shape(x)[axis] ?? 1);
  let rest = descending(w, numbers, attributeInt(node, 'largest', 1) !== 0);
  // What stands for elements taken: a number among the others, so that int8 programs need no other scale for it.
  const least = w.op('ReduceMin', [numbers, w.ints([axis])]);
  const last = rest === numbers ? least : w.op('ReduceMin', [rest, w.ints([axis])]);
  let places = all;
  const values: ValueId[] = [];
  const indices: ValueId[] = [];
  for (let i = 0; i < count; i++) {
    const place = placeOfLargest(w, rest, axis, places);
    const taken = w.op('Equal', [all, place]);
    indices.push(place);
    values.push(w.op('ReduceMax', [w.op('Where', [taken, x, least]), w.ints([axis])]));
    if (i + 1 === count) break;
    rest = w.op('Where', [taken, last, rest]);
    places = w.op('Where', [taken, wholeNumbers(w, [], [beyond]), places]);
  }
  return [w.concat(values, axis), w.op('Cast', [w.concat(indices, axis)], { to: dtypeCode('int64') })].slice(0, node.outputs.length);
};

export const rankingRules: Rules = { ArgMax: argument(true), ArgMin: argument(false), Hardmax: hardmax, TopK: topK };
