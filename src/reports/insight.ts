/** What a result says, reduced to the few figures that text and page both show. */
import type { KernelResult, Result } from '../simulator/result.ts';
import { formatShare, share } from './format.ts';

export interface LimitShare {
  readonly limit: string;
  readonly cycles: number;
  readonly share: number;
}

/** How much of the time each limit explains: attributed cycles of the kernels it limits. Largest first. */
export function limitShares(result: Result): readonly LimitShare[] {
  const cycles = new Map<string, number>();
  for (const kernel of result.kernels) cycles.set(kernel.limit, (cycles.get(kernel.limit) ?? 0) + kernel.attributedCycles);
  return [...cycles]
    .map(([limit, sum]) => ({ limit, cycles: sum, share: share(sum, result.totals.cycles) }))
    .filter((entry) => entry.cycles > 0)
    .sort((a, b) => b.cycles - a.cycles || (a.limit < b.limit ? -1 : 1));
}

/** Kernels by attributed cycles, largest first; ties in program order. */
export function kernelsByCost(result: Result): readonly KernelResult[] {
  return result.kernels.toSorted((a, b) => b.attributedCycles - a.attributedCycles);
}

/** One sentence: what to look at first. */
export function verdict(result: Result): string {
  const [first] = limitShares(result);
  if (first === undefined) return 'Nothing runs on this machine.';
  const what = describeLimit(first.limit);
  const rest =
    result.totals.efficiency > 0.9
      ? 'The program is close to the bound of this machine.'
      : `The bound of this machine is ${whole(result.totals.efficiency)} of the time.`;
  return `${what} limits ${whole(first.share)} of the time. ${rest}`;
}

/** A share that no line break cuts. */
function whole(value: number): string {
  return formatShare(value).replace(' ', '\u00a0');
}

/** A limit in words: "memory:dram" -> "Traffic to dram". */
export function describeLimit(limit: string): string {
  if (limit.startsWith('memory:')) return `Traffic to ${limit.slice('memory:'.length)}`;
  const words: Readonly<Record<string, string>> = {
    compute: 'The matrix engine',
    vector: 'The vector engine',
    latency: 'Latency (start-up and hand-over between engines)',
    host: 'The host processor',
  };
  return words[limit] ?? limit;
}

/** Engines as a list of parts that add up to all cycles. */
export function stalledTotal(stalled: Readonly<Record<string, number>>): number {
  return Object.values(stalled).reduce((sum, n) => sum + n, 0);
}

/** Bytes of a kernel through one memory, both directions, all operands. */
export function kernelBytes(kernel: KernelResult, memory: string): number {
  return Object.values(kernel.traffic[memory] ?? {}).reduce((sum, t) => sum + t.readBytes + t.writeBytes, 0);
}
