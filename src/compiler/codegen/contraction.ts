/**
 * Contraction -> LOAD tiles, CONV / DWCONV / MATMUL into accumulators, drain, optional VECTOR epilogue, STORE.
 * Loops as the mapping says; double buffering is nothing but slots used in turn, the writer orders what shares them.
 */
import { bytesPerElement } from '../../core/index.ts';
import type { Value } from '../../graph/index.ts';
import type { AccumulateMode, Command, Drain, Ref } from '../../isa/index.ts';
import type { ContractionKernel } from '../kernels/spec.ts';
import type { LocalWindow, Slot } from '../memory/local-window.ts';
import type { Resource } from '../schedule/resources.ts';
import type { Access } from '../schedule/program-writer.ts';
import { inputCols, inputRows, inputSpan, type ContractionMapping } from '../tiling/contraction.ts';
import {
  constantOf,
  createRotation,
  createTilePool,
  denseStrides,
  homeRef,
  issue,
  operandSources,
  read,
  scratchpad,
  slotRef,
  sourceOf,
  targetOf,
  window,
  write,
  type EmitContext,
  type Source,
  type TilePool,
} from './context.ts';
import { channelBytes, gatherBox, multiplierBytes } from './weight-image.ts';

/** Half-open ranges of one output tile and its reduction step. */
interface Range {
  readonly at: number;
  readonly size: number;
  /** Which tile along its axis. */
  readonly index: number;
}

interface OutputTile {
  readonly b: Range;
  readonly g: Range;
  readonly n: Range;
  readonly y: Range;
  readonly x: Range;
}

interface Axis {
  readonly extent: number;
  /** Byte stride in the home. */
  readonly home: number;
}

/** Axes packed densely, the slowest in the home first. `stride[i]` is the tile stride of axis i as given. */
interface Packed {
  readonly extents: readonly number[];
  readonly homeStrides: readonly number[];
  readonly tileStrides: readonly number[];
  readonly stride: readonly number[];
}

function pack(axes: readonly Axis[], elementBytes: number): Packed {
  const order = axes.map((_, i) => i).toSorted((i, j) => (axes[j] as Axis).home - (axes[i] as Axis).home || i - j);
  const extents = order.map((i) => (axes[i] as Axis).extent);
  const dense = denseStrides(extents, elementBytes);
  const stride = new Array<number>(axes.length).fill(0);
  order.forEach((axis, i) => {
    stride[axis] = dense[i] as number;
  });
  const kept = order.map((axis, i) => ({ axis, i })).filter(({ i }) => (extents[i] as number) > 1);
  const use = kept.length > 0 ? kept : [{ axis: order[order.length - 1] as number, i: order.length - 1 }];
  return {
    extents: use.map(({ i }) => extents[i] as number),
    homeStrides: use.map(({ axis }) => (axes[axis] as Axis).home),
    tileStrides: use.map(({ i }) => dense[i] as number),
    stride,
  };
}

function* ranges(extent: number, tile: number): Generator<Range> {
  for (let at = 0, index = 0; at < extent; at += tile, index++) yield { at, size: Math.min(tile, extent - at), index };
}

function* outputTiles(k: ContractionKernel, m: ContractionMapping): Generator<OutputTile> {
  const { geometry: geo } = k;
  const { tile: t } = m;
  for (const g of ranges(geo.groups, t.g)) {
    if (m.order === 'weights-outer') {
      for (const n of ranges(geo.mg, t.n))
        for (const b of ranges(geo.batch, t.b))
          for (const y of ranges(geo.oh, t.y)) for (const x of ranges(geo.ow, t.x)) yield { b, g, n, y, x };
    } else {
      for (const b of ranges(geo.batch, t.b))
        for (const y of ranges(geo.oh, t.y))
          for (const x of ranges(geo.ow, t.x)) for (const n of ranges(geo.mg, t.n)) yield { b, g, n, y, x };
    }
  }
}

