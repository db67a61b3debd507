/** The whole run: what `--json` prints. Sections that were not asked for are null. */
import { evaluatorSection, plannedEvaluations, type EvaluatorSection } from './evaluators.ts';
import { inferenceJobs, inferenceSection, type InferenceSection } from './inference.ts';
import type { Job, Outcome } from './job.ts';
import type { SectionName } from './known-failures.ts';
import { modelSection, plannedModels, type ModelSection } from './models.ts';
import type { Threshold } from './threshold.ts';
import { transformJobs, transformSection, type TransformSection } from './transforms.ts';

export interface ConformanceDocument {
  readonly inference: InferenceSection | null;
  readonly evaluators: EvaluatorSection | null;
  readonly models: ModelSection | null;
  readonly transforms: TransformSection | null;
  /** Whether the program computes what node tests expect, on the engines. Not measured yet. */
  readonly nodeTests: null;
}

export interface RunOptions {
  readonly folder: string;
  readonly sections: readonly SectionName[];
  /** Which tests and models, by name. */
  readonly keep: (name: string) => boolean;
  readonly run: (jobs: readonly Job[]) => Promise<readonly Outcome[]>;
}

export const allSections: readonly SectionName[] = ['inference', 'evaluators', 'models', 'transforms'];

export async function runConformance({ folder, sections, keep, run }: RunOptions): Promise<ConformanceDocument> {
  const wanted = <T>(section: SectionName, all: () => readonly T[], nameOf: (item: T) => string): readonly T[] =>
    sections.includes(section) ? all().filter((item) => keep(nameOf(item))) : [];
  const models = wanted(
    'models',
    () => plannedModels(folder),
    (p) => p.job.name,
  );
  const inferences = wanted(
    'inference',
    () => inferenceJobs(folder),
    (job) => job.name,
  );
  const evaluations = wanted(
    'evaluators',
    () => plannedEvaluations(folder),
    (p) => p.job.name,
  );
  const transforms = wanted(
    'transforms',
    () => transformJobs(folder),
    (job) => job.name,
  );

  // Models first: they take longest, and the last job should be a short one.
  const jobs: Job[] = [...models.map((p) => p.job), ...inferences, ...evaluations.map((p) => p.job), ...transforms];
  const outcomes = await run(jobs);
  let taken = 0;
  const take = (count: number): readonly Outcome[] => outcomes.slice(taken, (taken += count));
  const [forModels, forInference, forEvaluators, forTransforms] = [models, inferences, evaluations, transforms].map((s) => take(s.length));
  return {
    inference: sections.includes('inference') ? inferenceSection(inferences, forInference ?? []) : null,
    evaluators: sections.includes('evaluators') ? evaluatorSection(evaluations, forEvaluators ?? []) : null,
    models: sections.includes('models') ? modelSection(models, forModels ?? []) : null,
    transforms: sections.includes('transforms') ? transformSection(transforms, forTransforms ?? []) : null,
    nodeTests: null,
  };
}

export function thresholdsOf(document: ConformanceDocument): readonly Threshold[] {
  const { inference, evaluators, models, transforms } = document;
  return [inference, evaluators, models, transforms].flatMap((section) => section?.thresholds ?? []);
}
