/** Which of the kernels a node became tells where it runs. */
import type { KernelSpec } from './spec.ts';

/** The one that matters most first: products on the array, then the host, which costs hand-overs, then the array, the vector engine, data movement. */
export function byWeight(kernels: readonly KernelSpec[]): readonly KernelSpec[] {
  const rank = (k: KernelSpec): number => (k.engine === 'matrix' && k.macs > 0 ? 0 : { host: 1, matrix: 2, vector: 3, dma: 4 }[k.engine]);
  return kernels.toSorted((a, b) => rank(a) - rank(b));
}

/** By the name of a node of the file: its kernels, in the order they run. */
export function kernelsByOrigin(kernels: readonly KernelSpec[]): ReadonlyMap<string, readonly KernelSpec[]> {
  const found = new Map<string, KernelSpec[]>();
  for (const kernel of kernels) {
    for (const name of kernel.origin) {
      const list = found.get(name);
      if (list === undefined) found.set(name, [kernel]);
      else list.push(kernel);
    }
  }
  return found;
}
