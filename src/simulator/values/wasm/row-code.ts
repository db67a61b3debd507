/**
 * Products with a vector and folds: loops over rows of 32-bit lanes, or bytes, that lie side by side. Each lane is one sum and takes its terms
 * in order; nothing past the end of a row of sums is written.
 */
import { all, f32x4, get, i16x8, i32, i32x4, int, loop, set, step, v128, type Code, type Local } from './code.ts';
import { define, type NewLocal, type WasmFunction } from './module.ts';

/** Rows of the matrix in one pass over the sums. */
const rowsAtOnce = 8;

const times = (count: number, local: NewLocal, type: 'i32' | 'v128'): readonly Local[] => Array.from({ length: count }, () => local(type));
const bytesOf = (index: Local): Code => i32.shl(get(index), int(2));

/** (x, matrix, sums, k, n): sums[j] += x[i] · matrix[i, j], i ascending; rows are dense. */
function vectorByMatrixFloats(): WasmFunction {
  return define('vectorFloats', ['i32', 'i32', 'i32', 'i32', 'i32'], null, ([x, matrix, sums, k, n], local) => {
    if (!x || !matrix || !sums || !k || !n) return [];
    const [from, to, left] = [local('i32'), local('i32'), local('i32')];
    const [sum, factors, offsets] = [local('v128'), times(rowsAtOnce, local, 'v128'), times(rowsAtOnce, local, 'i32')];
    const pass = (rows: number): Code => {
      const terms = (load: (address: Code) => Code): Code =>
        all(
          ...factors.slice(0, rows).map((factor, i) => {
            const at = i === 0 ? get(from) : i32.add(get(from), get(offsets[i] ?? from));
            return set(sum, f32x4.add(get(sum), f32x4.mul(get(factor), load(at))));
          }),
        );
      return all(
        ...factors.slice(0, rows).map((factor, i) => set(factor, v128.splat32(get(x), 4 * i))),
        set(from, get(matrix)),
        set(to, get(sums)),
        set(left, get(n)),
        loop(
          i32.ge(get(left), int(4)),
          set(sum, v128.load(get(to))),
          terms(v128.load),
          v128.store(get(to), get(sum)),
          step(from, int(16)),
          step(to, int(16)),
          step(left, int(-4)),
        ),
        loop(
          get(left),
          set(sum, v128.one32(get(to))),
          terms(v128.one32),
          v128.store32(get(to), get(sum)),
          step(from, int(4)),
          step(to, int(4)),
          step(left, int(-1)),
        ),
        step(x, int(4 * rows)),
        step(matrix, i32.mul(bytesOf(n), int(rows))),
        step(k, int(-rows)),
      );
    };
    return all(
      ...offsets.map((offset, i) => set(offset, i32.mul(bytesOf(n), int(i)))),
      loop(i32.ge(get(k), int(rowsAtOnce)), pass(rowsAtOnce)),
      loop(get(k), pass(1)),
    );
  });
}

/** Bytes of two rows side by side. */
const lowPairs = [0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23];
const highPairs = [8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31];

/**
 * (x, matrix, sums, pairs, n, zero): the same of bytes less `zero`, two rows of the matrix and two int16 of x at a time, wrapping. Sums have
 * room for whole registers; of an odd last row the second half of x's pair is 0.
 */
function vectorByMatrixBytes(name: string, load: (address: Code) => Code): WasmFunction {
  return define(name, ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], null, ([x, matrix, sums, pairs, n, zero], local) => {
    if (!x || !matrix || !sums || !pairs || !n || !zero) return [];
    const [from, to, left, zeros] = [local('i32'), local('i32'), local('i32'), local('v128')];
    const [low, high, upper, lower] = [local('v128'), local('v128'), local('v128'), local('v128')];
    const [factors, offsets] = [times(rowsAtOnce / 2, local, 'v128'), times(rowsAtOnce, local, 'i32')];
    const row = (i: number): Code => load(i === 0 ? get(from) : i32.add(get(from), get(offsets[i] ?? from)));
    const pass = (count: number): Code =>
      all(
        ...factors.slice(0, count).map((factor, i) => set(factor, v128.splat32(get(x), 4 * i))),
        set(from, get(matrix)),
        set(to, get(sums)),
        set(left, get(n)),
        loop(
          i32.lt(int(0), get(left)),
          set(low, v128.load(get(to))),
          set(high, v128.load(get(to), 16)),
          ...factors
            .slice(0, count)
            .map((factor, i) =>
              all(
                set(upper, i16x8.sub(row(2 * i), get(zeros))),
                set(lower, i16x8.sub(row(2 * i + 1), get(zeros))),
                set(low, i32x4.add(get(low), i32x4.dot(v128.shuffle(get(upper), get(lower), lowPairs), get(factor)))),
                set(high, i32x4.add(get(high), i32x4.dot(v128.shuffle(get(upper), get(lower), highPairs), get(factor)))),
              ),
            ),
          v128.store(get(to), get(low)),
          v128.store(get(to), get(high), 16),
          step(from, int(8)),
          step(to, int(32)),
          step(left, int(-8)),
        ),
        step(x, int(4 * count)),
        step(matrix, i32.mul(get(n), int(2 * count))),
        step(pairs, int(-count)),
      );
    return all(
      set(zeros, i16x8.splat(get(zero))),
      ...offsets.map((offset, i) => set(offset, i32.mul(get(n), int(i)))),
      loop(i32.ge(get(pairs), int(factors.length)), pass(factors.length)),
      loop(get(pairs), pass(1)),
    );
  });
}

