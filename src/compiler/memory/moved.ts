/**
 * Tensors that repetitions move. A REPEAT moves all references into a region alike, so tensors that it moves lie in regions apart from those
 * that stay: in *lanes*, each of tensors that no repetition moves differently.
 */
import { alignUp, bytesPerElement, elementCount } from '../../core/index.ts';
import type { ValueId } from '../../graph/index.ts';
import type { Machine } from '../../hw-configs/index.ts';
import type { PlacedValue } from '../kernels/in-place.ts';
import type { KernelRegion } from '../kernels/regions.ts';
import { kernelReads, kernelWrites, type KernelSpec } from '../kernels/spec.ts';
import type { ViewMap } from '../kernels/views.ts';

/** A repeated region as kernels: the first and the last, by index. */
export interface RepeatSpan {
  readonly first: number;
  readonly last: number;
  readonly trips: number;
  /** Bytes a trip, by the value that owns the bytes. */
  readonly moves: ReadonlyMap<ValueId, number>;
}

/** Tensors start at whole bursts. */
export const tensorAlignment = 64;

/** With where what moves lies. */
export interface PlacedRepeat extends RepeatSpan {
  readonly strides: readonly { readonly region: number; readonly bytes: number }[];
}

export function repeatSpans(
  kernels: readonly KernelSpec[],
  regions: readonly KernelRegion[],
  owner: (root: ValueId) => ValueId,
  elementBytes: (root: ValueId) => number,
): readonly RepeatSpan[] {
  const ends = regions.map(() => ({ first: Infinity, last: -1 }));
  kernels.forEach(({ region }, step) => {
    const at = region === undefined ? undefined : ends[region];
    if (at === undefined) return;
    at.first = Math.min(at.first, step);
    at.last = step;
  });
  return regions.map(({ trips, moves }, r) => ({
    ...(ends[r] as (typeof ends)[number]),
    trips,
    moves: new Map([...moves].map(([root, elements]) => [owner(root), elements * elementBytes(root)])),
  }));
}

/** Lanes from 1 on, of the tensors that some repetition moves. */
export function lanesOf(
  kernels: readonly KernelSpec[],
  spans: readonly RepeatSpan[],
  owner: (root: ValueId) => ValueId,
): ReadonlyMap<ValueId, number> {
  const used = spans.map(({ first, last }) => {
    const views = kernels.slice(first, last + 1).flatMap((k) => [...kernelReads(k), ...kernelWrites(k)]);
    return new Set(views.map((v) => owner(v.root)));
  });
  const moved = new Set(spans.flatMap((s) => [...s.moves.keys()]));
  const lanes = new Map<ValueId, number>();
  /** By lane and repetition: how it moves what it uses of the lane. */
  const motion: (number | undefined)[][] = [];
  for (const root of moved) {
    const mine = spans.map((s, r) => (used[r]?.has(root) === true || s.moves.has(root) ? (s.moves.get(root) ?? 0) : undefined));
    const fits = (lane: readonly (number | undefined)[]): boolean =>
      mine.every((bytes, r) => bytes === undefined || lane[r] === undefined || lane[r] === bytes);
    let at = motion.findIndex(fits);
    if (at < 0) at = motion.push(spans.map(() => undefined)) - 1;
    const lane = motion[at] as (number | undefined)[];
    mine.forEach((bytes, r) => (lane[r] ??= bytes));
    lanes.set(root, at + 1);
  }
  return lanes;
}

/** Bytes that parts of a value need in front of it and behind it. */
export type Margins = ReadonlyMap<ValueId, { readonly lead: number; readonly tail: number }>;

export function marginsOf(places: ReadonlyMap<ValueId, PlacedValue>, views: ViewMap): Margins {
  const margins = new Map<ValueId, { readonly lead: number; readonly tail: number }>();
  for (const [id, { into, offset }] of places) {
    const whole = views.view(into);
    const before = Math.max(0, -offset);
    const behind = Math.max(0, offset + elementCount(views.view(id).shape) - elementCount(whole.shape));
    if (before + behind === 0) continue;
    const bytes = bytesPerElement(whole.dtype);
    const { lead = 0, tail = 0 } = margins.get(into) ?? {};
    margins.set(into, { lead: Math.max(lead, alignUp(before * bytes, tensorAlignment)), tail: Math.max(tail, behind * bytes) });
  }
  return margins;
}

/** The fastest memory that regions may move in: no core's own, and writable. null where there is none. */
export function movableMemory(machine: Machine): string | null {
  const rate = (name: string): number => machine.memories[name]?.readBytesPerSecond ?? 0;
  const names = Object.keys(machine.memories).filter((name) => {
    const memory = machine.memories[name];
    return memory !== undefined && memory.owner !== 'core' && memory.readOnly !== true && memory.kind !== 'link';
  });
  return names.toSorted((a, b) => rate(b) - rate(a))[0] ?? null;
}
