/**
 * Attention in blocks of keys: maximum, sum and weighted sum of the rows are carried on chip from block to block (docs/numerics.md). Products of
 * a block leave the accumulators as they are; the vector engine adds them to what earlier blocks came to.
 */
import type { AttentionKernel, BlockSoftmax, ContractionKernel, VectorPlan } from '../kernels/spec.ts';
import type { Slot } from '../memory/local-window.ts';
import type { Access } from '../schedule/program-writer.ts';
import type { Ref } from '../../isa/index.ts';
import { scoreLayout, type AttentionMapping } from '../tiling/attention.ts';
import type { Weighing } from './attention.ts';
import { productEmitter, type Place } from './attention-products.ts';
import { matrixIn, perRow } from './attention-rows.ts';
import { createRotation, issue, read, scratchpad, slotRef, write, type EmitContext } from './context.ts';

export function blockWeighing(cx: EmitContext, k: AttentionKernel, softmax: BlockSoftmax, m: AttentionMapping): Weighing {
  const w = scratchpad(cx);
  const layout = scoreLayout(k);
  const width = k.values.geometry.mg;
  const columns = { at: 0, size: width, index: 0 };
  const onArray = k.values.drainOn === 'array';
  const product = productEmitter(cx, plainSums(k.values), 'values', m.rows, width, m.copies);
  const each = m.rows * Math.min(softmax.block, k.scores.geometry.mg);
  const exponentials = layout.exponentialsInPlace ? null : w.allocate(each * 4);
  const ownWeights = layout.weightsInPlace ? null : createRotation(w, m.copies, each * layout.weight);
  const [found, most, alpha, more, total] = [0, 1, 2, 3, 4].map(() => w.allocate(m.rows * 4)) as [Slot, Slot, Slot, Slot, Slot];
  const parts = onArray ? createRotation(w, m.copies, m.rows * width * 4) : null;
  const outs = createRotation(w, m.copies, m.rows * width * 4);
  let kept: Slot | null = null;

  const run = (plan: VectorPlan, inputs: readonly (readonly [Ref, Slot])[], outputs: readonly Place[]): void => {
    const accesses: Access[] = [...inputs.map(([, slot]) => read(slot.resource)), ...outputs.map((o) => o.access)];
    issue(
      cx,
      'vector',
      { op: 'VECTOR', inputs: inputs.map(([ref]) => ref), outputs: outputs.map((o) => o.ref), steps: plan.steps },
      accesses,
    );
  };
  const into = (ref: Ref, slot: Slot): Place => ({ ref, access: write(slot.resource) });

  return {
    softmax({ size, keys, input, inputSlot }) {
      const isFirst = keys.at === 0;
      const row = (slot: Slot): Ref => slotRef(w, slot, 'float32', [size], [4]);
      const along = (slot: Slot): Ref => perRow(w, slot, 'float32', size, keys.size);
      issue(cx, 'vector', { op: 'REDUCE', kind: 'max', mode: 'overwrite', x: input, acc: along(found), xZero: 0 }, [
        read(inputSlot.resource),
        write(found.resource),
      ]);
      if (isFirst) run(softmax.begin, [[row(found), found]], [into(row(most), most)]);
      else {
        const before = [row(most), most] as const;
        run(softmax.advance, [before, [row(found), found]], [into(row(most), most), into(row(alpha), alpha)]);
      }
      const eSlot = exponentials ?? inputSlot;
      const e = matrixIn(w, eSlot, 'float32', size, keys.size);
      const slot = ownWeights?.next() ?? inputSlot;
      const ref = matrixIn(w, slot, softmax.weights, size, keys.size);
      const made = softmax.weights === 'float32' ? [into(e, eSlot)] : [into(e, eSlot), into(ref, slot)];
      run(
        softmax.exponential,
        [
          [input, inputSlot],
          [along(most), most],
        ],
        made,
      );
      const sum = isFirst ? total : more;
      issue(cx, 'vector', { op: 'REDUCE', kind: 'sum', mode: 'overwrite', x: e, acc: along(sum), xZero: 0 }, [
        read(eSlot.resource),
        write(sum.resource),
      ]);
      if (!isFirst)
        run(
          softmax.total,
          [
            [row(total), total],
            [row(alpha), alpha],
            [row(more), more],
          ],
          [into(row(total), total)],
        );
      return { ref, slot };
    },
    values(tile, steps, out) {
      const { size, keys, isLast } = tile;
      if (keys.at === 0) kept = outs.next();
      const slot = kept ?? outs.next();
      const o = matrixIn(w, slot, 'float32', size, width);
      const along = (s: Slot): Ref => perRow(w, s, 'float32', size, width);
      const isFirst = keys.at === 0;
      const part = isFirst ? null : (parts?.next() ?? null);
      const place = part === null ? into(o, slot) : into(matrixIn(w, part, 'float32', size, width), part);
      const sums = product(tile, columns, steps, place);
      const added = onArray ? ([place.ref, part ?? slot] as const) : sums;
      if (!isFirst) run(softmax.weighted, [[o, slot], [along(alpha), alpha], added], [into(o, slot)]);
      else if (!onArray) run(softmax.start, [sums], [into(o, slot)]);
      if (isLast)
        run(
          softmax.quotient,
          [
            [o, slot],
            [along(total), total],
          ],
          [out()],
        );
    },
  };
}

/** The product as fp32 sums, whatever its results are rounded to. */
function plainSums(k: ContractionKernel): ContractionKernel {
  return { ...k, drain: { ...k.drain, dtype: 'float32' }, epilogue: null, operandStrides: [] };
}
