/** What the mapper needs to know of the machine, read once: local memories, rates and bandwidths, all times in picoseconds. */
import { seededRandom, type Random } from '../../core/index.ts';
import type { Core, Machine, MatrixEngine } from '../../hw-configs/index.ts';

export interface MapperEnvironment {
  readonly machine: Machine;
  readonly core: Core;
  readonly matrix: MatrixEngine;
  /** Picoseconds per tick of the core's clock. */
  readonly tickPs: number;
  /** Bytes for tiles in a memory's window, by memory name. */
  readonly capacity: ReadonlyMap<string, number>;
  readonly spaces: readonly string[];
  /** Draws any legal mapping in place of the one estimated best; null: the best. See `CompileOptions.mappingSeed`. */
  readonly chance: Random | null;
}

/** @param resident  bytes that tensors take in a core's own memory, by memory name */
export function environmentOf(machine: Machine, core: Core, resident: ReadonlyMap<string, number>, seed?: number): MapperEnvironment {
  const capacity = new Map<string, number>();
  for (const [name, m] of Object.entries(machine.memories)) {
    if (m.owner === 'core') capacity.set(name, m.sizeBytes - (resident.get(name) ?? 0));
  }
  return {
    machine,
    core,
    matrix: core.matrix,
    tickPs: 1e12 / (machine.clocks[core.clock] ?? 1),
    capacity,
    spaces: Object.keys(machine.memories),
    chance: seed === undefined ? null : seededRandom(seed),
  };
}

/** Picoseconds to move `bytes` in runs of `run` contiguous bytes from or to a memory through the DMA, without latency. */
export function movePs(env: MapperEnvironment, memory: string, direction: 'read' | 'write', bytes: number, run: number = bytes): number {
  if (bytes === 0) return 0;
  const m = env.machine.memories[memory];
  if (m === undefined) throw new Error(`no memory ${memory}`);
  const rate = direction === 'read' ? m.readBytesPerSecond : m.writeBytesPerSecond;
  const moved = (bytes / run) * Math.ceil(run / m.burstBytes) * m.burstBytes;
  const bus = (moved / rate) * 1e12;
  const dma = (bytes / env.core.dma.bytesPerTick) * env.tickPs;
  return Math.max(bus, dma);
}

export function latencyPs(env: MapperEnvironment, memory: string): number {
  return env.machine.memories[memory]?.latencyPs ?? 0;
}

/** Into how many parts an extent is cut: channels come in powers of two and three, image sides in sevens and fives too. */
const channelCuts = [2, 3, 4, 8, 16, 32, 64, 128, 256, 512];
const sideCuts = [2, 3, 4, 6, 7, 8, 14, 16, 28, 32, 56, 64, 112, 128, 224, 256, 512];

/** Tile sizes worth trying for an extent: even cuts, rounded up to `quantum`, largest first; ends with the smallest useful one. */
export function tileSizes(extent: number, quantum: number, smallest: number): number[] {
  const sizes = new Set<number>([extent]);
  for (const parts of quantum > 1 ? channelCuts : sideCuts) {
    const even = Math.ceil(extent / parts);
    const size = even > quantum ? Math.ceil(even / quantum) * quantum : even;
    if (size < extent && size >= smallest) sizes.add(size);
  }
  if (quantum < extent && quantum >= smallest) sizes.add(quantum);
  if (smallest < extent) sizes.add(smallest);
  return [...sizes].toSorted((a, b) => b - a);
}
