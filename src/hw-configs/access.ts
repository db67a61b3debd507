/** Small questions many rooms ask of a machine. */
import { assertNever, invariant, ofOperands, type DType } from '../core/index.ts';
import type { Core, Machine, MatrixEngine, Memory } from './machine.ts';

/** Multiply-accumulates per tick of the core clock at full use, at operand type `dtype`; 0 where the type is not supported. */
export function peakMacsPerTick(matrix: MatrixEngine, dtype: DType): number {
  return elementsOf(matrix) * (ofOperands(matrix.rates, dtype) ?? 0);
}

/** Multipliers of the array, whatever their rate. */
export function elementsOf(matrix: MatrixEngine): number {
  switch (matrix.kind) {
    case 'systolic':
      return matrix.rows * matrix.cols;
    case 'dot-product':
      return matrix.inputLanes * matrix.outputLanes * matrix.pixels;
    default:
      return assertNever(matrix);
  }
}

export function coreNamed(machine: Machine, name: string): Core {
  const core = machine.cores[name];
  invariant(core !== undefined, `machine ${machine.name} has no core ${name}`);
  return core;
}

export function memoryNamed(machine: Machine, name: string): Memory {
  const memory = machine.memories[name];
  invariant(memory !== undefined, `machine ${machine.name} has no memory ${name}`);
  return memory;
}

/** Hertz of a core's clock, by name of the core. */
export function clockHz(machine: Machine, core: string): number {
  return frequencyOf(machine, coreNamed(machine, core).clock);
}

/** Hertz of the clock that `cycles` counts. */
export function referenceHz(machine: Machine): number {
  return frequencyOf(machine, machine.referenceClock);
}

function frequencyOf(machine: Machine, clock: string): number {
  const hertz = machine.clocks[clock];
  invariant(hertz !== undefined, `machine ${machine.name} has no clock ${clock}`);
  return hertz;
}

/** Hertz of the clock whose cycles a memory is measured in: of the core around it, else the reference clock. */
export function memoryClockHz(machine: Machine, memory: string): number {
  const core = Object.entries(machine.cores).find(([, one]) => localMemories(one).includes(memory));
  return core === undefined || memoryNamed(machine, memory).owner !== 'core' ? referenceHz(machine) : clockHz(machine, core[0]);
}

/** Names of the memories a core's engines work on, each once: scratchpad, accumulator, ports. */
export function localMemories(core: Core): readonly string[] {
  const { activations, weights, results } = core.matrix.ports;
  return [...new Set([core.scratchpad, core.accumulator, ...activations, ...weights, ...results])];
}

/** Multiply-accumulates per second over all cores at operand type `dtype`. */
export function peakMacsPerSecond(machine: Machine, dtype: DType): number {
  let total = 0;
  for (const [name, core] of Object.entries(machine.cores))
    total += core.count * peakMacsPerTick(core.matrix, dtype) * clockHz(machine, name);
  return total;
}

/** Whether bytes of a memory count as off-chip traffic. */
export function isOffChip(memory: Memory): boolean {
  return memory.owner === 'external';
}
