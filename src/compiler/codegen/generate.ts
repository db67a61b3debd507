/** Kernels in order -> commands: maps each kernel onto the machine and emits it. */
import { bytesPerElement, compilerMappingMessages, elementCount, fail, formatBytes, visible, type Diagnostic } from '../../core/index.ts';
import type { Graph } from '../../graph/index.ts';
import type { ColdBytes, CommandTable, HostSegment, Kernel, KernelWork, WeightImage } from '../../isa/index.ts';
import { newElements, type Cache } from '../kernels/cache-layout.ts';
import { openLoops } from '../kernels/trips.ts';
import { coldRead } from '../kernels/cold-bytes.ts';
import type { ContractionKernel, HostKernel, KernelSpec, View } from '../kernels/spec.ts';
import type { Selection } from '../kernels/select.ts';
import { drainOnVector } from '../kernels/drain-plan.ts';
import { createLocalWindow, type LocalWindow } from '../memory/local-window.ts';
import { bytesOfView, kernelReads, kernelWrites, type Placement } from '../memory/placement.ts';
import { createProgramWriter } from '../schedule/program-writer.ts';
import { mapContraction } from '../tiling/contraction.ts';
import { describeMapping, type ContractionHomes, type ContractionMapping, type NoFit } from '../tiling/contraction-tile.ts';
import type { MapperEnvironment } from '../tiling/environment.ts';
import { emitContraction } from './contraction.ts';
import { constantOf, type EmitContext } from './context.ts';
import { emitLookup } from './lookup.ts';
import { emitHost, emitMove } from './move.ts';
import { emitNorm } from './norm.ts';
import { emitReduce } from './reduce.ts';
import { emitSoftmax } from './softmax.ts';
import { emitElementwise, emitPool, type Emitted } from './vector.ts';
import { createWeightBuilder } from './weight-image.ts';

/** Tiles of contractions in one program: about half a gigabyte of commands, ten seconds to write. */
const tileLimit = 400_000;

export interface Generated {
  readonly commands: CommandTable;
  readonly semaphores: number;
  readonly kernels: readonly Kernel[];
  readonly hostSegments: readonly HostSegment[];
  readonly weights: WeightImage;
  readonly diagnostics: readonly Diagnostic[];
}

export function generate(graph: Graph, selection: Selection, placement: Placement, env: MapperEnvironment): Generated {
  const writer = createProgramWriter(0);
  const weights = createWeightBuilder();
  const windows = localWindows(env, placement);
  const kernels: Kernel[] = [];
  const hostSegments: HostSegment[] = [];
  const mappings = createMappingCache();
  const coldSeen = new Set<number>();
  const outputRoots = new Set(graph.outputs.map((id) => selection.views.rootOf(id)));
  const caches = new Map(selection.caches.map((c) => [c.present, c]));

  const contextOf = (kernel: number): EmitContext => ({
    env,
    graph,
    writer,
    placement,
    weights,
    windows,
    kernel,
    vectorWork: { laneTicks: 0 },
  });
  limitTiles(selection, env, (k, kernel) => mappings.map(contextOf(kernel), drained(env, k)).tiles);

  selection.kernels.forEach((k, index) => {
    const cx = contextOf(index);
    for (const w of windows.values()) w.beginKernel();
    const weightsBefore = weights.stored();
    let estimatePs = 0;
    let emitted: Emitted;
    switch (k.kind) {
      case 'contraction': {
        const mapped = drained(env, k);
        const m = mappings.map(cx, mapped);
        emitContraction(cx, mapped, m);
        emitted = { mapping: describeMapping(mapped, m), tiles: m.tiles };
        estimatePs = m.estimatePs;
        break;
      }
      case 'elementwise':
        emitted = emitElementwise(cx, k);
        break;
      case 'pool':
        emitted = emitPool(cx, k);
        break;
      case 'reduce':
        emitted = emitReduce(cx, k);
        break;
      case 'softmax':
        emitted = emitSoftmax(cx, k);
        break;
      case 'norm':
        emitted = emitNorm(cx, k);
        break;
      case 'move':
        emitted = emitMove(cx, k);
        break;
      case 'lookup':
        emitted = emitLookup(cx, k);
        break;
      case 'host':
        emitted = emitHost(cx, k, hostSegments.length);
        hostSegments.push(lazySegment(k));
        break;
    }
    kernels.push({
      name: k.name,
      origin: k.origin,
      class: k.class,
      engine: k.engine,
      dtype: k.dtype,
      macs: k.macs,
      work: workOf(k, cx.vectorWork.laneTicks),
      cold: coldBytes(graph, k, cx, coldWeights(k, weights.stored() - weightsBefore), coldSeen, outputRoots, caches),
      mapping: emitted.mapping,
      tiles: emitted.tiles,
      estimateCycles: Math.ceil((estimatePs * (env.machine.clocks[env.machine.referenceClock] ?? 1)) / 1e12),
    });
  });
  const { commands, semaphores } = writer.finish();
  if (semaphores > env.core.semaphores)
    fail(compilerMappingMessages.tooFewSemaphores({ needed: semaphores, available: env.core.semaphores }));
  return {
    commands,
    semaphores,
    kernels,
    hostSegments,
    weights: weights.finish(placement.weightsRegion),
    diagnostics: [...hostWarnings(selection), ...loopWarnings(graph, selection)],
  };
}

