/** What every emitter has at hand: the machine, the writer, windows, homes and the weights region. */
import { bytesPerElement, type DType } from '../../core/index.ts';
import type { Graph, Value, ValueId } from '../../graph/index.ts';
import { laneTicksOf, type Command, type Operand, type QueueName, type Ref } from '../../isa/index.ts';
import type { VectorOperand, View } from '../kernels/spec.ts';
import type { Home, Placement } from '../memory/placement.ts';
import type { LocalWindow, Slot } from '../memory/local-window.ts';
import type { Access, ProgramWriter } from '../schedule/program-writer.ts';
import { createTensor, noMarks, type Box, type Resource } from '../schedule/resources.ts';
import type { MapperEnvironment } from '../tiling/environment.ts';
import { gatherBox, type WeightBuilder } from './weight-image.ts';

export interface EmitContext {
  readonly env: MapperEnvironment;
  readonly graph: Graph;
  readonly writer: ProgramWriter;
  readonly placement: Placement;
  readonly weights: WeightBuilder;
  readonly windows: ReadonlyMap<string, LocalWindow>;
  /** Index of the kernel being emitted. */
  readonly kernel: number;
  /** The vector engine's work in the kernel being emitted, summed up as commands are issued. */
  readonly vectorWork: { laneTicks: number };
}

export function window(cx: EmitContext, memory: string): LocalWindow {
  const w = cx.windows.get(memory);
  if (w === undefined) throw new Error(`${memory} is not a local memory of the core`);
  return w;
}

export function scratchpad(cx: EmitContext): LocalWindow {
  return window(cx, cx.env.core.scratchpad);
}

export function issue(cx: EmitContext, queue: QueueName, command: Command, accesses: readonly Access[]): void {
  if (queue === 'vector') cx.vectorWork.laneTicks += laneTicksOf(command, cx.env.core);
  cx.writer.issue(queue, cx.kernel, command, accesses);
}

export const read = (resource: Resource, box: Box = null): Access => ({ resource, mode: 'read', box });
export const write = (resource: Resource, box: Box = null): Access => ({ resource, mode: 'write', box });

/** A tile in a slot. */
export function slotRef(
  w: LocalWindow,
  slot: Slot,
  dtype: DType,
  extents: readonly number[],
  strides: readonly number[],
  extraOffset = 0,
): Ref {
  return { space: w.space, region: -1, dtype, offset: slot.offset + extraOffset, extents, strides };
}

export function homeRef(
  home: { space: number; region: number; offset: number },
  dtype: DType,
  offset: number,
  extents: readonly number[],
  strides: readonly number[],
): Ref {
  return { space: home.space, region: home.region, dtype, offset: home.offset + offset, extents, strides };
}

/** Dense row-major byte strides. */
export function denseStrides(extents: readonly number[], elementBytes: number): number[] {
  const strides = new Array<number>(extents.length);
  let step = elementBytes;
  for (let i = extents.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= extents[i] as number;
  }
  return strides;
}

/** Something a kernel reads: a tensor in its home, or a constant in the weights region. */
export interface Source {
  readonly dtype: DType;
  readonly home: string;
  /** Engines may use it where it lies. */
  readonly direct: boolean;
  readonly operand: Operand;
  /** Reference to part of it; `offset` and `strides` in bytes. */
  ref(offset: number, extents: readonly number[], strides: readonly number[]): Ref;
  readonly resource: Resource;
  /** Shape whose boxes its resource knows; null when boxes mean nothing. */
  readonly shape: readonly number[] | null;
}

/** Never written, so it depends on nothing. */
const constantResource = createTensor(noMarks());

export function constantOf(cx: EmitContext, root: ValueId): Value | null {
  const value = cx.graph.values[root];
  return value !== undefined && value.constant !== null ? value : null;
}

