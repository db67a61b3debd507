/** Moves and host calls. */
import { bitsOf, bytesPerElement, compilerMappingMessages, elementCount, fail, type DType } from '../../core/index.ts';
import { contiguousRuns, type Ref } from '../../isa/index.ts';
import type { FillPart, HostKernel, MoveKernel, MovePart, VectorPlan, View } from '../kernels/spec.ts';
import { bytesOfView } from '../memory/placement.ts';
import { slotAlignment, slotBytes } from '../memory/local-window.ts';
import { boxTiles, cutBox, mergeAxes, streamBudget } from '../tiling/box.ts';
import { latencyPs, movePs } from '../tiling/environment.ts';
import { planAssembled } from './assemble.ts';
import {
  createRotation,
  denseStrides,
  homeRef,
  issue,
  read,
  scratchpad,
  slotRef,
  sourceOf,
  storedOperand,
  targetOf,
  write,
  type EmitContext,
  type Source,
} from './context.ts';
import { fillSource } from './fill.ts';
import type { Emitted } from './vector.ts';

/** A gain smaller than this factor is within what the estimates leave out. */
const worthAssembling = 1.1;

export function emitMove(cx: EmitContext, k: MoveKernel): Emitted {
  const boxes: readonly BoxJob[] = [
    ...k.parts.map((part) => planBox(cx, k, sourceOf(cx, part.src), part, part.convert)),
    ...k.fills.map((fill) =>
      planBox(
        cx,
        k,
        fillSource(cx, fill.element, fill.extents.at(-1) ?? 1),
        { ...fill, srcOffset: 0, srcStrides: fillStrides(fill) },
        null,
      ),
    ),
  ];
  const apart = boxes.reduce((ps, job) => ps + job.estimatePs, 0);
  const ideal = boxes.reduce((ps, job) => ps + job.idealPs, 0);
  const { chance } = cx.env;
  if (chance === null ? apart > worthAssembling * ideal : chance.next() < 0.5) {
    const assembled = planAssembled(cx, k);
    if (assembled !== null && (chance !== null || assembled.estimatePs < apart / worthAssembling)) return assembled.emit();
  }
  let tiles = 0;
  for (const job of boxes) {
    // Parts follow one another: each lays out its slots afresh.
    scratchpad(cx).beginKernel();
    tiles += emitBox(cx, k, job);
  }
  return { mapping: `${boxes.length} ${boxes.length === 1 ? 'part' : 'parts'}`, tiles };
}

function fillStrides(fill: FillPart): readonly number[] {
  return fill.extents.map((_, i) => (i === fill.extents.length - 1 ? 1 : 0));
}

type BoxMove = Pick<MovePart, 'extents' | 'srcOffset' | 'srcStrides' | 'dstOffset' | 'dstStrides'>;

/** A box on its way, alone: tiles of it are loaded, perhaps converted, and stored, or one command does it all. */
interface BoxJob {
  readonly source: Source;
  readonly box: BoxMove;
  readonly convert: VectorPlan | null;
  readonly dtype: DType;
  readonly extents: readonly number[];
  /** Bytes. */
  readonly srcStrides: readonly number[];
  readonly dstStrides: readonly number[];
  /** One command from one memory to the other. */
  readonly staged: boolean;
  readonly inSlots: number;
  readonly outSlots: number;
  /** null: not even one element fits. */
  readonly tile: readonly number[] | null;
  readonly tileCost: (tile: readonly number[]) => number;
  /** What far memories and the DMA take; and would take if all lay in one run. */
  readonly estimatePs: number;
  readonly idealPs: number;
}

function planBox(cx: EmitContext, k: MoveKernel, source: Source, box: BoxMove, convert: VectorPlan | null): BoxJob {
  const { home } = targetOf(cx, k.out);
  // What is not converted moves as it is held: both sides have the source's element type.
  const dtype = convert === null ? source.dtype : k.out.dtype;
  const es = bytesPerElement(source.dtype);
  const eo = bytesPerElement(dtype);
  const w = scratchpad(cx);
  const merged = mergeAxes(box.extents, [box.srcStrides, box.dstStrides]);
  const [srcStrides = [], dstStrides = []] = merged.strides.map((s, i) => s.map((e) => e * (i === 0 ? es : eo)));
  // Staging is needed between two far memories and for conversions; otherwise one command does it.
  const staged = convert !== null || (!source.direct && !home.local);
  const inSlots = staged && !source.direct ? 2 : 0;
  const outSlots = convert !== null && !home.local ? 2 : 0;
  const count = elementCount(merged.extents);
  const tileCost = (t: readonly number[]): number => inSlots * slotBytes(elementCount(t) * es) + outSlots * slotBytes(elementCount(t) * eo);
  const whole = count * Math.max(es, eo);
  const tile = cutBox(merged.extents, staged ? streamBudget(2 * (whole + slotAlignment), w.capacity, cx.env.chance) : Infinity, tileCost);
  let [estimatePs, idealPs] = [0, 0];
  const sides = [
    [source.home, 'read', source.direct, srcStrides, es],
    [home.memory, 'write', home.local, dstStrides, eo],
  ] as const;
  for (const [memory, direction, local, strides, bytes] of sides) {
    if (local || tile === null) continue;
    const run = Math.max(
      bytes,
      contiguousRuns({ space: 0, region: 0, dtype: bytes === es ? source.dtype : dtype, offset: 0, extents: tile, strides }).runBytes,
    );
    estimatePs += movePs(cx.env, memory, direction, count * bytes, run);
    idealPs += movePs(cx.env, memory, direction, count * bytes, count * bytes);
  }
  if (tile !== null) {
    const start = Math.ceil(count / elementCount(tile)) * cx.env.core.dma.startTicks * cx.env.tickPs;
    estimatePs = Math.max(estimatePs, start) + latencyPs(cx.env, source.home) + latencyPs(cx.env, home.memory);
    idealPs += latencyPs(cx.env, source.home) + latencyPs(cx.env, home.memory);
  }
  return {
    source,
    box,
    convert,
    dtype,
    extents: merged.extents,
    srcStrides,
    dstStrides,
    staged,
    inSlots,
    outSlots,
    tile,
    tileCost,
    estimatePs,
    idealPs,
  };
}

