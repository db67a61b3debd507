/**
 * Every tensor gets a home: model inputs and outputs, constants, and intermediates in the arena of the activations' memory.
 * Intermediates share the arena as their live spans allow.
 */
import { alignUp, compilerMappingMessages, elementCount, fail, tensorBytes, type DType } from '../../core/index.ts';
import type { Graph, ValueId } from '../../graph/index.ts';
import type { Machine } from '../../hw-configs/index.ts';
import type { Region, RegionKind } from '../../isa/index.ts';
import type { KernelSpec, View } from '../kernels/spec.ts';
import type { ViewMap } from '../kernels/views.ts';
import { createTensor, noMarks, type Resource } from '../schedule/resources.ts';
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
  resource(): Resource;
}

export interface Placement {
  readonly regions: readonly Region[];
  /** Index of the weights region; its size is filled in by codegen. */
  readonly weightsRegion: number;
  /** Bytes at the bottom of each local memory that resident tensors take, by memory name. */
  readonly resident: ReadonlyMap<string, number>;
  home(root: ValueId): Home;
}

/** Tensors start at whole bursts. */
export const tensorAlignment = 64;

export function bytesOfView(v: { readonly dtype: DType; readonly shape: readonly number[] }): number {
  return tensorBytes(v.dtype, elementCount(v.shape));
}

/** Views a kernel reads at run time (constants excluded by the caller's graph). */
export function kernelReads(k: KernelSpec): readonly View[] {
  switch (k.kind) {
    case 'contraction':
      return [k.x, k.w, ...(k.epilogue?.operands.map((o) => o.view) ?? [])];
    case 'pool':
      return [k.x, ...(k.epilogue?.operands.map((o) => o.view) ?? [])];
    case 'reduce':
    case 'softmax':
      return [k.x];
    case 'norm':
      return [k.x, ...k.parameters.map((p) => p.view)];
    case 'elementwise':
      return k.plan.operands.map((o) => o.view);
    case 'move':
      return k.parts.map((p) => p.src);
    case 'host':
      return k.inputs;
  }
}

export function kernelWrites(k: KernelSpec): readonly View[] {
  return k.kind === 'host' ? k.outputs : [k.out];
}

interface Tensor {
  readonly root: ValueId;
  readonly view: View;
  readonly bytes: number;
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
): Placement {
  const tensors = collectTensors(graph, views, kernels, machine, boundary);
  const regions: Region[] = [];
  const regionOf = new Map<string, number>();
  const openRegion = (kind: RegionKind, memory: string): number => {
    const key = `${kind}@${memory}`;
    let index = regionOf.get(key);
    if (index === undefined) {
      index = regions.length;
      regions.push({
        name: kind === 'arena' && memory !== machine.placement.activations ? `${kind}-${memory}` : kind,
        kind,
        space: spaces.indexOf(memory),
        bytes: 0,
        alignment: 4096,
      });
      regionOf.set(key, index);
    }
    return index;
  };
  const weightsRegion = openRegion('weights', machine.placement.constants);
  const homes = new Map<ValueId, Home>();
  const resident = new Map<string, number>();

  for (const kind of ['input', 'output'] as const) {
    const mine = tensors.filter((t) => t.kind === kind);
    for (const t of mine) {
      const region = openRegion(kind, t.memory);
      const offset = alignUp(regions[region]?.bytes ?? 0, tensorAlignment);
      regions[region] = { ...(regions[region] as Region), bytes: offset + t.bytes };
      const resource = createTensor(noMarks());
      homes.set(
        t.root,
        homeOf(t, spaces, region, offset, false, () => resource),
      );
    }
  }

  const arenaTensors = tensors.filter((t) => t.kind === 'arena');
  for (const memory of new Set(arenaTensors.map((t) => t.memory))) {
    const mine = arenaTensors.filter((t) => t.memory === memory);
    const local = machine.memories[memory]?.owner === 'core';
    const capacity = machine.memories[memory]?.sizeBytes ?? 0;
    const buffers: Buffer[] = mine.map((t) => ({ name: graph.values[t.root]?.name ?? '', bytes: t.bytes, first: t.first, last: t.last }));
    const problem = { buffers, capacity, alignment: tensorAlignment };
    const plan = solveMemory(problem);
    if (plan.height > capacity) refuseArena(kernels, problem, plan.height, memory);
    const faults = validatePlan(problem, plan);
    if (faults.length > 0) throw new Error(`memory plan of ${memory}: ${faults[0]}`);
    const region = local ? -1 : openRegion('arena', memory);
    if (local) resident.set(memory, plan.height);
    else regions[region] = { ...(regions[region] as Region), bytes: plan.height };
    placeArena(mine, plan.offsets, (t, offset, resource) => homes.set(t.root, homeOf(t, spaces, region, offset, local, resource)));
  }

  return {
    regions,
    weightsRegion,
    resident,
    home(root) {
      const h = homes.get(root);
      if (h === undefined) throw new Error(`value ${graph.values[root]?.name} has no home`);
      return h;
    },
  };
}

