/**
 * CONV, DWCONV and MATMUL by the kernels of wasm/: the same sums as contraction.ts, byte for byte (a NaN is a NaN, whichever).
 *
 * int32 sums wrap, so that their order does not matter; fp32 sums run over k in ascending order, as there. Integers go as pairs of int16:
 * a unit of the packed matrices holds two of k. fp32 numbers are units as they stand.
 */
import { bitsOf, elementCount, isEngineFloat, isNarrowFloat, type DType } from '../../core/index.ts';
import type { ConvCommand, MatmulCommand, Ref } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { fewChannels, indexIn, isPlainProduct, withoutBroadcast } from './contraction.ts';
import { drainSizes, fastDrain, type DrainAreas } from './fast-drain.ts';
import { allFinite, isShort, rawBytes, readShorts, readUnits } from './fast-operands.ts';
import { convolveByTaps } from './fast-taps.ts';
import { isByVector, multiplyByVectors } from './fast-vectors.ts';
import { scatter } from './tile.ts';
import { tapRange } from './window.ts';
import type { Kernels } from './wasm/kernels.ts';

/** Units of k in one pass: a block of coefficients and a panel stay in the first-level cache. */
const sliceK = 512;
/** Units of a packed matrix: about the second-level cache. */
const matrixUnits = 262144;
const fewestColumns = 64;
const mostColumns = 1024;
/** What a product needs for ragged edges. */
export const spareBytes = 256;

/** False, and nothing done, where the kernels do not fit the command. */
export function fastContraction(cx: Context, kernels: Kernels, c: ConvCommand | MatmulCommand): boolean {
  const float = c.acc.dtype === 'float32';
  const fits = float ? isUnit(c.x.dtype) && isUnit(c.w.dtype) : c.acc.dtype === 'int32' && isShort(c.x, c.xZero) && isShort(c.w, c.wZero);
  if (!fits || elementCount(c.acc.extents) === 0) return false;
  const done = c.op === 'MATMUL' ? multiplyMatrices(cx, kernels, c, float) : convolve(cx, kernels, c, float);
  if (done === null) return false;
  scatter(tile(cx, c.acc), kernels.buffer(), done.sums);
  if (c.drain === null) return true;
  const channelAxis = c.op === 'MATMUL' ? c.acc.extents.length - 1 : 1;
  fastDrain(cx, kernels, c.drain, { extents: c.acc.extents, channelAxis, float }, done);
  return true;
}

/** Floats that are fp32 units once they are read, those of 8 bits by a table of 256 numbers. */
function isUnit(dtype: DType): boolean {
  return isEngineFloat(dtype) || (isNarrowFloat(dtype) && bitsOf(dtype) === 8);
}

/** Finished sums and the room the drain needs. */
type Done = DrainAreas;

/** A product with its coefficients packed: where everything lies, and m, k (in units). */
interface Product {
  readonly float: boolean;
  readonly coef: number;
  readonly matrix: number;
  readonly sums: number;
  /** Bytes from row to row of the sums. */
  readonly sumsStep: number;
  readonly spare: number;
  readonly m: number;
  readonly k: number;
}

/** sums[0 … m, 0 … columns] += coef · the packed matrix, k ascending. */
function multiply({ run }: Kernels, g: Product, columns: number): void {
  const gemm = g.float ? run.gemmFloats : run.gemmInts;
  for (let k = 0; k < g.k; k += sliceK) {
    const depth = Math.min(sliceK, g.k - k);
    gemm(g.coef + k * 16, g.k * 16, g.matrix + k * 32, panelBytes(g.k), g.sums, g.sumsStep, g.m, depth, columns, g.spare);
  }
}

/** The same with a matrix of dense rows of `columns` units at `rows`. */
function multiplyRows(kernels: Kernels, g: Product, rows: number, columns: number): void {
  const width = columnsAtOnce(g.k);
  for (let at = 0; at < columns; at += width) {
    const part = Math.min(width, columns - at);
    kernels.run.panels(rows + at * 4, columns * 4, g.matrix, panelBytes(g.k), g.k, part);
    multiply(kernels, { ...g, sums: g.sums + at * 4 }, part);
  }
}

/** A multiple of 8. */
function columnsAtOnce(k: number): number {
  return Math.min(mostColumns, Math.max(fewestColumns, Math.floor(matrixUnits / k / 8) * 8));
}

function matrixBytes(k: number, columns: number): number {
  return panelBytes(k) * Math.ceil(columns / 8);
}

