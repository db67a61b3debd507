/** Elementwise kernels and pooling: tiles through the vector engine. */
import { bytesPerElement, compilerMappingMessages, fail } from '../../core/index.ts';
import type { Ref } from '../../isa/index.ts';
import type { ByteTable, ElementwiseKernel, PoolKernel, VectorPlan } from '../kernels/spec.ts';
import { slotBytes } from '../memory/local-window.ts';
import type { Access } from '../schedule/program-writer.ts';
import { boxTiles, cutBox, mergeAxes, streamBudget, type BoxTile } from '../tiling/box.ts';
import { inputSpan } from '../tiling/contraction-tile.ts';
import {
  createRotation,
  createTilePool,
  denseStrides,
  homeRef,
  issue,
  operandSources,
  read,
  sameShape,
  scratchpad,
  slotRef,
  sourceOf,
  storedOperand,
  targetOf,
  write,
  type EmitContext,
  type Source,
  type TilePool,
} from './context.ts';

/** What an emitter did, for the kernel table. */
export interface Emitted {
  readonly mapping: string;
  readonly tiles: number;
}

/** Elements of an operand tile: broadcast axes count once. */
function operandElements(sizes: readonly number[], strides: readonly number[]): number {
  return sizes.reduce((n, s, i) => ((strides[i] as number) === 0 ? n : n * s), 1);
}

export function tooBig(cx: EmitContext, name: string, origin: readonly string[], terms: readonly { what: string; bytes: number }[]): never {
  const memory = cx.env.core.scratchpad;
  const demandBytes = terms.reduce((n, t) => n + t.bytes, 0);
  fail(
    compilerMappingMessages.kernelDoesNotFit(
      { kernel: name, shortfall: { memory, demandBytes, capacityBytes: scratchpad(cx).capacity, terms } },
      { origin },
    ),
  );
}

export function emitElementwise(cx: EmitContext, k: ElementwiseKernel): Emitted {
  const sources = operandSources(cx, k.plan.operands);
  const { home, shape: homeShape } = targetOf(cx, k.out);
  const eo = bytesPerElement(k.out.dtype);
  const merged = mergeAxes(k.shape, [
    denseStrides(k.shape, eo),
    ...k.plan.operands.map((o, i) => o.strides.map((s) => s * bytesPerElement((sources[i] as Source).dtype))),
  ]);
  const [outStrides = [], ...operandStrides] = merged.strides;
  const w = scratchpad(cx);
  const bytesOf = (sizes: readonly number[], copies: number): number => {
    let sum = home.local ? 0 : copies * slotBytes(sizes.reduce((n, s) => n * s, 1) * eo);
    sum += (k.plan.tables?.length ?? 0) * slotBytes(256);
    sources.forEach((s, i) => {
      if (!s.direct) sum += copies * slotBytes(operandElements(sizes, operandStrides[i] as number[]) * bytesPerElement(s.dtype));
    });
    return sum;
  };
  let copies = 2;
  let tile = cutBox(merged.extents, streamBudget(2 * bytesOf(merged.extents, 1), w.capacity, cx.env.chance), (t) => bytesOf(t, 2));
  if (tile === null) {
    copies = 1;
    tile = cutBox(merged.extents, w.capacity, (t) => bytesOf(t, 1));
  }
  if (tile === null) {
    const one = merged.extents.map(() => 1);
    return tooBig(cx, k.name, k.origin, [{ what: 'one element of every operand', bytes: bytesOf(one, 1) }]);
  }
  const pools = sources.map((s, i) =>
    s.direct ? null : createTilePool(w, copies, operandElements(tile, operandStrides[i] as number[]) * bytesPerElement(s.dtype)),
  );
  const outs = home.local ? null : createRotation(w, copies, tile.reduce((n, s) => n * s, 1) * eo);
  const tables = (k.plan.tables ?? []).map((table, i) => loadTable(cx, table, i));
  const exact = homeShape !== null && sameShape(merged.extents, homeShape);
  let tiles = 0;
  for (const t of boxTiles(merged.extents, tile)) {
    tiles++;
    const inputs: Ref[] = [];
    const accesses: Access[] = [];
    sources.forEach((source, i) => {
      const o = streamOperand(cx, source, pools[i] ?? null, t, operandStrides[i] as number[], merged.extents);
      inputs.push(o.ref);
      accesses.push(o.access);
    });
    for (const { ref, access } of tables) {
      inputs.push(ref);
      accesses.push(access);
    }
    const offset = t.starts.reduce((sum, s, i) => sum + s * (outStrides[i] as number), 0);
    const box = exact ? t.starts.flatMap((s, i) => [s, s + (t.sizes[i] as number)]) : null;
    const target = homeRef(home, k.out.dtype, offset, t.sizes, outStrides);
    if (outs === null) {
      issue(cx, 'vector', { op: 'VECTOR', inputs, outputs: [target], steps: k.plan.steps }, [...accesses, write(home.resource(), box)]);
      continue;
    }
    const slot = outs.next();
    const local = slotRef(w, slot, k.out.dtype, t.sizes, denseStrides(t.sizes, eo));
    issue(cx, 'vector', { op: 'VECTOR', inputs, outputs: [local], steps: k.plan.steps }, [...accesses, write(slot.resource)]);
    issue(cx, 'dma-out', { op: 'STORE', src: local, dst: target, operand: storedOperand(home) }, [
      read(slot.resource),
      write(home.resource(), box),
    ]);
  }
  return { mapping: `${tile.join('×')} of ${merged.extents.join('×')}, ${copies} buffers`, tiles };
}

