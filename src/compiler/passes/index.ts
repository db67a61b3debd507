/**
 * passes: from graph to graph, each step keeping its meaning.
 * In: a verified graph. Out: a verified graph that computes the same (bit for bit, unless a pass says it rounds differently).
 * Always: pure; the same reference comes back when nothing changed; symbolic dimensions stay symbolic; weights are not read.
 * Must not know: machines, precision, tiling.
 */
import { absorbQuantization } from './absorb-quantization.ts';
import { canonicalise } from './canonicalise.ts';
import { removeDeadCode } from './dead-code.ts';
import { foldBatchNorm } from './fold-batch-norm.ts';
import { foldConstants } from './fold-constants.ts';
import { fuseElementwise } from './fuse.ts';
import { mergeTransposes } from './merge-transposes.ts';
import type { Pass } from './pass.ts';
import { turnConcats } from './turn-concats.ts';
import { recoverBodies, recoverPasses } from './recover/index.ts';

/** Before precision: what changes numbers, or which values there are. */
export const preparePasses: readonly Pass[] = [
  foldConstants, // first: the others look for constants, and old exporters make weights with ConstantOfShape
  canonicalise, // before folding: fewer forms to recognise
  ...recoverPasses, // after canonicalise, which leaves one spelling of most operators
  foldBatchNorm, // after canonicalise: a MatMul with a bias is a Gemm by now
  absorbQuantization, // after all that look for float32 operators; before sizes are bound: scales do not depend on them
  removeDeadCode, // last: drops the constants the others replaced
];

/** After precision: what keeps every number, quantized or not. */
export const fusePasses: readonly Pass[] = [
  turnConcats, // before transposes meet that it leaves behind
  mergeTransposes, // lowering turns what was turned before
  fuseElementwise, // groups are what kernels are made from
  removeDeadCode, // drops the float constants whose every reader got an integer copy
];

export { runPasses, type Pass } from './pass.ts';
export {
  absorbQuantization,
  canonicalise,
  foldBatchNorm,
  foldConstants,
  fuseElementwise,
  mergeTransposes,
  recoverBodies,
  removeDeadCode,
  turnConcats,
};
export { inBlocks } from './softmax-blocks.ts';
