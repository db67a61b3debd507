/** The two products of an attention: sums over chunks, drained or taken by a vector program, with what is computed on them. */
import { bytesPerElement } from '../../core/index.ts';
import type { Drain, Ref } from '../../isa/index.ts';
import type { ContractionKernel } from '../kernels/spec.ts';
import type { Slot } from '../memory/local-window.ts';
import type { Access } from '../schedule/program-writer.ts';
import { midBytes } from '../tiling/attention.ts';
import { productOperands } from '../tiling/attention-operands.ts';
import { besideReader, multiplierInputs, multiplierReader, type Operand, type Rows } from './attention-operands.ts';
import { createRotation, denseStrides, issue, read, scratchpad, slotRef, window, write, type EmitContext } from './context.ts';
import type { Range } from './contraction-tile.ts';

/** Where a finished tile goes. */
export interface Place {
  readonly ref: Ref;
  readonly access: Access;
}

export interface ProductStep {
  readonly x: Operand;
  readonly w: Operand;
}

/**
 * Issues the products of one tile, rows × columns, and leaves its elements in their place; where no array drains and no program follows, only the
 * sums. @returns them
 */
export type ProductEmitter = (at: Rows, columns: Range, steps: readonly (() => ProductStep)[], out: Place) => readonly [Ref, Slot];

/** @param columns  of the widest tile */
export function productEmitter(
  cx: EmitContext,
  k: ContractionKernel,
  part: string,
  rows: number,
  columns: number,
  copies: number,
): ProductEmitter {
  const w = scratchpad(cx);
  const acc = window(cx, cx.env.core.accumulator);
  const onArray = k.drainOn === 'array';
  const accs = createRotation(acc, onArray ? 1 : copies, rows * columns * 4);
  const mid = midBytes(k);
  const mids = mid === 0 ? null : createRotation(w, copies, rows * columns * mid);
  const multipliers = multiplierReader(cx, k, part, columns);
  const beside = productOperands(k).map((o) => besideReader(cx, o, rows, columns, copies));
  const { drain, epilogue, geometry } = k;
  return (at, column, steps, out) => {
    const extents = [at.size, column.size];
    const sums = accs.next();
    const sumsRef = slotRef(acc, sums, k.sums, extents, denseStrides(extents, 4));
    const multiplier = multipliers(column.size);
    const midSlot = mids?.next() ?? null;
    const drained: Place =
      midSlot === null
        ? { ref: { ...out.ref, dtype: drain.dtype }, access: out.access }
        : {
            ref: slotRef(w, midSlot, drain.dtype, extents, denseStrides(extents, bytesPerElement(drain.dtype))),
            access: write(midSlot.resource),
          };
    steps.forEach((step, i) => {
      const { x, w: right } = step();
      const accesses: Access[] = [x.access, right.access, write(sums.resource), ...(i > 0 ? [read(sums.resource)] : [])];
      let last: Drain | null = null;
      if (onArray && i === steps.length - 1) {
        const { outZero, lo, hi } = drain;
        last = { out: drained.ref, bias: null, multiplier: multiplier?.ref ?? null, outZero, lo, hi };
        accesses.push(drained.access, ...(multiplier === null ? [] : [multiplier.access]));
      }
      const mode = i === 0 ? 'overwrite' : 'accumulate';
      const { xZero, wZero } = k;
      issue(cx, 'matrix', { op: 'MATMUL', mode, acc: sumsRef, drain: last, xZero, wZero, x: x.ref, w: right.ref }, accesses);
    });
    if (epilogue === null) return [sumsRef, sums];
    const operands = beside.map((b) => b(at.group * geometry.ow + at.row, at.size, column));
    const inputs = onArray ? [drained.ref] : [sumsRef, ...(multiplier === null ? [] : multiplierInputs(multiplier, at.size))];
    const accesses = onArray ? [read(drained.access.resource)] : [read(sums.resource), ...(multiplier === null ? [] : [multiplier.access])];
    issue(cx, 'vector', { op: 'VECTOR', inputs: [...inputs, ...operands.map((o) => o.ref)], outputs: [out.ref], steps: epilogue.steps }, [
      ...accesses,
      ...operands.map((o) => o.access),
      out.access,
    ]);
    return [sumsRef, sums];
  };
}
