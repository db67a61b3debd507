/**
 * Contraction -> LOAD tiles, CONV / DWCONV / MATMUL into accumulators, drain, optional VECTOR epilogue, STORE.
 * Loops as the mapping says; double buffering is nothing but slots used in turn, the writer orders what shares them.
 */
import { bytesPerElement } from '../../core/index.ts';
import type { AccumulateMode, Command, Drain, Ref } from '../../isa/index.ts';
import type { ContractionKernel } from '../kernels/spec.ts';
import type { LocalWindow, Slot } from '../memory/local-window.ts';
import type { Access } from '../schedule/program-writer.ts';
import type { ContractionMapping } from '../tiling/contraction-tile.ts';
import { createRotation, denseStrides, issue, read, slotRef, window, write, type EmitContext } from './context.ts';
import { alongHome, homeStrides, outputTiles, ranges, type OutputTile, type Range } from './contraction-tile.ts';
import { ringInput, tileInput } from './contraction-input.ts';
import { parameterInput, weightInput } from './contraction-weights.ts';
import { resultWriter } from './contraction-results.ts';

/** Emits the kernel's commands. */
export function emitContraction(cx: EmitContext, k: ContractionKernel, m: ContractionMapping): void {
  const { ports } = cx.env.matrix;
  const acc = window(cx, cx.env.core.accumulator);
  const t = m.tile;
  const geo = k.geometry;
  const outBytes = bytesPerElement(k.out.dtype);
  const outs = t.b * t.g * t.n * t.y * t.x;
  const accs = createRotation(acc, m.slots.acc, outs * bytesPerElement(k.sums));
  const inputs = m.ringRows > 0 ? ringInput(cx, k, m) : tileInput(cx, k, m);
  const weights = weightInput(cx, k, m);
  const params = parameterInput(cx, k, m);
  const results = resultWriter(cx, k, m, window(cx, ports.results[0] as string), outs * outBytes);

  const tiles = [...outputTiles(k, m)];
  for (const [index, out] of tiles.entries()) {
    const accSlot = accs.next();
    const steps = [...ranges(geo.cg, t.c)];
    for (const c of steps) {
      const last = c.index === steps.length - 1;
      const w = weights(out, c);
      const x = inputs(out, c);
      const accesses: Access[] = [...x.accesses, ...w.accesses, write(accSlot.resource)];
      const mode: AccumulateMode = c.index === 0 ? 'overwrite' : 'accumulate';
      if (mode === 'accumulate') accesses.push(read(accSlot.resource));
      let drain: Drain | null = null;
      if (last && k.drainOn === 'array') {
        const p = params(out);
        accesses.push(...p.accesses);
        const target = results.drainTo(out);
        accesses.push(...target.accesses);
        drain = { out: target.ref, bias: p.bias, multiplier: p.multiplier, outZero: k.drain.outZero, lo: k.drain.lo, hi: k.drain.hi };
      }
      issue(
        cx,
        'matrix',
        contractionCommand(k, out, c, {
          x: x.ref,
          w: w.ref,
          acc: slotRefOfAcc(acc, accSlot, k, out),
          mode,
          drain,
          padTop: x.padTop,
          padLeft: x.padLeft,
        }),
        accesses,
      );
    }
    // Weights made by the vector engine come before it waits for these sums.
    const next = tiles[index + 1];
    if (k.wExpanded !== null && m.slots.w > 1 && next !== undefined) weights(next, steps[0] as Range);
    if (k.drainOn === 'vector')
      results.finish(out, { ref: accTile(acc, accSlot, k, out), resource: accSlot.resource, params: params(out) });
    else results.finish(out, null);
  }
}

/** Sums as operands of a VECTOR command: axes in the order of the output tile in its home. */
function accTile(acc: LocalWindow, slot: Slot, k: ContractionKernel, out: OutputTile): Ref {
  const product = k.op === 'MATMUL';
  const sizes = [out.b.size, out.g.size, out.n.size, out.y.size, out.x.size];
  // Dense [b, g, n, y, x], products [x, n].
  const order = product ? [0, 1, 3, 4, 2] : [0, 1, 2, 3, 4];
  const dense = denseStrides(
    order.map((axis) => sizes[axis] as number),
    bytesPerElement(k.sums),
  );
  const stride = new Array<number>(5).fill(0);
  order.forEach((axis, i) => (stride[axis] = dense[i] as number));
  const { extents, strides } = alongHome(sizes, stride, homeStrides(k));
  return slotRef(acc, slot, k.sums, extents, strides);
}

interface Parts {
  readonly x: Ref;
  readonly w: Ref;
  readonly acc: Ref;
  readonly mode: AccumulateMode;
  readonly drain: Drain | null;
  readonly padTop: number;
  readonly padLeft: number;
}

function contractionCommand(k: ContractionKernel, out: OutputTile, c: Range, p: Parts): Command {
  const common = { mode: p.mode, acc: p.acc, drain: p.drain, xZero: k.xZero, wZero: k.wZero, x: p.x, w: p.w };
  if (k.op === 'MATMUL') return { op: 'MATMUL', ...common };
  return {
    op: k.op,
    ...common,
    groups: k.op === 'DWCONV' ? out.g.size * c.size : out.g.size,
    strides: k.geometry.strides,
    dilations: k.geometry.dilations,
    padTop: p.padTop,
    padLeft: p.padLeft,
  };
}

/** Sums lie dense: [b, channel, y, x], products [row, column]. */
function slotRefOfAcc(acc: LocalWindow, slot: Slot, k: ContractionKernel, out: OutputTile): Ref {
  const extents = k.op === 'MATMUL' ? [out.x.size, out.n.size] : [out.b.size, out.g.size * out.n.size, out.y.size, out.x.size];
  return slotRef(acc, slot, k.sums, extents, denseStrides(extents, bytesPerElement(k.sums)));
}
