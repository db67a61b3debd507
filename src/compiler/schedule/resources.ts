/**
 * Who touched what last. Commands depend on each other through resources: slots of a local memory and tensors in their homes.
 * A dependence is a sequence number per queue: "everything of that queue up to here must have retired".
 */
import { queueNames } from '../../isa/index.ts';

export const queueCount: number = queueNames.length;

/** Per queue the 1-based sequence number of a command, 0 for none. */
export type Marks = Int32Array;

export function noMarks(): Marks {
  return new Int32Array(queueCount);
}

function raise(into: Marks, from: Marks): void {
  for (let q = 0; q < queueCount; q++) if ((from[q] as number) > (into[q] as number)) into[q] = from[q] as number;
}

/** An axis-aligned box as [lo0, hi0, lo1, hi1, …], half open. null: all of it. */
export type Box = readonly number[] | null;

export interface Resource {
  /** Raises `deps` to what a read (of `box`) must wait for. */
  beforeRead(deps: Marks, box: Box): void;
  beforeWrite(deps: Marks, box: Box): void;
  noteRead(queue: number, sequence: number, box: Box): void;
  noteWrite(queue: number, sequence: number, box: Box): void;
  /** Everything that ever touched it, for whoever takes over its bytes. */
  allTouches(into: Marks): void;
}

/** A byte range of a local memory that holds one tile at a time. `inherited`: what touched these bytes before it existed. */
export function createSlot(inherited: Marks): Resource {
  const written = noMarks();
  const touched = inherited.slice();
  return {
    beforeRead: (deps) => raise(deps, written),
    beforeWrite: (deps) => raise(deps, touched),
    noteRead: (queue, sequence) => {
      touched[queue] = sequence;
    },
    noteWrite: (queue, sequence) => {
      touched[queue] = sequence;
      written[queue] = sequence;
    },
    allTouches: (into) => raise(into, touched),
  };
}

/** A tensor in its home: writes are remembered box by box, so that a consumer waits only for the tiles it reads. */
export function createTensor(inherited: Marks): Resource {
  const touched = inherited.slice();
  const written = noMarks();
  const boxes = createBoxes();
  let whole = false;
  return {
    beforeRead: (deps, box) => {
      if (box === null || whole) return raise(deps, written);
      // Newest first: in an in-order queue the newest overlapping write stands for all older ones.
      let missing = 0;
      for (let q = 0; q < queueCount; q++) if ((written[q] as number) > 0) missing++;
      const found = noMarks();
      boxes.newestFirst(box, (queue, sequence) => {
        if ((found[queue] as number) === 0) {
          found[queue] = sequence;
          missing--;
        }
        return missing > 0;
      });
      raise(deps, found);
    },
    beforeWrite: (deps) => raise(deps, touched),
    noteRead: (queue, sequence) => {
      touched[queue] = sequence;
    },
    noteWrite: (queue, sequence, box) => {
      written[queue] = sequence;
      // Tiles of one tensor do not overlap, so writes need not order among themselves: only reads are kept in `touched`.
      if (box === null) {
        whole = true;
        touched[queue] = sequence;
      } else boxes.add(box, queue, sequence);
    },
    allTouches: (into) => {
      raise(into, touched);
      raise(into, written);
    },
  };
}

/** A tensor that a repeated region moves: what a trip touches is elsewhere than in the trip that was looked at, so every access is one to all of it. */
export function boxless(tensor: Resource): Resource {
  return {
    beforeRead: (deps) => tensor.beforeRead(deps, null),
    beforeWrite: (deps) => tensor.beforeWrite(deps, null),
    noteRead: (queue, sequence) => tensor.noteRead(queue, sequence, null),
    noteWrite: (queue, sequence) => tensor.noteWrite(queue, sequence, null),
    allTouches: (into) => tensor.allTouches(into),
  };
}

/**
 * A part of a tensor, with boxes of its own: they lie `begin` further along `axis` of the whole. All of it (null) is its box there.
 * @param shape  of the part
 */
export function partOf(whole: Resource, shape: readonly number[], axis: number, begin: number): Resource {
  const all = shape.flatMap((extent, i) => (i === axis ? [begin, begin + extent] : [0, extent]));
  const shifted = (box: Box): Box =>
    box === null || box.length !== all.length ? all : box.map((edge, i) => (i >> 1 === axis ? edge + begin : edge));
  return {
    beforeRead: (deps, box) => whole.beforeRead(deps, shifted(box)),
    beforeWrite: (deps, box) => whole.beforeWrite(deps, shifted(box)),
    noteRead: (queue, sequence, box) => whole.noteRead(queue, sequence, shifted(box)),
    noteWrite: (queue, sequence, box) => whole.noteWrite(queue, sequence, shifted(box)),
    allTouches: (into) => whole.allTouches(into),
  };
}

interface Boxes {
  add(box: readonly number[], queue: number, sequence: number): void;
  /** Those that overlap `box`, until `visit` answers false. */
  newestFirst(box: readonly number[], visit: (queue: number, sequence: number) => boolean): void;
}

const boxesPerHull = 16;

/**
 * Boxes in the order they came. Tiles are written in rows, so neighbours in time are neighbours in space: hulls over runs of boxes, and hulls
 * over runs of hulls, let a search pass most of them by. Without them programs of n tiles would look at n² boxes.
 */
function createBoxes(): Boxes {
  const boxes: (readonly number[])[] = [];
  const queues: number[] = [];
  const sequences: number[] = [];
  /** By level: the hull of each run of boxesPerHull boxes, of each run of that many hulls, and so on; the last may be growing. */
  const levels: number[][][] = [];
  return {
    add(box, queue, sequence) {
      boxes.push(box);
      queues.push(queue);
      sequences.push(sequence);
      let at = boxes.length - 1;
      for (let level = 0; ; level++) {
        at = Math.floor(at / boxesPerHull);
        const hulls = (levels[level] ??= level === 0 ? [] : [hullOf(levels[level - 1] as number[][])]);
        const hull = hulls[at];
        if (hull === undefined) hulls[at] = [...box];
        else grow(hull, box);
        if (hulls.length === 1) return;
      }
    },
    newestFirst(box, visit) {
      const down = (level: number, from: number, to: number): boolean => {
        const hulls = level < 0 ? boxes : (levels[level] as number[][]);
        for (let i = Math.min(to, hulls.length) - 1; i >= from; i--) {
          if (!overlap(hulls[i] as readonly number[], box)) continue;
          if (level >= 0 ? !down(level - 1, i * boxesPerHull, (i + 1) * boxesPerHull) : !visit(queues[i] as number, sequences[i] as number))
            return false;
        }
        return true;
      };
      const top = levels.length - 1;
      down(top, 0, top < 0 ? 0 : (levels[top] as number[][]).length);
    },
  };
}

function hullOf(boxes: readonly (readonly number[])[]): number[] {
  const hull = [...(boxes[0] ?? [])];
  for (const box of boxes) grow(hull, box);
  return hull;
}

/** A hull of boxes of different ranks covers everything: it becomes empty, which overlaps whatever it is asked about. */
function grow(hull: number[], box: readonly number[]): void {
  if (hull.length !== box.length) hull.length = 0;
  for (let i = 0; i < hull.length; i += 2) {
    hull[i] = Math.min(hull[i] as number, box[i] as number);
    hull[i + 1] = Math.max(hull[i + 1] as number, box[i + 1] as number);
  }
}

function overlap(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return true;
  for (let i = 0; i < a.length; i += 2) {
    if ((a[i] as number) >= (b[i + 1] as number) || (b[i] as number) >= (a[i + 1] as number)) return false;
  }
  return true;
}
