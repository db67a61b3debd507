import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOccupants } from '../../../src/compiler/memory/occupants.ts';

const taking = fc.array(fc.record({ lo: fc.nat(40), length: fc.nat(20) }), { maxLength: 40 });

describe('occupants', () => {
  it('who takes bytes over meets everyone who had some of them last', () => {
    const o = createOccupants();
    expect([...o.take(0, 10, 1)]).toEqual([]);
    expect([...o.take(10, 20, 2)]).toEqual([]);
    expect([...o.take(5, 15, 3)]).toEqual([1, 2]);
    // 1 still has [0, 5), 3 has [5, 15).
    expect([...o.take(4, 6, 4)]).toEqual([1, 3]);
    expect([...o.take(0, 30, 5)]).toEqual([1, 4, 3, 2]);
    expect([...o.take(7, 7, 6)]).toEqual([]);
  });

  it('agrees with a table of bytes', () => {
    fc.assert(
      fc.property(taking, (rows) => {
        const o = createOccupants();
        const bytes = new Array<number | null>(64).fill(null);
        rows.forEach(({ lo, length }, who) => {
          const before = new Set(bytes.slice(lo, lo + length).filter((b) => b !== null));
          expect(new Set(o.take(lo, lo + length, who))).toEqual(before);
          bytes.fill(who, lo, lo + length);
        });
      }),
    );
  });
});
