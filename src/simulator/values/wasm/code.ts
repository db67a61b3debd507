/**
 * WebAssembly instructions as functions: each returns the bytes of an expression, so that a kernel reads like the arithmetic it does.
 * Encodings: WebAssembly Core Specification 2.0, "Binary Format" (instructions; vector instructions carry the prefix 0xfd).
 */

export type Code = readonly number[];

export const valueTypes = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;
export type ValueType = keyof typeof valueTypes;

/** A parameter or local variable of the function being written. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

/** LEB128, unsigned. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest & 127;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 128);
  } while (rest !== 0);
  return bytes;
}

/** LEB128, signed. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 127;
    rest >>= 7;
    const done = (rest === 0 && (low & 64) === 0) || (rest === -1 && (low & 64) !== 0);
    bytes.push(done ? low : low | 128);
    if (done) return bytes;
  }
}

export const get = (local: Local): Code => [0x20, ...unsigned(local.index)];
export const set = (local: Local, value: Code): Code => [...value, 0x21, ...unsigned(local.index)];
export const int = (value: number): Code => [0x41, ...signed(value)];
export const all = (...parts: readonly Code[]): Code => parts.flat();
export const call = (index: number, ...args: readonly Code[]): Code => [...args.flat(), 0x10, ...unsigned(index)];
export const pick = (condition: Code, then: Code, otherwise: Code): Code => [...then, ...otherwise, ...condition, 0x1b];
/** Control instructions; `none`: a block that leaves nothing. */
const control = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  branch: 0x0c,
  branchIf: 0x0d,
  isZero: 0x45,
  none: 0x40,
} as const;
export const when = (condition: Code, then: Code, otherwise: Code = []): Code => {
  const alternative = otherwise.length === 0 ? [] : [control.else, ...otherwise];
  return [...condition, control.if, control.none, ...then, ...alternative, control.end];
};
/** Repeats while the condition holds, tested before each turn. */
export const loop = (condition: Code, ...body: readonly Code[]): Code => {
  const { block, loop: again, end, branch, branchIf, isZero, none } = control;
  // The label of the loop is 0, that of the block around it 1.
  return [block, none, again, none, ...condition, isZero, branchIf, 1, ...body.flat(), branch, 0, end, end];
};
/** Adds to a local. */
export const step = (local: Local, by: Code): Code => set(local, i32.add(get(local), by));
/** `counter` from 0 to `end`, exclusive. */
export const count = (counter: Local, end: Code, ...body: readonly Code[]): Code => [
  ...set(counter, int(0)),
  ...loop(i32.lt(get(counter), end), ...body, step(counter, int(1))),
];

type Unary = (a: Code) => Code;
type Binary = (a: Code, b: Code) => Code;
type Load = (address: Code, offset?: number) => Code;
type Store = (address: Code, value: Code, offset?: number) => Code;

const unary =
  (...op: readonly number[]): Unary =>
  (a) => [...a, ...op];
const binary =
  (...op: readonly number[]): Binary =>
  (a, b) => [...a, ...b, ...op];
// Alignment 2^0: a hint, and the weakest one.
const loadOf =
  (...op: readonly number[]): Load =>
  (address, offset = 0) => [...address, ...op, 0, ...unsigned(offset)];
const storeOf =
  (...op: readonly number[]): Store =>
  (address, value, offset = 0) => [...address, ...value, ...op, 0, ...unsigned(offset)];
const vector = (op: number): number[] => [0xfd, ...unsigned(op)];
const v1 = (op: number): Unary => unary(...vector(op));
const v2 = (op: number): Binary => binary(...vector(op));

export const i32: {
  readonly load: Load;
  readonly load8u: Load;
  readonly store: Store;
  readonly store8: Store;
  readonly add: Binary;
  readonly mul: Binary;
  readonly and: Binary;
  readonly shl: Binary;
  readonly lt: Binary;
  readonly ge: Binary;
  readonly eq: Binary;
  readonly bitCount: Unary;
} = {
  load: loadOf(0x28),
  load8u: loadOf(0x2d),
  store: storeOf(0x36),
  store8: storeOf(0x3a),
  add: binary(0x6a),
  mul: binary(0x6c),
  and: binary(0x71),
  shl: binary(0x74),
  /** Signed. */
  lt: binary(0x48),
  /** Signed. */
  ge: binary(0x4e),
  eq: binary(0x46),
  bitCount: unary(0x69),
};

