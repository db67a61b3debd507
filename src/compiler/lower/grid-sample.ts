/** GridSample: positions become indices and weights of neighbours, which are looked up and added, in the order and rounding of the definition. */
import { elementCount } from '../../core/index.ts';
import { attributeInt, attributeString } from '../../graph/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import { dtypeCode } from './float-types.ts';
import { wholeNumbers } from './ranking.ts';
import type { Rule, Rules } from './rule.ts';
import type { Writer } from './writer.ts';

type Padding = 'zeros' | 'border' | 'reflection';

interface Sampling {
  readonly mode: 'linear' | 'nearest' | 'cubic';
  readonly padding: Padding;
  readonly alignCorners: boolean;
}

/** One neighbour along one axis: its index as a float (outside of the axis where there is none), and its weight; null: 1. */
export interface Neighbour {
  readonly index: ValueId;
  readonly weight: ValueId | null;
}

/** fp32 holds whole numbers up to here. */
export const largestWhole: number = 2 ** 24;

const gridSample: Rule = (w, node) => {
  const [x = null, grid = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || grid === null || out === undefined || w.shape(x).includes(0) || w.shape(out).includes(0)) return null;
  const [batch = 1, channels = 1, ...sizes] = w.shape(x);
  const rank = sizes.length;
  const plane = elementCount(sizes);
  const count = elementCount(w.shape(out).slice(2));
  if (plane >= largestWhole) return { reason: 'its image has more positions than fp32 counts' };
  const given = attributeString(node, 'mode', 'linear');
  const mode = given === 'nearest' ? 'nearest' : given === 'cubic' || given === 'bicubic' ? 'cubic' : 'linear';
  const padding = attributeString(node, 'padding_mode', 'zeros');
  const s: Sampling = {
    mode,
    padding: padding === 'border' || padding === 'reflection' ? padding : 'zeros',
    alignCorners: attributeInt(node, 'align_corners', 0) !== 0,
  };
  const positions = w.reshape(grid, [batch, 1, count, rank]);
  // Coordinates stand in the order x, y, z; axes in the order z, y, x.
  const axes = sizes.map((size, i) => {
    const at = rank - 1 - i;
    const coordinate = w.reshape(w.slice(positions, 3, at, at + 1), [batch, 1, count]);
    return neighbours(w, coordinate, size, s);
  });
  const image = w.reshape(x, [batch, channels, plane]);
  return [w.reshape(sampled(w, image, axes, sizes), w.shape(out))];
};

/** The sum over all neighbours. @param image  [batch, channels, plane] at positions [batch, 1, count] */
export function sampled(w: Writer, image: ValueId, axes: readonly (readonly Neighbour[])[], sizes: readonly number[]): ValueId {
  return combinations(axes)
    .map((taps) => sample(w, image, taps, sizes))
    .reduce((a, b) => w.op('Add', [a, b]));
}

/** One neighbour along every axis: its element times its weight. */
function sample(w: Writer, image: ValueId, taps: readonly Neighbour[], sizes: readonly number[]): ValueId {
  let flat: ValueId | null = null;
  let inside: ValueId | null = null;
  let weight: ValueId | null = null;
  let stride = 1;
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    const size = sizes[axis] ?? 1;
    const tap = taps[axis];
    if (tap === undefined) continue;
    const fits = w.op('And', [w.op('GreaterOrEqual', [tap.index, w.float(0)]), w.op('LessOrEqual', [tap.index, w.float(size - 1)])]);
    const step = stride === 1 ? tap.index : w.op('Mul', [tap.index, w.float(stride)]);
    flat = flat === null ? step : w.op('Add', [flat, step]);
    inside = inside === null ? fits : w.op('And', [inside, fits]);
    if (tap.weight !== null) weight = weight === null ? tap.weight : w.op('Mul', [weight, tap.weight]);
    stride *= size;
  }
  if (flat === null || inside === null) throw new Error('an image without axes');
  const index = w.op('Where', [inside, w.op('Cast', [flat], { to: dtypeCode('int32') }), wholeNumbers(w, [], [-1])]);
  const element = w.op('systole.Lookup', [image, index], { axis: 2 });
  return weight === null ? element : w.op('Mul', [element, weight]);
}

/** Every choice of one from each list, the last list fastest. */
function combinations(lists: readonly (readonly Neighbour[])[]): readonly (readonly Neighbour[])[] {
  return lists.reduce<readonly (readonly Neighbour[])[]>((all, list) => all.flatMap((taken) => list.map((one) => [...taken, one])), [[]]);
}

