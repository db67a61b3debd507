/**
 * Products of dense matrices, the inner loops of CONV and MATMUL: acc[m, p] += Σ_k coef[m, k] · matrix[k, p].
 *
 * k ascends for every sum, so that fp32 results do not depend on blocking: acc = f32(acc + f32(coef · matrix)), one k after the other.
 * int32 sums wrap. Four k and two m share each pass over a row of `matrix`: fewer loads per product than the plain loop.
 * The int32 and fp32 loops are written out twice, because a loop that sees two kinds of array compiles to neither.
 */
import type { Scratch } from './scratch.ts';

/** A product of blocks inside larger arrays; offsets and strides in elements. */
export interface Product<A> {
  readonly acc: A;
  readonly accAt: number;
  readonly accStride: number;
  readonly coef: A;
  readonly coefAt: number;
  readonly coefStride: number;
  readonly matrix: A;
  readonly matrixAt: number;
  readonly matrixStride: number;
  readonly m: number;
  readonly k: number;
  readonly p: number;
}

interface Block {
  readonly k: number;
  readonly depth: number;
  readonly p: number;
  readonly width: number;
}

/** Blocks of `matrix` this large stay in the second-level cache while every m passes over them. */
const blockK = 64;
const blockP = 512;
/** With fewer columns than this, sums run along k over a transposed matrix instead. */
const fewColumns = 8;

export function multiplyInts(g: Product<Int32Array>, scratch: Scratch): void {
  if (g.p < fewColumns) return dotInts(g, new Int32Array(transpose(g, scratch)));
  eachBlock(g, (block) => {
    let m = 0;
    for (; m + 1 < g.m; m += 2) pairInts(g, m, block);
    if (m < g.m) rowInts(g, m, block);
  });
}

/** Sums of integers beyond int32, exact: no product or sum has more than 53 bits. */
export function multiplyWide(g: {
  readonly acc: Float64Array;
  readonly accAt: number;
  readonly accStride: number;
  readonly coef: ArrayLike<number>;
  readonly coefAt: number;
  readonly coefStride: number;
  readonly matrix: ArrayLike<number>;
  readonly matrixAt: number;
  readonly matrixStride: number;
  readonly m: number;
  readonly k: number;
  readonly p: number;
}): void {
  for (let m = 0; m < g.m; m++) {
    const to = g.accAt + m * g.accStride;
    for (let k = 0; k < g.k; k++) {
      const w = g.coef[g.coefAt + m * g.coefStride + k] ?? 0;
      const from = g.matrixAt + k * g.matrixStride;
      for (let i = 0; i < g.p; i++) g.acc[to + i] = (g.acc[to + i] ?? 0) + w * (g.matrix[from + i] ?? 0);
    }
  }
}

export function multiplyFloats(g: Product<Float32Array>, scratch: Scratch): void {
  if (g.p < fewColumns) return dotFloats(g, new Float32Array(transpose(g, scratch)));
  eachBlock(g, (block) => {
    let m = 0;
    for (; m + 1 < g.m; m += 2) pairFloats(g, m, block);
    if (m < g.m) rowFloats(g, m, block);
  });
}

function eachBlock(g: { readonly k: number; readonly p: number }, visit: (block: Block) => void): void {
  for (let p = 0; p < g.p; p += blockP) {
    for (let k = 0; k < g.k; k += blockK) visit({ k, depth: Math.min(blockK, g.k - k), p, width: Math.min(blockP, g.p - p) });
  }
}

