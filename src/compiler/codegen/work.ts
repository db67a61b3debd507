/** A kernel's work as the bounds see it. */
import type { KernelWork } from '../../isa/index.ts';
import type { KernelSpec } from '../kernels/spec.ts';

/** Element steps do not depend on the tiling, so what the commands sum up to is the fewest. In a repeated region, of all trips. */
export function workOf(k: KernelSpec, vectorLaneTicksATrip: number, trips: number): KernelWork {
  const vectorLaneTicks = trips * vectorLaneTicksATrip;
  switch (k.kind) {
    case 'contraction': {
      const g = k.geometry;
      const product = k.op === 'MATMUL';
      return {
        kind: 'contraction',
        depthwise: k.op === 'DWCONV',
        groups: product ? 1 : g.groups,
        m: g.batch * g.oh * g.ow,
        n: g.mg,
        channels: g.cg,
        taps: g.kh * g.kw,
        batches: trips * (product ? g.groups : 1),
        vectorLaneTicks,
      };
    }
    case 'attention': {
      const { groups: batches, ow: m, mg: keys, cg: size } = k.scores.geometry;
      return { kind: 'attention', batches: trips * batches, m, keys, size, valueSize: k.values.geometry.mg, vectorLaneTicks };
    }
    case 'pool':
    case 'reduce':
    case 'softmax':
    case 'norm':
    case 'elementwise':
      return { kind: 'vector', vectorLaneTicks };
    case 'move':
      return k.engine === 'vector' ? { kind: 'vector', vectorLaneTicks } : { kind: 'none' };
    case 'lookup':
      return { kind: 'none' };
    case 'host':
      return { kind: 'host', ops: trips * k.ops, bytes: trips * k.bytes };
  }
}
