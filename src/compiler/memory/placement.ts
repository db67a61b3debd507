/**
 * Every tensor gets a home: model inputs and outputs, constants, and intermediates in the arena of the activations' memory.
 * Intermediates share the arena as their live spans allow.
 */
import { alignUp, bytesPerElement, compilerMappingMessages, elementCount, fail, tensorBytes, type DType } from '../../core/index.ts';
import type { Graph, ValueId } from '../../graph/index.ts';
import type { Machine } from '../../hw-configs/index.ts';
import type { Region, RegionKind } from '../../isa/index.ts';
import type { PlacedValue } from '../kernels/in-place.ts';
import type { Selection } from '../kernels/select.ts';
import { kernelReads, kernelWrites, type KernelSpec, type View } from '../kernels/spec.ts';
import type { ViewMap } from '../kernels/views.ts';
import { boxless, createTensor, noMarks, partOf, type Marks, type Resource } from '../schedule/resources.ts';
import { createOccupants } from './occupants.ts';
import {
  lanesOf,
  marginsOf,
  movableMemory,
  repeatSpans,
  tensorAlignment,
  type Margins,
  type PlacedRepeat,
  type RepeatSpan,
} from './moved.ts';
import { maxLiveBytes, type Buffer } from './problem.ts';
import { solveMemory } from './solve.ts';
import { validatePlan } from './validate.ts';

export interface Home {
  readonly memory: string;
  readonly space: number;
  /** -1: the window of a local memory. */
  readonly region: number;
  readonly offset: number;
  /** Shape the producer writes, whose boxes order tile dependences. */
  readonly shape: readonly number[];
  /** In a core's own memory: engines may use it where it lies. */
  readonly local: boolean;
  /** Stays there from run to run. */
  readonly isState: boolean;
  /** Elements along each axis of `shape`; null: in one piece. */
  readonly strides: readonly number[] | null;
  resource(): Resource;
}

export interface Placement {
  readonly regions: readonly Region[];
  /** Index of the weights region; its size is filled in by codegen. */
  readonly weightsRegion: number;
  /** Bytes at the bottom of each local memory that resident tensors take, by memory name. */
  readonly resident: ReadonlyMap<string, number>;
  home(root: ValueId): Home;
  /** The value in whose bytes a value lies: itself, or the one it is a part of. */
  owner(root: ValueId): ValueId;
  /** The repeated regions of the selection, in its order. */
  readonly repeats: readonly PlacedRepeat[];
  /**
   * Commands of a region are about to be issued once more, for another trip: values that live within one trip take over bytes that others
   * of the trip before had.
   */
  renew(repeat: number): void;
}

export function bytesOfView(v: { readonly dtype: DType; readonly shape: readonly number[] }): number {
  return tensorBytes(v.dtype, elementCount(v.shape));
}

interface Tensor {
  readonly root: ValueId;
  readonly view: View;
  /** With what is in front of it. */
  readonly bytes: number;
  /** Bytes in front of its first element: rows that carried values start in. */
  readonly lead: number;
  /** 0: never moved by a repetition. Of tensors of one lane a repetition moves all that it uses alike. */
  readonly lane: number;
  readonly memory: string;
  readonly kind: RegionKind;
  first: number;
  last: number;
}

/**
 * `apart`: model inputs and outputs have regions of their own, which a caller may fill and read while the program runs.
 * `shared`: they take their place in the arena for as long as they are needed; for memories too small for the first.
 */
export type Boundary = 'apart' | 'shared';

