/**
 * Attention on chip: for some rows of a head their scores, softmax, and the weighted sum of values. The product of the next rows' scores is
 * issued before the weighted sum of these, so that the array works while the vector engine is at the softmax.
 */
import { bytesPerElement } from '../../core/index.ts';
import type { Ref } from '../../isa/index.ts';
import type { AttentionKernel } from '../kernels/spec.ts';
import type { Slot } from '../memory/local-window.ts';
import { blockOf, describeAttention, scoreLayout, type AttentionMapping } from '../tiling/attention.ts';
import { scoreOperands } from '../tiling/attention-operands.ts';
import { besideReader, matrixReader, rowReader, type Rows } from './attention-operands.ts';
import { productEmitter, type Place, type ProductStep } from './attention-products.ts';
import { blockWeighing } from './attention-blocks.ts';
import { columnsOf, matrixIn, rowWeighing } from './attention-rows.ts';
import { createRotation, homeRef, issue, read, scratchpad, storedOperand, targetOf, write, type EmitContext } from './context.ts';
import { ranges, type Range } from './contraction-tile.ts';
import type { Emitted } from './vector.ts';

/** Scores of some rows on their way. */
export interface Tile extends Rows {
  /** Which keys: all of them, or a block. */
  readonly keys: Range;
  readonly isLast: boolean;
  /** What the softmax reads, and where the weights are then. */
  readonly input: Ref;
  readonly inputSlot: Slot;
}

export interface Weights {
  readonly ref: Ref;
  readonly slot: Slot;
}

/** What comes between the two products, and what becomes of the second. */
export interface Weighing {
  softmax(tile: Tile): Weights;
  /** @param steps  the product of the weights with the values  @param out  where the rows' results go once they are done */
  values(tile: Tile, steps: readonly (() => ProductStep)[], out: () => Place): void;
}

export function emitAttention(cx: EmitContext, k: AttentionKernel, m: AttentionMapping): Emitted {
  const stages = stagesOf(cx, k, m);
  const { mg: length } = k.scores.geometry;
  const blocks = [...ranges(length, blockOf(k))];
  let before: (() => void) | null = null;
  for (const rows of rowTiles(k, m)) {
    for (const keys of blocks) {
      const tile = stages.scores(rows, keys, keys.at + keys.size === length);
      // With one buffer of each the weights still lie where the next scores would.
      before?.();
      const weights = stages.softmax(tile);
      before = () => stages.values(tile, weights);
      if (m.copies > 1) continue;
      before();
      before = null;
    }
  }
  before?.();
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
  scores(rows: Rows, keys: Range, isLast: boolean): Tile;
  softmax(tile: Tile): Weights;
  values(tile: Tile, weights: Weights): void;
}

function stagesOf(cx: EmitContext, k: AttentionKernel, m: AttentionMapping): Stages {
  const { scores, between, softmax, values } = k;
  const w = scratchpad(cx);
  const layout = scoreLayout(k);
  const { cg: depth, ow } = scores.geometry;
  const width = values.geometry.mg;
  const block = blockOf(k);
  const each = m.rows * block;
  const wholeDepth: Range = { at: 0, size: depth, index: 0 };
  const wholeWidth: Range = { at: 0, size: width, index: 0 };

  const queries = rowReader(cx, scores, m.rows, m.copies);
  const keysOf = matrixReader(cx, scores, m.keys * depth, m.chunks);
  const weighted = matrixReader(cx, values, m.keys * width, m.chunks);
  const product = productEmitter(cx, scores, 'scores', m.rows, m.keys, m.copies);
  const beside = scoreOperands(k).map((o) => (o === null ? null : besideReader(cx, o, m.rows, block, m.copies)));
  const raw = createRotation(w, m.copies, each * layout.score);
  const changed = between === null || layout.betweenInPlace ? null : createRotation(w, m.copies, each * layout.input);
  const weighing = softmax.kind === 'softmax' ? rowWeighing(cx, k, softmax, m) : blockWeighing(cx, k, softmax, m);
  const { home } = targetOf(cx, k.out);
  const results = home.local ? null : createRotation(w, m.copies, m.rows * width * bytesPerElement(k.out.dtype));
  /** Parts of a block, as places in it and among all keys. */
  const chunks = (keys: Range): readonly { readonly own: Range; readonly key: Range }[] =>
    [...ranges(keys.size, m.keys)].map((own) => ({ own, key: { ...own, at: keys.at + own.at } }));

  return {
    scores(at, keys, isLast) {
      const slot = raw.next();
      const made = matrixIn(w, slot, scores.out.dtype, at.size, keys.size);
      const x = queries(at);
      for (const { own, key } of chunks(keys)) {
        const step = () => ({ x, w: keysOf(at.group, wholeDepth, key) });
        product(at, key, [step], { ref: columnsOf(made, own), access: write(slot.resource) });
      }
      const inputSlot = changed?.next() ?? slot;
      const input = matrixIn(w, inputSlot, softmax.x.dtype, at.size, keys.size);
      if (between !== null) {
        const operands = beside.map((b) => b?.(at.group * ow + at.row, at.size, keys) ?? { ref: made, access: read(slot.resource) });
        const accesses = [...operands.map((o) => o.access), write(inputSlot.resource)];
        issue(cx, 'vector', { op: 'VECTOR', inputs: operands.map((o) => o.ref), outputs: [input], steps: between.plan.steps }, accesses);
      }
      return { ...at, keys, isLast, input, inputSlot };
    },
    softmax: (tile) => weighing.softmax(tile),
    values(tile, weights) {
      const steps = chunks(tile.keys).map(({ own, key }) => () => ({
        x: { ref: columnsOf(weights.ref, own), access: read(weights.slot.resource) },
        w: weighted(tile.group, key, wholeWidth),
      }));
      const { g, x, n } = values.outStrides;
      const far = homeRef(home, k.out.dtype, tile.group * g + tile.row * x, [tile.size, width], [x, n]);
      let slot: Slot | null = null;
      weighing.values(tile, steps, () => {
        slot = results?.next() ?? null;
        const at = slot;
        return at === null
          ? { ref: far, access: write(home.resource()) }
          : { ref: matrixIn(w, at, k.out.dtype, tile.size, width), access: write(at.resource) };
      });
      if (slot === null) return;
      const near = matrixIn(w, slot, k.out.dtype, tile.size, width);
      const accesses = [read((slot as Slot).resource), write(home.resource())];
      issue(cx, 'dma-out', { op: 'STORE', src: near, dst: far, operand: storedOperand(home) }, accesses);
    },
  };
}
