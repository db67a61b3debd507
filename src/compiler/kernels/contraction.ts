/** Conv, Gemm and MatMul as contraction kernels. */
import { bytesPerElement, elementCount, isFloat } from '../../core/index.ts';
import {
  attributeFloat,
  attributeInt,
  attributeInts,
  attributeString,
  macsOf,
  sumBitsOf,
  type Node,
  type Value,
} from '../../graph/index.ts';
import { epiloguePlan, groupOutput, wrongRank, wrongType, type NotHere, type SelectContext } from './context.ts';
import type { ContractionKernel, ContractionStrides, DrainPlan, Geometry, View } from './spec.ts';
import { constantScalar, isPlainFloat, isStoredFloat } from './values.ts';
import { floatClamp, perTensor, quantizedClamp } from './vector-plan.ts';

export function selectContraction(cx: SelectContext, given: Node): ContractionKernel | NotHere {
  const node = throughCasts(cx, given);
  const x = value(cx, node.inputs[0] as number);
  const w = value(cx, node.inputs[1] as number);
  const result = value(cx, node.outputs[0] as number);
  const zeros = isIntegerProduct(node) ? plainZeros(cx, node) : null;
  if (zeros !== null && 'reason' in zeros) return zeros;
  for (const v of [x, w]) {
    if (!isPlainFloat(v) && !isStoredFloat(v) && v.quantization === null && zeros === null) return wrongType(v);
  }
  const [xFloat, wFloat] = [isFloat(x.type.dtype), isFloat(w.type.dtype)];
  const isMixed = x.type.dtype !== w.type.dtype && !(isStoredFloat(x) && isStoredFloat(w));
  if (xFloat !== wFloat || (xFloat && isMixed)) return { reason: `operands are ${x.type.dtype} and ${w.type.dtype}` };
  const turned = cx.turned.get(w.id);
  const casts = given.inputs.flatMap((id) => (id === null ? [] : (cx.stored.get(id)?.node ?? [])));
  const read = [...casts, ...(turned === undefined ? [] : [turned.node])];
  const isWide = sumBitsOf(node) > 32;
  if (!xFloat && !isWide && isPlainFloat(result)) return { reason: `the sums of ${x.type.dtype} have no scale to leave in` };
  const isConv = node.op === 'Conv' || node.op === 'ConvInteger';
  const shape = isConv ? convolution(cx, node) : node.op === 'Gemm' ? gemm(cx, node) : matmul(cx, node);
  if ('reason' in shape) return shape;
  const biasId = zeros === null ? (node.inputs[2] ?? null) : null;
  const bias = biasId === null ? null : value(cx, biasId);
  const channels = shape.geometry.mg * (isConv ? shape.geometry.groups : 1);
  if (bias !== null && (bias.constant === null || elementCount(bias.type.shape as number[]) !== channels)) {
    return { reason: `bias ${bias.name} is not a constant of ${channels} elements` };
  }
  const { drain, absorbed } = planDrain(cx, node, x, w, biasId);
  const rest = cx.epilogue.slice(absorbed);
  const anchorOut = absorbed === 0 ? node.outputs[0] : cx.epilogue[absorbed - 1]?.outputs[0];
  const epilogue = epiloguePlan(cx, rest, anchorOut as number);
  const anchorShape = cx.views.view(node.outputs[0] as number).shape;
  if (anchorShape.join() !== groupOutput(cx).shape.join()) return { reason: 'the epilogue broadcasts its anchor' };
  const operandStrides =
    epilogue === null
      ? []
      : epilogue.operands.map((o) =>
          loopStrides(node.op, shape.geometry, matrixAxes(cx, node, anchorShape, 1), matrixAxes(cx, node, o.strides, 0)),
        );
  if (operandStrides.some((s) => s === null)) return { reason: 'an operand of the epilogue broadcasts over some of the batch axes' };
  return {
    kind: 'contraction',
    sums: xFloat ? 'float32' : isWide ? 'int64' : 'int32',
    name: cx.name,
    origin: [...new Set([...cx.origin, ...read.flatMap((n) => n.origin)])],
    class: 'contraction',
    engine: 'matrix',
    dtype: x.type.dtype,
    macs: cx.group.reduce((sum, n) => sum + macsOf(cx.graph, n), 0),
    out: groupOutput(cx),
    nodes: [...read, ...cx.group],
    ...shape,
    x: cx.views.view(x.id),
    w: cx.views.view(turned?.source ?? w.id),
    wConstant: w.constant !== null,
    wExpanded: null,
    wPacked: w.constant?.kind === 'bytes' ? (w.constant.fits ?? null) : null,
    xZero: zeros !== null ? zeros.x : x.quantization === null ? 0 : perTensor(x).zero,
    wZero: zeros !== null ? zeros.w : (w.quantization?.zeroPoint[0] ?? 0),
    drain,
    drainOn: 'array',
    epilogue,
    operandStrides: operandStrides.map((s) => s ?? []),
  };
}

