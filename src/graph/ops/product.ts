/**
 * Matrix products, the inner loops of all contractions: c[m][n] += Σ_k a[m][k] · b[k][n].
 * fp32: every product and every sum rounded, k ascending. int32: wraps, so any order gives the same bits.
 */

import type { Numbers } from './numbers.ts';

/** Row-major operands; `a` starts at aOffset with rows of `k`, `b` rows of `n` from 0, `c` starts at cOffset with rows cStride apart. */
export interface ProductShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly aOffset: number;
  readonly cOffset: number;
  readonly cStride: number;
}

/** Four rows at a time share each load of b; the inner loop runs along n, where everything is contiguous. */
export function productFloat(a: Float32Array, b: Float32Array, c: Float32Array, shape: ProductShape): void {
  const { m, n, k, aOffset, cOffset, cStride } = shape;
  let row = 0;
  for (; row + 4 <= m; row += 4) {
    const a0 = aOffset + row * k;
    const c0 = cOffset + row * cStride;
    const c1 = c0 + cStride;
    const c2 = c1 + cStride;
    const c3 = c2 + cStride;
    for (let p = 0; p < k; p++) {
      const w0 = a[a0 + p] ?? 0;
      const w1 = a[a0 + k + p] ?? 0;
      const w2 = a[a0 + 2 * k + p] ?? 0;
      const w3 = a[a0 + 3 * k + p] ?? 0;
      const from = p * n;
      for (let j = 0; j < n; j++) {
        const x = b[from + j] ?? 0;
        c[c0 + j] = (c[c0 + j] ?? 0) + Math.fround(w0 * x);
        c[c1 + j] = (c[c1 + j] ?? 0) + Math.fround(w1 * x);
        c[c2 + j] = (c[c2 + j] ?? 0) + Math.fround(w2 * x);
        c[c3 + j] = (c[c3 + j] ?? 0) + Math.fround(w3 * x);
      }
    }
  }
  for (; row < m; row++) {
    const a0 = aOffset + row * k;
    const c0 = cOffset + row * cStride;
    for (let p = 0; p < k; p++) {
      const w = a[a0 + p] ?? 0;
      const from = p * n;
      for (let j = 0; j < n; j++) c[c0 + j] = (c[c0 + j] ?? 0) + Math.fround(w * (b[from + j] ?? 0));
    }
  }
}

/** The same in doubles, not rounded further: of float64 operands, and of integers, whose sums are exact to 2^53. */
export function productDouble(a: Numbers | Int16Array, b: Numbers | Int16Array, c: Float64Array, shape: ProductShape): void {
  const { m, n, k, aOffset, cOffset, cStride } = shape;
  for (let row = 0; row < m; row++) {
    const a0 = aOffset + row * k;
    const c0 = cOffset + row * cStride;
    for (let p = 0; p < k; p++) {
      const w = a[a0 + p] ?? 0;
      const from = p * n;
      for (let j = 0; j < n; j++) c[c0 + j] = (c[c0 + j] ?? 0) + w * (b[from + j] ?? 0);
    }
  }
}

/** Sums of integers: in int32, which wraps, or exact in doubles. */
export function addProducts(a: Int16Array, b: Int16Array, c: Int32Array | Float64Array, shape: ProductShape): void {
  if (c instanceof Int32Array) productInt(a, b, c, shape);
  else productDouble(a, b, c, shape);
}

/** Sums of a 4 × 2 block stay in registers. */
export function productInt(a: Int16Array, b: Int16Array, c: Int32Array, shape: ProductShape): void {
  const { m, n, k, aOffset, cOffset, cStride } = shape;
  let row = 0;
  for (; row + 4 <= m; row += 4) {
    const a0 = aOffset + row * k;
    const a1 = a0 + k;
    const a2 = a1 + k;
    const a3 = a2 + k;
    const c0 = cOffset + row * cStride;
    const c1 = c0 + cStride;
    const c2 = c1 + cStride;
    const c3 = c2 + cStride;
    let j = 0;
    for (; j + 2 <= n; j += 2) {
      let s0 = c[c0 + j] ?? 0;
      let s1 = c[c1 + j] ?? 0;
      let s2 = c[c2 + j] ?? 0;
      let s3 = c[c3 + j] ?? 0;
      let t0 = c[c0 + j + 1] ?? 0;
      let t1 = c[c1 + j + 1] ?? 0;
      let t2 = c[c2 + j + 1] ?? 0;
      let t3 = c[c3 + j + 1] ?? 0;
      let from = j;
      for (let p = 0; p < k; p++) {
        const x = b[from] ?? 0;
        const y = b[from + 1] ?? 0;
        from += n;
        const w0 = a[a0 + p] ?? 0;
        const w1 = a[a1 + p] ?? 0;
        const w2 = a[a2 + p] ?? 0;
        const w3 = a[a3 + p] ?? 0;
        s0 = (s0 + Math.imul(w0, x)) | 0;
        s1 = (s1 + Math.imul(w1, x)) | 0;
        s2 = (s2 + Math.imul(w2, x)) | 0;
        s3 = (s3 + Math.imul(w3, x)) | 0;
        t0 = (t0 + Math.imul(w0, y)) | 0;
        t1 = (t1 + Math.imul(w1, y)) | 0;
        t2 = (t2 + Math.imul(w2, y)) | 0;
        t3 = (t3 + Math.imul(w3, y)) | 0;
      }
      c[c0 + j] = s0;
      c[c1 + j] = s1;
      c[c2 + j] = s2;
      c[c3 + j] = s3;
      c[c0 + j + 1] = t0;
      c[c1 + j + 1] = t1;
      c[c2 + j + 1] = t2;
      c[c3 + j + 1] = t3;
    }
    if (j < n) for (let i = 0; i < 4; i++) sumColumn(a, b, c, { a0: aOffset + (row + i) * k, at: c0 + i * cStride + j, j, n, k });
  }
  for (; row < m; row++) {
    for (let j = 0; j < n; j++) sumColumn(a, b, c, { a0: aOffset + row * k, at: cOffset + row * cStride + j, j, n, k });
  }
}

function sumColumn(
  a: Int16Array,
  b: Int16Array,
  c: Int32Array,
  where: { readonly a0: number; readonly at: number; readonly j: number; readonly n: number; readonly k: number },
): void {
  const { a0, at, n, k } = where;
  let s = c[at] ?? 0;
  let from = where.j;
  for (let p = 0; p < k; p++) {
    s = (s + Math.imul(a[a0 + p] ?? 0, b[from] ?? 0)) | 0;
    from += n;
  }
  c[at] = s;
}

/** [rows, columns] -> [columns, rows]. */
export function transposeFloat(x: Float32Array, offset: number, rows: number, columns: number): Float32Array {
  const out = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const from = offset + i * columns;
    for (let j = 0; j < columns; j++) out[j * rows + i] = x[from + j] ?? 0;
  }
  return out;
}

/** [rows, columns] -> [columns, rows]. */
export function transposeInt(x: Int16Array, offset: number, rows: number, columns: number): Int16Array {
  const out = new Int16Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const from = offset + i * columns;
    for (let j = 0; j < columns; j++) out[j * rows + i] = x[from + j] ?? 0;
  }
  return out;
}
