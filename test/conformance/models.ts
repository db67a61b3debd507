/** Section (d): whole models. */
import type { JobOf, Outcome } from './job.ts';
import { reasonFor } from './known-failures.ts';
import type { ModelCase } from './model-case.ts';
import { modelPack, readIndex } from './packs.ts';
import { addsUp, atLeast, none, type Threshold } from './threshold.ts';

export interface ModelRow extends ModelCase {
  readonly name: string;
  readonly category: string;
  /** As the index counts them. */
  readonly indexNodes: number;
  /** null where the index could not count. */
  readonly indexMacs: number | null;
  readonly runReason: string | null;
  /** Of the larger of the program's and the index's count. */
  readonly npuShare: number | null;
}

export interface ModelSection {
  readonly total: number;
  readonly imported: number;
  readonly ran: number;
  readonly notRun: number;
  readonly rows: readonly ModelRow[];
  readonly thresholds: readonly Threshold[];
}

/** How many of the models in the index may fail to run: 3 of 53, in proportion for another set. */
const runShare = 50 / 53;
const npuShareDemanded = 0.95;

export interface PlannedModel {
  readonly job: JobOf<'model'>;
  readonly category: string;
  readonly nodes: number;
  readonly macs: number | null;
}

export function plannedModels(folder: string): readonly PlannedModel[] {
  return readIndex(folder, modelPack).map((row) => ({
    job: { kind: 'model', name: row['name'] ?? '' },
    category: row['category'] ?? '',
    nodes: Number(row['nodes']),
    macs: (row['macs'] ?? '') === '' ? null : Number(row['macs']),
  }));
}

export function modelSection(planned: readonly PlannedModel[], outcomes: readonly Outcome[]): ModelSection {
  const rows = planned.map((p, i): ModelRow => {
    const outcome = outcomes[i];
    const result = outcome?.answer?.kind === 'model' ? outcome.answer.result : lostCase(outcome?.lost ?? 'not run');
    const macs = Math.max(result.run?.macs ?? 0, p.macs ?? 0);
    return {
      ...result,
      name: p.job.name,
      category: p.category,
      indexNodes: p.nodes,
      indexMacs: p.macs,
      runReason: result.runFailure === null ? null : reasonFor('models', p.job.name, result.runFailure),
      npuShare: result.run === null || macs === 0 ? null : result.run.npuMacs / macs,
    };
  });
  const count = (keep: (row: ModelRow) => boolean): number => rows.filter(keep).length;
  const withMacs = rows.filter((r) => r.npuShare !== null);
  const ran = count((r) => r.run !== null);
  const below = rows.filter((r) => r.run !== null && r.run.macs < (r.indexMacs ?? 0));
  return {
    total: rows.length,
    imported: count((r) => r.importFailure === null),
    ran,
    notRun: rows.length - ran,
    rows,
    thresholds: [
      atLeast(
        'models that import',
        count((r) => r.importFailure === null),
        rows.length,
        1,
      ),
      atLeast(
        'models where check gives every node a fate',
        count((r) => r.fateFailure === null && r.rows === r.indexNodes),
        rows.length,
        1,
      ),
      addsUp(
        'rows of check = nodes of the index',
        [rows.reduce((n, r) => n + r.rows, 0)],
        rows.reduce((n, r) => n + r.indexNodes, 0),
      ),
      none(
        'nodes on an engine without a kernel',
        rows.reduce((n, r) => n + r.unnamed.length, 0),
      ),
      atLeast('models that compile and simulate', ran, rows.length, runShare),
      none('models that run with MACs but without an NPU kernel', withMacs.filter((r) => r.run?.npuKernels === 0).length),
      none(
        'models that run with less than 95 % of their MACs on the NPU',
        withMacs.filter((r) => (r.npuShare ?? 1) < npuShareDemanded).length,
      ),
      none('models that run with fewer MACs than the index states', below.length),
      none(
        'sizes bound: nodes that run and have no kernel or no cost',
        rows.reduce((n, r) => n + (r.run?.unpriced.length ?? 0), 0),
      ),
      none(
        'host kernels cheaper than moving their operands',
        rows.reduce((n, r) => n + (r.run?.underpriced.length ?? 0), 0),
      ),
      none(
        'models with outputs folded away',
        count((r) => (r.run?.foldedAway.length ?? 0) > 0),
      ),
      addsUp('run + not run = models of the index', [ran, rows.length - ran], planned.length),
    ],
  };
}

function lostCase(why: string): ModelCase {
  return { importFailure: why, rows: 0, fates: {}, unnamed: [], fateFailure: why, dims: {}, values: [], run: null, runFailure: why };
}
