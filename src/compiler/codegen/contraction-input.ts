/** How a contraction's input tiles come on chip: where they lie, tile by tile, or row by row through a ring. */
import { bytesPerElement } from '../../core/index.ts';
import type { Ref } from '../../isa/index.ts';
import type { ContractionKernel } from '../kernels/spec.ts';
import type { Slot } from '../memory/local-window.ts';
import type { Resource } from '../schedule/resources.ts';
import type { Access } from '../schedule/program-writer.ts';
import { inputCols, inputRows, inputSpan, reachesInput, type ContractionMapping } from '../tiling/contraction-tile.ts';
import { createTilePool, issue, read, slotRef, sourceOf, window, write, type EmitContext, type Source } from './context.ts';
import { pack, type Axis, type OutputTile, type Range } from './contraction-tile.ts';

export interface InputTile {
  readonly ref: Ref;
  readonly accesses: readonly Access[];
  readonly padTop: number;
  readonly padLeft: number;
}

export type InputReader = (out: OutputTile, c: Range) => InputTile;

function spans(
  k: ContractionKernel,
  out: OutputTile,
): { y: readonly [number, number]; x: readonly [number, number]; padTop: number; padLeft: number } {
  const g = k.geometry;
  const y = inputSpan(out.y.at, out.y.size, g.strides[0], (g.kh - 1) * g.dilations[0] + 1, g.padTop, g.ih);
  const x = inputSpan(out.x.at, out.x.size, g.strides[1], (g.kw - 1) * g.dilations[1] + 1, g.padLeft, g.iw);
  return { y, x, padTop: g.padTop + y[0] - out.y.at * g.strides[0], padLeft: g.padLeft + x[0] - out.x.at * g.strides[1] };
}

/** A tile that lies in the padding reads nothing: the one row or column that stands for its input need not come. */
function isRead(k: ContractionKernel, out: OutputTile): boolean {
  const g = k.geometry;
  return (
    reachesInput(out.y.at, out.y.size, g.strides[0], (g.kh - 1) * g.dilations[0] + 1, g.padTop, g.ih) &&
    reachesInput(out.x.at, out.x.size, g.strides[1], (g.kw - 1) * g.dilations[1] + 1, g.padLeft, g.iw)
  );
}

/** Byte offset of an input tile in its home. */
function inputOffset(k: ContractionKernel, out: OutputTile, c: Range, y: number, x: number): number {
  const s = k.xStrides;
  return out.b.at * s.b + out.g.at * s.g + c.at * s.c + y * s.y + x * s.x;
}

/** Box of the input view a tile reads, in the producer's axes, or null when its axes are not the producer's. */
function inputBox(
  k: ContractionKernel,
  source: Source,
  out: OutputTile,
  c: Range,
  y: readonly [number, number],
  x: readonly [number, number],
): readonly number[] | null {
  if (source.shape === null) return null;
  const channel = out.g.at * k.geometry.cg + c.at;
  const channels = out.g.size > 1 ? out.g.size * k.geometry.cg : c.size;
  if (k.op === 'MATMUL')
    return k.geometry.groups === 1 && source.shape.length === 2 && k.xStrides.c < k.xStrides.x ? [x[0], x[1], c.at, c.at + c.size] : null;
  const image = [out.b.at, out.b.at + out.b.size, channel, channel + channels];
  return source.shape.length === 3 ? [...image, x[0], x[1]] : [...image, y[0], y[1], x[0], x[1]];
}

/** References of CONV and MATMUL to an input tile with the given strides of (b, g, c, y, x). */
function inputRef(
  k: ContractionKernel,
  base: (extents: readonly number[], strides: readonly number[]) => Ref,
  out: OutputTile,
  c: Range,
  rows: number,
  cols: number,
  stride: readonly number[],
): Ref {
  const [b = 0, g = 0, ch = 0, y = 0, x = 0] = stride;
  if (k.op === 'MATMUL') return base([cols, c.size], [x, ch]);
  return base([out.b.size, out.g.size * c.size, rows, cols], [b, c.size > 1 ? ch : g, y, x]);
}

