/** The two machines that node tests run on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadMachine, type Machine } from '../../src/hw-configs/index.ts';

export const nodeMachines = ['small', 'large'] as const;

let loaded: Promise<readonly Machine[]> | null = null;

/** Read once in a thread, from the root of the project. */
export function loadNodeMachines(): Promise<readonly Machine[]> {
  loaded ??= Promise.all(
    nodeMachines.map((name) => loadMachine({ yaml: readFileSync(join('test', 'machines', `${name}.yaml`), 'utf8'), file: `${name}.yaml` })),
  );
  return loaded;
}
