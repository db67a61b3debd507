/** The cells of some kernel classes as tests. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFloat, SystoleError, type Tensor } from '../../src/core/index.ts';
import { properties } from './classes.ts';
import type { Meant } from './meant.ts';
import { listOf, refusalOf, runProgram } from './run.ts';
import { kernelClasses, rows, table, type Column } from './table.ts';

/** Runs of each property: shapes and numbers are drawn anew for each. */
const runs = 12;

export function testCells(columns: readonly Column[]): void {
  for (const column of kernelClasses.filter((c) => columns.includes(c))) {
    describe(column, () => {
      for (const row of rows) {
        const cell = table[row][column];
        if ('absent' in cell) {
          test(`${row}: ${cell.absent}`, () => {
            const codes = refused(cell.attempt);
            expect(codes).not.toEqual([]);
            expect(codes.filter((code) => !/^SYS\d{4}$/.test(code))).toEqual([]);
          });
          continue;
        }
        for (const name of cell.properties) {
          test(`${row}: ${name} is what the plain formula and the interpreter say`, () => {
            fc.assert(
              fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (seed) => {
                const meant = properties[name](cell.dtype, cell.scaled, seed);
                const { output, kernels } = runProgram(meant, seed);
                expect(kernels.filter((k) => k.engine === 'host').map((k) => k.mapping)).toEqual([]);
                expectMeant(output, meant);
              }),
              { numRuns: runs, seed: 1 },
            );
          });
        }
      }
    });
  }
}

/** Operators check their operands while a graph is written: that is a refusal too. */
function refused(attempt: () => Parameters<typeof refusalOf>[0]): readonly string[] {
  try {
    return refusalOf(attempt());
  } catch (error) {
    if (error instanceof SystoleError) return error.diagnostics.map((d) => d.code);
    throw error;
  }
}

/** Relative to the last place of the type's significand. */
const lastPlace: Readonly<Record<string, number>> = {
  float32: 2 ** -20,
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
  float8e4m3fn: 2 ** -3,
  float8e4m3fnuz: 2 ** -3,
  float8e5m2: 2 ** -2,
  float8e5m2fnuz: 2 ** -2,
};

function expectMeant(output: Tensor, { expected, steps }: Meant): void {
  const actual = listOf(output);
  expect(actual.length).toBe(expected.length);
  if (steps === 0) {
    expect(actual).toEqual([...expected]);
    return;
  }
  const off = actual.findIndex((x, i) => {
    const y = expected[i] ?? 0;
    // Where the formula says nothing.
    if (Number.isNaN(y)) return false;
    const bound = isFloat(output.dtype) ? steps * (lastPlace[output.dtype] ?? 0) * Math.max(1, Math.abs(y)) : steps;
    return !(Math.abs(x - y) <= bound);
  });
  expect(off < 0 ? null : `element ${off} is ${actual[off]}, not ${expected[off]}`).toBeNull();
}
