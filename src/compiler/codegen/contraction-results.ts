/** From finished sums to the output's home: drain target, VECTOR epilogue with its operands, STORE. */
import { bytesPerElement } from '../../core/index.ts';
import type { Ref } from '../../isa/index.ts';
import type { ContractionKernel } from '../kernels/spec.ts';
import type { LocalWindow, Slot } from '../memory/local-window.ts';
import type { Resource } from '../schedule/resources.ts';
import type { Access } from '../schedule/program-writer.ts';
import type { ContractionMapping } from '../tiling/contraction-tile.ts';
import {
  createRotation,
  createTilePool,
  denseStrides,
  homeRef,
  issue,
  operandSources,
  read,
  scratchpad,
  slotRef,
  storedOperand,
  targetOf,
  write,
  type EmitContext,
  type Source,
  type TilePool,
} from './context.ts';
import { alongHome, homeStrides, pack, type OutputTile, type Packed } from './contraction-tile.ts';
import type { ParameterReader } from './contraction-weights.ts';

/** Sums that a VECTOR command takes from the accumulators, with the bias and multipliers it applies. */
export interface Sums {
  readonly ref: Ref;
  readonly resource: Resource;
  readonly params: ReturnType<ParameterReader>;
}

export interface ResultWriter {
  /** Where the drain puts the finished tile. */
  drainTo(out: OutputTile): { readonly ref: Ref; readonly accesses: readonly Access[] };
  /** Epilogue and store; `sums` when the vector engine drains. */
  finish(out: OutputTile, sums: Sums | null): void;
}

export function resultWriter(
  cx: EmitContext,
  k: ContractionKernel,
  m: ContractionMapping,
  win: LocalWindow,
  slotBytes: number,
): ResultWriter {
  const { home, shape } = targetOf(cx, k.out);
  const resource = home.resource();
  const eo = bytesPerElement(k.out.dtype);
  const em = bytesPerElement(k.drain.dtype);
  const homeStride = homeStrides(k);
  const direct = home.local;
  const slots = direct ? null : createRotation(win, m.slots.out, slotBytes);
  const inPlace = k.epilogue !== null && em === eo && !direct;
  const mids =
    k.epilogue === null || inPlace || k.drainOn === 'vector' ? null : createRotation(scratchpad(cx), m.slots.out, (slotBytes / eo) * em);
  const epilogue = k.epilogue;
  const sources = epilogue === null ? [] : operandSources(cx, epilogue.operands);
  const operandStrides = k.operandStrides.map((o, i) => o.map((e) => e * bytesPerElement((sources[i] as Source).dtype)));
  const t = m.tile;
  const operandPools = sources.map((source, i) => {
    if (source.direct) return null;
    const axes = [t.b, t.g, t.n, t.y, t.x].filter((_, axis) => (operandStrides[i]?.[axis] ?? 0) !== 0);
    return createTilePool(scratchpad(cx), m.slots.operand, axes.reduce((n, d) => n * d, 1) * bytesPerElement(source.dtype));
  });
  let slot: Slot | null = null;
  let mid: Slot | null = null;

  const sizes = (out: OutputTile): number[] => [out.b.size, out.g.size, out.n.size, out.y.size, out.x.size];
  const starts = (out: OutputTile): number[] => [out.b.at, out.g.at, out.n.at, out.y.at, out.x.at];
  const offsetOf = (out: OutputTile, strides: readonly number[]): number =>
    starts(out).reduce((sum, at, i) => sum + at * (strides[i] as number), 0);
  const packed = (out: OutputTile, elementBytes: number): Packed =>
    pack(
      sizes(out).map((extent, i) => ({ extent, home: homeStride[i] as number })),
      elementBytes,
    );
  const drainShape = (make: (e: readonly number[], st: readonly number[]) => Ref, out: OutputTile, stride: readonly number[]): Ref => {
    const [b = 0, g = 0, n = 0, y = 0, x = 0] = stride;
    if (k.op === 'MATMUL') return make([out.x.size, out.n.size], [x, n]);
    return make([out.b.size, out.g.size * out.n.size, out.y.size, out.x.size], [b, out.n.size > 1 ? n : g, y, x]);
  };
  const boxOf = (out: OutputTile): readonly number[] | null => {
    if (shape === null) return null;
    if (k.op === 'MATMUL')
      return k.geometry.groups === 1 && shape.length === 2 ? [out.x.at, out.x.at + out.x.size, out.n.at, out.n.at + out.n.size] : null;
    const channel = out.g.at * k.geometry.mg + out.n.at;
    const image = [out.b.at, out.b.at + out.b.size, channel, channel + out.g.size * out.n.size];
    const columns = [out.x.at, out.x.at + out.x.size];
    return shape.length === 3 ? [...image, ...columns] : [...image, out.y.at, out.y.at + out.y.size, ...columns];
  };
  const homeOffset = (out: OutputTile): number => offsetOf(out, homeStride);

  return {
    drainTo(out) {
      if (mids !== null) {
        mid = mids.next();
        const space = scratchpad(cx);
        const at = mid;
        return {
          ref: drainShape((e, st) => slotRef(space, at, k.drain.dtype, e, st), out, packed(out, em).stride),
          accesses: [write(mid.resource)],
        };
      }
      if (direct) {
        const ref = drainShape((e, st) => homeRef(home, k.drain.dtype, homeOffset(out), e, st), out, homeStride);
        return { ref, accesses: [write(resource, boxOf(out))] };
      }
      slot = (slots as { next(): Slot }).next();
      const at = slot;
      return {
        ref: drainShape((e, st) => slotRef(win, at, k.drain.dtype, e, st), out, packed(out, em).stride),
        accesses: [write(slot.resource)],
      };
    },
    finish(out, sums) {
      const tile = packed(out, eo);
      if (epilogue !== null) {
        if ((mids !== null || sums !== null) && !direct) slot = (slots as { next(): Slot }).next();
        const inputs: Ref[] = [];
        const accesses: Access[] = [];
        if (sums !== null) {
          inputs.push(sums.ref);
          accesses.push(read(sums.resource), ...sums.params.accesses);
          const { bias, multiplier } = sums.params;
          for (const p of [bias, ...partsOf(multiplier)]) if (p !== null) inputs.push(channelOperand(p, out, homeStride));
        } else {
          const midTile = packed(out, em);
          const from = mids === null ? (slot as Slot) : (mid as Slot);
          inputs.push(slotRef(mids === null ? win : scratchpad(cx), from, k.drain.dtype, midTile.extents, midTile.tileStrides));
          accesses.push(read(from.resource));
        }
        sources.forEach((source, i) => {
          const strides = operandStrides[i] as readonly number[];
          const operand = operandTile(cx, source, operandPools[i] ?? null, out, strides, offsetOf(out, strides), sizes(out), homeStride);
          inputs.push(operand.ref);
          accesses.push(operand.access);
        });
        const to = direct
          ? homeRef(home, k.out.dtype, homeOffset(out), tile.extents, tile.homeStrides)
          : slotRef(win, slot as Slot, k.out.dtype, tile.extents, tile.tileStrides);
        accesses.push(direct ? write(resource, boxOf(out)) : write((slot as Slot).resource));
        issue(cx, 'vector', { op: 'VECTOR', inputs, outputs: [to], steps: epilogue.steps }, accesses);
      }
      if (!direct) {
        issue(
          cx,
          'dma-out',
          {
            op: 'STORE',
            src: slotRef(win, slot as Slot, k.out.dtype, tile.extents, tile.tileStrides),
            dst: homeRef(home, k.out.dtype, homeOffset(out), tile.extents, tile.homeStrides),
            operand: storedOperand(home),
          },
          [read((slot as Slot).resource), write(resource, boxOf(out))],
        );
      }
    },
  };
}