type Fold = (acc: Code, x: Code) => Code;

/** (acc, x, rows, n): acc[j] folds in x[i, j], i ascending. */
function foldAcross(name: string, fold: Fold): WasmFunction {
  return define(name, ['i32', 'i32', 'i32', 'i32'], null, ([acc, x, rows, n], local) => {
    if (!acc || !x || !rows || !n) return [];
    const [to, left] = [local('i32'), local('i32')];
    const advance = (lanes: number): Code => all(step(to, int(4 * lanes)), step(x, int(4 * lanes)), step(left, int(-lanes)));
    return loop(
      get(rows),
      set(to, get(acc)),
      set(left, get(n)),
      loop(i32.ge(get(left), int(4)), v128.store(get(to), fold(v128.load(get(to)), v128.load(get(x)))), advance(4)),
      loop(get(left), v128.store32(get(to), fold(v128.one32(get(to)), v128.one32(get(x)))), advance(1)),
      step(rows, int(-1)),
    );
  });
}

/** (acc, x, rows, n): acc[i] folds in x[i, j], j ascending: four rows at a time, whose chains of operations overlap. */
function foldAlong(name: string, fold: Fold): WasmFunction {
  return define(name, ['i32', 'i32', 'i32', 'i32'], null, ([acc, x, rows, n], local) => {
    if (!acc || !x || !rows || !n) return [];
    const [at, left] = [local('i32'), local('i32')];
    const [sums, offsets] = [times(4, local, 'v128'), times(4, local, 'i32')];
    const pass = (count: number): Code => {
      const mine = sums.slice(0, count);
      return all(
        ...mine.map((sum, i) => set(sum, v128.one32(get(acc), 4 * i))),
        set(at, get(x)),
        set(left, get(n)),
        loop(
          get(left),
          ...mine.map((sum, i) => set(sum, fold(get(sum), v128.one32(i === 0 ? get(at) : i32.add(get(at), get(offsets[i] ?? at)))))),
          step(at, int(4)),
          step(left, int(-1)),
        ),
        ...mine.map((sum, i) => v128.store32(get(acc), get(sum), 4 * i)),
        step(acc, int(4 * count)),
        step(x, i32.mul(bytesOf(n), int(count))),
        step(rows, int(-count)),
      );
    };
    return all(
      ...offsets.map((offset, i) => set(offset, i32.mul(bytesOf(n), int(i)))),
      loop(i32.ge(get(rows), int(4)), pass(4)),
      loop(get(rows), pass(1)),
    );
  });
}

const folds: Readonly<Record<string, Fold>> = {
  sumFloats: f32x4.add,
  maxFloats: f32x4.max,
  productFloats: f32x4.mul,
  sumSquaresFloats: (acc, x) => f32x4.add(acc, f32x4.mul(x, x)),
  sumInts: i32x4.add,
  maxInts: i32x4.max,
  productInts: i32x4.mul,
  sumSquaresInts: (acc, x) => i32x4.add(acc, i32x4.mul(x, x)),
};

export const rowFunctions: readonly WasmFunction[] = [
  vectorByMatrixFloats(),
  vectorByMatrixBytes('vectorS', v128.load8x8s),
  vectorByMatrixBytes('vectorU', v128.load8x8u),
  ...Object.entries(folds).flatMap(([name, fold]) => [foldAlong(`${name}Along`, fold), foldAcross(`${name}Across`, fold)]),
];
