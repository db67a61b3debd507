/** One output tile of a contraction and its reduction step: ranges of the loops, and how boxes of the loops' axes are packed. */
import type { ContractionKernel } from '../kernels/spec.ts';
import type { ContractionMapping } from '../tiling/contraction-tile.ts';
import { denseStrides } from './context.ts';

/** Half-open ranges of one output tile and its reduction step. */
export interface Range {
  readonly at: number;
  readonly size: number;
  /** Which tile along its axis. */
  readonly index: number;
}

export interface OutputTile {
  readonly b: Range;
  readonly g: Range;
  readonly n: Range;
  readonly y: Range;
  readonly x: Range;
}

export interface Axis {
  readonly extent: number;
  /** Byte stride in the home. */
  readonly home: number;
}

/** Axes packed densely, the slowest in the home first. `stride[i]` is the tile stride of axis i as given. */
export interface Packed {
  readonly extents: readonly number[];
  readonly homeStrides: readonly number[];
  readonly tileStrides: readonly number[];
  readonly stride: readonly number[];
}

export function pack(axes: readonly Axis[], elementBytes: number): Packed {
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

export function* ranges(extent: number, tile: number): Generator<Range> {
  for (let at = 0, index = 0; at < extent; at += tile, index++) yield { at, size: Math.min(tile, extent - at), index };
}

export function* outputTiles(k: ContractionKernel, m: ContractionMapping): Generator<OutputTile> {
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

export function homeStrides(k: ContractionKernel): readonly number[] {
  const s = k.outStrides;
  return [s.b, s.g, s.n, s.y, s.x];
}

/** Extents and strides of (b, g, n, y, x) in the order of the home's strides, single axes left out: how output tiles are walked. */
export function alongHome(
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
