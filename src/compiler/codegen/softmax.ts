/**
 * Softmax along an axis in three sweeps over chunks of the axis: maximum, sum of exponentials, quotients. Maximum and sum are carried on
 * chip from chunk to chunk. Where the whole axis is one chunk its exponentials are kept; otherwise the third sweep makes them again.
 */
import { bytesPerElement, isEngineFloat } from '../../core/index.ts';
import type { Ref } from '../../isa/index.ts';
import type { SoftmaxKernel } from '../kernels/spec.ts';
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

export function emitSoftmax(cx: EmitContext, k: SoftmaxKernel): Emitted {
  const source = sourceOf(cx, k.x);
  const { home } = targetOf(cx, k.out);
  const w = scratchpad(cx);
  const es = bytesPerElement(k.dtype);
  const eo = bytesPerElement(k.out.dtype);
  const integer = !isEngineFloat(k.dtype);
  const strides = [k.length * k.inner, k.inner, 1];

  const bytesOf = ([o = 1, l = 1, i = 1]: readonly number[], copies: number): number => {
    const rows = o * i;
    const far = (source.direct ? 0 : slotBytes(rows * l * es)) + (home.local ? 0 : slotBytes(rows * l * eo));
    return copies * far + slotBytes(rows * l * 4) + 2 * slotBytes(rows * 4);
  };
  // Rows whole where they fit, several at a time; else one row in chunks. The axis is the innermost to be cut last.
  const order = [k.outer, k.inner, k.length];
  const cost =
    (copies: number) =>
    ([o = 1, i = 1, l = 1]: readonly number[]): number =>
      bytesOf([o, l, i], copies);
  const whole = k.outer * k.inner * k.length * (es + eo);
  let copies = 2;
  const { chance } = cx.env;
  const row = chance === null ? Math.min(w.capacity, bytesOf([1, k.length, 1], 2)) : 0;
  let cut = cutBox(order, Math.max(streamBudget(whole, w.capacity, chance), row), cost(2));
  if (cut === null) {
    copies = 1;
    cut = cutBox(order, w.capacity, cost(1));
  }
  if (cut === null)
    return tooBig(cx, k.name, k.origin, [{ what: 'one element with its maximum, sum and result', bytes: bytesOf([1, 1, 1], 1) }]);
  const [to = 1, ti = 1, tl = 1] = cut;
  const single = tl >= k.length;

  const inputs = source.direct ? null : createTilePool(w, copies, to * tl * ti * es);
  const outputs = home.local ? null : createRotation(w, copies, to * tl * ti * eo);
  const exponentials = w.allocate(to * tl * ti * 4);
  const maxima = w.allocate(to * ti * 4);
  const sums = w.allocate(to * ti * 4);
  const accType = integer ? 'int32' : 'float32';
  let tiles = 0;
  let tag = 0;

  for (const t of boxTiles([k.outer, k.inner], [to, ti])) {
    const [o = 0, i = 0] = t.starts;
    const [no = 1, ni = 1] = t.sizes;
    /** One number per row, broadcast (read) or folded (written) along the axis. */
    const perRow = (slot: Slot, dtype: 'int32' | 'float32', l: number): Ref => slotRef(w, slot, dtype, [no, l, ni], [ni * 4, 0, 4]);
    const chunkAt = (at: number): { size: number[]; offset: number } => {
      const l = Math.min(tl, k.length - at);
      return { size: [no, l, ni], offset: o * (strides[0] as number) + at * (strides[1] as number) + i };
    };
    const input = (at: number, sweep: number): { ref: Ref; access: Access } => {
      const { size, offset } = chunkAt(at);
      const far = strides.map((s) => s * es);
      if (inputs === null) return { ref: source.ref(offset * es, size, far), access: read(source.resource) };
      // A single chunk stays for all sweeps; otherwise each sweep loads its own.
      const { slot, fresh } = inputs.get(single ? tag : tag + sweep * k.length + at);
      const local = slotRef(w, slot, k.dtype, size, denseStrides(size, es));
      if (fresh) {
        issue(cx, 'dma-in', { op: 'LOAD', src: source.ref(offset * es, size, far), dst: local, operand: source.operand }, [
          read(source.resource),
          write(slot.resource),
        ]);
      }
      return { ref: local, access: read(slot.resource) };
    };
    const chunks: number[] = [];
    for (let at = 0; at < k.length; at += tl) chunks.push(at);

    for (const at of chunks) {
      const x = input(at, 0);
      const acc = perRow(maxima, accType, x.ref.extents[1] ?? 1);
      issue(cx, 'vector', { op: 'REDUCE', kind: 'max', mode: at === 0 ? 'overwrite' : 'accumulate', x: x.ref, acc, xZero: k.xZero }, [
        x.access,
        write(maxima.resource),
      ]);
      tiles++;
    }
    for (const at of chunks) {
      const x = input(at, 1);
      const size = x.ref.extents;
      const l = size[1] ?? 1;
      const eRef = slotRef(w, exponentials, 'float32', size, denseStrides(size, 4));
      issue(cx, 'vector', { op: 'VECTOR', inputs: [x.ref, perRow(maxima, accType, l)], outputs: [eRef], steps: k.exponential.steps }, [
        x.access,
        read(maxima.resource),
        write(exponentials.resource),
      ]);
      issue(
        cx,
        'vector',
        { op: 'REDUCE', kind: 'sum', mode: at === 0 ? 'overwrite' : 'accumulate', x: eRef, acc: perRow(sums, 'float32', l), xZero: 0 },
        [read(exponentials.resource), write(sums.resource)],
      );
    }
    for (const at of chunks) {
      const { size, offset } = chunkAt(at);
      const l = size[1] ?? 1;
      const target = homeRef(
        home,
        k.out.dtype,
        offset * eo,
        size,
        strides.map((s) => s * eo),
      );
      const slot = outputs?.next() ?? null;
      const result = slot === null ? target : slotRef(w, slot, k.out.dtype, size, denseStrides(size, eo));
      const done = slot === null ? write(home.resource()) : write(slot.resource);
      if (single && k.quotient !== null) {
        const e = slotRef(w, exponentials, 'float32', size, denseStrides(size, 4));
        issue(cx, 'vector', { op: 'VECTOR', inputs: [e, perRow(sums, 'float32', l)], outputs: [result], steps: k.quotient.steps }, [
          read(exponentials.resource),
          read(sums.resource),
          done,
        ]);
      } else {
        const x = input(at, 2);
        issue(
          cx,
          'vector',
          { op: 'VECTOR', inputs: [x.ref, perRow(maxima, accType, l), perRow(sums, 'float32', l)], outputs: [result], steps: k.both.steps },
          [x.access, read(maxima.resource), read(sums.resource), done],
        );
      }
      if (slot !== null)
        issue(cx, 'dma-out', { op: 'STORE', src: result, dst: target, operand: storedOperand(home) }, [
          read(slot.resource),
          write(home.resource()),
        ]);
    }
    tag += 3 * k.length + 1;
  }
  return { mapping: `${to * ti} rows × ${tl} of ${k.length}, ${copies} buffers`, tiles };
}
