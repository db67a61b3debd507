/** Data movement: what only puts elements elsewhere, of any element type, as boxes that the DMA copies. */
import { bitsOf, bytesOf, elementCount, integerRange, quantize, rowMajorStrides } from '../../core/index.ts';
import {
  attributeInt,
  attributeInts,
  attributeString,
  constantOf,
  isCopy,
  isView,
  resizeSums,
  tensorOf,
  type Graph,
  type Node,
  type ResizeSums,
  type Value,
} from '../../graph/index.ts';
import type { NotHere, SelectContext } from './context.ts';
import { boxesOf, fillSegment, longestAxis, segmentsOf, straightSegment, type Box, type Segment } from './move-axes.ts';
import type { FillPart, MoveKernel, MovePart, VectorPlan, View } from './spec.ts';
import { constantInts, constantNumbers, constantScalar, isPlainFloat } from './values.ts';
import { lowerRequantize, perTensor } from './vector-plan.ts';

/** Boxes one node may become: each is at least a load and a store. */
const boxLimit = 1024;

const movers: ReadonlySet<string> = new Set([
  'Concat',
  'Transpose',
  'Slice',
  'Split',
  'Expand',
  'Tile',
  'Gather',
  'Pad',
  'Resize',
  'Upsample',
  'DepthToSpace',
  'SpaceToDepth',
  'BitCast',
]);

/** Whether a node only puts elements elsewhere, where its operands allow it. */
export function isMove(node: Node): boolean {
  return isView(node) || isCopy(node) || (node.domain === '' && movers.has(node.op));
}

interface Plan {
  readonly parts: readonly MovePart[];
  readonly fills: readonly FillPart[];
}

export function selectMove(cx: SelectContext, node: Node): MoveKernel | NotHere {
  if (cx.epilogue.length > 0) return { reason: 'an epilogue behind a move' };
  if (node.outputs.length > 1) return { reason: 'it has several outputs' };
  const output = valueAt(cx, node.outputs[0]);
  for (const v of [valueAt(cx, node.inputs[0]), output]) {
    if (bitsOf(v.type.dtype) < 8 || v.type.dtype === 'string')
      return { reason: `operand ${v.name} is ${v.type.dtype}, whose elements are not whole bytes` };
  }
  const plan = planOf(cx, node, output);
  if ('reason' in plan) return plan;
  return {
    kind: 'move',
    name: cx.name,
    origin: cx.origin,
    class: 'move',
    engine: plan.parts.some((p) => p.convert !== null) ? 'vector' : 'dma',
    dtype: output.type.dtype,
    macs: 0,
    out: cx.views.view(output.id),
    nodes: cx.group,
    ...plan,
  };
}

function valueAt(cx: SelectContext, id: number | null | undefined): Value {
  return cx.graph.values[id as number] as Value;
}

