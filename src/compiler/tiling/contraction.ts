/**
 * Tiles of a contraction: which sizes, which loop order, how many buffers. An exhaustive search over even cuts; each candidate is
 * judged by max(compute, bytes / bandwidth) plus what cannot overlap (first loads, last store), from the same closed forms the
 * simulator's demand uses.
 */
import { bytesPerElement, ceilDiv, ofOperands } from '../../core/index.ts';
import { matrixTicks, ticksPerElement } from '../../isa/index.ts';
import {
  constantBox,
  fits,
  footprint,
  inputCols,
  inputRows,
  isWhole,
  loadedExtent,
  rolesOf,
  tiledWeightBytes,
  weightBytes,
  type ContractionHomes,
  type ContractionMapping,
  type ContractionTile,
  type LoopOrder,
  type NoFit,
  type Roles,
} from './contraction-tile.ts';
import type { ContractionKernel, Geometry } from '../kernels/spec.ts';
import { slotBytes } from '../memory/local-window.ts';
import { latencyPs, movePs, tileSizes, type MapperEnvironment } from './environment.ts';

/**
 * What one tile costs in hand-shakes between queues that other work does not hide. A weight of the search only (the simulator prices
 * SIGNAL and WAIT at zero): it keeps kernels that wait for memory from being cut into thousands of tiny tiles.
 */
export const handshakePs = 100_000;

/** Elements in one contiguous run of a box inside a row-major array. */
function contiguous(box: readonly number[], whole: readonly number[]): number {
  let run = 1;
  for (let axis = box.length - 1; axis >= 0; axis--) {
    run *= box[axis] as number;
    if ((box[axis] as number) < (whole[axis] as number)) break;
  }
  return run;
}

/** Ticks of all tile commands: each axis has full tiles and at most one rest. */
function computeTicks(env: MapperEnvironment, k: ContractionKernel, t: ContractionTile): number {
  const g = k.geometry;
  const rate = ofOperands(env.matrix.rates, k.dtype) ?? 1;
  const depthwise = k.op === 'DWCONV';
  const taps = g.kh * g.kw;
  const { startTicks } = env.matrix;
  const cut = (axis: number, extent: number, tile: number): number => {
    const count = Math.floor(extent / tile);
    fullTiles[axis] = count;
    rests[axis] = extent - count * tile;
    return rests[axis] === 0 ? 0 : 1 << axis;
  };
  const ragged =
    cut(0, g.batch, t.b) | cut(1, g.groups, t.g) | cut(2, g.mg, t.n) | cut(3, g.cg, t.c) | cut(4, g.oh, t.y) | cut(5, g.ow, t.x);
  let ticks = 0;
  // Bit i of `which`: axis i at its rest instead of its full tiles; all subsets of the ragged axes.
  for (let which = ragged; ; which = (which - 1) & ragged) {
    let count = 1;
    for (let i = 0; i < 6; i++) if (((which >> i) & 1) === 0) count *= fullTiles[i] as number;
    if (count > 0) {
      const at = (axis: number, tile: number): number => (((which >> axis) & 1) === 1 ? (rests[axis] as number) : tile);
      const m = at(0, t.b) * at(4, t.y) * at(5, t.x);
      const r = matrixTicks(env.matrix, rate, { products: at(1, t.g), depthwise, m, n: at(2, t.n), channels: at(3, t.c), taps });
      ticks += count * (r.compute + startTicks);
    }
    if (which === 0) return ticks;
  }
}

/** Scratch of `computeTicks`: full tiles and rest along (b, g, n, c, y, x). */
const fullTiles = new Float64Array(6);
const rests = new Float64Array(6);

function countTiles(g: Geometry, t: ContractionTile): number {
  return ceilDiv(g.batch, t.b) * ceilDiv(g.groups, t.g) * ceilDiv(g.mg, t.n) * ceilDiv(g.cg, t.c) * ceilDiv(g.oh, t.y) * ceilDiv(g.ow, t.x);
}

/** At least so many rows (or columns) of the input are read: padding may stand for some. */
function touched(outputs: number, stride: number, taps: number, extent: number): number {
  return Math.min(extent, stride >= taps ? Math.max(1, outputs - taps) : extent);
}

