/**
 * Arithmetic on lanes: the drain, and the steps of VECTOR programs. Four elements at a time; up to 32 bytes past the end of an array may be
 * read and written. Each operation is the fp32 operation the plain form rounds to.
 */
import { all, f32x4, get, i32, i32x4, int, loop, set, step, v128, when, type Code, type Local } from './code.ts';
import { define, type NewLocal, type WasmFunction } from './module.ts';

/** Integers beyond this are beyond every 8-bit bound whatever the zero point, and adding one to them does not wrap. */
const far = 2 ** 24;
/** The lowest byte of each lane. */
const lowBytes = [0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12];

interface Narrowing {
  readonly lo: Local;
  readonly hi: Local;
  readonly below: Local;
  readonly above: Local;
  readonly q: Local;
  readonly saturated: Local;
}

function narrowing(local: NewLocal): Narrowing {
  const [lo, hi, below, above, q] = [local('v128'), local('v128'), local('v128'), local('v128'), local('v128')];
  return { lo, hi, below, above, q, saturated: local('i32') };
}

/** Bounds in all lanes. */
function setBounds(n: Narrowing, lo: Local, hi: Local, below: Local, above: Local): Code {
  return all(
    set(n.lo, i32x4.splat(get(lo))),
    set(n.hi, i32x4.splat(get(hi))),
    set(n.below, i32x4.splat(get(below))),
    set(n.above, i32x4.splat(get(above))),
  );
}

/** Counts the lanes of `q` that saturate among the first `left`, and stores the clamped bytes at `out`. */
function storeBytes(n: Narrowing, out: Local, left: Local): Code {
  const outside = v128.or(i32x4.lt(get(n.q), get(n.below)), i32x4.gt(get(n.q), get(n.above)));
  const counted = v128.and(outside, i32x4.lt(v128.ints(0, 1, 2, 3), i32x4.splat(get(left))));
  return all(
    step(n.saturated, i32.bitCount(i32x4.bits(counted))),
    set(n.q, i32x4.min(i32x4.max(get(n.q), get(n.lo)), get(n.hi))),
    v128.store32(get(out), v128.shuffle(get(n.q), get(n.q), lowBytes)),
  );
}

/**
 * (sums, out, rows, inner, bias, scale, zero, lo, hi, below, above): requantized bytes; the result is how many saturated.
 * By channel, a row is one channel and takes one bias and one scale; by column, each column has its own.
 */
function drainInts(name: string, byChannel: boolean): WasmFunction {
  const params = ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] as const;
  return define(name, params, 'i32', ([sums, out, rows, inner, bias, scale, zero, lo, hi, below, above], local) => {
    if (!sums || !out || !rows || !inner || !bias || !scale || !zero || !lo || !hi || !below || !above) return [];
    const n = narrowing(local);
    const [left, at, to, b, s] = [local('i32'), local('i32'), local('i32'), local('i32'), local('i32')];
    const [offset, bs, ss, most, least] = [local('v128'), local('v128'), local('v128'), local('v128'), local('v128')];
    const parameters = (read: (address: Code) => Code): Code => all(set(bs, read(get(b))), set(ss, read(get(s))));
    return all(
      setBounds(n, lo, hi, below, above),
      set(offset, i32x4.splat(get(zero))),
      set(most, i32x4.splat(int(far))),
      set(least, i32x4.splat(int(-far))),
      set(b, get(bias)),
      set(s, get(scale)),
      loop(
        i32.lt(int(0), get(rows)),
        byChannel ? parameters(v128.splat32) : all(set(b, get(bias)), set(s, get(scale))),
        set(at, get(sums)),
        set(to, get(out)),
        set(left, get(inner)),
        loop(
          i32.lt(int(0), get(left)),
          byChannel ? [] : all(parameters(v128.load), step(b, int(16)), step(s, int(16))),
          set(n.q, i32x4.fromFloat(f32x4.nearest(f32x4.mul(f32x4.fromInt(i32x4.add(v128.load(get(at)), get(bs))), get(ss))))),
          set(n.q, i32x4.add(i32x4.max(i32x4.min(get(n.q), get(most)), get(least)), get(offset))),
          storeBytes(n, to, left),
          step(at, int(16)),
          step(to, int(4)),
          step(left, int(-4)),
        ),
        byChannel ? all(step(b, int(4)), step(s, int(4))) : [],
        step(sums, i32.shl(get(inner), int(2))),
        step(out, get(inner)),
        step(rows, int(-1)),
      ),
      get(n.saturated),
    );
  });
}

/** (sums, out, rows, inner, bias, lo, hi): sums plus bias where there is one (0: none), clamped; NaN passes. */
function drainFloats(name: string, byChannel: boolean): WasmFunction {
  return define(name, ['i32', 'i32', 'i32', 'i32', 'i32', 'f32', 'f32'], null, ([sums, out, rows, inner, bias, lo, hi], local) => {
    if (!sums || !out || !rows || !inner || !bias || !lo || !hi) return [];
    const [left, at, to, b] = [local('i32'), local('i32'), local('i32'), local('i32')];
    const [x, low, high] = [local('v128'), local('v128'), local('v128')];
    const read = byChannel ? v128.splat32 : v128.load;
    return all(
      set(low, f32x4.splat(get(lo))),
      set(high, f32x4.splat(get(hi))),
      set(b, get(bias)),
      loop(
        i32.lt(int(0), get(rows)),
        byChannel ? [] : set(b, get(bias)),
        set(at, get(sums)),
        set(to, get(out)),
        set(left, get(inner)),
        loop(
          i32.lt(int(0), get(left)),
          set(x, v128.load(get(at))),
          when(get(bias), all(set(x, f32x4.add(get(x), read(get(b)))), byChannel ? [] : step(b, int(16)))),
          v128.store(get(to), clampFloats(x, low, high)),
          step(at, int(16)),
          step(to, int(16)),
          step(left, int(-4)),
        ),
        byChannel ? step(b, int(4)) : [],
        step(sums, i32.shl(get(inner), int(2))),
        step(out, i32.shl(get(inner), int(2))),
        step(rows, int(-1)),
      ),
    );
  });
}