function pairInts(g: Product<Int32Array>, m: number, block: Block): void {
  const { acc, coef, matrix: x, matrixStride: stride } = g;
  const { depth, width } = block;
  const a = g.accAt + m * g.accStride + block.p;
  const b = a + g.accStride;
  const w = g.coefAt + m * g.coefStride + block.k;
  const v = w + g.coefStride;
  const at = g.matrixAt + block.k * stride + block.p;
  let k = 0;
  for (; k + 3 < depth; k += 4) {
    const [w0, w1, w2, w3] = [coef[w + k] ?? 0, coef[w + k + 1] ?? 0, coef[w + k + 2] ?? 0, coef[w + k + 3] ?? 0];
    const [v0, v1, v2, v3] = [coef[v + k] ?? 0, coef[v + k + 1] ?? 0, coef[v + k + 2] ?? 0, coef[v + k + 3] ?? 0];
    const p0 = at + k * stride;
    const p1 = p0 + stride;
    const p2 = p1 + stride;
    const p3 = p2 + stride;
    for (let i = 0; i < width; i++) {
      const y0 = x[p0 + i] ?? 0;
      const y1 = x[p1 + i] ?? 0;
      const y2 = x[p2 + i] ?? 0;
      const y3 = x[p3 + i] ?? 0;
      const sumW = ((Math.imul(w0, y0) + Math.imul(w1, y1)) | 0) + ((Math.imul(w2, y2) + Math.imul(w3, y3)) | 0);
      const sumV = ((Math.imul(v0, y0) + Math.imul(v1, y1)) | 0) + ((Math.imul(v2, y2) + Math.imul(v3, y3)) | 0);
      acc[a + i] = ((acc[a + i] ?? 0) + sumW) | 0;
      acc[b + i] = ((acc[b + i] ?? 0) + sumV) | 0;
    }
  }
  for (; k < depth; k++) {
    const w0 = coef[w + k] ?? 0;
    const v0 = coef[v + k] ?? 0;
    const p0 = at + k * stride;
    for (let i = 0; i < width; i++) {
      const y0 = x[p0 + i] ?? 0;
      acc[a + i] = ((acc[a + i] ?? 0) + Math.imul(w0, y0)) | 0;
      acc[b + i] = ((acc[b + i] ?? 0) + Math.imul(v0, y0)) | 0;
    }
  }
}

function rowInts(g: Product<Int32Array>, m: number, block: Block): void {
  const { acc, coef, matrix: x } = g;
  const a = g.accAt + m * g.accStride + block.p;
  for (let k = 0; k < block.depth; k++) {
    const w = coef[g.coefAt + m * g.coefStride + block.k + k] ?? 0;
    const at = g.matrixAt + (block.k + k) * g.matrixStride + block.p;
    for (let i = 0; i < block.width; i++) acc[a + i] = ((acc[a + i] ?? 0) + Math.imul(w, x[at + i] ?? 0)) | 0;
  }
}

function pairFloats(g: Product<Float32Array>, m: number, block: Block): void {
  const f32 = Math.fround;
  const { acc, coef, matrix: x, matrixStride: stride } = g;
  const { depth, width } = block;
  const a = g.accAt + m * g.accStride + block.p;
  const b = a + g.accStride;
  const w = g.coefAt + m * g.coefStride + block.k;
  const v = w + g.coefStride;
  const at = g.matrixAt + block.k * stride + block.p;
  let k = 0;
  for (; k + 3 < depth; k += 4) {
    const [w0, w1, w2, w3] = [coef[w + k] ?? 0, coef[w + k + 1] ?? 0, coef[w + k + 2] ?? 0, coef[w + k + 3] ?? 0];
    const [v0, v1, v2, v3] = [coef[v + k] ?? 0, coef[v + k + 1] ?? 0, coef[v + k + 2] ?? 0, coef[v + k + 3] ?? 0];
    const p0 = at + k * stride;
    const p1 = p0 + stride;
    const p2 = p1 + stride;
    const p3 = p2 + stride;
    for (let i = 0; i < width; i++) {
      const y0 = x[p0 + i] ?? 0;
      const y1 = x[p1 + i] ?? 0;
      const y2 = x[p2 + i] ?? 0;
      const y3 = x[p3 + i] ?? 0;
      acc[a + i] = f32(f32(f32(f32((acc[a + i] ?? 0) + f32(w0 * y0)) + f32(w1 * y1)) + f32(w2 * y2)) + f32(w3 * y3));
      acc[b + i] = f32(f32(f32(f32((acc[b + i] ?? 0) + f32(v0 * y0)) + f32(v1 * y1)) + f32(v2 * y2)) + f32(v3 * y3));
    }
  }
  for (; k < depth; k++) {
    const w0 = coef[w + k] ?? 0;
    const v0 = coef[v + k] ?? 0;
    const p0 = at + k * stride;
    for (let i = 0; i < width; i++) {
      const y0 = x[p0 + i] ?? 0;
      acc[a + i] = f32((acc[a + i] ?? 0) + f32(w0 * y0));
      acc[b + i] = f32((acc[b + i] ?? 0) + f32(v0 * y0));
    }
  }
}