/** What no choice of tiles undercuts: the uncut product's ticks, every operand once over its bus, the epilogue's arithmetic. */
function leastPs(env: MapperEnvironment, k: ContractionKernel, homes: ContractionHomes): number {
  const g = k.geometry;
  const whole: ContractionTile = { b: g.batch, g: g.groups, n: g.mg, c: g.cg, y: g.oh, x: g.ow };
  const outs = g.batch * g.groups * g.mg * g.oh * g.ow;
  const made = k.wExpanded === null ? 0 : g.groups * g.mg * g.cg * g.kh * g.kw * ticksPerElement(k.wExpanded.steps, env.core);
  const behind = k.epilogue === null ? 0 : outs * ticksPerElement(k.epilogue.steps, env.core);
  const vector = ((behind + made) / env.core.vector.lanes) * env.tickPs;
  let read = movePs(env, homes.w, 'read', homes.wDirect ? 0 : weightBytes(k, g.groups * g.mg * g.cg * g.kh * g.kw));
  const input = g.batch * g.groups * g.cg * touched(g.oh, g.strides[0], g.kh, g.ih) * touched(g.ow, g.strides[1], g.kw, g.iw);
  if (!homes.xDirect) read += movePs(env, homes.x, 'read', input * bytesPerElement(k.dtype));
  for (const o of homes.operands) if (!o.direct && !o.perChannel) read += movePs(env, o.home, 'read', outs * o.bytesPerElement);
  const out = homes.outDirect ? 0 : movePs(env, homes.out, 'write', outs * bytesPerElement(k.out.dtype));
  const moved = homes.out === homes.x || homes.out === homes.w ? read + out : Math.max(read, out);
  return Math.max((computeTicks(env, k, whole) - env.matrix.startTicks) * env.tickPs, vector, moved);
}

interface Sizes {
  readonly b: readonly number[];
  readonly g: readonly number[];
  readonly n: readonly number[];
  readonly c: readonly number[];
  readonly y: readonly number[];
  readonly x: readonly number[];
}

function candidateSizes(env: MapperEnvironment, k: ContractionKernel): Sizes {
  const g = k.geometry;
  const e = env.matrix;
  const quantumN = e.kind === 'systolic' ? e.cols : e.outputLanes;
  const rows = e.kind === 'systolic' ? e.rows : e.inputLanes;
  const taps = e.kind === 'systolic' ? g.kh * g.kw : 1;
  const quantumC = Math.max(1, Math.ceil(rows / taps));
  const depthwise = k.op === 'DWCONV';
  const perFold = e.kind === 'systolic' ? Math.max(1, Math.floor(e.rows / taps)) : e.outputLanes;
  const wantCols = g.oh === 1;
  return {
    b: [...new Set([...tileSizes(g.batch, 1, 1).slice(0, 4), 1])],
    g: depthwise ? tileSizes(g.groups, perFold, 1) : k.op === 'CONV' && g.groups > 1 ? tileSizes(g.groups, 1, 1) : [1],
    n: depthwise ? [g.mg] : wholeBlocks(env, k, { g: 0, n: -1, c: 0 }, g.mg, tileSizes(g.mg, quantumN, 1)),
    c: wholeBlocks(env, k, { g: 0, n: 0, c: -1 }, g.cg, tileSizes(g.cg, quantumC, 1)),
    y: tileSizes(g.oh, 1, 1),
    x: wantCols ? tileSizes(g.ow, 1, 1) : [g.ow],
  };
}

/**
 * Of the sizes along one loop those that cut no block of weights, whose scale would be stored with both parts; all where there are no such.
 * @param loop  -1 for the loop
 */