/** Emits the kernel's commands. */
export function emitContraction(cx: EmitContext, k: ContractionKernel, m: ContractionMapping): void {
  const { ports } = cx.env.matrix;
  const acc = window(cx, cx.env.core.accumulator);
  const t = m.tile;
  const geo = k.geometry;
  const outBytes = bytesPerElement(k.out.dtype);
  const outs = t.b * t.g * t.n * t.y * t.x;
  const accs = createRotation(acc, m.slots.acc, outs * 4);
  const inputs = m.ringRows > 0 ? ringInput(cx, k, m) : tileInput(cx, k, m);
  const weights = weightInput(cx, k, m);
  const params = parameterInput(cx, k, m);
  const results = resultWriter(cx, k, m, window(cx, ports.results[0] as string), outs * outBytes);

  for (const out of outputTiles(k, m)) {
    const accSlot = accs.next();
    const steps = [...ranges(geo.cg, t.c)];
    for (const c of steps) {
      const last = c.index === steps.length - 1;
      const w = weights(out, c);
      const x = inputs(out, c);
      const accesses: Access[] = [...x.accesses, ...w.accesses, write(accSlot.resource)];
      const mode: AccumulateMode = c.index === 0 ? 'overwrite' : 'accumulate';
      if (mode === 'accumulate') accesses.push(read(accSlot.resource));
      let drain: Drain | null = null;
      if (last && k.drainOn === 'array') {
        const p = params(out);
        accesses.push(...p.accesses);
        const target = results.drainTo(out);
        accesses.push(...target.accesses);
        drain = { out: target.ref, bias: p.bias, multiplier: p.multiplier, outZero: k.drain.outZero, lo: k.drain.lo, hi: k.drain.hi };
      }
      issue(
        cx,
        'matrix',
        contractionCommand(k, out, c, {
          x: x.ref,
          w: w.ref,
          acc: slotRefOfAcc(acc, accSlot, k, out),
          mode,
          drain,
          padTop: x.padTop,
          padLeft: x.padLeft,
        }),
        accesses,
      );
    }
    if (k.drainOn === 'vector')
      results.finish(out, { ref: accTile(acc, accSlot, k, out), resource: accSlot.resource, params: params(out) });
    else results.finish(out, null);
  }
}

/** Sums as operands of a VECTOR command: axes in the order of the output tile in its home. */
function accTile(acc: LocalWindow, slot: Slot, k: ContractionKernel, out: OutputTile): Ref {
  const product = k.op === 'MATMUL';
  const sizes = [out.b.size, out.g.size, out.n.size, out.y.size, out.x.size];
  // Dense [b, g, n, y, x], products [x, n].
  const order = product ? [0, 1, 3, 4, 2] : [0, 1, 2, 3, 4];
  const dense = denseStrides(
    order.map((axis) => sizes[axis] as number),
    4,
  );
  const stride = new Array<number>(5).fill(0);
  order.forEach((axis, i) => (stride[axis] = dense[i] as number));
  const { extents, strides } = alongHome(sizes, stride, homeStrides(k));
  return slotRef(acc, slot, k.dtype === 'float32' ? 'float32' : 'int32', extents, strides);
}

function homeStrides(k: ContractionKernel): readonly number[] {
  const s = k.outStrides;
  return [s.b, s.g, s.n, s.y, s.x];
}

/** Extents and strides of (b, g, n, y, x) in the order of the home's strides, single axes left out: how output tiles are walked. */
function alongHome(
  sizes: readonly number[],
  strides: readonly number[],
  home: readonly number[],
): { readonly extents: number[]; readonly strides: number[] } {
  const axes = home.map((h, axis) => ({ h, axis })).toSorted((a, b) => b.h - a.h || a.axis - b.axis);
  const shown = axes.filter(({ axis }) => (sizes[axis] as number) > 1);
  const use = shown.length > 0 ? shown : axes.slice(-1);
  return {
    extents: use.map(({ axis }) => sizes[axis] as number),
    strides: use.map(({ axis }) => ((sizes[axis] as number) > 1 ? (strides[axis] as number) : 0)),
  };
}

/** Sums that a VECTOR command takes from the accumulators, with the bias and multipliers it applies. */
interface Sums {
  readonly ref: Ref;
  readonly resource: Resource;
  readonly params: ReturnType<ParameterReader>;
}

interface Parts {
  readonly x: Ref;
  readonly w: Ref;
  readonly acc: Ref;
  readonly mode: AccumulateMode;
  readonly drain: Drain | null;
  readonly padTop: number;
  readonly padLeft: number;
}

function contractionCommand(k: ContractionKernel, out: OutputTile, c: Range, p: Parts): Command {
  const common = { mode: p.mode, acc: p.acc, drain: p.drain, xZero: k.xZero, wZero: k.wZero, x: p.x, w: p.w };
  if (k.op === 'MATMUL') return { op: 'MATMUL', ...common };
  return {
    op: k.op,
    ...common,
    groups: k.op === 'DWCONV' ? out.g.size * c.size : out.g.size,
    strides: k.geometry.strides,
    dilations: k.geometry.dilations,
    padTop: p.padTop,
    padLeft: p.padLeft,
  };
}

