/** Multidirectional (numpy) broadcasting: of types, and as rows of a loop. */
import { rowMajorStrides } from '../../core/index.ts';
import { equalDim, maxDim, type Dim } from '../dim.ts';
import { misfit, printShape, type OpContext } from './op-def.ts';

/**
 * The common shape. A symbol against a number other than 1 takes the number, which it must be or be 1; of two symbols the
 * larger, since they are equal or one is 1. Bound shapes are checked again.
 */
export function broadcastShapes(context: OpContext, shapes: readonly (readonly Dim[])[]): Dim[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const result = new Array<Dim>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const at = rank - shape.length + i;
      const a = result[at] ?? 1;
      const b = shape[i] ?? 1;
      if (a === 1) result[at] = b;
      else if (b === 1 || equalDim(a, b)) continue;
      else if (typeof a === 'number' && typeof b === 'number') {
        misfit(
          context,
          `the shapes ${shapes.map(printShape).join(' and ')} do not broadcast: ${a} against ${b}`,
          'Sizes along an axis must be equal, or 1',
        );
      } else if (typeof b === 'number') result[at] = b;
      else if (typeof a !== 'number') result[at] = maxDim(a, b);
    }
  }
  return result;
}

/** Reports an operand that does not broadcast to `shape` as it is. `what` names it. */
export function checkBroadcastsTo(context: OpContext, shape: readonly Dim[], operand: readonly Dim[], what: string): void {
  const shift = shape.length - operand.length;
  const fits = operand.every((d, i) => {
    if (i + shift < 0) return d === 1;
    const whole = shape[i + shift] ?? 1;
    return d === 1 || typeof d !== 'number' || typeof whole !== 'number' || d === whole;
  });
  if (!fits) misfit(context, `${what} ${printShape(operand)} does not broadcast to ${printShape(shape)}`);
}

/** A loop over `shape` as rows along the last axes: row r of input i starts at base[i][r] and advances by step[i]. */
export interface BroadcastRows {
  readonly rows: number;
  readonly length: number;
  readonly base: readonly Int32Array[];
  readonly step: readonly number[];
}

/** Joins axes that every input walks contiguously (or not at all), so that equal shapes become one row. */
export function broadcastRows(shape: readonly number[], inputs: readonly (readonly number[])[]): BroadcastRows {
  const strides = inputs.map((s) => {
    const own = rowMajorStrides(s);
    return shape.map((_, axis) => {
      const i = axis - (shape.length - s.length);
      return i < 0 || s[i] === 1 ? 0 : (own[i] ?? 0);
    });
  });
  const extents: number[] = [];
  const steps: number[][] = strides.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    const extent = shape[axis] ?? 1;
    if (extent === 1) continue;
    const last = extents.length - 1;
    const joins = last >= 0 && strides.every((s, i) => (steps[i]?.[last] ?? 0) === (s[axis] ?? 0) * extent);
    if (joins) {
      extents[last] = (extents[last] ?? 1) * extent;
      strides.forEach((s, i) => {
        const own = steps[i];
        if (own !== undefined) own[last] = s[axis] ?? 0;
      });
    } else {
      extents.push(extent);
      strides.forEach((s, i) => steps[i]?.push(s[axis] ?? 0));
    }
  }
  const length = extents.pop() ?? 1;
  const step = steps.map((s) => (s.length > extents.length ? (s.pop() ?? 0) : 0));
  const rows = extents.reduce((n, e) => n * e, 1);
  const base = steps.map((own) => {
    const starts = new Int32Array(rows);
    const index = new Array<number>(extents.length).fill(0);
    let at = 0;
    for (let r = 0; r < rows; r++) {
      starts[r] = at;
      for (let axis = extents.length - 1; axis >= 0; axis--) {
        const i = (index[axis] ?? 0) + 1;
        at += own[axis] ?? 0;
        if (i < (extents[axis] ?? 1)) {
          index[axis] = i;
          break;
        }
        at -= i * (own[axis] ?? 0);
        index[axis] = 0;
      }
    }
    return starts;
  });
  return { rows, length, base, step };
}