function wholeBlocks(
  env: MapperEnvironment,
  k: ContractionKernel,
  loop: Pick<ContractionTile, 'g' | 'n' | 'c'>,
  extent: number,
  sizes: readonly number[],
): readonly number[] {
  const axis = k.wExpanded === null || env.chance !== null ? -1 : constantBox(k, loop).indexOf(-1);
  const per = k.wExpanded?.packed.per[axis] ?? 1;
  if (axis < 0 || isWhole(extent, per)) return sizes;
  const whole = sizes.filter((size) => size === extent || size % per === 0 || per % size === 0);
  // As many tiles as the search had, in whole blocks.
  const rounded = sizes.map((size) => Math.min(extent, Math.ceil(size / per) * per));
  return [...new Set([...whole, ...rounded])].toSorted((a, b) => b - a);
}

/** The best mapping, or the smallest tile's need when none fits. */
export function mapContraction(env: MapperEnvironment, k: ContractionKernel, homes: ContractionHomes): ContractionMapping | NoFit {
  const g = k.geometry;
  const sizes = candidateSizes(env, k);
  const cutColumns = { ...sizes, x: tileSizes(g.ow, 1, 1) };
  let best = search(env, k, homes, env.chance !== null && env.chance.next() < 0.3 ? cutColumns : sizes);
  // Only when whole rows are too wide: cut columns as well.
  if (best === null && g.oh > 1) best = search(env, k, homes, cutColumns);
  if (best !== null) return best;
  const smallest: ContractionTile = { b: 1, g: 1, n: 1, c: 1, y: 1, x: 1 };
  const f = footprint(k, homes, smallest);
  return {
    need: { activations: f.x + f.mid + f.out + f.operand + f.params + f.coded, weights: f.w, accumulator: f.acc },
    terms: [
      { what: 'input tile', bytes: f.x },
      { what: 'weight tile', bytes: f.w },
      { what: 'bias and scales', bytes: f.params },
      { what: 'output tile', bytes: f.out + f.mid },
      { what: 'operands of the epilogue', bytes: f.operand },
      { what: 'accumulators', bytes: f.acc },
    ],
  };
}

function search(env: MapperEnvironment, k: ContractionKernel, homes: ContractionHomes, sizes: Sizes): ContractionMapping | null {
  const geo = k.geometry;
  let best: ContractionMapping | null = null;
  const accCapacity = env.capacity.get(env.core.accumulator) ?? 0;
  const prefers = preference(env);
  const roles = rolesOf(env);
  const least = leastPs(env, k, homes);
  const perTilePs = handshakePs + env.matrix.startTicks * env.tickPs;
  /** Whether the hand-shakes of this tile, as large as it may become along `c` and `b`, already cost more than the best. */
  const hopeless = (tile: ContractionTile): boolean =>
    env.chance === null && best !== null && least + countTiles(geo, tile) * perTilePs >= best.estimatePs;
  for (const g of sizes.g) {
    for (const n of sizes.n) {
      if (hopeless({ b: geo.batch, g, n, c: geo.cg, y: geo.oh, x: geo.ow })) continue;
      for (const y of sizes.y) {
        if (hopeless({ b: geo.batch, g, n, c: geo.cg, y, x: geo.ow })) break;
        for (const x of sizes.x) {
          for (const b of sizes.b) {
            // Several images in a tile only when each is whole; several groups only with all their channels.
            if (b > 1 && (y < geo.oh || x < geo.ow)) continue;
            if (g > 1 && n < geo.mg) continue;
            if (slotBytes(g * n * b * y * x * bytesPerElement(k.sums)) > accCapacity) continue;
            for (const c of sizes.c) {
              if (g > 1 && c < geo.cg) continue;
              const tile = { b, g, n, c, y, x };
              if (hopeless(tile)) break;
              best = judge(env, k, homes, roles, tile, best, prefers);
            }
          }
        }
      }
    }
  }
  return best;
}

/** Whether a mapping is taken in place of the one kept so far. */
type Preference = (candidate: Pick<ContractionMapping, 'estimatePs' | 'tiles'>, kept: ContractionMapping | null) => boolean;

/** Where mappings are drawn: of those with at most so many tiles, while there are any, or programs grow long for nothing. */
const mostDrawnTiles = 48;

