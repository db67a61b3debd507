import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { computeBounds, fewestTicks, matrixTicks, type Kernel, type KernelWork, type Product } from '../../src/isa/index.ts';
import type { Machine, MatrixEngine } from '../../src/hw-configs/machine.ts';
import { dotProduct, dram, kernel, machineWith, spaces, systolic } from './fixtures.ts';

type Contraction = Extract<KernelWork, { kind: 'contraction' }>;

function contraction(work: Partial<Contraction>, more: Partial<Kernel> = {}): Kernel {
  const full: Contraction = {
    kind: 'contraction',
    depthwise: false,
    groups: 1,
    m: 1,
    n: 1,
    channels: 1,
    taps: 1,
    batches: 1,
    vectorLaneTicks: 0,
    ...work,
  };
  const macs = full.groups * full.batches * full.m * full.n * full.channels * full.taps;
  return kernel({ work: full, macs, ...more });
}

const both = (machine: Machine, ...kernels: Kernel[]): [number, number] => {
  const b = computeBounds({ kernels, spaces }, machine);
  return [b.boundCycles, b.mappingBoundCycles];
};

describe('bounds by hand', () => {
  // 8×8 at 1 GHz: 64 MACs a cycle; fill 8, drain 14.
  const ws = machineWith(systolic(8, 8));

  test('1: whole folds. 16·16·100 / 64 = 400. 4 folds: 8 + 3·100 + 100 + 14', () => {
    expect(both(ws, contraction({ m: 100, n: 16, channels: 16 }))).toEqual([400, 422]);
  });

  test('2: ragged. 9·9·100 / 64 = 126.6. ⌈9/8⌉² = 4 folds still', () => {
    expect(both(ws, contraction({ m: 100, n: 9, channels: 9 }))).toEqual([127, 422]);
  });

  test('3: a 3×3 convolution. 36·20·49 / 64 = 551.25. 15 folds: 8 + 15·49 + 14', () => {
    expect(both(ws, contraction({ m: 49, n: 20, channels: 4, taps: 9 }))).toEqual([552, 757]);
  });

  test('4: one row of a matrix. 64·64 / 64 = 64. 64 folds wait for their loads: 8 + 63·8 + 1 + 14', () => {
    expect(both(ws, contraction({ m: 1, n: 64, channels: 64 }))).toEqual([64, 527]);
  });

  test('5: depthwise 3×3 does not fit 8 rows: 16 channels × ⌈9/8⌉ folds of 49. 16·9·49 / 64 = 110.25', () => {
    expect(both(ws, contraction({ depthwise: true, groups: 16, m: 49, taps: 9 }))).toEqual([111, 8 + 32 * 49 + 14]);
  });

  test('6: depthwise 2×2, p = min(⌊8/4⌋, 8) = 2: 8 folds. 16·4·49 / 64 = 49', () => {
    expect(both(ws, contraction({ depthwise: true, groups: 16, m: 49, taps: 4 }))).toEqual([49, 8 + 8 * 49 + 14]);
  });

  test('attention: 2 · 16·16·(8 + 8) / 64 = 128. 2 · ⌈8/8⌉·⌈16/8⌉ folds of 16 rows for the scores, as many for the sums: 8 + 2·4·16 + 14', () => {
    const work = { kind: 'attention', batches: 2, m: 16, keys: 16, size: 8, valueSize: 8, vectorLaneTicks: 0 } as const;
    expect(both(ws, kernel({ work, macs: 2 * 16 * 16 * 16 }))).toEqual([128, 150]);
  });

  test('7: two groups of 4 into 4 channels: a fold each. 2·4·4·30 / 64 = 15', () => {
    expect(both(ws, contraction({ groups: 2, m: 30, n: 4, channels: 4 }))).toEqual([15, 8 + 2 * 30 + 14]);
  });

  test('8: float32 at a quarter rate: 16 MACs a cycle, 1600; four times the ticks, 32 + 1600 + 56', () => {
    expect(both(ws, contraction({ m: 100, n: 16, channels: 16 }, { dtype: 'float32' }))).toEqual([1600, 1688]);
  });

  test('9: cold bytes bind: 100,000 B at 16 B a cycle = 6250, more than 400', () => {
    const cold = [{ space: dram, direction: 'read', operand: 'weights', bytes: 100_000 }] as const;
    expect(both(ws, contraction({ m: 100, n: 16, channels: 16 }, { cold }))).toEqual([6250, 6250]);
  });

  test('10: several kernels: sums, fill and drain once. 400 + 400 + 127 ; 8 + 3·400 + 14', () => {
    const whole = contraction({ m: 100, n: 16, channels: 16 });
    expect(both(ws, whole, whole, contraction({ m: 100, n: 9, channels: 9 }))).toEqual([927, 1222]);
  });

  test('11: two cores halve the work, not fill and drain: 200 ; 8 + 200 + 14', () => {
    expect(both(machineWith(systolic(8, 8), { core: { count: 2 } }), contraction({ m: 100, n: 16, channels: 16 }))).toEqual([200, 222]);
  });

  test('12: a core at half the reference clock: 64 MACs per 2 cycles, 800 ; 2·(8 + 400 + 14)', () => {
    expect(both(machineWith(systolic(8, 8), { core: { clock: 'slow' } }), contraction({ m: 100, n: 16, channels: 16 }))).toEqual([
      800, 844,
    ]);
  });

  test('13: dot-product 8×16×1: 20·20·9·49 / 128 = 1378.1 ; 3·9·2·49 + 8', () => {
    expect(both(machineWith(dotProduct(8, 16, 1)), contraction({ m: 49, n: 20, channels: 20, taps: 9 }))).toEqual([1379, 2654]);
  });

  test('14: output stationary: K = 36 under ⌈49/8⌉·⌈20/8⌉ = 21 folds, drain 14 + 8', () => {
    expect(both(machineWith(systolic(8, 8, { dataflow: 'os' })), contraction({ m: 49, n: 20, channels: 4, taps: 9 }))).toEqual([
      552,
      756 + 22,
    ]);
  });

  test('15: resources add up apart: 3200 lane ticks / 16 lanes = 200; host 1 µs + 3000 ops / 1 GHz = 4000 cycles', () => {
    const vector = kernel({ engine: 'vector', work: { kind: 'vector', vectorLaneTicks: 3200 } });
    const host = kernel({ engine: 'host', work: { kind: 'host', ops: 3000, bytes: 10 } });
    const b = computeBounds({ kernels: [vector, host, kernel({ engine: 'dma', work: { kind: 'none' } })], spaces }, ws);
    expect(b.perKernel.map((k) => [k.boundCycles, k.limit])).toEqual([
      [200, 'vector'],
      [4000, 'host'],
      [0, 'latency'],
    ]);
    expect(b.boundCycles).toBe(4000);
  });
});

