/** All rules, by operator. A new one is a function in a file of its kind, listed here. */
import type { Node } from '../../graph/ir.ts';
import { attentionRules, microsoftRotaryRules } from './attention.ts';
import { microsoftAttentionRules } from './attention-microsoft.ts';
import { controlFlowRules } from './control-flow.ts';
import { conversionRules } from './conversions.ts';
import { convolutionRules } from './convolution.ts';
import { determinantRules } from './determinant.ts';
import { deformConvRules } from './deform-conv.ts';
import { dropoutRules } from './dropout.ts';
import { einsumRules } from './einsum.ts';
import { groupedProductRules } from './grouped-products.ts';
import { gatheredBlockRules } from './gathered-blocks.ts';
import { gridSampleRules } from './grid-sample.ts';
import { knownNumberRules } from './known-numbers.ts';
import { lookupRules } from './lookups.ts';
import { lossRules } from './losses.ts';
import { microsoftRules, runtimeRules } from './microsoft.ts';
import { linearAttentionRules } from './linear-attention.ts';
import { moveRules } from './moves.ts';
import { normalizationRules } from './normalization.ts';
import { placingRules } from './placing.ts';
import { poolingRules } from './pooling.ts';
import { productRules } from './products.ts';
import { rankingRules } from './ranking.ts';
import { microsoftRecurrentRules, recurrentRules } from './recurrent.ts';
import { reductionRules } from './reductions.ts';
import { resizeRules } from './resize.ts';
import { spectrumRules } from './spectra.ts';
import { windowRules } from './windows.ts';
import type { Rule, Rules } from './rule.ts';
import { runningRules } from './running.ts';

const standard: Rules = {
  ...attentionRules,
  ...controlFlowRules,
  ...conversionRules,
  ...convolutionRules,
  ...deformConvRules,
  ...determinantRules,
  ...dropoutRules,
  ...einsumRules,
  ...gridSampleRules,
  ...knownNumberRules,
  ...lookupRules,
  ...lossRules,
  ...linearAttentionRules,
  ...moveRules,
  ...normalizationRules,
  ...placingRules,
  ...poolingRules,
  ...productRules,
  ...rankingRules,
  ...recurrentRules,
  ...reductionRules,
  ...runningRules,
  ...resizeRules,
  ...runtimeRules,
  ...spectrumRules,
  ...windowRules,
};
const microsoft: Rules = {
  ...linearAttentionRules,
  ...microsoftRules,
  ...groupedProductRules,
  ...gatheredBlockRules,
  ...microsoftAttentionRules,
  ...microsoftRecurrentRules,
  ...microsoftRotaryRules,
};

export function ruleFor(node: Node): Rule | undefined {
  const rules = node.domain === '' ? standard : node.domain === 'com.microsoft' ? microsoft : {};
  return Object.hasOwn(rules, node.op) ? rules[node.op] : undefined;
}

/** Operators with bodies: their rules look at types that need not be bound. */
export function isControlFlow(node: Node): boolean {
  return node.domain === '' && Object.hasOwn(controlFlowRules, node.op);
}

export function controlFlowRule(node: Node): Rule | undefined {
  return isControlFlow(node) ? controlFlowRules[node.op] : undefined;
}

const onReals: ReadonlySet<string> = new Set([
  ...[rankingRules, runningRules, lossRules].flatMap((rules) => Object.keys(rules)),
  'LpNormalization',
  'LRN',
]);

/** Written out on the reals that quantized operands stand for: comparisons, sums and norms that integers have no rule for. */
export function readsReals(node: Node): boolean {
  return node.domain === '' && onReals.has(node.op);
}

/** Integers stay what they are: moved, or operands of one product. */
export function keepsQuantization(node: Node): boolean {
  return isControlFlow(node) || (node.domain === '' && (node.op === 'MatMul' || Object.hasOwn(moveRules, node.op)));
}