export function sourceOf(cx: EmitContext, view: View): Source {
  const value = constantOf(cx, view.root);
  if (value !== null) {
    const size = bytesPerElement(view.dtype);
    const count = view.shape.reduce((n, d) => n * d, 1);
    const offset = cx.weights.segment(`${view.root}/whole`, count * size, () => gatherBox(value, 0, [count], [size]));
    if (value.constant?.kind === 'absent') cx.weights.markAbsent(value.constant.reason);
    const region = cx.placement.weightsRegion;
    const memory = cx.env.machine.placement.constants;
    const space = cx.env.spaces.indexOf(memory);
    return {
      dtype: view.dtype,
      home: memory,
      direct: false,
      operand: 'weights',
      ref: (at, extents, strides) => ({ space, region, dtype: view.dtype, offset: offset + at, extents, strides }),
      resource: constantResource,
      shape: null,
    };
  }
  const home = cx.placement.home(view.root);
  if (home.strides !== null)
    throw new Error(`${cx.graph.values[view.root]?.name} does not lie in one piece, and kernel ${cx.kernel} reads it`);
  const begin = (view.offset ?? 0) * bytesPerElement(view.dtype);
  return {
    dtype: view.dtype,
    home: home.memory,
    direct: home.local,
    operand: home.isState ? 'state' : 'inputs',
    ref: (at, extents, strides) => homeRef(home, view.dtype, begin + at, extents, strides),
    resource: home.resource(),
    shape: begin === 0 && sameShape(home.shape, view.shape) ? home.shape : null,
  };
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** What the bytes are that a kernel writes home. */
export function storedOperand(home: Home): Operand {
  return home.isState ? 'state' : 'outputs';
}

/** Home of a kernel's output with its boxes' meaning. */
export function targetOf(cx: EmitContext, view: View): { readonly home: Home; readonly shape: readonly number[] | null } {
  const home = cx.placement.home(view.root);
  return { home, shape: sameShape(home.shape, view.shape) ? home.shape : null };
}

/** Operands of a vector program with their sources. */
export function operandSources(cx: EmitContext, operands: readonly VectorOperand[]): readonly Source[] {
  return operands.map((o) => sourceOf(cx, o.view));
}

/** Slots that hold tiles by tag, the least recently used one replaced. */
export interface TilePool {
  /** The slot for `tag`; `fresh` when its contents must be loaded. */
  get(tag: number): { readonly slot: Slot; readonly fresh: boolean };
}

export function createTilePool(w: LocalWindow, count: number, bytes: number): TilePool {
  const slots = Array.from({ length: count }, () => w.allocate(bytes));
  const tags = new Array<number>(count).fill(-1);
  const used = new Array<number>(count).fill(0);
  let clock = 0;
  return {
    get(tag) {
      clock++;
      let at = tags.indexOf(tag);
      const fresh = at < 0;
      if (fresh) {
        at = 0;
        for (let i = 1; i < count; i++) if ((used[i] as number) < (used[at] as number)) at = i;
        tags[at] = tag;
      }
      used[at] = clock;
      return { slot: slots[at] as Slot, fresh };
    },
  };
}

/** Loads a segment of the weights image into a slot, byte for byte; `make` gives its bytes when somebody asks for them. */
export function loadSegment(cx: EmitContext, w: LocalWindow, slot: Slot, key: string, bytes: number, make: () => Uint8Array): void {
  const space = cx.env.spaces.indexOf(cx.env.machine.placement.constants);
  const offset = cx.weights.segment(key, bytes, make);
  const src: Ref = { space, region: cx.placement.weightsRegion, dtype: 'uint8', offset, extents: [bytes], strides: [1] };
  issue(cx, 'dma-in', { op: 'LOAD', src, dst: slotRef(w, slot, 'uint8', [bytes], [1]), operand: 'weights' }, [write(slot.resource)]);
}

/** Slots used in turn. */
export function createRotation(w: LocalWindow, count: number, bytes: number): { next(): Slot } {
  const slots = Array.from({ length: count }, () => w.allocate(bytes));
  let at = -1;
  return {
    next() {
      at = (at + 1) % count;
      return slots[at] as Slot;
    },
  };
}