function homeOf(t: Tensor, spaces: readonly string[], region: number, offset: number, local: boolean, resource: () => Resource): Home {
  return {
    memory: t.memory,
    space: spaces.indexOf(t.memory),
    region,
    offset,
    shape: t.view.shape,
    local,
    resource,
  };
}

/** A tensor that takes over bytes of dead ones waits for whatever touched them: its resource is made when first asked for, which is when its kernel is emitted. */
function placeArena(
  tensors: readonly Tensor[],
  offsets: readonly number[],
  set: (t: Tensor, offset: number, resource: () => Resource) => void,
): void {
  const made: (Resource | null)[] = tensors.map(() => null);
  tensors.forEach((t, i) => {
    const at = offsets[i] as number;
    set(t, at, () => {
      const known = made[i];
      if (known) return known;
      const inherited = noMarks();
      tensors.forEach((other, j) => {
        const start = offsets[j] as number;
        if (j !== i && other.last < t.first && start < at + t.bytes && at < start + other.bytes) made[j]?.allTouches(inherited);
      });
      const resource = createTensor(inherited);
      made[i] = resource;
      return resource;
    });
  });
}

function collectTensors(graph: Graph, views: ViewMap, kernels: readonly KernelSpec[], machine: Machine, boundary: Boundary): Tensor[] {
  const { placement, host } = machine;
  const outputRoots = new Set(graph.outputs.map((id) => views.rootOf(id)));
  const hostRoots = new Set<ValueId>();
  for (const k of kernels) if (k.kind === 'host') for (const v of [...k.inputs, ...k.outputs]) hostRoots.add(v.root);
  const tensors = new Map<ValueId, Tensor>();
  const add = (root: ValueId, view: View, role: RegionKind, memory: string, step: number): void => {
    const kind = boundary === 'shared' && memory === placement.activations ? 'arena' : role;
    const last = role === 'output' ? kernels.length : step;
    tensors.set(root, { root, view, bytes: bytesOfView(view), memory, kind, first: step, last });
  };
  for (const id of graph.inputs) {
    const memory = hostRoots.has(id) ? host.memory : placement.inputs;
    add(id, views.view(id), 'input', memory, -1);
  }
  kernels.forEach((k, step) => {
    for (const v of kernelWrites(k)) {
      if (tensors.has(v.root)) continue;
      if (outputRoots.has(v.root)) add(v.root, v, 'output', hostRoots.has(v.root) ? host.memory : placement.outputs, step);
      else add(v.root, v, 'arena', hostRoots.has(v.root) ? host.memory : placement.activations, step);
    }
    for (const v of kernelReads(k)) {
      const t = tensors.get(v.root);
      if (t !== undefined) t.last = Math.max(t.last, step);
    }
  });
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
