/** Resize and Upsample: weighted sums of neighbours, axis after axis, in the order of the definition. */
import { integerRange, isFloat, type DType } from '../../core/index.ts';
import { attributeString, constantOf, resizeSums, type AxisSums, type ResizeSums } from '../../graph/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import { longestAxis, segmentsOf } from '../kernels/move-axes.ts';
import { dtypeCode } from './float-types.ts';
import { mostPieces } from './lookups.ts';
import type { Rule, Rules } from './rule.ts';
import type { Writer } from './writer.ts';

/** From so many pieces of a move on, an enlargement by a whole number is written phase by phase. */
const fewPieces = 8;
const mostPhases = 16;

/**
 * y[i] = Σ over k of w[i, k] · x[index[i, k]] along each axis:
 *
 *     %t0 = Mul(Gather(%x, indices of tap 0), weights of tap 0),  %y = Add(Add(%t0, %t1), …)
 */
const resize: Rule = (w, node) => {
  const [x = null, ...rest] = node.inputs;
  const [out] = node.outputs;
  if (x === null || out === undefined) return null;
  const shape = w.shape(out);
  if (w.shape(x).includes(0) || shape.includes(0)) return null;
  const operands = rest.map((id) => {
    if (id === null) return null;
    const { constant, type, name } = w.value(id);
    return constant === null || constant.kind === 'absent' ? undefined : constantOf(type, constant, name, node.name);
  });
  if (!operands.every((o) => o !== undefined)) return { reason: 'its scales or sizes are computed at run time' };
  const longest = Math.max(...shape);
  if (longest > longestAxis) return { reason: `an axis of ${longest} elements has no form as data movement` };
  const { dtype } = w.value(x).type;
  if (attributeString(node, 'mode', 'nearest') === 'nearest')
    return picked(w, x, resizeSums(node, w.opset, { dtype, shape: w.shape(x) }, operands, shape));
  const real = isFloat(dtype) ? x : w.op('Cast', [x], { to: dtypeCode('float32') });
  const sums = resizeSums(node, w.opset, { dtype, shape: w.shape(x) }, operands, shape);
  const result = sums.axes.reduce(
    (at, axis, i) => (axis === null ? at : outside(w, interpolated(w, at, i, axis), i, axis, sums.extrapolation)),
    real,
  );
  return [isFloat(dtype) ? result : rounded(w, result, dtype)];
};

/** What takes the nearest element is one move; where that would be too many pieces, a move for each axis. */
function picked(w: Writer, x: ValueId, { axes, extrapolation }: ResizeSums): readonly ValueId[] | null {
  const maps = axes.map((axis) => axis?.indices.map((at, i) => (axis.outside[i] === true ? -1 : at)) ?? []);
  const pieces = maps.reduce((n, map) => n * Math.max(1, segmentsOf(map).length), 1);
  if (pieces <= mostPieces || axes.some((axis) => axis?.outside.includes(true) === true && !isFloat(w.value(x).type.dtype))) return null;
  return [
    axes.reduce((at, axis, i) => {
      const isSame = axis === null || axis.indices.every((from, to) => from === to && axis.outside.length === w.shape(at)[i]);
      return isSame || axis === null ? at : outside(w, w.op('Gather', [at, w.ints(axis.indices)], { axis: i }), i, axis, extrapolation);
    }, x),
  ];
}

/** Along one axis. */
function interpolated(w: Writer, x: ValueId, axis: number, sums: AxisSums): ValueId {
  const byPhases = phases(w, x, axis, sums);
  if (byPhases !== null) return byPhases;
  const rank = w.shape(x).length;
  const count = sums.outside.length;
  const shape = Array.from({ length: rank }, (_, i) => (i === axis ? count : 1));
  const terms = Array.from({ length: sums.taps }, (_, k) => ({
    indices: Array.from({ length: count }, (__, i) => sums.indices[i * sums.taps + k] ?? 0),
    weights: Float32Array.from({ length: count }, (__, i) => sums.weights[i * sums.taps + k] ?? 0),
  })).filter((t) => t.weights.some((v) => v !== 0));
  return sum(
    w,
    terms.map(({ indices, weights }) =>
      w.op('Mul', [w.op('Gather', [x, w.ints(indices)], { axis }), w.tensor({ dtype: 'float32', shape, data: weights })]),
    ),
  );
}