export function placeTensors(
  graph: Graph,
  views: ViewMap,
  kernels: readonly KernelSpec[],
  machine: Machine,
  spaces: readonly string[],
  boundary: Boundary,
  { placed, regions: kernelRegions, caches }: Pick<Selection, 'placed' | 'regions' | 'caches'>,
): Placement {
  const places = new Map([...placed.keys()].map((root) => [root, finalPlace(placed, root)]));
  const owner = (root: ValueId): ValueId => places.get(root)?.into ?? root;
  const spans = repeatSpans(kernels, kernelRegions, owner, (root) => bytesPerElement(views.view(root).dtype));
  const margins = marginsOf(places, views);
  const tensors = collectTensors(graph, views, kernels, machine, boundary, owner, {
    state: new Set(caches.map((c) => c.present)),
    spans,
    margins,
    lanes: lanesOf(kernels, spans, owner),
  });
  const regions: Region[] = [];
  const regionOf = new Map<string, number>();
  const openRegion = (kind: RegionKind, memory: string, lane: number): number => {
    const key = `${kind}@${memory} ${lane}`;
    let index = regionOf.get(key);
    if (index === undefined) {
      index = regions.length;
      regions.push({
        name: `${kind}${kind === 'arena' && memory !== machine.placement.activations ? `-${memory}` : ''}${lane === 0 ? '' : `-moved${lane}`}`,
        kind,
        space: spaces.indexOf(memory),
        bytes: 0,
        alignment: 4096,
      });
      regionOf.set(key, index);
    }
    return index;
  };
  const weightsRegion = openRegion('weights', machine.placement.constants, 0);
  const homes = new Map<ValueId, Home>();
  const resident = new Map<string, number>();

  for (const kind of ['input', 'output', 'state'] as const) {
    const mine = tensors.filter((t) => t.kind === kind);
    for (const t of mine) {
      const region = openRegion(kind, t.memory, t.lane);
      const offset = alignUp(regions[region]?.bytes ?? 0, tensorAlignment);
      regions[region] = { ...(regions[region] as Region), bytes: offset + t.bytes };
      const tensor = createTensor(noMarks());
      const resource = t.lane === 0 ? tensor : boxless(tensor);
      homes.set(
        t.root,
        homeOf(t, spaces, region, offset, false, () => resource),
      );
    }
  }

  const arenaTensors = tensors.filter((t) => t.kind === 'arena');
  const renewals: ((span: RepeatSpan) => void)[] = [];
  for (const key of new Set(arenaTensors.map((t) => `${t.lane} ${t.memory}`))) {
    const mine = arenaTensors.filter((t) => `${t.lane} ${t.memory}` === key);
    const { memory, lane } = mine[0] as Tensor;
    const local = machine.memories[memory]?.owner === 'core';
    const capacity = machine.memories[memory]?.sizeBytes ?? 0;
    const buffers: Buffer[] = mine.map((t) => ({ name: graph.values[t.root]?.name ?? '', bytes: t.bytes, first: t.first, last: t.last }));
    const problem = { buffers, capacity, alignment: tensorAlignment };
    const plan = solveMemory(problem);
    if (plan.height > capacity) refuseArena(kernels, problem, plan.height, memory);
    const faults = validatePlan(problem, plan);
    if (faults.length > 0) throw new Error(`memory plan of ${memory}: ${faults[0]}`);
    const region = local ? -1 : openRegion('arena', memory, lane);
    if (local) resident.set(memory, plan.height);
    else regions[region] = { ...(regions[region] as Region), bytes: plan.height };
    const set = (t: Tensor, offset: number, resource: () => Resource): void => {
      homes.set(t.root, homeOf(t, spaces, region, offset, local, resource));
    };
    renewals.push(placeArena(mine, plan.offsets, set));
  }
  const repeats = spans.map(({ first, last, trips, moves }): PlacedRepeat => {
    const strides = new Map<number, number>();
    for (const [root, bytes] of moves) strides.set(homes.get(root)?.region ?? -1, bytes);
    if (strides.has(-1)) throw new Error('a value that a repetition moves lies in a window');
    return { first, last, trips, moves, strides: [...strides].map(([r, bytes]) => ({ region: r, bytes })) };
  });

  return {
    regions,
    weightsRegion,
    resident,
    owner,
    repeats,
    renew(repeat) {
      const span = spans[repeat];
      if (span !== undefined) for (const renewal of renewals) renewal(span);
    },
    home(root) {
      let h = homes.get(root);
      const place = places.get(root);
      const whole = place === undefined ? undefined : homes.get(place.into);
      if (h === undefined && place !== undefined && whole !== undefined) homes.set(root, (h = partHome(whole, views.view(root), place)));
      if (h === undefined) throw new Error(`value ${graph.values[root]?.name} has no home`);
      return h;
    },
  };
}

/** Through parts of parts. */
function finalPlace(placed: ReadonlyMap<ValueId, PlacedValue>, root: ValueId): PlacedValue {
  let [into, offset] = [root, 0];
  for (let next = placed.get(into); next !== undefined; next = placed.get(into)) [into, offset] = [next.into, offset + next.offset];
  const strides = placed.get(root)?.strides;
  return { into, offset, ...(strides === undefined ? {} : { strides }) };
}

