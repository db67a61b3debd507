/** Section (a) and (b): how much is known about outputs before the run. */
import type { InferCase, OutputKnowledge } from './infer-case.ts';
import type { JobOf, Outcome } from './job.ts';
import { reasonFor } from './known-failures.ts';
import { readIndex, testPacks, type TestPack } from './packs.ts';
import { addsUp, atLeast, none, type Threshold } from './threshold.ts';

export interface InferenceFailure {
  readonly pack: TestPack;
  readonly name: string;
  readonly output: string;
  readonly what: string;
  readonly reason: string;
}

export interface InferencePack {
  readonly pack: TestPack;
  readonly tests: number;
  readonly tensorOutputs: number;
  readonly otherOutputs: number;
  readonly unbound: { readonly dtype: number; readonly rank: number; readonly exact: number; readonly contradictions: number };
  readonly bound: {
    readonly asked: number;
    readonly exact: number;
    readonly missed: number;
    readonly dataDependent: number;
    readonly dataDependentRank: number;
    readonly dataDependentWithinBound: number;
  };
}

export interface InferenceSection {
  readonly total: number;
  readonly tensorOutputs: number;
  readonly otherOutputs: number;
  readonly packs: readonly InferencePack[];
  readonly thresholds: readonly Threshold[];
  /** Without values: element type or rank not known, or something stated that is not so. */
  readonly unbound: readonly InferenceFailure[];
  /** With shape-carrying inputs bound: not exact. */
  readonly bound: readonly InferenceFailure[];
}

export function inferenceJobs(folder: string): readonly JobOf<'infer'>[] {
  return testPacks.flatMap((pack) => readIndex(folder, pack).map((row) => ({ kind: 'infer' as const, pack, name: row['name'] ?? '' })));
}

interface Seen {
  readonly pack: TestPack;
  readonly name: string;
  readonly result: InferCase;
}

export function inferenceSection(jobs: readonly JobOf<'infer'>[], outcomes: readonly Outcome[]): InferenceSection {
  const seen = jobs.map(({ pack, name }, i): Seen => {
    const outcome = outcomes[i];
    return { pack, name, result: outcome?.answer?.kind === 'infer' ? outcome.answer.result : lostCase(outcome?.lost ?? 'not run') };
  });
  const packs = testPacks.map((pack) =>
    packTotals(
      pack,
      seen.filter((s) => s.pack === pack),
    ),
  );
  const sum = (of: (p: InferencePack) => number): number => packs.reduce((n, p) => n + of(p), 0);
  const tensorOutputs = sum((p) => p.tensorOutputs);
  const otherOutputs = sum((p) => p.otherOutputs);
  const asked = sum((p) => p.bound.asked);
  const dataDependent = sum((p) => p.bound.dataDependent);
  return {
    total: tensorOutputs + otherOutputs,
    tensorOutputs,
    otherOutputs,
    packs,
    thresholds: [
      atLeast(
        'no value bound: element type known, of tensor outputs',
        sum((p) => p.unbound.dtype),
        tensorOutputs,
        1,
      ),
      atLeast(
        'no value bound: rank known, of tensor outputs',
        sum((p) => p.unbound.rank),
        tensorOutputs,
        0.97,
      ),
      none(
        'no value bound: contradictions, of all outputs',
        sum((p) => p.unbound.contradictions),
      ),
      atLeast(
        'shape-carrying inputs bound: exact type and dimensions',
        sum((p) => p.bound.exact),
        asked,
        0.995,
      ),
      atLeast(
        'data-dependent outputs: rank known',
        sum((p) => p.bound.dataDependentRank),
        dataDependent,
        1,
      ),
      atLeast(
        'data-dependent outputs: no larger than stated',
        sum((p) => p.bound.dataDependentWithinBound),
        dataDependent,
        1,
      ),
      addsUp('asked for exact + data-dependent = tensor outputs', [asked, dataDependent], tensorOutputs),
    ],
    unbound: seen.flatMap(({ pack, name, result }) =>
      result.unbound
        .filter((o) => o.contradiction !== null || !o.dtype || !o.rank)
        .map((o) => failure(pack, name, o, o.contradiction ?? `${o.inferred}: ${o.dtype ? 'rank' : 'element type'} not known`)),
    ),
    bound: seen.flatMap(({ pack, name, result }) =>
      result.bound
        .filter((o) => o.tensor && (result.dataDependent.length > 0 ? !o.rank || o.contradiction !== null : !o.exact))
        .map((o) =>
          failure(pack, name, o, o.contradiction ?? `${o.inferred} is not exact (bound: ${result.boundInputs.join(', ') || 'nothing'})`),
        ),
    ),
  };
}

function failure(pack: TestPack, name: string, output: OutputKnowledge, what: string): InferenceFailure {
  return { pack, name, output: output.name, what, reason: reasonFor('inference', name, what) };
}

function lostCase(why: string): InferCase {
  const output = { name: '?', tensor: true, dtype: false, rank: false, exact: false, contradiction: why, inferred: 'nothing' };
  return { unbound: [output], bound: [output], boundInputs: [], dataDependent: [] };
}

function packTotals(pack: TestPack, seen: readonly Seen[]): InferencePack {
  const count = (keep: (o: OutputKnowledge, result: InferCase) => boolean, of: 'unbound' | 'bound'): number =>
    seen.reduce((n, { result }) => n + result[of].filter((o) => keep(o, result)).length, 0);
  const free = (result: InferCase): boolean => result.dataDependent.length > 0;
  return {
    pack,
    tests: seen.length,
    tensorOutputs: count((o) => o.tensor, 'unbound'),
    otherOutputs: count((o) => !o.tensor, 'unbound'),
    unbound: {
      dtype: count((o) => o.tensor && o.dtype, 'unbound'),
      rank: count((o) => o.tensor && o.rank, 'unbound'),
      exact: count((o) => o.tensor && o.exact, 'unbound'),
      contradictions: count((o) => o.contradiction !== null, 'unbound'),
    },
    bound: {
      asked: count((o, r) => o.tensor && !free(r), 'bound'),
      exact: count((o, r) => o.tensor && !free(r) && o.exact, 'bound'),
      missed: count((o, r) => o.tensor && !free(r) && !o.exact, 'bound'),
      dataDependent: count((o, r) => o.tensor && free(r), 'bound'),
      dataDependentRank: count((o, r) => o.tensor && free(r) && o.rank, 'bound'),
      dataDependentWithinBound: count((o, r) => o.tensor && free(r) && o.contradiction === null, 'bound'),
    },
  };
}
