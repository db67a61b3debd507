import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxLiveBytes, type Buffer, type MemoryProblem } from '../../../src/compiler/memory/problem.ts';
import { solveMemory } from '../../../src/compiler/memory/solve.ts';
import { validatePlan } from '../../../src/compiler/memory/validate.ts';

const buffer = (name: string, bytes: number, first: number, last: number): Buffer => ({ name, bytes, first, last });

const problems = fc
  .array(
    fc.record({ bytes: fc.integer({ min: 1, max: 300 }), first: fc.integer({ min: 0, max: 12 }), span: fc.integer({ min: 0, max: 6 }) }),
    { maxLength: 24 },
  )
  .map((rows): MemoryProblem => ({
    buffers: rows.map((r, i) => buffer(`b${i}`, r.bytes, r.first, r.first + r.span)),
    capacity: 1e6,
    alignment: 16,
  }));

describe('memory planning', () => {
  it('reuses the bytes of dead buffers: a chain needs two of its three', () => {
    // step        0  1  2  3
    // a (100)     ████
    // b (200)        ████
    // c (100)           ████      a and c share, so the height is 300 rounded to 16s: b first (bigger) at 0, a and c at 208.
    const problem = { buffers: [buffer('a', 100, 0, 1), buffer('b', 200, 1, 2), buffer('c', 100, 2, 3)], capacity: 1000, alignment: 16 };
    expect(solveMemory(problem)).toEqual({ offsets: [208, 0, 208], height: 308 });
  });

  it('counts what is alive at once, each buffer aligned', () => {
    const problem = { buffers: [buffer('a', 100, 0, 1), buffer('b', 200, 1, 2), buffer('c', 10, 5, 5)], capacity: 1000, alignment: 16 };
    expect(maxLiveBytes(problem)).toEqual({ bytes: 112 + 208, step: 1 });
  });

  it('plans are legal and never lower than the bound', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const plan = solveMemory(problem);
        expect(validatePlan(problem, plan)).toEqual([]);
        expect(Math.ceil(plan.height / 16) * 16).toBeGreaterThanOrEqual(maxLiveBytes(problem).bytes);
      }),
    );
  });

  it('the validator sees overlap, misalignment and overflow', () => {
    const problem = { buffers: [buffer('a', 100, 0, 2), buffer('b', 100, 2, 3)], capacity: 150, alignment: 16 };
    expect(validatePlan(problem, { offsets: [0, 48], height: 148 })).toEqual([
      expect.stringContaining('b [48, 148) overlaps a [0, 100) at step 2'),
    ]);
    expect(validatePlan(problem, { offsets: [0, 112], height: 212 })).toEqual([expect.stringContaining('ends at 212, capacity 150')]);
    expect(validatePlan({ ...problem, capacity: 300 }, { offsets: [0, 101], height: 201 })).toEqual([
      expect.stringContaining('not aligned'),
    ]);
    expect(validatePlan({ ...problem, capacity: 300 }, { offsets: [0, 112], height: 212 })).toEqual([]);
  });
});
