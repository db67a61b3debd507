/**
 * Tiles of attention: some rows of one head with all their scores, keys and values in chunks. As for products, a search over even cuts judged
 * by max(compute, vector steps, bytes / bandwidth) and what cannot overlap.
 */
import { bytesPerElement, ceilDiv, ofOperands, type DType } from '../../core/index.ts';
import { matrixTicks, ticksPerElement } from '../../isa/index.ts';
import type { AttentionKernel, ContractionKernel, KernelSpec, View } from '../kernels/spec.ts';
import { slotBytes } from '../memory/local-window.ts';
import { productOperands, scoreOperands, type MatrixOperand } from './attention-operands.ts';
import { handshakePs } from './contraction.ts';
import { latencyPs, movePs, tileSizes, type MapperEnvironment } from './environment.ts';

export interface AttentionMapping {
  /** Rows of a tile, and keys of a chunk. */
  readonly rows: number;
  readonly keys: number;
  /** Chunks of keys, and as many of values, that are on chip at once. */
  readonly chunks: number;
  /** Tiles of everything else: 2 overlap. */
  readonly copies: number;
  readonly estimatePs: number;
  readonly tiles: number;
}

/** Where an operand lies: the memory, and whether engines read it there. */
export type HomeOf = (view: View) => { readonly home: string; readonly direct: boolean };

/** How scores change on chip, where they can in the bytes they are in. */
export interface ScoreLayout {
  /** Bytes of an element as the product leaves it, and as the softmax takes it. */
  readonly score: number;
  readonly input: number;
  /** Elementwise nodes write over what they read. */
  readonly betweenInPlace: boolean;
  /** Exponentials, fp32, take the place of what the softmax reads. */
  readonly exponentialsInPlace: boolean;
  /** So do the weights. */
  readonly weightsInPlace: boolean;
  readonly weight: number;
}

/** Keys whose scores are on chip at once. */
export function blockOf({ scores, softmax }: AttentionKernel): number {
  return softmax.kind === 'blocks' ? Math.min(softmax.block, scores.geometry.mg) : scores.geometry.mg;
}

export function weightsType({ softmax }: AttentionKernel): DType {
  return softmax.kind === 'blocks' ? softmax.weights : softmax.out.dtype;
}

export function scoreLayout(k: AttentionKernel): ScoreLayout {
  const { scores, softmax } = k;
  const [score, input, weight] = [bytesPerElement(scores.out.dtype), bytesPerElement(softmax.x.dtype), bytesPerElement(weightsType(k))];
  return {
    score,
    input,
    betweenInPlace: score === input,
    exponentialsInPlace: softmax.x.dtype === 'float32',
    weightsInPlace: weight === input,
    weight,
  };
}

/** Bytes of an element between drain and epilogue, where it has a place of its own; 0 where not. */
export function midBytes({ drainOn, epilogue, drain, out }: ContractionKernel): number {
  const bytes = bytesPerElement(drain.dtype);
  return drainOn === 'array' && epilogue !== null && bytes !== bytesPerElement(out.dtype) ? bytes : 0;
}

/** Bytes of the multipliers of `columns` channels. */
export function multiplierBytesOf({ drain }: ContractionKernel, columns: number): number {
  return drain.multiplier === null ? 0 : columns * (drain.fixed ? 8 : 4);
}

interface Need {
  readonly scratchpad: number;
  readonly accumulator: number;
}

