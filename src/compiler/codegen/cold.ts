/** Bytes that must cross each memory at least once, by kernel: model inputs, outputs, constants, state. */
import { bytesPerElement, elementCount } from '../../core/index.ts';
import type { Graph } from '../../graph/index.ts';
import type { ColdBytes } from '../../isa/index.ts';
import { newElements, type Cache } from '../kernels/cache-layout.ts';
import { coldRead } from '../kernels/cold-bytes.ts';
import { kernelReads, kernelWrites, type KernelSpec, type View } from '../kernels/spec.ts';
import { bytesOfView } from '../memory/placement.ts';
import type { EmitContext } from './context.ts';

/** Of a table in the weights only what is looked up is read. */
export function coldWeights(k: KernelSpec, stored: number): number {
  return k.kind === 'lookup' ? Math.min(stored, coldRead(k, k.table) + coldRead(k, k.index)) : stored;
}

export interface ColdContext {
  /** Bytes of constants nobody needed before. */
  readonly weights: number;
  /** Inputs met before; grows. */
  readonly seen: Set<number>;
  readonly outputs: ReadonlySet<number>;
  /** What carried values start as. */
  readonly starts: ReadonlySet<number>;
  readonly caches: ReadonlyMap<number, Cache>;
}

/** Inputs count at their first reader, outputs at their writer, weights at the kernel that first needs them. */
export function coldBytes(graph: Graph, k: KernelSpec, cx: EmitContext, at: ColdContext): readonly ColdBytes[] {
  const { placement } = cx;
  const repeat = k.region === undefined ? undefined : placement.repeats[k.region];
  /** How many different places the trips touch. */
  const times = (root: number): number => (repeat?.moves.has(placement.owner(root)) === true ? repeat.trips : 1);
  const cold: ColdBytes[] = [];
  if (at.weights > 0) {
    cold.push({
      space: cx.env.spaces.indexOf(cx.env.machine.placement.constants),
      direction: 'read',
      operand: 'weights',
      bytes: at.weights,
    });
  }
  for (const v of kernelReads(k)) {
    const cache = at.caches.get(placement.owner(v.root));
    if ((cache === undefined && !graph.inputs.includes(v.root)) || at.seen.has(v.root)) continue;
    at.seen.add(v.root);
    const { space } = placement.home(v.root);
    if (cache === undefined) cold.push({ space, direction: 'read', operand: 'inputs', bytes: times(v.root) * coldRead(k, v) });
    else {
      const bytes = coldRead(k, v) - newBytes(cx, cache, v);
      if (bytes > 0) cold.push({ space, direction: 'read', operand: 'state', bytes });
    }
  }
  for (const v of kernelWrites(k)) {
    const { space } = placement.home(v.root);
    const cache = at.caches.get(placement.owner(v.root));
    if (cache !== undefined) cold.push({ space, direction: 'write', operand: 'state', bytes: writtenBytes(k, v, cx, cache) });
    // What a carried value starts as is written over.
    else if (at.outputs.has(placement.owner(v.root)) && !at.starts.has(v.root))
      cold.push({ space, direction: 'write', operand: 'outputs', bytes: times(v.root) * bytesOfView(v) });
  }
  return cold;
}

/** Bytes of a value in a cache that this run wrote there: an intermediate, wherever else it is read. */
function newBytes(cx: EmitContext, cache: Cache, v: View): number {
  const es = bytesPerElement(v.dtype);
  const begin = (cx.placement.home(v.root).offset - cx.placement.home(cache.present).offset) / es;
  // Of a view as of the whole value: a bound may be low, never high.
  const all = cx.placement.home(v.root).shape.reduce((n, d) => n * d, 1);
  return v.root === cache.past ? 0 : newElements(cache, begin, begin + all) * es;
}

/** Bytes a kernel puts into a cache: the new rows of what it makes. */
function writtenBytes(k: KernelSpec, v: View, cx: EmitContext, cache: Cache): number {
  return k.kind === 'move'
    ? k.parts.reduce((n, p) => n + elementCount(p.extents), 0) * bytesPerElement(v.dtype)
    : Math.min(bytesOfView(v), newBytes(cx, cache, v));
}
