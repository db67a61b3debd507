/** The drain by the kernels of wasm/, where it makes bytes or fp32 numbers; drain.ts elsewhere. */
import { isEngineFloat } from '../../core/index.ts';
import type { Drain } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { drain } from './drain.ts';
import { writeFloats } from './fast-operands.ts';
import { readFloats, readInts } from './numbers.ts';
import { integerBounds, type Tally } from './stats.ts';
import { scatter } from './tile.ts';
import type { Kernels } from './wasm/kernels.ts';

/** Where the finished sums lie, dense, and areas of `drainSizes`. */
export interface DrainAreas {
  readonly sums: number;
  readonly areas: readonly number[];
}

interface Sums {
  readonly extents: readonly number[];
  readonly channelAxis: number;
  readonly float: boolean;
}

/** Bytes of results, bias, scales and the table of values seen. */
export function drainSizes(d: Drain | null, extents: readonly number[], channelAxis: number): readonly number[] {
  if (d === null) return [];
  const channels = extents[channelAxis] ?? 1;
  return [extents.reduce((n, e) => n * e, 4), channels * 4, channels * 4, seenBytes];
}

export const seenBytes = 256;
/** A zero point this far from 0 still leaves sums of `far` (element-code.ts) beyond every bound. */
const mostZero = 65536;

export function fastDrain(cx: Context, kernels: Kernels, d: Drain, s: Sums, at: DrainAreas): void {
  const shape = shapeOf(s);
  const done = s.float ? drainToFloats(cx, kernels, d, shape, at) : drainToBytes(cx, kernels, d, shape, at);
  if (done) return;
  const acc = s.float ? new Float32Array(kernels.buffer(), at.sums, shape.count) : new Int32Array(kernels.buffer(), at.sums, shape.count);
  drain(cx, d, acc, s.extents, s.channelAxis);
}

interface Shape {
  readonly count: number;
  readonly channels: number;
  /** Elements of one channel that lie side by side. */
  readonly inner: number;
}

function shapeOf({ extents, channelAxis }: Sums): Shape {
  const product = (list: readonly number[]): number => list.reduce((n, e) => n * e, 1);
  return { count: product(extents), channels: extents[channelAxis] ?? 1, inner: product(extents.slice(channelAxis + 1)) };
}

function drainToBytes(cx: Context, kernels: Kernels, d: Drain, { count, channels, inner }: Shape, { sums, areas }: DrainAreas): boolean {
  const [out = 0, bias = 0, scale = 0, seen = 0] = areas;
  const { lo, hi, saturatedBelow, saturatedAbove } = integerBounds(d.out.dtype, d.lo, d.hi, d.outZero);
  const bytes = d.out.dtype === 'int8' || d.out.dtype === 'uint8';
  const integers = [lo, hi, d.outZero].every(Number.isInteger) && lo <= hi && Math.abs(d.outZero) <= mostZero;
  if (!bytes || !integers || d.multiplier === null || d.multiplier.dtype !== 'float32') return false;
  const scales = readFloats(tile(cx, d.multiplier), cx.scratch, 'multiplier');
  const biases = d.bias === null ? null : readInts(tile(cx, d.bias), 0, cx.scratch, 'bias');
  if (scales.length !== channels || !scales.every(Number.isFinite) || (biases ?? scales).length !== channels) return false;
  new Float32Array(kernels.buffer(), scale, channels).set(scales);
  const biasArea = new Int32Array(kernels.buffer(), bias, channels);
  if (biases === null) biasArea.fill(0);
  else biasArea.set(biases);
  const bounds = [d.outZero, lo, hi, saturatedBelow === -Infinity ? -2147483648 : saturatedBelow] as const;
  const above = saturatedAbove === Infinity ? 2147483647 : saturatedAbove;
  const { drainChannels, drainColumns } = kernels.run;
  if (inner === 1) cx.tally.saturated += drainColumns(sums, out, count / channels, channels, bias, scale, ...bounds, above);
  else {
    for (let i = 0; i < count; i += channels * inner)
      cx.tally.saturated += drainChannels(sums + i * 4, out + i, channels, inner, bias, scale, ...bounds, above);
  }
  scatter(tile(cx, d.out), kernels.buffer(), out);
  countBytes(cx.tally, kernels, out, count, seen);
  return true;
}

/** What countOutputs does, of bytes in the kernels' memory; `seen` has room for `seenBytes`. */
export function countBytes(tally: Tally, kernels: Kernels, at: number, count: number, seen: number): void {
  tally.outputs += count;
  const table = new Uint8Array(kernels.buffer(), seen, seenBytes).fill(0);
  kernels.run.mark(at, count, seen);
  const known = (tally.seen ??= new Uint8Array(seenBytes));
  for (let i = 0; i < seenBytes; i++) if (table[i] === 1) known[i] = 1;
}

function drainToFloats(cx: Context, kernels: Kernels, d: Drain, { count, channels, inner }: Shape, { sums, areas }: DrainAreas): boolean {
  const [out = 0, bias = 0] = areas;
  const exact = Math.fround(d.lo) === d.lo && Math.fround(d.hi) === d.hi;
  if (!isEngineFloat(d.out.dtype) || !exact) return false;
  if (d.bias !== null) {
    const biases = readFloats(tile(cx, d.bias), cx.scratch, 'bias');
    if (biases.length !== channels) return false;
    new Float32Array(kernels.buffer(), bias, channels).set(biases);
  }
  const from = d.bias === null ? 0 : bias;
  const { drainChannelsFloat, drainColumnsFloat } = kernels.run;
  if (inner === 1) drainColumnsFloat(sums, out, count / channels, channels, from, d.lo, d.hi);
  else for (let i = 0; i < count; i += channels * inner) drainChannelsFloat(sums + i * 4, out + i * 4, channels, inner, from, d.lo, d.hi);
  writeFloats(cx, kernels, d.out, out);
  cx.tally.outputs += count;
  return true;
}
