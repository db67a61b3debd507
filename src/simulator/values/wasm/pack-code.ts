/**
 * Operands laid out for the products: bytes widened, channels paired, patches gathered, rows and columns packed.
 *
 * Loops run in whole registers and may read and write up to 64 bytes past the end; what lies there is written later or never read.
 */
import { all, count, get, i16x8, i32, i32x4, int, loop, pick, set, step, v128, when, type Code } from './code.ts';
import { copyWords } from './gemm-code.ts';
import { define, type WasmFunction } from './module.ts';

/** (from, to, count, zero): bytes less `zero`, as int16 or int32. */
function widen(name: string, isSigned: boolean, to32: boolean): WasmFunction {
  return define(name, ['i32', 'i32', 'i32', 'i32'], null, ([from, to, left, zero], local) => {
    if (!from || !to || !left || !zero) return [];
    const x = local('v128');
    const read = (isSigned ? v128.load8x8s : v128.load8x8u)(get(from));
    return loop(
      i32.lt(int(0), get(left)),
      set(x, i16x8.sub(read, i16x8.splat(get(zero)))),
      to32
        ? all(v128.store(get(to), i32x4.lowS(get(x))), v128.store(get(to), i32x4.highS(get(x)), 16), step(to, int(32)))
        : all(v128.store(get(to), get(x)), step(to, int(16))),
      step(from, int(8)),
      step(left, int(-8)),
    );
  });
}

/** (from, to, planes, count): planes of int16 in pairs, [planes / 2][count] units; an odd last plane is paired with zeros. */
const interleave: WasmFunction = define('interleave', ['i32', 'i32', 'i32', 'i32'], null, ([from, to, planes, size], local) => {
  if (!from || !to || !planes || !size) return [];
  const [left, out, bytes] = [local('i32'), local('i32'), local('i32')];
  const [a, b, mask] = [local('v128'), local('v128'), local('v128')];
  const pairs = (first: number): readonly number[] =>
    [0, 1, 2, 3].flatMap((i) => [first + 2 * i, first + 2 * i + 1, first + 2 * i + 16, first + 2 * i + 17]);
  return all(
    set(bytes, i32.shl(get(size), int(1))),
    loop(
      i32.lt(int(0), get(planes)),
      set(mask, i32x4.splat(pick(i32.lt(int(1), get(planes)), int(-1), int(0)))),
      set(left, get(size)),
      set(out, get(to)),
      loop(
        i32.lt(int(0), get(left)),
        set(a, v128.load(get(from))),
        set(b, v128.and(v128.load(i32.add(get(from), get(bytes))), get(mask))),
        v128.store(get(out), v128.shuffle(get(a), get(b), pairs(0))),
        v128.store(get(out), v128.shuffle(get(a), get(b), pairs(8)), 16),
        step(from, int(16)),
        step(out, int(32)),
        step(left, int(-8)),
      ),
      // Back from the whole registers to the end of this plane, then past its partner.
      step(from, i32.add(i32.shl(get(left), int(1)), get(bytes))),
      step(to, i32.shl(get(size), int(2))),
      step(planes, int(-2)),
    ),
  );
});

/** (from, bytes from row to row, to, bytes from panel to panel, rows, columns): rows of units into panels of 8 columns. */
const panels: WasmFunction = define(
  'panels',
  ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  null,
  ([from, fromStep, to, panelStep, rows, columns], local) => {
    if (!from || !fromStep || !to || !panelStep || !rows || !columns) return [];
    const [row, left, at, out] = [local('i32'), local('i32'), local('i32'), local('i32')];
    return count(
      row,
      get(rows),
      set(at, get(from)),
      set(out, get(to)),
      set(left, get(columns)),
      loop(
        i32.lt(int(0), get(left)),
        v128.store(get(out), v128.load(get(at))),
        v128.store(get(out), v128.load(get(at), 16), 16),
        step(at, int(32)),
        step(out, get(panelStep)),
        step(left, int(-8)),
      ),
      step(from, get(fromStep)),
      step(to, int(32)),
    );
  },
);

