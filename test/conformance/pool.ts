/** Runs jobs on worker threads; one that crashes, hangs or runs out of memory costs its own job only. */
import { Worker } from 'node:worker_threads';
import type { Job, Outcome } from './job.ts';

export interface PoolOptions {
  readonly folder: string;
  readonly threads: number;
  /** Longest time a job may take, in milliseconds. */
  readonly limitMs: (job: Job) => number;
  /** What the threads run; the compiled worker.ts when left out. */
  readonly worker?: URL;
}

const heapMegabytes = 3072;

/** The outcomes, in the order of the jobs. */
export async function runJobs(jobs: readonly Job[], options: PoolOptions): Promise<readonly Outcome[]> {
  const outcomes = new Array<Outcome>(jobs.length);
  let next = 0;
  const thread = async (): Promise<void> => {
    let worker: Worker | null = null;
    for (let i = next++; i < jobs.length; i = next++) {
      const job = jobs[i];
      if (job === undefined) break;
      worker ??= startWorker(options);
      const outcome = await runOn(worker, job, options.limitMs(job));
      outcomes[i] = outcome;
      if (outcome.lost !== null) {
        await worker.terminate();
        worker = null;
      }
    }
    await worker?.terminate();
  };
  await Promise.all(Array.from({ length: options.threads }, thread));
  return outcomes;
}

function startWorker({ folder, worker }: PoolOptions): Worker {
  return new Worker(worker ?? new URL('./worker.js', import.meta.url), {
    workerData: { folder },
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
  });
}

function runOn(worker: Worker, job: Job, limitMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const finish = (outcome: Outcome): void => {
      clearTimeout(timer);
      worker.off('message', finish);
      worker.off('error', failed);
      resolve(outcome);
    };
    const failed = (error: unknown): void => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      const why =
        code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out of memory' : `crash: ${error instanceof Error ? error.message : String(error)}`;
      finish({ lost: why, answer: null });
    };
    const timer = setTimeout(() => finish({ lost: `no answer after ${limitMs / 1000} s`, answer: null }), limitMs);
    worker.on('message', finish);
    worker.on('error', failed);
    worker.postMessage(job);
  });
}
