/**
 * Attention on chip: for some rows of a head their scores, softmax, and the weighted sum of values. The product of the next rows' scores is
 * issued before the weighted sum of these, so that the array works while the vector engine is at the softmax.
 */
import { bytesPerElement } from '../../core/index.ts';
import type { Ref } from '../../isa/index.ts';
import type { AttentionKernel } from '../kernels/spec.ts';
import type { Slot } from '../memory/local-window.ts';
import { describeAttention, scoreLayout, type AttentionMapping } from '../tiling/attention.ts';
import { scoreOperands } from '../tiling/attention-operands.ts';
import { besideReader, matrixReader, rowReader, type Rows } from './attention-operands.ts';
import { productEmitter } from './attention-products.ts';
import {
  createRotation,
  denseStrides,
  homeRef,
  issue,
  read,
  scratchpad,
  slotRef,
  storedOperand,
  targetOf,
  write,
  type EmitContext,
} from './context.ts';
import { ranges, type Range } from './contraction-tile.ts';
import type { Emitted } from './vector.ts';

/** A tile on its way. */
interface Tile extends Rows {
  /** What the softmax reads, and where the weights are. */
  readonly input: Ref;
  readonly inputSlot: Slot;
  weights: { readonly ref: Ref; readonly slot: Slot };
}

export function emitAttention(cx: EmitContext, k: AttentionKernel, m: AttentionMapping): Emitted {
  const stages = stagesOf(cx, k, m);
  const tiles = rowTiles(k, m);
  if (m.copies === 1) {
    for (const rows of tiles) {
      const tile = stages.scores(rows);
      stages.softmax(tile);
      stages.values(tile);
    }
  } else {
    let before: Tile | null = null;
    for (const rows of tiles) {
      const tile = stages.scores(rows);
      if (before !== null) stages.values(before);
      stages.softmax(tile);
      before = tile;
    }
    if (before !== null) stages.values(before);
  }
  return { mapping: describeAttention(m, k), tiles: m.tiles };
}

/** Rows in tiles that one stride walks in every operand, head by head. */
function rowTiles(k: AttentionKernel, m: AttentionMapping): readonly Rows[] {
  const { groups, ow } = k.scores.geometry;
  const tiles: Rows[] = [];
  for (let group = 0; group < groups; group++)
    for (const part of ranges(ow, k.rowsTogether))
      for (const { at, size } of ranges(part.size, m.rows)) tiles.push({ group, row: part.at + at, size });
  return tiles;
}

interface Stages {
  scores(rows: Rows): Tile;
  softmax(tile: Tile): void;
  values(tile: Tile): void;
}

