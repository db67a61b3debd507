/** Operators between DequantizeLinear and QuantizeLinear: the program's integers are those of ONNX Runtime's own integer kernels. */
import { test } from 'vitest';
import { expectAsJudged, type Rule } from './compare.ts';
import { describeJudged } from './describe-judged.ts';
import { qdqOperators } from './qdq-cases.ts';

/** docs/verify.md says how these rules differ. */
const otherRules: Readonly<Record<string, Rule>> = {
  Add: 'ties',
  Mul: 'ties',
  AveragePool: 'ties',
  GlobalAveragePool: 'ties',
  ReduceMean: 'ties',
  'Resize, linear': 'ties',
};

/** Fused, Softmax takes the whole part of 1 / scale for it, and older versions interpolate integers and cut off. */
const asWritten = new Set(['Softmax', 'Resize, linear']);

const onHost = new Set(['Resize, linear']);

describeJudged('QDQ models against ONNX Runtime', () => {
  test.each(Object.entries(qdqOperators))('%s', async (name, cases) => {
    const rule = otherRules[name] ?? 'equal';
    const mode = asWritten.has(name) ? 'as written' : 'fused';
    await expectAsJudged(cases, { rule, mode, runs: 20, seed: 21, host: onHost.has(name) });
  });
});
