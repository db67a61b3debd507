/**
 * Ticks of one product on a matrix engine: closed forms, each written once. `test/isa/pe-grid.ts` steps a grid of processing elements
 * register by register and must agree with them.
 *
 * Terms: R rows, C columns; K = taps × channels, the reduction; M pixels (or matrix rows); N output channels per group; r the engine's rate
 * at the operand dtype (MACs per element and tick). A *fold* is one filling of the array with its stationary operand.
 *
 *   ws   R × C weights stay, M pixels stream.            folds = products × ⌈K/R⌉ × ⌈N/C⌉, streamed per fold S = M
 *   is   R × C inputs stay, N weight rows stream.        folds = products × ⌈K/R⌉ × ⌈M/C⌉, S = N
 *   os   R × C sums stay, K steps stream.                folds = products × ⌈M/R⌉ × ⌈N/C⌉, S = K
 *
 * ws, is: R ticks shift a stationary operand in, row by row. Double-buffered, the next one shifts in while this one streams:
 *   compute = R + (folds − 1)·max(S, R) + S        else        compute = folds·(R + S)
 * and the last sum leaves R + C − 2 ticks after the last input entered (skew of rows and columns): drain = R + C − 2.
 * os: nothing is loaded; finished sums shift out R deep, under the next fold when double-buffered:
 *   compute = (folds − 1)·max(S, R) + S            else        compute = folds·(S + R)
 *   drain   = (R + C − 2) + R                      else        drain   = R + C − 2, since compute has the last R already
 * Everything takes 1/r as long at rate r; skew is never shorter than at rate 1.
 *
 * Worked example (a test repeats it): ws, R = C = 8, double-buffered, a 3×3 convolution of 4 into 20 channels on 7×7 pixels:
 * K = 36, N = 20, M = 49, folds = ⌈36/8⌉·⌈20/8⌉ = 5·3 = 15; compute = 8 + 14·49 + 49 = 743; drain = 14; issued = 8·8·15·49 = 47,040 for
 * 36·20·49 = 35,280 useful MACs.
 *
 * Source: the analytical model of SCALE-Sim (Samajdar et al., arXiv:1811.02883, eq. 1-6), extended by double buffering, groups and depthwise.
 */
import { assertNever, ceilDiv } from '../core/index.ts';
import type { DotProductArray, MatrixEngine, SystolicArray } from '../hw-configs/machine.ts';

/** `products` independent products of M × K by K × N, as one command or one kernel does them. */
export interface Product {
  /** Groups × batches: products with stationary operands of their own. Depthwise: input channels. */
  readonly products: number;
  /** Channels that share no input: may share a fold as a block-diagonal operand. */
  readonly depthwise: boolean;
  readonly m: number;
  readonly n: number;
  /** Input channels per group; 1 when depthwise. */
  readonly channels: number;
  readonly taps: number;
}

export interface MatrixTicks {
  /** Ticks the engine is occupied, without its start. */
  readonly compute: number;
  /** Further ticks until the last sum is out. */
  readonly drain: number;
  readonly macs: number;
  /** MAC slots of the array while operands streamed. */
  readonly issuedMacs: number;
}

/** Registers between the multipliers of a dot-product engine and its accumulators: an approximation, published nowhere exactly. */
const dotProductPipeline = 8;

export function usefulMacs(p: Product): number {
  return p.products * p.m * p.n * p.channels * p.taps;
}

/** MACs per tick with every slot busy. */
export function peakMacsPerTick(engine: MatrixEngine, rate: number): number {
  return (engine.kind === 'systolic' ? engine.rows * engine.cols : engine.inputLanes * engine.outputLanes * engine.pixels) * rate;
}

export function matrixTicks(engine: MatrixEngine, rate: number, p: Product): MatrixTicks {
  return engine.kind === 'systolic' ? systolicTicks(engine, rate, p) : dotProductTicks(engine, rate, p);
}

/** Ticks to shift the first stationary operand in, at rate 1. */
export function fillTicks(engine: MatrixEngine): number {
  return engine.kind === 'systolic' && engine.dataflow !== 'os' ? engine.rows : 0;
}

/** Ticks from the last input to the last sum. */
export function drainTicks(engine: MatrixEngine, rate: number): number {
  if (engine.kind === 'dot-product') return dotProductPipeline;
  const skew = engine.rows + engine.cols - 2;
  return Math.ceil((engine.dataflow === 'os' && engine.doubleBuffered ? skew + engine.rows : skew) / Math.min(1, rate));
}

/** M and N change places when the inputs stay. */
export function swapped(p: Product): Product {
  return { ...p, m: p.n, n: p.m };
}

/**
 * Folds of a weight-stationary product.
 * Depthwise: p = min(⌊R/taps⌋, ⌊C/N⌋) channels lie on the diagonal of one fold. Example: 3×3, R = C = 32, N = 1: p = min(3, 32) = 3.
 */
export function stationaryFolds(rows: number, cols: number, p: Product): number {
  if (p.depthwise && p.taps <= rows && p.n <= cols) {
    return ceilDiv(p.products, Math.min(Math.floor(rows / p.taps), Math.floor(cols / p.n)));
  }
  return p.products * ceilDiv(p.taps * p.channels, rows) * ceilDiv(p.n, cols);
}

function systolicTicks(engine: SystolicArray, rate: number, p: Product): MatrixTicks {
  const { rows, cols } = engine;
  const drain = drainTicks(engine, rate);
  const macs = usefulMacs(p);
  switch (engine.dataflow) {
    case 'ws':
    case 'is': {
      const q = engine.dataflow === 'ws' ? p : swapped(p);
      const folds = stationaryFolds(rows, cols, q);
      const ticks = engine.doubleBuffered ? rows + (folds - 1) * Math.max(q.m, rows) + q.m : folds * (rows + q.m);
      return { compute: Math.ceil(ticks / rate), drain, macs, issuedMacs: rows * cols * folds * q.m };
    }
    case 'os': {
      const depth = p.taps * p.channels;
      const folds = p.products * ceilDiv(p.m, rows) * ceilDiv(p.n, cols);
      const ticks = engine.doubleBuffered ? (folds - 1) * Math.max(depth, rows) + depth : folds * (depth + rows);
      return { compute: Math.ceil(ticks / rate), drain, macs, issuedMacs: rows * cols * folds * depth };
    }
    default:
      return assertNever(engine.dataflow);
  }
}

/**
 * I input lanes × O output lanes × P pixels: one tap of I channels a tick. Depthwise channels spread over the output lanes and leave the
 * others idle. Example: 3×3, 20 into 20 channels, 49 pixels on 8 × 16 × 1: ⌈20/8⌉·9·⌈20/16⌉·49 = 3·9·2·49 = 2,646 ticks.
 * Source: NVDLA's atomic operation (nvdla.org, hardware architecture, "Convolution Core").
 */
function dotProductTicks(engine: DotProductArray, rate: number, p: Product): MatrixTicks {
  const ticks = p.depthwise
    ? p.taps * ceilDiv(p.products * p.n, engine.outputLanes) * ceilDiv(p.m, engine.pixels)
    : p.products * ceilDiv(p.channels, engine.inputLanes) * p.taps * ceilDiv(p.n, engine.outputLanes) * ceilDiv(p.m, engine.pixels);
  return {
    compute: Math.ceil(ticks / rate),
    drain: dotProductPipeline,
    macs: usefulMacs(p),
    issuedMacs: engine.inputLanes * engine.outputLanes * engine.pixels * ticks,
  };
}