function stagesOf(cx: EmitContext, k: AttentionKernel, m: AttentionMapping): Stages {
  const { scores, between, softmax, values } = k;
  const w = scratchpad(cx);
  const layout = scoreLayout(k);
  const { mg: length, cg: depth, ow } = scores.geometry;
  const width = values.geometry.mg;
  const each = m.rows * length;
  const all: Range = { at: 0, size: length, index: 0 };
  const whole: Range = { at: 0, size: width, index: 0 };
  const chunks = [...ranges(length, m.keys)];

  const queries = rowReader(cx, scores, m.rows, m.copies);
  const keys = matrixReader(cx, scores, m.keys * depth, m.chunks);
  const weighted = matrixReader(cx, values, m.keys * width, m.chunks);
  const first = productEmitter(cx, scores, 'scores', m.rows, m.keys, m.copies);
  const second = productEmitter(cx, values, 'values', m.rows, width, m.copies);
  const beside = scoreOperands(k).map((o) => (o === null ? null : besideReader(cx, o, m.rows, length, m.copies)));
  const raw = createRotation(w, m.copies, each * layout.score);
  const changed = between === null || layout.betweenInPlace ? null : createRotation(w, m.copies, each * layout.input);
  const exponentials = layout.exponentialsInPlace ? null : w.allocate(each * 4);
  const ownWeights = layout.weightsInPlace ? null : createRotation(w, m.copies, each * layout.weight);
  const maxima = w.allocate(m.rows * 4);
  const sums = w.allocate(m.rows * 4);
  const { home } = targetOf(cx, k.out);
  const eo = bytesPerElement(k.out.dtype);
  const results = home.local ? null : createRotation(w, m.copies, m.rows * width * eo);

  const matrix = (slot: Slot, dtype: Ref['dtype'], rows: number, columns: number): Ref =>
    slotRef(w, slot, dtype, [rows, columns], denseStrides([rows, columns], bytesPerElement(dtype)));
  const columnsOf = (ref: Ref, { at, size }: Range): Ref => ({
    ...ref,
    offset: ref.offset + at * (ref.strides[1] ?? 0),
    extents: [ref.extents[0] ?? 1, size],
  });
  /** A number for each row, read or folded along it. */
  const perRow = (slot: Slot, dtype: 'int32' | 'float32', rows: number): Ref => slotRef(w, slot, dtype, [rows, length], [4, 0]);

  return {
    scores(at) {
      const slot = raw.next();
      const made = matrix(slot, scores.out.dtype, at.size, length);
      const x = queries(at);
      for (const chunk of chunks) {
        const step = () => ({ x, w: keys(at.group, { at: 0, size: depth, index: 0 }, chunk) });
        first(at, chunk, [step], { ref: columnsOf(made, chunk), access: write(slot.resource) });
      }
      const inputSlot = changed?.next() ?? slot;
      const input = matrix(inputSlot, softmax.x.dtype, at.size, length);
      if (between !== null) {
        const operands = beside.map((b) => b?.(at.group * ow + at.row, at.size, all) ?? { ref: made, access: read(slot.resource) });
        const accesses = [...operands.map((o) => o.access), write(inputSlot.resource)];
        issue(cx, 'vector', { op: 'VECTOR', inputs: operands.map((o) => o.ref), outputs: [input], steps: between.plan.steps }, accesses);
      }
      return { ...at, input, inputSlot, weights: { ref: input, slot: inputSlot } };
    },
    softmax(tile) {
      const { size, input, inputSlot } = tile;
      const sumType = input.dtype === 'float32' || input.dtype === 'float16' || input.dtype === 'bfloat16' ? 'float32' : 'int32';
      const most = perRow(maxima, sumType, size);
      const total = perRow(sums, 'float32', size);
      const eSlot = exponentials ?? inputSlot;
      const e = matrix(eSlot, 'float32', size, length);
      issue(cx, 'vector', { op: 'REDUCE', kind: 'max', mode: 'overwrite', x: input, acc: most, xZero: softmax.xZero }, [
        read(inputSlot.resource),
        write(maxima.resource),
      ]);
      issue(cx, 'vector', { op: 'VECTOR', inputs: [input, most], outputs: [e], steps: softmax.exponential.steps }, [
        read(inputSlot.resource),
        read(maxima.resource),
        write(eSlot.resource),
      ]);
      issue(cx, 'vector', { op: 'REDUCE', kind: 'sum', mode: 'overwrite', x: e, acc: total, xZero: 0 }, [
        read(eSlot.resource),
        write(sums.resource),
      ]);
      const slot = ownWeights?.next() ?? inputSlot;
      const ref = matrix(slot, softmax.out.dtype, size, length);
      issue(cx, 'vector', { op: 'VECTOR', inputs: [e, total], outputs: [ref], steps: (softmax.quotient ?? softmax.both).steps }, [
        read(eSlot.resource),
        read(sums.resource),
        write(slot.resource),
      ]);
      tile.weights = { ref, slot };
    },
    values(tile) {
      const { weights } = tile;
      const steps = chunks.map((chunk) => () => ({
        x: { ref: columnsOf(weights.ref, chunk), access: read(weights.slot.resource) },
        w: weighted(tile.group, chunk, whole),
      }));
      const { g, x, n } = values.outStrides;
      const far = homeRef(home, k.out.dtype, tile.group * g + tile.row * x, [tile.size, width], [x, n]);
      const slot = results?.next() ?? null;
      if (slot === null) return second(tile, whole, steps, { ref: far, access: write(home.resource()) });
      const near = matrix(slot, k.out.dtype, tile.size, width);
      second(tile, whole, steps, { ref: near, access: write(slot.resource) });
      issue(cx, 'dma-out', { op: 'STORE', src: near, dst: far, operand: storedOperand(home) }, [
        read(slot.resource),
        write(home.resource()),
      ]);
    },
  };
}