function planOf(cx: SelectContext, node: Node, output: Value): Plan | NotHere {
  const input = valueAt(cx, node.inputs[0]);
  const src = cx.views.view(input.id);
  const out = cx.views.view(output.id);
  if (node.op === 'Concat') return concat(cx, node, output);
  if (node.op === 'BitCast') return sameBits(src, out);
  const convert = conversion(input, output);
  if (convert !== null && 'reason' in convert) return convert;
  const dense = rowMajorStrides(out.shape);
  const single = (extents: readonly number[], srcStrides: readonly number[], dstStrides: readonly number[] = dense): Plan => ({
    parts: [{ src, extents, srcOffset: 0, srcStrides, dstOffset: 0, dstStrides, convert }],
    fills: [],
  });
  const byAxes = (
    axes: readonly (readonly Segment[])[],
    fill: Uint8Array | null = null,
    source: readonly number[] = src.shape,
    to: readonly number[] = out.shape,
  ): Plan | NotHere => {
    const boxes = boxesOf(source, to, axes, boxLimit);
    if (boxes === null) {
      const count = axes.reduce((n, a) => n * a.length, 1);
      return {
        reason: `it would be ${count} pieces`,
        limit: { what: 'pieces of one move', actual: String(count), allowed: String(boxLimit) },
      };
    }
    return { parts: boxes.flatMap((b) => partOf(src, b, convert)), fills: boxes.flatMap((b) => fillOf(b, fill)) };
  };
  const whole = src.shape.map((extent) => [straightSegment(extent)]);
  switch (node.op) {
    case 'Transpose': {
      const rank = src.shape.length;
      const perm = attributeInts(
        node,
        'perm',
        Array.from({ length: rank }, (_, i) => rank - 1 - i),
      );
      const from = rowMajorStrides(src.shape);
      return single(
        out.shape,
        perm.map((p) => from[p] ?? 1),
      );
    }
    case 'Slice': {
      const walk = sliceWalk(cx, node, src.shape);
      if ('reason' in walk) return walk;
      return byAxes(out.shape.map((extent, axis) => [straightSegment(extent, walk.starts[axis], walk.steps[axis])]));
    }
    case 'Expand': {
      const from = rowMajorStrides(src.shape);
      return single(
        out.shape,
        out.shape.map((_, i) => {
          const axis = i - (out.shape.length - src.shape.length);
          return axis < 0 || src.shape[axis] === 1 ? 0 : (from[axis] ?? 0);
        }),
      );
    }
    case 'Tile':
      return byAxes(
        src.shape.map((extent, axis) => [
          { at: 0, extents: [(out.shape[axis] ?? extent) / extent, extent], source: { at: 0, steps: [0, 1] }, steps: [extent, 1] },
        ]),
      );
    case 'Gather': {
      const rank = src.shape.length;
      const axis = (attributeInt(node, 'axis', 0) + rank) % rank;
      const indices = constantNumbers(valueAt(cx, node.inputs[1]), boxLimit * 16);
      if (indices === null) return { reason: 'its indices are computed at run time' };
      const extent = src.shape[axis] ?? 1;
      const map = indices.map((i) => (i < 0 ? i + extent : i));
      const picked = [...src.shape.slice(0, axis), map.length, ...src.shape.slice(axis + 1)];
      return byAxes(
        whole.map((w, i) => (i === axis ? segmentsOf(map) : w)),
        null,
        src.shape,
        picked,
      );
    }
    case 'Pad':
      return pad(cx, node, src, output, byAxes);
    case 'Resize':
    case 'Upsample': {
      const mode = attributeString(node, 'mode', 'nearest');
      if (mode !== 'nearest') return { reason: `no engine of the machine interpolates (mode ${mode})` };
      const longest = Math.max(0, ...out.shape);
      if (longest > longestAxis) return { reason: `an axis of ${longest} elements has no form as data movement` };
      const sums = knownResize(cx.graph, node, src, out.shape);
      if (sums === null) return { reason: 'its scales are computed at run time' };
      const maps = sums.axes.map(
        (axis, i) => axis?.indices.map((at, o) => (axis.outside[o] === true ? -1 : at)) ?? straight(src.shape[i] ?? 1),
      );
      return byAxes(maps.map(segmentsOf), elementOf(output, sums.extrapolation));
    }
    case 'DepthToSpace':
    case 'SpaceToDepth':
      return shuffle(node, src, out, single);
    default:
      if (elementCount(src.shape) !== elementCount(out.shape)) return { reason: 'its sizes hang on values that are computed at run time' };
      return single(out.shape, dense);
  }
}

function sameBits(src: View, out: View): Plan {
  const dense = rowMajorStrides(out.shape);
  const part = { src: { ...src, dtype: out.dtype }, extents: out.shape, srcOffset: 0, srcStrides: dense, dstOffset: 0, dstStrides: dense };
  return { parts: [{ ...part, convert: null }], fills: [] };
}

function partOf(src: View, box: Box, convert: VectorPlan | null): MovePart[] {
  if (box.source === null) return [];
  const { offset, strides } = box.source;
  return [
    { src, extents: box.extents, srcOffset: offset, srcStrides: strides, dstOffset: box.dstOffset, dstStrides: box.dstStrides, convert },
  ];
}