export const v128: {
  readonly load: Load;
  readonly load8x8s: Load;
  readonly load8x8u: Load;
  readonly load16x4u: Load;
  readonly splat32: Load;
  readonly one32: Load;
  readonly store: Store;
  readonly store32: Store;
  readonly store64: Store;
  readonly and: Binary;
  readonly andNot: Binary;
  readonly or: Binary;
  readonly any: Unary;
  readonly select: (mask: Code, then: Code, otherwise: Code) => Code;
  readonly ints: (a: number, b: number, c: number, d: number) => Code;
  readonly double: (x: number) => Code;
  readonly shuffle: (a: Code, b: Code, lanes: readonly number[]) => Code;
} = {
  load: loadOf(...vector(0x00)),
  load8x8s: loadOf(...vector(0x01)),
  load8x8u: loadOf(...vector(0x02)),
  load16x4u: loadOf(...vector(0x04)),
  /** One 32-bit word in all lanes. */
  splat32: loadOf(...vector(0x09)),
  /** One 32-bit word in the lowest lane. */
  one32: loadOf(...vector(0x5c)),
  store: storeOf(...vector(0x0b)),
  /** The lowest lane. */
  store32: (address, value, offset = 0) => [...storeOf(...vector(0x5a))(address, value, offset), 0],
  /** The two lowest lanes. */
  store64: (address, value, offset = 0) => [...storeOf(...vector(0x5b))(address, value, offset), 0],
  and: v2(0x4e),
  /** a and not b. */
  andNot: v2(0x4f),
  or: v2(0x50),
  /** 1 where any bit is set. */
  any: v1(0x53),
  select: (mask, then, otherwise) => [...then, ...otherwise, ...mask, ...vector(0x52)],
  ints: (a, b, c, d) => [...vector(0x0c), ...[a, b, c, d].flatMap((x) => [x & 255, (x >> 8) & 255, (x >> 16) & 255, (x >> 24) & 255])],
  /** A double in both lanes. */
  double: (x) => [...vector(0x0c), ...new Uint8Array(Float64Array.of(x, x).buffer)],
  shuffle: (a, b, lanes) => [...a, ...b, ...vector(0x0d), ...lanes],
};

export const i16x8: { readonly splat: Unary; readonly sub: Binary } = { splat: v1(0x10), sub: v2(0x91) };

/** By how many bits each lane is shifted. */
type Shift = (a: Code, bits: number) => Code;
const shift =
  (op: number): Shift =>
  (a, bits) => [...a, ...int(bits), ...vector(op)];

export const i32x4: {
  readonly splat: Unary;
  readonly lowS: Unary;
  readonly highS: Unary;
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly shl: Shift;
  readonly shr: Shift;
  readonly same: (value: number) => Code;
  readonly dot: Binary;
  readonly min: Binary;
  readonly max: Binary;
  readonly lt: Binary;
  readonly gt: Binary;
  readonly bits: Unary;
  readonly fromFloat: Unary;
  readonly fromDouble: Unary;
} = {
  splat: v1(0x11),
  lowS: v1(0xa7),
  highS: v1(0xa8),
  add: v2(0xae),
  sub: v2(0xb1),
  mul: v2(0xb5),
  shl: shift(0xab),
  /** Zeros come in. */
  shr: shift(0xad),
  /** One integer in all lanes. */
  same: (value) => v128.ints(value, value, value, value),
  /** Pairs of int16: a0·b0 + a1·b1, wrapping. */
  dot: v2(0xba),
  min: v2(0xb6),
  max: v2(0xb8),
  lt: v2(0x39),
  gt: v2(0x3b),
  /** Sign bits of the lanes. */
  bits: v1(0xa4),
  /** Towards zero, saturating, NaN to 0. */
  fromFloat: v1(0xf8),
  /** The same of two doubles, into the lower lanes. */
  fromDouble: v1(0xfc),
};

export const i64x2: {
  readonly fromInt: Unary;
  readonly add: Binary;
  readonly shl: Shift;
  readonly shr: Shift;
} = {
  /** Of the lower lanes. */
  fromInt: v1(0xc7),
  add: v2(0xce),
  shl: shift(0xcb),
  shr: shift(0xcd),
};

export const f32x4: {
  readonly splat: Unary;
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly div: Binary;
  readonly min: Binary;
  readonly max: Binary;
  readonly neg: Unary;
  readonly abs: Unary;
  readonly sqrt: Unary;
  readonly floor: Unary;
  readonly nearest: Unary;
  readonly lt: Binary;
  readonly gt: Binary;
  readonly eq: Binary;
  readonly ne: Binary;
  readonly fromInt: Unary;
  readonly fromDouble: Unary;
} = {
  splat: v1(0x13),
  add: v2(0xe4),
  sub: v2(0xe5),
  mul: v2(0xe6),
  div: v2(0xe7),
  /** NaN wins, −0 below +0: Math.min. */
  min: v2(0xe8),
  max: v2(0xe9),
  neg: v1(0xe1),
  abs: v1(0xe0),
  sqrt: v1(0xe3),
  floor: v1(0x68),
  /** Ties to even. */
  nearest: v1(0x6a),
  lt: v2(0x43),
  gt: v2(0x44),
  eq: v2(0x41),
  ne: v2(0x42),
  fromInt: v1(0xfa),
  /** Rounded, into the lower lanes. */
  fromDouble: v1(0x5e),
};

export const f64x2: {
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly div: Binary;
  readonly min: Binary;
  readonly max: Binary;
  readonly neg: Unary;
  readonly abs: Unary;
  readonly nearest: Unary;
  readonly lt: Binary;
  readonly gt: Binary;
  readonly eq: Binary;
  readonly fromFloat: Unary;
  readonly fromInt: Unary;
} = {
  add: v2(0xf0),
  sub: v2(0xf1),
  mul: v2(0xf2),
  div: v2(0xf3),
  min: v2(0xf4),
  max: v2(0xf5),
  neg: v1(0xed),
  abs: v1(0xec),
  nearest: v1(0x94),
  lt: v2(0x49),
  gt: v2(0x4a),
  eq: v2(0x47),
  /** Of the lower lanes. */
  fromFloat: v1(0x5f),
  /** Of the lower lanes. */
  fromInt: v1(0xfe),
};
