/** A thread that does jobs one at a time, in the order they come. */
import { parentPort, workerData } from 'node:worker_threads';
import { failureOf } from './failure.ts';
import { runJob, type Job, type Outcome } from './job.ts';

const port = parentPort;
if (port === null) throw new Error('worker.ts runs in a worker thread');

port.on('message', (job: Job) => {
  const folder = String((workerData as { folder: unknown }).folder);
  runJob(folder, job).then(
    (answer) => port.postMessage({ lost: null, answer } satisfies Outcome),
    (error: unknown) => port.postMessage({ lost: failureOf(error).what, answer: null } satisfies Outcome),
  );
});
