import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { onnx } from '../../src/onnx/generated/onnx.js';
import { decodeModel, decodeTensor } from '../../src/onnx/index.ts';

/** The same tensor in typed fields, written by the codec itself. */
function typed(fields: onnx.TensorProto.$Properties): Uint8Array {
  const written = onnx.TensorProto.encode(fields).finish();
  return new Uint8Array(written.buffer, written.byteOffset, written.byteLength);
}

function bytesOf(proto: Uint8Array): Uint8Array {
  const { data } = decodeTensor(proto);
  if (data.kind !== 'bytes') throw new Error(data.kind);
  return data.bytes;
}

describe('packed numbers are read as the codec reads them, short runs and long ones', () => {
  const lengths = fc.oneof(fc.nat(10), fc.integer({ min: 60, max: 300 }));
  const listOf = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => lengths.chain((n) => fc.array(item, { minLength: n, maxLength: n }));

  test('int64, all 64 bits', () => {
    fc.assert(
      fc.property(listOf(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), (numbers) => {
        const long = (n: bigint) => ({ low: Number(BigInt.asIntN(32, n)), high: Number(BigInt.asIntN(32, n >> 32n)), unsigned: false });
        const bytes = bytesOf(typed({ dims: [numbers.length], dataType: 7, int64Data: numbers.map(long) as never }));
        expect([...new BigInt64Array(bytes.slice().buffer)]).toEqual(numbers);
      }),
      { seed: 1 },
    );
  });

  test('int32 in place of int8, int16 and int32', () => {
    fc.assert(
      fc.property(listOf(fc.integer({ min: -128, max: 127 })), (numbers) => {
        const read = (dataType: number): Uint8Array => bytesOf(typed({ dims: [numbers.length], dataType, int32Data: numbers }));
        expect([...new Int8Array(read(3).slice().buffer)]).toEqual(numbers);
        expect([...new Int16Array(read(5).slice().buffer)]).toEqual(numbers);
        expect([...new Int32Array(read(6).slice().buffer)]).toEqual(numbers);
      }),
      { seed: 2 },
    );
  });

  test('floats and doubles', () => {
    fc.assert(
      fc.property(listOf(fc.float()), (numbers) => {
        const single = bytesOf(typed({ dims: [numbers.length], dataType: 1, floatData: numbers }));
        const double = bytesOf(typed({ dims: [numbers.length], dataType: 11, doubleData: numbers }));
        expect([...new Float32Array(single.slice().buffer)]).toEqual(numbers);
        expect([...new Float64Array(double.slice().buffer)]).toEqual(numbers);
      }),
      { seed: 3 },
    );
  });

  test('runs that are cut or too long are told by byte and field', () => {
    const run = (bytes: readonly number[]): unknown => decodeTensor(Uint8Array.from([0x3a, bytes.length, ...bytes]));
    const endless = Array.from({ length: 100 }, () => 0x80);
    expect(() => run(endless)).toThrow(/SYS1002.*byte 2 of 102, in int64_data.*longer than 10 bytes/);
    expect(() => run([...Array.from({ length: 99 }, () => 1), 0x80])).toThrow(/SYS1002.*in int64_data/);
  });
});

test('a million numbers of one byte take memory for themselves, not for an object each', () => {
  const count = 4_000_000;
  const length = [0x80 | (count & 127), 0x80 | ((count >> 7) & 127), 0x80 | ((count >> 14) & 127), count >> 21];
  const dims = [0x08, ...length];
  const bytes = new Uint8Array(dims.length + 2 + 1 + length.length + count);
  bytes.set([...dims, 0x10, 7, 0x3a, ...length]);
  const before = process.memoryUsage().rss;
  expect(bytesOf(bytes)).toHaveLength(8 * count);
  expect(process.memoryUsage().rss - before).toBeLessThan(16 * count + 64 * 2 ** 20);
});

test('a file beyond the end of protocol buffers is refused before it is read', () => {
  // Zeros the system never hands out: nothing looks at them.
  expect(() => decodeModel(new Uint8Array(2 ** 31))).toThrow('SYS1040');
});
