/** Section (f): node tests as programs on the machines of the conformance run. */
import type { JobOf, Outcome } from './job.ts';
import type { NodeCase, NodeResult } from './node-case.ts';
import { classOfOperator, classOfTest, classTitles, isWithinTypes, nodeClasses, wholeOperators, type NodeClass } from './node-classes.ts';
import { readIndex } from './packs.ts';
import { addsUp, atLeast, nodeShare, none, type Threshold } from './threshold.ts';

export const nodePack = 'node-tests';

export interface NodeTest extends NodeCase {
  readonly name: string;
  readonly operators: readonly string[];
  readonly class: NodeClass;
}

export interface NodeSection extends Readonly<Record<NodeResult, number>> {
  /** Tests whose tensors are within the element types of the machines. */
  readonly total: number;
  /** Rows of the index with other types, sequences and optionals. */
  readonly outside: number;
  readonly tests: readonly NodeTest[];
  readonly thresholds: readonly Threshold[];
}

export interface PlannedNode {
  readonly name: string;
  /** null: not within the element types of the machines. */
  readonly job: JobOf<'node'> | null;
  readonly operators: readonly string[];
}

export function plannedNodes(folder: string): readonly PlannedNode[] {
  return readIndex(folder, nodePack).map((row) => {
    const list = (column: string): readonly string[] => (row[column] ?? '').split(' ').filter((word) => word !== '');
    const operators = list('ops');
    const isWithin = isWithinTypes(operators, list('input_dtypes'), list('output_dtypes'));
    const name = row['name'] ?? '';
    const judging = row['reference'] === 'random' ? 'type' : 'value';
    const job = { kind: 'node', name, judging } as const;
    return { name, operators, job: isWithin ? job : null };
  });
}

export function nodeSection(planned: readonly PlannedNode[], outcomes: readonly Outcome[]): NodeSection {
  const inside = planned.flatMap(({ job, operators }) => (job === null ? [] : [{ job, operators }]));
  const tests = inside.map(({ job, operators }, i): NodeTest => {
    const outcome = outcomes[i];
    const lost: NodeCase = { result: 'wrong', commands: {}, reason: outcome?.lost ?? 'not run' };
    const found = outcome?.answer?.kind === 'node' ? outcome.answer.result : lost;
    return { name: job.name, operators, class: classOfTest(operators), ...found };
  });
  const count = (result: NodeResult, of: readonly NodeTest[] = tests): number => of.filter((t) => t.result === result).length;
  const unknown = new Set(planned.flatMap((p) => p.operators).filter((op) => classOfOperator(op) === null));
  const byClass = nodeClasses.map((c) => ({ title: classTitles[c], share: nodeShare[c], mine: tests.filter((t) => t.class === c) }));
  const whole = tests.filter((t) => t.operators.some((op) => wholeOperators.includes(op)));
  const parts = { npuOnly: count('npuOnly'), withHost: count('withHost'), refused: count('refused'), wrong: count('wrong') };
  return {
    total: tests.length,
    ...parts,
    outside: planned.length - tests.length,
    tests,
    thresholds: [
      none('node tests that are wrong', parts.wrong),
      atLeast('node tests on the engines alone', parts.npuOnly, tests.length, nodeShare.all),
      ...byClass.flatMap(({ title, share, mine }) =>
        share === null ? [] : [atLeast(`node tests on the engines alone: ${title}`, count('npuOnly', mine), mine.length, share)],
      ),
      atLeast(`node tests on the engines alone: ${wholeOperators.join(', ')}`, count('npuOnly', whole), whole.length, 1),
      none('operators of node tests without a class', unknown.size),
      addsUp('npuOnly + withHost + refused + wrong = node tests within the types', Object.values(parts), tests.length),
      addsUp('within the types + outside = rows of the index', [tests.length, planned.length - tests.length], planned.length),
    ],
  };
}
