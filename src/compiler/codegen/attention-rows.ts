/** Attention with whole rows of scores on chip: the softmax as it would be alone, then the weighted sum. */
import { bytesPerElement, isEngineFloat, type DType } from '../../core/index.ts';
import type { Ref } from '../../isa/index.ts';
import type { AttentionKernel, SoftmaxKernel } from '../kernels/spec.ts';
import type { LocalWindow, Slot } from '../memory/local-window.ts';
import { scoreLayout, type AttentionMapping } from '../tiling/attention.ts';
import type { Weighing } from './attention.ts';
import { productEmitter } from './attention-products.ts';
import { createRotation, denseStrides, issue, read, scratchpad, slotRef, write, type EmitContext } from './context.ts';
import type { Range } from './contraction-tile.ts';

/** A dense matrix in a slot. */
export function matrixIn(w: LocalWindow, slot: Slot, dtype: DType, rows: number, columns: number): Ref {
  return slotRef(w, slot, dtype, [rows, columns], denseStrides([rows, columns], bytesPerElement(dtype)));
}

export function columnsOf(ref: Ref, { at, size }: Range): Ref {
  return { ...ref, offset: ref.offset + at * (ref.strides[1] ?? 0), extents: [ref.extents[0] ?? 1, size] };
}

/** A number of fp32 or int32 for each row, read or folded along it. */
export function perRow(w: LocalWindow, slot: Slot, dtype: 'int32' | 'float32', rows: number, columns: number): Ref {
  return slotRef(w, slot, dtype, [rows, columns], [4, 0]);
}

export function rowWeighing(cx: EmitContext, k: AttentionKernel, softmax: SoftmaxKernel, m: AttentionMapping): Weighing {
  const w = scratchpad(cx);
  const layout = scoreLayout(k);
  const { mg: length } = k.scores.geometry;
  const width = k.values.geometry.mg;
  const product = productEmitter(cx, k.values, 'values', m.rows, width, m.copies);
  const exponentials = layout.exponentialsInPlace ? null : w.allocate(m.rows * length * 4);
  const weights = layout.weightsInPlace ? null : createRotation(w, m.copies, m.rows * length * layout.weight);
  const maxima = w.allocate(m.rows * 4);
  const sums = w.allocate(m.rows * 4);
  const maxType = isEngineFloat(softmax.x.dtype) ? 'float32' : 'int32';
  return {
    softmax({ size, input, inputSlot }) {
      const most = perRow(w, maxima, maxType, size, length);
      const total = perRow(w, sums, 'float32', size, length);
      const eSlot = exponentials ?? inputSlot;
      const e = matrixIn(w, eSlot, 'float32', size, length);
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
      const slot = weights?.next() ?? inputSlot;
      const ref = matrixIn(w, slot, softmax.out.dtype, size, length);
      issue(cx, 'vector', { op: 'VECTOR', inputs: [e, total], outputs: [ref], steps: (softmax.quotient ?? softmax.both).steps }, [
        read(eSlot.resource),
        read(sums.resource),
        write(slot.resource),
      ]);
      return { ref, slot };
    },
    values: (tile, steps, out) => product(tile, { at: 0, size: width, index: 0 }, steps, out()),
  };
}
