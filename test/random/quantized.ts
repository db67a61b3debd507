/** Quantized graphs: every constant and most results between QuantizeLinear and DequantizeLinear; and steps on integers. */
import { Skip, type Made, type Maker } from './maker.ts';
import type { Step } from './contractions.ts';
import type { DType } from '../../src/core/index.ts';

/** The maker with what it makes in floats quantized: constants as weights held in integers, results by pairs that tools insert. */
export function quantizing(m: Maker): Maker {
  const own: Maker = {
    ...m,
    input(shape, dtype = m.float) {
      const x = m.input(shape, dtype);
      return dtype === m.float ? pair(m, x, 1.5) : x;
    },
    constant(shape, dtype = m.float, scale = 1) {
      if (dtype !== m.float || m.chance(0.15)) return m.constant(shape, dtype, scale);
      const kind = m.pick<DType>(['int8', 'int8', 'int8', 'uint8', 'int4']);
      const channels = shape[0] ?? 1;
      const perChannel = shape.length > 2 && channels > 0 && m.chance(0.6);
      const step = (scale * 3) / (kind === 'int4' ? 7 : 127);
      const scales = Array.from({ length: perChannel ? channels : 1 }, () => Math.fround(step * (m.int(8, 32) / 32)));
      const zeros = scales.map(() => (kind === 'uint8' ? 128 : 0));
      const at = perChannel ? [channels] : [];
      const q = m.constant(shape, kind, 1);
      return m.op('DequantizeLinear', [q, m.numbers('float32', at, scales), m.numbers(kind, at, zeros)], perChannel ? { axis: 0 } : {});
    },
    op: (op, given, attributes) => own.ops(op, given, 1, attributes)[0] as Made,
    ops(op, given, outputs, attributes) {
      const results = m.ops(op, given, outputs, attributes);
      return results.map((v) => (v.dtype === m.float && m.chance(0.75) ? pair(m, v, m.pick([0.5, 2, 6])) : v));
    },
  };
  return own;
}

/** Scales are short of bits, so that results fall on ties now and then; ranges are at times too small, so that they saturate. */
function pair(m: Maker, x: Made, range: number): Made {
  const dtype = m.pick<DType>(['int8', 'uint8']);
  const scale = m.numbers('float32', [], [(range * m.int(8, 32)) / 32 / 128]);
  const zero = m.numbers(dtype, [], [m.chance(0.4) ? (dtype === 'int8' ? 0 : 128) : m.int(dtype === 'int8' ? -128 : 0, 127)]);
  return m.op('DequantizeLinear', [m.op('QuantizeLinear', [x, scale, zero]), scale, zero]);
}

function byteValue(m: Maker, rank: number, most: number): Made {
  const found = m.value((v) => (v.dtype === 'int8' || v.dtype === 'uint8') && v.shape.length >= rank && v.shape.length <= most);
  if (found === null) throw new Skip('no bytes');
  return found;
}

function matmulInteger(m: Maker): void {
  const x = byteValue(m, 2, 4);
  const w = m.constant([x.shape.at(-1) ?? 1, m.int(1, 17)], m.pick<DType>(['int8', 'uint8']));
  const zeros = m.chance(0.6)
    ? [m.numbers(x.dtype, [], [m.int(0, 127)]), ...(m.chance(0.5) ? [m.numbers(w.dtype, [], [m.int(0, 127)])] : [])]
    : [];
  m.op('MatMulInteger', [x, w, ...zeros]);
}

function convInteger(m: Maker): void {
  const x = byteValue(m, 3, 4);
  const [, channels = 1, ...sides] = x.shape;
  const kernel = sides.map((d) => m.int(1, Math.max(1, Math.min(3, d))));
  const w = m.constant([m.int(1, 9), channels, ...kernel], m.pick<DType>(['int8', 'uint8']));
  const zeros = m.chance(0.6)
    ? [m.numbers(x.dtype, [], [m.int(0, 127)]), ...(m.chance(0.5) ? [m.numbers(w.dtype, [], [m.int(0, 127)])] : [])]
    : [];
  m.op('ConvInteger', [x, w, ...zeros], { pads: [...kernel, ...kernel].map((k) => m.int(0, k - 1)) });
}

function rescaled(m: Maker): void {
  const x = m.value((v) => v.dtype === 'int32');
  if (x === null) throw new Skip('no sums');
  const scale = m.numbers('float32', [], [m.pick([0.5, 0.0078125, 0.01])]);
  const real = m.op('DequantizeLinear', [x, scale, m.numbers('int32', [], [0])]);
  const dtype = m.pick<DType>(['int8', 'uint8', 'int16']);
  m.op('QuantizeLinear', [real, m.numbers('float32', [], [m.pick([0.5, 1, 0.3])]), m.numbers(dtype, [], [m.int(0, 100)])]);
}

export const integerSteps: readonly (readonly [weight: number, step: Step])[] = [
  [6, matmulInteger],
  [6, convInteger],
  [5, rescaled],
];
