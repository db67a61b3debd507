/** Windows taken apart into their taps: pooling with positions, by norm, and images put together from blocks. */
import { elementCount, integerRange, isFloat } from '../../core/index.ts';
import { attributeFloat, attributeInt, attributeInts, attributeString } from '../../graph/index.ts';
import type { Node, ValueId } from '../../graph/ir.ts';
import { dtypeCode } from './float-types.ts';
import type { Rule, Rules } from './rule.ts';
import type { Writer } from './writer.ts';

/** Elements whose places are written out as a constant. */
const largestPlanes = 2 ** 24;

/** Each tap is a move and a few operators over the whole output. */
const mostTaps = 256;

interface Taps {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begin: readonly number[];
  /** So many that the last window ends where they do. */
  readonly end: readonly number[];
}

function tapsOf(w: Writer, node: Node, x: ValueId, out: ValueId): Taps {
  const spatial = w.shape(x).slice(2);
  const ones = spatial.map(() => 1);
  const kernel = attributeInts(node, 'kernel_shape', spatial);
  const strides = attributeInts(node, 'strides', ones);
  const dilations = attributeInts(node, 'dilations', ones);
  const auto = attributeString(node, 'auto_pad', 'NOTSET');
  const pads = auto === 'VALID' ? [] : attributeInts(node, 'pads', []);
  const covered = spatial.map(
    (_, i) => ((w.shape(out)[2 + i] ?? 1) - 1) * (strides[i] ?? 1) + ((kernel[i] ?? 1) - 1) * (dilations[i] ?? 1) + 1,
  );
  const begin = spatial.map((extent, i) => {
    const total = Math.max(0, (covered[i] ?? 1) - extent);
    return auto === 'SAME_UPPER' ? Math.floor(total / 2) : auto === 'SAME_LOWER' ? Math.ceil(total / 2) : (pads[i] ?? 0);
  });
  const end = spatial.map((extent, i) => Math.max(0, (covered[i] ?? 1) - extent - (begin[i] ?? 0)));
  return { kernel, strides, dilations, begin, end };
}

/** Every position of a kernel, the last axis fastest. */
function positionsOf(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<readonly (readonly number[])[]>(
    (all, k) => all.flatMap((p) => Array.from({ length: k }, (_, i) => [...p, i])),
    [[]],
  );
}

function tooManyTaps(count: number): {
  readonly reason: string;
  readonly limit: { readonly what: string; readonly actual: string; readonly allowed: string };
} {
  return { reason: `its window has ${count} taps`, limit: { what: 'taps of a window', actual: String(count), allowed: String(mostTaps) } };
}

/** What one tap sees of a padded image, for all windows. */
function seenBy(w: Writer, padded: ValueId, tap: readonly number[], t: Taps, out: readonly number[]): ValueId {
  return tap.reduce((x, k, i) => {
    const from = k * (t.dilations[i] ?? 1);
    const step = t.strides[i] ?? 1;
    return w.slice(x, 2 + i, from, from + ((out[2 + i] ?? 1) - 1) * step + 1, step);
  }, padded);
}

function padded(w: Writer, x: ValueId, t: Taps, value: ValueId | null): ValueId {
  if ([...t.begin, ...t.end].every((p) => p === 0)) return x;
  const pads = w.ints([0, 0, ...t.begin, 0, 0, ...t.end]);
  return w.op('Pad', value === null ? [x, pads] : [x, pads, value]);
}

/** The largest of each window and where it lies: tap after tap, the first of equals. Positions run as in a constant that is padded and cut alike. */
const maxPool: Rule = (w, node) => {
  const [x = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || out === undefined || node.outputs.length < 2) return null;
  const { dtype } = w.value(x).type;
  if (!isFloat(dtype) && !['int8', 'uint8'].includes(dtype))
    return { reason: `its second output, the indices, is read, and its elements are ${dtype}` };
  const t = tapsOf(w, node, x, out);
  const taps = positionsOf(t.kernel);
  if (taps.length > mostTaps) return tooManyTaps(taps.length);
  const [batch = 1, channels = 1, ...spatial] = w.shape(x);
  const plane = elementCount(spatial);
  if (batch * channels * plane > largestPlanes) return { reason: 'its second output, the indices, counts too many elements' };
  const real = isFloat(dtype) ? x : w.op('Cast', [x], { to: dtypeCode('float32') });
  const lowest = isFloat(dtype) ? -Infinity : integerRange(dtype)[0];
  const image = padded(w, real, t, w.float(lowest));
  const columns = attributeInt(node, 'storage_order', 0) === 1;
  const flat = Int32Array.from({ length: plane }, (_, i) => (columns ? columnMajor(i, spatial) : i));
  const where = padded(w, w.tensor({ dtype: 'int32', shape: [1, 1, ...spatial], data: flat }), t, null);
  const shape = w.shape(out);
  let best: ValueId | null = null;
  let at: ValueId | null = null;
  for (const tap of taps) {
    const value = seenBy(w, image, tap, t, shape);
    const position = seenBy(w, where, tap, t, shape);
    if (best === null || at === null) {
      [best, at] = [value, position];
      continue;
    }
    const larger = w.op('Greater', [value, best]);
    at = w.op('Where', [larger, position, at]);
    best = w.op('Where', [larger, value, best]);
  }
  if (best === null || at === null) return null;
  const base = Int32Array.from({ length: batch * channels }, (_, i) => i * plane);
  const first = w.tensor({ dtype: 'int32', shape: [batch, channels, ...spatial.map(() => 1)], data: base });
  const indices = w.op('Cast', [w.op('Add', [first, at])], { to: dtypeCode('int64') });
  const { kernel_shape: _, storage_order: __, ...rest } = node.attributes;
  return [w.op('MaxPool', [x], { ...plain(rest), kernel_shape: t.kernel }), indices];
};

