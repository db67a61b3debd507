/**
 * Binds regions to addresses: the regions of one memory lie one after the other in table order, each at the next multiple of its
 * alignment, the first at 0.
 */
import { alignUp, fail, formatBytes, simulatorTimingMessages, type Diagnostic } from '../../core/index.ts';
import type { Machine } from '../../hw-configs/machine.ts';
import type { Executable } from '../../isa/executable.ts';

export interface BoundRegions {
  /** First byte of each region in its memory. */
  readonly address: Float64Array;
  /** Memory name -> bytes up to the end of its last region. */
  readonly bytes: ReadonlyMap<string, number>;
}

/** Errors: SYS6502 for every memory whose regions exceed its size. */
export function bindRegions(executable: Executable, machine: Machine): BoundRegions {
  const address = new Float64Array(executable.regions.length);
  const bytes = new Map<string, number>();
  executable.regions.forEach((region, i) => {
    const memory = executable.spaces[region.space] ?? '';
    const start = alignUp(bytes.get(memory) ?? 0, Math.max(1, region.alignment));
    address[i] = start;
    bytes.set(memory, start + region.bytes);
  });
  const problems: Diagnostic[] = [];
  for (const [memory, demandBytes] of bytes) {
    const sizeBytes = machine.memories[memory]?.sizeBytes ?? Infinity;
    if (demandBytes <= sizeBytes) continue;
    const regions = executable.regions
      .filter((region) => executable.spaces[region.space] === memory)
      .map((region) => `${region.name} ${formatBytes(region.bytes)}`);
    problems.push(simulatorTimingMessages.regionsDoNotFit({ memory, demandBytes, sizeBytes, regions }));
  }
  if (problems.length > 0) fail(...problems);
  return { address, bytes };
}