/** The node with what Casts from 8-bit floats read in place of what they make. */
function throughCasts(cx: SelectContext, node: Node): Node {
  if (!node.inputs.some((id) => id !== null && cx.stored.has(id))) return node;
  return { ...node, inputs: node.inputs.map((id) => (id === null ? null : (cx.stored.get(id)?.source ?? id))) };
}

/** Products of plain integers: the result is the sums themselves. */
function isIntegerProduct(node: Node): boolean {
  return node.op === 'ConvInteger' || node.op === 'MatMulInteger';
}

/** Zero points given as operands: the array subtracts one number from each side, which the program holds. */
function plainZeros(cx: SelectContext, node: Node): { readonly x: number; readonly w: number } | NotHere {
  const zeroOf = (index: number): number | null => {
    const id = node.inputs[index] ?? null;
    return id === null ? 0 : constantScalar(value(cx, id));
  };
  const [x, w] = [zeroOf(2), zeroOf(3)];
  if (x === null || w === null) return { reason: 'a zero point is computed at run time, or differs from channel to channel' };
  return { x, w };
}

function value(cx: SelectContext, id: number): Value {
  const v = cx.graph.values[id];
  if (v === undefined) throw new Error(`no value ${id}`);
  return v;
}

/** Leading Relu and Clip nodes of the epilogue become the drain's clamp. */
function planDrain(cx: SelectContext, node: Node, x: Value, w: Value, bias: number | null): { drain: DrainPlan; absorbed: number } {
  const out = value(cx, node.outputs[0] as number);
  let [lo, hi] = [-Infinity, Infinity];
  let absorbed = 0;
  for (const next of cx.epilogue) {
    const bounds = out.quantization === null ? floatClamp(cx.graph, next) : quantizedClamp(cx.graph, next);
    if (bounds === null) break;
    // clamp to [lo, hi], then to the next bounds: one clamp with both ends moved into the new interval.
    lo = Math.min(Math.max(lo, bounds[0]), bounds[1]);
    hi = Math.min(Math.max(hi, bounds[0]), bounds[1]);
    absorbed++;
  }
  const unitOf = (): Float32Array => {
    const sx = perTensor(x).scale;
    return (w.quantization?.scale ?? new Float32Array([1])).map((s) => Math.fround(sx * s));
  };
  if (out.quantization === null) {
    // Wide sums leave as the reals they stand for.
    const multiplier = sumBitsOf(node) > 32 ? unitOf : null;
    return { drain: { dtype: out.type.dtype, bias, multiplier, fixed: false, outZero: 0, lo, hi }, absorbed };
  }
  // int32 of the scale of the sums is the sums: see docs/numerics.md.
  if (out.type.dtype === 'int32')
    return { drain: { dtype: 'int32', bias, multiplier: null, fixed: false, outZero: 0, lo: -Infinity, hi: Infinity }, absorbed: 0 };
  const { scale: so, zero } = perTensor(out);
  const multiplier = (): Float32Array => unitOf().map((s) => Math.fround(s / so));
  return {
    drain: { dtype: out.type.dtype, bias, multiplier, fixed: out.quantization.rescale !== undefined, outZero: zero, lo, hi },
    absorbed,
  };
}

/** What the output of a MatMul has along its axes, with those of one row or column that a vector among its operands leaves out. */
function matrixAxes(cx: SelectContext, node: Node, list: readonly number[], otherwise: number): readonly number[] {
  if (node.op === 'Conv' || node.op === 'ConvInteger' || node.op === 'Gemm') return list;
  const isVector = (index: number): boolean => value(cx, node.inputs[index] as number).type.shape.length === 1;
  const withColumn = isVector(1) ? [...list, otherwise] : list;
  return isVector(0) ? withColumn.toSpliced(withColumn.length - 1, 0, otherwise) : withColumn;
}

