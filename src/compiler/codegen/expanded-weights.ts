/**
 * Tiles of weights in few bits on their way to the array: one LOAD brings the codes of a tile with their scales and zero points, VECTOR commands make the
 * floats. A tile may begin and end within a block: it is made in pieces, each of whole blocks or of a part of one, which lie one behind the other.
 */
import { alignUp, bitsOf, bytesPerElement, elementCount, tensorBytes, type DType } from '../../core/index.ts';
import { gridOf, type LazyNumbers, type Value } from '../../graph/index.ts';
import type { Ref } from '../../isa/index.ts';
import type { ContractionKernel, ExpandedWeights } from '../kernels/spec.ts';
import type { LocalWindow, Slot } from '../memory/local-window.ts';
import { codedTileBytes, constantBox, constantStart, isWhole, type ContractionMapping } from '../tiling/contraction-tile.ts';
import { createRotation, issue, loadSegment, read, scratchpad, slotRef, write, type EmitContext } from './context.ts';
import type { OutputTile, Range } from './contraction-tile.ts';
import { gatherBox, inNibbles } from './weight-image.ts';

/** Neighbours along one axis: `blocks` of `each`, which begin at `start` of the constant. */
interface Stretch {
  readonly start: number;
  readonly blocks: number;
  readonly each: number;
}

/** Where the numbers of a piece lie in the segment. */
interface Piece {
  /** By axis of the constant. */
  readonly stretches: readonly Stretch[];
  readonly codesAt: number;
  readonly scalesAt: number;
  readonly zerosAt: number;
}

/** Puts the floats of a tile into its slot. */
export type Expander = (out: OutputTile, c: Range, slot: Slot) => void;

export function weightExpander(
  cx: EmitContext,
  k: ContractionKernel,
  { packed, steps }: ExpandedWeights,
  constant: Value,
  m: ContractionMapping,
): Expander {
  const win = scratchpad(cx);
  const staging = createRotation(win, Math.min(2, Math.max(1, m.slots.w)), codedTileBytes(k, m.tile));
  const known = new Set<string>();
  return (out, c, slot) => {
    const sizes = constantBox(k, { g: out.g.size, n: out.n.size, c: c.size });
    const starts = constantStart(k, { g: out.g.at, n: out.n.at, c: c.at });
    const { pieces, bytes } = layOut(packed, starts, sizes);
    const key = `${k.w.root}/coded/${starts.join()}/${sizes.join()}`;
    const coded = staging.next();
    loadSegment(cx, win, coded, key, bytes, () => image(packed, pieces, bytes, constant));
    // A tile made again is no work that the kernel could not do without.
    const again = known.has(key);
    known.add(key);
    for (const piece of pieces) {
      const { inputs, output } = refsOf(win, { packed, piece, starts, sizes, coded, slot, dtype: k.w.dtype });
      const before = cx.vectorWork.laneTicks;
      issue(cx, 'vector', { op: 'VECTOR', inputs, outputs: [output], steps }, [read(coded.resource), write(slot.resource)]);
      if (again) cx.vectorWork.laneTicks = before;
    }
  };
}

/** Pieces of a box, and the bytes of all: scales first, which are the widest, then codes and zero points piece by piece. */
function layOut(
  packed: ExpandedWeights['packed'],
  starts: readonly number[],
  sizes: readonly number[],
): { readonly pieces: readonly Piece[]; readonly bytes: number } {
  const byAxis = sizes.map((size, axis) => stretchesOf(starts[axis] ?? 0, size, packed.shape[axis] ?? 1, packed.per[axis] ?? 1));
  const boxes = byAxis.reduce<readonly (readonly Stretch[])[]>(
    (chosen, stretches) => chosen.flatMap((list) => stretches.map((s) => [...list, s])),
    [[]],
  );
  const scaleBytes = bitsOf(packed.scales.dtype) / 8;
  const blocks = boxes.map((stretches) => elementCount(stretches.map((s) => s.blocks)));
  let end = alignUp(blocks.reduce((n, count) => n + count, 0) * scaleBytes, 4);
  let scalesAt = 0;
  const pieces = boxes.map((stretches, i): Piece => {
    const count = blocks[i] ?? 0;
    const piece = { stretches, scalesAt, codesAt: end, zerosAt: 0 };
    scalesAt += count * scaleBytes;
    end += tensorBytes(packed.codes.dtype, elementCount(stretches.map((s) => s.blocks * s.each)));
    const zerosAt = end;
    if (typeof packed.zeros !== 'number') end += tensorBytes(packed.zeros.dtype, count);
    return { ...piece, zerosAt };
  });
  return { pieces, bytes: end };
}