/** A per-channel vector over an output tile: groups follow one another. */
function channelOperand(p: Ref, out: OutputTile, home: readonly number[]): Ref {
  const sizes = [out.b.size, out.g.size, out.n.size, out.y.size, out.x.size];
  const step = p.strides[0] ?? 0;
  return { ...p, ...alongHome(sizes, [0, out.n.size * step, step, 0, 0], home) };
}

/** Multiplier and shift of a fixed-point pair as operands of their own. */
function partsOf(multiplier: Ref | null): readonly (Ref | null)[] {
  if (multiplier?.dtype !== 'int32') return [multiplier];
  return [0, 1].map((i) => ({ ...multiplier, offset: multiplier.offset + 4 * i, extents: multiplier.extents.slice(0, 1), strides: [8] }));
}

/** The part of an epilogue operand under an output tile, loaded when it is not in reach; broadcast axes have stride 0. */
function operandTile(
  cx: EmitContext,
  source: Source,
  pool: TilePool | null,
  out: OutputTile,
  strides: readonly number[],
  offset: number,
  sizes: readonly number[],
  order: readonly number[],
): { readonly ref: Ref; readonly access: Access } {
  if (pool === null) {
    const { extents, strides: along } = alongHome(sizes, strides, order);
    return { ref: source.ref(offset, extents, along), access: read(source.resource) };
  }
  const axes = order
    .map((home, axis) => ({ home, axis, size: sizes[axis] as number, stride: strides[axis] as number }))
    .toSorted((a, b) => b.home - a.home || a.axis - b.axis);
  const win = scratchpad(cx);
  const es = bytesPerElement(source.dtype);
  const moving = axes.filter((a) => a.stride !== 0);
  const extents = moving.map((a) => a.size);
  const dense = denseStrides(extents, es);
  const tileStride = new Map(moving.map((a, i) => [a.axis, dense[i] as number]));
  const { slot, fresh } = pool.get(offset);
  if (fresh) {
    const e = extents.length > 0 ? extents : [1];
    const src = source.ref(offset, e, extents.length > 0 ? moving.map((a) => a.stride) : [es]);
    issue(
      cx,
      'dma-in',
      { op: 'LOAD', src, dst: slotRef(win, slot, source.dtype, e, extents.length > 0 ? dense : [es]), operand: source.operand },
      [read(source.resource, operandBox(source, out)), write(slot.resource)],
    );
  }
  const walked = alongHome(
    sizes,
    sizes.map((_, axis) => tileStride.get(axis) ?? 0),
    order,
  );
  return { ref: slotRef(win, slot, source.dtype, walked.extents, walked.strides), access: read(slot.resource) };
}

/** A residual operand has the output's shape: its box is the output tile's. */
function operandBox(source: Source, out: OutputTile): readonly number[] | null {
  if (source.shape === null || source.shape.length !== 4 || out.g.at > 0 || out.g.size > 1) return null;
  const box = [out.b, out.n, out.y, out.x].flatMap((r) => [r.at, r.at + r.size]);
  return source.shape.every((d, i) => d === 1 || (box[2 * i + 1] as number) <= d)
    ? source.shape.flatMap((d, i) => (d === 1 ? [0, 1] : [box[2 * i] as number, box[2 * i + 1] as number]))
    : null;
}
