/** The node tests in docs/conformance.md: every test by its operator, and why those that need more than the engines do. */
import { table, thresholdTable } from './markdown-table.ts';
import { nodeResults } from './node-case.ts';
import { classTitles, nodeClasses } from './node-classes.ts';
import type { NodeSection, NodeTest } from './node-tests.ts';
import { percent } from './threshold.ts';

export function nodePart(section: NodeSection): string[] {
  const { tests } = section;
  const counts = (of: readonly NodeTest[]): number[] => nodeResults.map((result) => of.filter((t) => t.result === result).length);
  const classes = nodeClasses.map((c) => {
    const mine = tests.filter((t) => t.class === c);
    const [npuOnly = 0, ...rest] = counts(mine);
    return [classTitles[c], mine.length, npuOnly, ...rest, percent(mine.length === 0 ? 1 : npuOnly / mine.length)];
  });
  const others = tests.filter((t) => t.result !== 'npuOnly');
  return [
    '## Node tests on the engines',
    `Every test whose tensors are float32, float16, bfloat16, int8, uint8, int16, int32 or bool (int64 as shape, index or label): ${section.total} of ` +
      `${section.total + section.outside}. Sizes, axes, counts and quantization parameters are known to the compiler, data and weights arrive at run time. ` +
      'Programs run by their commands under the sanitizer on `test/machines/small.yaml` and `large.yaml`; the worse of the two counts. Outputs are ' +
      'compared with what the test expects, and with the interpreter within the bounds of docs/numerics.md. One HOST command makes a test `withHost`, a refusal with ' +
      'a code `refused`; a crash, a time-out, a finding or another number `wrong`.',
    thresholdTable(section.thresholds),
    table(['class', 'tests', ...nodeResults, 'engines alone'], classes),
    ...(others.length === 0
      ? []
      : [
          '### Node tests that need more than the engines',
          table(
            ['test', 'result', 'why'],
            others.map((t) => [shortName(t), t.result, t.reason ?? '']),
          ),
        ]),
    '### Every node test',
    'By operator, without their common `test_`; in italics those listed above.',
    ...nodeClasses.flatMap((c) => {
      const mine = tests.filter((t) => t.class === c);
      const operators = [...new Set(mine.map((t) => t.operators.join(' ')))].sort();
      const row = (operator: string): (string | number)[] => {
        const its = mine.filter((t) => t.operators.join(' ') === operator);
        const names = its.map((t) => (t.result === 'npuOnly' ? shortName(t) : `_${shortName(t)}_`));
        return [operator, its.length, its.filter((t) => t.result === 'npuOnly').length, names.join(' ')];
      };
      return mine.length === 0 ? [] : [`**${classTitles[c]}**`, table(['operator', 'tests', 'engines alone', 'which'], operators.map(row))];
    }),
  ];
}

function shortName({ name }: NodeTest): string {
  return name.replace(/^test_/, '');
}
