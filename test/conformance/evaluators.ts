/** Section (c): the reference evaluators, through import and interpreter. */
import type { EvaluateCase } from './evaluate-case.ts';
import type { JobOf, Outcome } from './job.ts';
import { reasonFor } from './known-failures.ts';
import { readIndex, testPacks, type TestPack } from './packs.ts';
import { addsUp, atLeast, type Threshold } from './threshold.ts';

export interface EvaluatorFailure {
  readonly pack: TestPack;
  readonly name: string;
  readonly kind: EvaluateCase['kind'] | 'lost';
  readonly what: string;
  readonly reason: string;
}

export interface EvaluatorPack {
  readonly pack: TestPack;
  readonly tests: number;
  /** All outputs are tensors. */
  readonly tensorTests: number;
  readonly passed: number;
  readonly failed: number;
  readonly otherTests: number;
  readonly otherPassed: number;
  /** Of the tests with tensor outputs, by the `reference` column. */
  readonly byReference: Readonly<Record<string, { readonly passed: number; readonly failed: number }>>;
}

export interface EvaluatorSection {
  /** Tests with tensor outputs. */
  readonly total: number;
  readonly passed: number;
  readonly failed: number;
  readonly packs: readonly EvaluatorPack[];
  readonly thresholds: readonly Threshold[];
  /** Of all tests, those without tensor outputs included. */
  readonly failures: readonly EvaluatorFailure[];
}

export type EvaluatorJob = JobOf<'evaluate'>;

interface Planned {
  readonly job: EvaluatorJob;
  readonly reference: string;
}

/** `random` rows are judged by element type and shape; `differs` is about another implementation, the expected outputs hold. */
export function plannedEvaluations(folder: string): readonly Planned[] {
  return testPacks.flatMap((pack) =>
    readIndex(folder, pack).map((row) => {
      const reference = row['reference'] ?? 'not stated';
      return {
        reference,
        job: { kind: 'evaluate' as const, pack, name: row['name'] ?? '', judging: reference === 'random' ? 'type' : 'value' },
      };
    }),
  );
}

interface Seen extends Planned {
  readonly result: EvaluateCase;
  readonly lost: boolean;
}

export function evaluatorSection(planned: readonly Planned[], outcomes: readonly Outcome[]): EvaluatorSection {
  const seen = planned.map((p, i): Seen => {
    const outcome = outcomes[i];
    const result = outcome?.answer?.kind === 'evaluate' ? outcome.answer.result : null;
    return { ...p, lost: result === null, result: result ?? { tensors: true, failure: outcome?.lost ?? 'not run', kind: 'crash' } };
  });
  const packs = testPacks.map((pack) =>
    packTotals(
      pack,
      seen.filter((s) => s.job.pack === pack),
    ),
  );
  const sum = (of: (p: EvaluatorPack) => number): number => packs.reduce((n, p) => n + of(p), 0);
  const total = sum((p) => p.tensorTests);
  const passed = sum((p) => p.passed);
  const failed = sum((p) => p.failed);
  return {
    total,
    passed,
    failed,
    packs,
    thresholds: [
      atLeast('tests with tensor outputs that agree', passed, total, 0.97),
      addsUp('passed + failed = tests with tensor outputs', [passed, failed], total),
      addsUp('with tensor outputs + others = rows of the indexes', [total, sum((p) => p.otherTests)], planned.length),
    ],
    failures: seen
      .filter((s) => s.result.kind !== 'pass')
      .map(({ job, result, lost }) => ({
        pack: job.pack,
        name: job.name,
        kind: lost ? 'lost' : result.kind,
        what: result.failure ?? '',
        reason: reasonFor('evaluators', job.name, result.failure ?? ''),
      })),
  };
}

function packTotals(pack: TestPack, seen: readonly Seen[]): EvaluatorPack {
  const tensor = seen.filter((s) => s.result.tensors);
  const others = seen.filter((s) => !s.result.tensors);
  const passed = (list: readonly Seen[]): number => list.filter((s) => s.result.kind === 'pass').length;
  const references = [...new Set(tensor.map((s) => s.reference))].sort();
  return {
    pack,
    tests: seen.length,
    tensorTests: tensor.length,
    passed: passed(tensor),
    failed: tensor.length - passed(tensor),
    otherTests: others.length,
    otherPassed: passed(others),
    byReference: Object.fromEntries(
      references.map((reference) => {
        const mine = tensor.filter((s) => s.reference === reference);
        return [reference, { passed: passed(mine), failed: mine.length - passed(mine) }];
      }),
    ),
  };
}
