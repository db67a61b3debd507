/** Steps: convolutions in all their forms, matrix products, attention, recurrent networks, norms and softmax. */
import { isEngineFloat } from '../../src/core/index.ts';
import { Skip, type Made, type Maker } from './maker.ts';

export type Step = (m: Maker) => void;

const isFloat = (v: Made): boolean => isEngineFloat(v.dtype);
const empty = (v: Made): boolean => v.shape.includes(0);

export function floatOfRank(m: Maker, lo: number, hi: number = lo): Made {
  const found = m.value((v) => v.dtype === m.float && v.shape.length >= lo && v.shape.length <= hi);
  if (found === null) throw new Skip('no such value');
  return found;
}

/** Windows along every axis: kernel, strides, dilations, pads (begins, then ends), none of which leaves an axis without a result. */
function windows(m: Maker, sides: readonly number[], mostPad: (kernel: number) => number) {
  const kernel = sides.map((side) => m.int(1, Math.max(1, Math.min(4, side))));
  const dilations = kernel.map((k, i) => (m.chance(0.2) && (k - 1) * 2 < (sides[i] ?? 1) ? 2 : 1));
  const strides = sides.map(() => m.pick([1, 1, 1, 2, 2, 3]));
  // Where windows skip none, padding may be as wide as they are: then some see nothing else.
  const pads = [...kernel, ...kernel].map((k, i) =>
    m.chance(0.5) ? m.int(0, Math.max(0, strides[i % kernel.length] === 1 ? mostPad(k) : k - 1)) : 0,
  );
  return { kernel, dilations, strides, pads };
}

function padding(m: Maker, pads: readonly number[]): Readonly<Record<string, string | readonly number[]>> {
  return m.chance(0.15) ? { auto_pad: m.pick(['SAME_UPPER', 'SAME_LOWER', 'VALID']) } : { pads };
}

function groupsOf(m: Maker, channels: number): number {
  return m.chance(0.4) ? m.pick([1, 2, 3, channels].filter((g) => channels % g === 0) as [number, ...number[]]) : 1;
}

function conv(m: Maker): void {
  const x = floatOfRank(m, 3, 5);
  const [, channels = 1, ...sides] = x.shape;
  if (channels === 0) throw new Skip('no channels');
  const { kernel, dilations, strides, pads } = windows(m, sides, (k) => k);
  const group = groupsOf(m, channels);
  const filters = group * (group === channels ? m.int(1, 2) : m.int(1, 9));
  const scale = 1 / Math.sqrt((channels / group) * kernel.reduce((n, k) => n * k, 1));
  const shape = [filters, channels / group, ...kernel];
  const w = m.chance(0.1) ? m.input(shape) : m.constant(shape, m.float, scale);
  const bias = m.chance(0.6) ? [m.constant([filters], m.float, 0.3)] : [];
  const named = m.chance(0.7) ? { kernel_shape: kernel } : {};
  const auto = padding(m, pads);
  m.op('Conv', [x, w, ...bias], { ...named, strides, dilations: 'auto_pad' in auto ? kernel.map(() => 1) : dilations, group, ...auto });
}

function convTranspose(m: Maker): void {
  const x = floatOfRank(m, 3, 5);
  const [, channels = 1, ...sides] = x.shape;
  if (channels === 0) throw new Skip('no channels');
  const { kernel, dilations, strides } = windows(
    m,
    sides.map(() => 3),
    () => 0,
  );
  const group = groupsOf(m, channels);
  const pads = [...kernel, ...kernel].map((k) => m.int(0, Math.max(0, Math.min(1, k - 1))));
  const extra = strides.map((s, i) => (m.chance(0.3) ? m.int(0, Math.max(s, dilations[i] ?? 1) - 1) : 0));
  const w = m.constant([channels, m.int(1, 5), ...kernel], m.float, 0.4);
  const bias = m.chance(0.5) ? [m.constant([(w.shape[1] ?? 1) * group], m.float, 0.3)] : [];
  m.op('ConvTranspose', [x, w, ...bias], { strides, dilations, group, pads, output_padding: extra });
}

function matmul(m: Maker): void {
  const x = floatOfRank(m, 1, 4);
  const k = x.shape.at(-1) ?? 1;
  const n = m.int(1, 17);
  const scale = 1 / Math.sqrt(Math.max(1, k));
  if (m.chance(0.15)) {
    m.op('MatMul', [x, m.constant([k], m.float, scale)]);
    return;
  }
  const batch = m.chance(0.5) ? [] : x.shape.slice(0, -2).map((d) => (m.chance(0.4) ? 1 : d));
  if (m.chance(0.1)) batch.unshift(2);
  const shape = [...batch, k, n];
  m.op('MatMul', [x, m.chance(0.4) ? m.input(shape) : m.constant(shape, m.float, scale)]);
}

function gemm(m: Maker): void {
  const x = floatOfRank(m, 2);
  const [transA, transB] = [m.int(0, 1), m.int(0, 1)];
  const [rows = 1, k = 1] = transA === 1 ? x.shape.toReversed() : x.shape;
  const n = m.int(1, 17);
  const w = m.constant(transB === 1 ? [n, k] : [k, n], m.float, 1 / Math.sqrt(Math.max(1, k)));
  const c = m.chance(0.7) ? [m.constant(m.pick([[n], [1, n], [rows, 1], [rows, n], []]), m.float, 0.5)] : [];
  const factors = m.chance(0.3) ? { alpha: { float: 0.5 }, beta: { float: m.pick([1, 2, -0.25]) } } : {};
  m.op('Gemm', [x, w, ...c], { transA, transB, ...factors });
}

