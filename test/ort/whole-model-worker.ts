/** A thread that compares one model and tells the result. */
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { loadMachine } from '../../src/hw-configs/index.ts';
import { wholeModelCase } from './whole-model-case.ts';
import { wholeModels } from './whole-models.ts';

export interface WholeModelJob {
  readonly folder: string | null;
  readonly model: string;
  /** Of test/machines. */
  readonly machine: string;
}

const { folder, model, machine } = workerData as WholeModelJob;
const yaml = readFileSync(`test/machines/${machine}.yaml`, 'utf8');
const found = wholeModels(folder).find((m) => m.name === model);
if (found === undefined) throw new Error(`no model ${model}`);
parentPort?.postMessage(await wholeModelCase(found, await loadMachine({ yaml, file: `${machine}.yaml` }), () => performance.now()));
