/**
 * Tiles of a contraction: what a mapping is, which input a tile reads, and what it needs of the core's memories.
 */
import { bytesPerElement, elementCount, tensorBytes } from '../../core/index.ts';
import { packedBytes } from '../../graph/index.ts';
import type { ContractionKernel, Geometry } from '../kernels/spec.ts';
import { slotBytes } from '../memory/local-window.ts';
import type { MapperEnvironment } from './environment.ts';

/** Bytes of so many weights, as memory holds them; of weights in blocks their share of the scales. */
export function weightBytes(k: ContractionKernel, count: number): number {
  if (k.wExpanded === null) return weightTileBytes(k, count);
  const { packed } = k.wExpanded;
  return Math.ceil((packedBytes(packed) / elementCount(packed.shape)) * count);
}

/** All weights as tiles of this size hold them: a scale lies in every tile that has numbers of its block. */
export function tiledWeightBytes(k: ContractionKernel, t: Pick<ContractionTile, 'g' | 'n' | 'c'>): number {
  if (k.wExpanded === null) return weightTileBytes(k, elementCount(k.w.shape));
  const { packed } = k.wExpanded;
  const box = constantBox(k, t);
  const blocks = packed.shape.reduce((n, extent, axis) => {
    const [size, per] = [Math.max(1, box[axis] ?? 1), packed.per[axis] ?? 1];
    const tiles = Math.ceil(extent / size);
    if (per === 1) return n * extent;
    return n * (per >= extent || per % size === 0 ? tiles : size % per === 0 ? Math.ceil(extent / per) : tiles + Math.ceil(extent / per));
  }, 1);
  const zeros = typeof packed.zeros === 'number' ? 0 : tensorBytes(packed.zeros.dtype, blocks);
  return tensorBytes(packed.codes.dtype, elementCount(packed.shape)) + tensorBytes(packed.scales.dtype, blocks) + zeros;
}

/** The same as the array takes them. */
export function weightTileBytes(k: ContractionKernel, count: number): number {
  return tensorBytes(k.wPacked ?? k.w.dtype, count);
}

/** At most so many bytes a tile of codes takes on chip, with its scales: ranges of an axis cut at most two blocks. */
export function codedTileBytes(k: ContractionKernel, t: Pick<ContractionTile, 'g' | 'n' | 'c'>): number {
  if (k.wExpanded === null) return 0;
  const { packed } = k.wExpanded;
  const box = constantBox(k, t);
  const blocks = box.reduce((n, size, axis) => n * touchedBlocks(size, packed.shape[axis] ?? 1, packed.per[axis] ?? 1), 1);
  const zeros = typeof packed.zeros === 'number' ? 0 : tensorBytes(packed.zeros.dtype, blocks);
  const pieces = box.reduce((n, size, axis) => n * (isWhole(packed.shape[axis] ?? 1, packed.per[axis] ?? 1) ? 1 : Math.min(3, size)), 1);
  // Each piece begins at a byte.
  return tensorBytes(packed.scales.dtype, blocks) + tensorBytes(packed.codes.dtype, elementCount(box)) + zeros + 2 * pieces + 4;
}

/** Along such an axis no block is cut: each is a single number, or there is one for all. */
export function isWhole(extent: number, per: number): boolean {
  return per === 1 || per >= extent;
}

function touchedBlocks(size: number, extent: number, per: number): number {
  if (isWhole(extent, per)) return per === 1 ? size : 1;
  return Math.min(Math.ceil(extent / per), Math.ceil(size / per) + 1, size);
}

/** How much of each axis of the weights' constant a tile covers. */
export function constantBox(k: ContractionKernel, t: Pick<ContractionTile, 'g' | 'n' | 'c'>): readonly number[] {
  if (k.op !== 'MATMUL') return [t.g * t.n, t.c, ...k.w.shape.slice(2)];
  return matrixAxes(k, k.wStrides.g === 0 ? 1 : t.g, t.n, t.c);
}

/** Where on each axis the tile begins that begins at these groups, output and input channels. */
export function constantStart(k: ContractionKernel, t: Pick<ContractionTile, 'g' | 'n' | 'c'>): readonly number[] {
  if (k.op !== 'MATMUL') return [t.g * k.geometry.mg + t.n, t.c, ...k.w.shape.slice(2).map(() => 0)];
  return matrixAxes(k, k.wStrides.g === 0 ? 0 : t.g, t.n, t.c);
}