function neighbours(w: Writer, coordinate: ValueId, size: number, s: Sampling): readonly Neighbour[] {
  const [low, high] = s.alignCorners ? [0, size - 1] : [-0.5, size - 0.5];
  const shifted = w.op('Add', [coordinate, w.float(1)]);
  const half = w.float(0.5);
  const position = s.alignCorners
    ? w.op('Mul', [w.op('Mul', [shifted, half]), w.float(size - 1)])
    : w.op('Mul', [w.op('Sub', [w.op('Mul', [shifted, w.float(size)]), w.float(1)]), half]);
  // Of a cubic only the taps stop at the border, as in the evaluator.
  const padding = s.mode === 'cubic' && s.padding === 'border' ? 'zeros' : s.padding;
  const x = within(w, s.mode === 'nearest' ? w.op('Round', [position]) : position, low, high, size, padding);
  const at = (index: ValueId): ValueId => {
    if (s.padding === 'zeros') return index;
    // Mirrored positions of whole numbers may lie half a step away: cut towards zero.
    const mirrored = s.padding === 'border' ? index : cut(w, reflected(w, index, low, high));
    const clamped = w.op('Clip', [mirrored, w.float(0), w.float(size - 1)]);
    return s.padding === 'border' ? clamped : w.op('Where', [isBetween(w, index, 0, size - 1), index, clamped]);
  };
  if (s.mode === 'nearest') return [{ index: at(x), weight: null }];
  if (s.mode === 'linear') return linearNeighbours(w, x, at);
  const base = w.op('Floor', [x]);
  const fraction = w.op('Sub', [x, base]);
  const next = (k: number): ValueId => at(k === 0 ? base : w.op('Add', [base, w.float(k)]));
  return [-1, 0, 1, 2].map((k) => ({ index: next(k), weight: cubicTap(w, fraction, k) }));
}

/** The whole numbers on both sides of a position, the nearer one with the greater weight. @param at  where an index outside reads */
export function linearNeighbours(w: Writer, x: ValueId, at: (index: ValueId) => ValueId = (index) => index): readonly Neighbour[] {
  const base = w.op('Floor', [x]);
  const fraction = w.op('Sub', [x, base]);
  return [
    { index: at(base), weight: w.op('Sub', [w.float(1), fraction]) },
    { index: at(w.op('Add', [base, w.float(1)])), weight: fraction },
  ];
}

/** Keys' kernel with slope -3/4 at 1: one polynomial for the two taps around the position, another for those beyond. */
function cubicTap(w: Writer, fraction: ValueId, k: number): ValueId {
  const x = w.op('Abs', [k === 0 ? fraction : w.op('Sub', [fraction, w.float(k)])]);
  if (k === 0 || k === 1) {
    const inner = w.op('Mul', [w.op('Sub', [w.op('Mul', [w.float(1.25), x]), w.float(2.25)]), x]);
    return w.op('Add', [w.op('Mul', [inner, x]), w.float(1)]);
  }
  const inner = w.op('Mul', [w.op('Add', [w.op('Mul', [w.op('Sub', [x, w.float(5)]), x]), w.float(8)]), w.float(-0.75)]);
  return w.op('Add', [w.op('Mul', [inner, x]), w.float(3)]);
}

/** A position outside of the image as the padding has it. */
function within(w: Writer, x: ValueId, low: number, high: number, size: number, padding: Padding): ValueId {
  if (padding === 'zeros') return x;
  if (padding === 'reflection') return reflected(w, x, low, high);
  return w.op('Where', [isBetween(w, x, low, high), x, w.op('Clip', [x, w.float(0), w.float(size - 1)])]);
}

function isBetween(w: Writer, x: ValueId, low: number, high: number): ValueId {
  return w.op('And', [w.op('GreaterOrEqual', [x, w.float(low)]), w.op('LessOrEqual', [x, w.float(high)])]);
}

/** Mirrored at both borders until it lies between them. */
function reflected(w: Writer, x: ValueId, low: number, high: number): ValueId {
  const range = high - low;
  const zero = w.float(0);
  if (range <= 0) return w.op('Add', [w.op('Mul', [x, zero]), w.float(low)]);
  const before = w.op('Less', [x, w.float(low)]);
  const distance = w.op('Where', [before, w.op('Sub', [w.float(low), x]), w.op('Max', [w.op('Sub', [x, w.float(high)]), zero])]);
  const turns = w.op('Floor', [w.op('Div', [distance, w.float(range)])]);
  const rest = w.op('Sub', [distance, w.op('Mul', [turns, w.float(range)])]);
  const halves = w.op('Floor', [w.op('Mul', [turns, w.float(0.5)])]);
  const isEven = w.op('Equal', [turns, w.op('Mul', [halves, w.float(2)])]);
  // Behind the low border after an even number of turns, behind the high one after an odd one, it comes back from low.
  const fromHigh = w.op('Xor', [isEven, before]);
  const mirrored = w.op('Where', [fromHigh, w.op('Sub', [w.float(high), rest]), w.op('Add', [w.float(low), rest])]);
  return w.op('Where', [w.op('Equal', [distance, zero]), x, mirrored]);
}

/** Towards zero. */
function cut(w: Writer, x: ValueId): ValueId {
  const size = w.op('Floor', [w.op('Abs', [x])]);
  return w.op('Where', [w.op('Less', [x, w.float(0)]), w.op('Neg', [size]), size]);
}

export const gridSampleRules: Rules = { GridSample: gridSample };
