/** How weights, bias and multipliers of a contraction come on chip. */
import { bytesPerElement, isEngineFloat, type DType } from '../../core/index.ts';
import type { Value } from '../../graph/index.ts';
import type { Operand, Ref } from '../../isa/index.ts';
import type { ContractionKernel } from '../kernels/spec.ts';
import type { Resource } from '../schedule/resources.ts';
import type { Access } from '../schedule/program-writer.ts';
import { weightTileBytes, type ContractionMapping } from '../tiling/contraction-tile.ts';
import {
  constantOf,
  createTilePool,
  denseStrides,
  issue,
  loadSegment,
  read,
  scratchpad,
  slotRef,
  sourceOf,
  window,
  write,
  type EmitContext,
  type Source,
  type TilePool,
} from './context.ts';
import { weightExpander } from './expanded-weights.ts';
import { channelBytes, channelFloats, fixedBytes, gatherBox, inNibbles, multiplierBytes } from './weight-image.ts';
import { pack, type OutputTile, type Range } from './contraction-tile.ts';

export type WeightReader = (out: OutputTile, c: Range) => { readonly ref: Ref; readonly accesses: readonly Access[] };

export function weightInput(cx: EmitContext, k: ContractionKernel, m: ContractionMapping): WeightReader {
  const g = k.geometry;
  const t = m.tile;
  const es = bytesPerElement(k.w.dtype);
  const win = window(cx, cx.env.matrix.ports.weights[0] as string);
  const taps = g.kh * g.kw;
  // The DMA moves packed weights as bytes.
  const stored: DType = k.wPacked === null ? k.w.dtype : 'uint8';
  const constant = constantOf(cx, k.w.root);
  const source = constant === null ? sourceOf(cx, k.w) : null;
  const direct = source !== null && source.direct;
  const pool: TilePool | null = direct ? null : createTilePool(win, m.slots.w, weightTileBytes(k, t.g * t.n * t.c * taps));
  const nN = Math.ceil(g.mg / t.n);
  const nC = Math.ceil(g.cg / t.c);
  if (constant?.constant?.kind === 'absent') cx.weights.markAbsent(constant.constant.reason);
  const expand = k.wExpanded === null || constant === null ? null : weightExpander(cx, k, k.wExpanded, constant, m);
  const refOf = (
    make: (extents: readonly number[], strides: readonly number[]) => Ref,
    out: OutputTile,
    c: Range,
    stride: readonly number[],
  ): Ref => {
    const [sg = 0, sn = 0, sc = 0, sr = 0, st = 0] = stride;
    if (k.op === 'MATMUL') return make([c.size, out.n.size], [sc, sn]);
    return make([out.g.size * out.n.size, c.size, g.kh, g.kw], [out.n.size > 1 ? sn : sg, sc, sr, st]);
  };
  return (out, c) => {
    const offset = out.g.at * k.wStrides.g + out.n.at * k.wStrides.n + c.at * k.wStrides.c;
    const homeStride = [k.wStrides.g, k.wStrides.n, k.wStrides.c, g.kw * es, es];
    if (pool === null && source !== null) {
      return { ref: refOf((e, s) => source.ref(offset, e, s), out, c, homeStride), accesses: [read(source.resource)] };
    }
    const axes = pack(
      [out.g.size, out.n.size, c.size, g.kh, g.kw].map((extent, i) => ({ extent, home: homeStride[i] as number })),
      es,
    );
    const group = k.wStrides.g === 0 ? 0 : out.g.index;
    const { slot, fresh } = (pool as TilePool).get((group * nN + out.n.index) * nC + c.index);
    if (fresh && expand !== null) expand(out, c, slot);
    else if (fresh) {
      const bytes = weightTileBytes(k, out.g.size * out.n.size * c.size * taps);
      let src: Ref;
      let resource: Resource | null = null;
      let operand: Operand = 'weights';
      if (source === null && constant !== null) {
        const key = `${k.w.root}/${offset}/${axes.extents.join('x')}/${axes.homeStrides.join(',')}`;
        const at = cx.weights.segment(key, bytes, () => {
          const numbers = gatherBox(constant, offset, axes.extents, axes.homeStrides);
          return k.wPacked === null ? numbers : inNibbles(numbers);
        });
        const region = cx.placement.weightsRegion;
        src = {
          space: cx.env.spaces.indexOf(cx.env.machine.placement.constants),
          region,
          dtype: stored,
          offset: at,
          extents: [bytes / bytesPerElement(stored)],
          strides: [bytesPerElement(stored)],
        };
      } else {
        const s = source as Source;
        src = s.ref(offset, axes.extents, axes.homeStrides);
        resource = s.resource;
        operand = s.operand;
      }
      const dense = src.extents.length === 1 ? [src.extents[0] as number] : axes.extents;
      const dst = slotRef(win, slot, stored, dense, denseStrides(dense, bytesPerElement(stored)));
      issue(cx, 'dma-in', { op: 'LOAD', src, dst, operand }, [...(resource === null ? [] : [read(resource)]), write(slot.resource)]);
    }
    // Strides of packed elements count elements: as many as the bytes that `axes` packs.
    return { ref: refOf((e, s) => slotRef(win, slot, k.wPacked ?? k.w.dtype, e, s), out, c, axes.stride), accesses: [read(slot.resource)] };
  };
}

