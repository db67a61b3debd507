/** Moves whose sizes are known and whose numbers are not: crops, pads, one-hot rows, grids of positions. */
import { attributeInt, attributeString } from '../../graph/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import { longestAxis } from '../kernels/move-axes.ts';
import { constantInts } from '../kernels/values.ts';
import { dtypeCode } from './float-types.ts';
import type { Rule, Rules } from './rule.ts';

/** The middle of each axis, or each axis in the middle of zeros. */
const centerCropPad: Rule = (w, node) => {
  const [x = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || out === undefined) return null;
  const [from, to] = [w.shape(x), w.shape(out)];
  const cropped = to.reduce((at, size, i) => {
    const own = from[i] ?? 1;
    const start = Math.floor((own - size) / 2);
    return size >= own ? at : w.slice(at, i, start, start + size);
  }, x);
  const before = to.map((size, i) => Math.max(0, Math.floor((size - (from[i] ?? 1)) / 2)));
  const after = to.map((size, i) => Math.max(0, size - (from[i] ?? 1) - (before[i] ?? 0)));
  const pads = [...before, ...after];
  return [pads.every((p) => p === 0) ? w.op('Identity', [cropped]) : w.op('Pad', [cropped, w.ints(pads)])];
};

/** Padding with a number of the run: it is spread over the borders of each axis, which are put around. */
const pad: Rule = (w, node) => {
  const [x = null, amounts = null, value = null, axesId = null] = node.inputs;
  if (x === null || amounts === null || value === null || w.isConstant(value)) return null;
  if (attributeString(node, 'mode', 'constant') !== 'constant') return null;
  const rank = w.shape(x).length;
  const pads = constantInts(w.value(amounts));
  const listed = axesId === null ? w.shape(x).map((_, i) => i) : constantInts(w.value(axesId));
  if (pads === null || listed === null) return { reason: 'its pads or axes are computed at run time' };
  return [
    listed.reduce((at, given, i) => {
      const axis = (given + rank) % rank;
      const [before = 0, after = 0] = [pads[i], pads[i + listed.length]];
      const kept = w.slice(at, axis, Math.max(0, -before), (w.shape(at)[axis] ?? 1) + Math.min(0, after));
      const border = (size: number): ValueId[] =>
        size <= 0 ? [] : [w.op('Expand', [value, w.ints(w.shape(kept).map((d, a) => (a === axis ? size : d)))])];
      return w.concat([...border(before), kept, ...border(after)], axis);
    }, x),
  ];
};

/** Rows of an off value with an on value where the index says: each place compared with the index, counted from either end. */
const oneHot: Rule = (w, node) => {
  const [indices = null, , values = null] = node.inputs;
  const [out] = node.outputs;
  if (indices === null || values === null || out === undefined || w.shape(out).includes(0)) return null;
  const shape = w.shape(out);
  const rank = shape.length;
  const axis = (attributeInt(node, 'axis', -1) + rank) % rank;
  const depth = shape[axis] ?? 1;
  if (depth > longestAxis) return { reason: `its rows have ${depth} elements` };
  if (w.shape(values).join() !== '2') return { reason: 'it is not given two values, off and on' };
  const { dtype } = w.value(indices).type;
  const whole = dtype === 'int32' ? indices : w.op('Cast', [indices], { to: dtypeCode('int32') });
  const given = w.reshape(whole, [...shape.slice(0, axis), 1, ...shape.slice(axis + 1)]);
  const count = (first: number): ValueId =>
    w.tensor({
      dtype: 'int32',
      shape: shape.map((_, i) => (i === axis ? depth : 1)),
      data: Int32Array.from({ length: depth }, (_, i) => first + i),
    });
  const hot = w.op('Or', [w.op('Equal', [given, count(0)]), w.op('Equal', [given, count(-depth)])]);
  const [off, on] = [0, 1].map((i) => w.reshape(w.slice(values, 0, i, i + 1), []));
  return off === undefined || on === undefined ? null : [w.op('Where', [hot, on, off])];
};

/** theta · (x, y, …, 1) for each position of the grid: the coordinates are constants. */
const affineGrid: Rule = (w, node) => {
  const [theta = null] = node.inputs;
  const [out] = node.outputs;
  if (theta === null || out === undefined || w.shape(out).includes(0)) return null;
  const [batch = 1, ...rest] = w.shape(out);
  const sizes = rest.slice(0, -1);
  const spatial = sizes.length;
  if (sizes.some((size) => size > longestAxis)) return { reason: `it has ${Math.max(...sizes)} positions along an axis` };
  const corners = attributeInt(node, 'align_corners', 0) !== 0;
  const terms = Array.from({ length: spatial + 1 }, (_, k) => {
    // Row r of theta makes coordinate r.
    const column = w.reshape(w.slice(theta, 2, k, k + 1), [batch, ...sizes.map(() => 1), spatial]);
    if (k === spatial) return column;
    const axis = spatial - 1 - k;
    const size = sizes[axis] ?? 1;
    const at = Float32Array.from({ length: size }, (__, i) =>
      corners ? (size === 1 ? -1 : -1 + (2 * i) / (size - 1)) : -1 + (2 * i + 1) / size,
    );
    const places = w.tensor({ dtype: 'float32', shape: [1, ...sizes.map((_s, i) => (i === axis ? size : 1)), 1], data: at });
    return w.op('Mul', [column, places]);
  });
  const sum = terms.reduce((a, b) => w.op('Add', [a, b]));
  // The last term alone does not know the grid.
  return [w.shape(sum).join() === w.shape(out).join() ? sum : w.op('Expand', [sum, w.ints(w.shape(out))])];
};

/** Ones on a diagonal, whatever the operand holds. */
const eyeLike: Rule = (w, node) => {
  const [out] = node.outputs;
  if (out === undefined) return null;
  const [rows = 0, columns = 0] = w.shape(out);
  const k = attributeInt(node, 'k', 0);
  if (rows * columns > 65_536) return null;
  const data = Float32Array.from({ length: rows * columns }, (_, i) => ((i % columns) - Math.floor(i / columns) === k ? 1 : 0));
  const { dtype } = w.value(out).type;
  const eye = w.tensor({ dtype: 'float32', shape: [rows, columns], data });
  return [dtype === 'float32' ? eye : w.op('Cast', [eye], { to: dtypeCode(dtype) })];
};

export const placingRules: Rules = { CenterCropPad: centerCropPad, Pad: pad, OneHot: oneHot, AffineGrid: affineGrid, EyeLike: eyeLike };