/** The kernel as this array runs it: without an output stage the vector engine drains; weights stay packed where it takes int4. */
function drained(env: MapperEnvironment, k: ContractionKernel): ContractionKernel {
  const wide = k.wPacked !== null && env.matrix.rates.int4 === undefined ? { ...k, wPacked: null } : k;
  return env.matrix.requantize === 'vector' ? drainOnVector(wide) : wide;
}

/** Maps every contraction before the first command is written, so that a program too long is refused at once. */
function limitTiles(selection: Selection, env: MapperEnvironment, tilesOf: (k: ContractionKernel, kernel: number) => number): void {
  let tiles = 0;
  selection.kernels.forEach((k, kernel) => {
    if (k.kind !== 'contraction') return;
    tiles += tilesOf(k, kernel);
    if (tiles <= tileLimit) return;
    const memory = env.core.scratchpad;
    const bytes = env.capacity.get(memory) ?? 0;
    fail(compilerMappingMessages.programTooLong({ kernel: k.name, tiles, limit: tileLimit, memory, bytes }, { origin: k.origin }));
  });
}

/** One warning per operator and reason. */
function hostWarnings(selection: Selection): Diagnostic[] {
  const groups = new Map<string, HostKernel[]>();
  for (const k of selection.kernels) {
    if (k.kind !== 'host') continue;
    const key = `${k.nodes[0]?.op} ${k.reason}`;
    groups.set(key, [...(groups.get(key) ?? []), k]);
  }
  return [...groups.values()].map((group) => {
    const first = group[0] as HostKernel;
    const args = {
      op: first.nodes[0]?.op ?? '',
      nodes: group.map((k) => k.name),
      reason: first.reason,
      bytes: group.reduce((n, k) => n + k.bytes, 0),
    };
    return compilerMappingMessages.runsOnHost(args, { origin: group.flatMap((k) => k.origin) });
  });
}

/** Loops on the host whose cost stands for a number of iterations that only the run knows. */
function loopWarnings(graph: Graph, selection: Selection): Diagnostic[] {
  const nodes = selection.kernels.flatMap((k) => (k.kind === 'host' ? k.members.map((m) => m.node) : []));
  return nodes.flatMap((node) =>
    openLoops(graph, node).map(({ node: { op, name, origin }, trips: { counted, certainty }, input }) =>
      certainty === 'most'
        ? compilerMappingMessages.tripsAtMost({ op, node: name, most: counted, input }, { origin })
        : compilerMappingMessages.tripsUnknown({ op, node: name, input }, { origin }),
    ),
  );
}

function lazySegment(k: HostKernel): HostSegment {
  let text: string | null = null;
  return {
    name: k.name,
    get graph(): string {
      text ??= k.graphText();
      return text;
    },
  };
}

function localWindows(env: MapperEnvironment, placement: Placement): ReadonlyMap<string, LocalWindow> {
  const windows = new Map<string, LocalWindow>();
  for (const [name, memory] of Object.entries(env.machine.memories)) {
    if (memory.owner !== 'core') continue;
    windows.set(name, createLocalWindow(env.spaces.indexOf(name), placement.resident.get(name) ?? 0, memory.sizeBytes));
  }
  return windows;
}

