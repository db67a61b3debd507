/**
 * exp, log, tanh, erf and sigmoid of fp32 lanes: the arithmetic of core/numerics.ts in binary64, operation for operation, so that every bit
 * is the same. Four numbers at a time as two pairs of doubles; where the scalar form branches, both ways are taken and one is kept.
 */
import { all, f32x4, f64x2, get, i32, i32x4, i64x2, int, loop, set, step, v128, type Code, type Local } from './code.ts';
import { define, type NewLocal, type WasmFunction } from './module.ts';

const { double } = v128;

/** A pair of doubles each: the lower and the upper two lanes, whose chains of operations overlap. */
type Halves = readonly [Local, Local];

const halves = (local: NewLocal): Halves => [local('v128'), local('v128')];
const both = (to: Halves, value: (half: 0 | 1) => Code): Code => all(set(to[0], value(0)), set(to[1], value(1)));

/** (to, a, b, c, count), as the kernels of other steps: y from x. */
function functionOf(name: string, write: (x: Halves, y: Halves, local: NewLocal) => Code): WasmFunction {
  return define(name, ['i32', 'i32', 'i32', 'i32', 'i32'], null, ([to, a, b, c, left], local) => {
    if (!to || !a || !b || !c || !left) return [];
    const [numbers, x, y] = [local('v128'), halves(local), halves(local)];
    const upper = v128.shuffle(get(numbers), get(numbers), [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
    return loop(
      i32.lt(int(0), get(left)),
      set(numbers, v128.load(get(a))),
      both(x, (half) => f64x2.fromFloat(half === 0 ? get(numbers) : upper)),
      write(x, y, local),
      v128.store64(get(to), f32x4.fromDouble(get(y[0]))),
      v128.store64(get(to), f32x4.fromDouble(get(y[1])), 8),
      step(to, int(16)),
      step(a, int(16)),
      step(left, int(-4)),
    );
  });
}

/** p = Σ terms[i] · r^(n - i), by Horner. */
function horner(p: Halves, r: Halves, terms: readonly number[]): Code {
  const [first = 0, ...rest] = terms;
  return all(
    both(p, () => double(first)),
    ...rest.map((term) => both(p, (h) => f64x2.add(f64x2.mul(get(p[h]), get(r[h])), double(term)))),
  );
}

const clampTo = (x: Code, limit: number): Code => f64x2.max(f64x2.min(x, double(limit)), double(-limit));

const log2e = 1.4426950408889634;
const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;
const taylor = [6227020800, 479001600, 39916800, 3628800, 362880, 40320, 5040, 720, 120, 24, 6].map((n) => 1 / n);

/** y = e^x, |x| below 700. */
function exponential(y: Halves, x: Halves, local: NewLocal): Code {
  const [n, r, p] = [halves(local), halves(local), halves(local)];
  const power = (h: 0 | 1): Code => i64x2.shl(i64x2.fromInt(i32x4.add(i32x4.fromDouble(get(n[h])), i32x4.same(1023))), 52);
  return all(
    both(n, (h) => f64x2.nearest(f64x2.mul(get(x[h]), double(log2e)))),
    both(r, (h) => f64x2.sub(f64x2.sub(get(x[h]), f64x2.mul(get(n[h]), double(ln2High))), f64x2.mul(get(n[h]), double(ln2Low)))),
    horner(p, r, [...taylor, 0.5, 1, 1]),
    both(y, (h) => f64x2.mul(get(p[h]), power(h))),
  );
}

/** Beyond this on either side e^x is infinity or 0 as fp32, and 1 + e^x is e^x or 1. */
const farExponent = 150;

const exp = functionOf('exp', (x, y, local) =>
  all(
    both(x, (h) => clampTo(get(x[h]), farExponent)),
    exponential(y, x, local),
  ),
);

const sigmoid = functionOf('sigmoid', (x, y, local) =>
  all(
    both(x, (h) => clampTo(f64x2.neg(get(x[h])), farExponent)),
    exponential(y, x, local),
    both(y, (h) => f64x2.div(double(1), f64x2.add(double(1), get(y[h])))),
  ),
);

/** `y` where |x| is at most `limit` or x no number, ±1 by the sign of x beyond. */
const unitBeyond = (x: Code, limit: number, y: Code): Code => {
  // Under the bits of -0, the sign.
  const unit = v128.select(double(-0), x, double(1));
  return v128.select(f64x2.gt(f64x2.abs(x), double(limit)), unit, y);
};

const tanh = functionOf('tanh', (x, y, local) => {
  const [e, z, twice] = [halves(local), halves(local), halves(local)];
  const square = (h: 0 | 1): Code => get(z[h]);
  const series = (h: 0 | 1): Code => {
    const inner = f64x2.add(double(2 / 15), f64x2.mul(square(h), double(-17 / 315)));
    const outer = f64x2.add(double(-1 / 3), f64x2.mul(square(h), inner));
    return f64x2.add(get(x[h]), f64x2.mul(f64x2.mul(get(x[h]), square(h)), outer));
  };
  return all(
    both(z, (h) => f64x2.mul(get(x[h]), get(x[h]))),
    both(twice, (h) => f64x2.mul(double(2), clampTo(get(x[h]), 20))),
    exponential(e, twice, local),
    both(y, (h) => {
      const quotient = f64x2.div(f64x2.sub(get(e[h]), double(1)), f64x2.add(get(e[h]), double(1)));
      const near = v128.select(f64x2.lt(f64x2.abs(get(x[h])), double(0.0078125)), series(h), quotient);
      return unitBeyond(get(x[h]), 20, near);
    }),
  );
});

const erf = functionOf('erf', (x, y, local) => {
  const [kept, z, minusSquare, n] = [halves(local), halves(local), halves(local), local('v128')];
  const [term, sum, e] = [halves(local), halves(local), halves(local)];
  const grows = (h: 0 | 1): Code => f64x2.gt(f64x2.abs(get(term[h])), f64x2.mul(double(1e-17), f64x2.abs(get(sum[h]))));
  return all(
    // A lane beyond would keep the others waiting.
    both(kept, (h) => v128.select(f64x2.gt(f64x2.abs(get(x[h])), double(6)), double(0), get(x[h]))),
    both(z, (h) => f64x2.mul(f64x2.mul(double(2), get(kept[h])), get(kept[h]))),
    both(minusSquare, (h) => f64x2.mul(f64x2.neg(get(kept[h])), get(kept[h]))),
    both(term, (h) => get(kept[h])),
    both(sum, (h) => get(kept[h])),
    set(n, double(3)),
    // Terms fall once they are this small, and are below half a unit of their sum: a lane that is done stays as it is.
    loop(
      v128.any(v128.or(grows(0), grows(1))),
      both(term, (h) => f64x2.div(f64x2.mul(get(term[h]), get(z[h])), get(n))),
      both(sum, (h) => f64x2.add(get(sum[h]), get(term[h]))),
      set(n, f64x2.add(get(n), double(2))),
    ),
    exponential(e, minusSquare, local),
    both(y, (h) => unitBeyond(get(x[h]), 6, f64x2.mul(f64x2.mul(double(1.1283791670955126), get(e[h])), get(sum[h])))),
  );
});

/** Everything but the exponent of a double, and the words of two 64-bit integers that hold small ones. */
const fraction: Code = v128.ints(-1, 0xfffff, -1, 0xfffff);
const lowWords = [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11];
/** 2 artanh s = 2s + 2s · s² · (1/3 + s²/5 + …). */
const artanh = [21, 19, 17, 15, 13, 11, 9, 7, 5, 3].map((n) => 1 / n);

const log = functionOf('log', (x, y, local) => {
  const [e, m, s, z, p] = [halves(local), halves(local), halves(local), halves(local), halves(local)];
  const exponent = (h: 0 | 1): Code => {
    const biased = i64x2.shr(get(x[h]), 52);
    return f64x2.fromInt(i32x4.sub(v128.shuffle(biased, biased, lowWords), i32x4.same(1023)));
  };
  const above = (h: 0 | 1): Code => f64x2.gt(get(m[h]), double(1.4142135623730951));
  const logarithm = (h: 0 | 1): Code => {
    const twice = f64x2.mul(double(2), get(s[h]));
    const logM = f64x2.add(twice, f64x2.mul(f64x2.mul(twice, get(z[h])), get(p[h])));
    return f64x2.add(f64x2.mul(get(e[h]), double(ln2High)), f64x2.add(f64x2.mul(get(e[h]), double(ln2Low)), logM));
  };
  return all(
    both(e, exponent),
    both(m, (h) => v128.or(v128.and(get(x[h]), fraction), double(1))),
    both(e, (h) => v128.select(above(h), f64x2.add(get(e[h]), double(1)), get(e[h]))),
    both(m, (h) => v128.select(above(h), f64x2.mul(get(m[h]), double(0.5)), get(m[h]))),
    both(s, (h) => f64x2.div(f64x2.sub(get(m[h]), double(1)), f64x2.add(get(m[h]), double(1)))),
    both(z, (h) => f64x2.mul(get(s[h]), get(s[h]))),
    horner(p, z, artanh),
    both(y, (h) => {
      const positive = v128.select(f64x2.eq(get(x[h]), double(Infinity)), get(x[h]), logarithm(h));
      const others = v128.select(f64x2.eq(get(x[h]), double(0)), double(-Infinity), double(NaN));
      return v128.select(f64x2.gt(get(x[h]), double(0)), positive, others);
    }),
  );
});

export const functionFunctions: readonly WasmFunction[] = [exp, sigmoid, tanh, erf, log];
