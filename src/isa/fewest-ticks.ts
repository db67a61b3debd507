/**
 * The fewest ticks a matrix engine can spend on a kernel, however it is cut into tile commands along pixels, output channels, input
 * channels, groups and batch: a lower bound of Σ ticks over the commands of any such cut. Terms as in `matrix-ticks.ts`; S streams per fold.
 *
 * Stationary (ws, is), double-buffered: a command of f folds costs R + (f − 1)·max(S, R) + S = f·max(S, R) + min(S, R). Whatever the cut,
 * every streamed vector meets at least F folds (⌈·⌉ is superadditive), so Σ f·max(S, R) ≥ F·max(S, R), and Σ min(S, R) ≥ min(S, R) or the
 * commands' own folds make up for it: one uncut command is the fewest, fill + steady with steady = (F − 1)·max(S, R) + S.
 * Not double-buffered: Σ f·(R + S) ≥ F·(R + S) likewise.
 * os: a command of f folds costs start + (f − 1)·max(K, R) + K. Cutting it at folds replaces the wait for R-deep sums, R − K where K < R, by
 * another start: steady = F·(K + min(max(R − K, 0), start)). Not double-buffered: F·(K + R).
 * dot-product: a product of ⌈·⌉s: uncut is the fewest.
 *
 * Depthwise, taps ≤ R: a cut of the channel multiplier may pack better than the whole. A fold holds at most
 * A = max over p ≤ ⌊R/taps⌋ of p·min(N, ⌊C/p⌋) (channel, output) pairs, so F = ⌈channels·N/A⌉; exact for multiplier 1.
 * Example: R = C = 4, 1 tap, 4 channels × 3: uncut p = 1, 4 folds; cut 1 + 2, p = 4 and 2: 1 + 2 folds = ⌈12/4⌉.
 *
 * Operands keep their roles: a matrix product computed as its transpose (weights streaming past stationary inputs) is another dataflow, not a
 * cut. `test/isa/bounds.test.ts` compares with all cuts of small cases.
 */
import { assertNever, ceilDiv } from '../core/index.ts';
import type { MatrixEngine } from '../hw-configs/machine.ts';
import { fillTicks, matrixTicks, stationaryFolds, swapped, type Product } from './matrix-ticks.ts';

export interface FewestTicks {
  /** Ticks that no overlap with other kernels removes. */
  readonly steady: number;
  /** Ticks to fill the empty array; paid once per model at least. */
  readonly fill: number;
}

/** Not rounded: ticks at a rate below or above 1 add up before they are. */
export function fewestTicks(engine: MatrixEngine, rate: number, p: Product): FewestTicks {
  return { steady: steadyTicks(engine, rate, p), fill: fillTicks(engine) / rate };
}

function steadyTicks(engine: MatrixEngine, rate: number, p: Product): number {
  if (engine.kind === 'dot-product') return matrixTicks(engine, 1, p).compute / rate;
  const { rows, cols } = engine;
  switch (engine.dataflow) {
    case 'ws':
    case 'is': {
      const q = engine.dataflow === 'ws' ? p : swapped(p);
      const folds = fewestFolds(rows, cols, q);
      return (engine.doubleBuffered ? (folds - 1) * Math.max(q.m, rows) + q.m : folds * (rows + q.m) - rows) / rate;
    }
    case 'os': {
      const depth = p.taps * p.channels;
      const folds = p.products * ceilDiv(p.m, rows) * ceilDiv(p.n, cols);
      const wait = engine.doubleBuffered ? Math.min(Math.max(rows - depth, 0), engine.startTicks * rate) : rows;
      return (folds * (depth + wait)) / rate;
    }
    default:
      return assertNever(engine.dataflow);
  }
}

function fewestFolds(rows: number, cols: number, p: Product): number {
  if (!p.depthwise || p.taps > rows) return stationaryFolds(rows, cols, p);
  let pairs = 1;
  for (let channels = 1; channels <= Math.min(Math.floor(rows / p.taps), cols); channels++) {
    pairs = Math.max(pairs, channels * Math.min(p.n, Math.floor(cols / channels)));
  }
  return ceilDiv(p.products * p.n, pairs);
}