/** Where the operands of a contraction lie. Asks for no resource: those are made when a kernel is emitted. */
function homesOf(cx: EmitContext, k: ContractionKernel): ContractionHomes {
  const constants = cx.env.machine.placement.constants;
  const homeOf = (root: number): { home: string; direct: boolean } => {
    if (constantOf(cx, root) !== null) return { home: constants, direct: false };
    const h = cx.placement.home(root);
    return { home: h.memory, direct: h.local };
  };
  const x = homeOf(k.x.root);
  const w = homeOf(k.w.root);
  const out = homeOf(k.out.root);
  return {
    x: x.home,
    xDirect: x.direct,
    w: w.home,
    wDirect: w.direct,
    out: out.home,
    outDirect: out.direct,
    operands: (k.epilogue?.operands ?? []).map((o, i) => {
      const strides = k.operandStrides[i] ?? [];
      return { ...homeOf(o.view.root), bytesPerElement: bytesPerElement(o.view.dtype), perChannel: strides[3] === 0 && strides[4] === 0 };
    }),
  };
}

/** One search per distinct kernel signature: identical layers share a mapping. */
function createMappingCache(): { map(cx: EmitContext, k: ContractionKernel): ContractionMapping } {
  const known = new Map<string, ContractionMapping | NoFit>();
  return {
    map(cx, k) {
      const homes = homesOf(cx, k);
      const key = JSON.stringify([
        k.op,
        k.dtype,
        k.geometry,
        homes,
        k.drain.dtype,
        k.drain.bias !== null,
        k.drain.multiplier !== null,
        k.drain.fixed,
        k.epilogue?.steps.length ?? 0,
        k.out.dtype,
        k.wPacked ?? k.w.dtype,
      ]);
      let m = known.get(key);
      if (m === undefined) {
        m = mapContraction(cx.env, k, homes);
        known.set(key, m);
      }
      if ('need' in m) refuse(cx, k, m);
      return m;
    },
  };
}

function refuse(cx: EmitContext, k: ContractionKernel, m: NoFit): never {
  const { env } = cx;
  const { core } = env;
  const sums = m.terms.filter((t) => t.what === 'accumulators');
  const rest = m.terms.filter((t) => t.what !== 'accumulators' || core.accumulator === core.scratchpad);
  const total = (terms: readonly { bytes: number }[]): number => terms.reduce((n, t) => n + t.bytes, 0);
  const accCapacity = env.capacity.get(core.accumulator) ?? 0;
  const overAcc = core.accumulator !== core.scratchpad && total(sums) > accCapacity;
  const terms = overAcc ? sums : rest;
  const memory = overAcc ? core.accumulator : core.scratchpad;
  fail(
    compilerMappingMessages.kernelDoesNotFit(
      { kernel: k.name, shortfall: { memory, demandBytes: total(terms), capacityBytes: env.capacity.get(memory) ?? 0, terms } },
      { origin: k.origin },
    ),
  );
}

/** Element steps do not depend on the tiling, so what the commands sum up to is the fewest. */
function workOf(k: KernelSpec, vectorLaneTicks: number): KernelWork {
  switch (k.kind) {
    case 'contraction': {
      const g = k.geometry;
      const product = k.op === 'MATMUL';
      return {
        kind: 'contraction',
        depthwise: k.op === 'DWCONV',
        groups: product ? 1 : g.groups,
        m: g.batch * g.oh * g.ow,
        n: g.mg,
        channels: g.cg,
        taps: g.kh * g.kw,
        batches: product ? g.groups : 1,
        vectorLaneTicks,
      };
    }
    case 'pool':
    case 'reduce':
    case 'softmax':
    case 'norm':
    case 'elementwise':
      return { kind: 'vector', vectorLaneTicks };
    case 'move':
      return k.engine === 'vector' ? { kind: 'vector', vectorLaneTicks } : { kind: 'none' };
    case 'lookup':
      return { kind: 'none' };
    case 'host':
      return { kind: 'host', ops: k.ops, bytes: k.bytes };
  }
}

/** Of a table in the weights only what is looked up is read. */
function coldWeights(k: KernelSpec, stored: number): number {
  return k.kind === 'lookup' ? Math.min(stored, coldRead(k, k.table) + coldRead(k, k.index)) : stored;
}

