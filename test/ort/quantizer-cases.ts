/** Quantizing itself: scales of the model, by tensor, channel and block, and of the run. */
import fc from 'fast-check';
import { seededRandom } from '../../src/core/index.ts';
import { caseBuilder, casesOf, extent, factor, seed, size, step, type CaseArbitrary } from './quantized-cases.ts';

function numbers(seedOf: number, count: number, ties: number): readonly number[] {
  const random = seededRandom(seedOf ^ 0xa5);
  // On ties, beyond both ends, and anywhere.
  return Array.from({ length: count }, () =>
    Math.fround(random.next() < 0.5 ? (random.integer(-300, 300) + 0.5) * ties : random.bell() * 40 * ties),
  );
}

const quantizeLinear: CaseArbitrary = casesOf(
  fc.record({
    seed,
    t: fc.constantFrom('int8' as const, 'uint8' as const, 'int16' as const, 'uint16' as const),
    s: step,
    shape: fc.tuple(extent(3), extent(6), extent(8)),
    axis: fc.integer({ min: -1, max: 2 }),
    blocks: fc.boolean(),
    back: fc.boolean(),
  }),
  (c) => {
    const b = caseBuilder(c.seed);
    const wide = c.t.endsWith('16');
    const lo = c.t.startsWith('u') ? 0 : wide ? -32768 : -128;
    const s = Math.fround(c.s.factor / 8);
    const random = seededRandom(c.seed ^ 3);
    const zero = (): number => lo + random.integer(0, wide ? 65535 : 255);
    const scale = (): number => Math.fround(s * (random.integer(1, 16) / 8));
    let shape: readonly number[] = [];
    let attributes = {};
    const at = c.axis;
    const dims: number[] = [...c.shape];
    if (at >= 0) {
      attributes = { axis: at };
      shape = [c.shape[at] ?? 1];
      if (c.blocks) {
        const block = 2;
        dims[at] = (c.shape[at] ?? 1) * block;
        shape = c.shape.map((d) => d);
        attributes = { axis: at, block_size: block };
      }
    }
    const parameters = [
      b.constant('float32', shape, Array.from({ length: size(shape) }, scale)),
      b.constant(c.t, shape, Array.from({ length: size(shape) }, zero)),
    ];
    const q = b.node('QuantizeLinear', [b.floats('x', dims, numbers(c.seed, size(dims), s)), ...parameters], attributes);
    if (!c.back) return b.done([q, c.t]);
    return b.done([q, c.t], [b.node('DequantizeLinear', [q, ...parameters], attributes), 'float32']);
  },
);

const dynamicQuantizeLinear: CaseArbitrary = casesOf(
  fc.record({ seed, shape: fc.tuple(extent(5), extent(20)), s: factor, only: fc.constantFrom(-1, 0, 1) }),
  (c) => {
    const b = caseBuilder(c.seed);
    const values = numbers(c.seed, size(c.shape), c.s / 50).map((v) => (c.only === 0 ? v : c.only * Math.abs(v)));
    const d = b.dynamic(b.floats('x', c.shape, values));
    return b.done([d.q, 'uint8'], [d.scale, 'float32'], [d.zero, 'uint8']);
  },
);

export const quantizers: Readonly<Record<string, CaseArbitrary>> = {
  QuantizeLinear: quantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
};
