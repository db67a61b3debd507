/** What operators mean, written down plainly: reals in, reals out, one rounding to fp32 a step, in the order docs/numerics.md states. */
import { f32 } from './held.ts';

export interface ConvShape {
  /** N, C, H, W */
  readonly x: readonly [number, number, number, number];
  /** M, C / groups, KH, KW */
  readonly w: readonly [number, number, number, number];
  readonly strides: readonly [number, number];
  /** top, left */
  readonly pads: readonly [number, number];
  readonly groups: number;
  readonly out: readonly [number, number];
}

/** Calls `tap` for every product of every output, outputs in row-major order, taps by channel, row, column. */
export function eachTap(
  s: ConvShape,
  begin: (out: number, channel: number) => void,
  tap: (out: number, x: number, w: number) => void,
): void {
  const [n, c, h, width] = s.x;
  const [m, cg, kh, kw] = s.w;
  let at = 0;
  for (let b = 0; b < n; b++)
    for (let o = 0; o < m; o++)
      for (let i = 0; i < s.out[0]; i++)
        for (let j = 0; j < s.out[1]; j++, at++) {
          begin(at, o);
          const first = Math.floor(o / (m / s.groups)) * cg;
          for (let k = 0; k < cg; k++)
            for (let r = 0; r < kh; r++)
              for (let q = 0; q < kw; q++) {
                const row = i * s.strides[0] + r - s.pads[0];
                const column = j * s.strides[1] + q - s.pads[1];
                if (row < 0 || row >= h || column < 0 || column >= width) continue;
                tap(at, ((b * c + first + k) * h + row) * width + column, ((o * cg + k) * kh + r) * kw + q);
              }
        }
}

/** Sums of products in fp32, the bias last. */
export function convReals(s: ConvShape, x: readonly number[], w: readonly number[], bias: readonly number[]): number[] {
  const sums: number[] = [];
  const channels: number[] = [];
  eachTap(
    s,
    (out, channel) => {
      sums[out] = 0;
      channels[out] = channel;
    },
    (out, from, weight) => (sums[out] = f32((sums[out] ?? 0) + f32((x[from] ?? 0) * (w[weight] ?? 0)))),
  );
  return sums.map((sum, out) => (bias.length === 0 ? sum : f32(sum + (bias[channels[out] ?? 0] ?? 0))));
}

/** The same of integers less their zero points, exact. */
export function convIntegers(s: ConvShape, x: readonly number[], xZero: number, w: readonly number[], wZero: number): number[] {
  const sums: number[] = [];
  eachTap(
    s,
    (out) => (sums[out] = 0),
    (out, from, weight) => (sums[out] = (sums[out] ?? 0) + ((x[from] ?? 0) - xZero) * ((w[weight] ?? 0) - wZero)),
  );
  return sums;
}

/** [.., M, K] · [K, N] as a convolution of one pixel a row: rows are images. */
export function productShape(m: number, k: number, n: number): ConvShape {
  return { x: [m, k, 1, 1], w: [n, k, 1, 1], strides: [1, 1], pads: [0, 0], groups: 1, out: [1, 1] };
}

/** A list of columns × rows as one of rows × columns. */
export function transposed(list: readonly number[], rows: number, columns: number): number[] {
  return Array.from({ length: rows * columns }, (_, i) => list[(i % columns) * rows + Math.floor(i / columns)] ?? 0);
}

/** Windows of a square kernel on planes of h × w without padding: the taps of each. */
export function windows(planes: number, h: number, w: number, k: number, stride: number): number[][] {
  const [oh, ow] = [Math.floor((h - k) / stride) + 1, Math.floor((w - k) / stride) + 1];
  return Array.from({ length: planes * oh * ow }, (_, at) => {
    const [plane, i, j] = [Math.floor(at / (oh * ow)), Math.floor(at / ow) % oh, at % ow];
    return Array.from({ length: k * k }, (__, t) => (plane * h + i * stride + Math.floor(t / k)) * w + j * stride + (t % k));
  });
}

export function sumOf(list: readonly number[]): number {
  return list.reduce((sum, x) => f32(sum + x), 0);
}

/** In binary64, for a bound: softmax of a row. */
export function softmaxOf(row: readonly number[]): number[] {
  const max = Math.max(...row);
  const e = row.map((x) => Math.exp(x - max));
  const sum = e.reduce((n, x) => n + x, 0);
  return e.map((x) => x / sum);
}

/** In binary64, for a bound: a row less its mean, over its deviation. */
export function normalized(row: readonly number[], epsilon: number): number[] {
  const mean = row.reduce((n, x) => n + x, 0) / row.length;
  const variance = row.reduce((n, x) => n + (x - mean) ** 2, 0) / row.length;
  return row.map((x) => (x - mean) / Math.sqrt(variance + epsilon));
}