function matrixAxes(k: ContractionKernel, g: number, ofN: number, ofC: number): readonly number[] {
  const { n, c } = k.wStrides;
  // Strides agree where the last axis is 1: which one that is, the sizes say.
  const inRows = n === c ? k.geometry.mg === 1 : n < c;
  const matrix = inRows ? [ofC, ofN] : [ofN, ofC];
  return k.w.shape.length === 3 ? [g, ...matrix] : matrix;
}

export interface ContractionTile {
  /** Images. */
  readonly b: number;
  /** Groups (or batched products). */
  readonly g: number;
  /** Output channels per group. */
  readonly n: number;
  /** Input channels per group. */
  readonly c: number;
  /** Output rows and columns. */
  readonly y: number;
  readonly x: number;
}

/** `weights-outer`: all pixels for one block of output channels, then the next. `pixels-outer`: the other way round. The reduction is innermost. */
export type LoopOrder = 'weights-outer' | 'pixels-outer';

export interface ContractionMapping {
  readonly tile: ContractionTile;
  readonly order: LoopOrder;
  /** How many tiles of each operand are on chip at once; 0 = used where it lies. */
  readonly slots: { readonly x: number; readonly w: number; readonly out: number; readonly acc: number; readonly operand: number };
  /** Rows of a ring buffer for x (halo rows stay), 0 = tiles. */
  readonly ringRows: number;
  readonly estimatePs: number;
  readonly tiles: number;
}

/** Where the operands of a contraction come from: home memory names, and whether engines read them there. */
export interface ContractionHomes {
  readonly x: string;
  readonly xDirect: boolean;
  readonly w: string;
  readonly wDirect: boolean;
  readonly out: string;
  readonly outDirect: boolean;
  /** One entry per epilogue operand. */
  readonly operands: readonly {
    readonly home: string;
    readonly direct: boolean;
    readonly bytesPerElement: number;
    readonly perChannel: boolean;
  }[];
}

/** Bytes one choice of tile needs in each local memory. */
export interface LocalNeed {
  readonly activations: number;
  readonly weights: number;
  readonly accumulator: number;
}

/** Why no tile fits: the smallest one and what it needs. */
export interface NoFit {
  readonly need: LocalNeed;
  readonly terms: readonly { readonly what: string; readonly bytes: number }[];
}

export function inputRows(g: Geometry, y: number): number {
  return Math.min(g.ih, (y - 1) * g.strides[0] + (g.kh - 1) * g.dilations[0] + 1);
}

export function inputCols(g: Geometry, x: number): number {
  return Math.min(g.iw, (x - 1) * g.strides[1] + (g.kw - 1) * g.dilations[1] + 1);
}

/** Input rows [lo, hi) under output rows [at, at + size): clipped to the image, never empty. */
export function inputSpan(at: number, size: number, stride: number, reach: number, pad: number, extent: number): readonly [number, number] {
  const lo = Math.min(Math.max(at * stride - pad, 0), extent - 1);
  const hi = Math.max(lo + 1, Math.min((at + size - 1) * stride + reach - pad, extent));
  return [lo, hi];
}

/** Whether taps of output rows [at, at + size) reach the image at all, and not only the padding around it. */
export function reachesInput(at: number, size: number, stride: number, reach: number, pad: number, extent: number): boolean {
  return at * stride - pad < extent && (at + size - 1) * stride + reach - pad > 0;
}

/** Sum of `inputSpan` lengths over all tiles along one axis. */
export function loadedExtent(extent: number, tile: number, stride: number, reach: number, pad: number, input: number): number {
  let sum = 0;
  for (let at = 0; at < extent; at += tile) {
    const [lo, hi] = inputSpan(at, Math.min(tile, extent - at), stride, reach, pad, input);
    sum += hi - lo;
  }
  return sum;
}

export interface Footprint {
  readonly x: number;
  readonly w: number;
  /** Codes that the weights are made of. */
  readonly coded: number;
  readonly params: number;
  readonly mid: number;
  readonly out: number;
  readonly acc: number;
  readonly operand: number;
}

