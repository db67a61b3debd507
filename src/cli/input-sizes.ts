/** Sizes of open dimensions as arrays have them that are given as inputs. */
import type { Tensor } from '../core/index.ts';
import { printDim, symbolsOf, type Graph } from '../graph/index.ts';
import { arraysIn } from './samples.ts';

/**
 * What the first sample of each source says about dimensions that `dims` leaves open. An array of another rank says nothing; neither does one whose
 * size another array contradicts: whoever reads the samples tells that.
 */
export async function sizesOf(
  graph: Graph,
  sources: readonly string[],
  dims: Readonly<Record<string, number>>,
): Promise<Readonly<Record<string, number>>> {
  const inputs = graph.inputs.flatMap((id) => graph.values[id] ?? []);
  const isOpen = inputs.some(({ type }) => type.shape.some((d) => symbolsOf(d).some((symbol) => dims[symbol] === undefined)));
  const sizes: Record<string, number> = {};
  if (!isOpen) return sizes;
  for (const source of sources) {
    const found = await arraysIn(
      source,
      inputs.map(({ name }) => name),
    );
    for (const { name, type } of inputs) {
      const shape = arrayOf(found, name, inputs.length)?.shape;
      if (shape?.length !== type.shape.length) continue;
      for (const [i, dim] of type.shape.entries()) {
        const [symbol] = symbolsOf(dim);
        if (symbol !== undefined && printDim(dim) === symbol && dims[symbol] === undefined) sizes[symbol] ??= shape[i] ?? 0;
      }
    }
  }
  return sizes;
}

/** A lone array needs no name. */
function arrayOf(found: ReadonlyMap<string, Tensor>, name: string, inputs: number): Tensor | undefined {
  return found.get(name) ?? (inputs === 1 && found.size === 1 ? (found.get('') ?? found.get('arr_0')) : undefined);
}