function clampFloats(x: Local, low: Local, high: Local): Code {
  const above = v128.select(f32x4.gt(get(x), get(high)), get(high), get(x));
  return v128.select(f32x4.lt(get(x), get(low)), get(low), above);
}

/** (from, count, table): table[byte] = 1 for every byte seen. */
const mark: WasmFunction = define('mark', ['i32', 'i32', 'i32'], null, ([from, left, table]) => {
  if (!from || !left || !table) return [];
  return loop(get(left), i32.store8(i32.add(get(table), i32.load8u(get(from))), int(1)), step(from, int(1)), step(left, int(-1)));
});

/** (to, a, b, c, count): a register of lanes from others. */
function lanes(name: string, value: (a: Code, b: Code, c: Code) => Code): WasmFunction {
  return define(name, ['i32', 'i32', 'i32', 'i32', 'i32'], null, ([to, a, b, c, left]) => {
    if (!to || !a || !b || !c || !left) return [];
    return loop(
      i32.lt(int(0), get(left)),
      v128.store(get(to), value(v128.load(get(a)), v128.load(get(b)), v128.load(get(c)))),
      ...[to, a, b, c].map((pointer) => step(pointer, int(16))),
      step(left, int(-4)),
    );
  });
}

/** (to, a, b, c, count): the nearest integers to a joined with b, plus c; −∞ for NaN. */
function rounding(name: string, join: (a: Code, b: Code) => Code): WasmFunction {
  return define(name, ['i32', 'i32', 'i32', 'i32', 'i32'], null, ([to, a, b, c, left], local) => {
    if (!to || !a || !b || !c || !left) return [];
    const q = local('v128');
    return loop(
      i32.lt(int(0), get(left)),
      set(q, f32x4.add(f32x4.nearest(join(v128.load(get(a)), v128.load(get(b)))), v128.load(get(c)))),
      v128.store(get(to), v128.select(f32x4.eq(get(q), get(q)), get(q), smallest)),
      ...[to, a, b, c].map((pointer) => step(pointer, int(16))),
      step(left, int(-4)),
    );
  });
}

/** (from, to, count): bytes as fp32 numbers. */
function loadBytes(name: string, isSigned: boolean): WasmFunction {
  return define(name, ['i32', 'i32', 'i32'], null, ([from, to, left], local) => {
    if (!from || !to || !left) return [];
    const x = local('v128');
    return loop(
      i32.lt(int(0), get(left)),
      set(x, (isSigned ? v128.load8x8s : v128.load8x8u)(get(from))),
      v128.store(get(to), f32x4.fromInt(i32x4.lowS(get(x)))),
      v128.store(get(to), f32x4.fromInt(i32x4.highS(get(x))), 16),
      step(from, int(8)),
      step(to, int(32)),
      step(left, int(-8)),
    );
  });
}

/** (from, to, count, lo, hi, below, above): numbers cut to bytes, fractions towards zero, NaN to `lo`; the result is how many saturated. */
const storeAsBytes: WasmFunction = define(
  'storeBytes',
  ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  'i32',
  ([from, to, left, lo, hi, below, above], local) => {
    if (!from || !to || !left || !lo || !hi || !below || !above) return [];
    const n = narrowing(local);
    const x = local('v128');
    return all(
      setBounds(n, lo, hi, below, above),
      loop(
        i32.lt(int(0), get(left)),
        set(x, v128.load(get(from))),
        set(n.q, v128.select(f32x4.eq(get(x), get(x)), i32x4.fromFloat(get(x)), get(n.lo))),
        storeBytes(n, to, left),
        step(from, int(16)),
        step(to, int(4)),
        step(left, int(-4)),
      ),
      get(n.saturated),
    );
  },
);

/** −∞ in all lanes. */
const smallest: Code = v128.ints(-0x800000, -0x800000, -0x800000, -0x800000);

/** 1.0 in all lanes. */
const one = 0x3f800000;
const ones: Code = v128.ints(one, one, one, one);

export const elementFunctions: readonly WasmFunction[] = [
  drainInts('drainChannels', true),
  drainInts('drainColumns', false),
  drainFloats('drainChannelsFloat', true),
  drainFloats('drainColumnsFloat', false),
  mark,
  loadBytes('loadS', true),
  loadBytes('loadU', false),
  storeAsBytes,
  lanes('add', f32x4.add),
  lanes('sub', f32x4.sub),
  lanes('mul', f32x4.mul),
  lanes('div', f32x4.div),
  lanes('max', f32x4.max),
  lanes('min', f32x4.min),
  lanes('neg', f32x4.neg),
  lanes('abs', f32x4.abs),
  lanes('sqrt', f32x4.sqrt),
  lanes('floor', f32x4.floor),
  lanes('dequantize', (a, b, c) => f32x4.mul(f32x4.sub(a, b), c)),
  rounding('quantize', f32x4.div),
  lanes('less', (a, b) => v128.and(f32x4.lt(a, b), ones)),
  lanes('equal', (a, b) => v128.and(f32x4.eq(a, b), ones)),
  lanes('select', (a, b, c) => v128.select(f32x4.ne(a, v128.ints(0, 0, 0, 0)), b, c)),
  rounding('requantize', f32x4.mul),
];