/** Strides along the output's axes -> strides along (b, g, n, y, x), or null when several axes make one loop and disagree. */
function loopStrides(op: string, g: Geometry, outShape: readonly number[], strides: readonly number[]): readonly number[] | null {
  const rank = outShape.length;
  const at = (axis: number): number => strides[axis] ?? 0;
  if (op === 'Conv' || op === 'ConvInteger') return [at(0), g.mg * at(1), at(1), rank === 4 ? at(2) : 0, at(rank - 1)];
  const column = at(rank - 1);
  const rowAxes = g.groups === 1 ? rank - 1 : 1;
  const row = collapse(outShape.slice(rank - 1 - rowAxes, rank - 1), strides.slice(rank - 1 - rowAxes, rank - 1));
  const batch = g.groups === 1 ? 0 : collapse(outShape.slice(0, rank - 2), strides.slice(0, rank - 2));
  return row === null || batch === null ? null : [0, batch, column, 0, row];
}

/** One stride that walks several axes, or null. */
export function collapse(extents: readonly number[], strides: readonly number[]): number | null {
  let inner: number | null = null;
  let size = 1;
  for (let i = extents.length - 1; i >= 0; i--) {
    const extent = extents[i] as number;
    if (extent === 1) continue;
    if (inner === null) inner = strides[i] as number;
    else if (strides[i] !== inner * size) return null;
    size *= extent;
  }
  return inner ?? 0;
}

interface Shaped {
  readonly op: ContractionKernel['op'];
  readonly geometry: Geometry;
  readonly xStrides: ContractionStrides;
  readonly wStrides: { readonly g: number; readonly n: number; readonly c: number };
  readonly outStrides: ContractionKernel['outStrides'];
}

function convolution(cx: SelectContext, node: Node): Shaped | NotHere {
  const x = cx.views.view(node.inputs[0] as number);
  const w = cx.views.view(node.inputs[1] as number);
  const out = cx.views.view(node.outputs[0] as number);
  const rank = x.shape.length - 2;
  if (rank > 2 || rank < 1) return wrongRank('convolution', rank);
  const [batch = 1, cin = 1, ih = 1, iw = 1] = imageShape(x);
  const [, cout = 1, oh = 1, ow = 1] = imageShape(out);
  const [, cg = 1, kh = 1, kw = 1] = imageShape(w);
  const groups = attributeInt(node, 'group', 1);
  const window = windowAttributes(node, [kh, kw], [ih, iw], [oh, ow], rank);
  const mg = cout / groups;
  const es = bytesPerElement(x.dtype);
  const ew = bytesPerElement(w.dtype);
  // Of what is stored: an epilogue may end in another type than the sums leave in.
  const eo = bytesPerElement(groupOutput(cx).dtype);
  return {
    op: cg === 1 && groups === cin && groups > 1 ? 'DWCONV' : 'CONV',
    geometry: {
      batch,
      groups,
      cg,
      mg,
      ih,
      iw,
      oh,
      ow,
      kh,
      kw,
      strides: window.strides,
      dilations: window.dilations,
      padTop: window.pads[0],
      padLeft: window.pads[1],
    },
    xStrides: { b: cin * ih * iw * es, g: cg * ih * iw * es, c: ih * iw * es, y: iw * es, x: es },
    wStrides: { g: mg * cg * kh * kw * ew, n: cg * kh * kw * ew, c: kh * kw * ew },
    outStrides: { b: cout * oh * ow * eo, g: mg * oh * ow * eo, n: oh * ow * eo, y: ow * eo, x: eo },
  };
}

/** [N, C, L] as [N, C, 1, L]. */
export function imageShape(view: View): readonly number[] {
  const s = view.shape;
  return s.length === 3 ? [s[0] as number, s[1] as number, 1, s[2] as number] : s;
}

export interface WindowAttributes {
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number];
}

