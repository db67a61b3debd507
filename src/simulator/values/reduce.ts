/** REDUCE: axes with stride 0 in the accumulator fold into it, in row-major order of x. Sums of integers wrap at int32. */
import { assertNever } from '../../core/index.ts';
import type { ReduceCommand, Ref } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { readFloats, readInts, writeNumbers } from './numbers.ts';

export function runReduce(cx: Context, c: ReduceCommand): void {
  const kept: Ref = { ...c.acc, extents: c.acc.extents.map((e, i) => (c.acc.strides[i] === 0 ? 1 : e)) };
  const accTile = tile(cx, kept);
  const xTile = tile(cx, c.x);
  const float = c.acc.dtype === 'float32';
  const fresh = freshValue(c);
  const buffer = cx.scratch('reduced', accTile.count * 4);
  const steps = denseSteps(c.x.extents, kept.extents);
  if (float) {
    const acc = c.mode === 'accumulate' ? readFloats(accTile, cx.scratch, 'acc') : new Float32Array(buffer, 0, accTile.count).fill(fresh);
    const x = readFloats(xTile, cx.scratch, 'x');
    eachLine(c.x.extents, steps, (at, from, count, step) => foldFloats(c.kind, acc, x, { at, from, count, step }));
    writeNumbers(accTile, acc, cx.scratch);
  } else {
    const acc = c.mode === 'accumulate' ? readInts(accTile, 0, cx.scratch, 'acc') : new Int32Array(buffer, 0, accTile.count).fill(fresh);
    const x = readInts(xTile, c.xZero, cx.scratch, 'x');
    eachLine(c.x.extents, steps, (at, from, count, step) => foldInts(c.kind, acc, x, { at, from, count, step }));
    writeNumbers(accTile, acc, cx.scratch);
  }
}

/** What a fold begins with. */
export function freshValue({ kind, acc }: ReduceCommand): number {
  if (kind === 'max') return acc.dtype === 'float32' ? -Infinity : -2147483648;
  return kind === 'product' ? 1 : 0;
}

/** Strides of the dense accumulator, 0 on folded axes. */
function denseSteps(extents: readonly number[], kept: readonly number[]): number[] {
  const steps = extents.map(() => 0);
  let step = 1;
  for (let i = extents.length - 1; i >= 0; i--) {
    if (kept[i] !== 1) steps[i] = step;
    step *= kept[i] ?? 1;
  }
  return steps;
}

/** Lines of x along its last axis: where they go in the accumulator and how far apart. */
function eachLine(
  extents: readonly number[],
  steps: readonly number[],
  visit: (at: number, from: number, count: number, step: number) => void,
): void {
  const axes = extents.length - 1;
  const count = extents[axes] ?? 1;
  const lines = extents.slice(0, -1).reduce((n, e) => n * e, 1);
  const index = new Int32Array(Math.max(0, axes));
  let at = 0;
  for (let line = 0; line < lines; line++) {
    visit(at, line * count, count, steps[axes] ?? 0);
    for (let i = axes - 1; i >= 0; i--) {
      const next = (index[i] ?? 0) + 1;
      at += steps[i] ?? 0;
      if (next < (extents[i] ?? 1)) {
        index[i] = next;
        break;
      }
      at -= next * (steps[i] ?? 0);
      index[i] = 0;
    }
  }
}

interface Fold {
  readonly at: number;
  readonly from: number;
  readonly count: number;
  readonly step: number;
}

function foldInts(kind: ReduceCommand['kind'], acc: Int32Array, x: Int32Array, f: Fold): void {
  const { at, from, count, step } = f;
  switch (kind) {
    case 'sum':
      for (let i = 0; i < count; i++) acc[at + i * step] = ((acc[at + i * step] ?? 0) + (x[from + i] ?? 0)) | 0;
      return;
    case 'max':
      for (let i = 0; i < count; i++) acc[at + i * step] = Math.max(acc[at + i * step] ?? 0, x[from + i] ?? 0);
      return;
    case 'sumSquares':
      for (let i = 0; i < count; i++) {
        const v = x[from + i] ?? 0;
        acc[at + i * step] = ((acc[at + i * step] ?? 0) + Math.imul(v, v)) | 0;
      }
      return;
    case 'product':
      for (let i = 0; i < count; i++) acc[at + i * step] = Math.imul(acc[at + i * step] ?? 0, x[from + i] ?? 0);
      return;
    default:
      assertNever(kind);
  }
}

function foldFloats(kind: ReduceCommand['kind'], acc: Float32Array, x: Float32Array, f: Fold): void {
  const { at, from, count, step } = f;
  switch (kind) {
    case 'sum':
      for (let i = 0; i < count; i++) acc[at + i * step] = Math.fround((acc[at + i * step] ?? 0) + (x[from + i] ?? 0));
      return;
    case 'max':
      // NaN stays, and +0 is above −0: as the reference evaluators have it.
      for (let i = 0; i < count; i++) acc[at + i * step] = Math.max(acc[at + i * step] ?? 0, x[from + i] ?? 0);
      return;
    case 'sumSquares':
      for (let i = 0; i < count; i++) {
        const v = x[from + i] ?? 0;
        acc[at + i * step] = Math.fround((acc[at + i * step] ?? 0) + Math.fround(v * v));
      }
      return;
    case 'product':
      for (let i = 0; i < count; i++) acc[at + i * step] = Math.fround((acc[at + i * step] ?? 0) * (x[from + i] ?? 0));
      return;
    default:
      assertNever(kind);
  }
}