/** A table into the scratchpad, once for the kernel. */
function loadTable(cx: EmitContext, table: ByteTable, index: number): { readonly ref: Ref; readonly access: Access } {
  const w = scratchpad(cx);
  const slot = w.allocate(256);
  const memory = cx.env.machine.placement.constants;
  const at = { space: cx.env.spaces.indexOf(memory), region: cx.placement.weightsRegion };
  const offset = cx.weights.segment(`kernel ${cx.kernel}/table ${index}`, 256, table.read);
  const ref = slotRef(w, slot, table.dtype, [256], [1]);
  issue(
    cx,
    'dma-in',
    { op: 'LOAD', src: { ...at, dtype: table.dtype, offset, extents: [256], strides: [1] }, dst: ref, operand: 'weights' },
    [write(slot.resource)],
  );
  return { ref, access: read(slot.resource) };
}

/** The operand's part under a tile, in place or loaded. */
function streamOperand(
  cx: EmitContext,
  source: Source,
  pool: TilePool | null,
  t: BoxTile,
  strides: readonly number[],
  extents: readonly number[],
): { ref: Ref; access: Access } {
  const offset = t.starts.reduce((sum, s, i) => sum + s * (strides[i] as number), 0);
  if (pool === null) return { ref: source.ref(offset, t.sizes, strides), access: read(source.resource) };
  const w = scratchpad(cx);
  const es = bytesPerElement(source.dtype);
  const moving = t.sizes.map((size, axis) => ({ size, axis, stride: strides[axis] as number })).filter((a) => a.stride !== 0);
  const sizes = moving.length > 0 ? moving.map((a) => a.size) : [1];
  const dense = denseStrides(sizes, es);
  const { slot, fresh } = pool.get(offset);
  if (fresh) {
    const src = source.ref(offset, sizes, moving.length > 0 ? moving.map((a) => a.stride) : [es]);
    const box =
      source.shape !== null && sameShape(source.shape, extents) ? t.starts.flatMap((s, i) => [s, s + (t.sizes[i] as number)]) : null;
    issue(cx, 'dma-in', { op: 'LOAD', src, dst: slotRef(w, slot, source.dtype, sizes, dense), operand: source.operand }, [
      read(source.resource, box),
      write(slot.resource),
    ]);
  }
  const tileStrides = new Array<number>(t.sizes.length).fill(0);
  moving.forEach((a, i) => (tileStrides[a.axis] = dense[i] as number));
  return { ref: slotRef(w, slot, source.dtype, t.sizes, tileStrides), access: read(slot.resource) };
}

