/**
 * Tiles of a contraction: what a mapping is, which input a tile reads, and what it needs of the core's memories.
 */
import { bytesPerElement, tensorBytes } from '../../core/index.ts';
import type { ContractionKernel, Geometry } from '../kernels/spec.ts';
import { slotBytes } from '../memory/local-window.ts';
import type { MapperEnvironment } from './environment.ts';

/** Bytes of so many weights, as memory holds them. */
export function weightBytes(k: ContractionKernel, count: number): number {
  return tensorBytes(k.wPacked ?? k.w.dtype, count);
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
    w: homes.wDirect ? 0 : slotBytes(weightBytes(k, t.g * t.n * t.c * g.kh * g.kw)),
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
  add(r.scratchpad, f.params * Math.min(2, Math.max(1, s.w)) + f.mid * s.out + f.operand * s.operand);
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
  return `${parts.join(' ')}, ${m.order}, ${buffers}, ${m.slots.w} weight tiles`;
}
