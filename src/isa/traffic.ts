/**
 * Bytes a reference touches and how they lie: what a memory sees of one operand.
 *
 * Memories owned by a core are *local*: an engine reaches them through its own port, in words, as often as its dataflow needs. All others
 * are *external*: reached over a bus in bursts and in competition; each byte crosses once per command, since an engine that reads them
 * itself buffers the tile.
 */
import { bitsOf } from '../core/index.ts';
import type { Memory } from '../hw-configs/machine.ts';
import type { MoveCommand, Operand, Ref } from './command.ts';

export interface LocalTraffic {
  /** Index into executable.spaces. */
  readonly space: number;
  readonly direction: 'read' | 'write';
  readonly bytes: number;
  readonly operand: Operand;
}

export interface ExternalTraffic {
  readonly space: number;
  readonly direction: 'read' | 'write';
  /** Useful bytes. */
  readonly bytes: number;
  /** Contiguous pieces, and the bytes of each. */
  readonly runs: number;
  readonly runBytes: number;
  /** What the bus carries: every run in whole bursts. */
  readonly movedBytes: number;
  readonly operand: Operand;
}

export function refElements(ref: Ref): number {
  let n = 1;
  for (const e of ref.extents) n *= e;
  return n;
}

/** Bytes of `count` elements lying densely. */
export function elementBytes(ref: Ref, count: number): number {
  return Math.ceil((count * bitsOf(ref.dtype)) / 8);
}

export interface Runs {
  readonly runs: number;
  readonly runBytes: number;
}

/**
 * Contiguous runs, in the order of the axes: trailing axes join while each one's stride is the bytes below it. Axes of one element do not
 * count. Strides of packed dtypes count elements (docs/program-format.md).
 * Example: a 16 × 7 × 56 tile of an int8 image 112 wide, strides [12544, 112, 1]: 112 runs of 56 bytes.
 * Approximation: a run that crosses the end of a ring counts as one.
 */
export function contiguousRuns(ref: Ref): Runs {
  const packed = bitsOf(ref.dtype) < 8;
  let run = packed ? 1 : bitsOf(ref.dtype) / 8;
  let axis = ref.extents.length - 1;
  for (; axis >= 0; axis--) {
    const extent = ref.extents[axis] ?? 1;
    if (extent === 1) continue;
    if (ref.strides[axis] !== run) break;
    run *= extent;
  }
  const runBytes = packed ? elementBytes(ref, run) : run;
  let runs = 1;
  for (; axis >= 0; axis--) runs *= ref.extents[axis] ?? 1;
  return runs === 0 || runBytes === 0 ? { runs: 0, runBytes: 0 } : { runs, runBytes };
}

/** Whether a move with an index looks up its destination. */
export function isScatter({ src, dst, index }: Pick<MoveCommand, 'src' | 'dst' | 'index'>): boolean {
  return index !== undefined && dst.extents.length > src.extents.length;
}

/**
 * The side of a move that its index looks up, as far as memories see it: what trailing axes share one index lies in runs, everything else
 * somewhere. Of other moves and sides the reference itself.
 */
export function movedRef(c: MoveCommand, side: 'src' | 'dst'): Ref {
  const ref = c[side];
  if (c.index === undefined || (side === 'dst') !== isScatter(c)) return ref;
  const { extents, strides } = c.index;
  const away = 2 ** 40;
  return {
    ...ref,
    extents,
    strides: extents.map((extent, axis) => (extent === 1 || strides[axis] === 0 ? (ref.strides[axis] ?? 0) : away + axis)),
  };
}

export function external(ref: Ref, memory: Memory, direction: 'read' | 'write', operand: Operand): ExternalTraffic {
  const { runs, runBytes } = contiguousRuns(ref);
  return {
    space: ref.space,
    direction,
    bytes: runs * runBytes,
    runs,
    runBytes,
    movedBytes: runs * Math.ceil(runBytes / memory.burstBytes) * memory.burstBytes,
    operand,
  };
}
