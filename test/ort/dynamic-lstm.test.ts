/** DynamicQuantizeLSTM: what the program computes is ONNX Runtime's, but for activations that are rounded otherwise there. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import { numbersOf } from '../../src/graph/index.ts';
import { describeJudged } from './describe-judged.ts';
import { judged } from './judge.ts';
import { hostKernels, runProgram } from './program.ts';
import { caseBuilder, size } from './quantized-cases.ts';

describeJudged('DynamicQuantizeLSTM against ONNX Runtime', () => {
  const forms = [
    { direction: 'forward', weights: 'int8', columns: false },
    { direction: 'reverse', weights: 'uint8', columns: false },
    { direction: 'bidirectional', weights: 'int8', columns: true },
  ] as const;
  test.each(forms)('$direction, $weights, scales of columns $columns', async ({ direction, weights, columns }) => {
    const [steps, batch, features, hidden] = [4, 2, 6, 5];
    const d = direction === 'bidirectional' ? 2 : 1;
    const rows = 4 * hidden;
    const random = seededRandom(8);
    const b = caseBuilder(1);
    const list = (shape: readonly number[], draw: () => number): readonly number[] => Array.from({ length: size(shape) }, draw);
    const zero = weights === 'uint8' ? 128 : 0;
    const bytes = (shape: readonly number[]): string =>
      b.constant(
        weights,
        shape,
        list(shape, () => zero + random.integer(-60, 60)),
      );
    const shape = columns ? [d, rows] : [d];
    const scale = (): string =>
      b.constant(
        'float32',
        shape,
        list(shape, () => 0.005 + 0.01 * random.next()),
      );
    const zeros = (): string =>
      b.constant(
        weights,
        shape,
        list(shape, () => zero),
      );
    const inputs = [
      b.floats(
        'x',
        [steps, batch, features],
        list([steps, batch, features], () => random.bell()),
      ),
      bytes([d, features, rows]),
      bytes([d, hidden, rows]),
      b.constant(
        'float32',
        [d, 2 * rows],
        list([d, 2 * rows], () => 0.3 * random.bell()),
      ),
      '',
      b.floats(
        'h',
        [d, batch, hidden],
        list([d, batch, hidden], () => random.next() - 0.5),
      ),
      b.floats(
        'c',
        [d, batch, hidden],
        list([d, batch, hidden], () => random.next() - 0.5),
      ),
      '',
      scale(),
      zeros(),
      scale(),
      zeros(),
    ];
    const y = b.node('DynamicQuantizeLSTM', inputs, { direction, hidden_size: hidden }, 'com.microsoft');
    const { model, inputs: given } = b.done([y, 'float32']);
    const theirs = await judged(model, given);
    const { outputs, executable } = await runProgram(model, given, 'small');
    expect(hostKernels(executable)).toEqual([]);
    const [mine, other] = [outputs.get(y), theirs.get(y)].map((t) => (t === undefined ? [] : Array.from(numbersOf(t))));
    expect(mine).toHaveLength(size([steps, d, batch, hidden]));
    mine?.forEach((v, i) => expect(Math.abs(v - (other?.[i] ?? NaN))).toBeLessThan(1e-5));
  });
});
