/**
 * Two lower bounds of a program's time, from the kernel table alone (the work ONNX asks for), so that no schedule can move them.
 *
 * boundCycles: the most of, over resources, whole-model sums at peak rate:
 *   compute  Σ macs of matrix kernels / Σ over cores (peak MACs per tick at the kernel's dtype × clock)
 *   vector   Σ laneTicks / Σ over cores (lanes × clock)
 *   memory   of each memory and direction: Σ cold bytes / bandwidth (inputs, outputs, constants, state once; intermediates zero)
 *   host     Σ (hand-over + the longer of operations and of bytes at the host's rates)
 * mappingBoundCycles: the same, but matrix kernels count their fewest engine ticks on this array, ragged edges and all (`fewestTicks`); fill
 * and drain of the array are added once per model, since they overlap. Approximation, on the safe side: with matrix engines of several
 * kinds, MACs at peak rate.
 *
 * Worked examples: test/isa/bounds.test.ts.
 */
import { assertNever, invariant, ofOperands, type DType } from '../core/index.ts';
import type { Core, Machine } from '../hw-configs/machine.ts';
import type { Executable, Kernel, KernelWork } from './executable.ts';
import { fewestTicks } from './fewest-ticks.ts';
import { drainTicks, peakMacsPerTick, type Product } from './matrix-ticks.ts';

export interface Bounds {
  readonly boundCycles: number;
  readonly mappingBoundCycles: number;
  /** In the order of executable.kernels. */
  readonly perKernel: readonly KernelBound[];
}

export interface KernelBound {
  /** As the model's, of this kernel alone. */
  readonly boundCycles: number;
  readonly mappingBoundCycles: number;
  /** The resource that sets boundCycles: `compute | vector | memory:<name> | host`; `latency` where the kernel needs none of them. */
  readonly limit: string;
}

type Bounded = Pick<Executable, 'kernels' | 'spaces'>;

export function computeBounds(executable: Bounded, machine: Machine): Bounds {
  const rates = machineRates(machine);
  const needs = executable.kernels.map((kernel) => kernelNeeds(kernel, rates, executable, machine));
  return {
    boundCycles: roundUp(most(sum(needs.map((n) => n.ideal))).cycles),
    mappingBoundCycles: roundUp(mapped(needs)),
    perKernel: needs.map((n) => {
      const { resource, cycles } = most(n.ideal);
      return { boundCycles: roundUp(cycles), mappingBoundCycles: roundUp(mapped([n])), limit: cycles === 0 ? 'latency' : resource };
    }),
  };
}

/** Reference cycles, not rounded, that a resource is needed. */
type Needs = ReadonlyMap<string, number>;

interface KernelNeeds {
  readonly ideal: Needs;
  /** Matrix engine cycles under the best mapping, over all cores; fill and drain apart. null: not a matrix kernel. */
  readonly mapped: { readonly steady: number; readonly fill: number; readonly drain: number } | null;
}

interface MachineRates {
  readonly reference: number;
  /** Per reference cycle, over all cores. */
  macs(dtype: DType): number;
  readonly vectorLanes: number;
  /** The one kind of matrix core there is, how many of it, and reference cycles per tick; null when there are several. */
  readonly onlyKind: { readonly core: Core; readonly count: number; readonly cyclesPerTick: number } | null;
}

function machineRates(machine: Machine): MachineRates {
  const hertz = (name: string): number => {
    const f = machine.clocks[name];
    invariant(f !== undefined, `clock ${name}`);
    return f;
  };
  const reference = hertz(machine.referenceClock);
  const cores = Object.values(machine.cores);
  const speed = (core: Core): number => (core.count * hertz(core.clock)) / reference;
  const first = cores[0];
  const kind = (core: Core): string => JSON.stringify([core.matrix, hertz(core.clock)]);
  const same = first !== undefined && cores.every((core) => kind(core) === kind(first));
  return {
    reference,
    macs: (dtype) =>
      cores.reduce((n, core) => n + peakMacsPerTick(core.matrix, ofOperands(core.matrix.rates, dtype) ?? 0) * speed(core), 0),
    vectorLanes: cores.reduce((n, core) => n + core.vector.lanes * speed(core), 0),
    onlyKind: same
      ? { core: first, count: cores.reduce((n, core) => n + core.count, 0), cyclesPerTick: reference / hertz(first.clock) }
      : null,
  };
}

