/** Discrete Fourier transforms of any length, in double. */
import { cos64, sin64 } from '../../core/index.ts';

export interface Complex {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

const tau = 6.283185307179586;

function smallestFactor(n: number): number {
  for (let p = 2; p * p <= n; p++) if (n % p === 0) return p;
  return n;
}

/** e^(±2πi k / n) for k < n. */
function roots(n: number, inverse: boolean): Complex {
  const re = new Float64Array(n);
  const im = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    re[k] = cos64((tau * k) / n);
    im[k] = (inverse ? 1 : -1) * sin64((tau * k) / n);
  }
  return { re, im };
}

/** X[k] = Σ x[n] e^(∓2πi kn / N), by Cooley and Tukey over the prime factors of N; the inverse is not divided by N. */
export function fourier(x: Complex, inverse: boolean): Complex {
  return transform(x, 0, 1, x.re.length, roots(x.re.length, inverse));
}

/** The transform of n elements of x from `start` on, `stride` apart; w holds the roots of the whole, of which every N/n-th is ours. */
function transform(x: Complex, start: number, stride: number, n: number, w: Complex): Complex {
  const re = new Float64Array(n);
  const im = new Float64Array(n);
  if (n <= 1) {
    if (n === 1) {
      re[0] = x.re[start] ?? 0;
      im[0] = x.im[start] ?? 0;
    }
    return { re, im };
  }
  const p = smallestFactor(n);
  const m = n / p;
  const parts = Array.from({ length: p }, (_, r) => transform(x, start + r * stride, stride * p, m, w));
  const step = w.re.length / n;
  for (let k = 0; k < n; k++) {
    let a = 0;
    let b = 0;
    for (let r = 0; r < p; r++) {
      const part = parts[r];
      const at = ((k * r) % n) * step;
      const [c, s] = [w.re[at] ?? 1, w.im[at] ?? 0];
      const [u, v] = [part?.re[k % m] ?? 0, part?.im[k % m] ?? 0];
      a += u * c - v * s;
      b += u * s + v * c;
    }
    re[k] = a;
    im[k] = b;
  }
  return { re, im };
}
