/** Checks a memory plan; shares no code with the solver. */
import type { Buffer, MemoryPlan, MemoryProblem } from './problem.ts';

/** @returns what is wrong, one sentence each; empty when the plan is legal */
export function validatePlan(problem: MemoryProblem, plan: MemoryPlan): string[] {
  const problems: string[] = [];
  if (plan.offsets.length !== problem.buffers.length) return [`${plan.offsets.length} offsets for ${problem.buffers.length} buffers`];
  const starts = problem.buffers.map((b, i): Placed => ({ ...b, at: plan.offsets[i] ?? -1 }));
  for (const b of starts) {
    if (!Number.isInteger(b.at) || b.at < 0) problems.push(`${b.name} lies at ${b.at}`);
    if (b.at % problem.alignment !== 0) problems.push(`${b.name} at ${b.at} is not aligned to ${problem.alignment}`);
    if (b.at + b.bytes > problem.capacity) problems.push(`${b.name} ends at ${b.at + b.bytes}, capacity ${problem.capacity}`);
  }
  // Sweep over the steps with the live buffers by address. While they are disjoint, a new one can meet only its neighbours.
  const events = starts.flatMap((b) => [
    { step: b.first, open: true, b },
    { step: b.last + 1, open: false, b },
  ]);
  events.sort((p, q) => p.step - q.step || Number(p.open) - Number(q.open));
  const live: Placed[] = [];
  let disjoint = true;
  for (const { open, step, b } of events) {
    if (b.bytes === 0) continue;
    const index = firstFrom(live, b.at);
    if (!open) {
      const own = live.indexOf(b, index);
      if (own >= 0) live.splice(own, 1);
      continue;
    }
    for (const other of disjoint ? live.slice(Math.max(0, index - 1), index + 1) : live) {
      if (b.at >= other.at + other.bytes || other.at >= b.at + b.bytes) continue;
      disjoint = false;
      problems.push(
        `${b.name} [${b.at}, ${b.at + b.bytes}) overlaps ${other.name} [${other.at}, ${other.at + other.bytes}) at step ${step}`,
      );
    }
    live.splice(index, 0, b);
  }
  return problems;
}

interface Placed extends Buffer {
  readonly at: number;
}

/** Index of the first that lies at `at` or behind. */
function firstFrom(sorted: readonly Placed[], at: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as Placed).at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
