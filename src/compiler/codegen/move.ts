/** Moves and host calls. */
import { bytesPerElement, compilerMappingMessages, fail } from '../../core/index.ts';
import type { Ref } from '../../isa/index.ts';
import type { HostKernel, MoveKernel, MovePart, View } from '../kernels/spec.ts';
import { slotAlignment, slotBytes } from '../memory/local-window.ts';
import { boxTiles, cutBox, mergeAxes, streamBudget } from '../tiling/box.ts';
import {
  createRotation,
  denseStrides,
  homeRef,
  issue,
  read,
  scratchpad,
  slotRef,
  sourceOf,
  targetOf,
  write,
  type EmitContext,
  type Source,
} from './context.ts';
import type { Emitted } from './vector.ts';

export function emitMove(cx: EmitContext, k: MoveKernel): Emitted {
  let tiles = 0;
  for (const part of k.parts) {
    // Parts follow one another: each lays out its slots afresh.
    scratchpad(cx).beginKernel();
    tiles += emitPart(cx, k, part);
  }
  return { mapping: `${k.parts.length} ${k.parts.length === 1 ? 'part' : 'parts'}`, tiles };
}

function emitPart(cx: EmitContext, k: MoveKernel, part: MovePart): number {
  const source = sourceOf(cx, part.src);
  const { home } = targetOf(cx, k.out);
  const es = bytesPerElement(k.out.dtype);
  const w = scratchpad(cx);
  const merged = mergeAxes(part.extents, [part.srcStrides, part.dstStrides]);
  const [srcStrides = [], dstStrides = []] = merged.strides.map((s) => s.map((e) => e * es));
  // Staging is needed between two far memories and for conversions; otherwise one command does it.
  const staged = part.convert !== null || (!source.direct && !home.local);
  const inSlots = staged && !source.direct ? 2 : 0;
  const outSlots = part.convert !== null && !home.local ? 2 : 0;
  const bytesOf = (t: readonly number[]): number => (inSlots + outSlots) * slotBytes(t.reduce((n, d) => n * d, 1) * es);
  const whole = merged.extents.reduce((n, d) => n * d, 1) * es;
  const tile = cutBox(merged.extents, staged ? streamBudget(2 * (whole + slotAlignment), w.capacity) : Infinity, bytesOf);
  if (tile === null) {
    const demandBytes = bytesOf([1]);
    const terms = [{ what: 'one element, double-buffered', bytes: demandBytes }];
    return fail(
      compilerMappingMessages.kernelDoesNotFit(
        { kernel: k.name, shortfall: { memory: cx.env.core.scratchpad, demandBytes, capacityBytes: w.capacity, terms } },
        { origin: k.origin },
      ),
    );
  }
  const bytes = tile.reduce((n, d) => n * d, 1) * es;
  const ins = inSlots > 0 ? createRotation(w, inSlots, bytes) : null;
  const outs = outSlots > 0 ? createRotation(w, outSlots, bytes) : null;
  let tiles = 0;
  for (const t of boxTiles(merged.extents, tile)) {
    tiles++;
    const at = (strides: readonly number[], start: number): number =>
      t.starts.reduce((sum, s, i) => sum + s * (strides[i] as number), start * es);
    const src = source.ref(at(srcStrides, part.srcOffset), t.sizes, srcStrides);
    const dst = homeRef(home, k.out.dtype, at(dstStrides, part.dstOffset), t.sizes, dstStrides);
    const dense = denseStrides(t.sizes, es);
    if (!staged) {
      const op = source.direct ? (home.local ? 'COPY' : 'STORE') : 'LOAD';
      const operand = op === 'STORE' ? 'outputs' : source.operand;
      issue(cx, op === 'STORE' ? 'dma-out' : 'dma-in', { op, src, dst, operand }, [read(source.resource), write(home.resource())]);
      continue;
    }
    let local = src;
    let localAccess = read(source.resource);
    if (ins !== null) {
      const slot = ins.next();
      local = slotRef(w, slot, k.out.dtype, t.sizes, dense);
      issue(cx, 'dma-in', { op: 'LOAD', src, dst: local, operand: source.operand }, [read(source.resource), write(slot.resource)]);
      localAccess = read(slot.resource);
    }
    if (part.convert !== null) {
      const slot = outs?.next() ?? null;
      const to = slot === null ? dst : slotRef(w, slot, k.out.dtype, t.sizes, dense);
      issue(cx, 'vector', { op: 'VECTOR', inputs: [local], outputs: [to], steps: part.convert.steps }, [
        localAccess,
        slot === null ? write(home.resource()) : write(slot.resource),
      ]);
      if (slot === null) continue;
      local = to;
      localAccess = read(slot.resource);
    }
    issue(cx, 'dma-out', { op: 'STORE', src: local, dst, operand: 'outputs' }, [localAccess, write(home.resource())]);
  }
  return tiles;
}

/** @param segment index of the kernel's graph in the executable */
export function emitHost(cx: EmitContext, k: HostKernel, segment: number): Emitted {
  const whole = (source: Source, v: View): Ref => source.ref(0, v.shape, denseStrides(v.shape, bytesPerElement(v.dtype)));
  const inputs = k.inputs.map((v) => sourceOf(cx, v));
  const outputs = k.outputs.map((v) => ({ v, ...targetOf(cx, v) }));
  issue(
    cx,
    'host',
    {
      op: 'HOST',
      segment,
      inputs: inputs.map((s, i) => whole(s, k.inputs[i] as View)),
      outputs: outputs.map(({ v, home }) => homeRef(home, v.dtype, 0, v.shape, denseStrides(v.shape, bytesPerElement(v.dtype)))),
    },
    [...inputs.map((s) => read(s.resource)), ...outputs.map(({ home }) => write(home.resource()))],
  );
  return { mapping: k.reason, tiles: 1 };
}
