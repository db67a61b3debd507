/** Whether a machine is better off with one kernel for an attention than with its parts. Decided before anything is placed, by estimates alone. */
import { bytesPerElement, formatBytes, isEngineFloat } from '../../core/index.ts';
import type { Machine } from '../../hw-configs/index.ts';
import type { AttentionKernel, BlockSoftmax, ContractionKernel, KernelSpec } from '../kernels/spec.ts';
import { drainedProduct } from '../kernels/drain-plan.ts';
import { blockSoftmax } from '../kernels/softmax-blocks.ts';
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

export interface AttentionChoice {
  /** Whether to join; by kernels that sizes and types do not tell apart, one answer. */
  readonly pays: (joined: AttentionKernel, apart: readonly KernelSpec[]) => boolean;
  /** Of those asked about, the ones better off in blocks of so many keys: by the name of the product. */
  readonly blocks: ReadonlyMap<string, number>;
  /** Of those asked about, the ones that stay apart, and why. */
  readonly apart: readonly { readonly kernel: string; readonly reason: string }[];
}

/** Blocks round otherwise than whole rows: they have to be worth it. */
const worthRounding = 0.9;

const blockSizes = [64, 128, 256, 512, 1024, 2048];

export function attentionChoice(env: MapperEnvironment): AttentionChoice {
  const blocks = new Map<string, number>();
  const told: { kernel: string; reason: string }[] = [];
  if (!staysOnChip(env)) return { pays: () => false, blocks, apart: told };
  const homeOf: HomeOf = () => ({ home: env.machine.placement.activations, direct: false });
  const best = { ...env, chance: null };
  const psOf = (k: AttentionKernel): number => mapAttention(best, drainedAttention(env, k), homeOf)?.estimatePs ?? Infinity;
  const known = new Map<string, Judgement>();
  const judge = (joined: AttentionKernel, apart: readonly KernelSpec[]): Judgement => {
    const whole = psOf(joined);
    const parts = partsPs(best, apart, homeOf);
    const least = Math.min(whole, parts);
    let block: number | null = null;
    let blockPs = worthRounding * least;
    for (const size of blockSizes) {
      const cut = inBlocks(joined, size);
      const ps = cut === null ? Infinity : psOf(cut);
      if (ps < blockPs) [block, blockPs] = [size, ps];
    }
    // Where mappings are drawn, all that fits is as good.
    const pays = whole < Infinity && (env.chance !== null || whole <= parts);
    return { pays, block, reason: pays || block !== null ? null : reasonOf(env, whole, parts) };
  };
  return {
    blocks,
    apart: told,
    pays: (joined, apart) => {
      if (joined.softmax.kind === 'blocks') return true;
      const key = attentionSignature(joined);
      let found = known.get(key);
      if (found === undefined) known.set(key, (found = judge(joined, apart)));
      const product = joined.values.nodes.find((n) => n.op === 'MatMul');
      if (found.block !== null && product !== undefined) blocks.set(product.name, found.block);
      if (found.reason !== null) told.push({ kernel: joined.name, reason: found.reason });
      return found.pays;
    },
  };
}

interface Judgement {
  readonly pays: boolean;
  readonly block: number | null;
  /** Why it stays apart; null where it does not. */
  readonly reason: string | null;
}

function reasonOf({ core, capacity }: MapperEnvironment, whole: number, parts: number): string {
  if (whole < Infinity) return `one kernel for all is estimated to take ${(whole / parts).toFixed(2)} times as long`;
  const room = formatBytes(capacity.get(core.scratchpad) ?? 0);
  return `a row of scores with what makes it does not fit the ${room} of ${core.scratchpad}, or its sums not the accumulators`;
}

/** The same in blocks of keys, for floats and rows of more keys; null for others. What follows the product stays apart then. */
function inBlocks(k: AttentionKernel, block: number): AttentionKernel | null {
  const { softmax, values } = k;
  const isFloats = [softmax.x, values.x, values.w].every((v) => v.dtype === softmax.x.dtype && isEngineFloat(v.dtype));
  if (!isFloats || block >= k.scores.geometry.mg || softmax.kind !== 'softmax') return null;
  return { ...k, softmax: blockSoftmax(softmax.x, softmax.x.dtype, block, 0), values: { ...values, epilogue: null, operandStrides: [] } };
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

function signature(k: KernelSpec | BlockSoftmax): unknown {
  switch (k.kind) {
    case 'blocks':
      return [k.block, k.weights, k.x.dtype];
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
