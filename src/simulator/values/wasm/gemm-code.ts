/**
 * Products of packed matrices and sums over taps: the inner loops of CONV, DWCONV and MATMUL.
 *
 * A 32-bit unit is one fp32 number, or two int16 numbers of neighbouring k, so that one instruction multiplies and adds eight of them.
 * `coef` is packed in blocks of 4 rows [m / 4][k][4], `matrix` in panels of 8 columns [p / 8][k][8]; a register holds 4 columns of one row.
 * fp32 sums grow k by k, each lane for itself: the order and rounding of the plain loops.
 */
import { all, count, f32x4, get, i32, i32x4, call, int, loop, pick, set, step, v128, when, type Code, type Local } from './code.ts';
import { define, type WasmFunction } from './module.ts';

type Sum = (sum: Code, w: Code, x: Code) => Code;

const dot: Sum = (sum, w, x) => i32x4.add(sum, i32x4.dot(w, x));
const multiplyInts: Sum = (sum, w, x) => i32x4.add(sum, i32x4.mul(w, x));
const multiplyFloats: Sum = (sum, w, x) => f32x4.add(sum, f32x4.mul(w, x));

const four = [0, 1, 2, 3] as const;

/** 4 rows × 8 columns: (coef block, panel, k, address of each row of sums). */
function tile(name: string, add: Sum): WasmFunction {
  return define(name, ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], null, ([a, b, k, ...rows], local) => {
    if (a === undefined || b === undefined || k === undefined) return [];
    const sums = rows.map((row) => ({ row, low: local('v128'), high: local('v128') }));
    const [x0, x1, w] = [local('v128'), local('v128'), local('v128')];
    return all(
      ...sums.map((s) => all(set(s.low, v128.load(get(s.row))), set(s.high, v128.load(get(s.row), 16)))),
      loop(
        get(k),
        set(x0, v128.load(get(b))),
        set(x1, v128.load(get(b), 16)),
        ...sums.map((s, i) =>
          all(
            set(w, v128.splat32(get(a), 4 * i)),
            set(s.low, add(get(s.low), get(w), get(x0))),
            set(s.high, add(get(s.high), get(w), get(x1))),
          ),
        ),
        step(a, int(16)),
        step(b, int(32)),
        step(k, int(-1)),
      ),
      ...sums.map((s) => all(v128.store(get(s.row), get(s.low)), v128.store(get(s.row), get(s.high), 16))),
    );
  });
}

/**
 * (coef, bytes from block to block, matrix, bytes from panel to panel, sums, bytes from row to row, m, k, p, spare): sums += coef · matrix.
 * `spare`, 256 bytes: sums of a ragged panel, then rows past the last, which nobody reads.
 */
function gemm(name: string, tileIndex: number): WasmFunction {
  const params = ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] as const;
  return define(name, params, null, ([coef, coefStep, matrix, matrixStep, sums, sumsStep, m, k, p, spare], local) => {
    if (!coef || !coefStep || !matrix || !matrixStep || !sums || !sumsStep || !m || !k || !p || !spare) return [];
    const [row, left, a, i, j] = [local('i32'), local('i32'), local('i32'), local('i32'), local('i32')];
    const rows = four.map(() => local('i32'));
    const spareRow = (index: number): Code => i32.add(get(spare), int(32 * index));
    const inPlace = call(tileIndex, get(a), get(matrix), get(k), ...rows.map((r) => get(r)));
    const viaSpare = all(
      ...rows.map((r, index) => copyWords(r, spareRow(index), i, left)),
      call(tileIndex, get(a), get(matrix), get(k), ...four.map(spareRow)),
      ...rows.map((r, index) => all(set(j, spareRow(index)), copyWords(j, get(r), i, left))),
    );
    return all(
      set(left, get(p)),
      loop(
        i32.lt(int(0), get(left)),
        set(row, int(0)),
        set(a, get(coef)),
        set(j, get(sums)),
        loop(
          i32.lt(get(row), get(m)),
          ...rows.map((r, index) =>
            set(
              r,
              pick(
                i32.lt(i32.add(get(row), int(index)), get(m)),
                i32.add(rowAt(sums, sumsStep, row), i32.mul(get(sumsStep), int(index))),
                spareRow(4 + index),
              ),
            ),
          ),
          when(i32.ge(get(left), int(8)), inPlace, viaSpare),
          step(a, get(coefStep)),
          step(row, int(4)),
        ),
        step(matrix, get(matrixStep)),
        step(sums, int(32)),
        step(left, int(-8)),
      ),
    );
  });
}

const rowAt = (sums: Local, sumsStep: Local, row: Local): Code => i32.add(get(sums), i32.mul(get(row), get(sumsStep)));

/** `words` 32-bit words from `from` to `to`; `i` counts. */
export function copyWords(from: Local, to: Code, i: Local, words: Local): Code {
  const at = i32.shl(get(i), int(2));
  return count(i, get(words), i32.store(i32.add(to, at), i32.load(i32.add(get(from), at))));
}

/**
 * (padded plane, offsets of the taps, weights of the taps, taps, sums, ow, oh, bytes from row to row of the plane, spare):
 * sums[i, j] += Σ weight · plane[i · step + offset + j], tap after tap. Where the largest is looked for, weights do not matter.
 */
function taps(name: string, add: Sum): WasmFunction {
  const params = ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] as const;
  return define(name, params, null, ([plane, offsets, weights, tapCount, sums, ow, oh, rowStep, spare], local) => {
    if (!plane || !offsets || !weights || !tapCount || !sums || !ow || !oh || !rowStep || !spare) return [];
    const [row, left, at, to, t, i, x] = [local('i32'), local('i32'), local('i32'), local('i32'), local('i32'), local('i32'), local('i32')];
    const [low, high, w] = [local('v128'), local('v128'), local('v128')];
    const ragged = i32.lt(get(left), int(8));
    return count(
      row,
      get(oh),
      set(at, get(plane)),
      set(left, get(ow)),
      loop(
        i32.lt(int(0), get(left)),
        set(to, get(sums)),
        when(ragged, all(copyWords(sums, get(spare), i, left), set(to, get(spare)))),
        set(low, v128.load(get(to))),
        set(high, v128.load(get(to), 16)),
        set(t, int(0)),
        loop(
          i32.lt(get(t), get(tapCount)),
          set(i, i32.shl(get(t), int(2))),
          set(x, i32.add(get(at), i32.load(i32.add(get(offsets), get(i))))),
          set(w, v128.splat32(i32.add(get(weights), get(i)))),
          set(low, add(get(low), get(w), v128.load(get(x)))),
          set(high, add(get(high), get(w), v128.load(get(x), 16))),
          step(t, int(1)),
        ),
        v128.store(get(to), get(low)),
        v128.store(get(to), get(high), 16),
        when(ragged, all(copyWords(spare, get(sums), i, left), step(sums, i32.shl(get(left), int(2)))), step(sums, int(32))),
        step(at, int(32)),
        step(left, int(-8)),
      ),
      step(plane, get(rowStep)),
    );
  });
}

/** Functions at `first` and up in the module. */
export function gemmFunctions(first: number): readonly WasmFunction[] {
  return [
    tile('tileInts', dot),
    tile('tileFloats', multiplyFloats),
    gemm('gemmInts', first),
    gemm('gemmFloats', first + 1),
    taps('tapsInts', multiplyInts),
    taps('tapsFloats', multiplyFloats),
    taps('tapsMaxInts', (sum, _w, x) => i32x4.max(sum, x)),
    taps('tapsMaxFloats', (sum, _w, x) => f32x4.max(sum, x)),
  ];
}