export function footprint(k: ContractionKernel, homes: ContractionHomes, t: ContractionTile): Footprint {
  const g = k.geometry;
  const pixels = t.b * t.y * t.x;
  const outs = pixels * t.g * t.n;
  const channels = t.g * t.n;
  const paramBytes = (k.drain.bias === null ? 0 : 4) + (k.drain.multiplier === null ? 0 : k.drain.fixed ? 8 : 4);
  let operand = 0;
  for (const o of homes.operands) if (!o.direct) operand += slotBytes(outs * o.bytesPerElement);
  const out = outs * bytesPerElement(k.out.dtype);
  const mid = outs * bytesPerElement(k.drain.dtype);
  // The vector engine works in place where element sizes agree.
  const midSlot = k.drainOn === 'array' && k.epilogue !== null && (mid !== out || homes.outDirect) ? slotBytes(mid) : 0;
  return {
    x: homes.xDirect ? 0 : slotBytes(t.b * t.g * t.c * inputRows(g, t.y) * inputCols(g, t.x) * bytesPerElement(k.dtype)),
    w: homes.wDirect ? 0 : slotBytes(weightTileBytes(k, t.g * t.n * t.c * g.kh * g.kw)),
    coded: k.wExpanded === null ? 0 : slotBytes(codedTileBytes(k, t)),
    params: paramBytes === 0 ? 0 : slotBytes(channels * paramBytes),
    mid: midSlot,
    out: homes.outDirect ? 0 : slotBytes(out),
    acc: slotBytes(outs * bytesPerElement(k.sums)),
    operand,
  };
}

/** Which local memories the slots live in, as indices into `capacity`; several roles may share one. */
export interface Roles {
  readonly activations: number;
  readonly weights: number;
  readonly scratchpad: number;
  readonly results: number;
  readonly accumulator: number;
  readonly capacity: Float64Array;
  /** Scratch: bytes asked of each. */
  readonly asked: Float64Array;
}

export function rolesOf(env: MapperEnvironment): Roles {
  const names = [...env.capacity.keys()];
  const { ports } = env.matrix;
  const at = (name: string | undefined): number => names.indexOf(name ?? '');
  return {
    activations: at(ports.activations[0]),
    weights: at(ports.weights[0]),
    scratchpad: at(env.core.scratchpad),
    results: at(ports.results[0]),
    accumulator: at(env.core.accumulator),
    capacity: Float64Array.from(names, (name) => env.capacity.get(name) ?? 0),
    asked: new Float64Array(names.length),
  };
}

export function fits(r: Roles, f: Footprint, s: ContractionMapping['slots'], ring: number): boolean {
  const { asked, capacity } = r;
  asked.fill(0);
  const add = (role: number, bytes: number): void => {
    asked[role] = (asked[role] as number) + bytes;
  };
  add(r.activations, ring > 0 ? ring : f.x * s.x);
  add(r.weights, f.w * s.w);
  add(r.scratchpad, (f.params + f.coded) * Math.min(2, Math.max(1, s.w)) + f.mid * s.out + f.operand * s.operand);
  add(r.results, f.out * s.out);
  add(r.accumulator, f.acc * s.acc);
  for (let i = 0; i < asked.length; i++) if ((asked[i] as number) > (capacity[i] as number)) return false;
  return true;
}

export function describeMapping(k: ContractionKernel, m: ContractionMapping): string {
  const t = m.tile;
  const parts = [`n${t.n}`, `c${t.c}`, k.op === 'MATMUL' ? `m${t.x}` : `${t.y}×${t.x}`];
  if (t.g > 1) parts.unshift(`g${t.g}`);
  if (t.b > 1) parts.unshift(`b${t.b}`);
  const buffers = m.ringRows > 0 ? `ring of ${m.ringRows} rows` : m.slots.x === 0 ? 'input in place' : `${m.slots.x} input tiles`;
  const made = k.wExpanded === null ? '' : ` of ${k.w.dtype} made of ${k.wExpanded.packed.codes.dtype}`;
  return `${parts.join(' ')}, ${m.order}, ${buffers}, ${m.slots.w} weight tiles${made}`;
}
