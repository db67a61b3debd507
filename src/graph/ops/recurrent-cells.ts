/** One time step of RNN, GRU and LSTM, and the run over a sequence; all in fp32, sums with k ascending. */
import type { Activation } from './recurrent-activations.ts';

const round = Math.fround;

export interface CellSizes {
  readonly input: number;
  readonly hidden: number;
  /** Blocks of W and R: 1, 3 or 4. */
  readonly gates: number;
}

/** The parameters of one direction. */
export interface CellWeights {
  /** [gates · hidden, input] */
  readonly w: Float32Array;
  /** [gates · hidden, hidden] */
  readonly r: Float32Array;
  /** Biases of W then of R, [2 · gates · hidden]; zeros where left out. */
  readonly b: Float32Array;
  /** Peepholes of LSTM in the order i, o, f, [3 · hidden]; zeros where left out. */
  readonly p: Float32Array;
  readonly activations: readonly Activation[];
  /** Inputs of activations are clipped to ±clip; 0: not at all. */
  readonly clip: number;
  readonly linearBeforeReset: boolean;
  readonly inputForget: boolean;
}

/** Reads x, h and c at their offsets; writes the next h and c in place. */
export type Cell = (x: Float32Array, at: number, h: Float32Array, c: Float32Array) => void;

const identity: Activation = (x) => x;

/** out[i] = Σ_k m[row + i][k] · v[at + k], k ascending. */
function product(m: Float32Array, row: number, v: Float32Array, at: number, k: number, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    const from = (row + i) * k;
    for (let p = 0; p < k; p++) sum = round(sum + round((m[from + p] ?? 0) * (v[at + p] ?? 0)));
    out[i] = sum;
  }
}

function clipper(clip: number): Activation {
  return clip > 0 ? (x) => (x > clip ? clip : x < -clip ? -clip : x) : identity;
}

/** H = f(X·Wᵀ + H·Rᵀ + Wb + Rb) */
export function rnnCell({ input, hidden }: CellSizes, weights: CellWeights): Cell {
  const { w, r, b } = weights;
  const [f = identity] = weights.activations;
  const clip = clipper(weights.clip);
  const fromX = new Float32Array(hidden);
  const fromH = new Float32Array(hidden);
  return (x, at, h) => {
    product(w, 0, x, at, input, fromX);
    product(r, 0, h, 0, hidden, fromH);
    for (let j = 0; j < hidden; j++) {
      const bias = round((b[j] ?? 0) + (b[hidden + j] ?? 0));
      h[j] = f(clip(round(round((fromX[j] ?? 0) + (fromH[j] ?? 0)) + bias)));
    }
  };
}

/**
 * z = f(X·Wz + H·Rz + b), r = f(X·Wr + H·Rr + b), h = g(X·Wh + (r∘H)·Rh + b), or with linear_before_reset
 * h = g(X·Wh + r∘(H·Rh + Rbh) + Wbh); H = (1 - z)∘h + z∘H.
 */
export function gruCell({ input, hidden }: CellSizes, weights: CellWeights): Cell {
  const { w, r, b } = weights;
  const [f = identity, g = identity] = weights.activations;
  const clip = clipper(weights.clip);
  const n = hidden;
  const fromX = new Float32Array(3 * n);
  const gates = new Float32Array(2 * n);
  const fromH = new Float32Array(n);
  const reset = new Float32Array(n);
  const bw = (k: number): number => b[k] ?? 0;
  const br = (k: number): number => b[3 * n + k] ?? 0;
  return (x, at, h) => {
    product(w, 0, x, at, input, fromX);
    product(r, 0, h, 0, n, gates);
    for (let k = 0; k < 2 * n; k++) {
      gates[k] = f(clip(round(round((fromX[k] ?? 0) + (gates[k] ?? 0)) + round(bw(k) + br(k)))));
    }
    if (weights.linearBeforeReset) {
      product(r, 2 * n, h, 0, n, fromH);
      for (let j = 0; j < n; j++) fromH[j] = round((gates[n + j] ?? 0) * round((fromH[j] ?? 0) + br(2 * n + j))) + bw(2 * n + j);
    } else {
      for (let j = 0; j < n; j++) reset[j] = (gates[n + j] ?? 0) * (h[j] ?? 0);
      product(r, 2 * n, reset, 0, n, fromH);
      for (let j = 0; j < n; j++) fromH[j] = (fromH[j] ?? 0) + round(br(2 * n + j) + bw(2 * n + j));
    }
    for (let j = 0; j < n; j++) {
      const candidate = g(clip(round((fromX[2 * n + j] ?? 0) + (fromH[j] ?? 0))));
      const z = gates[j] ?? 0;
      h[j] = round(round(1 - z) * candidate) + round(z * (h[j] ?? 0));
    }
  };
}

/**
 * Gates in the order i, o, f, c. i = f(X·Wi + H·Ri + Pi∘C + b), f likewise (1 - i with input_forget), c = g(X·Wc + H·Rc + b),
 * C' = f∘C + i∘c, o = f(X·Wo + H·Ro + Po∘C' + b), H = o∘h(C').
 */
export function lstmCell({ input, hidden }: CellSizes, weights: CellWeights): Cell {
  const { w, r, b, p } = weights;
  const [f = identity, g = identity, last = identity] = weights.activations;
  const clip = clipper(weights.clip);
  const n = hidden;
  const fromX = new Float32Array(4 * n);
  const fromH = new Float32Array(4 * n);
  return (x, at, h, c) => {
    product(w, 0, x, at, input, fromX);
    product(r, 0, h, 0, n, fromH);
    const gate = (k: number): number => round(round((fromX[k] ?? 0) + (fromH[k] ?? 0)) + round((b[k] ?? 0) + (b[4 * n + k] ?? 0)));
    for (let j = 0; j < n; j++) {
      const before = c[j] ?? 0;
      const i = f(clip(round(gate(j) + round((p[j] ?? 0) * before))));
      const forget = weights.inputForget ? round(1 - i) : f(clip(round(gate(2 * n + j) + round((p[2 * n + j] ?? 0) * before))));
      const candidate = g(clip(gate(3 * n + j)));
      const now = round(round(forget * before) + round(i * candidate));
      const o = f(clip(round(gate(n + j) + round((p[n + j] ?? 0) * now))));
      c[j] = now;
      h[j] = o * last(now);
    }
  };
}
