import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SystoleError } from '../../src/core/index.ts';
import {
  addDim,
  bindDim,
  ceilDivDim,
  equalDim,
  floorDivDim,
  maxDim,
  mulDim,
  parseDim,
  printDim,
  subDim,
  symbolDim,
  symbolsOf,
  type Dim,
} from '../../src/graph/index.ts';

const n = symbolDim('n');
const seq = symbolDim('seq');

test('equal expressions are written alike', () => {
  expect(printDim(addDim(mulDim(2, seq), 1))).toBe('2*seq+1');
  expect(printDim(addDim(addDim(seq, 1), seq))).toBe('2*seq+1');
  expect(printDim(mulDim(addDim(n, 1), addDim(n, -1)))).toBe('n*n-1');
  expect(subDim(addDim(n, seq), addDim(seq, n))).toBe(0);
  expect(equalDim(mulDim(n, addDim(seq, 2)), addDim(mulDim(seq, n), mulDim(2, n)))).toBe(true);
  expect(equalDim(maxDim(n, seq), maxDim(seq, n))).toBe(true);
  expect(printDim(maxDim(addDim(n, 3), n))).toBe('n+3');
});

test('divisions that come out even vanish', () => {
  expect(printDim(floorDivDim(addDim(mulDim(4, n), 6), 4))).toBe('n+1');
  expect(printDim(ceilDivDim(addDim(mulDim(4, n), 1), 4))).toBe('n+1');
  expect(printDim(floorDivDim(mulDim(mulDim(n, seq), 768), mulDim(n, 64)))).toBe('12*seq');
});

test('a chain of strided convolutions stays one division', () => {
  // (h + 2·3 - 7) / 2 + 1, then (x + 2·1 - 3) / 2 + 1: together floor((h - 1) / 4) + 1.
  const first = addDim(floorDivDim(subDim(symbolDim('h'), 1), 2), 1);
  const second = addDim(floorDivDim(subDim(first, 1), 2), 1);
  expect(printDim(second)).toBe('floor((h+3)/4)');
  expect(bindDim(second, { h: 224 })).toBe(56);
});

test('symbols of any characters survive text', () => {
  const odd = symbolDim("batch size's \\ 1");
  expect(printDim(mulDim(2, odd))).toBe("2*'batch size\\'s \\\\ 1'");
  expect(equalDim(parseDim(printDim(odd)), odd)).toBe(true);
});

test('what is not a dimension is a coded error', () => {
  for (const text of ['', '2*', 'a b', 'floor(a)', '(1', '$']) expect(() => parseDim(text)).toThrow(SystoleError);
});

const symbols = ['a', 'b', 'c'];
const dim: fc.Arbitrary<Dim> = fc.letrec<{ dim: Dim }>((tie) => ({
  dim: fc.oneof(
    { depthSize: 'small' },
    fc.integer({ min: 0, max: 9 }),
    fc.constantFrom(...symbols).map(symbolDim),
    fc.tuple(tie('dim'), tie('dim'), fc.constantFrom(addDim, subDim, mulDim, maxDim)).map(([x, y, f]) => f(x, y)),
    fc.tuple(tie('dim'), fc.integer({ min: 1, max: 6 }), fc.constantFrom(floorDivDim, ceilDivDim)).map(([x, y, f]) => f(x, y)),
  ),
})).dim;
const sizes = fc.record({ a: fc.integer({ min: 0, max: 50 }), b: fc.integer({ min: 1, max: 50 }), c: fc.integer({ min: 2, max: 9 }) });

test('simplifying does not change what an expression is worth', () => {
  const operations: readonly (readonly [(x: Dim, y: Dim) => Dim, (x: number, y: number) => number])[] = [
    [addDim, (x, y) => x + y],
    [subDim, (x, y) => x - y],
    [mulDim, (x, y) => x * y],
    [maxDim, Math.max],
    [(x) => floorDivDim(x, 3), (x) => Math.floor(x / 3)],
    [(x) => ceilDivDim(x, 5), (x) => Math.ceil(x / 5)],
    [(x) => floorDivDim(floorDivDim(x, 4), 2), (x) => Math.floor(x / 8)],
  ];
  fc.assert(
    fc.property(dim, dim, sizes, fc.constantFrom(...operations), (x, y, env, [symbolic, numeric]) => {
      const a = Number(bindDim(x, env));
      const b = Number(bindDim(y, env));
      expect(Number(bindDim(symbolic(x, y), env)) + 0).toBe(numeric(a, b) + 0);
    }),
    { numRuns: 300 },
  );
});

test('text is read back as the same expression', () => {
  fc.assert(
    fc.property(dim, (x) => {
      expect(parseDim(printDim(x))).toEqual(x);
      expect(equalDim(parseDim(printDim(x)), x)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('binding leaves no symbol of the binding', () => {
  fc.assert(
    fc.property(dim, (x) => {
      expect(symbolsOf(bindDim(x, { a: 3, b: 4 })).filter((s) => s !== 'c')).toEqual([]);
    }),
    { numRuns: 100 },
  );
});
