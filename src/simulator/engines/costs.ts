/**
 * What each distinct demand of a program costs on a machine: ticks, picoseconds, streams. Once per distinct demand; rows point here.
 *
 * - compute: `ticks` on the engine; operands it takes from off-core memories itself are streams that run beside the ticks.
 * - transfer: `startTicks` of set-up, then the slower of the DMA (ticks) and each off-core memory (streams); it retires the latency
 *   of the slowest memory it touches later. Latency is pipelined: the channel goes on at once.
 * - host: hand-over + operations / rate + bytes / rate, without contention.
 */
import type { Machine, Memory } from '../../hw-configs/machine.ts';
import { coreAt, type CommandOp, type Demand, type DemandColumns } from '../../isa/index.ts';

export interface Cost {
  readonly setupTicks: number;
  readonly bodyTicks: number;
  readonly drainTicks: number;
  readonly latencyPs: number;
  /** By memory index, work > 0. */
  readonly streams: readonly { readonly memory: number; readonly workPs: number }[];
  /** As in Workload. */
  readonly mainMemory: number;
}

/** Which memory (index in machine order) each space of the program is. */
export function spaceMemories(spaces: readonly string[], machine: Machine): number[] {
  const names = Object.keys(machine.memories);
  return spaces.map((space) => names.indexOf(space));
}

/**
 * @param opOf op of a distinct demand
 * @param coreOf number of a core that runs it
 */
export function costTable(
  demand: DemandColumns,
  machine: Machine,
  memoryOf: readonly number[],
  opOf: (distinct: number) => CommandOp,
  coreOf: (distinct: number) => number,
): Cost[] {
  const memories = Object.values(machine.memories);
  return demand.distinct.map((d, i) => {
    const op = opOf(i);
    const isTransfer = op === 'LOAD' || op === 'STORE' || op === 'COPY';
    const streams = streamsOf(d, memories, memoryOf);
    const touched = [...(isTransfer ? d.local : []), ...d.external].map((t) => memoryOf[t.space] ?? 0);
    const setupTicks = isTransfer ? Math.min(d.ticks, coreAt(machine, coreOf(i)).core.dma.startTicks) : 0;
    return {
      setupTicks,
      bodyTicks: d.ticks - setupTicks,
      drainTicks: d.drainTicks,
      latencyPs: op === 'HOST' ? 0 : touched.reduce((most, m) => Math.max(most, memories[m]?.latencyPs ?? 0), 0),
      streams: op === 'HOST' ? [] : streams,
      mainMemory: isTransfer ? mainMemory(streams, touched) : -1,
    };
  });
}

/** Off-core bytes as time of the whole memory, each direction at its own rate, whole bursts moved. */
function streamsOf(d: Demand, memories: readonly Memory[], memoryOf: readonly number[]): { memory: number; workPs: number }[] {
  const work = new Map<number, number>();
  for (const t of d.external) {
    const index = memoryOf[t.space] ?? 0;
    const memory = memories[index];
    if (memory === undefined) continue;
    const rate = t.direction === 'read' ? memory.readBytesPerSecond : memory.writeBytesPerSecond;
    work.set(index, (work.get(index) ?? 0) + Math.ceil((t.movedBytes * 1e12) / rate));
  }
  return [...work].filter(([, workPs]) => workPs > 0).map(([memory, workPs]) => ({ memory, workPs }));
}

function mainMemory(streams: readonly { memory: number; workPs: number }[], touched: readonly number[]): number {
  let main = -1;
  let most = 0;
  for (const s of streams) {
    if (s.workPs > most) {
      most = s.workPs;
      main = s.memory;
    }
  }
  return main >= 0 ? main : (touched[0] ?? 0);
}