function need(k: AttentionKernel, homeOf: HomeOf, m: Pick<AttentionMapping, 'rows' | 'keys' | 'chunks' | 'copies'>): Need {
  const { scores, values } = k;
  const { rows, keys, chunks, copies } = m;
  const [length, size, width] = [blockOf(k), scores.geometry.cg, values.geometry.mg];
  const inBlocks = k.softmax.kind === 'blocks';
  const l = scoreLayout(k);
  const each = rows * length;
  const results = rows * width;
  const operand = (o: MatrixOperand | null, columns: number): number =>
    o === null || homeOf(o.view).direct
      ? 0
      : slotBytes((o.row === 0 ? 1 : rows) * (o.column === 0 ? 1 : columns) * bytesPerElement(o.view.dtype));
  const operands = (list: readonly (MatrixOperand | null)[], columns: number): number => list.reduce((n, o) => n + operand(o, columns), 0);
  const own = (bytes: number): number => (bytes === 0 ? 0 : slotBytes(bytes));
  const twice =
    (homeOf(scores.x).direct ? 0 : slotBytes(rows * size * bytesPerElement(scores.dtype))) +
    slotBytes(each * l.score) +
    (k.between === null || l.betweenInPlace ? 0 : slotBytes(each * l.input)) +
    (l.weightsInPlace ? 0 : slotBytes(each * l.weight)) +
    own(rows * keys * midBytes(scores)) +
    own(results * midBytes(values)) +
    slotBytes(results * bytesPerElement(k.out.dtype)) +
    // Sums so far, and those of a block as the array drains them.
    (inBlocks ? (values.drainOn === 'array' ? 2 : 1) * slotBytes(results * 4) : 0) +
    operands(productOperands(scores), keys) +
    operands(scoreOperands(k), length) +
    operands(productOperands(values), width);
  const once =
    (l.exponentialsInPlace ? 0 : slotBytes(each * 4)) +
    (inBlocks ? 5 : 2) * slotBytes(rows * 4) +
    own(multiplierBytesOf(scores, keys)) +
    own(multiplierBytesOf(values, width));
  const chunk =
    (homeOf(scores.w).direct ? 0 : slotBytes(keys * size * bytesPerElement(scores.w.dtype))) +
    (homeOf(values.w).direct ? 0 : slotBytes(keys * width * bytesPerElement(values.w.dtype)));
  // An array that drains itself needs one tile of sums, since its queue is in order.
  const sums = (scores.drainOn === 'array' ? 1 : copies) * (slotBytes(rows * keys * 4) + slotBytes(results * 4));
  return { scratchpad: copies * twice + once + chunks * chunk, accumulator: sums };
}

function fits(env: MapperEnvironment, n: Need): boolean {
  const { scratchpad, accumulator } = env.core;
  const room = (memory: string): number => env.capacity.get(memory) ?? 0;
  if (scratchpad === accumulator) return n.scratchpad + n.accumulator <= room(scratchpad);
  return n.scratchpad <= room(scratchpad) && n.accumulator <= room(accumulator);
}

/** Full tiles of an extent, and the rest. */
function parts(extent: number, tile: number): readonly { readonly size: number; readonly count: number }[] {
  const rest = extent % tile;
  const full = { size: tile, count: Math.floor(extent / tile) };
  return [full, { size: rest, count: rest === 0 ? 0 : 1 }].filter((p) => p.count > 0);
}

/** Chunks of keys of a row: blocks are cut each for itself. */
function chunksOf(k: AttentionKernel, keys: number): number {
  return parts(k.scores.geometry.mg, blockOf(k)).reduce((n, b) => n + b.count * ceilDiv(b.size, keys), 0);
}

/** Lane ticks of the vector engine, the same however the kernel is cut. */
function laneTicks(env: MapperEnvironment, k: AttentionKernel): number {
  const { scores, between, softmax, values } = k;
  const of = (plan: { readonly steps: Parameters<typeof ticksPerElement>[0] } | null): number =>
    plan === null ? 0 : ticksPerElement(plan.steps, env.core);
  const each = of(scores.epilogue) + of(between?.plan ?? null) + of(softmax.exponential) + 2 * env.core.vector.ticksPerOp.reduce;
  const { mg: length, ow, groups } = scores.geometry;
  const rows = groups * ow;
  const width = values.geometry.mg;
  if (softmax.kind === 'softmax') return rows * (length * (each + of(softmax.quotient)) + width * of(values.epilogue));
  const more = ceilDiv(length, softmax.block) - 1;
  const state = of(softmax.begin) + more * (of(softmax.advance) + of(softmax.total));
  const sums = values.drainOn === 'array' ? 0 : of(softmax.start);
  return rows * (length * each + state + width * (sums + more * of(softmax.weighted) + of(softmax.quotient)));
}