function rowFloats(g: Product<Float32Array>, m: number, block: Block): void {
  const f32 = Math.fround;
  const { acc, coef, matrix: x } = g;
  const a = g.accAt + m * g.accStride + block.p;
  for (let k = 0; k < block.depth; k++) {
    const w = coef[g.coefAt + m * g.coefStride + block.k + k] ?? 0;
    const at = g.matrixAt + (block.k + k) * g.matrixStride + block.p;
    for (let i = 0; i < block.width; i++) acc[a + i] = f32((acc[a + i] ?? 0) + f32(w * (x[at + i] ?? 0)));
  }
}

/** The columns of `matrix` as rows [p][k]. Moved as bits, so that one loop serves both kinds of number. */
function transpose(g: Product<Int32Array | Float32Array>, scratch: Scratch): ArrayBuffer {
  const buffer = scratch('columns', g.k * g.p * 4);
  const to = new Uint32Array(buffer);
  const from = new Uint32Array(g.matrix.buffer, g.matrix.byteOffset, g.matrix.length);
  for (let k = 0; k < g.k; k++) {
    const at = g.matrixAt + k * g.matrixStride;
    for (let p = 0; p < g.p; p++) to[p * g.k + k] = from[at + p] ?? 0;
  }
  return buffer;
}

function dotInts(g: Product<Int32Array>, columns: Int32Array): void {
  const { acc, coef } = g;
  for (let m = 0; m < g.m; m++) {
    const w = g.coefAt + m * g.coefStride;
    for (let p = 0; p < g.p; p++) {
      const x = p * g.k;
      let sum = 0;
      for (let k = 0; k < g.k; k++) sum = (sum + Math.imul(coef[w + k] ?? 0, columns[x + k] ?? 0)) | 0;
      const a = g.accAt + m * g.accStride + p;
      acc[a] = ((acc[a] ?? 0) + sum) | 0;
    }
  }
}

/** Four rows at once: each sum is a chain of dependent roundings, and four chains overlap. */
function dotFloats(g: Product<Float32Array>, columns: Float32Array): void {
  const f32 = Math.fround;
  const { acc, coef, accStride, coefStride } = g;
  let m = 0;
  for (; m + 3 < g.m; m += 4) {
    const w = g.coefAt + m * coefStride;
    for (let p = 0; p < g.p; p++) {
      const x = p * g.k;
      const a = g.accAt + m * accStride + p;
      let s0 = acc[a] ?? 0;
      let s1 = acc[a + accStride] ?? 0;
      let s2 = acc[a + 2 * accStride] ?? 0;
      let s3 = acc[a + 3 * accStride] ?? 0;
      for (let k = 0; k < g.k; k++) {
        const y = columns[x + k] ?? 0;
        s0 = f32(s0 + f32((coef[w + k] ?? 0) * y));
        s1 = f32(s1 + f32((coef[w + coefStride + k] ?? 0) * y));
        s2 = f32(s2 + f32((coef[w + 2 * coefStride + k] ?? 0) * y));
        s3 = f32(s3 + f32((coef[w + 3 * coefStride + k] ?? 0) * y));
      }
      acc[a] = s0;
      acc[a + accStride] = s1;
      acc[a + 2 * accStride] = s2;
      acc[a + 3 * accStride] = s3;
    }
  }
  for (; m < g.m; m++) {
    for (let p = 0; p < g.p; p++) {
      const w = g.coefAt + m * coefStride;
      const x = p * g.k;
      const a = g.accAt + m * accStride + p;
      let sum = acc[a] ?? 0;
      for (let k = 0; k < g.k; k++) sum = f32(sum + f32((coef[w + k] ?? 0) * (columns[x + k] ?? 0)));
      acc[a] = sum;
    }
  }
}
