/**
 * Reductions: REDUCE folds tile after tile into accumulators of the elements that stay, in row-major order of what is folded; a VECTOR program
 * finishes them.
 */
import { bytesPerElement, isEngineFloat } from '../../core/index.ts';
import type { DType } from '../../core/index.ts';
import type { Ref } from '../../isa/index.ts';
import type { ReduceKernel } from '../kernels/spec.ts';
import { slotBytes, type Slot } from '../memory/local-window.ts';
import type { Access } from '../schedule/program-writer.ts';
import { boxTiles, cutBox, mergeAxes, streamBudget } from '../tiling/box.ts';
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

export function emitReduce(cx: EmitContext, k: ReduceKernel): Emitted {
  const source = sourceOf(cx, k.x);
  const { home } = targetOf(cx, k.out);
  const w = scratchpad(cx);
  const es = bytesPerElement(k.dtype);
  const eo = bytesPerElement(k.out.dtype);
  // Sums of plain integers are int32; whatever was dequantized is fp32.
  const sumType: DType =
    isEngineFloat(k.dtype) || k.passes.some((p) => p.before?.steps.some((s) => s.op === 'dequantize')) ? 'float32' : 'int32';
  const { extents, strides, outStrides } = axesOf(k);
  const reduced = outStrides.map((s) => s === 0);
  const count = (sizes: readonly number[]): number => sizes.reduce((n, s) => n * s, 1);
  const kept = (sizes: readonly number[]): number => sizes.reduce((n, s, i) => (reduced[i] === true ? n : n * s), 1);
  const changes = k.passes.some((p) => p.before !== null);
  const bytesOf = (t: readonly number[], copies: number): number => {
    const elements = count(t);
    const sums = copies * k.passes.length * slotBytes(kept(t) * 4);
    const loaded = source.direct ? 0 : copies * slotBytes(elements * es);
    const changed = changes ? copies * slotBytes(elements * 4) : 0;
    return loaded + changed + sums + (home.local ? 0 : copies * slotBytes(kept(t) * eo));
  };
  let copies = 2;
  let tile = cutBox(extents, streamBudget(2 * bytesOf(extents, 1), w.capacity, cx.env.chance), (t) => bytesOf(t, 2));
  if (tile === null) {
    copies = 1;
    tile = cutBox(extents, w.capacity, (t) => bytesOf(t, 1));
  }
  if (tile === null)
    return tooBig(cx, k.name, k.origin, [
      {
        what: 'one element and its results',
        bytes: bytesOf(
          extents.map(() => 1),
          1,
        ),
      },
    ]);
  const pool = source.direct ? null : createTilePool(w, copies, count(tile) * es);
  const changed = changes ? createRotation(w, copies, count(tile) * 4) : null;
  const sums = k.passes.map(() => createRotation(w, copies, kept(tile) * 4));
  const outs = home.local ? null : createRotation(w, copies, kept(tile) * eo);

  const keptAxes = (list: readonly number[], otherwise: number): number[] => list.map((v, i) => (reduced[i] === true ? otherwise : v));
  const foldedAxes = (list: readonly number[], otherwise: number): number[] => list.map((v, i) => (reduced[i] === true ? v : otherwise));
  const folds = [...boxTiles(foldedAxes(extents, 1), foldedAxes(tile, 1))];
  let tiles = 0;
  let loads = 0;
  for (const outer of boxTiles(keptAxes(extents, 1), keptAxes(tile, 1))) {
    const results = sums.map((rotation) => rotation.next());
    const resultRef = (slot: Slot, sizes: readonly number[]): Ref => {
      const dense = denseStrides(keptAxes(sizes, 1), 4);
      return slotRef(w, slot, sumType, sizes, keptAxes(dense, 0));
    };
    const firstLoad = loads;
    k.passes.forEach((pass, p) => {
      loads = firstLoad;
      folds.forEach((inner, f) => {
        const starts = outer.starts.map((s, i) => s + (inner.starts[i] ?? 0));
        const sizes = outer.sizes.map((s, i) => (reduced[i] === true ? (inner.sizes[i] ?? 1) : s));
        const offset = starts.reduce((n, s, i) => n + s * (strides[i] ?? 0) * es, 0);
        const from = source.ref(
          offset,
          sizes,
          strides.map((s) => s * es),
        );
        let x = from;
        let access: Access = read(source.resource);
        if (pool !== null) {
          const { slot, fresh } = pool.get(loads);
          x = slotRef(w, slot, k.dtype, sizes, denseStrides(sizes, es));
          if (fresh) issue(cx, 'dma-in', { op: 'LOAD', src: from, dst: x, operand: source.operand }, [access, write(slot.resource)]);
          access = read(slot.resource);
        }
        loads++;
        tiles++;
        if (pass.before !== null && changed !== null) {
          const slot = changed.next();
          const to = slotRef(w, slot, sumType, sizes, denseStrides(sizes, 4));
          const earlier = results.slice(0, p);
          const command = {
            op: 'VECTOR',
            inputs: [x, ...earlier.map((s) => resultRef(s, sizes))],
            outputs: [to],
            steps: pass.before.steps,
          } as const;
          issue(cx, 'vector', command, [access, ...earlier.map((s) => read(s.resource)), write(slot.resource)]);
          x = to;
          access = read(slot.resource);
        }
        const result = results[p];
        if (result === undefined) return;
        const mode = f === 0 ? 'overwrite' : 'accumulate';
        const command = { op: 'REDUCE', kind: pass.fold, mode, x, acc: resultRef(result, sizes), xZero: pass.xZero } as const;
        issue(cx, 'vector', command, [access, write(result.resource)]);
      });
    });
    const sizes = keptAxes(outer.sizes, 1);
    const inputs = results.map((s) => resultRef(s, sizes));
    const reads = results.map((s) => read(s.resource));
    const offset = outer.starts.reduce((n, s, i) => n + s * (outStrides[i] ?? 0) * eo, 0);
    const target = homeRef(
      home,
      k.out.dtype,
      offset,
      sizes,
      outStrides.map((s) => s * eo),
    );
    if (outs === null) {
      issue(cx, 'vector', { op: 'VECTOR', inputs, outputs: [target], steps: k.finish.steps }, [...reads, write(home.resource())]);
      continue;
    }
    const slot = outs.next();
    const local = slotRef(w, slot, k.out.dtype, sizes, denseStrides(sizes, eo));
    issue(cx, 'vector', { op: 'VECTOR', inputs, outputs: [local], steps: k.finish.steps }, [...reads, write(slot.resource)]);
    issue(cx, 'dma-out', { op: 'STORE', src: local, dst: target, operand: storedOperand(home) }, [
      read(slot.resource),
      write(home.resource()),
    ]);
  }
  return { mapping: `${tile.join('×')} of ${extents.join('×')}, ${copies} buffers`, tiles };
}

/** Axes of x, neighbours of one kind as one, with element strides of x and of the output (0: reduced). */
function axesOf(k: ReduceKernel): { readonly extents: number[]; readonly strides: number[]; readonly outStrides: number[] } {
  const { shape } = k.x;
  const dense = denseStrides(shape, 1);
  const keptShape = shape.map((e, i) => (k.reduced[i] === true ? 1 : e));
  const out = denseStrides(keptShape, 1).map((s, i) => (k.reduced[i] === true ? 0 : s));
  const { extents, strides } = mergeAxes(shape, [dense, out]);
  return { extents, strides: strides[0] ?? [], outStrides: strides[1] ?? [] };
}