/** Inputs count at their first reader, outputs at their writer, weights at the kernel that first needs them. */
function coldBytes(
  graph: Graph,
  k: KernelSpec,
  cx: EmitContext,
  weightBytes: number,
  seen: Set<number>,
  outputs: ReadonlySet<number>,
  caches: ReadonlyMap<number, Cache>,
): readonly ColdBytes[] {
  const cold: ColdBytes[] = [];
  if (weightBytes > 0) {
    cold.push({
      space: cx.env.spaces.indexOf(cx.env.machine.placement.constants),
      direction: 'read',
      operand: 'weights',
      bytes: weightBytes,
    });
  }
  for (const v of kernelReads(k)) {
    const cache = caches.get(cx.placement.owner(v.root));
    if ((cache === undefined && !graph.inputs.includes(v.root)) || seen.has(v.root)) continue;
    seen.add(v.root);
    const { space } = cx.placement.home(v.root);
    if (cache === undefined) cold.push({ space, direction: 'read', operand: 'inputs', bytes: coldRead(k, v) });
    else {
      const bytes = coldRead(k, v) - newBytes(cx, cache, v);
      if (bytes > 0) cold.push({ space, direction: 'read', operand: 'state', bytes });
    }
  }
  for (const v of kernelWrites(k)) {
    const home = cx.placement.home(v.root);
    const cache = caches.get(cx.placement.owner(v.root));
    if (cache !== undefined) cold.push({ space: home.space, direction: 'write', operand: 'state', bytes: writtenBytes(k, v, cx, cache) });
    else if (outputs.has(cx.placement.owner(v.root)))
      cold.push({ space: home.space, direction: 'write', operand: 'outputs', bytes: bytesOfView(v) });
  }
  return cold;
}

/** Bytes of a value in a cache that this run wrote there: an intermediate, wherever else it is read. */
function newBytes(cx: EmitContext, cache: Cache, v: View): number {
  const es = bytesPerElement(v.dtype);
  const begin = (cx.placement.home(v.root).offset - cx.placement.home(cache.present).offset) / es;
  // Of a view as of the whole value: a bound may be low, never high.
  const all = cx.placement.home(v.root).shape.reduce((n, d) => n * d, 1);
  return v.root === cache.past ? 0 : newElements(cache, begin, begin + all) * es;
}

/** Bytes a kernel puts into a cache: the new rows of what it makes. */
function writtenBytes(k: KernelSpec, v: View, cx: EmitContext, cache: Cache): number {
  return k.kind === 'move'
    ? k.parts.reduce((n, p) => n + elementCount(p.extents), 0) * bytesPerElement(v.dtype)
    : Math.min(bytesOfView(v), newBytes(cx, cache, v));
}

/** One line per kernel, for `--emit kernels`. */
export function describeKernels(kernels: readonly Kernel[]): string {
  return `${kernels.map((k, i) => `${String(i).padStart(4)}  ${k.engine.padEnd(6)} ${k.class.padEnd(11)} ${visible(k.name)}  [${k.mapping}]  ${k.tiles} tiles${k.macs > 0 ? `, ${k.macs} MACs` : ''}${k.origin.length > 1 ? `  <- ${visible(k.origin.join(' + '))}` : ''}`).join('\n')}\n`;
}

/** Where tensors live, for `--emit memory`. */
export function describePlacement(graph: Graph, selection: Selection, placement: Placement, env: MapperEnvironment): string {
  const lines = placement.regions.map((r) => `region ${r.name}: ${env.spaces[r.space]}, ${r.bytes} B (${formatBytes(r.bytes)})`);
  for (const { past, present, keptRows, rows } of selection.caches) {
    const h = placement.home(present);
    const [from, to] = [past, present].map((id) => graph.values[id]?.name ?? '');
    lines.push(
      `state ${h.memory}+${h.offset}  ${bytesOfView(selection.views.view(present))} B  ${from} (${keptRows} rows) -> ${to} (${rows})`,
    );
  }
  for (const [memory, bytes] of placement.resident) lines.push(`resident in ${memory}: ${bytes} B (${formatBytes(bytes)})`);
  const told = new Set<number>();
  selection.kernels.forEach((k, step) => {
    for (const v of kernelWrites(k)) {
      if (told.has(v.root)) continue;
      told.add(v.root);
      const h = placement.home(v.root);
      lines.push(`${String(step).padStart(4)}  ${h.memory}+${h.offset}  ${bytesOfView(v)} B  ${graph.values[v.root]?.name}`);
    }
  });
  return `${lines.join('\n')}\n`;
}
