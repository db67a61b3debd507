/**
 * Concatenations that move nothing: where the parts of a Concat lie in one piece in its output (along the first axis that is not 1), their
 * makers write them there, and whoever else reads them reads them there.
 */
import { elementCount } from '../../core/index.ts';
import type { Graph, Node, ValueId } from '../../graph/index.ts';
import type { Machine } from '../../hw-configs/index.ts';
import { mergeAxes } from '../tiling/box.ts';
import { handedOnInPlace } from './regions.ts';
import type { Selection } from './select.ts';
import type { KernelSpec, MoveKernel, MovePart } from './spec.ts';
import { shapeOf } from './values.ts';

/** A value that is part of another one: it begins at this element of it. */
export interface PlacedValue {
  readonly into: ValueId;
  readonly offset: number;
  /** Elements there along each axis of the value; left out: it lies in one piece. */
  readonly strides?: readonly number[];
}

/**
 * Whether values may lie in others. A value then holds the bytes of the whole for as long as any part lives, so there has to be room for all values
 * at once; and what is joined must live in one memory, which no engine uses in place.
 */
export function hasRoomInPlace(graph: Graph, machine: Machine): boolean {
  const { activations, outputs } = machine.placement;
  const memory = machine.memories[activations];
  if (memory === undefined || memory.owner === 'core' || outputs !== activations || machine.host.memory !== activations) return false;
  let bytes = 0;
  // Of what has its size only in the run there is as much as the host says: it lies in nothing else.
  for (const { constant, type } of graph.values) {
    const sizes = type.shape.filter((d) => typeof d === 'number');
    if (constant === null && sizes.length === type.shape.length) bytes += 8 * elementCount(sizes);
  }
  return bytes <= memory.sizeBytes / 2;
}

export function placeInOutputs(graph: Graph, selection: Selection): Selection {
  const concats = selection.kernels.filter(isConcat);
  if (concats.length === 0) return selection;
  const fixed = new Set([...graph.inputs, ...graph.outputs].map((id) => selection.views.rootOf(id)));
  // What a repetition moves has a region of its own.
  const moved = new Set(selection.regions.flatMap((r) => [...r.moves.keys()]));
  for (const root of moved) fixed.add(root);
  const makers = new Map<ValueId, KernelSpec>();
  for (const k of selection.kernels) if (k.kind !== 'host') makers.set(k.out.root, k);
  const placed = new Map<ValueId, PlacedValue>(selection.placed);
  const handedOn = handedOnInPlace(selection);
  const rest = new Map<KernelSpec, readonly MovePart[]>();
  for (const k of concats) {
    // Its parts would be written before the last reader of what a trip found is done.
    if (handedOn.has(k.out.root) || moved.has(k.out.root)) continue;
    const groups = new Map<ValueId, MovePart[]>();
    for (const part of k.parts) groups.set(part.src.root, [...(groups.get(part.src.root) ?? []), part]);
    for (const [root, parts] of groups) {
      const maker = makers.get(root);
      if (fixed.has(root) || placed.has(root) || maker === undefined || maker.region !== k.region || root === k.out.root) continue;
      const offset = placeOf(graph, k, root, parts);
      if (offset !== null) placed.set(root, { into: k.out.root, offset });
    }
    rest.set(
      k,
      k.parts.filter((p) => placed.get(p.src.root)?.into !== k.out.root),
    );
  }
  const dropped: Node[] = [];
  const kernels = selection.kernels.flatMap((k): KernelSpec[] => {
    const parts = rest.get(k);
    if (parts === undefined || k.kind !== 'move') return [k];
    if (parts.length > 0) return [{ ...k, parts }];
    dropped.push(...k.nodes);
    return [];
  });
  return { ...selection, kernels, placed, viewNodes: [...selection.viewNodes, ...dropped] };
}

export function isConcat(k: KernelSpec): k is MoveKernel {
  return k.kind === 'move' && k.fills.length === 0 && k.nodes.length === 1 && k.nodes[0]?.op === 'Concat';
}

/** Where a value begins in the output of a Concat when these parts, all that is read of it, are all of it in one piece; null otherwise. */
function placeOf(graph: Graph, k: MoveKernel, root: ValueId, parts: readonly MovePart[]): number | null {
  const value = graph.values[root];
  if (value === undefined || value.type.dtype !== k.out.dtype || value.constant !== null) return null;
  const [first] = parts;
  if (first === undefined) return null;
  const offset = first.dstOffset - begin(first);
  const inOnePiece = parts.every((p) => {
    const { extents, strides } = mergeAxes(p.extents, [p.srcStrides, p.dstStrides]);
    const one = elementCount(extents) === 1 || (extents.length === 1 && strides.every((s) => s[0] === 1));
    return one && p.convert === null && p.dstOffset - begin(p) === offset;
  });
  const covered = parts.reduce((n, p) => n + elementCount(p.extents), 0);
  return inOnePiece && covered === elementCount(shapeOf(graph, root)) ? offset : null;
}

function begin(p: MovePart): number {
  return (p.src.offset ?? 0) + p.srcOffset;
}
