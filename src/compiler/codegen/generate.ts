/** Kernels in order -> commands: maps each kernel onto the machine and emits it. */
import { bytesPerElement, compilerMappingMessages, fail, type Diagnostic } from '../../core/index.ts';
import type { Graph } from '../../graph/index.ts';
import type { CommandTable, HostSegment, Kernel, WeightImage } from '../../isa/index.ts';
import { openLoops } from '../kernels/trips.ts';
import { kernelReads, type AttentionKernel, type ContractionKernel, type HostKernel, type KernelSpec, type View } from '../kernels/spec.ts';
import type { Selection } from '../kernels/select.ts';
import { drainedProduct } from '../kernels/drain-plan.ts';
import { createLocalWindow, type LocalWindow } from '../memory/local-window.ts';
import type { Placement } from '../memory/placement.ts';
import { createProgramWriter } from '../schedule/program-writer.ts';
import { attentionSignature, drainedAttention } from '../tiling/attention-choice.ts';
import { mapAttention, type AttentionMapping } from '../tiling/attention.ts';
import { mapContraction } from '../tiling/contraction.ts';
import { describeMapping, type ContractionHomes, type ContractionMapping, type NoFit } from '../tiling/contraction-tile.ts';
import type { MapperEnvironment } from '../tiling/environment.ts';
import { emitAttention } from './attention.ts';
import { emitContraction } from './contraction.ts';
import { coldBytes, coldWeights } from './cold.ts';
import { constantOf, type EmitContext } from './context.ts';
import { emitLookup } from './lookup.ts';
import { emitHost, emitMove } from './move.ts';
import { emitNorm } from './norm.ts';
import { emitReduce } from './reduce.ts';
import { emitSoftmax } from './softmax.ts';
import { emitElementwise, emitPool, type Emitted } from './vector.ts';
import { createWeightBuilder } from './weight-image.ts';
import { workOf } from './work.ts';

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
  /** Weights come as the floats they are where there is no room for making them on chip. */
  const mappedAs = (cx: EmitContext, k: ContractionKernel): { readonly mapped: ContractionKernel; readonly m: ContractionMapping } => {
    const mapped = drainedProduct(env.matrix, k);
    const plain = mapped.wExpanded !== null && !mappings.fits(cx, mapped) ? { ...mapped, wExpanded: null } : mapped;
    return { mapped: plain, m: mappings.map(cx, plain) };
  };
  limitTiles(selection, env, (k, kernel) => mappedAs(contextOf(kernel), k).m.tiles);

  const starts = new Set(selection.regions.flatMap((r) => r.carried.map((c) => c.start)));
  const segments = new Map<KernelSpec, number>();
  const emit = (k: KernelSpec, index: number): { readonly cx: EmitContext; readonly emitted: Emitted; readonly estimatePs: number } => {
    const cx = contextOf(index);
    for (const w of windows.values()) w.beginKernel();
    if (k.kind === 'contraction') {
      const { mapped, m } = mappedAs(cx, k);
      emitContraction(cx, mapped, m);
      return { cx, emitted: { mapping: describeMapping(mapped, m), tiles: m.tiles }, estimatePs: m.estimatePs };
    }
    if (k.kind === 'attention') {
      const mapped = drainedAttention(env, k);
      const m = mappings.attention(cx, mapped);
      return { cx, emitted: emitAttention(cx, mapped, m), estimatePs: m.estimatePs };
    }
    if (k.kind === 'host' && !segments.has(k)) {
      segments.set(k, hostSegments.length);
      hostSegments.push(lazySegment(k));
    }
    return { cx, emitted: emitOther(cx, k, segments.get(k) ?? -1), estimatePs: 0 };
  };
  const emitKernel = (index: number, trips: number): void => {
    const k = selection.kernels[index] as KernelSpec;
    const weightsBefore = weights.stored();
    const { cx, emitted, estimatePs } = emit(k, index);
    const cold = coldBytes(graph, k, cx, {
      weights: coldWeights(k, weights.stored() - weightsBefore),
      seen: coldSeen,
      outputs: outputRoots,
      starts,
      caches,
    });
    const before = kernels[index];
    kernels[index] = {
      name: k.name,
      origin: k.origin,
      class: k.class,
      engine: k.engine,
      dtype: k.dtype,
      macs: k.macs,
      work: workOf(k, cx.vectorWork.laneTicks, trips),
      // A region's commands are written a second time: its constants and inputs were met in the first.
      cold: before?.cold ?? cold,
      mapping: trips === 1 ? emitted.mapping : `${emitted.mapping}, ${trips} trips`,
      tiles: emitted.tiles * trips,
      estimateCycles: Math.ceil((trips * estimatePs * (env.machine.clocks[env.machine.referenceClock] ?? 1)) / 1e12),
    };
  };
  for (let index = 0; index < selection.kernels.length; index++) {
    const { region } = selection.kernels[index] as KernelSpec;
    const repeat = region === undefined ? undefined : placement.repeats[region];
    if (region === undefined || repeat === undefined) {
      emitKernel(index, 1);
      continue;
    }
    const layout = [...windows.values()].map((w) => w.layout());
    writer.repeat({ count: repeat.trips, strides: repeat.strides }, (again) => {
      if (again) placement.renew(region);
      // Every trip lays out its tiles alike.
      [...windows.values()].forEach((w, i) => w.restore(layout[i] as boolean));
      for (let inside = repeat.first; inside <= repeat.last; inside++) {
        // Kernels take turns at both ends of a window. Of an odd number the last stays where the one before it was, so that the first of
        // the next trip, often the one with weights to load, does not wait for it.
        if (inside === repeat.last && (repeat.last - repeat.first) % 2 === 0 && inside > repeat.first)
          for (const w of windows.values()) w.restore(!w.layout());
        emitKernel(inside, repeat.trips);
      }
    });
    index = repeat.last;
  }
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