/** Fewest Σ (start + compute) over all ways to cut a product in two, again and again, along any axis. Depthwise cuts `products` and `n`. */
function cheapestCut(engine: MatrixEngine, rate: number, whole: Product): number {
  const known = new Map<string, number>();
  const best = (p: Product): number => {
    const key = `${p.products} ${p.m} ${p.n} ${p.channels}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    let least = engine.startTicks + matrixTicks(engine, rate, p).compute;
    for (const axis of ['products', 'm', 'n', 'channels'] as const) {
      for (let a = 1; a <= p[axis] / 2; a++) least = Math.min(least, best({ ...p, [axis]: a }) + best({ ...p, [axis]: p[axis] - a }));
    }
    known.set(key, least);
    return least;
  };
  return best(whole);
}

describe('fewest ticks against all cuts', () => {
  const size = fc.integer({ min: 1, max: 6 });
  const anyEngine: fc.Arbitrary<MatrixEngine> = fc.oneof(
    fc
      .record({
        rows: size,
        cols: size,
        dataflow: fc.constantFrom('ws' as const, 'os' as const, 'is' as const),
        doubleBuffered: fc.boolean(),
        startTicks: fc.integer({ min: 0, max: 5 }),
      })
      .map(({ rows, cols, ...more }) => systolic(rows, cols, more)),
    fc.tuple(size, size, size).map((lanes) => dotProduct(...lanes)),
  );
  const anyProduct: fc.Arbitrary<Product> = fc
    .record({ products: size, depthwise: fc.boolean(), m: size, n: size, channels: size, taps: fc.integer({ min: 1, max: 9 }) })
    .map((p) => (p.depthwise ? { ...p, channels: 1 } : p));
  const anyRate = fc.constantFrom(0.25, 0.5, 1, 2);

  test('no cut takes fewer', () => {
    fc.assert(
      fc.property(anyEngine, anyRate, anyProduct, (engine, rate, p) => {
        const { steady, fill } = fewestTicks(engine, rate, p);
        expect(Math.ceil(steady + fill)).toBeLessThanOrEqual(cheapestCut(engine, rate, p));
      }),
      { numRuns: 1500 },
    );
  });

  test('and without start ticks, at rate 1, some cut takes just as many', () => {
    fc.assert(
      fc.property(anyEngine, anyProduct, (engine, p) => {
        fc.pre(!p.depthwise || p.n === 1);
        // Inputs that stay pack several channels only while their pixels fit the columns, so not every cut can reach the packing bound.
        fc.pre(!(p.depthwise && engine.kind === 'systolic' && engine.dataflow === 'is'));
        const { steady, fill } = fewestTicks({ ...engine, startTicks: 0 }, 1, p);
        expect(steady + fill).toBe(cheapestCut({ ...engine, startTicks: 0 }, 1, p));
      }),
      { numRuns: 1500 },
    );
  });

  test('a channel multiplier may pack better in parts: 4×4, 4 channels × 3 outputs, 3 folds where the whole takes 4', () => {
    const engine = systolic(4, 4);
    const p = { products: 4, depthwise: true, m: 20, n: 3, channels: 1, taps: 1 };
    expect(matrixTicks(engine, 1, p).compute).toBe(4 + 4 * 20);
    expect(fewestTicks(engine, 1, p)).toEqual({ steady: 3 * 20, fill: 4 });
    // One output of every channel is one fold; the other two, at p = 2, two folds: two commands, a fill each.
    expect(cheapestCut(engine, 1, p)).toBe(4 + 20 + (4 + 2 * 20));
  });
});
