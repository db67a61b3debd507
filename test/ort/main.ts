/** Whole models against ONNX Runtime: `npm run against-ort`. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { judgeName } from './judge.ts';
import { dataFolder, missingPacks, modelPack } from '../conformance/packs.ts';
import { choiceOf, countOf, patternOf, readWords } from '../conformance/words.ts';
import type { WholeModelResult } from './whole-model-case.ts';
import type { WholeModelJob } from './whole-model-worker.ts';
import { againstOrtPage, describeResult } from './whole-model-report.ts';
import { wholeModels } from './whole-models.ts';

const machines = readdirSync('test/machines').flatMap((name) => (name.endsWith('.yaml') ? [name.slice(0, -'.yaml'.length)] : []));
const usage = `npm run against-ort -- [options]
  --json             one JSON document in place of text
  --name PATTERN     only models whose name fits (regular expression)
  --machine NAME     of test/machines: ${machines.join(', ')} (large)
  --limit SECONDS    for one model (900)
  --threads N        models at a time (1)
A whole run writes docs/against-ort.md. Exit code 0: no model is wrong; 1: one is; 2: no ONNX Runtime, or wrong words.`;

const values = readWords(usage, {
  json: { type: 'boolean', default: false },
  name: { type: 'string' },
  machine: { type: 'string', default: 'large' },
  limit: { type: 'string', default: '900' },
  threads: { type: 'string', default: '1' },
});
const machine = choiceOf('machine', values.machine, machines);
const pattern = patternOf('name', values.name);
const limitMs = countOf('limit', values.limit) * 1000;
const threads = countOf('threads', values.threads);

const judge = await judgeName();
if (judge === null) {
  process.stderr.write('no ONNX Runtime: npm install onnxruntime-web, or onnxruntime-node\n');
  process.exit(2);
}
const hasModels = !missingPacks(dataFolder()).some((file) => file.startsWith(modelPack)) && existsSync(dataFolder());
const folder = hasModels ? dataFolder() : null;
if (folder === null) process.stderr.write(`no models in ${dataFolder()}: the built-in networks alone are compared; set SYSTOLE_DATA\n`);

const names = wholeModels(folder)
  .map((m) => m.name)
  .filter((name) => pattern.test(name));
const results = new Array<WholeModelResult>(names.length);
let next = 0;
const thread = async (): Promise<void> => {
  for (let i = next++; i < names.length; i = next++) {
    const result = await runOne({ folder, model: names[i] ?? '', machine });
    results[i] = result;
    if (!values.json) process.stdout.write(`${describeResult(result)}\n`);
  }
};
await Promise.all(Array.from({ length: threads }, thread));

if (values.json) process.stdout.write(`${JSON.stringify({ judge, machine, results }, null, 1)}\n`);
if (values.name === undefined && folder !== null) writeFileSync('docs/against-ort.md', againstOrtPage(results, judge, machine));
process.exitCode = results.some((r) => r.verdict === 'wrong') ? 1 : 0;

function runOne(job: WholeModelJob): Promise<WholeModelResult> {
  const lost = (reason: string): WholeModelResult => ({
    name: job.model,
    verdict: 'wrong',
    reason,
    kernels: 0,
    hostKernels: 0,
    exactKernels: 0,
    judged: null,
    boundDb: null,
    expected: null,
    seconds: 0,
  });
  return new Promise((resolve) => {
    const worker = new Worker(new URL('./whole-model-worker.js', import.meta.url), {
      workerData: job,
      resourceLimits: { maxOldGenerationSizeMb: 6144 },
    });
    const finish = (result: WholeModelResult): void => {
      clearTimeout(timer);
      resolve(result);
      void worker.terminate();
    };
    const timer = setTimeout(() => finish(lost(`no answer after ${values.limit} s`)), limitMs);
    worker.on('message', finish);
    worker.on('error', (error) => finish(lost(`crash: ${String(error)}`)));
  });
}
