/** Blame: which kernel the error against float is said to begin at, where figures are there for some values alone. */
import { describe, expect, test } from 'vitest';
import { calibrate, compile, importModel, lowerGraph, prepare, randomInputs } from '../../src/compiler/index.ts';
import { buildModel } from '../../src/models/index.ts';
import { defaultTolerance, verifyCompilation, type VerifyRun } from '../../src/reports/index.ts';
import { findJump, findSteepest } from '../../src/reports/verify/jump.ts';
import type { Checked } from '../../src/reports/verify/kernels.ts';
import { testMachine } from '../end-to-end/machines.ts';

/** A kernel of the name of what it writes. `db` null: nothing to compare with. `from` reads names, with figures where they have one. */
function kernel(name: string, db: number | null, from: Readonly<Record<string, number | null>>, region: number | null = null): Checked {
  const float =
    db === null
      ? null
      : { elements: 4, differing: 4, unordered: 0, maxAbs: 1, maxAbsAt: 0, peak: 0.1, sqnrDb: db, cosine: 1, maxUlp: null, maxLsb: null };
  return {
    check: {
      name,
      origin: [name],
      engine: 'matrix',
      class: 'contraction',
      dtype: 'int8',
      values: [name],
      verdict: 'exact',
      isolated: null,
      cumulative: null,
      float,
    },
    readings: Object.entries(from).map(([reading, figure]) => ({ name: reading, db: figure })),
    region,
    trips: region === null ? null : 7,
    ceiling: Infinity,
  };
}

describe('the first kernel that is much worse than what it read', () => {
  test('alone, where all have figures', () => {
    const kernels = [kernel('a', 38, { x: 45 }), kernel('b', 12, { a: 38 }), kernel('c', 12, { b: 12 })];
    expect(findJump(kernels, 'int8')).toMatchObject({ kernel: 'b', since: null, fromDb: 38, toDb: 12, trips: null });
  });

  test('a fall before a kernel without a figure is not blamed on the kernel behind it', () => {
    const kernels = [kernel('a', 20, { x: 25 }), kernel('hidden', null, { a: 20 }), kernel('b', 18, { hidden: null })];
    expect(findJump(kernels, 'int8')).toBeNull();
  });

  test('a fall over kernels without figures lies somewhere between them', () => {
    const kernels = [
      kernel('a', 38, { x: 45 }),
      kernel('first', null, { a: 38 }),
      kernel('second', null, { first: null }),
      kernel('b', 12, { second: null, a: 38 }),
    ];
    expect(findJump(kernels, 'int8')).toMatchObject({ kernel: 'b', since: 'first', fromDb: 38 });
  });

  test('in a loop: what a trip leaves for the next is made there, so it excuses nothing', () => {
    const kernels = [
      kernel('start', 40, { x: 45 }),
      kernel('product', 15, { x: 45, start: 40, state: 14 }, 0),
      kernel('state', 14, { product: 15 }, 0),
      kernel('last', 14, { state: 14 }),
    ];
    expect(findJump(kernels, 'int8')).toMatchObject({ kernel: 'product', fromDb: 40, toDb: 15, trips: 7 });
  });

  test('what a loop leaves excuses those behind it', () => {
    const kernels = [
      kernel('product', 25, { x: 30, state: 26 }, 0),
      kernel('state', 26, { product: 25 }, 0),
      kernel('y', 20, { state: 26 }),
    ];
    expect(findJump(kernels, 'int8')).toBeNull();
  });

  test('a model that rounds to 16 bits itself holds no more than that, whatever the program computes in', () => {
    const half = { ...kernel('b', 70, { a: 110 }), ceiling: 65 };
    expect(findJump([kernel('a', 125, { x: 130 }), half], 'fp32')).toBeNull();
    expect(findJump([kernel('a', 125, { x: 130 }), { ...half, ceiling: Infinity }], 'fp32')).toMatchObject({ kernel: 'b' });
  });

  test('an error that no output shows is passed over', () => {
    const kernels = [kernel('a', 5, { x: 45 }), kernel('clip', 39, { a: 5 })];
    expect(findJump(kernels, 'int8')).toBeNull();
  });
});

describe('where nothing jumps', () => {
  const slow = [
    kernel('a', 38, { x: 45 }),
    kernel('b', 30, { a: 38 }),
    kernel('lost', 12, { x: 20 }),
    kernel('saved', 39, { lost: 12 }),
    kernel('c', 24, { b: 30, saved: 39 }),
  ];

  test('the kernel that loses most is named, as far as its error reaches an output', () => {
    expect(findJump(slow, 'int8')).toBeNull();
    // "lost" falls by 8 dB as "b" does, and what follows has it mended.
    expect(findSteepest(slow, 'int8')).toMatchObject({ kernel: 'b', fromDb: 38, toDb: 30 });
  });

  test('small losses everywhere name nobody', () => {
    expect(findSteepest([kernel('a', 38, { x: 40 }), kernel('b', 36, { a: 38 })], 'int8')).toBeNull();
  });
});

describe('values that the file has no name for', () => {
  const verified = async (precision: 'int8' | 'fp16'): Promise<VerifyRun> => {
    const model = await importModel(buildModel('lstm', { layers: 1, hidden: 8, sequence: 24, classes: 4 }), { name: 'lstm' });
    const { graph } = model;
    const inputs = randomInputs(graph, 3);
    const calibration = precision === 'int8' ? calibrate(lowerGraph(prepare(model).graph).graph, [inputs]) : null;
    const machine = await testMachine('small');
    const compilation = compile(model, machine, { precision, dims: {}, calibration });
    expect(compilation.selection.regions.map((r) => r.trips)).toEqual([24]);
    return verifyCompilation({ compilation, machine, model: graph, inputs, expectations: [], tolerance: defaultTolerance(precision) });
  };

  test('steps of an LSTM have figures too, of its last trip', async () => {
    const run = await verified('int8');
    expect(run).toMatchObject({ firstWrong: null, jump: null });
    const steps = run.kernels.filter((k) => k.name.startsWith('/lstm/LSTM:'));
    expect(steps.length).toBeGreaterThan(6);
    const figures = steps.map((k) => k.float?.sqnrDb);
    expect(figures).not.toContain(undefined);
    // States start from zeros, which are exact; everything else has the error of int8, and of no more than that.
    const inexact = figures.filter((db) => typeof db === 'number');
    expect(inexact.length).toBe(steps.length - 2);
    expect(Math.min(...inexact)).toBeGreaterThan(20);
    expect(Math.max(...inexact)).toBeLessThan(60);
  });

  test('where an operator is computed in another float than asked its steps have none, and none of them is blamed', async () => {
    const run = await verified('fp16');
    expect(run).toMatchObject({ passed: true, jump: null });
    expect(run.kernels.filter((k) => k.float === null).length).toBeGreaterThan(4);
  });
});