/** A range of an axis as what is left of its first block, whole blocks, and the beginning of its last. */
function stretchesOf(start: number, size: number, extent: number, per: number): readonly Stretch[] {
  if (isWhole(extent, per)) return [per === 1 ? { start, blocks: size, each: 1 } : { start, blocks: 1, each: size }];
  const head = Math.min(size, (per - (start % per)) % per);
  const whole = Math.floor((size - head) / per);
  const tail = size - head - whole * per;
  return [
    { start, blocks: 1, each: head },
    { start: start + head, blocks: whole, each: per },
    { start: start + head + whole * per, blocks: 1, each: tail },
  ].filter((s) => s.blocks * s.each > 0);
}

/** The bytes of a tile as memory holds them. */
function image(packed: ExpandedWeights['packed'], pieces: readonly Piece[], bytes: number, constant: Value): Uint8Array {
  const out = new Uint8Array(bytes);
  const grid = gridOf(packed);
  for (const { stretches, codesAt, scalesAt, zerosAt } of pieces) {
    const codeBox = stretches.map((s) => ({ start: s.start, size: s.blocks * s.each }));
    const gridBox = stretches.map((s, axis) => ({ start: Math.floor(s.start / (packed.per[axis] ?? 1)), size: s.blocks }));
    out.set(stored(packed.codes, packed.shape, codeBox, constant), codesAt);
    out.set(stored(packed.scales, grid, gridBox, constant), scalesAt);
    if (typeof packed.zeros !== 'number') out.set(stored(packed.zeros, grid, gridBox, constant), zerosAt);
  }
  return out;
}

function stored(
  numbers: LazyNumbers,
  shape: readonly number[],
  box: readonly { readonly start: number; readonly size: number }[],
  constant: Value,
): Uint8Array {
  const isNibble = bitsOf(numbers.dtype) < 8;
  const dtype: DType = isNibble ? 'uint8' : numbers.dtype;
  const size = bytesPerElement(dtype);
  const strides = shape.map((_, axis) => size * elementCount(shape.slice(axis + 1)));
  const from = box.reduce((n, b, axis) => n + b.start * (strides[axis] ?? 0), 0);
  const held: Value = { ...constant, type: { dtype, shape }, constant: { kind: 'bytes', bytes: numbers.read() } };
  const extents = box.map((b) => b.size);
  const bytes = gatherBox(held, from, extents, strides);
  return isNibble ? inNibbles(bytes) : bytes;
}

interface Made {
  readonly packed: ExpandedWeights['packed'];
  readonly piece: Piece;
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly coded: Slot;
  readonly slot: Slot;
  readonly dtype: DType;
}

/** Operands of a piece: blocks of every axis, then what lies in them, so that lanes keep a scale while they run through its block. */
function refsOf(win: LocalWindow, made: Made): { readonly inputs: readonly Ref[]; readonly output: Ref } {
  const { packed, piece, starts, sizes, coded, slot, dtype } = made;
  const { stretches } = piece;
  const blocks = stretches.map((s) => s.blocks);
  const lengths = stretches.map((s) => s.blocks * s.each);
  const after = (list: readonly number[], axis: number): number => elementCount(list.slice(axis + 1));
  const axes = [
    ...stretches.map((s, axis) => ({
      extent: s.blocks,
      code: s.each * after(lengths, axis),
      block: after(blocks, axis),
      out: s.each * after(sizes, axis),
    })),
    ...stretches.map((s, axis) => ({ extent: s.each, code: after(lengths, axis), block: 0, out: after(sizes, axis) })),
  ];
  const shown = axes.filter((a) => a.extent > 1);
  const used = shown.length > 0 ? shown : axes.slice(-1);
  const extents = used.map((a) => a.extent);
  const ref = (type: DType, offset: number, elements: readonly number[]): Ref => {
    // Strides of packed elements count elements.
    const size = bitsOf(type) < 8 ? 1 : bytesPerElement(type);
    return slotRef(
      win,
      coded,
      type,
      extents,
      elements.map((e) => e * size),
      offset,
    );
  };
  const inputs = [
    ref(
      packed.codes.dtype,
      piece.codesAt,
      used.map((a) => a.code),
    ),
    ref(
      packed.scales.dtype,
      piece.scalesAt,
      used.map((a) => a.block),
    ),
  ];
  if (typeof packed.zeros !== 'number') {
    inputs.push(
      ref(
        packed.zeros.dtype,
        piece.zerosAt,
        used.map((a) => a.block),
      ),
    );
  }
  const es = bytesPerElement(dtype);
  const begin = stretches.reduce((n, s, axis) => n + (s.start - (starts[axis] ?? 0)) * after(sizes, axis), 0);
  const output = slotRef(
    win,
    slot,
    dtype,
    extents,
    used.map((a) => a.out * es),
    begin * es,
  );
  return { inputs, output };
}
