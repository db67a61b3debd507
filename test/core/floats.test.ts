import { expect, test } from 'vitest';
import {
  decodeFloat,
  decodeScale,
  encodeFloat,
  encodeScale,
  float16FromFloat32,
  floatTable,
  type NarrowFloat,
} from '../../src/core/index.ts';

const eightBit: readonly NarrowFloat[] = ['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz'];

test('by hand, from the format tables of the specifications', () => {
  expect([decodeFloat('float8e4m3fn', 0x38), decodeFloat('float8e4m3fn', 0x7e), decodeFloat('float8e4m3fn', 0x01)]).toEqual([
    1,
    448,
    2 ** -9,
  ]);
  expect([decodeFloat('float8e5m2', 0x3c), decodeFloat('float8e5m2', 0x7b), decodeFloat('float8e5m2', 0x7c)]).toEqual([1, 57344, Infinity]);
  expect([decodeFloat('float8e4m3fnuz', 0x40), decodeFloat('float8e4m3fnuz', 0x7f), decodeFloat('float8e4m3fnuz', 0x80)]).toEqual([
    1,
    240,
    NaN,
  ]);
  expect([decodeFloat('float8e5m2fnuz', 0x40), decodeFloat('float8e5m2fnuz', 0x7f)]).toEqual([1, 57344]);
  expect([...floatTable('float4e2m1')].slice(0, 8)).toEqual([0, 0.5, 1, 1.5, 2, 3, 4, 6]);
  expect([decodeScale(127), decodeScale(0), decodeScale(254), decodeScale(255)]).toEqual([1, 2 ** -127, 2 ** 127, NaN]);
});

test.each(eightBit)('every number of %s survives the way there and back', (format) => {
  for (let bits = 0; bits < 256; bits++) {
    const x = decodeFloat(format, bits);
    const back = encodeFloat(format, x, false);
    if (Number.isNaN(x)) expect(decodeFloat(format, back)).toBeNaN();
    else expect(back).toBe(bits);
  }
});

test.each(eightBit)('%s takes the nearest number, ties to even', (format) => {
  const codes = Array.from({ length: 0x80 }, (_, i) => i).filter((i) => Number.isFinite(decodeFloat(format, i)));
  for (const [i, code] of codes.entries()) {
    const next = codes[i + 1];
    if (next === undefined) continue;
    const [a, b] = [decodeFloat(format, code), decodeFloat(format, next)];
    const middle = (a + b) / 2;
    expect(encodeFloat(format, middle, true)).toBe(code % 2 === 0 ? code : next);
    expect(encodeFloat(format, a + (b - a) * 0.49, true)).toBe(code);
    expect(encodeFloat(format, a + (b - a) * 0.51, true)).toBe(next);
  }
});

test('what is too large saturates, or becomes what the format has for it', () => {
  const large = (f: NarrowFloat, saturate: boolean): number => decodeFloat(f, encodeFloat(f, -1e6, saturate));
  expect(eightBit.map((f) => large(f, true))).toEqual([-448, -240, -57344, -57344]);
  expect(eightBit.map((f) => large(f, false))).toEqual([NaN, NaN, -Infinity, NaN]);
  // 464 lies half way between 448 and the 480 that is not there: it still rounds to 448.
  expect(decodeFloat('float8e4m3fn', encodeFloat('float8e4m3fn', 464, false))).toBe(448);
  expect(encodeFloat('float4e2m1', 100, false)).toBe(7);
});

test('there is no negative zero in the fnuz formats', () => {
  expect([encodeFloat('float8e4m3fnuz', -0, true), encodeFloat('float8e5m2fnuz', -1e-30, true)]).toEqual([0, 0]);
  expect(encodeFloat('float8e4m3fn', -0, true)).toBe(0x80);
});

test('doubles become float16 in one rounding', () => {
  // A hair above half way between 1 and 1 + 2^-10: fp32 would land on the tie and lose it.
  const x = 1 + 2 ** -11 + 2 ** -40;
  expect(encodeFloat('float16', x, false)).toBe(0x3c01);
  expect(float16FromFloat32(Math.fround(x))).toBe(0x3c00);
});

test('scales round up, down or to the nearest power of two', () => {
  expect((['up', 'down', 'nearest'] as const).map((m) => decodeScale(encodeScale(5, true, m)))).toEqual([8, 4, 4]);
  expect([encodeScale(1e60, true, 'up'), encodeScale(1e60, false, 'up'), encodeScale(0, true, 'up')]).toEqual([254, 255, 0]);
});
