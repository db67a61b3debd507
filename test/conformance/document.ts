/** The whole run: what `--json` prints. Sections that were not asked for are null. */
import { evaluatorSection, plannedEvaluations, type EvaluatorSection } from './evaluators.ts';
import { inferenceJobs, inferenceSection, type InferenceSection } from './inference.ts';
import type { Job, Outcome } from './job.ts';
import type { SectionName } from './known-failures.ts';
import { modelSection, plannedModels, type ModelSection } from './models.ts';
import { nodeSection, plannedNodes, type NodeSection } from './node-tests.ts';
import type { Threshold } from './threshold.ts';
import { transformJobs, transformSection, type TransformSection } from './transforms.ts';

export interface ConformanceDocument {
  readonly inference: InferenceSection | null;
  readonly evaluators: EvaluatorSection | null;
  readonly models: ModelSection | null;
  readonly transforms: TransformSection | null;
  /** Whether programs compute what node tests expect, and on which engines. */
  readonly nodeTests: NodeSection | null;
}

export interface RunOptions {
  readonly folder: string;
  readonly sections: readonly SectionName[];
  /** Which tests and models, by name. */
  readonly keep: (name: string) => boolean;
  readonly run: (jobs: readonly Job[]) => Promise<readonly Outcome[]>;
}

export const allSections: readonly SectionName[] = ['inference', 'evaluators', 'models', 'transforms', 'nodeTests'];

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

  // Those outside the element types stay: they are part of the index.
  const nodes = wanted(
    'nodeTests',
    () => plannedNodes(folder),
    (p) => p.name,
  );
  const nodeJobs = nodes.flatMap((p) => p.job ?? []);

  // Models first: they take longest, and the last job should be a short one.
  const jobs: Job[] = [...models.map((p) => p.job), ...inferences, ...evaluations.map((p) => p.job), ...transforms, ...nodeJobs];
  const outcomes = await run(jobs);
  let taken = 0;
  const take = (count: number): readonly Outcome[] => outcomes.slice(taken, (taken += count));
  const parts = [models, inferences, evaluations, transforms, nodeJobs].map((s) => take(s.length));
  const [forModels, forInference, forEvaluators, forTransforms, forNodes] = parts;
  return {
    inference: sections.includes('inference') ? inferenceSection(inferences, forInference ?? []) : null,
    evaluators: sections.includes('evaluators') ? evaluatorSection(evaluations, forEvaluators ?? []) : null,
    models: sections.includes('models') ? modelSection(models, forModels ?? []) : null,
    transforms: sections.includes('transforms') ? transformSection(transforms, forTransforms ?? []) : null,
    nodeTests: sections.includes('nodeTests') ? nodeSection(nodes, forNodes ?? []) : null,
  };
}

export function thresholdsOf(document: ConformanceDocument): readonly Threshold[] {
  const { inference, evaluators, models, transforms, nodeTests } = document;
  return [inference, evaluators, models, transforms, nodeTests].flatMap((section) => section?.thresholds ?? []);
}
