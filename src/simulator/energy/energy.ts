/**
 * Energy = counters × constants, once, after the run. Joules by class and by kernel; the two views are sums over the same products.
 *
 * - matrix: useful MACs × pJ per MAC of the operand dtype (idle multipliers are gated, so issued slots without work cost nothing)
 * - vector, host: operations × pJ
 * - memories: bytes moved (whole bursts) × pJ per byte. Class by role: a core's own memory is `accumulator` when it is the accumulator
 *   of a core and not its scratchpad, else `scratchpad`; links are `noc`; all others are `dram` (SRAM and flash outside the cores too)
 * - leakage: watts × time; a kernel bears its attributed share of it, so kernels add up to the total
 *
 * Approximation: no constant, no energy. A machine that prices no memory of a name gets 0 J there.
 */
import { ofOperands } from '../../core/index.ts';
import type { Machine } from '../../hw-configs/machine.ts';
import { add, real } from '../kernel/columns.ts';
import { movedIndex, type Counters } from '../observe/counters.ts';
import type { EnergyResult } from '../result.ts';

export interface Energy {
  /** Joules. */
  readonly classes: EnergyResult;
  readonly totalJoules: number;
  /** Joules by kernel; the row after the last is for commands of no kernel. */
  readonly perKernel: Float64Array;
}

type EnergyClass = keyof EnergyResult;

/**
 * @param seconds simulated time
 * @param attributedShare kernel -> its fraction of the total time
 */
export function priceEnergy(counters: Counters, machine: Machine, seconds: number, attributedShare: (kernel: number) => number): Energy {
  const { energy, leakageWatts } = machine.technology;
  const picojoules: Record<EnergyClass, number> = {
    matrix: 0,
    vector: 0,
    scratchpad: 0,
    accumulator: 0,
    dram: 0,
    noc: 0,
    host: 0,
    leakage: 0,
  };
  const perKernel = new Float64Array(counters.kernelRows);
  const pay = (kernel: number, kind: EnergyClass, pj: number): void => {
    picojoules[kind] += pj;
    add(perKernel, kernel, pj / 1e12);
  };
  const leakagePj = leakageWatts.value * seconds * 1e12;
  const memories = Object.keys(machine.memories).map((name) => ({
    kind: memoryClass(machine, name),
    pj: energy.memoryPjPerByte[name]?.value ?? 0,
  }));
  for (let kernel = 0; kernel < counters.kernelRows; kernel++) {
    counters.macDTypes.forEach((dtype, i) => {
      pay(kernel, 'matrix', real(counters.macs, kernel * counters.macDTypes.length + i) * (ofOperands(energy.macPj, dtype)?.value ?? 0));
    });
    pay(kernel, 'vector', real(counters.vectorOps, kernel) * energy.vectorOpPj.value);
    pay(kernel, 'host', real(counters.hostOps, kernel) * energy.hostOpPj.value);
    memories.forEach(({ kind, pj }, m) => {
      pay(
        kernel,
        kind,
        (real(counters.moved, movedIndex(counters, kernel, m, 0)) + real(counters.moved, movedIndex(counters, kernel, m, 1))) * pj,
      );
    });
    add(perKernel, kernel, (leakagePj / 1e12) * attributedShare(kernel));
  }
  picojoules.leakage = leakagePj;
  const joules = (kind: EnergyClass): number => picojoules[kind] / 1e12;
  const classes: EnergyResult = {
    matrix: joules('matrix'),
    vector: joules('vector'),
    scratchpad: joules('scratchpad'),
    accumulator: joules('accumulator'),
    dram: joules('dram'),
    noc: joules('noc'),
    host: joules('host'),
    leakage: joules('leakage'),
  };
  return { classes, totalJoules: Object.values(picojoules).reduce((sum, pj) => sum + pj, 0) / 1e12, perKernel };
}

function memoryClass(machine: Machine, name: string): EnergyClass {
  const memory = machine.memories[name];
  if (memory?.kind === 'link') return 'noc';
  if (memory?.owner !== 'core') return 'dram';
  const cores = Object.values(machine.cores);
  return cores.some((core) => core.accumulator === name) && !cores.some((core) => core.scratchpad === name) ? 'accumulator' : 'scratchpad';
}