function fillOf(box: Box, element: Uint8Array | null): FillPart[] {
  if (box.source !== null || element === null) return [];
  return [{ element, extents: box.extents, dstOffset: box.dstOffset, dstStrides: box.dstStrides }];
}

function concat(cx: SelectContext, node: Node, output: Value): Plan | NotHere {
  const out = cx.views.view(output.id);
  const dense = rowMajorStrides(out.shape);
  const rank = out.shape.length;
  const axis = (attributeInt(node, 'axis', 0) + rank) % rank;
  let at = 0;
  const parts: MovePart[] = [];
  for (const id of node.inputs) {
    const value = valueAt(cx, id);
    const view = cx.views.view(value.id);
    const convert = conversion(value, output);
    if (convert !== null && 'reason' in convert) return convert;
    parts.push({
      src: view,
      extents: view.shape,
      srcOffset: 0,
      srcStrides: rowMajorStrides(view.shape),
      dstOffset: at * (dense[axis] ?? 1),
      dstStrides: dense,
      convert,
    });
    at += view.shape[axis] ?? 0;
  }
  return { parts, fills: [] };
}

function straight(extent: number): readonly number[] {
  return Array.from({ length: extent }, (_, i) => i);
}

/** What a Resize or Upsample does along each axis; null where an operand of it is computed at run time. */
export function knownResize(graph: Graph, node: Node, x: Pick<View, 'dtype' | 'shape'>, shape: readonly number[]): ResizeSums | null {
  const operands = node.inputs.slice(1).map((id) => {
    const value = id === null ? null : graph.values[id];
    if (value === null || value === undefined) return null;
    const { constant, type, name } = value;
    return constant === null || constant.kind === 'absent' ? undefined : constantOf(type, constant, name, node.name);
  });
  if (!operands.every((o) => o !== undefined)) return null;
  return resizeSums(node, graph.opset, x, operands, shape);
}

type ByAxes = (axes: readonly (readonly Segment[])[], fill: Uint8Array | null) => Plan | NotHere;

function pad(cx: SelectContext, node: Node, src: View, output: Value, byAxes: ByAxes): Plan | NotHere {
  const rank = src.shape.length;
  const given = node.inputs[1] ?? null;
  const pads = given === null ? attributeInts(node, 'pads', []) : constantInts(valueAt(cx, given));
  const axesId = node.inputs[3] ?? null;
  const listed = axesId === null ? src.shape.map((_, i) => i) : constantInts(valueAt(cx, axesId));
  if (pads === null || listed === null) return { reason: 'its pads or axes are computed at run time' };
  const mode = attributeString(node, 'mode', 'constant');
  const axes = src.shape.map((extent, axis): readonly Segment[] => {
    const at = listed.findIndex((a) => (a + rank) % rank === axis);
    const [before, after] = at < 0 ? [0, 0] : [pads[at] ?? 0, pads[at + listed.length] ?? 0];
    const total = extent + before + after;
    if (mode !== 'constant') return segmentsOf(Array.from({ length: total }, (_, o) => reflected(mode, o - before, extent)));
    const kept = extent + Math.min(0, before) + Math.min(0, after);
    return [
      ...(before > 0 ? [fillSegment(before, 0)] : []),
      straightSegment(kept, Math.max(0, -before), 1, Math.max(0, before)),
      ...(after > 0 ? [fillSegment(after, Math.max(0, before) + kept)] : []),
    ];
  });
  if (mode !== 'constant') return byAxes(axes, null);
  const valueId = node.inputs[2] ?? null;
  const attribute = node.attributes['value'];
  const fill = valueId !== null ? constantScalar(valueAt(cx, valueId)) : attribute?.kind === 'float' ? attribute.value : 0;
  return fill === null ? { reason: 'the value it pads with is computed at run time' } : byAxes(axes, elementOf(output, fill));
}