/** From panel to panel: an odd number of cache lines, so that neighbouring panels do not fall on the same sets of the cache. */
function panelBytes(k: number): number {
  return (Math.ceil(k / 2) | 1) * 64;
}

/**
 * Rows of coefficients [m][channels][taps] into blocks. Integers at `from` are int16 and become units on the way, at `units`, where they
 * do not lie in pairs already.
 */
function packCoefficients(
  { run }: Kernels,
  g: Product,
  c: { readonly from: number; readonly units: number; readonly channels: number; readonly taps: number },
): void {
  const rowBytes = c.channels * c.taps * (g.float ? 4 : 2);
  const inPairs = g.float || (c.taps === 1 && c.channels % 2 === 0);
  if (!inPairs) for (let m = 0; m < g.m; m++) run.interleave(c.from + m * rowBytes, c.units + m * g.k * 4, c.channels, c.taps);
  run.blocks(inPairs ? c.from : c.units, g.k * 4, g.coef, g.m, g.k);
}

function startSums(cx: Context, kernels: Kernels, c: ConvCommand | MatmulCommand, at: number): void {
  if (c.mode === 'accumulate') readUnits(cx, kernels, c.acc, 0, at, at);
  else new Int32Array(kernels.buffer(), at, elementCount(c.acc.extents)).fill(0);
}

function readOperand(cx: Context, kernels: Kernels, float: boolean, ref: Ref, zero: number, raw: number, to: number): void {
  (float ? readUnits : readShorts)(cx, kernels, ref, zero, raw, to);
}

function multiplyMatrices(cx: Context, kernels: Kernels, c: MatmulCommand, float: boolean): Done | null {
  return isByVector(c, float) ? multiplyByVectors(cx, kernels, c, { float, startSums }) : multiplyBatches(cx, kernels, c, float);
}

function multiplyBatches(cx: Context, kernels: Kernels, c: MatmulCommand, float: boolean): Done | null {
  const rank = c.acc.extents.length;
  const m = c.acc.extents[rank - 2] ?? 1;
  const n = c.acc.extents[rank - 1] ?? 1;
  const channels = c.x.extents[rank - 1] ?? 1;
  const k = float ? channels : Math.ceil(channels / 2);
  const batches = c.acc.extents.slice(0, rank - 2);
  const x = withoutBroadcast(c.x, rank - 2);
  const w = withoutBroadcast(c.w, rank - 2);
  const size = float ? 4 : 2;
  const areas = kernels.room([
    Math.max(rawBytes(x), rawBytes(w)),
    elementCount(x.extents) * size,
    elementCount(w.extents) * size,
    m * k * 4,
    float ? 0 : k * n * 4,
    Math.ceil(m / 4) * k * 16,
    matrixBytes(k, Math.min(n, columnsAtOnce(k))),
    spareBytes,
    elementCount(c.acc.extents) * 4,
    ...drainSizes(c.drain, c.acc.extents, rank - 1),
  ]);
  if (areas === null) return null;
  const [raw = 0, xs = 0, ws = 0, xUnits = 0, wUnits = 0, coef = 0, matrix = 0, spare = 0, sums = 0, ...drain] = areas;
  readOperand(cx, kernels, float, x, c.xZero, raw, xs);
  readOperand(cx, kernels, float, w, c.wZero, raw, ws);
  startSums(cx, kernels, c, sums);
  let [xBefore, wBefore] = [-1, -1];
  for (let batch = 0; batch < elementCount(batches); batch++) {
    const xBatch = indexIn(batch, batches, x.extents);
    const wBatch = indexIn(batch, batches, w.extents);
    const g: Product = { float, coef, matrix, sums: sums + batch * m * n * 4, sumsStep: n * 4, spare, m, k };
    if (xBatch !== xBefore) packCoefficients(kernels, g, { from: xs + xBatch * m * channels * size, units: xUnits, channels, taps: 1 });
    const from = ws + wBatch * channels * n * size;
    if (!float && wBatch !== wBefore) kernels.run.interleave(from, wUnits, channels, n);
    multiplyRows(kernels, g, float ? from : wUnits, n);
    [xBefore, wBefore] = [xBatch, wBatch];
  }
  return { sums, areas: drain };
}

