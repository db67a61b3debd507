/** Memory planning as a problem: buffers with live spans want offsets in one memory. Nothing here knows tensors or machines. */

export interface Buffer {
  readonly name: string;
  readonly bytes: number;
  /** Live during steps first … last, both included. */
  readonly first: number;
  readonly last: number;
}

export interface MemoryProblem {
  readonly buffers: readonly Buffer[];
  readonly capacity: number;
  readonly alignment: number;
}

export interface MemoryPlan {
  /** Byte offset of each buffer, in problem order. */
  readonly offsets: readonly number[];
  /** One past the highest byte used. */
  readonly height: number;
}

/** Most bytes live at once: no plan can be lower. Each buffer counts with its aligned size. */
export function maxLiveBytes(problem: MemoryProblem): { readonly bytes: number; readonly step: number } {
  const change = new Map<number, number>();
  for (const b of problem.buffers) {
    const size = Math.ceil(b.bytes / problem.alignment) * problem.alignment;
    change.set(b.first, (change.get(b.first) ?? 0) + size);
    change.set(b.last + 1, (change.get(b.last + 1) ?? 0) - size);
  }
  let live = 0;
  let best = { bytes: 0, step: 0 };
  for (const [step, delta] of [...change].toSorted((a, b) => a[0] - b[0])) {
    live += delta;
    if (live > best.bytes) best = { bytes: live, step };
  }
  return best;
}