export type ParameterReader = (out: OutputTile) => {
  readonly bias: Ref | null;
  readonly multiplier: Ref | null;
  readonly accesses: readonly Access[];
};

/** Bias and multipliers of a block of channels: one contiguous segment, bias first. */
export function parameterInput(cx: EmitContext, k: ContractionKernel, m: ContractionMapping): ParameterReader {
  const { drain, geometry: g } = k;
  const bias = drain.bias === null ? null : (cx.graph.values[drain.bias] as Value);
  const { multiplier } = drain;
  if (bias === null && multiplier === null) return () => ({ bias: null, multiplier: null, accesses: [] });
  if (bias?.constant?.kind === 'absent') cx.weights.markAbsent(bias.constant.reason);
  const win = scratchpad(cx);
  const each = (bias === null ? 0 : 4) + (multiplier === null ? 0 : drain.fixed ? 8 : 4);
  const pool = createTilePool(win, Math.min(2, Math.max(1, m.slots.w)), m.tile.g * m.tile.n * each);
  const nN = Math.ceil(g.mg / m.tile.n);
  const shared = k.op === 'MATMUL';
  const real = bias !== null && isEngineFloat(bias.type.dtype);
  return (out) => {
    const count = shared ? out.n.size : out.g.size * out.n.size;
    const first = (shared ? 0 : out.g.at * g.mg) + out.n.at;
    const { slot, fresh } = pool.get((shared ? 0 : out.g.index * nN) + out.n.index);
    if (fresh) {
      const bytes = count * each;
      loadSegment(cx, win, slot, `params/${cx.kernel}/${first}/${count}`, bytes, () => {
        const all = new Uint8Array(bytes);
        if (bias !== null) all.set((real ? channelFloats : channelBytes)(bias, first, count), 0);
        if (multiplier !== null)
          all.set((drain.fixed ? fixedBytes : multiplierBytes)(multiplier(), first, count), bias === null ? 0 : count * 4);
        return all;
      });
    }
    return {
      bias: bias === null ? null : slotRef(win, slot, real ? 'float32' : bias.type.dtype, [count], [4]),
      multiplier:
        multiplier === null
          ? null
          : drain.fixed
            ? slotRef(win, slot, 'int32', [count, 2], [8, 4], bias === null ? 0 : count * 4)
            : slotRef(win, slot, 'float32', [count], [4], bias === null ? 0 : count * 4),
      accesses: [read(slot.resource)],
    };
  };
}