function convolve(cx: Context, kernels: Kernels, c: ConvCommand, float: boolean): Done | null {
  const [n = 1, channels = 1, h = 1, width = 1] = c.x.extents;
  const [outChannels = 1, groupChannels = 1, kh = 1, kw = 1] = c.w.extents;
  const [, , oh = 1, ow = 1] = c.acc.extents;
  const groups = c.op === 'DWCONV' ? channels : c.groups;
  const m = outChannels / groups;
  if (!Number.isInteger(m) || groupChannels * groups !== channels) return null;
  const plain = isPlainProduct(c);
  const drainRoom = drainSizes(c.drain, c.acc.extents, 1);
  if (!plain && m < fewChannels) return convolveByTaps(cx, kernels, c, { groups, m, float, drainRoom, startSums });

  const taps = kh * kw;
  const planes = float ? groupChannels : Math.ceil(groupChannels / 2);
  const k = planes * taps;
  const size = float ? 4 : 2;
  const rows = Math.max(1, Math.min(oh, Math.floor(columnsAtOnce(k) / ow)));
  const columns = plain ? Math.min(oh * ow, columnsAtOnce(k)) : rows * ow;
  const areas = kernels.room([
    Math.max(rawBytes(c.x), rawBytes(c.w)),
    elementCount(c.x.extents) * size,
    elementCount(c.w.extents) * size,
    float ? 0 : planes * h * width * 4,
    m * k * 4,
    Math.ceil(m / 4) * k * 16,
    matrixBytes(k, columns),
    spareBytes,
    kw * 12,
    // A row without taps is cleared in whole registers.
    (rows * ow + 8) * 4,
    elementCount(c.acc.extents) * 4,
    ...drainRoom,
  ]);
  if (areas === null) return null;
  const [raw = 0, xs = 0, ws = 0, xUnits = 0, wUnits = 0, coef = 0, matrix = 0, spare = 0, ranges = 0, line = 0, sums = 0, ...drain] =
    areas;
  readOperand(cx, kernels, float, c.w, c.wZero, raw, ws);
  // A patch holds 0 where a tap falls on padding: see contraction.ts.
  if (float && !plain && !allFinite(kernels, ws, elementCount(c.w.extents))) return null;
  readOperand(cx, kernels, float, c.x, c.xZero, raw, xs);
  startSums(cx, kernels, c, sums);
  if (!plain) new Int32Array(kernels.buffer(), ranges, kw * 3).set(rangesOf(c));
  for (let g = 0; g < groups; g++) {
    const common = { float, coef, matrix, sumsStep: oh * ow * 4, spare, m, k };
    const from = ws + g * m * groupChannels * taps * size;
    packCoefficients(kernels, { ...common, sums }, { from, units: wUnits, channels: groupChannels, taps });
    for (let image = 0; image < n; image++) {
      const source = xs + (image * channels + g * groupChannels) * h * width * size;
      const product: Product = { ...common, sums: sums + (image * outChannels + g * m) * oh * ow * 4 };
      if (!float) kernels.run.interleave(source, xUnits, groupChannels, h * width);
      if (plain) multiplyRows(kernels, product, float ? source : xUnits, h * width);
      else multiplyPatches(kernels, c, product, { from: float ? source : xUnits, planes, rows, ranges, line });
    }
  }
  return { sums, areas: drain };
}

function multiplyPatches(
  kernels: Kernels,
  c: ConvCommand,
  g: Product,
  at: { readonly from: number; readonly planes: number; readonly rows: number; readonly ranges: number; readonly line: number },
): void {
  const [, , h = 1, width = 1] = c.x.extents;
  const [, , kh = 1, kw = 1] = c.w.extents;
  const [, , oh = 1, ow = 1] = c.acc.extents;
  const [sh, sw] = c.strides;
  for (let row = 0; row < oh; row += at.rows) {
    const height = Math.min(at.rows, oh - row);
    const [top, dilation] = [row * sh - c.padTop, c.dilations[0]];
    const shape = [at.planes, kh, kw, top, height, ow, sh, sw, dilation, at.ranges, at.line] as const;
    kernels.run.patches(at.from, h, width, g.matrix, panelBytes(g.k), ...shape);
    multiply(kernels, { ...g, sums: g.sums + row * ow * 4 }, height * ow);
  }
}

/** For each kernel column: the first output column it reaches, one past the last, and the input column of the first. */
function rangesOf(c: ConvCommand): readonly number[] {
  const width = c.x.extents[3] ?? 1;
  const ow = c.acc.extents[3] ?? 1;
  return Array.from({ length: c.w.extents[3] ?? 1 }, (_, s) => {
    const shift = s * c.dilations[1] - c.padLeft;
    const [from, end] = tapRange(ow, width, c.strides[1], shift);
    return [from, end, from * c.strides[1] + shift];
  }).flat();
}
