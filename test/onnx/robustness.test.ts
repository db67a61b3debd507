import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SystoleError } from '../../src/core/index.ts';
import { fields, onnx } from '../../src/onnx/generated/onnx.js';
import { decodeModel, encodeModel } from '../../src/onnx/index.ts';
import { locateDamage } from '../../src/onnx/locate-damage.ts';
import { packedReader } from '../../src/onnx/packed.ts';
import { arbitraryModel } from './arbitrary-model.ts';

/** A valid file in which some bytes were overwritten, and perhaps the end cut off. */
const mutated = fc
  .record({
    model: arbitraryModel,
    edits: fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { maxLength: 6 }),
    cut: fc.option(fc.nat()),
  })
  .map(({ model, edits, cut }) => {
    const bytes = encodeModel(model).slice();
    for (const { at, byte } of edits) if (bytes.length > 0) bytes[at % bytes.length] = byte;
    return cut === null ? bytes : bytes.subarray(0, cut % (bytes.length + 1));
  });

const anyBytes = fc.oneof(mutated, fc.uint8Array({ maxLength: 200 }));

function outcome(read: () => unknown): 'read' | 'coded' {
  try {
    read();
    return 'read';
  } catch (error) {
    if (!(error instanceof SystoleError)) throw error;
    expect(error.diagnostics.every((d) => /^SYS10\d\d$/.test(d.code))).toBe(true);
    expect(error.diagnostics.length).toBeLessThanOrEqual(21);
    return 'coded';
  }
}

describe('whatever the bytes', () => {
  test('decoding returns or throws a coded error', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        seen.add(outcome(() => decodeModel(bytes)));
      }),
      { numRuns: 1500, seed: 2 },
    );
    expect(seen.size).toBe(2);
  });

  test('the damage finder and the codec agree on which files are damaged', () => {
    let damaged = 0;
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const damage = locateDamage(bytes, 'ModelProto', fields);
        let refused = false;
        try {
          onnx.ModelProto.decode(packedReader(bytes));
        } catch {
          refused = true;
        }
        expect(damage !== undefined).toBe(refused);
        if (damage === undefined) return;
        damaged++;
        expect(damage.offset).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 1500, seed: 3 },
    );
    expect(damaged).toBeGreaterThan(100);
  });

  test('graphs nested without end are refused, not followed', () => {
    // Each step wraps: graph { node { attribute { g: <inner> } } } = fields 1, 5, 6.
    let inner: number[] = [];
    const wrap = (field: number, body: number[]): number[] => [field * 8 + 2, ...varint(body.length), ...body];
    for (let i = 0; i < 200; i++) inner = wrap(1, wrap(5, wrap(6, inner)));
    expect(outcome(() => decodeModel(Uint8Array.from(wrap(7, inner))))).toBe('coded');
  });

  test('a length of two gigabytes in a file of ten bytes allocates nothing', () => {
    expect(outcome(() => decodeModel(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x07, 0, 0, 0, 0)))).toBe('coded');
  });
});

function varint(n: number): number[] {
  return n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)];
}
