/** Random machines: mutations of those in test/machines and of a preset, small enough that small graphs are cut into tiles. */
import { seededRandom } from '../../src/core/index.ts';
import { loadMachine, type Machine } from '../../src/hw-configs/index.ts';
import { testMachine } from '../end-to-end/machines.ts';

type Base = 'small' | 'tiny-8x8' | 'tiny-dot' | 'tpu-v1';

export interface MachineChoice {
  readonly base: Base;
  readonly settings: readonly string[];
}

export function loadChoice({ base, settings }: MachineChoice): Promise<Machine> {
  return base === 'tpu-v1' ? loadMachine({ preset: base }, settings) : testMachine(base, settings);
}

/** @param integersOnly  whether the graph has no floats that an array without them would refuse */
export function randomMachine(seed: number): MachineChoice {
  const random = seededRandom(seed * 104_729 + 7);
  const pick = <T>(items: readonly [T, ...T[]]): T => items[random.integer(0, items.length - 1)] ?? items[0];
  const settings: string[] = [];
  const set = (path: string, value: string | number): void => void settings.push(`${path}=${value}`);
  const base = pick<Base>(['small', 'small', 'small', 'small', 'small', 'tiny-8x8', 'tiny-dot']);
  const local = random.next() < 0.2;
  set('memories.scratchpad.size', `${local ? pick([128, 256]) : pick([2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128])} KiB`);
  if (random.next() < 0.75) set('memories.accumulator.size', pick(['512 B', '1 KiB', '2 KiB', '4 KiB', '16 KiB']));
  else set('cores.npu.accumulator', 'scratchpad');
  const matrix = 'cores.npu.matrix';
  if (base === 'tiny-dot') {
    set(`${matrix}.inputLanes`, random.integer(1, 9));
    set(`${matrix}.outputLanes`, random.integer(1, 9));
    set(`${matrix}.pixels`, random.integer(1, 4));
  } else {
    set(`${matrix}.rows`, random.integer(1, 17));
    set(`${matrix}.cols`, random.integer(1, 17));
    set(`${matrix}.dataflow`, pick(['ws', 'os', 'is']));
    set(`${matrix}.doubleBuffered`, pick(['true', 'false']));
    if (base === 'small') set('memories.dram.burst', `${pick([1, 4, 16, 64])} B`);
    if (local) set('placement.activations', 'scratchpad');
  }
  set(`${matrix}.requantize`, pick(['output-stage', 'output-stage', 'vector']));
  if (random.next() < 0.15) set(`${matrix}.rescale`, 'fixed-point');
  set('cores.npu.vector.lanes', random.integer(1, 16));
  if (random.next() < 0.15) {
    set('cores.npu.vector.functions', 'table');
    set('cores.npu.vector.tableSteps', pick([16, 64, 256]));
  }
  set('cores.npu.dma.start', `${random.integer(0, 40)} cycles`);
  return { base, settings };
}
