/** Operators that rank what they read: TopK, NonMaxSuppression, Hardmax. */
import { elementCount, type Tensor } from '../../core/index.ts';
import { minDim, mulDim, type Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { oneNumber } from './contents.ts';
import { floatsOf, numbersOf, pick, tensorOf } from './numbers.ts';
import {
  defineOp,
  hasInput,
  intAttribute,
  misfit,
  normalizeAxis,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type OpDef,
} from './op-def.ts';
import { axisRegion, inferAlongAxis } from './softmax.ts';

/** NaN counts as the largest; of two infinities the difference is NaN, and the lower index decides. */
function rank(x: number | undefined): number {
  return x === undefined || x !== x ? Infinity : x;
}

export const topK: OpDef = defineOp({
  name: 'TopK',
  since: [1, 10, 11, 24],
  kernelClass: 'host',
  attributes: { axis: -1, k: 'computed', largest: 1, sorted: 1 },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', -1), x.shape.length);
    const size = x.shape[axis] ?? 1;
    const k: Dim =
      context.node.attributes['k'] !== undefined
        ? intAttribute(context, 'k', 1)
        : (requiredType(context, 1, 'K'), oneNumber(context, 1, 'K') ?? context.unknownDim(size, 'the value of input 1 (K)'));
    if (typeof k === 'number' && typeof size === 'number' && k > size)
      misfit(context, `${k} elements are asked of axis ${axis}, which has ${size}`);
    const shape = x.shape.map((d, i) => (i === axis ? k : d));
    return [
      { dtype: x.dtype, shape },
      { dtype: 'int64', shape },
    ];
  },
  /** Of equal elements the one with the lower index comes first; results are sorted also where they need not be. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const type = outputType(context);
    const axis = normalizeAxis(context, intAttribute(context, 'axis', -1), x.shape.length);
    const size = x.shape[axis] ?? 1;
    const inner = elementCount(x.shape.slice(axis + 1));
    const outer = elementCount(x.shape.slice(0, axis));
    const k = type.shape[axis] ?? 1;
    const sign = intAttribute(context, 'largest', 1) !== 0 ? -1 : 1;
    const source = numbersOf(x);
    const from = new Int32Array(elementCount(type.shape));
    const indices = new Float64Array(from.length);
    const order = new Int32Array(size);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const start = o * size * inner + i;
        for (let n = 0; n < size; n++) order[n] = n;
        order.sort((a, b) => sign * (rank(source[start + a * inner]) - rank(source[start + b * inner])) || a - b);
        for (let n = 0; n < k; n++) {
          const at = (o * k + n) * inner + i;
          from[at] = start + (order[n] ?? 0) * inner;
          indices[at] = order[n] ?? 0;
        }
      }
    }
    return [pick(x, type.shape, from), tensorOf('int64', type.shape, indices)];
  },
});

/** 1 at the first largest element of each row (axis; before opset 13 everything behind the axis is one row), 0 elsewhere. */
export const hardmax: OpDef = defineOp({
  name: 'Hardmax',
  since: [1, 11, 13],
  kernelClass: 'host',
  attributes: { axis: 'computed' },
  infer: inferAlongAxis,
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const { outer, length, inner } = axisRegion(context, x.shape);
    const source = numbersOf(x);
    const out = new Float32Array(source.length);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner && length > 0; i++) {
        const start = o * length * inner + i;
        let best = start;
        for (let at = start; at < start + length * inner; at += inner) if ((source[at] ?? 0) > (source[best] ?? 0)) best = at;
        out[best] = 1;
      }
    }
    return [tensorOf(x.dtype, x.shape, out)];
  },
});

interface Suppression {
  readonly perClass: number;
  readonly overlap: number;
  /** null: every box is a candidate. */
  readonly score: number | null;
}

function suppression(inputs: readonly (Tensor | null)[]): Suppression {
  const number = (index: number): number | null => {
    const t = inputs[index] ?? null;
    return t === null ? null : (numbersOf(t)[0] ?? null);
  };
  return { perClass: Math.max(0, number(2) ?? 0), overlap: number(3) ?? 0, score: number(4) };
}

/** [minimum, maximum] along y, then x. */
type Box = readonly [number, number, number, number];