/** (from, bytes from row to row, to, m, k): rows of units into blocks [m / 4][k][4]; rows past the last repeat it. */
const blocks: WasmFunction = define('blocks', ['i32', 'i32', 'i32', 'i32', 'i32'], null, ([from, fromStep, to, m, k], local) => {
  if (!from || !fromStep || !to || !m || !k) return [];
  const [left, out] = [local('i32'), local('i32')];
  const rows = [0, 1, 2, 3].map((index) => ({ index, at: local('i32'), x: local('v128') }));
  const [t0, t1, t2, t3] = [local('v128'), local('v128'), local('v128'), local('v128')];
  const lanes = (...words: readonly number[]): readonly number[] => words.flatMap((w) => [0, 1, 2, 3].map((byte) => 4 * w + byte));
  const [r0, r1, r2, r3] = rows;
  if (!r0 || !r1 || !r2 || !r3) return [];
  const low = lanes(0, 4, 1, 5);
  const high = lanes(2, 6, 3, 7);
  return loop(
    i32.lt(int(0), get(m)),
    set(r0.at, get(from)),
    ...[r1, r2, r3].map((r) =>
      set(r.at, i32.add(get(rows[r.index - 1]?.at ?? r0.at), pick(i32.lt(int(r.index), get(m)), get(fromStep), int(0)))),
    ),
    set(left, get(k)),
    set(out, get(to)),
    loop(
      i32.lt(int(0), get(left)),
      ...rows.map((r) => all(set(r.x, v128.load(get(r.at))), step(r.at, int(16)))),
      set(t0, v128.shuffle(get(r0.x), get(r1.x), low)),
      set(t1, v128.shuffle(get(r2.x), get(r3.x), low)),
      set(t2, v128.shuffle(get(r0.x), get(r1.x), high)),
      set(t3, v128.shuffle(get(r2.x), get(r3.x), high)),
      v128.store(get(out), v128.shuffle(get(t0), get(t1), lanes(0, 1, 4, 5))),
      v128.store(get(out), v128.shuffle(get(t0), get(t1), lanes(2, 3, 6, 7)), 16),
      v128.store(get(out), v128.shuffle(get(t2), get(t3), lanes(0, 1, 4, 5)), 32),
      v128.store(get(out), v128.shuffle(get(t2), get(t3), lanes(2, 3, 6, 7)), 48),
      step(out, int(64)),
      step(left, int(-4)),
    ),
    step(from, i32.shl(get(fromStep), int(2))),
    step(to, i32.shl(get(k), int(4))),
    step(m, int(-4)),
  );
});

/**
 * Patches of one tap after the other, in panels: (planes of units, rows h, columns w, to, bytes from panel to panel, channels, kh, kw,
 * first output row · stride − padTop, output rows, ow, row stride, column stride, row dilation, ranges, line).
 * `ranges`: for each kernel column the first output column it reaches, one past the last, and the input column of the first.
 * `line`: room for one row of patches.
 */