/** The faster one; or, where mappings are drawn, each that fits with equal chances. */
function preference({ chance }: MapperEnvironment): Preference {
  if (chance === null) return ({ estimatePs }, kept) => kept === null || estimatePs < kept.estimatePs;
  let seen = 0;
  return ({ tiles }, kept) => {
    if (kept === null || kept.tiles > mostDrawnTiles) return kept === null || tiles < kept.tiles;
    if (tiles > mostDrawnTiles) return false;
    seen++;
    return chance.next() * (seen + 1) < 1;
  };
}

/** Tries loop orders and buffer counts for one tile; returns the better of `best` and what it finds. */
function judge(
  env: MapperEnvironment,
  k: ContractionKernel,
  homes: ContractionHomes,
  roles: Roles,
  t: ContractionTile,
  best: ContractionMapping | null,
  prefers: Preference,
): ContractionMapping | null {
  const g = k.geometry;
  const f = footprint(k, homes, t);
  if (!fits(roles, f, singleSlots, 0)) return best;
  const tiles = countTiles(g, t);
  const computePs = computeTicks(env, k, t) * env.tickPs;
  if (env.chance === null && best !== null && computePs >= best.estimatePs) return best;

  const nK = ceilDiv(g.cg, t.c);
  const nN = ceilDiv(g.mg, t.n);
  const nG = ceilDiv(g.groups, t.g);
  const nY = ceilDiv(g.oh, t.y);
  const nX = ceilDiv(g.ow, t.x);
  const nB = ceilDiv(g.batch, t.b);
  const nS = nB * nY * nX;
  const reachY = (g.kh - 1) * g.dilations[0] + 1;
  const reachX = (g.kw - 1) * g.dilations[1] + 1;
  const es = bytesPerElement(k.dtype);
  const rowsLoaded = loadedExtent(g.oh, t.y, g.strides[0], reachY, g.padTop, g.ih);
  const colsLoaded = loadedExtent(g.ow, t.x, g.strides[1], reachX, g.padLeft, g.iw);
  const outs = g.batch * g.groups * g.mg * g.oh * g.ow;
  const weightCount = g.groups * g.mg * g.cg * g.kh * g.kw;
  const wBytes = k.wExpanded === null ? weightBytes(k, weightCount) : tiledWeightBytes(k, t);
  const outTiles = nG * nN * nS;
  const { vector } = env.core;
  const vectorPs =
    k.epilogue === null
      ? 0
      : ((outs / vector.lanes) * ticksPerElement(k.epilogue.steps, env.core) + outTiles * vector.startTicks) * env.tickPs;
  const expandPs =
    k.wExpanded === null
      ? 0
      : ((weightCount / vector.lanes) * ticksPerElement(k.wExpanded.steps, env.core) + nG * nN * nK * vector.startTicks) * env.tickPs;
  const loadStartPs = env.core.dma.startTicks * env.tickPs;
  const eo = bytesPerElement(k.out.dtype);
  // Contiguous bytes per run of a tile in its home (products: a row's part).
  const product = k.op === 'MATMUL';
  const xRun = product
    ? t.c < g.cg
      ? t.c * es
      : t.x * t.c * es
    : contiguous([t.g * t.c, inputRows(g, t.y), inputCols(g, t.x)], [g.groups * g.cg, g.ih, g.iw]) * es;
  const outRun = (product ? (t.n < g.mg ? t.n : t.x * t.n) : contiguous([t.g * t.n, t.y, t.x], [g.groups * g.mg, g.oh, g.ow])) * eo;

  for (const order of nN === 1 && nK === 1 ? (['weights-outer'] as const) : (['weights-outer', 'pixels-outer'] as const)) {
    for (const ring of [false, true]) {
      if (ring && (homes.xDirect || nK > 1 || nX > 1 || nY === 1 || t.b > 1 || reachY <= g.strides[0])) continue;
      const ringRows = ring ? Math.min(g.ih, inputRows(g, t.y) + t.y * g.strides[0]) : 0;
      const ringBytes = ring ? slotBytes(ringRows * t.g * t.c * g.iw * es) : 0;
      for (const slots of slotChoices(k.drainOn === 'array' ? 1 : 2, order, nK, nN)) {
        if (!fits(roles, f, slots, ringBytes)) continue;
        const xKept = ring
          ? nN === 1 || order === 'pixels-outer'
          : order === 'pixels-outer'
            ? nN === 1 || slots.x >= nK
            : nN === 1 || slots.x >= nS * nK;
        const xSweeps = xKept ? 1 : nN;
        const wKept = order === 'weights-outer' ? slots.w >= nK || nS === 1 : slots.w >= nN * nK || nS === 1;
        const wSweeps = homes.wDirect ? 0 : wKept ? 1 : nS;
        const rows = ring ? g.ih : rowsLoaded;
        const xBytes = homes.xDirect ? 0 : g.batch * g.groups * g.cg * rows * colsLoaded * es * xSweeps;
        const loads = (homes.xDirect ? 0 : nG * nS * nK * xSweeps) + nG * nN * nK * wSweeps;
        let inPs =
          movePs(env, homes.x, 'read', xBytes, Math.min(xRun, xBytes)) +
          movePs(env, homes.w, 'read', wBytes * wSweeps) +
          loads * loadStartPs;
        for (const o of homes.operands) {
          if (o.direct) continue;
          inPs += o.perChannel
            ? movePs(env, o.home, 'read', g.groups * g.mg * o.bytesPerElement)
            : movePs(env, o.home, 'read', outs * o.bytesPerElement, (outRun / eo) * o.bytesPerElement) + outTiles * loadStartPs;
        }
        const outPs = homes.outDirect ? 0 : movePs(env, homes.out, 'write', outs * eo, outRun) + outTiles * loadStartPs;
        const sameBus = homes.out === homes.x || homes.out === homes.w;
        const movedPs = sameBus ? inPs + outPs : Math.max(inPs, outPs);
        // Single buffers cannot overlap: their time adds to the computation.
        const loadsWait = (slots.x === 1 && !ring && !homes.xDirect) || (slots.w === 1 && wSweeps * nN * nK > 1);
        const storesWait = slots.out === 1 && !homes.outDirect && outTiles > 1;
        const serial =
          (loadsWait ? inPs + loads * latencyPs(env, homes.x) : 0) +
          (slots.w === 1 ? expandPs * wSweeps : 0) +
          (storesWait ? outPs + outTiles * latencyPs(env, homes.out) : 0);
        const firstPs =
          (homes.xDirect ? 0 : movePs(env, homes.x, 'read', f.x) + latencyPs(env, homes.x)) +
          movePs(env, homes.w, 'read', k.wExpanded === null ? f.w : f.coded) +
          latencyPs(env, homes.w) * 0.5;
        const lastPs = homes.outDirect ? 0 : movePs(env, homes.out, 'write', f.out) + latencyPs(env, homes.out);
        const workPs = vectorPs + expandPs * wSweeps;
        const estimatePs = Math.max(computePs + serial, movedPs, workPs) + firstPs + lastPs + tiles * handshakePs;
        if (prefers({ estimatePs, tiles }, best)) {
          best = { tile: t, order, slots: homes.xDirect ? { ...slots, x: 0 } : slots, ringRows, estimatePs, tiles };
        }
      }
    }
  }
  return best;
}

const singleSlots: ContractionMapping['slots'] = { x: 1, w: 1, out: 1, acc: 1, operand: 1 };

/**
 * @param acc  accumulator tiles: an array that drains itself needs one, since its queue is in order; one that leaves the sums to the vector
 *             engine goes on in a second
 */
function slotChoices(acc: number, order: LoopOrder, nK: number, nN: number): ContractionMapping['slots'][] {
  const two = { x: 2, w: 2, out: 2, acc, operand: 2 };
  const choices = [two];
  if (order === 'weights-outer' && nK > 1) choices.push({ ...two, w: nK + 1 });
  if (order === 'pixels-outer' && nN * nK > 2) choices.push({ ...two, w: nN * nK });
  if (order === 'pixels-outer' && nK > 1 && nN > 1) choices.push({ ...two, x: nK + 1 }, { ...two, x: nK + 1, w: nN * nK });
  choices.push({ ...two, x: 1, w: 1 }, { ...two, x: 1, w: 1, operand: 1 }, singleSlots);
  return choices;
}