/** The home of a part. Its boxes are shifted along the axis it is cut from, where the shapes tell which that is. */
function partHome(whole: Home, view: View, { offset, strides }: PlacedValue): Home {
  const { shape } = view;
  const axes = shape.length === whole.shape.length ? shape.flatMap((e, i) => (e === whole.shape[i] ? [] : [i])) : [];
  const [axis] = axes;
  const begin = axis === undefined ? 0 : offset / elementCount(whole.shape.slice(axis + 1));
  const shifted = axes.length === 1 && axis !== undefined && Number.isInteger(begin);
  return {
    ...whole,
    offset: whole.offset + offset * bytesPerElement(view.dtype),
    shape,
    strides: strides ?? null,
    resource: () => (shifted ? partOf(whole.resource(), shape, axis, begin) : whole.resource()),
  };
}

function homeOf(t: Tensor, spaces: readonly string[], region: number, offset: number, local: boolean, resource: () => Resource): Home {
  return {
    memory: t.memory,
    space: spaces.indexOf(t.memory),
    region,
    offset: offset + t.lead,
    shape: t.view.shape,
    local,
    isState: t.kind === 'state',
    strides: null,
    resource,
  };
}

/**
 * A tensor that takes over bytes of dead ones waits for whatever touched them: its resource is made when first asked for, which is when its
 * kernel is emitted.
 * @returns makes those that live within one trip of a repetition anew: they take over from all that had their bytes in the trip before
 */
function placeArena(
  tensors: readonly Tensor[],
  offsets: readonly number[],
  set: (t: Tensor, offset: number, resource: () => Resource) => void,
): (span: RepeatSpan) => void {
  const made: (Resource | null)[] = tensors.map(() => null);
  /** By tensor: what touched its bytes in the trip before, and who shares them in a trip. */
  const renewed = new Map<number, { readonly before: Marks; readonly beside: readonly number[] }>();
  const occupants = createOccupants();
  let latest = -Infinity;
  let inOrder = true;
  const overlap = (i: number, j: number): boolean => {
    const [a, b] = [offsets[i] as number, offsets[j] as number];
    return b < a + (tensors[i] as Tensor).bytes && a < b + (tensors[j] as Tensor).bytes;
  };
  /** Dead tensors whose bytes one takes over. Of those before them the ones before it have word: the last occupants are enough. */
  const takenOver = (t: Tensor, i: number): Iterable<number> => {
    const at = offsets[i] as number;
    if (t.first < latest) inOrder = false;
    latest = Math.max(latest, t.first);
    if (inOrder) return occupants.take(at, at + t.bytes, i);
    return tensors.flatMap((other, j) => {
      const start = offsets[j] as number;
      return j !== i && start < at + t.bytes && at < start + other.bytes ? [j] : [];
    });
  };
  tensors.forEach((t, i) => {
    set(t, offsets[i] as number, () => {
      const known = made[i];
      if (known) return known;
      const again = renewed.get(i);
      const inherited = again === undefined ? noMarks() : again.before.slice();
      for (const j of again?.beside ?? takenOver(t, i)) if ((tensors[j] as Tensor).last < t.first) made[j]?.allTouches(inherited);
      const tensor = createTensor(inherited);
      const resource = t.lane === 0 ? tensor : boxless(tensor);
      made[i] = resource;
      return resource;
    });
  });
  return ({ first, last }) => {
    const within = tensors.flatMap((t, i) => (first <= t.first && t.last <= last ? [i] : []));
    const marks = within.map((i) => {
      const beside = within.filter((j) => j !== i && overlap(i, j));
      const before = noMarks();
      for (const j of [i, ...beside]) made[j]?.allTouches(before);
      return { i, before, beside };
    });
    for (const { i, before, beside } of marks) {
      if (made[i] === null) continue;
      renewed.set(i, { before, beside });
      made[i] = null;
    }
  };
}

interface Given {
  /** Tensors of the state. */
  readonly state: ReadonlySet<ValueId>;
  readonly spans: readonly RepeatSpan[];
  readonly margins: Margins;
  readonly lanes: ReadonlyMap<ValueId, number>;
}