/** Sums lie dense: [b, channel, y, x], products [row, column]. */
function slotRefOfAcc(acc: LocalWindow, slot: Slot, k: ContractionKernel, out: OutputTile): Ref {
  const extents = k.op === 'MATMUL' ? [out.x.size, out.n.size] : [out.b.size, out.g.size * out.n.size, out.y.size, out.x.size];
  return slotRef(acc, slot, k.dtype === 'float32' ? 'float32' : 'int32', extents, denseStrides(extents, 4));
}

interface InputTile {
  readonly ref: Ref;
  readonly accesses: readonly Access[];
  readonly padTop: number;
  readonly padLeft: number;
}

type InputReader = (out: OutputTile, c: Range) => InputTile;

function spans(
  k: ContractionKernel,
  out: OutputTile,
): { y: readonly [number, number]; x: readonly [number, number]; padTop: number; padLeft: number } {
  const g = k.geometry;
  const y = inputSpan(out.y.at, out.y.size, g.strides[0], (g.kh - 1) * g.dilations[0] + 1, g.padTop, g.ih);
  const x = inputSpan(out.x.at, out.x.size, g.strides[1], (g.kw - 1) * g.dilations[1] + 1, g.padLeft, g.iw);
  return { y, x, padTop: g.padTop + y[0] - out.y.at * g.strides[0], padLeft: g.padLeft + x[0] - out.x.at * g.strides[1] };
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

function tileInput(cx: EmitContext, k: ContractionKernel, m: ContractionMapping): InputReader {
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
    if (fresh) {
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
function ringInput(cx: EmitContext, k: ContractionKernel, m: ContractionMapping): InputReader {
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

type WeightReader = (out: OutputTile, c: Range) => { readonly ref: Ref; readonly accesses: readonly Access[] };

function weightInput(cx: EmitContext, k: ContractionKernel, m: ContractionMapping): WeightReader {
  const g = k.geometry;
  const t = m.tile;
  const es = bytesPerElement(k.w.dtype);
  const win = window(cx, cx.env.matrix.ports.weights[0] as string);
  const taps = g.kh * g.kw;
  const constant = constantOf(cx, k.w.root);
  const source = constant === null ? sourceOf(cx, k.w) : null;
  const direct = source !== null && source.direct;
  const pool: TilePool | null = direct ? null : createTilePool(win, m.slots.w, t.g * t.n * t.c * taps * es);
  const nN = Math.ceil(g.mg / t.n);
  const nC = Math.ceil(g.cg / t.c);
  if (constant?.constant?.kind === 'absent') cx.weights.markAbsent(constant.constant.reason);
  const refOf = (
    make: (extents: readonly number[], strides: readonly number[]) => Ref,
    out: OutputTile,
    c: Range,
    stride: readonly number[],
  ): Ref => {
    const [sg = 0, sn = 0, sc = 0, sr = 0, st = 0] = stride;
    if (k.op === 'MATMUL') return make([c.size, out.n.size], [sc, sn]);
    return make([out.g.size * out.n.size, c.size, g.kh, g.kw], [out.n.size > 1 ? sn : sg, sc, sr, st]);
  };
  return (out, c) => {
    const offset = out.g.at * k.wStrides.g + out.n.at * k.wStrides.n + c.at * k.wStrides.c;
    const homeStride = [k.wStrides.g, k.wStrides.n, k.wStrides.c, g.kw * es, es];
    if (pool === null && source !== null) {
      return { ref: refOf((e, s) => source.ref(offset, e, s), out, c, homeStride), accesses: [read(source.resource)] };
    }
    const axes = pack(
      [out.g.size, out.n.size, c.size, g.kh, g.kw].map((extent, i) => ({ extent, home: homeStride[i] as number })),
      es,
    );
    const group = k.wStrides.g === 0 ? 0 : out.g.index;
    const { slot, fresh } = (pool as TilePool).get((group * nN + out.n.index) * nC + c.index);
    if (fresh) {
      const bytes = out.g.size * out.n.size * c.size * taps * es;
      let src: Ref;
      let resource: Resource | null = null;
      let operand: 'weights' | 'inputs' = 'weights';
      if (source === null && constant !== null) {
        const key = `${k.w.root}/${offset}/${axes.extents.join('x')}/${axes.homeStrides.join(',')}`;
        const at = cx.weights.segment(key, bytes, () => gatherBox(constant, offset, axes.extents, axes.homeStrides));
        const region = cx.placement.weightsRegion;
        src = {
          space: cx.env.spaces.indexOf(cx.env.machine.placement.constants),
          region,
          dtype: k.w.dtype,
          offset: at,
          extents: [bytes / es],
          strides: [es],
        };
      } else {
        const s = source as Source;
        src = s.ref(offset, axes.extents, axes.homeStrides);
        resource = s.resource;
        operand = 'inputs';
      }
      const dense = src.extents.length === 1 ? [src.extents[0] as number] : axes.extents;
      const dst = slotRef(win, slot, k.w.dtype, dense, denseStrides(dense, es));
      issue(cx, 'dma-in', { op: 'LOAD', src, dst, operand }, [...(resource === null ? [] : [read(resource)]), write(slot.resource)]);
    }
    return { ref: refOf((e, s) => slotRef(win, slot, k.w.dtype, e, s), out, c, axes.stride), accesses: [read(slot.resource)] };
  };
}

type ParameterReader = (out: OutputTile) => {
  readonly bias: Ref | null;
  readonly multiplier: Ref | null;
  readonly accesses: readonly Access[];
};

/** Bias and multipliers of a block of channels: one contiguous segment, bias first. */
function parameterInput(cx: EmitContext, k: ContractionKernel, m: ContractionMapping): ParameterReader {
  const { drain, geometry: g } = k;
  const bias = drain.bias === null ? null : (cx.graph.values[drain.bias] as Value);
  const { multiplier } = drain;
  if (bias === null && multiplier === null) return () => ({ bias: null, multiplier: null, accesses: [] });
  if (bias?.constant?.kind === 'absent') cx.weights.markAbsent(bias.constant.reason);
  const win = scratchpad(cx);
  const each = (bias === null ? 0 : 4) + (multiplier === null ? 0 : 4);
  const pool = createTilePool(win, Math.min(2, Math.max(1, m.slots.w)), m.tile.g * m.tile.n * each);
  const nN = Math.ceil(g.mg / m.tile.n);
  const shared = k.op === 'MATMUL';
  return (out) => {
    const count = shared ? out.n.size : out.g.size * out.n.size;
    const first = (shared ? 0 : out.g.at * g.mg) + out.n.at;
    const { slot, fresh } = pool.get((shared ? 0 : out.g.index * nN) + out.n.index);
    if (fresh) {
      const bytes = count * each;
      const at = cx.weights.segment(`params/${cx.kernel}/${first}/${count}`, bytes, () => {
        const all = new Uint8Array(bytes);
        if (bias !== null) all.set(channelBytes(bias, first, count), 0);
        if (multiplier !== null) all.set(multiplierBytes(multiplier(), first, count), bias === null ? 0 : count * 4);
        return all;
      });
      const space = cx.env.spaces.indexOf(cx.env.machine.placement.constants);
      issue(
        cx,
        'dma-in',
        {
          op: 'LOAD',
          src: { space, region: cx.placement.weightsRegion, dtype: 'uint8', offset: at, extents: [bytes], strides: [1] },
          dst: slotRef(win, slot, 'uint8', [bytes], [1]),
          operand: 'weights',
        },
        [write(slot.resource)],
      );
    }
    return {
      bias: bias === null ? null : slotRef(win, slot, bias.type.dtype, [count], [4]),
      multiplier: multiplier === null ? null : slotRef(win, slot, 'float32', [count], [4], bias === null ? 0 : count * 4),
      accesses: [read(slot.resource)],
    };
  };
}

interface ResultWriter {
  /** Where the drain puts the finished tile. */
  drainTo(out: OutputTile): { readonly ref: Ref; readonly accesses: readonly Access[] };
  /** Epilogue and store; `sums` when the vector engine drains. */
  finish(out: OutputTile, sums: Sums | null): void;
}

function resultWriter(cx: EmitContext, k: ContractionKernel, m: ContractionMapping, win: LocalWindow, slotBytes: number): ResultWriter {
  const { home, shape } = targetOf(cx, k.out);
  const resource = home.resource();
  const eo = bytesPerElement(k.out.dtype);
  const em = bytesPerElement(k.drain.dtype);
  const homeStride = homeStrides(k);
  const direct = home.local;
  const slots = direct ? null : createRotation(win, m.slots.out, slotBytes);
  const inPlace = k.epilogue !== null && em === eo && !direct;
  const mids =
    k.epilogue === null || inPlace || k.drainOn === 'vector' ? null : createRotation(scratchpad(cx), m.slots.out, (slotBytes / eo) * em);
  const epilogue = k.epilogue;
  const sources = epilogue === null ? [] : operandSources(cx, epilogue.operands);
  const operandStrides = k.operandStrides.map((o, i) => o.map((e) => e * bytesPerElement((sources[i] as Source).dtype)));
  const t = m.tile;
  const operandPools = sources.map((source, i) => {
    if (source.direct) return null;
    const axes = [t.b, t.g, t.n, t.y, t.x].filter((_, axis) => (operandStrides[i]?.[axis] ?? 0) !== 0);
    return createTilePool(scratchpad(cx), m.slots.operand, axes.reduce((n, d) => n * d, 1) * bytesPerElement(source.dtype));
  });
  let slot: Slot | null = null;
  let mid: Slot | null = null;

  const sizes = (out: OutputTile): number[] => [out.b.size, out.g.size, out.n.size, out.y.size, out.x.size];
  const starts = (out: OutputTile): number[] => [out.b.at, out.g.at, out.n.at, out.y.at, out.x.at];
  const offsetOf = (out: OutputTile, strides: readonly number[]): number =>
    starts(out).reduce((sum, at, i) => sum + at * (strides[i] as number), 0);
  const packed = (out: OutputTile, elementBytes: number): Packed =>
    pack(
      sizes(out).map((extent, i) => ({ extent, home: homeStride[i] as number })),
      elementBytes,
    );
  const drainShape = (make: (e: readonly number[], st: readonly number[]) => Ref, out: OutputTile, stride: readonly number[]): Ref => {
    const [b = 0, g = 0, n = 0, y = 0, x = 0] = stride;
    if (k.op === 'MATMUL') return make([out.x.size, out.n.size], [x, n]);
    return make([out.b.size, out.g.size * out.n.size, out.y.size, out.x.size], [b, out.n.size > 1 ? n : g, y, x]);
  };
  const boxOf = (out: OutputTile): readonly number[] | null => {
    if (shape === null) return null;
    if (k.op === 'MATMUL')
      return k.geometry.groups === 1 && shape.length === 2 ? [out.x.at, out.x.at + out.x.size, out.n.at, out.n.at + out.n.size] : null;
    const channel = out.g.at * k.geometry.mg + out.n.at;
    const image = [out.b.at, out.b.at + out.b.size, channel, channel + out.g.size * out.n.size];
    const columns = [out.x.at, out.x.at + out.x.size];
    return shape.length === 3 ? [...image, ...columns] : [...image, out.y.at, out.y.at + out.y.size, ...columns];
  };
  const homeOffset = (out: OutputTile): number => offsetOf(out, homeStride);

  return {
    drainTo(out) {
      if (mids !== null) {
        mid = mids.next();
        const space = scratchpad(cx);
        const at = mid;
        return {
          ref: drainShape((e, st) => slotRef(space, at, k.drain.dtype, e, st), out, packed(out, em).stride),
          accesses: [write(mid.resource)],
        };
      }
      if (direct) {
        const ref = drainShape((e, st) => homeRef(home, k.drain.dtype, homeOffset(out), e, st), out, homeStride);
        return { ref, accesses: [write(resource, boxOf(out))] };
      }
      slot = (slots as { next(): Slot }).next();
      const at = slot;
      return {
        ref: drainShape((e, st) => slotRef(win, at, k.drain.dtype, e, st), out, packed(out, em).stride),
        accesses: [write(slot.resource)],
      };
    },
    finish(out, sums) {
      const tile = packed(out, eo);
      if (epilogue !== null) {
        if ((mids !== null || sums !== null) && !direct) slot = (slots as { next(): Slot }).next();
        const inputs: Ref[] = [];
        const accesses: Access[] = [];
        if (sums !== null) {
          inputs.push(sums.ref);
          accesses.push(read(sums.resource), ...sums.params.accesses);
          for (const p of [sums.params.bias, sums.params.multiplier]) if (p !== null) inputs.push(channelOperand(p, out, homeStride));
        } else {
          const midTile = packed(out, em);
          const from = mids === null ? (slot as Slot) : (mid as Slot);
          inputs.push(slotRef(mids === null ? win : scratchpad(cx), from, k.drain.dtype, midTile.extents, midTile.tileStrides));
          accesses.push(read(from.resource));
        }
        sources.forEach((source, i) => {
          const strides = operandStrides[i] as readonly number[];
          const operand = operandTile(cx, source, operandPools[i] ?? null, out, strides, offsetOf(out, strides), sizes(out), homeStride);
          inputs.push(operand.ref);
          accesses.push(operand.access);
        });
        const to = direct
          ? homeRef(home, k.out.dtype, homeOffset(out), tile.extents, tile.homeStrides)
          : slotRef(win, slot as Slot, k.out.dtype, tile.extents, tile.tileStrides);
        accesses.push(direct ? write(resource, boxOf(out)) : write((slot as Slot).resource));
        issue(cx, 'vector', { op: 'VECTOR', inputs, outputs: [to], steps: epilogue.steps }, accesses);
      }
      if (!direct) {
        issue(
          cx,
          'dma-out',
          {
            op: 'STORE',
            src: slotRef(win, slot as Slot, k.out.dtype, tile.extents, tile.tileStrides),
            dst: homeRef(home, k.out.dtype, homeOffset(out), tile.extents, tile.homeStrides),
            operand: 'outputs',
          },
          [read((slot as Slot).resource), write(resource, boxOf(out))],
        );
      }
    },
  };
}

/** A per-channel vector over an output tile: groups follow one another. */
function channelOperand(p: Ref, out: OutputTile, home: readonly number[]): Ref {
  const sizes = [out.b.size, out.g.size, out.n.size, out.y.size, out.x.size];
  return { ...p, ...alongHome(sizes, [0, out.n.size * 4, 4, 0, 0], home) };
}

/** The part of an epilogue operand under an output tile, loaded when it is not in reach; broadcast axes have stride 0. */
function operandTile(
  cx: EmitContext,
  source: Source,
  pool: TilePool | null,
  out: OutputTile,
  strides: readonly number[],
  offset: number,
  sizes: readonly number[],
  order: readonly number[],
): { readonly ref: Ref; readonly access: Access } {
  if (pool === null) {
    const { extents, strides: along } = alongHome(sizes, strides, order);
    return { ref: source.ref(offset, extents, along), access: read(source.resource) };
  }
  const axes = order
    .map((home, axis) => ({ home, axis, size: sizes[axis] as number, stride: strides[axis] as number }))
    .toSorted((a, b) => b.home - a.home || a.axis - b.axis);
  const win = scratchpad(cx);
  const es = bytesPerElement(source.dtype);
  const moving = axes.filter((a) => a.stride !== 0);
  const extents = moving.map((a) => a.size);
  const dense = denseStrides(extents, es);
  const tileStride = new Map(moving.map((a, i) => [a.axis, dense[i] as number]));
  const { slot, fresh } = pool.get(offset);
  if (fresh) {
    const e = extents.length > 0 ? extents : [1];
    const src = source.ref(offset, e, extents.length > 0 ? moving.map((a) => a.stride) : [es]);
    issue(
      cx,
      'dma-in',
      { op: 'LOAD', src, dst: slotRef(win, slot, source.dtype, e, extents.length > 0 ? dense : [es]), operand: source.operand },
      [read(source.resource, operandBox(source, out)), write(slot.resource)],
    );
  }
  const walked = alongHome(
    sizes,
    sizes.map((_, axis) => tileStride.get(axis) ?? 0),
    order,
  );
  return { ref: slotRef(win, slot, source.dtype, walked.extents, walked.strides), access: read(slot.resource) };
}

/** A residual operand has the output's shape: its box is the output tile's. */
function operandBox(source: Source, out: OutputTile): readonly number[] | null {
  if (source.shape === null || source.shape.length !== 4 || out.g.at > 0 || out.g.size > 1) return null;
  const box = [out.b, out.n, out.y, out.x].flatMap((r) => [r.at, r.at + r.size]);
  return source.shape.every((d, i) => d === 1 || (box[2 * i + 1] as number) <= d)
    ? source.shape.flatMap((d, i) => (d === 1 ? [0, 1] : [box[2 * i] as number, box[2 * i + 1] as number]))
    : null;
}
