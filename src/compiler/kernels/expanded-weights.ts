/**
 * Weights of floats that a model keeps in few bits stay so in memory: the vector engine makes floats of each tile, in the scratchpad from which the array
 * takes its weights. What the tile holds is what the constant holds, bit for bit.
 */
import { lanesTake } from '../../core/index.ts';
import type { PackedNumbers } from '../../graph/index.ts';
import type { Graph } from '../../graph/index.ts';
import type { Core } from '../../hw-configs/index.ts';
import { packedOf } from '../passes/packed-numbers.ts';
import type { ContractionKernel, ExpandedWeights, KernelSpec } from './spec.ts';
import { createStepWriter } from './vector-plan.ts';

/** The kernels, those with such weights told so where the core can make floats of them. */
export function withExpandedWeights(graph: Graph, kernels: readonly KernelSpec[], core: Core): readonly KernelSpec[] {
  return kernels.map((k) => {
    const wExpanded = k.kind === 'contraction' ? expansionOf(graph, k, core) : null;
    return wExpanded === null ? k : { ...k, wExpanded };
  });
}

function expansionOf(graph: Graph, k: ContractionKernel, core: Core): ExpandedWeights | null {
  const value = graph.values[k.w.root];
  const packed = value === undefined || k.sums !== 'float32' || !k.wConstant ? null : packedOf(value);
  // Views of the constant, and batches along several axes, have other axes than the codes.
  if (packed === null || packed.shape.join() !== k.w.shape.join() || (k.op === 'MATMUL' && packed.shape.length > 3)) return null;
  const { dtypes } = core.vector;
  const needed = [packed.codes.dtype, packed.scales.dtype, k.w.dtype, ...(typeof packed.zeros === 'number' ? [] : [packed.zeros.dtype])];
  const lands = core.matrix.ports.weights[0] === core.scratchpad;
  if (!lands || !needed.every((dtype) => lanesTake(dtypes, dtype))) return null;
  return { packed, steps: stepsOf(packed, !dtypes.includes('int4')) };
}

function stepsOf(packed: PackedNumbers, unpacks: boolean): ExpandedWeights['steps'] {
  const w = createStepWriter();
  const whole = (input: number, dtype: string): number => {
    const q = w.step('loadInt', input);
    return unpacks && (dtype === 'int4' || dtype === 'uint4') ? w.step('unpack', q) : q;
  };
  const { codes, zeros } = packed;
  let value: number;
  if (codes.dtype.startsWith('float')) {
    const code = w.step('load', 0);
    value = w.step('mul', code, w.step('load', 1));
  } else {
    const q = whole(0, codes.dtype);
    const scale = w.step('load', 1);
    value = w.step('dequantize', q, typeof zeros === 'number' ? w.immediate(zeros) : whole(2, zeros.dtype), scale);
  }
  for (const { dtype, clamps } of packed.rounded) {
    if (clamps) {
      const most = dtype === 'float16' ? 65504 : 3.3895313892515355e38;
      value = w.step('min', w.step('max', value, w.immediate(-most)), w.immediate(most));
    }
    value = w.step(dtype === 'float16' ? 'toFloat16' : 'toBfloat16', value);
  }
  w.store(0, value);
  return w.steps;
}