/** The best mapping; null where not even the smallest fits. */
export function mapAttention(env: MapperEnvironment, k: AttentionKernel, homeOf: HomeOf): AttentionMapping | null {
  const quantum = env.matrix.kind === 'systolic' ? env.matrix.cols : env.matrix.outputLanes;
  const vectorTicks = laneTicks(env, k) / env.core.vector.lanes;
  let best: AttentionMapping | null = null;
  let seen = 0;
  for (const rows of tileSizes(k.rowsTogether, 1, 1)) {
    for (const keys of tileSizes(blockOf(k), quantum, 1)) {
      const count = chunksOf(k, keys);
      for (const copies of [2, 1]) {
        for (const chunks of new Set([count + 1, count, 2, 1])) {
          const size = { rows, keys, chunks, copies };
          if (!fits(env, need(k, homeOf, size))) continue;
          const found = judge(env, k, homeOf, size, vectorTicks);
          seen++;
          const taken = env.chance === null ? best === null || found.estimatePs < best.estimatePs : drawn(env.chance, found, best, seen);
          if (taken) best = found;
        }
      }
    }
  }
  return best;
}

/** Where mappings are drawn, programs of at most so many tiles are. */
const mostDrawnTiles = 64;

function drawn(
  chance: NonNullable<MapperEnvironment['chance']>,
  found: AttentionMapping,
  kept: AttentionMapping | null,
  seen: number,
): boolean {
  if (kept === null || kept.tiles > mostDrawnTiles) return kept === null || found.tiles < kept.tiles;
  return found.tiles <= mostDrawnTiles && chance.next() * seen < 1;
}

function judge(
  env: MapperEnvironment,
  k: AttentionKernel,
  homeOf: HomeOf,
  size: Pick<AttentionMapping, 'rows' | 'keys' | 'chunks' | 'copies'>,
  vectorTicks: number,
): AttentionMapping {
  const { scores, values } = k;
  const { rows, keys, chunks, copies } = size;
  const { groups, ow, mg: length, cg: depth } = scores.geometry;
  const width = values.geometry.mg;
  const rate = ofOperands(env.matrix.rates, k.dtype) ?? 1;
  const block = blockOf(k);
  const blocks = ceilDiv(length, block);
  const count = chunksOf(k, keys);
  const rowTiles = (ow / k.rowsTogether) * ceilDiv(k.rowsTogether, rows);
  const units = groups * rowTiles;
  const ticksOf = (m: number, n: number, channels: number): number =>
    matrixTicks(env.matrix, rate, { products: 1, depthwise: false, m, n, channels, taps: 1 }).compute + env.matrix.startTicks;
  let ticks = 0;
  for (const r of parts(k.rowsTogether, rows)) {
    for (const b of parts(length, block))
      for (const c of parts(b.size, keys))
        ticks += r.count * b.count * c.count * (ticksOf(r.size, c.size, depth) + ticksOf(r.size, width, c.size));
  }
  const computePs = (ticks * groups * ow * env.tickPs) / k.rowsTogether;
  const { vector } = env.core;
  const inBlocks = k.softmax.kind === 'blocks' ? 7 * blocks : 4;
  const commands =
    inBlocks + (k.between === null ? 0 : blocks) + (scores.epilogue === null ? 0 : count) + (values.epilogue === null ? 0 : 1);
  const vectorPs = (vectorTicks + units * commands * vector.startTicks) * env.tickPs;

  const startPs = env.core.dma.startTicks * env.tickPs;
  const rowElements = groups * ow;
  const load = (view: View, bytes: number, loads: number): number => {
    const { home, direct } = homeOf(view);
    return direct ? 0 : movePs(env, home, 'read', bytes, Math.max(1, Math.min(bytes, bytes / Math.max(1, loads)))) + loads * startPs;
  };
  // Chunks stay from one tile of rows to the next where all of a head do.
  const sweeps = chunks >= count ? 1 : rowTiles;
  const chunked = (p: ContractionKernel): number => {
    const { g } = p.wStrides;
    const heads = g === 0 ? 1 : groups;
    const matrix = p.geometry.cg * p.geometry.mg * bytesPerElement(p.w.dtype);
    return load(p.w, matrix * heads * sweeps, count * heads * sweeps);
  };
  const beside = (list: readonly (MatrixOperand | null)[], columns: number, times: number): number =>
    list.reduce((sum, o) => {
      if (o === null) return sum;
      const elements = (o.row === 0 ? units : rowElements) * (o.column === 0 ? 1 : columns);
      return sum + load(o.view, elements * bytesPerElement(o.view.dtype), units * times);
    }, 0);
  const inPs =
    load(scores.x, rowElements * depth * bytesPerElement(scores.dtype), units) +
    chunked(scores) +
    chunked(values) +
    beside(productOperands(scores), length, count) +
    beside(scoreOperands(k), length, blocks) +
    beside(productOperands(values), width, 1);
  const out = homeOf(k.out);
  const outBytes = rowElements * width * bytesPerElement(k.out.dtype);
  const outPs = out.direct ? 0 : movePs(env, out.home, 'write', outBytes, width * bytesPerElement(k.out.dtype)) + units * startPs;
  const movedPs = homeOf(scores.w).home === out.home ? inPs + outPs : Math.max(inPs, outPs);

  // Chunks that do not stay come while others are multiplied: two at a time beside the products,
  // though queues in order hide not all of it; one at a time between them.
  const streamed = chunks < count;
  const products =
    chunks === 1 && streamed ? computePs + inPs : streamed ? Math.max(computePs, inPs) + Math.min(computePs, inPs) / 4 : computePs;
  // The engines take turns on one tile, and overlap on two.
  const overlaps = copies > 1 && units * blocks > 1;
  const most = Math.max(overlaps ? Math.max(products, vectorPs) : products + vectorPs, movedPs);
  const ends = (computePs + vectorPs + movedPs - Math.min(most, computePs + vectorPs + movedPs)) / (units * blocks);
  const loadsWait = chunks === 1 && count > 1 ? 2 * units * count * latencyPs(env, homeOf(scores.w).home) : 0;
  const tiles = 2 * units * count;
  const estimatePs = most + ends + 2 * latencyPs(env, homeOf(scores.w).home) + loadsWait + tiles * handshakePs;
  return { ...size, estimatePs, tiles };
}

