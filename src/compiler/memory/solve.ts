/** First fit in several orders, the lowest plan wins. Deterministic; stops early when the plan meets the lower bound. */
import { alignUp } from '../../core/index.ts';
import { maxLiveBytes, type Buffer, type MemoryPlan, type MemoryProblem } from './problem.ts';

type Order = (a: Buffer, b: Buffer) => number;

/** Why several: big-first packs well in general, long-lived-first suits residual chains, by-start suits straight chains. */
const orders: readonly Order[] = [
  (a, b) => b.bytes - a.bytes || a.first - b.first,
  (a, b) => b.last - b.first - (a.last - a.first) || b.bytes - a.bytes,
  (a, b) => a.first - b.first || b.bytes - a.bytes,
  (a, b) => b.bytes * (b.last - b.first + 1) - a.bytes * (a.last - a.first + 1),
];

export function solveMemory(problem: MemoryProblem): MemoryPlan {
  const bound = maxLiveBytes(problem).bytes;
  let best: MemoryPlan | null = null;
  for (const order of orders) {
    const plan = firstFit(problem, order);
    if (best === null || plan.height < best.height) best = plan;
    if (best.height <= bound) break;
  }
  return best ?? { offsets: [], height: 0 };
}

function firstFit(problem: MemoryProblem, order: Order): MemoryPlan {
  const { buffers, alignment } = problem;
  const indices = buffers.map((_, i) => i).toSorted((i, j) => order(buffers[i] as Buffer, buffers[j] as Buffer) || i - j);
  const offsets = new Array<number>(buffers.length).fill(0);
  // Placed buffers sorted by offset, so that gaps are found in one sweep. In columns: this loop runs for every pair of buffers.
  const starts = new Float64Array(buffers.length);
  const ends = new Float64Array(buffers.length);
  const firsts = new Int32Array(buffers.length);
  const lasts = new Int32Array(buffers.length);
  let height = 0;
  indices.forEach((i, placed) => {
    const { bytes, first, last } = buffers[i] as Buffer;
    let at = 0;
    for (let k = 0; k < placed; k++) {
      if ((lasts[k] as number) < first || last < (firsts[k] as number)) continue;
      const start = starts[k] as number;
      if (at + bytes <= start) break;
      const end = ends[k] as number;
      if (end > at) at = end;
    }
    offsets[i] = at;
    height = Math.max(height, at + bytes);
    const after = countUpTo(starts, placed, at);
    for (const column of [starts, ends, firsts, lasts]) column.copyWithin(after + 1, after, placed);
    starts[after] = at;
    ends[after] = alignUp(at + bytes, alignment);
    firsts[after] = first;
    lasts[after] = last;
  });
  return { offsets, height };
}

/** How many of the first `count` numbers, which ascend, are at most `limit`. */
function countUpTo(numbers: Float64Array, count: number, limit: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
