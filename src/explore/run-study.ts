/** A study run: every point compiled and simulated, one after the other; a point that fails does not stop the others. */
import { compile, prepare, type ImportedModel } from '../compiler/index.ts';
import { SystoleError, exploreMessages, fail, hwMessages, suggest, version } from '../core/index.ts';
import type { Machine } from '../hw-configs/index.ts';
import { simulate, type Totals } from '../simulator/index.ts';
import { objectiveOf, paretoFront, type Objective } from './pareto.ts';
import { expandStudy, settingsOf, type Point, type Study } from './study.ts';

/** Where models and machines come from: this room knows no files. */
export interface StudySources {
  readonly model: (name: string) => Promise<ImportedModel>;
  readonly machine: (target: string, settings: readonly string[]) => Promise<Machine>;
}

export type PointResult = Point & ({ readonly totals: Totals } | { readonly error: { readonly code: string; readonly message: string } });

/** What `points.json` holds. */
export interface StudyResult {
  readonly schemaVersion: 1;
  readonly tool: { readonly name: 'systole'; readonly version: string };
  readonly study: Study;
  readonly objectives: readonly Objective[];
  readonly points: readonly PointResult[];
  /** Indices of points on the Pareto front, each model compared with itself only. */
  readonly front: readonly number[];
}

/**
 * Runs all points; `onPoint` hears of each as it is done.
 * Errors up front: an unknown path (SYS2xxx), model or target, or objective (SYS7003). Errors of single points are in the result.
 */
export async function runStudy(study: Study, sources: StudySources, onPoint: (done: number, all: number) => void): Promise<StudyResult> {
  const points = expandStudy(study);
  const models = new Map<string, ImportedModel>();
  for (const name of study.models) models.set(name, prepare(await sources.model(name)));
  await checkPaths(study, sources);

  const results: PointResult[] = [];
  for (const point of points) {
    results.push(await runPoint(point, study, models, sources));
    onPoint(results.length, points.length);
    checkObjectives(study, results);
  }
  const objectives = study.objectives.map(objectiveOf);
  return { schemaVersion: 1, tool: { name: 'systole', version }, study, objectives, points: results, front: frontOf(results, objectives) };
}

async function runPoint(
  point: Point,
  study: Study,
  models: ReadonlyMap<string, ImportedModel>,
  sources: StudySources,
): Promise<PointResult> {
  try {
    const machine = await sources.machine(point.target, settingsOf(point.parameters));
    const model = models.get(point.model);
    if (model === undefined) throw new Error(`model ${point.model} was not imported`);
    const { executable } = compile(model, machine, { precision: study.precision, dims: study.dims, calibration: null });
    return { ...point, totals: simulate(executable, machine, { detail: 'totals' }).totals };
  } catch (error) {
    if (error instanceof SystoleError) {
      const [first] = error.diagnostics;
      return { ...point, error: { code: first?.code ?? '', message: error.diagnostics.map((d) => d.message).join(' ') } };
    }
    const bug = exploreMessages.internalPointFailure({ detail: error instanceof Error ? error.message : String(error) });
    return { ...point, error: { code: bug.code, message: bug.message } };
  }
}

/** A path no machine has would fail every point in the same way: that is told once, before anything runs. */
async function checkPaths(study: Study, sources: StudySources): Promise<void> {
  for (const target of study.targets) {
    await sources.machine(target, []);
    const problems = [];
    for (const [path, values] of Object.entries(study.parameters)) {
      try {
        await sources.machine(target, settingsOf({ [path]: values[0] ?? '' }));
      } catch (error) {
        if (!(error instanceof SystoleError)) throw error;
        problems.push(...error.diagnostics.filter((d) => d.code === hwMessages.unknownPath.code));
      }
    }
    if (problems.length > 0) fail(...problems);
  }
}

/** Checked against the first totals there are: the names are those of the result document. */
function checkObjectives(study: Study, results: readonly PointResult[]): void {
  const last = results.at(-1);
  if (last === undefined || !('totals' in last)) return;
  const known = Object.keys(last.totals);
  const unknown = study.objectives.filter((name) => !known.includes(name));
  if (unknown.length > 0) fail(...unknown.map((name) => exploreMessages.unknownObjective({ name, known, near: suggest(name, known) })));
}

function frontOf(results: readonly PointResult[], objectives: readonly Objective[]): readonly number[] {
  const directions = objectives.map((objective) => objective.direction);
  const byModel = groups(results);
  return [...byModel.values()]
    .flatMap((indices) => {
      const rows = indices.map((i) => figuresOf(results[i], objectives) ?? []);
      return paretoFront(rows, directions).map((at) => indices[at] ?? 0);
    })
    .sort((a, b) => a - b);
}

function groups(results: readonly PointResult[]): ReadonlyMap<string, readonly number[]> {
  const byModel = new Map<string, number[]>();
  results.forEach((point, i) => {
    const indices = byModel.get(point.model) ?? [];
    indices.push(i);
    byModel.set(point.model, indices);
  });
  return byModel;
}

/** One figure per objective, or null where the point failed. */
export function figuresOf(point: PointResult | undefined, objectives: readonly Objective[]): readonly number[] | null {
  if (point === undefined || !('totals' in point)) return null;
  const totals = new Map<string, number>(Object.entries(point.totals));
  return objectives.map((objective) => totals.get(objective.name) ?? Number.NaN);
}
