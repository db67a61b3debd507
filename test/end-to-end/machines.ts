/** Machines of the end-to-end tests, read from test/machines. */
import { readFileSync } from 'node:fs';
import { loadMachine, type Machine } from '../../src/hw-configs/index.ts';

export function testMachine(
  name: 'tiny-8x8' | 'tiny-dot' | 'small' | 'narrow' | 'large',
  settings: readonly string[] = [],
): Promise<Machine> {
  const file = new URL(`../machines/${name}.yaml`, import.meta.url);
  return loadMachine({ yaml: readFileSync(file, 'utf8'), file: `${name}.yaml` }, settings);
}
