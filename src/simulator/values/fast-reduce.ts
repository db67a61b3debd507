/** REDUCE by the kernels of wasm/: every sum takes its terms in the order of reduce.ts. */
import { elementCount, isEngineFloat } from '../../core/index.ts';
import type { ReduceCommand, Ref } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { isShort, rawBytes, readUnits } from './fast-operands.ts';
import { freshValue } from './reduce.ts';
import { scatter } from './tile.ts';
import type { FoldName, Kernels } from './wasm/kernels.ts';

/** False, and nothing done, where the kernels do not fit the command. */
export function fastReduce(cx: Context, kernels: Kernels, c: ReduceCommand): boolean {
  const float = c.acc.dtype === 'float32' && isEngineFloat(c.x.dtype);
  const integer = c.acc.dtype === 'int32' && (isShort(c.x, c.xZero) || (c.x.dtype === 'int32' && c.xZero === 0));
  if (!float && !integer) return false;
  const kept: Ref = { ...c.acc, extents: c.acc.extents.map((e, i) => (c.acc.strides[i] === 0 ? 1 : e)) };
  const count = elementCount(kept.extents);
  const areas = kernels.room([rawBytes(c.x), elementCount(c.x.extents) * 4, count * 4]);
  if (areas === null || elementCount(c.x.extents) === 0) return false;
  const [raw = 0, x = 0, acc = 0] = areas;
  readUnits(cx, kernels, c.x, c.xZero, raw, x);
  if (c.mode === 'accumulate') readUnits(cx, kernels, kept, 0, acc, acc);
  else new (float ? Float32Array : Int32Array)(kernels.buffer(), acc, count).fill(freshValue(c));
  foldRuns(kernels, `${c.kind}${float ? 'Floats' : 'Ints'}`, runsOf(c.x.extents, kept.extents), x, acc);
  scatter(tile(cx, kept), kernels.buffer(), acc);
  return true;
}

/** Neighbouring axes that are all kept, or all folded. */
interface Run {
  readonly folded: boolean;
  readonly extent: number;
}

function runsOf(extents: readonly number[], kept: readonly number[]): readonly Run[] {
  const runs: Run[] = [];
  for (const [axis, extent] of extents.entries()) {
    if (extent === 1) continue;
    const folded = kept[axis] === 1;
    const last = runs.at(-1);
    if (last?.folded === folded) runs.splice(-1, 1, { folded, extent: last.extent * extent });
    else runs.push({ folded, extent });
  }
  return runs;
}

/** The two innermost runs by one call, the others around it in order. */
function foldRuns(kernels: Kernels, kind: FoldKind, runs: readonly Run[], x: number, acc: number): void {
  const [outer, inner] = runs.length === 1 ? [undefined, runs[0]] : runs.slice(-2);
  const around = runs.slice(0, -2);
  const [rows, n] = [outer?.extent ?? 1, inner?.extent ?? 1];
  const fold = kernels.run[`${kind}${inner?.folded === false ? 'Across' : 'Along'}`];
  const results = inner?.folded === false ? n : rows;
  const visit = (depth: number, from: number, to: number): void => {
    const run = around[depth];
    if (run === undefined) return void fold(to, from, rows, n);
    const size = around.slice(depth + 1).reduce((p, r) => p * r.extent, rows * n) * 4;
    const step = run.folded ? 0 : around.slice(depth + 1).reduce((p, r) => (r.folded ? p : p * r.extent), results) * 4;
    for (let i = 0; i < run.extent; i++) visit(depth + 1, from + i * size, to + i * step);
  };
  visit(0, x, acc);
}

type FoldKind = FoldName extends `${infer Kind}${'Along' | 'Across'}` ? Kind : never;