function boxAt(boxes: Float32Array, at: number, centered: boolean): Box {
  const [a = 0, b = 0, c = 0, d = 0] = boxes.subarray(at, at + 4);
  if (centered) return [b - d / 2, b + d / 2, a - c / 2, a + c / 2];
  return [Math.min(a, c), Math.max(a, c), Math.min(b, d), Math.max(b, d)];
}

/** Intersection over union; 0 where a box is empty. */
function overlap(p: Box, q: Box): number {
  const height = Math.min(p[1], q[1]) - Math.max(p[0], q[0]);
  const width = Math.min(p[3], q[3]) - Math.max(p[2], q[2]);
  if (height <= 0 || width <= 0) return 0;
  const common = height * width;
  const areas = (p[1] - p[0]) * (p[3] - p[2]) + (q[1] - q[0]) * (q[3] - q[2]);
  return areas - common > 0 ? common / (areas - common) : 0;
}

/** (batch, class, box) of every box kept, by batch, class and falling score. */
function keptBoxes(boxes: Tensor, scores: Tensor, centered: boolean, s: Suppression): number[] {
  const [batches = 0, classes = 0, count = 0] = scores.shape;
  const corners = floatsOf(boxes);
  const values = floatsOf(scores);
  const kept: number[] = [];
  for (let n = 0; n < batches; n++) {
    const all = Array.from({ length: count }, (_, i) => boxAt(corners, (n * count + i) * 4, centered));
    for (let c = 0; c < classes; c++) {
      const base = (n * classes + c) * count;
      const candidates = all.map((_, i) => i).filter((i) => s.score === null || (values[base + i] ?? 0) > s.score);
      candidates.sort((a, b) => (values[base + b] ?? 0) - (values[base + a] ?? 0) || a - b);
      const chosen: Box[] = [];
      for (const i of candidates) {
        if (chosen.length >= s.perClass) break;
        const box = all[i];
        if (box === undefined || chosen.some((other) => overlap(box, other) > s.overlap)) continue;
        chosen.push(box);
        kept.push(n, c, i);
      }
    }
  }
  return kept;
}

export const nonMaxSuppression: OpDef = defineOp({
  name: 'NonMaxSuppression',
  since: [10, 11],
  kernelClass: 'host',
  attributes: { center_point_box: 0 },
  infer(context) {
    const boxes = requiredType(context, 0, 'boxes');
    const scores = requiredType(context, 1, 'scores');
    if (boxes.shape.length !== 3 || scores.shape.length !== 3) {
      misfit(
        context,
        `boxes ${printShape(boxes.shape)} and scores ${printShape(scores.shape)} are not [batch, boxes, 4] and [batch, classes, boxes]`,
      );
    }
    const [b, s] = [context.tensor(0), context.tensor(1)];
    const settings = [2, 3, 4].map((i) => (hasInput(context, i) ? context.tensor(i) : null));
    const allKnown = [2, 3, 4].every((i, n) => !hasInput(context, i) || settings[n] !== null);
    const centered = intAttribute(context, 'center_point_box', 0) !== 0;
    if (b !== null && s !== null && allKnown) {
      return selection(keptBoxes(b, s, centered, suppression([null, null, ...settings])).length / 3);
    }
    const [batches = 1, classes = 1, count = 1] = scores.shape;
    const limit = hasInput(context, 2) ? oneNumber(context, 2, 'max_output_boxes_per_class') : 0;
    const perClass = limit === undefined ? count : typeof limit === 'number' ? minDim(Math.max(0, limit), count) : count;
    return selection(context.unknownDim(mulDim(mulDim(batches, classes), perClass), 'how many boxes survive'));
  },
  evaluate(context) {
    const centered = intAttribute(context, 'center_point_box', 0) !== 0;
    const kept = keptBoxes(
      requiredTensor(context, 0, 'boxes'),
      requiredTensor(context, 1, 'scores'),
      centered,
      suppression(context.inputs),
    );
    return [tensorOf('int64', [kept.length / 3, 3], kept)];
  },
});

function selection(count: Dim): readonly TensorType[] {
  return [{ dtype: 'int64', shape: [count, 3] }];
}

export const selectOps: readonly OpDef[] = [topK, hardmax, nonMaxSuppression];
