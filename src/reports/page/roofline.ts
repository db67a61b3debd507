/** The roofline of a result: ceilings of the machine, one dot per kernel. */
import type { DType } from '../../core/index.ts';
import { peakMacsPerSecond, type Machine } from '../../hw-configs/index.ts';
import type { Result } from '../../simulator/result.ts';
import { kernelBytes } from '../insight.ts';

export interface Roofline {
  /** Flat ceilings, highest first; dtypes of equal rate share one. */
  readonly peaks: readonly { readonly label: string; readonly macsPerSecond: number }[];
  /** Slopes: memories outside the cores that carry traffic of some contraction, the busiest first. */
  readonly memories: readonly { readonly name: string; readonly bytesPerSecond: number }[];
  /** Only kernels with MACs: intensity (MAC/byte) per memory in the order above, null where nothing crosses it. */
  readonly kernels: readonly {
    readonly name: string;
    readonly limit: string;
    readonly share: number;
    readonly macsPerSecond: number;
    readonly intensity: readonly (number | null)[];
  }[];
}

export function roofline(result: Result, machine: Machine): Roofline {
  const secondsPerCycle = result.totals.cycles > 0 ? result.totals.seconds / result.totals.cycles : 0;
  const contractions = result.kernels.filter((kernel) => kernel.macs > 0 && kernel.spanCycles > 0);
  const crossed = result.memories
    .filter((memory) => machine.memories[memory.name] !== undefined && contractions.some((kernel) => kernelBytes(kernel, memory.name) > 0))
    .toSorted((a, b) => b.busyCycles - a.busyCycles || (a.name < b.name ? -1 : 1));
  // A core's own memories are built to keep up with its engines: they are shown only where there are no others.
  const outside = crossed.filter((memory) => machine.memories[memory.name]?.owner !== 'core');
  const memories = outside.length > 0 ? outside : crossed;
  return {
    peaks: peaks(machine, result.options['precision']),
    memories: memories.map(({ name }) => ({ name, bytesPerSecond: machine.memories[name]?.readBytesPerSecond ?? 0 })),
    kernels: contractions.map((kernel) => ({
      name: kernel.name,
      limit: kernel.limit,
      share: result.totals.cycles > 0 ? kernel.attributedCycles / result.totals.cycles : 0,
      macsPerSecond: kernel.macs / (kernel.spanCycles * secondsPerCycle),
      intensity: memories.map(({ name }) => {
        const bytes = kernelBytes(kernel, name);
        return bytes > 0 ? kernel.macs / bytes : null;
      }),
    })),
  };
}

/** Dense peak of all cores at the precision of the run; where that says nothing, at every dtype the arrays compute in. */
function peaks(machine: Machine, precision: unknown): Roofline['peaks'] {
  const all = [...new Set(Object.values(machine.cores).flatMap((core) => Object.keys(core.matrix.rates)))] as DType[];
  const types: Readonly<Record<string, DType>> = { int8: 'int8', fp8: 'float8e4m3fn', fp32: 'float32', fp16: 'float16', bf16: 'bfloat16' };
  const wanted: DType | undefined = types[String(precision)];
  const dtypes: readonly DType[] = wanted !== undefined && all.includes(wanted) ? [wanted] : all;
  const byDtype = dtypes.map((dtype) => ({ dtype, rate: peakMacsPerSecond(machine, dtype) }));
  const rates = [...new Set(byDtype.map(({ rate }) => rate))].filter((rate) => rate > 0).toSorted((a, b) => b - a);
  const label = (rate: number): string =>
    byDtype
      .filter((entry) => entry.rate === rate)
      .map(({ dtype }) => dtype)
      .join(', ');
  return rates.map((rate) => ({ label: label(rate), macsPerSecond: rate }));
}