/** What the parts of an attention take as kernels of their own, without products: those the mapper of products judges. */
export function vectorKernelPs(env: MapperEnvironment, k: KernelSpec, homeOf: HomeOf): number {
  const elements = k.out.shape.reduce((n, d) => n * d, 1);
  const { vector } = env.core;
  const each =
    k.kind === 'softmax'
      ? ticksPerElement(k.exponential.steps, env.core) +
        ticksPerElement((k.quotient ?? k.both).steps, env.core) +
        2 * vector.ticksPerOp.reduce
      : k.kind === 'elementwise'
        ? ticksPerElement(k.plan.steps, env.core)
        : 0;
  const { home } = homeOf(k.out);
  const inBytes = k.kind === 'softmax' ? bytesPerElement(k.x.dtype) : k.kind === 'elementwise' ? readBytes(k.plan.operands) : 0;
  const inPs = movePs(env, home, 'read', elements * inBytes);
  const outPs = movePs(env, home, 'write', elements * bytesPerElement(k.out.dtype));
  return Math.max((elements * each * env.tickPs) / vector.lanes, inPs + outPs) + 2 * latencyPs(env, home);
}

/** Bytes of an element of every operand that is as large as the result. */
function readBytes(operands: readonly { readonly view: View; readonly strides: readonly number[] }[]): number {
  return operands.reduce((n, o) => n + (o.strides.some((s) => s === 0) ? 0 : bytesPerElement(o.view.dtype)), 0);
}

export function describeAttention(m: AttentionMapping, k: AttentionKernel): string {
  const { mg: length, cg: depth } = k.scores.geometry;
  const kept = k.softmax.kind === 'blocks' ? `${blockOf(k)} of ${length}` : String(length);
  return `rows ${m.rows} × ${kept} scores, keys ${m.keys} of size ${depth}, ${m.chunks} key tiles, ${m.copies} buffers`;
}
