/** Where the values of a compiled graph lie. */
import { bitsOf, bytesPerElement, rowMajorStrides } from '../core/index.ts';
import type { Graph } from '../graph/index.ts';
import type { Ref, TensorBinding } from '../isa/index.ts';
import type { Selection } from './kernels/select.ts';
import { kernelWrites } from './kernels/spec.ts';
import type { Placement } from './memory/placement.ts';

export function bindingOf(graph: Graph, selection: Selection, placement: Placement, id: number): TensorBinding {
  const value = graph.values[id];
  if (value === undefined) throw new Error(`no value ${id}`);
  const home = placement.home(selection.views.rootOf(id));
  const q = value.quantization;
  return {
    name: value.name,
    region: home.region,
    offset: home.offset,
    dtype: value.type.dtype,
    shape: selection.views.view(id).shape,
    ...(home.strides === null ? {} : { strides: home.strides.map((s) => s * bytesPerElement(value.type.dtype)) }),
    quantization:
      q === null ? null : { scale: q.scale[0] as number, zeroPoint: q.zeroPoint[0] as number, placeholder: q.source === 'placeholder' },
  };
}

/** Tensors with bytes in a region: model inputs and what kernels write outside the cores. */
export function tensorTable(graph: Graph, selection: Selection, placement: Placement): ReadonlyMap<string, TensorBinding> {
  const ids = new Set([...graph.inputs, ...writtenValues(selection)]);
  const later = lastTripBytes(selection, placement);
  const bindings = [...ids].map((id) => {
    const b = bindingOf(graph, selection, placement, id);
    return { ...b, offset: b.offset + (later.get(id) ?? 0) };
  });
  return new Map(bindings.filter((b) => b.region >= 0).map((b) => [b.name, b]));
}

/** How much further what a repeated region writes lies in its last trip than in its first, by value. */
function lastTripBytes(selection: Selection, placement: Placement): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  for (const k of selection.kernels) {
    const repeat = k.region === undefined ? undefined : placement.repeats[k.region];
    if (repeat === undefined) continue;
    for (const { root } of kernelWrites(k)) found.set(root, (repeat.trips - 1) * (repeat.moves.get(placement.owner(root)) ?? 0));
  }
  return found;
}

/** What kernels write, and the wholes that they write parts of. */
function writtenValues(selection: Selection): ReadonlySet<number> {
  const written = selection.kernels.flatMap((k) => kernelWrites(k).map((v) => v.root));
  return new Set([...written, ...[...selection.placed.values()].map((p) => p.into)]);
}

/** Tensors whose home is a core's own memory: they have no region. */
export function localTable(graph: Graph, selection: Selection, placement: Placement): ReadonlyMap<string, Ref> {
  const found = new Map<string, Ref>();
  for (const id of writtenValues(selection)) {
    const home = placement.home(id);
    const value = graph.values[id];
    if (value === undefined || home.region >= 0 || bitsOf(value.type.dtype) < 8) continue;
    const { shape: extents, dtype } = selection.views.view(id);
    const strides = rowMajorStrides(extents).map((n) => n * bytesPerElement(dtype));
    found.set(value.name, { space: home.space, region: -1, dtype, offset: home.offset, extents, strides });
  }
  return found;
}
