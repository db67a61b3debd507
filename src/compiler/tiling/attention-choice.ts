/** Whether a machine is better off with one kernel for an attention than with its parts. Decided before anything is placed, by estimates alone. */
import { bytesPerElement } from '../../core/index.ts';
import type { Machine } from '../../hw-configs/index.ts';
import type { AttentionKernel, ContractionKernel, KernelSpec } from '../kernels/spec.ts';
import { drainedProduct } from '../kernels/drain-plan.ts';
import { mapAttention, vectorKernelPs, type HomeOf } from './attention.ts';
import { mapContraction } from './contraction.ts';
import type { ContractionHomes } from './contraction-tile.ts';
import type { MapperEnvironment } from './environment.ts';

/** The kernel as this array runs it. */
export function drainedAttention(env: MapperEnvironment, k: AttentionKernel): AttentionKernel {
  return { ...k, scores: drainedProduct(env.matrix, k.scores), values: drainedProduct(env.matrix, k.values) };
}

/**
 * Scores stay on chip where tensors live outside of it: in a core's own memory they already are, and a tile of its own would be one copy more. The
 * array and the lanes have to work from one memory for that.
 */
function staysOnChip({ machine, core, matrix }: MapperEnvironment): boolean {
  const { activations, inputs, outputs, state } = machine.placement;
  const outside = [activations, inputs, outputs, state].every((memory) => machine.memories[memory]?.owner !== 'core');
  const { ports } = matrix;
  return outside && [ports.activations, ports.weights, ports.results].every(([first]) => first === core.scratchpad);
}

/** @returns by kernels that sizes and types do not tell apart, one answer */
export function attentionPays(env: MapperEnvironment): (joined: AttentionKernel, apart: readonly KernelSpec[]) => boolean {
  if (!staysOnChip(env)) return () => false;
  const homeOf: HomeOf = () => ({ home: env.machine.placement.activations, direct: false });
  const known = new Map<string, boolean>();
  return (joined, apart) => {
    const key = attentionSignature(joined);
    let pays = known.get(key);
    if (pays === undefined) {
      const mapping = mapAttention({ ...env, chance: null }, drainedAttention(env, joined), homeOf);
      // Where mappings are drawn, all that fits is as good.
      pays = mapping !== null && (env.chance !== null || mapping.estimatePs <= partsPs(env, apart, homeOf));
      known.set(key, pays);
    }
    return pays;
  };
}

/** The parts one behind the other; one that fits nowhere takes for ever. */
function partsPs(env: MapperEnvironment, apart: readonly KernelSpec[], homeOf: HomeOf): number {
  return apart.reduce((sum, k) => {
    if (k.kind !== 'contraction') return sum + vectorKernelPs(env, k, homeOf);
    const product = drainedProduct(env.matrix, k);
    const mapping = mapContraction(env, product, homesAt(product, env.machine));
    return sum + ('need' in mapping ? Infinity : mapping.estimatePs);
  }, 0);
}

function homesAt(k: ContractionKernel, { placement: { activations } }: Machine): ContractionHomes {
  const at = { home: activations, direct: false };
  return {
    x: activations,
    xDirect: false,
    w: activations,
    wDirect: false,
    out: activations,
    outDirect: false,
    operands: (k.epilogue?.operands ?? []).map(({ view }, i) => {
      const strides = k.operandStrides[i] ?? [];
      return { ...at, bytesPerElement: bytesPerElement(view.dtype), perChannel: strides[3] === 0 && strides[4] === 0 };
    }),
  };
}

/** All that mappings depend on but homes, the same for attentions that share one. */
export function attentionSignature({ scores, between, softmax, values, rowsTogether }: AttentionKernel): string {
  return JSON.stringify([rowsTogether, ...[scores, between, softmax, values].map((k) => (k === null ? null : signature(k)))]);
}

function signature(k: KernelSpec): unknown {
  switch (k.kind) {
    case 'contraction':
      return [
        k.dtype,
        k.geometry,
        k.wStrides.g === 0,
        k.drain.dtype,
        k.drain.multiplier !== null,
        k.epilogue?.steps.length,
        k.operandStrides,
        k.out.dtype,
      ];
    case 'elementwise':
      return [k.plan.steps.length, k.plan.operands.map((o) => [o.strides, o.view.dtype]), k.shape, k.out.dtype];
    default:
      return [k.dtype, k.out.dtype, k.out.shape];
  }
}