const patches: WasmFunction = define(
  'patches',
  ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  null,
  ([from, h, w, to, panelStep, channels, kh, kw, top, height, ow, rowStride, columnStride, dilation, ranges, line], local) => {
    if (!from || !h || !w || !to || !panelStep || !channels || !kh || !kw || !top || !height) return [];
    if (!ow || !rowStride || !columnStride || !dilation || !ranges || !line) return [];
    const [r, s, i, j, y, at, out, range, end, first] = Array.from({ length: 10 }, () => local('i32'));
    if (!r || !s || !i || !j || !y || !at || !out || !range || !end || !first) return [];
    const zeros = v128.ints(0, 0, 0, 0);
    const word = (index: Code): Code => i32.shl(index, int(2));
    const even = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
    const fourUnits = (advance: number, value: Code): Code =>
      loop(i32.lt(get(j), get(end)), v128.store(i32.add(get(out), word(get(j))), value), step(at, int(advance)), step(j, int(4)));
    const oneRow = all(
      set(j, int(0)),
      loop(i32.lt(get(j), get(first)), i32.store(i32.add(get(out), word(get(j))), int(0)), step(j, int(1))),
      set(at, i32.add(get(from), word(i32.add(i32.mul(get(y), get(w)), i32.load(get(range), 8))))),
      when(
        i32.eq(get(columnStride), int(1)),
        fourUnits(16, v128.load(get(at))),
        when(
          i32.eq(get(columnStride), int(2)),
          fourUnits(32, v128.shuffle(v128.load(get(at)), v128.load(get(at), 16), even)),
          loop(
            i32.lt(get(j), get(end)),
            i32.store(i32.add(get(out), word(get(j))), i32.load(get(at))),
            step(at, word(get(columnStride))),
            step(j, int(1)),
          ),
        ),
      ),
      set(j, get(end)),
      loop(i32.lt(get(j), get(ow)), i32.store(i32.add(get(out), word(get(j))), int(0)), step(j, int(1))),
    );
    const noRow = all(set(j, int(0)), loop(i32.lt(get(j), get(ow)), v128.store(i32.add(get(out), word(get(j))), zeros), step(j, int(4))));
    const inside = i32.and(i32.lt(int(-1), get(y)), i32.lt(get(y), get(h)));
    const toPanels = all(
      set(at, get(line)),
      set(out, get(to)),
      set(j, i32.mul(get(height), get(ow))),
      loop(
        i32.lt(int(0), get(j)),
        v128.store(get(out), v128.load(get(at))),
        v128.store(get(out), v128.load(get(at), 16), 16),
        step(at, int(32)),
        step(out, get(panelStep)),
        step(j, int(-8)),
      ),
      step(to, int(32)),
    );
    const oneTap = all(
      set(first, i32.load(get(range))),
      set(end, i32.load(get(range), 4)),
      set(y, i32.add(get(top), i32.mul(get(r), get(dilation)))),
      set(out, get(line)),
      count(
        i,
        get(height),
        when(i32.and(inside, i32.lt(get(first), get(end))), oneRow, noRow),
        step(out, word(get(ow))),
        step(y, get(rowStride)),
      ),
      toPanels,
      step(range, int(12)),
    );
    return loop(
      get(channels),
      count(r, get(kh), set(range, get(ranges)), count(s, get(kw), oneTap)),
      step(from, word(i32.mul(get(h), get(w)))),
      step(channels, int(-1)),
    );
  },
);

/**
 * A plane of units with room for its padding: (from, h, w, to, bytes from row to row, rows, padTop, phases, table).
 * `table`: for each column phase the first input column, bytes from the row's start to its place, and how many units of each row.
 * Rows and columns nobody writes keep what they hold.
 */
const pad: WasmFunction = define('pad', ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], null, (params, local) => {
  const [from, h, w, to, rowStep, rows, padTop, phases, table] = params;
  if (!from || !h || !w || !to || !rowStep || !rows || !padTop || !phases || !table) return [];
  const [y, row, phase, at, out, left, entry, i] = Array.from({ length: 8 }, () => local('i32'));
  if (!y || !row || !phase || !at || !out || !left || !entry || !i) return [];
  const onePhase = all(
    set(at, i32.add(get(from), i32.shl(i32.load(get(entry)), int(2)))),
    set(out, i32.add(i32.add(get(to), i32.mul(get(row), get(rowStep))), i32.load(get(entry), 4))),
    set(left, i32.load(get(entry), 8)),
    when(
      i32.eq(get(phases), int(1)),
      loop(i32.ge(get(left), int(4)), v128.store(get(out), v128.load(get(at))), step(at, int(16)), step(out, int(16)), step(left, int(-4))),
    ),
    when(
      i32.eq(get(phases), int(1)),
      copyWords(at, get(out), i, left),
      loop(
        i32.lt(int(0), get(left)),
        i32.store(get(out), i32.load(get(at))),
        step(at, i32.shl(get(phases), int(2))),
        step(out, int(4)),
        step(left, int(-1)),
      ),
    ),
    step(entry, int(12)),
  );
  return count(
    y,
    get(h),
    set(row, i32.add(get(y), get(padTop))),
    when(i32.and(i32.lt(int(-1), get(row)), i32.lt(get(row), get(rows))), all(set(entry, get(table)), count(phase, get(phases), onePhase))),
    step(from, i32.shl(get(w), int(2))),
  );
});

export const packFunctions: readonly WasmFunction[] = [
  widen('pairsS', true, false),
  widen('pairsU', false, false),
  widen('intsS', true, true),
  widen('intsU', false, true),
  interleave,
  panels,
  blocks,
  patches,
  pad,
];
