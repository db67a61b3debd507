/** Runs random cases by number: graph, machine and mapping follow from it, so that a number repeats a failure. */
import { printGraph } from '../../src/graph/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import { checkCase, type Outcome } from './check.ts';
import { randomCase } from './generate.ts';
import { loadChoice, randomMachine, type MachineChoice } from './machines.ts';
import { shrink } from './shrink.ts';

export interface CaseReport {
  readonly number: number;
  readonly outcome: Outcome;
  readonly flavour: string;
}

/** Machines are fewer than graphs: reading one takes as long as a small case. */
const casesPerMachine = 5;

const machines = new Map<string, Promise<Machine>>();

function machineOf(choice: MachineChoice): Promise<Machine> {
  const key = JSON.stringify(choice);
  const known = machines.get(key) ?? loadChoice(choice);
  machines.set(key, known);
  return known;
}

const choiceOf = (number: number): MachineChoice => randomMachine(Math.floor(number / casesPerMachine));

export async function runCase(number: number): Promise<CaseReport> {
  const made = randomCase(number);
  const machine = await machineOf(choiceOf(number));
  return { number, flavour: made.flavour, outcome: checkCase(made, machine, number) };
}

/** What to print of a failure: its number, and the smallest graph and machine that still fail the same way. */
export async function describeFailure(number: number): Promise<string> {
  const made = randomCase(number);
  const first = checkCase(made, await machineOf(choiceOf(number)), number);
  if (first.kind !== 'wrong') return `case ${number}: ${first.kind}`;
  const small = await shrink({ graph: made.graph, inputs: made.inputs, machine: choiceOf(number), mappingSeed: number }, async (c) => {
    const machine = await loadChoice(c.machine).catch(() => null);
    if (machine === null) return false;
    const again = checkCase({ ...made, graph: c.graph, inputs: c.inputs }, machine, c.mappingSeed ?? undefined);
    return again.kind === 'wrong' && again.what === first.what;
  });
  const machine = await loadChoice(small.machine);
  const last = checkCase({ ...made, graph: small.graph, inputs: small.inputs }, machine, small.mappingSeed ?? undefined);
  return [
    `case ${number} (${made.flavour}, ${made.sort} numbers, precision ${made.precision}): ${first.what}`,
    last.kind === 'wrong' ? last.detail : first.detail,
    `machine ${small.machine.base} ${small.machine.settings.map((s) => `--set ${s}`).join(' ')}, mapping ${small.mappingSeed ?? 'the best'}`,
    printGraph(small.graph),
  ].join('\n');
}
