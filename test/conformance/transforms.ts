/** Section (e): the graphs that graph optimizers are tested on. */
import type { JobOf, Outcome } from './job.ts';
import { reasonFor, refused, unexplained } from './known-failures.ts';
import { readIndex, transformPack } from './packs.ts';
import { addsUp, atLeast, type Threshold } from './threshold.ts';

export interface TransformFailure {
  readonly name: string;
  readonly what: string;
  readonly reason: string;
}

export interface TransformSection {
  readonly total: number;
  readonly passed: number;
  readonly failed: number;
  readonly outputs: number;
  readonly ranked: number;
  /** By composite: how many graphs have one at least, and how many there are. */
  readonly recovered: Readonly<Record<string, { readonly graphs: number; readonly count: number }>>;
  readonly thresholds: readonly Threshold[];
  readonly failures: readonly TransformFailure[];
}

export function transformJobs(folder: string): readonly JobOf<'transform'>[] {
  return readIndex(folder, transformPack).map((row) => ({ kind: 'transform', name: row['name'] ?? '' }));
}

export function transformSection(jobs: readonly JobOf<'transform'>[], outcomes: readonly Outcome[]): TransformSection {
  const seen = jobs.map(({ name }, i) => {
    const outcome = outcomes[i];
    const lost = { failure: outcome?.lost ?? 'not run', recovered: {}, outputs: 0, ranked: 0 };
    return { name, result: outcome?.answer?.kind === 'transform' ? outcome.answer.result : lost };
  });
  const recovered: Record<string, { graphs: number; count: number }> = {};
  for (const { result } of seen) {
    for (const [code, n] of Object.entries(result.recovered)) {
      const entry = (recovered[code] ??= { graphs: 0, count: 0 });
      entry.graphs++;
      entry.count += n;
    }
  }
  const passed = seen.filter((s) => s.result.failure === null).length;
  const failures = seen.flatMap(({ name, result }) =>
    result.failure === null ? [] : [{ name, what: result.failure, reason: reasonFor('transforms', name, result.failure) }],
  );
  const contradictory = failures.filter((f) => f.reason !== refused && f.reason !== unexplained).length;
  return {
    total: seen.length,
    passed,
    failed: seen.length - passed,
    outputs: seen.reduce((n, s) => n + s.result.outputs, 0),
    ranked: seen.reduce((n, s) => n + s.result.ranked, 0),
    recovered: Object.fromEntries(Object.entries(recovered).sort(([a], [b]) => (a < b ? -1 : 1))),
    thresholds: [
      atLeast('graphs that import, or contradict themselves as listed', passed + contradictory, seen.length, 1),
      addsUp('passed + failed = rows of the index', [passed, seen.length - passed], jobs.length),
    ],
    failures,
  };
}
