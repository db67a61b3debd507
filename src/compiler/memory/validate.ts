/** Checks a memory plan; shares no code with the solver. */
import type { MemoryPlan, MemoryProblem } from './problem.ts';

/** @returns what is wrong, one sentence each; empty when the plan is legal */
export function validatePlan(problem: MemoryProblem, plan: MemoryPlan): string[] {
  const problems: string[] = [];
  if (plan.offsets.length !== problem.buffers.length) return [`${plan.offsets.length} offsets for ${problem.buffers.length} buffers`];
  const starts = problem.buffers.map((b, i) => ({ ...b, at: plan.offsets[i] ?? -1 }));
  for (const b of starts) {
    if (!Number.isInteger(b.at) || b.at < 0) problems.push(`${b.name} lies at ${b.at}`);
    if (b.at % problem.alignment !== 0) problems.push(`${b.name} at ${b.at} is not aligned to ${problem.alignment}`);
    if (b.at + b.bytes > problem.capacity) problems.push(`${b.name} ends at ${b.at + b.bytes}, capacity ${problem.capacity}`);
  }
  // Sweep over the steps with the set of live buffers.
  const events = starts.flatMap((b) => [
    { step: b.first, open: true, b },
    { step: b.last + 1, open: false, b },
  ]);
  events.sort((p, q) => p.step - q.step || Number(p.open) - Number(q.open));
  const live = new Set<(typeof starts)[number]>();
  for (const e of events) {
    if (!e.open) {
      live.delete(e.b);
      continue;
    }
    if (e.b.bytes > 0) {
      for (const other of live) {
        if (other.bytes > 0 && e.b.at < other.at + other.bytes && other.at < e.b.at + e.b.bytes) {
          problems.push(
            `${e.b.name} [${e.b.at}, ${e.b.at + e.b.bytes}) overlaps ${other.name} [${other.at}, ${other.at + other.bytes}) at step ${e.step}`,
          );
        }
      }
    }
    live.add(e.b);
  }
  return problems;
}