export function tileInput(cx: EmitContext, k: ContractionKernel, m: ContractionMapping): InputReader {
  const source = sourceOf(cx, k.x);
  const es = bytesPerElement(k.dtype);
  const s = k.xStrides;
  const w = window(cx, cx.env.matrix.ports.activations[0] as string);
  const t = m.tile;
  const g = k.geometry;
  const pool = m.slots.x === 0 ? null : createTilePool(w, m.slots.x, t.b * t.g * t.c * inputRows(g, t.y) * inputCols(g, t.x) * es);
  const nY = Math.ceil(g.oh / t.y);
  const nX = Math.ceil(g.ow / t.x);
  const nC = Math.ceil(g.cg / t.c);
  const nB = Math.ceil(g.batch / t.b);
  return (out, c) => {
    const span = spans(k, out);
    const rows = span.y[1] - span.y[0];
    const cols = span.x[1] - span.x[0];
    const offset = inputOffset(k, out, c, span.y[0], span.x[0]);
    const box = inputBox(k, source, out, c, span.y, span.x);
    const pads = { padTop: span.padTop, padLeft: span.padLeft };
    if (pool === null) {
      const ref = inputRef(k, (e, st) => source.ref(offset, e, st), out, c, rows, cols, [s.b, s.g, s.c, s.y, s.x]);
      return { ref, accesses: [read(source.resource, box)], ...pads };
    }
    const axes = pack(
      [
        { extent: out.b.size, home: s.b },
        { extent: out.g.size, home: s.g },
        { extent: c.size, home: s.c },
        { extent: rows, home: s.y },
        { extent: cols, home: s.x },
      ],
      es,
    );
    // A product's batches may share one matrix (stride 0 along groups): then the tile is the same.
    const group = s.g === 0 ? 0 : out.g.index;
    const tag = (((group * nB + out.b.index) * nY + out.y.index) * nX + out.x.index) * nC + c.index;
    const { slot, fresh } = pool.get(tag);
    if (fresh && isRead(k, out)) {
      issue(
        cx,
        'dma-in',
        {
          op: 'LOAD',
          src: source.ref(offset, axes.extents, axes.homeStrides),
          dst: slotRef(w, slot, k.dtype, axes.extents, axes.tileStrides),
          operand: source.operand,
        },
        [read(source.resource, box), write(slot.resource)],
      );
    }
    const ref = inputRef(k, (e, st) => slotRef(w, slot, k.dtype, e, st), out, c, rows, cols, axes.stride);
    return { ref, accesses: [read(slot.resource)], ...pads };
  };
}

/**
 * Rows in a ring: a tile's halo rows stay on chip, only new rows are loaded. Layout [row][channel][column]; input row r lies at
 * ring row r mod ringRows. Each ring row has hazards of its own.
 */
export function ringInput(cx: EmitContext, k: ContractionKernel, m: ContractionMapping): InputReader {
  const source = sourceOf(cx, k.x);
  const es = bytesPerElement(k.dtype);
  const s = k.xStrides;
  const g = k.geometry;
  const w = window(cx, cx.env.matrix.ports.activations[0] as string);
  const channels = m.tile.g * m.tile.c;
  const rowBytes = channels * g.iw * es;
  const slot = w.allocate(m.ringRows * rowBytes);
  const rowSlots = w.divide({ ...slot, bytes: m.ringRows * rowBytes }, m.ringRows);
  const ring = { base: slot.offset, bytes: m.ringRows * rowBytes, axis: 0 };
  let sweep = '';
  let loadedUpTo = 0;
  const resourcesOf = (from: number, to: number): Resource[] =>
    Array.from({ length: to - from }, (_, i) => (rowSlots[(from + i) % m.ringRows] as Slot).resource);
  const rowOffset = (row: number): number => slot.offset + (row % m.ringRows) * rowBytes;
  return (out, c) => {
    const span = spans(k, out);
    const [top, bottom] = span.y;
    const now = m.order === 'weights-outer' ? `${out.g.at}/${out.n.at}/${out.b.at}` : `${out.g.at}/${out.b.at}`;
    if (now !== sweep) {
      sweep = now;
      loadedUpTo = top;
    }
    const channelAxis: readonly Axis[] = [
      { extent: out.g.size, home: s.g },
      { extent: c.size, home: s.c },
    ];
    const wide = channelAxis.reduce((n, a) => n * a.extent, 1);
    const channelHome = c.size > 1 ? s.c : s.g;
    if (bottom > loadedUpTo) {
      const from = Math.max(loadedUpTo, top);
      const rows = bottom - from;
      const box = inputBox(k, source, out, c, [from, bottom], span.x);
      issue(
        cx,
        'dma-in',
        {
          op: 'LOAD',
          src: source.ref(inputOffset(k, out, c, from, 0), [rows, wide, g.iw], [s.y, channelHome, s.x]),
          dst: {
            space: w.space,
            region: -1,
            dtype: k.dtype,
            offset: rowOffset(from),
            extents: [rows, wide, g.iw],
            strides: [rowBytes, g.iw * es, es],
            ring,
          },
          operand: source.operand,
        },
        [read(source.resource, box), ...resourcesOf(from, bottom).map((r) => write(r))],
      );
      loadedUpTo = bottom;
    }
    const ref: Ref = {
      space: w.space,
      region: -1,
      dtype: k.dtype,
      offset: rowOffset(top),
      extents: [1, wide, bottom - top, g.iw],
      strides: [0, g.iw * es, rowBytes, es],
      ring: { ...ring, axis: 2 },
    };
    return { ref, accesses: resourcesOf(top, bottom).map((r) => read(r)), padTop: span.padTop, padLeft: span.padLeft };
  };
}
