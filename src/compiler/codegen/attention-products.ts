/** The two products of an attention: sums over chunks, drained or taken by a vector program, with what is computed on them. */
import { bytesPerElement } from '../../core/index.ts';
import type { Drain, Ref } from '../../isa/index.ts';
import type { ContractionKernel } from '../kernels/spec.ts';
import type { Slot } from '../memory/local-window.ts';
import type { Access } from '../schedule/program-writer.ts';
import { midBytes, waitsForChunks } from '../tiling/attention.ts';
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

/** Some columns of a tile: a sum of products each. */
export interface ProductPart {
  readonly columns: Range;
  readonly steps: readonly (() => ProductStep)[];
  readonly out: Place;
}

/**
 * Issues the products of one tile, its parts beside one another, and leaves its elements in their place; where no array drains and no program
 * follows, only the sums. @returns those of the last part
 */
export type ProductEmitter = (at: Rows, parts: readonly ProductPart[], whole: Omit<ProductPart, 'steps'>) => readonly [Ref, Slot] | null;

/** @param columns  of the widest part  @param all  of the widest tile */
export function productEmitter(
  cx: EmitContext,
  k: ContractionKernel,
  part: string,
  { rows, columns, all = columns }: { readonly rows: number; readonly columns: number; readonly all?: number },
  copies: number,
): ProductEmitter {
  const w = scratchpad(cx);
  const acc = window(cx, cx.env.core.accumulator);
  const onArray = k.drainOn === 'array';
  const atOnce = waitsForChunks(k);
  const accs = createRotation(acc, onArray ? 1 : copies, rows * columns * 4);
  const mid = midBytes(k);
  const mids = mid === 0 ? null : createRotation(w, copies, rows * columns * mid);
  const multipliers = multiplierReader(cx, k, part, columns);
  const beside = productOperands(k).map((o) => besideReader(cx, o, rows, atOnce ? all : columns, copies));
  const { drain, epilogue, geometry, xZero, wZero } = k;

  const finish = (at: Rows, columns: Range, inputs: readonly Ref[], accesses: readonly Access[], out: Place): void => {
    if (epilogue === null) return;
    const operands = beside.map((b) => b(at.group * geometry.ow + at.row, at.size, columns));
    issue(cx, 'vector', { op: 'VECTOR', inputs: [...inputs, ...operands.map((o) => o.ref)], outputs: [out.ref], steps: epilogue.steps }, [
      ...accesses,
      ...operands.map((o) => o.access),
      out.access,
    ]);
  };
  const inPlace = (out: Place): Place => ({ ref: { ...out.ref, dtype: drain.dtype }, access: out.access });

  return (at, parts, whole) => {
    let last: readonly [Ref, Slot] | null = null;
    for (const { columns: own, steps, out } of parts) {
      const extents = [at.size, own.size];
      const sums = accs.next();
      const sumsRef = slotRef(acc, sums, k.sums, extents, denseStrides(extents, 4));
      last = [sumsRef, sums];
      const multiplier = multipliers(own.size);
      const midSlot = mids?.next() ?? null;
      const dense = denseStrides(extents, bytesPerElement(drain.dtype));
      const drained: Place =
        midSlot === null ? inPlace(out) : { ref: slotRef(w, midSlot, drain.dtype, extents, dense), access: write(midSlot.resource) };
      steps.forEach((step, i) => {
        const { x, w: right } = step();
        const accesses: Access[] = [x.access, right.access, write(sums.resource), ...(i > 0 ? [read(sums.resource)] : [])];
        let leaves: Drain | null = null;
        if (onArray && i === steps.length - 1) {
          const { outZero, lo, hi } = drain;
          leaves = { out: drained.ref, bias: null, multiplier: multiplier?.ref ?? null, outZero, lo, hi };
          accesses.push(drained.access, ...(multiplier === null ? [] : [multiplier.access]));
        }
        const mode = i === 0 ? 'overwrite' : 'accumulate';
        issue(cx, 'matrix', { op: 'MATMUL', mode, acc: sumsRef, drain: leaves, xZero, wZero, x: x.ref, w: right.ref }, accesses);
      });
      if (atOnce) continue;
      if (onArray) finish(at, own, [drained.ref], [read(drained.access.resource)], out);
      else {
        const factors = multiplier === null ? [] : multiplierInputs(multiplier, at.size);
        finish(at, own, [sumsRef, ...factors], [read(sums.resource), ...(multiplier === null ? [] : [multiplier.access])], out);
      }
    }
    if (atOnce) finish(at, whole.columns, [inPlace(whole.out).ref], [read(whole.out.access.resource)], whole.out);
    return last;
  };
}
