/** A program against ONNX Runtime, number by number. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { importDecoded } from '../../src/compiler/index.ts';
import { interpret, numbersOf } from '../../src/graph/index.ts';
import { judged, type JudgeMode } from './judge.ts';
import { hostKernels, runProgram, type MachineName } from './program.ts';
import type { CaseArbitrary, JudgedCase } from './quantized-cases.ts';

/** What an operator's outputs may differ in: nothing; one unit where the real result lies at a tie; floats in a few last places. */
export type Rule = 'equal' | 'ties' | { readonly ulp: number };

export interface PropertyOptions {
  readonly rule: Rule;
  readonly mode: JudgeMode;
  readonly runs: number;
  readonly seed: number;
  /** Whether a host kernel is expected now and then. */
  readonly host: boolean;
  /** Small and large where left out. */
  readonly machines?: readonly MachineName[];
}

/** The property: one machine or another, the interpreter bit for bit, ONNX Runtime by the rule. */
export async function expectAsJudged(
  cases: CaseArbitrary,
  { rule, mode, runs, seed, host, machines = ['small', 'large'] }: PropertyOptions,
): Promise<void> {
  const machine = fc.constantFrom<MachineName>(...machines);
  const property = fc.asyncProperty(cases, machine, async (make, machineName) => {
    const given = make();
    const theirs = await judged(given.model, given.inputs, mode).catch((error: unknown) => {
      // Older versions lack some mixes of signs; the case says nothing then.
      if (String(error).includes('Could not find an implementation')) return null;
      throw error;
    });
    fc.pre(theirs !== null);
    const { outputs, executable } = await runProgram(given.model, given.inputs, machineName);
    if (!host) expect(hostKernels(executable)).toEqual([]);
    for (const [name, mine] of outputs) {
      const other = theirs?.get(name);
      expect({ dtype: other?.dtype, length: other?.data.length }).toEqual({ dtype: mine.dtype, length: mine.data.length });
      if (other === undefined) continue;
      expect(faults(numbersOf(mine), numbersOf(other), rule, given)).toEqual([]);
    }
  });
  await fc.assert(property, { seed, numRuns: runs });
}

/** Elements that differ by more than the rule allows: [index, ours, theirs]. */
function faults(mine: ArrayLike<number>, theirs: ArrayLike<number>, rule: Rule, given: JudgedCase): readonly (readonly number[])[] {
  const found: (readonly number[])[] = [];
  for (let i = 0; i < mine.length; i++) {
    const [a, b] = [mine[i] ?? NaN, theirs[i] ?? NaN];
    if (!Object.is(a, b) && a !== b && !isAllowed(a, b, i, rule, given)) found.push([i, a, b]);
  }
  return found;
}

function isAllowed(mine: number, theirs: number, index: number, rule: Rule, { real, inputs }: JudgedCase): boolean {
  if (rule === 'equal') return false;
  if (rule !== 'ties') return Math.abs(mine - theirs) <= rule.ulp * 2 ** (Math.floor(Math.log2(Math.abs(theirs))) - 23);
  if (real === null || Math.abs(mine - theirs) !== 1) return false;
  const result = interpret(importDecoded(real.model, { name: 'real', sha256: '' }).graph, inputs).get(real.output);
  const steps = Math.abs(Number(result?.data[index]) / real.scale);
  // A few roundings of fp32, of operands of up to 255 steps, from the middle between two integers.
  return Math.abs(steps - Math.floor(steps) - 0.5) <= 2 ** -21 * Math.max(256, steps);
}