/** Attributes of a written node: whole numbers, lists of them, text. */
function plain(attributes: Node['attributes']): Readonly<Record<string, number | string | readonly number[]>> {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, a]) =>
      a.kind === 'int' || a.kind === 'ints' || a.kind === 'string' ? [[name, a.value]] : [],
    ),
  );
}

function columnMajor(flat: number, spatial: readonly number[]): number {
  let rest = flat;
  let result = 0;
  for (let axis = spatial.length - 1; axis >= 0; axis--) {
    const extent = spatial[axis] ?? 1;
    result += (rest % extent) * elementCount(spatial.slice(0, axis));
    rest = Math.floor(rest / extent);
  }
  return result;
}

/** (Σ |x|^p)^(1/p), the sum tap after tap; padding is 0. */
const lpPool: Rule = (w, node) => {
  const [x = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || out === undefined || w.shape(x).includes(0)) return null;
  const p = attributeFloat(node, 'p', attributeInt(node, 'p', 2));
  const power = (v: ValueId, to: number): ValueId => (to === 1 ? v : to === 0.5 ? w.op('Sqrt', [v]) : w.op('Pow', [v, w.float(to)]));
  const size = p === 1 ? w.op('Abs', [x]) : p === 2 ? w.op('Mul', [x, x]) : power(w.op('Abs', [x]), p);
  const t = tapsOf(w, node, x, out);
  const shape = w.shape(out);
  if (node.op === 'GlobalLpPool') {
    const axes = w
      .shape(x)
      .slice(2)
      .map((_, i) => i + 2);
    // A ReduceSum over no axes would be one over all of them.
    const sum = axes.length === 0 ? size : w.op('ReduceSum', [size, w.ints(axes)], { keepdims: 1 });
    return [power(sum, 1 / p)];
  }
  const taps = positionsOf(t.kernel);
  if (taps.length > mostTaps) return tooManyTaps(taps.length);
  const image = padded(w, size, t, null);
  const sum = taps.map((tap) => seenBy(w, image, tap, t, shape)).reduce((a, b) => w.op('Add', [a, b]));
  return [power(sum, 1 / p)];
};

/** Blocks put back where they came from, those that overlap added: each tap's elements spread by the strides, among zeros. */
const columnsToImage: Rule = (w, node) => {
  const [x = null, , block = null] = node.inputs;
  const [out] = node.outputs;
  const kernel = w.numbers(block);
  if (x === null || out === undefined || w.shape(x).includes(0)) return null;
  if (kernel === null) return { reason: 'the size of its blocks is computed at run time' };
  const [batch = 1, channels = 1, ...image] = w.shape(out);
  const ones = image.map(() => 1);
  const strides = attributeInts(node, 'strides', ones);
  const dilations = attributeInts(node, 'dilations', ones);
  const pads = attributeInts(
    node,
    'pads',
    image.flatMap(() => [0, 0]),
  );
  const rank = image.length;
  const counts = image.map((extent, i) =>
    Math.floor(
      (extent + (pads[i] ?? 0) + (pads[rank + i] ?? 0) - ((kernel[i] ?? 1) - 1) * (dilations[i] ?? 1) - 1) / (strides[i] ?? 1) + 1,
    ),
  );
  const taps = positionsOf(kernel);
  if (taps.length > mostTaps) return tooManyTaps(taps.length);
  const blocks = w.reshape(x, [batch, channels, taps.length, ...counts]);
  const places = taps.map((tap, k) => {
    const mine = w.reshape(w.slice(blocks, 2, k, k + 1), [batch, channels, ...counts]);
    return tap.reduce((at, position, i) => {
      const first = position * (dilations[i] ?? 1) - (pads[i] ?? 0);
      return placed(w, at, 2 + i, first, strides[i] ?? 1, image[i] ?? 1);
    }, mine);
  });
  return [places.reduce((a, b) => w.op('Add', [a, b]))];
};

/** Entries of an axis put at first, first + step, … of an axis of `extent` zeros; what lies outside is dropped. */
function placed(w: Writer, x: ValueId, axis: number, first: number, step: number, extent: number): ValueId {
  const shape = w.shape(x);
  const count = shape[axis] ?? 1;
  const pads = (rank: number, at: number, before: number, after: number): ValueId =>
    w.ints([
      ...Array.from({ length: rank }, (_, i) => (i === at ? before : 0)),
      ...Array.from({ length: rank }, (_, i) => (i === at ? after : 0)),
    ]);
  let spread = x;
  if (step > 1) {
    const apart = w.reshape(x, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
    const wide = w.op('Pad', [apart, pads(shape.length + 1, axis + 1, 0, step - 1)]);
    spread = w.reshape(wide, [...shape.slice(0, axis), count * step, ...shape.slice(axis + 1)]);
  }
  const end = extent - first - count * step;
  return first === 0 && end === 0 ? spread : w.op('Pad', [spread, pads(shape.length, axis, first, end)]);
}

export const windowRules: Rules = { LpPool: lpPool, GlobalLpPool: lpPool, Col2Im: columnsToImage };

/** A pool that tells where its maxima lie. */
export const poolWithPositions: Rule = maxPool;
