/** What an attention reads: queries, keys and values in tiles, operands beside its matrices, multipliers of its drains. */
import { bytesPerElement } from '../../core/index.ts';
import type { Ref } from '../../isa/index.ts';
import type { ContractionKernel } from '../kernels/spec.ts';
import type { Access } from '../schedule/program-writer.ts';
import { multiplierBytesOf } from '../tiling/attention.ts';
import type { MatrixOperand } from '../tiling/attention-operands.ts';
import {
  createTilePool,
  denseStrides,
  issue,
  loadSegment,
  read,
  scratchpad,
  slotRef,
  sourceOf,
  write,
  type EmitContext,
} from './context.ts';
import { pack, type Range } from './contraction-tile.ts';
import { fixedBytes, multiplierBytes } from './weight-image.ts';

export interface Operand {
  readonly ref: Ref;
  readonly access: Access;
}

/** Rows of one head: `group` is the product they belong to, `row` the first in it. */
export interface Rows {
  readonly group: number;
  readonly row: number;
  readonly size: number;
}

/** Left operands of a product, [rows, depth]. */
export function rowReader(cx: EmitContext, k: ContractionKernel, rows: number, copies: number): (at: Rows) => Operand {
  const source = sourceOf(cx, k.x);
  const { cg: depth } = k.geometry;
  const { g, x, c } = k.xStrides;
  const es = bytesPerElement(k.dtype);
  const w = scratchpad(cx);
  const pool = source.direct ? null : createTilePool(w, copies, rows * depth * es);
  return ({ group, row, size }) => {
    const offset = group * g + row * x;
    const far = source.ref(offset, [size, depth], [x, c]);
    if (pool === null) return { ref: far, access: read(source.resource) };
    const { slot, fresh } = pool.get(offset);
    const near = slotRef(w, slot, k.dtype, [size, depth], [depth * es, es]);
    if (fresh)
      issue(cx, 'dma-in', { op: 'LOAD', src: far, dst: near, operand: source.operand }, [read(source.resource), write(slot.resource)]);
    return { ref: near, access: read(slot.resource) };
  };
}

/** Right operands of a product, [channels, columns], as they lie in their home. */
export function matrixReader(
  cx: EmitContext,
  k: ContractionKernel,
  elements: number,
  tiles: number,
): (group: number, channels: Range, columns: Range) => Operand {
  const source = sourceOf(cx, k.w);
  const { g, n, c } = k.wStrides;
  const { dtype } = k.w;
  const es = bytesPerElement(dtype);
  const w = scratchpad(cx);
  const pool = source.direct ? null : createTilePool(w, tiles, elements * es);
  return (group, channels, columns) => {
    const offset = group * g + channels.at * c + columns.at * n;
    const extents = [channels.size, columns.size];
    if (pool === null) return { ref: source.ref(offset, extents, [c, n]), access: read(source.resource) };
    const axes = pack(
      [
        { extent: channels.size, home: c },
        { extent: columns.size, home: n },
      ],
      es,
    );
    const { slot, fresh } = pool.get(offset);
    if (fresh) {
      const src = source.ref(offset, axes.extents, axes.homeStrides);
      const dst = slotRef(w, slot, dtype, axes.extents, axes.tileStrides);
      issue(cx, 'dma-in', { op: 'LOAD', src, dst, operand: source.operand }, [read(source.resource), write(slot.resource)]);
    }
    return { ref: slotRef(w, slot, dtype, extents, axes.stride), access: read(slot.resource) };
  };
}

/** An operand beside a matrix of at most rows × columns; `first` counts rows through all groups. */
export function besideReader(
  cx: EmitContext,
  o: MatrixOperand,
  rows: number,
  columns: number,
  copies: number,
): (first: number, size: number, column: Range) => Operand {
  const source = sourceOf(cx, o.view);
  const es = bytesPerElement(source.dtype);
  const w = scratchpad(cx);
  const elements = (o.row === 0 ? 1 : rows) * (o.column === 0 ? 1 : columns);
  const pool = source.direct ? null : createTilePool(w, copies, elements * es);
  return (first, size, column) => {
    const at = (o.begin(first) + column.at * o.column) * es;
    const whole = [size, column.size];
    if (pool === null) return { ref: source.ref(at, whole, [o.row * es, o.column * es]), access: read(source.resource) };
    const loaded = [o.row === 0 ? 1 : size, o.column === 0 ? 1 : column.size];
    const dense = denseStrides(loaded, es);
    const { slot, fresh } = pool.get(at);
    if (fresh) {
      const src = source.ref(at, loaded, [o.row === 0 ? (dense[0] as number) : o.row * es, o.column === 0 ? es : o.column * es]);
      const dst = slotRef(w, slot, source.dtype, loaded, dense);
      issue(cx, 'dma-in', { op: 'LOAD', src, dst, operand: source.operand }, [read(source.resource), write(slot.resource)]);
    }
    const strides = [o.row === 0 ? 0 : (dense[0] as number), o.column === 0 ? 0 : es];
    return { ref: slotRef(w, slot, source.dtype, whole, strides), access: read(slot.resource) };
  };
}

/** The multipliers of a drain, loaded once: those of all columns are one number. */
export function multiplierReader(cx: EmitContext, k: ContractionKernel, part: string, columns: number): (count: number) => Operand | null {
  const { multiplier, fixed } = k.drain;
  if (multiplier === null) return () => null;
  const w = scratchpad(cx);
  const bytes = multiplierBytesOf(k, columns);
  const slot = w.allocate(bytes);
  loadSegment(cx, w, slot, `params/${cx.kernel}/${part}`, bytes, () => (fixed ? fixedBytes : multiplierBytes)(multiplier(), 0, columns));
  return (count) => ({
    ref: fixed ? slotRef(w, slot, 'int32', [count, 2], [8, 4]) : slotRef(w, slot, 'float32', [count], [4]),
    access: read(slot.resource),
  });
}

/** Multipliers as operands of a vector program over [rows, columns]: fixed-point ones as multiplier and shift. */
export function multiplierInputs({ ref }: Operand, rows: number): readonly Ref[] {
  const [count = 1] = ref.extents;
  const along = { extents: [rows, count], strides: [0, ref.strides[0] ?? 0] };
  return ref.dtype === 'int32' ? [0, 4].map((o) => ({ ...ref, ...along, offset: ref.offset + o })) : [{ ...ref, ...along }];
}
