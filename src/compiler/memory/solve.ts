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
  // Placed buffers sorted by offset, so that gaps are found in one sweep.
  const placed: number[] = [];
  let height = 0;
  for (const i of indices) {
    const b = buffers[i] as Buffer;
    let at = 0;
    for (const j of placed) {
      const other = buffers[j] as Buffer;
      if (other.last < b.first || b.last < other.first) continue;
      const start = offsets[j] as number;
      if (at + b.bytes <= start) break;
      at = Math.max(at, alignUp(start + other.bytes, alignment));
    }
    offsets[i] = at;
    height = Math.max(height, at + b.bytes);
    const after = placed.findIndex((j) => (offsets[j] as number) > at);
    placed.splice(after < 0 ? placed.length : after, 0, i);
  }
  return { offsets, height };
}
