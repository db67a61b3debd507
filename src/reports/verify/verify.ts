/**
 * A program against everything that says what it should compute: the graph after precision, run by the interpreter (bit by bit); the
 * model as its file has it, in float; and outputs others computed. Per output and per kernel, cumulative and isolated.
 *
 * Cumulative: what the program has in memory against what the reference has there, errors of earlier kernels included. Isolated: what a
 * kernel wrote against what its own graph nodes make of the very operands it read, so that only its own error is left.
 */
import { floatValues } from './float-values.ts';
import { findJump, findSteepest } from './jump.ts';
import { checkKernels } from './kernels.ts';
import { touchedBy } from './isolate.ts';
import { checkOutputs, missesOf } from './outputs.ts';
import type { VerifyProblem, VerifyRun } from './report.ts';
import { observed, runProgram } from './values.ts';

/** Throws coded errors where the program or a graph does not run at all. */
export function verifyCompilation(problem: VerifyProblem): VerifyRun {
  const { compilation, tolerance } = problem;
  const executable = problem.executable ?? compilation.executable;
  const kept = keptValues(problem);
  const reference = observed(compilation.quantizedGraph, problem.inputs, kept);
  const float = floatValues(problem, kept);
  const run = runProgram(problem, executable, reference);
  const checked = checkKernels(problem, executable, { program: run.values, reference, float });
  const kernels = checked.map(({ check }) => check);
  const outputs = checkOutputs(problem, run.outputs, reference, float);
  const misses = missesOf(outputs, kernels, tolerance);
  const firstWrong = kernels.find((k) => k.verdict === 'wrong')?.name ?? null;
  const precision = String(executable.options['precision'] ?? '');
  const jump = findJump(checked, precision);
  const findings = run.diagnostics.filter((d) => d.severity !== 'info');
  return {
    passed: firstWrong === null && misses.length === 0 && findings.length === 0,
    outputs,
    kernels,
    firstWrong,
    jump,
    steepest: jump === null && misses.some((m) => m.against === 'float') ? findSteepest(checked, precision) : null,
    commands: run.commandsExecuted,
    sanitizer: run.diagnostics,
    misses,
  };
}

/** Names of the values that are compared: others need not be kept. */
function keptValues({ compilation, model }: VerifyProblem): ReadonlySet<string> {
  const { lowered, quantizedGraph, selection } = compilation;
  const names = new Set<string>();
  for (const graph of [model, quantizedGraph])
    for (const id of [...graph.inputs, ...graph.outputs]) names.add(graph.values[id]?.name ?? '');
  for (const kernel of selection.kernels) for (const id of touchedBy(kernel, selection)) names.add(lowered.values[id]?.name ?? '');
  return names;
}