function emitOther(cx: EmitContext, k: Exclude<KernelSpec, ContractionKernel | AttentionKernel>, segment: number): Emitted {
  switch (k.kind) {
    case 'elementwise':
      return emitElementwise(cx, k);
    case 'pool':
      return emitPool(cx, k);
    case 'reduce':
      return emitReduce(cx, k);
    case 'softmax':
      return emitSoftmax(cx, k);
    case 'norm':
      return emitNorm(cx, k);
    case 'move':
      return emitMove(cx, k);
    case 'lookup':
      return emitLookup(cx, k);
    case 'host':
      return emitHost(cx, k, segment);
  }
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

function homeOf(cx: EmitContext, { root }: View): { readonly home: string; readonly direct: boolean } {
  if (constantOf(cx, root) !== null) return { home: cx.env.machine.placement.constants, direct: false };
  const h = cx.placement.home(root);
  return { home: h.memory, direct: h.local };
}

/** Where the operands of a contraction lie. Asks for no resource: those are made when a kernel is emitted. */
function homesOf(cx: EmitContext, k: ContractionKernel): ContractionHomes {
  const x = homeOf(cx, k.x);
  const w = homeOf(cx, k.w);
  const out = homeOf(cx, k.out);
  return {
    x: x.home,
    xDirect: x.direct,
    w: w.home,
    wDirect: w.direct,
    out: out.home,
    outDirect: out.direct,
    operands: (k.epilogue?.operands ?? []).map((o, i) => {
      const strides = k.operandStrides[i] ?? [];
      return { ...homeOf(cx, o.view), bytesPerElement: bytesPerElement(o.view.dtype), perChannel: strides[3] === 0 && strides[4] === 0 };
    }),
  };
}

/** One search per distinct kernel signature: identical layers share a mapping. */
function createMappingCache(): {
  fits(cx: EmitContext, k: ContractionKernel): boolean;
  map(cx: EmitContext, k: ContractionKernel): ContractionMapping;
  attention(cx: EmitContext, k: AttentionKernel): AttentionMapping;
} {
  const known = new Map<string, ContractionMapping | NoFit>();
  const attentions = new Map<string, AttentionMapping | null>();
  const found = (cx: EmitContext, k: ContractionKernel): ContractionMapping | NoFit => {
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
      k.wExpanded === null ? null : [k.wExpanded.packed.per, k.wExpanded.packed.codes.dtype, k.wExpanded.steps.length, k.w.shape],
    ]);
    let m = known.get(key);
    if (m === undefined) {
      m = mapContraction(cx.env, k, homes);
      known.set(key, m);
    }
    return m;
  };
  return {
    attention(cx, k) {
      const homes = kernelReads(k).map((v) => homeOf(cx, v));
      const key = JSON.stringify([attentionSignature(k), homes, homeOf(cx, k.out)]);
      let m = attentions.get(key);
      if (m === undefined) {
        m = mapAttention(cx.env, k, (v) => homeOf(cx, v));
        attentions.set(key, m);
      }
      // It was joined because it fits: nothing but tiles is in these memories.
      if (m === null) throw new Error(`attention ${k.name} fits no longer`);
      return m;
    },
    fits: (cx, k) => !('need' in found(cx, k)),
    map(cx, k) {
      const m = found(cx, k);
      return 'need' in m ? refuse(cx, k, m) : m;
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