function pool(m: Maker): void {
  const x = floatOfRank(m, 3, 4);
  const sides = x.shape.slice(2);
  if (m.chance(0.2)) {
    m.op(m.pick(['GlobalAveragePool', 'GlobalMaxPool']), [x]);
    return;
  }
  const { kernel, strides, dilations, pads } = windows(m, sides, (k) => k - 1);
  const auto = padding(m, pads);
  const dilated = 'auto_pad' in auto ? {} : { dilations };
  const usual = { kernel_shape: kernel, strides, ...auto, ...dilated, ceil_mode: m.int(0, 1) };
  if (m.chance(0.5)) m.op('MaxPool', [x], usual);
  else m.op('AveragePool', [x], { ...usual, count_include_pad: m.int(0, 1) });
}

function attention(m: Maker): void {
  const [batch, heads, length, past, size] = [m.int(1, 2), m.int(1, 3), m.int(1, 7), m.int(1, 9), m.int(1, 6)];
  const q = m.value((v) => v.dtype === m.float && v.shape.length === 4 && !empty(v)) ?? m.input([batch, heads, length, size]);
  const [b = 1, h = 1, , d = 1] = q.shape;
  const k = m.input([b, h, past, d]);
  const v = m.input([b, h, past, m.int(1, 6)]);
  const mask = m.chance(0.3) ? [m.constant([q.shape[2] ?? 1, past], m.float, 2)] : [];
  m.op('Attention', [q, k, v, ...mask], m.chance(0.3) ? { is_causal: 1 } : {});
}

function recurrent(m: Maker): void {
  const op = m.pick(['LSTM', 'GRU', 'RNN']);
  const [length, batch, size, hidden] = [m.int(1, 4), m.int(1, 3), m.int(1, 6), m.int(1, 5)];
  const direction = m.pick(['forward', 'reverse', 'bidirectional']);
  const [gates, ways] = [op === 'LSTM' ? 4 : op === 'GRU' ? 3 : 1, direction === 'bidirectional' ? 2 : 1];
  const x = m.value((v) => v.dtype === m.float && v.shape.length === 3 && !empty(v)) ?? m.input([length, batch, size]);
  const w = m.constant([ways, gates * hidden, x.shape[2] ?? 1], m.float, 0.4);
  const r = m.constant([ways, gates * hidden, hidden], m.float, 0.4);
  const bias = m.chance(0.6) ? m.constant([ways, 2 * gates * hidden], m.float, 0.3) : null;
  const linear = op === 'GRU' ? { linear_before_reset: m.int(0, 1) } : {};
  const start = m.chance(0.3) ? [null, m.input([ways, x.shape[1] ?? 1, hidden])] : [];
  m.ops(op, [x, w, r, ...(start.length > 0 || bias !== null ? [bias] : []), ...start], m.int(1, 2), {
    direction,
    hidden_size: hidden,
    ...linear,
  });
}

function softmax(m: Maker): void {
  const x = floatOfRank(m, 1, 4);
  m.op(m.pick(['Softmax', 'Softmax', 'LogSoftmax']), [x], { axis: m.int(-x.shape.length, x.shape.length - 1) });
}

function norm(m: Maker): void {
  const image = m.value((v) => isFloat(v) && v.dtype === m.float && v.shape.length >= 3 && v.shape.length <= 4);
  const kind = m.int(0, 4);
  if (image !== null && kind >= 2) {
    const channels = image.shape[1] ?? 1;
    const pair = (): Made => m.constant([channels], m.float, 0.7);
    if (kind === 2) m.op('InstanceNormalization', [image, pair(), pair()]);
    else if (kind === 3) {
      const variance = m.numbers(
        m.float,
        [channels],
        Array.from({ length: channels }, () => 0.5 + m.random.next()),
      );
      m.op('BatchNormalization', [image, pair(), pair(), pair(), variance]);
    } else {
      const groups = m.pick([1, 2, 3, channels].filter((g) => g > 0 && channels % g === 0) as [number, ...number[]]);
      m.op('GroupNormalization', [image, pair(), pair()], { num_groups: groups });
    }
    return;
  }
  const x = floatOfRank(m, 1, 4);
  const axis = m.int(0, x.shape.length - 1);
  const scale = m.constant(x.shape.slice(axis), m.float, 0.7);
  if (kind === 0) m.op('RMSNormalization', [x, scale], { axis });
  else m.op('LayerNormalization', [x, scale, ...(m.chance(0.7) ? [m.constant(scale.shape, m.float, 0.5)] : [])], { axis });
}

export const contractionSteps: readonly (readonly [weight: number, step: Step])[] = [
  [12, conv],
  [4, convTranspose],
  [7, matmul],
  [4, gemm],
  [7, pool],
  [2, attention],
  [1.5, recurrent],
  [4, softmax],
  [4, norm],
];
