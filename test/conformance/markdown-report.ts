/** docs/conformance.md: the run as tables. Same run, same bytes: no times, no paths. */
import type { ConformanceDocument } from './document.ts';
import type { EvaluatorSection } from './evaluators.ts';
import type { InferenceSection } from './inference.ts';
import { conformanceTarget } from './model-case.ts';
import type { ModelRow, ModelSection } from './models.ts';
import { nodePart } from './node-report.ts';
import { table, thresholdTable as thresholds, type Cell } from './markdown-table.ts';
import { percent } from './threshold.ts';
import type { TransformSection } from './transforms.ts';

export function markdownReport(document: ConformanceDocument): string {
  const { inference, evaluators, models, transforms, nodeTests } = document;
  return [
    '# Conformance',
    'Written by `npm run conformance`; do not edit. The packs are ONNX’s own operator tests, tests that early PyTorch exported, the graphs ' +
      'that graph optimizers are tested on, and whole models by others; every total comes from their indexes. A crash, a hang and a ' +
      'time-out count as wrong.',
    ...(inference === null ? [] : inferencePart(inference)),
    ...(evaluators === null ? [] : evaluatorPart(evaluators)),
    ...(models === null ? [] : modelPart(models)),
    ...(transforms === null ? [] : transformPart(transforms)),
    ...(nodeTests === null ? [] : nodePart(nodeTests)),
  ]
    .join('\n\n')
    .concat('\n');
}

/** Failures under their reasons, most frequent reason first. */
function byReason<T extends { readonly reason: string }>(
  failures: readonly T[],
  row: (failure: T) => readonly Cell[],
  header: readonly string[],
): string[] {
  const reasons = [...new Set(failures.map((f) => f.reason))];
  const groups = reasons.map((reason) => ({ reason, mine: failures.filter((f) => f.reason === reason) }));
  groups.sort((a, b) => b.mine.length - a.mine.length || (a.reason < b.reason ? -1 : 1));
  return groups.flatMap(({ reason, mine }) => [`**${reason}** (${mine.length})`, table(header, mine.map(row))]);
}

function inferencePart(section: InferenceSection): string[] {
  const packs = section.packs.map((p) => [
    p.pack,
    p.tests,
    p.tensorOutputs,
    p.unbound.dtype,
    p.unbound.rank,
    p.unbound.exact,
    p.unbound.contradictions,
    p.bound.asked,
    p.bound.exact,
    p.bound.dataDependent,
    p.otherOutputs,
  ]);
  const header = ['test', 'output', 'what is known'];
  const failureRow = (f: InferenceSection['bound'][number]): readonly Cell[] => [f.name, f.output, f.what];
  return [
    '## Types and shapes before the run',
    'Declared types of everything but inputs are deleted first. Data-dependent outputs (NonZero, Unique, Compress, NonMaxSuppression, ' +
      'ImageDecoder, StringNormalizer, StringSplit) are not asked for exact dimensions; they must give their rank and may not exceed what is stated. ' +
      'Of sequences and optionals only the element type is asked.',
    thresholds(section.thresholds),
    table(
      [
        'pack',
        'tests',
        'tensor outputs',
        'type known',
        'rank known',
        'exact',
        'contradictions',
        'asked, shapes bound',
        'exact, shapes bound',
        'data-dependent',
        'other outputs',
      ],
      packs,
    ),
    ...(section.unbound.length === 0
      ? []
      : ['### No value bound: type or rank not known', ...byReason(section.unbound, failureRow, header)]),
    ...(section.bound.length === 0 ? [] : ['### Shape-carrying inputs bound: not exact', ...byReason(section.bound, failureRow, header)]),
  ];
}

function evaluatorPart(section: EvaluatorSection): string[] {
  const packs = section.packs.map((p) => [p.pack, p.tests, p.tensorTests, p.passed, p.failed, p.otherTests, p.otherPassed]);
  const references = section.packs.flatMap((p) =>
    Object.entries(p.byReference).map(([reference, { passed, failed }]) => [p.pack, reference, passed + failed, passed, failed]),
  );
  return [
    '## Reference evaluators',
    'Every test is imported and interpreted as a user’s model would be, and its outputs are compared: floats within rtol 1e-3 and atol 1e-7 ' +
      '(float16 and bfloat16 at least one unit in the last place), all else exactly. Where the index says `random`, element type and shape ' +
      'are compared; where it says `differs` another implementation differs from the expected outputs, which hold.',
    thresholds(section.thresholds),
    table(['pack', 'tests', 'with tensor outputs', 'agree', 'fail', 'others', 'others that agree'], packs),
    table(['pack', 'ONNX’s own evaluator', 'tests', 'agree', 'fail'], references),
    ...(section.failures.length === 0
      ? []
      : ['### Failures', ...byReason(section.failures, (f) => [f.name, f.kind, f.what], ['test', 'how', 'what'])]),
  ];
}

const fateOrder = ['matrix', 'vector', 'movement', 'folded', 'host', 'unsupported'];

function modelPart(section: ModelSection): string[] {
  const notRun = section.rows.filter((r) => r.run === null);
  const dims = (r: ModelRow): string =>
    [...Object.entries(r.dims).map(([name, size]) => `${name}=${size}`), ...r.values.map((name) => `value of ${name}`)].join(' ');
  return [
    '## Whole models',
    `Target \`${conformanceTarget}\`. The fate of every node is told without any size given; programs are compiled with the sizes stated. ` +
      'MACs are the larger of the bound graph’s and the index’s.',
    thresholds(section.thresholds),
    '### Fate of every node',
    table(
      ['model', 'category', 'nodes', ...fateOrder],
      section.rows.map((r) => [r.name, r.category, r.indexNodes, ...fateOrder.map((fate) => r.fates[fate] ?? 0)]),
    ),
    '### Programs',
    table(
      ['model', 'bound', 'MACs', 'on the NPU', 'NPU kernels', 'host kernels'],
      section.rows.flatMap((r) =>
        r.run === null
          ? []
          : [
              [
                r.name,
                dims(r),
                Math.max(r.run.macs, r.indexMacs ?? 0),
                r.npuShare === null ? 'no MACs' : percent(r.npuShare),
                r.run.npuKernels,
                r.run.hostKernels,
              ],
            ],
      ),
    ),
    ...(notRun.length === 0
      ? []
      : [
          '### Models that do not run',
          table(
            ['model', 'bound', 'why'],
            notRun.map((r) => [r.name, dims(r), r.runFailure ?? '']),
          ),
        ]),
  ];
}

function transformPart(section: TransformSection): string[] {
  const recovered = Object.entries(section.recovered).map(([name, { graphs, count }]) => [name, count, graphs]);
  return [
    '## Graphs of optimizer tests',
    `Imported as they are, and again without declared types. ${section.ranked} of ${section.outputs} outputs have a known rank then.`,
    thresholds(section.thresholds),
    ...(recovered.length === 0 ? [] : ['### Composites recovered', table(['composite', 'recovered', 'graphs with one'], recovered)]),
    ...(section.failures.length === 0 ? [] : ['### Failures', ...byReason(section.failures, (f) => [f.name, f.what], ['graph', 'what'])]),
  ];
}