/** The index of the source that position `i` (negative: before it) shows. */
function reflected(mode: string, i: number, extent: number): number {
  if (mode === 'edge') return Math.min(Math.max(i, 0), extent - 1);
  if (mode === 'wrap') return ((i % extent) + extent) % extent;
  const period = Math.max(1, 2 * (extent - 1));
  const at = ((i % period) + period) % period;
  return at < extent ? at : period - at;
}

/** One element of a value, as it is held. */
function elementOf(value: Value, x: number): Uint8Array {
  const { dtype } = value.type;
  const held = value.quantization === null ? x : quantize(x, perTensor(value).scale, perTensor(value).zero, ...integerRange(dtype));
  return bytesOf(tensorOf(dtype, [1], [held]));
}

/** Depth to space and back: one walk over six axes. */
function shuffle(
  node: Node,
  src: View,
  out: View,
  single: (extents: readonly number[], srcStrides: readonly number[], dstStrides: readonly number[]) => Plan,
): Plan {
  const b = attributeInt(node, 'blocksize', 1);
  const toSpace = node.op === 'DepthToSpace';
  // n, channel, row of the block grid, row in the block, column of the grid, column in the block
  const [n = 1, c = 1, h = 1, w = 1] = toSpace ? out.shape : src.shape;
  const space = [c * h * w, h * w, b * w, w, b, 1];
  const [rows, cols] = [h / b, w / b];
  const plane = rows * cols;
  const crd = toSpace && attributeString(node, 'mode', 'DCR') === 'CRD';
  const depth = crd
    ? [c * b * b * plane, b * b * plane, cols, b * plane, 1, plane]
    : [c * b * b * plane, plane, cols, b * c * plane, 1, c * plane];
  const extents = [n, c, rows, b, cols, b];
  return toSpace ? single(extents, depth, space) : single(extents, space, depth);
}

/** First index and step along every axis of a Slice. */
export function sliceWalk(
  cx: Pick<SelectContext, 'graph'>,
  node: Node,
  shape: readonly number[],
): { readonly starts: readonly number[]; readonly steps: readonly number[] } | NotHere {
  const operand = (index: number, attribute: string): number[] | null => {
    const id = node.inputs[index];
    if (id !== undefined && id !== null) return constantInts(cx.graph.values[id]);
    const a = node.attributes[attribute];
    return a?.kind === 'ints' ? [...a.value] : [];
  };
  const starts = operand(1, 'starts');
  const axes = operand(3, 'axes');
  const steps = operand(4, 'steps');
  if (starts === null || axes === null || steps === null) return { reason: 'starts, axes or steps are computed at run time' };
  const first = shape.map(() => 0);
  const by = shape.map(() => 1);
  starts.forEach((start, i) => {
    const axis = ((axes[i] ?? i) + shape.length) % shape.length;
    const extent = shape[axis] ?? 1;
    const step = steps[i] ?? 1;
    const from = start < 0 ? start + extent : start;
    first[axis] = step > 0 ? Math.min(Math.max(from, 0), extent) : Math.min(Math.max(from, 0), extent - 1);
    by[axis] = step;
  });
  return { starts: first, steps: by };
}

/** How an element changes on its way: not at all (null), requantized, or not possible here. */
function conversion(from: Value, to: Value): VectorPlan | NotHere | null {
  if (from.quantization === null && to.quantization !== null && isPlainFloat(from)) return lowerRequantize(from, to);
  if (from.type.dtype !== to.type.dtype) return { reason: `${from.name} is ${from.type.dtype}, ${to.name} is ${to.type.dtype}` };
  if (from.quantization === null || to.quantization === null) return null;
  if (from.quantization.scale.length > 1 || to.quantization.scale.length > 1) {
    return from.quantization === to.quantization ? null : { reason: 'input and output are quantized per channel, differently' };
  }
  const a = perTensor(from);
  const b = perTensor(to);
  return a.scale === b.scale && a.zero === b.zero ? null : lowerRequantize(from, to);
}
