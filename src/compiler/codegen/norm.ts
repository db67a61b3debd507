/**
 * Normalizations: numbers of a row made real, their sum, the centred numbers, the sum of their squares, the quotient. Rows that fit stay
 * on chip from step to step; longer ones are walked in chunks, once for each sum and once for the result, sums carried on chip.
 */
import { bytesPerElement } from '../../core/index.ts';
import type { Ref } from '../../isa/index.ts';
import type { NormKernel, VectorPlan } from '../kernels/spec.ts';
import { slotBytes, type Slot } from '../memory/local-window.ts';
import type { Access } from '../schedule/program-writer.ts';
import { boxTiles, cutBox, streamBudget } from '../tiling/box.ts';
import {
  createRotation,
  createTilePool,
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
import { tooBig, type Emitted } from './vector.ts';

interface Chunk {
  readonly starts: readonly number[];
  readonly size: readonly number[];
}

export function emitNorm(cx: EmitContext, k: NormKernel): Emitted {
  const source = sourceOf(cx, k.x);
  const { home } = targetOf(cx, k.out);
  const w = scratchpad(cx);
  const es = bytesPerElement(k.dtype);
  const eo = bytesPerElement(k.out.dtype);
  const extents = [k.outer, k.groups, k.a, k.b];
  const strides = denseStrides(extents, 1);
  const parameters = k.parameters.map((p) => ({
    source: sourceOf(cx, p.view),
    strides: p.strides,
    dtype: p.view.dtype,
    bytes: bytesPerElement(p.view.dtype),
  }));
  /** The part of a parameter that a tile of this size needs, axes it does not have left at 1. */
  const partOf = (p: { readonly strides: readonly number[] }, size: readonly number[]): number[] =>
    size.map((n, i) => (p.strides[i] === 0 ? 1 : n));

  const bytesOf = (size: readonly number[], copies: number): number => {
    const [o = 1, g = 1, a = 1, b = 1] = size;
    const count = o * g * a * b;
    const far = (source.direct ? 0 : slotBytes(count * es)) + (home.local ? 0 : slotBytes(count * eo));
    const held = parameters.reduce(
      (n, p) => n + (p.source.direct ? 0 : slotBytes(p.bytes * partOf(p, size).reduce((m, d) => m * d, 1))),
      0,
    );
    return copies * far + held + 2 * slotBytes(count * 4) + 4 * slotBytes(o * g * 4);
  };
  const whole = extents.reduce((n, d) => n * d, 1) * (es + eo);
  let copies = 2;
  const { chance } = cx.env;
  const row = chance === null ? Math.min(w.capacity, bytesOf([1, 1, k.a, k.b], 2)) : 0;
  const budget = Math.max(streamBudget(whole, w.capacity, chance), row);
  let cut = cutBox(extents, budget, (size) => bytesOf(size, 2));
  if (cut === null) {
    copies = 1;
    cut = cutBox(extents, w.capacity, (size) => bytesOf(size, 1));
  }
  if (cut === null)
    return tooBig(cx, k.name, k.origin, [{ what: 'one element with its sums and result', bytes: bytesOf([1, 1, 1, 1], 1) }]);
  const [to = 1, tg = 1, ta = 1, tb = 1] = cut;
  const tile = to * tg * ta * tb;
  const single = ta >= k.a && tb >= k.b;

  const inputs = source.direct ? null : createTilePool(w, copies, tile * es);
  const outputs = home.local ? null : createRotation(w, copies, tile * eo);
  const pools = parameters.map((p) => (p.source.direct ? null : createTilePool(w, 1, p.bytes * partOf(p, cut).reduce((n, d) => n * d, 1))));
  const [real, centred] = [w.allocate(tile * 4), w.allocate(tile * 4)];
  const rows = to * tg * 4;
  const [sums, means, squares, inverses] = [w.allocate(rows), w.allocate(rows), w.allocate(rows), w.allocate(rows)];
  let tiles = 0;
  let tag = 0;

  const offsetOf = (starts: readonly number[], along: readonly number[]): number => starts.reduce((n, s, i) => n + s * (along[i] ?? 0), 0);
  const vector = (plan: VectorPlan, ins: readonly Ref[], out: Ref, touched: readonly Access[]): void => {
    issue(cx, 'vector', { op: 'VECTOR', inputs: ins, outputs: [out], steps: plan.steps }, touched);
  };

  for (const t of boxTiles([k.outer, k.groups], [to, tg])) {
    const [no = 1, ng = 1] = t.sizes;
    const chunks: Chunk[] = [...boxTiles([k.a, k.b], [ta, tb])].map((c) => ({
      starts: [...t.starts, ...c.starts],
      size: [no, ng, ...c.sizes],
    }));
    /** One number a row, along the row. */
    const perRow = (slot: Slot, size: readonly number[]): Ref => slotRef(w, slot, 'float32', size, [ng * 4, 4, 0, 0]);
    const alone = (slot: Slot): Ref => slotRef(w, slot, 'float32', [no, ng, 1, 1], [ng * 4, 4, 4, 4]);
    const dense = (slot: Slot, size: readonly number[]): Ref => slotRef(w, slot, 'float32', size, denseStrides(size, 4));

    /** The chunk's numbers as fp32 in `real`, less their mean in `centred` where there is one; answers where the last of them are. */
    const load = (c: Chunk, at: number, sweep: number, centre: boolean): { readonly ref: Ref; readonly slot: Slot } => {
      const far = strides.map((s) => s * es);
      const offset = offsetOf(c.starts, strides) * es;
      let from: Ref;
      let access: Access;
      if (inputs === null) {
        from = source.ref(offset, c.size, far);
        access = read(source.resource);
      } else {
        const { slot, fresh } = inputs.get(tag + (single ? 0 : sweep * chunks.length + at));
        from = slotRef(w, slot, k.dtype, c.size, denseStrides(c.size, es));
        access = read(slot.resource);
        if (fresh) {
          issue(cx, 'dma-in', { op: 'LOAD', src: source.ref(offset, c.size, far), dst: from, operand: source.operand }, [
            read(source.resource),
            write(slot.resource),
          ]);
        }
      }
      const numbers = dense(real, c.size);
      if (!single || sweep === 0) vector(k.real, [from], numbers, [access, write(real.resource)]);
      if (!centre || k.centred === null) return { ref: numbers, slot: real };
      const result = dense(centred, c.size);
      if (!single || sweep === 1) {
        vector(k.centred, [numbers, perRow(means, c.size)], result, [read(real.resource), read(means.resource), write(centred.resource)]);
      }
      return { ref: result, slot: centred };
    };
    const fold = (kind: 'sum' | 'sumSquares', at: number, x: { readonly ref: Ref; readonly slot: Slot }, slot: Slot): void => {
      issue(
        cx,
        'vector',
        { op: 'REDUCE', kind, mode: at === 0 ? 'overwrite' : 'accumulate', x: x.ref, acc: perRow(slot, x.ref.extents), xZero: 0 },
        [read(x.slot.resource), write(slot.resource)],
      );
    };

    if (k.mean !== null) {
      chunks.forEach((c, at) => fold('sum', at, load(c, at, 0, false), sums));
      vector(k.mean, [alone(sums)], alone(means), [read(sums.resource), write(means.resource)]);
    }
    chunks.forEach((c, at) => fold('sumSquares', at, load(c, at, k.mean === null ? 0 : 1, true), squares));
    vector(k.inverse, [alone(squares)], alone(inverses), [read(squares.resource), write(inverses.resource)]);
    chunks.forEach((c, at) => {
      const x = load(c, at, 2, true);
      const ins: Ref[] = [x.ref, perRow(inverses, c.size)];
      const touched: Access[] = [read(x.slot.resource), read(inverses.resource)];
      parameters.forEach((p, i) => {
        const part = partOf(p, c.size);
        const far = p.strides.map((s) => s * p.bytes);
        const offset = offsetOf(c.starts, p.strides) * p.bytes;
        const pool = pools[i] ?? null;
        if (pool === null) {
          ins.push(p.source.ref(offset, c.size, far));
          touched.push(read(p.source.resource));
          return;
        }
        const near = denseStrides(part, p.bytes);
        const { slot, fresh } = pool.get(offset);
        if (fresh) {
          const into = slotRef(w, slot, p.dtype, part, near);
          issue(cx, 'dma-in', { op: 'LOAD', src: p.source.ref(offset, part, far), dst: into, operand: p.source.operand }, [
            read(p.source.resource),
            write(slot.resource),
          ]);
        }
        ins.push(
          slotRef(
            w,
            slot,
            p.dtype,
            c.size,
            near.map((s, axis) => (p.strides[axis] === 0 ? 0 : s)),
          ),
        );
        touched.push(read(slot.resource));
      });
      const target = homeRef(
        home,
        k.out.dtype,
        offsetOf(c.starts, strides) * eo,
        c.size,
        strides.map((s) => s * eo),
      );
      const slot = outputs?.next() ?? null;
      const result = slot === null ? target : slotRef(w, slot, k.out.dtype, c.size, denseStrides(c.size, eo));
      vector(k.finish, ins, result, [...touched, slot === null ? write(home.resource()) : write(slot.resource)]);
      if (slot !== null) {
        issue(cx, 'dma-out', { op: 'STORE', src: result, dst: target, operand: storedOperand(home) }, [
          read(slot.resource),
          write(home.resource()),
        ]);
      }
      tiles++;
    });
    tag += 3 * chunks.length + 1;
  }
  return { mapping: `${to * tg} rows × ${ta * tb} of ${k.a * k.b}, ${copies} buffers`, tiles };
}
