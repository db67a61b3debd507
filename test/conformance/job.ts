/** The units of work that may crash or hang alone. Plain data in and out, so that a worker can do them. */
import { evaluateCase, type EvaluateCase } from './evaluate-case.ts';
import { inferCase, type InferCase } from './infer-case.ts';
import { nodeTolerance, type Judging } from './judge.ts';
import { modelCase, type ModelCase } from './model-case.ts';
import { nodeCase, type NodeCase } from './node-case.ts';
import { modelPack, readTest, transformPack, type TestPack } from './packs.ts';
import { transformCase, type TransformCase } from './transform-case.ts';

export type Job =
  | { readonly kind: 'infer'; readonly pack: TestPack; readonly name: string }
  | { readonly kind: 'evaluate'; readonly pack: TestPack; readonly name: string; readonly judging: Judging }
  | { readonly kind: 'model'; readonly name: string }
  | { readonly kind: 'transform'; readonly name: string }
  | { readonly kind: 'node'; readonly name: string; readonly judging: Judging };

export type JobOf<Kind extends Job['kind']> = Job & { readonly kind: Kind };

export type Answer =
  | { readonly kind: 'infer'; readonly result: InferCase }
  | { readonly kind: 'evaluate'; readonly result: EvaluateCase }
  | { readonly kind: 'model'; readonly result: ModelCase }
  | { readonly kind: 'transform'; readonly result: TransformCase }
  | { readonly kind: 'node'; readonly result: NodeCase };

/** What became of a job; `lost`: it crashed, hung or ran out of memory. */
export type Outcome = { readonly lost: null; readonly answer: Answer } | { readonly lost: string; readonly answer: null };

export async function runJob(folder: string, job: Job): Promise<Answer> {
  const { name } = job;
  switch (job.kind) {
    case 'infer':
      return { kind: job.kind, result: await inferCase(name, readTest(folder, job.pack, name)) };
    case 'evaluate':
      return { kind: job.kind, result: await evaluateCase(name, readTest(folder, job.pack, name), job.judging, nodeTolerance) };
    case 'model':
      return { kind: job.kind, result: await modelCase(name, readTest(folder, modelPack, name)) };
    case 'transform':
      return { kind: job.kind, result: await transformCase(name, readTest(folder, transformPack, name)) };
    case 'node':
      return { kind: job.kind, result: await nodeCase(name, readTest(folder, 'node-tests', name), job.judging) };
  }
}