function collectTensors(
  graph: Graph,
  views: ViewMap,
  kernels: readonly KernelSpec[],
  machine: Machine,
  boundary: Boundary,
  owner: (root: ValueId) => ValueId,
  { state, spans, margins, lanes }: Given,
): Tensor[] {
  const { placement, host } = machine;
  const outputRoots = new Set(graph.outputs.map((id) => views.rootOf(id)));
  const hostRoots = new Set<ValueId>();
  for (const k of kernels) if (k.kind === 'host') for (const v of [...k.inputs, ...k.outputs]) hostRoots.add(owner(v.root));
  const tensors = new Map<ValueId, Tensor>();
  const add = (root: ValueId, view: View, role: RegionKind, asked: string, step: number): void => {
    const lane = lanes.get(root) ?? 0;
    // Windows do not move.
    const memory = lane > 0 && machine.memories[asked]?.owner === 'core' ? (movableMemory(machine) ?? asked) : asked;
    const kind = role !== 'state' && boundary === 'shared' && memory === placement.activations ? 'arena' : role;
    const last = role === 'output' || role === 'state' ? kernels.length : step;
    const { lead = 0, tail = 0 } = margins.get(root) ?? {};
    tensors.set(root, { root, view, bytes: lead + bytesOfView(view) + tail, lead, lane, memory, kind, first: step, last });
  };
  for (const root of state) add(root, views.view(root), 'state', placement.state, -1);
  for (const id of graph.inputs) {
    if (owner(id) !== id) continue;
    const memory = hostRoots.has(id) ? host.memory : placement.inputs;
    add(id, views.view(id), 'input', memory, -1);
  }
  kernels.forEach((k, step) => {
    for (const v of kernelWrites(k)) {
      const root = owner(v.root);
      const known = tensors.get(root);
      if (known !== undefined) {
        known.last = Math.max(known.last, step);
        continue;
      }
      const view = root === v.root ? v : views.view(root);
      if (outputRoots.has(root)) add(root, view, 'output', hostRoots.has(root) ? host.memory : placement.outputs, step);
      else add(root, view, 'arena', hostRoots.has(root) ? host.memory : placement.activations, step);
    }
    for (const v of kernelReads(k)) {
      const root = owner(v.root);
      const t = tensors.get(root);
      if (t !== undefined) t.last = Math.max(t.last, step);
      // Without elements, and so made by nobody: only the host asks where it lies.
      else if (v.shape.includes(0) && graph.values[root]?.constant === null) {
        add(root, root === v.root ? v : views.view(root), 'arena', hostRoots.has(root) ? host.memory : placement.activations, step);
      }
    }
  });
  // Outputs without elements, which nothing makes.
  for (const root of outputRoots) {
    const view = views.view(root);
    if (view.shape.includes(0) && !tensors.has(owner(root))) add(root, view, 'output', placement.outputs, -1);
  }
  for (const { first, last, moves } of spans) {
    for (const t of tensors.values()) {
      // What a repetition finds, every trip finds; what it leaves behind, the last one does.
      if (t.first < first && t.last >= first) t.last = Math.max(t.last, last);
      else if (t.first >= first && t.first <= last && (t.last > last || moves.has(t.root))) {
        t.first = Math.min(t.first, first);
        t.last = Math.max(t.last, last);
      }
    }
  }
  for (const t of tensors.values()) {
    const what = t.kind === 'output' ? 'outputs' : 'activations';
    if (t.first >= 0 && machine.memories[t.memory]?.readOnly) fail(compilerMappingMessages.homeNotWritable({ what, memory: t.memory }));
  }
  return [...tensors.values()];
}

function refuseArena(
  kernels: readonly KernelSpec[],
  problem: { readonly buffers: readonly Buffer[]; readonly capacity: number; readonly alignment: number },
  height: number,
  memory: string,
): never {
  const bound = maxLiveBytes(problem);
  const alive = problem.buffers.filter((b) => b.first <= bound.step && bound.step <= b.last).toSorted((a, b) => b.bytes - a.bytes);
  const terms = alive.map((b) => ({ what: b.name, bytes: b.bytes }));
  const demand = bound.bytes > problem.capacity ? bound.bytes : height;
  fail(
    compilerMappingMessages.activationsDoNotFit(
      {
        step: kernels[bound.step]?.name ?? `step ${bound.step}`,
        shortfall: { memory, demandBytes: demand, capacityBytes: problem.capacity, terms },
      },
      { origin: kernels[bound.step]?.origin ?? [] },
    ),
  );
}