function emitBox(cx: EmitContext, k: MoveKernel, job: BoxJob): number {
  const { source, box, convert, dtype, srcStrides, dstStrides, staged, inSlots, outSlots, tile } = job;
  const { home } = targetOf(cx, k.out);
  const es = bytesPerElement(source.dtype);
  const eo = bytesPerElement(dtype);
  const w = scratchpad(cx);
  if (tile === null) {
    const demandBytes = job.tileCost([1]);
    const terms = [{ what: 'one element, double-buffered', bytes: demandBytes }];
    return fail(
      compilerMappingMessages.kernelDoesNotFit(
        { kernel: k.name, shortfall: { memory: cx.env.core.scratchpad, demandBytes, capacityBytes: w.capacity, terms } },
        { origin: k.origin },
      ),
    );
  }
  const ins = inSlots > 0 ? createRotation(w, inSlots, elementCount(tile) * es) : null;
  const outs = outSlots > 0 ? createRotation(w, outSlots, elementCount(tile) * eo) : null;
  let tiles = 0;
  for (const t of boxTiles(job.extents, tile)) {
    tiles++;
    const at = (strides: readonly number[], start: number): number =>
      t.starts.reduce((sum, s, i) => sum + s * (strides[i] as number), start);
    const src = source.ref(at(srcStrides, box.srcOffset * es), t.sizes, srcStrides);
    const dst = homeRef(home, dtype, at(dstStrides, box.dstOffset * eo), t.sizes, dstStrides);
    if (!staged) {
      const op = source.direct ? (home.local ? 'COPY' : 'STORE') : 'LOAD';
      const operand = op === 'STORE' ? storedOperand(home) : source.operand;
      issue(cx, op === 'STORE' ? 'dma-out' : 'dma-in', { op, src, dst, operand }, [read(source.resource), write(home.resource())]);
      continue;
    }
    let local = src;
    let localAccess = read(source.resource);
    if (ins !== null) {
      const slot = ins.next();
      local = slotRef(w, slot, source.dtype, t.sizes, denseStrides(t.sizes, es));
      issue(cx, 'dma-in', { op: 'LOAD', src, dst: local, operand: source.operand }, [read(source.resource), write(slot.resource)]);
      localAccess = read(slot.resource);
    }
    if (convert !== null) {
      const slot = outs?.next() ?? null;
      const to = slot === null ? dst : slotRef(w, slot, dtype, t.sizes, denseStrides(t.sizes, eo));
      issue(cx, 'vector', { op: 'VECTOR', inputs: [local], outputs: [to], steps: convert.steps }, [
        localAccess,
        slot === null ? write(home.resource()) : write(slot.resource),
      ]);
      if (slot === null) continue;
      local = to;
      localAccess = read(slot.resource);
    }
    issue(cx, 'dma-out', { op: 'STORE', src: local, dst, operand: storedOperand(home) }, [localAccess, write(home.resource())]);
  }
  return tiles;
}

/** Elements of less than a byte as the bytes they are packed in. */
function inBytes(view: View): View {
  return bitsOf(view.dtype) >= 8 ? view : { ...view, dtype: 'uint8', shape: [bytesOfView(view)] };
}

/** @param segment index of the kernel's graph in the executable */
export function emitHost(cx: EmitContext, k: HostKernel, segment: number): Emitted {
  const whole = (source: Source, v: View): Ref => source.ref(0, v.shape, denseStrides(v.shape, bytesPerElement(v.dtype)));
  const given = k.inputs.map(inBytes);
  const inputs = given.map((v) => sourceOf(cx, v));
  const outputs = k.outputs.map(inBytes).map((v) => ({ v, ...targetOf(cx, v) }));
  issue(
    cx,
    'host',
    {
      op: 'HOST',
      segment,
      inputs: inputs.map((s, i) => whole(s, given[i] as View)),
      outputs: outputs.map(({ v, home }) => homeRef(home, v.dtype, 0, v.shape, denseStrides(v.shape, bytesPerElement(v.dtype)))),
    },
    [...inputs.map((s) => read(s.resource)), ...outputs.map(({ home }) => write(home.resource()))],
  );
  return { mapping: k.reason, tiles: 1 };
}