/** strides, dilations and pads of a 1-D or 2-D window, `auto_pad` resolved from the sizes. */
export function windowAttributes(
  node: Node,
  kernel: readonly [number, number],
  input: readonly [number, number],
  output: readonly [number, number],
  rank: number,
): WindowAttributes {
  const pair = (name: string): readonly [number, number] => {
    const a = attributeInts(node, name, []);
    return rank === 1 ? [1, a[0] ?? 1] : [a[0] ?? 1, a[1] ?? 1];
  };
  const strides = pair('strides');
  const dilations = pair('dilations');
  const auto = attributeString(node, 'auto_pad', 'NOTSET');
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const total = ([0, 1] as const).map((i) => Math.max(0, (output[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - input[i]));
    const begin = total.map((t) => (auto === 'SAME_UPPER' ? Math.floor(t / 2) : Math.ceil(t / 2)));
    const [th = 0, tw = 0] = total;
    const [bh = 0, bw = 0] = begin;
    return { strides, dilations, pads: [bh, bw, th - bh, tw - bw] };
  }
  const p = auto === 'VALID' ? [] : attributeInts(node, 'pads', []);
  const pads: WindowAttributes['pads'] = rank === 1 ? [0, p[0] ?? 0, 0, p[1] ?? 0] : [p[0] ?? 0, p[1] ?? 0, p[2] ?? 0, p[3] ?? 0];
  return { strides, dilations, pads };
}

function product(m: number, k: number, n: number, groups: number): Geometry {
  return {
    batch: 1,
    groups,
    cg: k,
    mg: n,
    ih: 1,
    iw: m,
    oh: 1,
    ow: m,
    kh: 1,
    kw: 1,
    strides: [1, 1],
    dilations: [1, 1],
    padTop: 0,
    padLeft: 0,
  };
}

function gemm(cx: SelectContext, node: Node): Shaped | NotHere {
  if (attributeFloat(node, 'alpha', 1) !== 1 || (node.inputs[2] && attributeFloat(node, 'beta', 1) !== 1))
    return { reason: 'alpha or beta is not 1' };
  const a = cx.views.view(node.inputs[0] as number);
  const b = cx.views.view(node.inputs[1] as number);
  const out = cx.views.view(node.outputs[0] as number);
  const transA = attributeInt(node, 'transA', 0) === 1;
  const transB = attributeInt(node, 'transB', 0) === 1;
  const [m = 1, n = 1] = out.shape;
  const k = (transA ? a.shape[0] : a.shape[1]) ?? 1;
  const ea = bytesPerElement(a.dtype);
  const eb = bytesPerElement(b.dtype);
  const eo = bytesPerElement(groupOutput(cx).dtype);
  return {
    op: 'MATMUL',
    geometry: product(m, k, n, 1),
    xStrides: { b: 0, g: 0, c: transA ? m * ea : ea, y: 0, x: transA ? ea : k * ea },
    wStrides: { g: 0, n: transB ? k * eb : eb, c: transB ? eb : n * eb },
    outStrides: { b: 0, g: 0, n: eo, y: 0, x: n * eo },
  };
}

function matmul(cx: SelectContext, node: Node): Shaped | NotHere {
  const a = cx.views.view(node.inputs[0] as number);
  const b = cx.views.view(node.inputs[1] as number);
  const out = cx.views.view(node.outputs[0] as number);
  const as = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const bs = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  const k = as[as.length - 1] as number;
  const n = bs[bs.length - 1] as number;
  const rows = as[as.length - 2] as number;
  const batchA = elementCount(as.slice(0, -2));
  const batchB = elementCount(bs.slice(0, -2));
  const ea = bytesPerElement(a.dtype);
  const eb = bytesPerElement(b.dtype);
  const eo = bytesPerElement(groupOutput(cx).dtype);
  const batches = elementCount(out.shape) / Math.max(1, rows * n);
  const [byColumn, byRow] = cx.turned.has(node.inputs[1] as number) ? [k * eb, eb] : [eb, n * eb];
  // One matrix for all batches: the batches are more rows.
  if (batchB === 1 && batchA === batches) {
    const m = batchA * rows;
    return {
      op: 'MATMUL',
      geometry: product(m, k, n, 1),
      xStrides: { b: 0, g: 0, c: ea, y: 0, x: k * ea },
      wStrides: { g: 0, n: byColumn, c: byRow },
      outStrides: { b: 0, g: 0, n: eo, y: 0, x: n * eo },
    };
  }
  if ((batchA !== 1 && batchA !== batches) || (batchB !== 1 && batchB !== batches)) {
    return { reason: `batch axes ${JSON.stringify(as.slice(0, -2))} and ${JSON.stringify(bs.slice(0, -2))} broadcast against each other` };
  }
  return {
    op: 'MATMUL',
    geometry: product(rows, k, n, batches),
    xStrides: { b: 0, g: batchA === 1 ? 0 : rows * k * ea, c: ea, y: 0, x: k * ea },
    wStrides: { g: batchB === 1 ? 0 : k * n * eb, n: byColumn, c: byRow },
    outStrides: { b: 0, g: rows * n * eo, n: eo, y: 0, x: n * eo },
  };
}