export function emitPool(cx: EmitContext, k: PoolKernel): Emitted {
  const source = sourceOf(cx, k.x);
  const { home, shape: homeShape } = targetOf(cx, k.out);
  const w = scratchpad(cx);
  const es = bytesPerElement(k.dtype);
  const eo = bytesPerElement(k.out.dtype);
  const planes = k.batch * k.channels;
  const reachY = (k.kernel[0] - 1) * k.dilations[0] + 1;
  const reachX = (k.kernel[1] - 1) * k.dilations[1] + 1;
  const rows = (y: number): number => Math.min(k.ih, (y - 1) * k.strides[0] + reachY);
  const cols = (x: number): number => Math.min(k.iw, (x - 1) * k.strides[1] + reachX);
  const epilogue = epilogueOf(cx, k.epilogue);
  const bytesOf = ([p = 1, y = 1, x = 1]: readonly number[], copies: number): number => {
    let sum = home.local ? (k.epilogue === null ? 0 : copies * slotBytes(p * y * x * es)) : copies * slotBytes(p * y * x * eo);
    if (!source.direct) sum += copies * slotBytes(p * rows(y) * cols(x) * es);
    return sum + epilogue.bytes(p, y, x, copies);
  };
  const extents = [planes, k.oh, k.ow];
  let copies = 2;
  let tile =
    cutBox(extents, streamBudget(2 * bytesOf(extents, 1), w.capacity, cx.env.chance), (t) => bytesOf(t, 2)) ??
    cutBox(extents, w.capacity, (t) => bytesOf(t, 2));
  if (tile === null) {
    copies = 1;
    tile = cutBox(extents, w.capacity, (t) => bytesOf(t, 1));
  }
  if (tile === null) {
    return tooBig(cx, k.name, k.origin, [
      { what: 'window of the input', bytes: source.direct ? 0 : slotBytes(rows(1) * cols(1) * es) },
      { what: 'output', bytes: slotBytes(eo) },
    ]);
  }
  const [tp = 1, ty = 1, tx = 1] = tile;
  const pool = source.direct ? null : createTilePool(w, copies, tp * rows(ty) * cols(tx) * es);
  const needsMid = home.local && k.epilogue !== null;
  const outs = home.local && !needsMid ? null : createRotation(w, copies, tp * ty * tx * eo);
  const operands = epilogue.open(copies, tp, ty, tx);
  const [sp, sy, sx] = [k.ih * k.iw * es, k.iw * es, es];
  const [op, oy, ox] = [k.oh * k.ow * eo, k.ow * eo, eo];
  let tiles = 0;
  for (const t of boxTiles(extents, tile)) {
    const [p = 0, y = 0, x = 0] = t.starts;
    const [np = 1, ny = 1, nx = 1] = t.sizes;
    const spanY = inputSpan(y, ny, k.strides[0], reachY, k.padTop, k.ih);
    const spanX = inputSpan(x, nx, k.strides[1], reachX, k.padLeft, k.iw);
    const size = [np, spanY[1] - spanY[0], spanX[1] - spanX[0]] as const;
    const offset = p * sp + spanY[0] * sy + spanX[0] * sx;
    const four = [1, ...size];
    let xRef: Ref;
    let access: Access;
    if (pool === null) {
      xRef = source.ref(offset, four, [planes * sp, sp, sy, sx]);
      access = read(source.resource);
    } else {
      const { slot, fresh } = pool.get(tiles);
      const dense = denseStrides(size, es);
      const box = planeBox(source.shape, k.batch, p, np, spanY, spanX);
      if (fresh) {
        issue(
          cx,
          'dma-in',
          { op: 'LOAD', src: source.ref(offset, size, [sp, sy, sx]), dst: slotRef(w, slot, k.dtype, size, dense), operand: source.operand },
          [read(source.resource, box), write(slot.resource)],
        );
      }
      xRef = slotRef(w, slot, k.dtype, four, denseStrides(four, es));
      access = read(slot.resource);
    }
    tiles++;
    const outOffset = p * op + y * oy + x * ox;
    const outBox = planeBox(homeShape, k.batch, p, np, [y, y + ny], [x, x + nx]);
    const outFour = [1, np, ny, nx];
    const slot = outs?.next() ?? null;
    const local = slot === null ? null : slotRef(w, slot, k.out.dtype, outFour, denseStrides(outFour, eo));
    const target = homeRef(home, k.out.dtype, outOffset, outFour, [planes * op, op, oy, ox]);
    const top = spanY[0] - (y * k.strides[0] - k.padTop);
    const left = spanX[0] - (x * k.strides[1] - k.padLeft);
    issue(
      cx,
      'vector',
      {
        op: 'POOL',
        kind: k.pool,
        x: xRef,
        out: local ?? target,
        kernel: k.kernel,
        strides: k.strides,
        dilations: k.dilations,
        padTop: top,
        padLeft: left,
        countBox: [k.countBox[0] - spanY[0], k.countBox[1] - spanX[0], k.countBox[2] - spanY[0], k.countBox[3] - spanX[0]],
        xZero: k.xZero,
        multiplier: k.multiplier,
        outZero: k.outZero,
        lo: -Infinity,
        hi: Infinity,
      },
      [access, slot === null ? write(home.resource(), outBox) : write(slot.resource)],
    );
    if (slot === null || local === null) continue;
    if (k.epilogue !== null) {
      const inputs: Ref[] = [local];
      const accesses: Access[] = [read(slot.resource)];
      for (const o of operands(t)) {
        inputs.push(o.ref);
        accesses.push(o.access);
      }
      const to = needsMid ? target : local;
      accesses.push(needsMid ? write(home.resource(), outBox) : write(slot.resource));
      issue(cx, 'vector', { op: 'VECTOR', inputs, outputs: [to], steps: k.epilogue.steps }, accesses);
    }
    if (!needsMid)
      issue(cx, 'dma-out', { op: 'STORE', src: local, dst: target, operand: storedOperand(home) }, [
        read(slot.resource),
        write(home.resource(), outBox),
      ]);
  }
  return { mapping: `${tp} planes × ${ty}×${tx}, ${copies} buffers`, tiles };
}