function kernelNeeds(kernel: Kernel, rates: MachineRates, executable: Bounded, machine: Machine): KernelNeeds {
  const ideal = new Map<string, number>();
  const add = (resource: string, cycles: number): void => {
    ideal.set(resource, (ideal.get(resource) ?? 0) + cycles);
  };
  for (const cold of kernel.cold) {
    const name = executable.spaces[cold.space] ?? '';
    const memory = machine.memories[name];
    if (memory === undefined || cold.bytes === 0) continue;
    const perSecond = cold.direction === 'read' ? memory.readBytesPerSecond : memory.writeBytesPerSecond;
    add(`${cold.direction} ${name}`, cold.bytes / (perSecond / rates.reference));
  }
  const { work } = kernel;
  switch (work.kind) {
    case 'none':
      return { ideal, mapped: null };
    case 'vector':
      add('vector', work.vectorLaneTicks / rates.vectorLanes);
      return { ideal, mapped: null };
    case 'host': {
      const { host } = machine;
      const seconds = host.handoverPs * 1e-12 + Math.max(work.ops / host.opsPerSecond, work.bytes / host.bytesPerSecond);
      add('host', seconds * rates.reference);
      return { ideal, mapped: null };
    }
    case 'attention':
    case 'contraction': {
      if (work.vectorLaneTicks > 0) add('vector', work.vectorLaneTicks / rates.vectorLanes);
      const peak = rates.macs(kernel.dtype);
      if (kernel.engine !== 'matrix' || peak === 0) return { ideal, mapped: null };
      add('compute', kernel.macs / peak);
      const only = rates.onlyKind;
      if (only === null) return { ideal, mapped: { steady: kernel.macs / peak, fill: 0, drain: 0 } };
      const rate = ofOperands(only.core.matrix.rates, kernel.dtype) ?? 1;
      const each = productsOf(work).map((p) => fewestTicks(only.core.matrix, rate, p));
      const steady = each.reduce((n, t) => n + t.steady, 0);
      // Behind the first the array is full: the cheapest fill is what is certain.
      const fill = Math.min(...each.map((t) => t.fill));
      return {
        ideal,
        mapped: {
          steady: (steady * only.cyclesPerTick) / only.count,
          fill: fill * only.cyclesPerTick,
          drain: drainTicks(only.core.matrix, rate) * only.cyclesPerTick,
        },
      };
    }
    default:
      return assertNever(work);
  }
}

/** The products of a matrix kernel, one behind the other. */
function productsOf(work: Extract<KernelWork, { kind: 'contraction' | 'attention' }>): readonly Product[] {
  if (work.kind === 'contraction') return [{ ...work, products: work.groups * work.batches }];
  const { batches: products, m, keys, size, valueSize } = work;
  const common = { products, depthwise: false, taps: 1, m };
  return [
    { ...common, n: keys, channels: size },
    { ...common, n: valueSize, channels: keys },
  ];
}

/** The mapping bound of kernels run together. The cheapest fill and drain among them, since we do not know which come first and last. */
function mapped(needs: readonly KernelNeeds[]): number {
  const ideal = sum(needs.map((n) => n.ideal));
  const matrix = needs.flatMap((n) => (n.mapped === null ? [] : [n.mapped]));
  const ends = matrix.length === 0 ? 0 : Math.min(...matrix.map((m) => m.fill)) + Math.min(...matrix.map((m) => m.drain));
  return Math.max(most(ideal).cycles, matrix.reduce((n, m) => n + m.steady, 0) + ends);
}

function sum(all: readonly Needs[]): Needs {
  const total = new Map<string, number>();
  for (const needs of all) for (const [resource, cycles] of needs) total.set(resource, (total.get(resource) ?? 0) + cycles);
  return total;
}

/** The busiest resource; on a tie the first of compute, vector, host, memories in the order of the kernel's cold bytes. */
function most(needs: Needs): { readonly resource: string; readonly cycles: number } {
  let best = { resource: 'latency', cycles: 0 };
  for (const name of ['compute', 'vector', 'host', ...needs.keys()]) {
    const cycles = needs.get(name) ?? 0;
    if (cycles > best.cycles) best = { resource: name.replace(/^(read|write) /, 'memory:'), cycles };
  }
  return best;
}

/** Up to whole cycles, forgiving what rounding of doubles adds: a bound may be a hair low, never high. */
function roundUp(cycles: number): number {
  return Math.ceil(cycles - cycles * 1e-12);
}
