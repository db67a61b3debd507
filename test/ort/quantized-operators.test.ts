/** Operators on integers, in shapes and scales that fast-check draws, with ties and saturation: the program's integers are ONNX Runtime's. */
import { test } from 'vitest';
import { expectAsJudged, type Rule } from './compare.ts';
import { describeJudged } from './describe-judged.ts';
import { quantizedOperators } from './qlinear-cases.ts';

/** docs/verify.md says how these rules differ. */
const otherRules: Readonly<Record<string, Rule>> = {
  QLinearAdd: 'ties',
  QLinearMul: 'ties',
  QLinearAveragePool: 'ties',
  // Results in float32: scales are multiplied in another order.
  QGemm: { ulp: 2 },
};

/** Run by the host on machines without the element type, or in forms no engine has. */
const onHost = new Set(['QuantizeLinear', 'DynamicQuantizeLinear', 'QGemm']);

describeJudged('quantized operators against ONNX Runtime', () => {
  test.each(Object.entries(quantizedOperators))('%s', async (name, cases) => {
    const rule = otherRules[name] ?? 'equal';
    await expectAsJudged(cases, { rule, mode: 'as written', runs: 30, seed: 20, host: onHost.has(name) });
  });
});
