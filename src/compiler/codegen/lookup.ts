/** Look-ups: tiles of indices come on chip, and the moves that follow read or write where they say. */
import { bytesPerElement, elementCount, rowMajorStrides } from '../../core/index.ts';
import type { Ref } from '../../isa/index.ts';
import type { LookupKernel, MoveKernel } from '../kernels/spec.ts';
import { slotBytes } from '../memory/local-window.ts';
import { boxTiles, cutBox, mergeAxes, streamBudget, type BoxTile } from '../tiling/box.ts';
import {
  constantOf,
  createRotation,
  denseStrides,
  homeRef,
  issue,
  read,
  scratchpad,
  slotRef,
  sourceOf,
  storedOperand,
  targetOf,
  write,
  type EmitContext,
} from './context.ts';
import { emitMove } from './move.ts';
import { tooBig, type Emitted } from './vector.ts';

const indexBytes = 4;

export function emitLookup(cx: EmitContext, k: LookupKernel): Emitted {
  if (k.updates === null) return { mapping: 'gather', tiles: emitTiles(cx, k) };
  if (isInPlace(cx, k)) return { mapping: 'scatter in place', tiles: emitTiles(cx, k) };
  const copied = emitMove(cx, wholeCopy(k));
  scratchpad(cx).beginKernel();
  return { mapping: 'scatter', tiles: copied.tiles + emitTiles(cx, k) };
}

/** What a repeated region carries from trip to trip is written where it lies. */
function isInPlace(cx: EmitContext, { table, out }: LookupKernel): boolean {
  if (constantOf(cx, table.root) !== null || cx.placement.owner(table.root) !== cx.placement.owner(out.root)) return false;
  const [from, to] = [cx.placement.home(table.root), cx.placement.home(out.root)];
  return (table.offset ?? 0) === 0 && from.offset === to.offset && from.strides === null && to.strides === null;
}

/** What is not written to stays as it was. */
function wholeCopy(k: LookupKernel): MoveKernel {
  const { name, origin, dtype, macs, out, nodes, table } = k;
  const dense = rowMajorStrides(out.shape);
  const part = { src: table, extents: out.shape, srcOffset: 0, srcStrides: dense, dstOffset: 0, dstStrides: dense, convert: null };
  return { kind: 'move', name, origin, class: 'move', engine: 'dma', dtype, macs, out, nodes, parts: [part], fills: [] };
}

function emitTiles(cx: EmitContext, k: LookupKernel): number {
  const { home } = targetOf(cx, k.out);
  const scatters = k.updates !== null;
  const table = sourceOf(cx, k.table);
  const index = sourceOf(cx, k.index);
  const plain = k.updates === null ? null : sourceOf(cx, k.updates);
  const es = bytesPerElement(k.dtype);
  const w = scratchpad(cx);
  // The side that is not looked up: the result of a gather, the updates of a scatter.
  const direct = plain === null ? home.local : plain.direct;
  const merged = mergeAxes(k.extents, [k.tableStrides, k.indexStrides, rowMajorStrides(k.extents)]);
  const [tableStrides = [], indexStrides = [], plainStrides = []] = merged.strides;
  const tileCost = (t: readonly number[]): number =>
    (direct ? 0 : 2 * slotBytes(elementCount(t) * es)) + (index.direct ? 0 : 2 * slotBytes(distinct(t, indexStrides) * indexBytes));
  const whole = elementCount(merged.extents) * Math.max(es, indexBytes);
  const budget = streamBudget(2 * whole, w.capacity, cx.env.chance);
  const tile = cutBox(merged.extents, budget, tileCost) ?? cutBox(merged.extents, w.capacity, tileCost);
  if (tile === null)
    return tooBig(cx, k.name, k.origin, [
      { what: 'one element and its index, double-buffered', bytes: tileCost(merged.extents.map(() => 1)) },
    ]);
  const elementSlots = direct ? null : createRotation(w, 2, elementCount(tile) * es);
  const indexSlots = index.direct ? null : createRotation(w, 2, distinct(tile, indexStrides) * indexBytes);
  const at = (t: BoxTile, strides: readonly number[]): number => t.starts.reduce((sum, s, i) => sum + s * (strides[i] ?? 0), 0);
  const bytes = (strides: readonly number[], size: number): readonly number[] => strides.map((s) => s * size);
  let tiles = 0;
  for (const t of boxTiles(merged.extents, tile)) {
    tiles++;
    const looked = { extents: [...t.sizes, k.count], strides: [...bytes(tableStrides, es), k.step * es] };
    let chosen: Ref = index.ref(at(t, indexStrides) * indexBytes, t.sizes, bytes(indexStrides, indexBytes));
    let chosenAccess = read(index.resource);
    if (indexSlots !== null) {
      const slot = indexSlots.next();
      const kept = t.sizes.map((s, i) => (indexStrides[i] === 0 ? 1 : s));
      const dense = denseStrides(kept, indexBytes);
      const from = index.ref(at(t, indexStrides) * indexBytes, kept, bytes(indexStrides, indexBytes));
      const to = slotRef(w, slot, 'int32', kept, dense);
      issue(cx, 'dma-in', { op: 'LOAD', src: from, dst: to, operand: index.operand }, [read(index.resource), write(slot.resource)]);
      chosen = slotRef(
        w,
        slot,
        'int32',
        t.sizes,
        dense.map((s, i) => (indexStrides[i] === 0 ? 0 : s)),
      );
      chosenAccess = read(slot.resource);
    }
    const slot = elementSlots?.next() ?? null;
    const local = slot === null ? null : slotRef(w, slot, k.dtype, t.sizes, denseStrides(t.sizes, es));
    if (!scatters || plain === null) {
      const src = table.ref(at(t, tableStrides) * es, looked.extents, looked.strides);
      const dst = homeRef(home, k.dtype, at(t, plainStrides) * es, t.sizes, bytes(plainStrides, es));
      issue(cx, 'dma-in', { op: table.direct ? 'COPY' : 'LOAD', src, dst: local ?? dst, index: chosen, operand: table.operand }, [
        read(table.resource),
        chosenAccess,
        write(slot === null ? home.resource() : slot.resource),
      ]);
      if (local === null || slot === null) continue;
      issue(cx, 'dma-out', { op: 'STORE', src: local, dst, operand: storedOperand(home) }, [read(slot.resource), write(home.resource())]);
      continue;
    }
    let src: Ref = plain.ref(at(t, plainStrides) * es, t.sizes, bytes(plainStrides, es));
    let srcAccess = read(plain.resource);
    if (local !== null && slot !== null) {
      issue(cx, 'dma-in', { op: 'LOAD', src, dst: local, operand: plain.operand }, [read(plain.resource), write(slot.resource)]);
      [src, srcAccess] = [local, read(slot.resource)];
    }
    const dst = homeRef(home, k.dtype, at(t, tableStrides) * es, looked.extents, looked.strides);
    const op = home.local ? 'COPY' : 'STORE';
    issue(cx, op === 'COPY' ? 'dma-in' : 'dma-out', { op, src, dst, index: chosen, operand: storedOperand(home) }, [
      srcAccess,
      chosenAccess,
      write(home.resource()),
    ]);
  }
  return tiles;
}

/** Indices of a tile: axes that share one count once. */
function distinct(tile: readonly number[], strides: readonly number[]): number {
  return tile.reduce((n, extent, i) => (strides[i] === 0 ? n : n * extent), 1);
}
