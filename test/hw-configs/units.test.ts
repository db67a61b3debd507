import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBase, literalAmount, parseLiteral, quantityKinds, toBase, type QuantityKindName } from '../../src/hw-configs/units.ts';

const gigahertz = 1e9;

function read(text: string, kind: QuantityKindName, clockHz: number | null = gigahertz): number | string {
  const literal = parseLiteral(text);
  if (literal === null) return 'not a literal';
  const amount = literalAmount(literal, clockHz);
  return amount === null ? 'no such unit' : toBase(amount, quantityKinds[kind], clockHz);
}

describe('literals become the machine’s base units', () => {
  test.each<[string, QuantityKindName, number]>([
    ['512 KiB', 'size', 524288],
    ['2 GiB', 'size', 2147483648],
    ['1.5MiB', 'size', 1572864],
    ['16 kB', 'size', 16000],
    ['1024 bit', 'size', 128],
    ['700 MHz', 'frequency', 700000000],
    ['12.8 GB/s', 'bandwidth', 12800000000],
    ['14 GiB/s', 'bandwidth', 15032385536],
    ['64 B/cycle', 'bandwidth', 64e9],
    ['80 ns', 'time', 80000],
    ['0.1 us', 'time', 100000],
    ['32 cycles', 'time', 32000],
    ['16 cycles', 'ticks', 16],
    ['16 ns', 'ticks', 16],
    ['64 B/cycle', 'bytesPerTick', 64],
    ['64 GB/s', 'bytesPerTick', 64],
    ['0.2 pJ', 'energy', 0.2],
    ['5 fJ', 'energy', 0.005],
    ['2 nJ', 'energy', 2000],
    ['5 pJ/B', 'energyPerByte', 5],
    ['1 pJ/bit', 'energyPerByte', 8],
    ['50 mW', 'power', 0.05],
    ['900 mV', 'voltage', 0.9],
    ['28 nm', 'length', 28],
    ['1.5 mm2', 'area', 1.5],
    ['1.5 mm^2', 'area', 1.5],
    ['600 um2', 'area', 0.0006],
    ['2 GOPS', 'operationRate', 2e9],
    ['5e8 op/s', 'operationRate', 5e8],
    ['32', 'count', 32],
    ['0.25', 'ratio', 0.25],
  ])('%s as %s is %d', (text, kind, expected) => {
    expect(read(text, kind)).toBe(expected);
  });

  test('a cycle is as long as the clock says; parts of a picosecond are dropped, as at clock edges', () => {
    expect(read('1 cycle', 'time', 700e6)).toBe(1428); // 1428.57 ps
    expect(read('7 cycles', 'time', 700e6)).toBe(10000);
    expect(read('256 B/cycle', 'bandwidth', 700e6)).toBe(179.2e9);
  });
});

describe('what is not a quantity of its kind', () => {
  test.each<[string, QuantityKindName, string]>([
    ['512 GHz', 'size', 'dimension'],
    ['512', 'size', 'dimension'],
    ['32 B', 'count', 'dimension'],
    ['1 GB', 'bandwidth', 'dimension'],
    ['0 B', 'size', 'sign'],
    ['-1 ns', 'time', 'sign'],
    ['1.5 B', 'size', 'whole'],
    ['1.5', 'count', 'whole'],
    ['1e400 B', 'size', 'finite'],
    ['5 KB', 'size', 'no such unit'],
    ['rows * 4', 'count', 'not a literal'],
    ['1 cycle', 'frequency', 'no such unit'],
  ])('%s as %s: %s', (text, kind, expected) => {
    expect(read(text, kind, kind === 'frequency' ? null : gigahertz)).toBe(expected);
  });
});

test('a base value turned into an amount and back is itself', () => {
  const kinds = fc.constantFrom(...(Object.keys(quantityKinds) as QuantityKindName[]));
  fc.assert(
    fc.property(kinds, fc.integer({ min: 1, max: 2 ** 40 }), fc.constantFrom(1e9, 7e8, 333333333), (name, value, clockHz) => {
      const kind = quantityKinds[name];
      expect(toBase(fromBase(value, kind, clockHz), kind, clockHz)).toBe(value);
    }),
  );
});