function sum(w: Writer, terms: readonly ValueId[]): ValueId {
  const [first, ...rest] = terms;
  if (first === undefined) throw new Error('a sum of nothing');
  return rest.reduce((total, term) => w.op('Add', [total, term]), first);
}

/**
 * An axis that grows by a whole number: outputs i = f · m + p of one phase p read neighbours at a fixed distance from m, with the same weights.
 * The phases are computed over the axis as it is, its edges repeated, and put side by side. null where that is not so.
 */
function phases(w: Writer, x: ValueId, axis: number, sums: AxisSums): ValueId | null {
  const extent = w.shape(x)[axis] ?? 1;
  const factor = sums.outside.length / extent;
  if (!Number.isInteger(factor) || factor < 2 || factor > mostPhases || extent <= fewPieces) return null;
  const { taps, indices, weights } = sums;
  const at = (m: number, p: number, k: number): number => (m * factor + p) * taps + k;
  // In the middle nothing is clamped.
  const middle = Math.floor(extent / 2);
  const plan = Array.from({ length: factor }, (_, p) =>
    Array.from({ length: taps }, (__, k) => ({
      offset: (indices[at(middle, p, k)] ?? 0) - middle,
      weight: weights[at(middle, p, k)] ?? 0,
    })),
  );
  const regular = plan.every((of, p) =>
    of.every(({ offset, weight }, k) => {
      for (let m = 0; m < extent; m++) {
        const clamped = Math.min(Math.max(m + offset, 0), extent - 1);
        if ((weights[at(m, p, k)] ?? 0) !== weight || (weight !== 0 && indices[at(m, p, k)] !== clamped)) return false;
      }
      return true;
    }),
  );
  if (!regular) return null;
  const used = plan.flatMap((of) => of.filter((t) => t.weight !== 0).map((t) => t.offset));
  const before = Math.max(0, -Math.min(...used));
  const after = Math.max(0, Math.max(...used));
  const rank = w.shape(x).length;
  const pads = (n: number): number[] => Array.from({ length: rank }, (_, i) => (i === axis ? n : 0));
  const wide = before + after === 0 ? x : w.op('Pad', [x, w.ints([...pads(before), ...pads(after)])], { mode: 'edge' });
  const parts = plan.map((of) => {
    const terms = of
      .filter((t) => t.weight !== 0)
      .map(({ offset, weight }) => w.op('Mul', [w.slice(wide, axis, before + offset, before + offset + extent), w.float(weight)]));
    const shape = w.shape(x);
    return w.reshape(sum(w, terms), [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
  });
  const shape = w.shape(x).map((d, i) => (i === axis ? d * factor : d));
  return w.reshape(w.concat(parts, axis + 1), shape);
}

/** Where tf_crop_and_resize leaves the image, its extrapolation value. */
function outside(w: Writer, x: ValueId, axis: number, sums: AxisSums, value: number): ValueId {
  if (!sums.outside.includes(true)) return x;
  const shape = w.shape(x).map((d, i) => (i === axis ? d : 1));
  const mask = w.tensor({ dtype: 'bool', shape, data: Uint8Array.from(sums.outside, Number) });
  return w.op('Where', [mask, w.float(value), x]);
}

/** The nearest integers, ties to even, saturating. */
function rounded(w: Writer, x: ValueId, dtype: DType): ValueId {
  const [lo, hi] = integerRange(dtype);
  return w.op('Cast', [w.op('Clip', [w.op('Round', [x]), w.float(lo), w.float(hi)])], { to: dtypeCode(dtype) });
}

export const resizeRules: Rules = { Resize: resize, Upsample: resize };