/** Box of whole planes in [N, C, H, W]; only when one image holds them all. */
function planeBox(
  shape: readonly number[] | null,
  batch: number,
  plane: number,
  planes: number,
  y: readonly [number, number],
  x: readonly [number, number],
): readonly number[] | null {
  if (shape === null || batch !== 1) return null;
  if (shape.length === 4) return [0, 1, plane, plane + planes, y[0], y[1], x[0], x[1]];
  return shape.length === 3 ? [0, 1, plane, plane + planes, x[0], x[1]] : null;
}

/** Operands of an epilogue behind a pooling, on planes × rows × columns. */
function epilogueOf(
  cx: EmitContext,
  plan: VectorPlan | null,
): {
  bytes(p: number, y: number, x: number, copies: number): number;
  open(copies: number, p: number, y: number, x: number): (t: BoxTile) => { ref: Ref; access: Access }[];
} {
  const sources = plan === null ? [] : operandSources(cx, plan.operands);
  const strides = (plan?.operands ?? []).map((o, i) => {
    const es = bytesPerElement((sources[i] as Source).dtype);
    const [, c = 0, ...rest] = o.strides;
    const [y, x] = rest.length === 2 ? [rest[0] ?? 0, rest[1] ?? 0] : [0, rest[0] ?? 0];
    return [c * es, y * es, x * es];
  });
  return {
    bytes: (p, y, x, copies) =>
      sources.reduce(
        (sum, s, i) =>
          s.direct ? sum : sum + copies * slotBytes(operandElements([p, y, x], strides[i] as number[]) * bytesPerElement(s.dtype)),
        0,
      ),
    open: (copies, p, y, x) => {
      const pools = sources.map((s, i) =>
        s.direct
          ? null
          : createTilePool(scratchpad(cx), copies, operandElements([p, y, x], strides[i] as number[]) * bytesPerElement(s.dtype)),
      );
      return (t) =>
        sources.map((s, i) => {
          const o = streamOperand(cx, s, pools[i] ?? null, t, strides[i] as number[], []);
          const [np = 1, ny = 1, nx = 1] = o.ref.extents;
          const [a = 0, b = 0, c = 0] = o.ref.strides;
          return { ...o, ref: { ...o.ref, extents: [1, np, ny, nx], strides: [0, a, b, c] } };
        });
    },
  };
}
