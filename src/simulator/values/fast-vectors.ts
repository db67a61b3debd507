/**
 * MATMUL with one or two rows of x: a few rows of the matrix at a time come into the first-level cache, are used and forgotten; nothing is
 * packed. A row of sums grows by a row of the matrix after the other, so that each sum takes its products in order of k.
 */
import { elementCount } from '../../core/index.ts';
import type { ConvCommand, MatmulCommand } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { indexIn, withoutBroadcast } from './contraction.ts';
import { drainSizes, type DrainAreas } from './fast-drain.ts';
import { isHalf, rawBytes, readShorts, readUnits } from './fast-operands.ts';
import { gather, type Tile } from './tile.ts';
import type { Kernels } from './wasm/kernels.ts';

/** More rows of x are worth packing the matrix. */
const mostRows = 2;
/** Elements of the matrix at a time. */
const elementsAtOnce = 8192;

export interface VectorsPlan {
  readonly float: boolean;
  readonly startSums: (cx: Context, kernels: Kernels, c: ConvCommand | MatmulCommand, at: number) => void;
}

export function isByVector(c: MatmulCommand, float: boolean): boolean {
  const rows = c.acc.extents.at(-2) ?? 1;
  const { dtype } = c.w;
  const plain = float ? dtype === 'float32' || isHalf(dtype) : dtype === 'int8' || dtype === 'uint8';
  return rows <= mostRows && plain && c.w.ring === undefined;
}

export function multiplyByVectors(cx: Context, kernels: Kernels, c: MatmulCommand, plan: VectorsPlan): DrainAreas | null {
  const rank = c.acc.extents.length;
  const n = c.acc.extents[rank - 1] ?? 1;
  const k = c.x.extents[rank - 1] ?? 1;
  const x = withoutBroadcast(c.x, rank - 2);
  const w = withoutBroadcast(c.w, rank - 2);
  const { float } = plan;
  const unit = float ? 4 : 2;
  // Even: bytes go two rows at a time.
  const most = Math.min(k + 1, Math.max(8, Math.floor(elementsAtOnce / n / 8) * 8));
  const areas = kernels.room([
    most * n * 4,
    most * n * 4,
    rawBytes(x),
    elementCount(x.extents) * unit,
    (k + 1) * unit,
    n * 4,
    elementCount(c.acc.extents) * 4,
    ...drainSizes(c.drain, c.acc.extents, rank - 1),
  ]);
  if (areas === null) return null;
  const [raw = 0, numbers = 0, rawX = 0, xs = 0, factors = 0, line = 0, sums = 0, ...drain] = areas;
  (float ? readUnits : readShorts)(cx, kernels, x, c.xZero, rawX, xs);
  plan.startSums(cx, kernels, c, sums);

  const bytes = new Uint8Array(kernels.buffer());
  const matrix = tile(cx, w);
  const { run } = kernels;
  const addFloats = (row: number, rows: number, from: number, to: number): void => {
    run.vectorFloats(from + row * 4, matrix.dtype === 'float32' ? raw : numbers, to, rows, n);
  };
  const addBytes = (row: number, rows: number, from: number, to: number): void => {
    // Pairs of k: the last may want a half, times whatever lies behind the matrix. Whole registers of sums go past the end of the row.
    bytes.copyWithin(factors, from + row * 2, from + (row + rows) * 2).fill(0, factors + rows * 2, factors + rows * 2 + 2);
    bytes.copyWithin(line, to, to + n * 4);
    run[matrix.dtype === 'int8' ? 'vectorS' : 'vectorU'](factors, raw, line, Math.ceil(rows / 2), n, c.wZero);
    bytes.copyWithin(to, line, line + n * 4);
  };
  const add = float ? addFloats : addBytes;
  for (const [batch, jobs] of jobsOf(c, x.extents, w.extents)) {
    for (let row = 0; row < k; row += most) {
      const rows = Math.min(most, k - row);
      gather(rowsOf(matrix, batch, row, rows), kernels.buffer(), raw);
      if (matrix.dtype === 'float16') run.halfToFloat(raw, numbers, rows * n);
      if (matrix.dtype === 'bfloat16') run.bfloatToFloat(raw, numbers, rows * n);
      for (const job of jobs) add(row, rows, xs + job.x * k * unit, sums + job.sums * n * 4);
    }
  }
  return { sums, areas: drain };
}

/** One row of x and of the sums, as indices of rows. */
interface Job {
  readonly x: number;
  readonly sums: number;
}

/** What each matrix of w is multiplied with. */
function jobsOf(c: MatmulCommand, x: readonly number[], w: readonly number[]): ReadonlyMap<number, readonly Job[]> {
  const m = c.acc.extents.at(-2) ?? 1;
  const batches = c.acc.extents.slice(0, -2);
  const jobs = new Map<number, Job[]>();
  for (let batch = 0; batch < elementCount(batches); batch++) {
    const matrix = indexIn(batch, batches, w);
    const mine = jobs.get(matrix) ?? [];
    for (let row = 0; row < m; row++) mine.push({ x: indexIn(batch, batches, x) * m + row, sums: batch * m + row });
    jobs.set(matrix, mine);
  }
  return jobs;
}

/** `rows` rows of one matrix of a batch. */
function rowsOf(t: Tile, batch: number, row: number, rows: number): Tile {
  const rank = t.extents.length;
  const n = t.extents[rank - 1] ?? 1;
  let start = t.start + row * (t.strides[rank - 2] ?? 0);
  let rest = batch;
  for (let axis = rank - 3; axis >= 0; axis--) {
    const extent = t.extents[axis] ?? 1;
    start += (rest % extent) * (t.strides[axis] ?? 0);
    rest = Math.floor(rest / extent);
  }
  return { ...t, start, extents: [rows, n], strides: t.strides.slice(rank - 2), count: rows * n };
}
