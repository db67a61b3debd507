/** Weights of four bits in blocks, and 8-bit floats: the program's numbers are ONNX Runtime's. */
import { test } from 'vitest';
import { expectAsJudged } from './compare.ts';
import { describeJudged } from './describe-judged.ts';
import { narrowOperators } from './narrow-cases.ts';

describeJudged('blocks and 8-bit floats against ONNX Runtime', () => {
  test.each(Object.entries(narrowOperators))('%s', async (name, cases) => {
    // The large machine has no 8-bit floats.
    const machines = name.includes('float8') ? (['narrow'] as const) : (['narrow', 'large'] as const);
    await expectAsJudged(cases, { rule: 'equal', mode: 'as written', runs: 25, seed: 22, host: false, machines });
  });
});
