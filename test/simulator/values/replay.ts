/**
 * A reader of bring-up vectors that knows no more than docs/verify.md and docs/program-format.md say: from the manifest, as JSON, and the
 * numbers before a command it works out the numbers after it. Elementary functions and roundings are those of `core`, which specifies them.
 */
import { integerRange, isFloat, rescaleFixed, roundHalfEven, type Tensor } from '../../../src/core/index.ts';
import { numbersOf, tensorOf } from '../../../src/graph/index.ts';
import type { VectorOperand, VectorRecord } from '../../../src/simulator/index.ts';
import { meaningOf } from '../../isa/step-meaning.ts';
import { asNumber, fieldsOf, stepOf } from './replay-steps.ts';

const f32 = Math.fround;

export type Files = (name: string) => Tensor;

/** What the files must hold after the command, by operand; null for HOST, whose graph is not among the vectors. */
export function replay(record: VectorRecord, files: Files): ReadonlyMap<string, readonly number[]> | null {
  const r = reader(record, files);
  switch (record.op) {
    case 'LOAD':
    case 'STORE':
    case 'COPY':
      return new Map([['dst', r.read('src')]]);
    case 'CONV':
    case 'DWCONV':
    case 'MATMUL':
      return contraction(record, r);
    case 'POOL':
      return new Map([['out', pool(record, r)]]);
    case 'VECTOR':
      return vector(record, r);
    case 'REDUCE':
      return new Map([['acc', reduce(record, r)]]);
    case 'HOST':
      return null;
    default:
      throw new Error(`${record.op} has no numbers`);
  }
}

/** Numbers of a file by place in `fileExtents`; packed nibbles by element. */
export function fileNumbers(operand: VectorOperand, tensor: Tensor): readonly number[] {
  const list = Array.from(numbersOf(tensor) as ArrayLike<number | bigint>, Number);
  if (operand.dtype !== 'int4' && operand.dtype !== 'uint4') return list;
  return list.flatMap((byte) => [byte & 15, byte >> 4]).map((n) => (operand.dtype === 'int4' && n > 7 ? n - 16 : n));
}

interface Reader {
  operand(name: string): VectorOperand;
  has(name: string): boolean;
  /** All elements of the operand before the command, row-major in `extents`. */
  read(name: string): number[];
}

function reader(record: VectorRecord, files: Files): Reader {
  const find = (name: string): VectorOperand | undefined => record.operands.find((o) => o.name === name);
  const operand = (name: string): VectorOperand => find(name) ?? fail(`${record.op} has no operand ${name}`);
  return {
    operand,
    has: (name) => find(name) !== undefined,
    read(name) {
      const o = operand(name);
      const list = fileNumbers(o, files(o.before ?? fail(`${name} is not read`)));
      const packed = o.dtype === 'int4' || o.dtype === 'uint4';
      return places(o.extents, packed ? o.strides : denseStrides(o.fileExtents, o.extents)).map((at) => list[at] ?? NaN);
    },
  };
}

function fail(problem: string): never {
  throw new Error(problem);
}

/** Of the files: 0 along axes that hold one element for all. */
function denseStrides(fileExtents: readonly number[], extents: readonly number[]): readonly number[] {
  let step = 1;
  return fileExtents
    .toReversed()
    .map((e, i) => {
      const stride = e === 1 && extents[extents.length - 1 - i] !== 1 ? 0 : step;
      step *= e;
      return stride;
    })
    .toReversed();
}

/** Σ iₖ·strideₖ of every element in row-major order. */
function places(extents: readonly number[], strides: readonly number[]): number[] {
  return extents.reduce<number[]>(
    (list, extent, axis) => list.flatMap((at) => Array.from({ length: extent }, (_, i) => at + i * (strides[axis] ?? 0))),
    [0],
  );
}

/** What stays of all elements in a file: the last one written of those that share a place. */
function inFile(o: VectorOperand, list: readonly number[]): readonly number[] {
  const kept = new Array<number>(o.fileExtents.reduce((n, e) => n * e, 1)).fill(NaN);
  places(o.extents, denseStrides(o.fileExtents, o.extents)).forEach((at, i) => (kept[at] = list[i] ?? NaN));
  return kept;
}

/** As the type holds them: integers saturate, NaN is the smallest, fractions go; floats are rounded. */
function stored(o: VectorOperand, list: readonly number[]): readonly number[] {
  if (isFloat(o.dtype)) return Array.from(numbersOf(tensorOf(o.dtype, [list.length], Float32Array.from(list))) as ArrayLike<number>);
  // A 64-bit integer is an int32 with its sign carried on.
  const [lo, hi] = integerRange(o.dtype === 'int64' ? 'int32' : o.dtype);
  return list.map((x) => (Number.isNaN(x) ? lo : Math.min(hi, Math.max(lo, Math.trunc(x)))));
}

function number(record: VectorRecord, name: string): number {
  return asNumber(record.parameters[name]);
}

function pair(record: VectorRecord, name: string): readonly number[] {
  const p = record.parameters[name];
  return Array.isArray(p) ? p.map(asNumber) : fail(`${record.op} has no ${name}`);
}

function contraction(record: VectorRecord, r: Reader): ReadonlyMap<string, readonly number[]> {
  const acc = r.operand('acc');
  const sums =
    record.parameters['mode'] === 'accumulate'
      ? r.read('acc')
      : acc.extents.reduce((list, e) => list.flatMap((x) => new Array<number>(e).fill(x)), [0]);
  const float = acc.dtype === 'float32';
  const [x, w] = [r.read('x').map((v) => v - number(record, 'xZero')), r.read('w').map((v) => v - number(record, 'wZero'))];
  const add = (at: number, a: number, b: number): void => {
    sums[at] = float ? f32((sums[at] ?? 0) + f32(a * b)) : ((sums[at] ?? 0) + Math.imul(a, b)) | 0;
  };
  const channelOf = record.op === 'MATMUL' ? multiply(r, x, w, add) : convolve(record, r, x, w, add);
  const after = new Map([['acc', inFile(acc, sums)]]);
  const drain = record.parameters['drain'];
  if (drain === null || drain === undefined) return after;
  const d = fieldsOf(drain);
  const [lo, hi, outZero] = [asNumber(d['lo']), asNumber(d['hi']), asNumber(d['outZero'])];
  const bias = r.has('bias') ? r.read('bias') : null;
  const factors = r.has('multiplier') ? r.read('multiplier') : null;
  const fixed = factors !== null && r.operand('multiplier').dtype === 'int32';
  const drained = sums.map((sum, at) => {
    const c = channelOf(at);
    const biased = float ? f32(sum + (bias?.[c] ?? 0)) : (sum + (bias?.[c] ?? 0)) | 0;
    // Without a bias nothing is added: −0 stays.
    const whole = float && bias === null ? sum : biased;
    if (factors === null) return whole < lo ? lo : whole > hi ? hi : whole;
    const q = fixed
      ? rescaleFixed(whole, factors[2 * c] ?? 0, factors[2 * c + 1] ?? 0)
      : roundHalfEven(f32(f32(whole) * (factors[c] ?? 0)));
    return Math.min(hi, Math.max(lo, q + outZero));
  });
  return after.set('out', inFile(r.operand('out'), stored(r.operand('out'), drained)));
}

type Add = (at: number, a: number, b: number) => void;

function convolve(record: VectorRecord, r: Reader, x: readonly number[], w: readonly number[], add: Add): (at: number) => number {
  const [n = 1, m = 1, oh = 1, ow = 1] = r.operand('acc').extents;
  const [, channels = 1, h = 1, width = 1] = r.operand('x').extents;
  const [, , kh = 1, kw = 1] = r.operand('w').extents;
  const groups = record.op === 'DWCONV' ? channels : number(record, 'groups');
  const [cg, mg] = [channels / groups, m / groups];
  const [[sy = 1, sx = 1], [dy = 1, dx = 1]] = [pair(record, 'strides'), pair(record, 'dilations')];
  for (let at = 0; at < n * m * oh * ow; at++) {
    const [b, o, i, j] = [Math.floor(at / (m * oh * ow)), Math.floor(at / (oh * ow)) % m, Math.floor(at / ow) % oh, at % ow];
    for (let tap = 0; tap < cg * kh * kw; tap++) {
      const row = i * sy + (Math.floor(tap / kw) % kh) * dy - number(record, 'padTop');
      const column = j * sx + (tap % kw) * dx - number(record, 'padLeft');
      if (row < 0 || row >= h || column < 0 || column >= width) continue;
      const channel = Math.floor(o / mg) * cg + Math.floor(tap / (kh * kw));
      add(at, x[((b * channels + channel) * h + row) * width + column] ?? 0, w[o * cg * kh * kw + tap] ?? 0);
    }
  }
  return (at) => Math.floor(at / (oh * ow)) % m;
}

function multiply(r: Reader, x: readonly number[], w: readonly number[], add: Add): (at: number) => number {
  const { extents } = r.operand('acc');
  const [m = 1, n = 1] = extents.slice(-2);
  const k = r.operand('x').extents.at(-1) ?? 1;
  const count = extents.reduce((a, e) => a * e, 1);
  for (let at = 0; at < count; at++) {
    const [batch, row, column] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
    for (let p = 0; p < k; p++) add(at, x[(batch * m + row) * k + p] ?? 0, w[(batch * k + p) * n + column] ?? 0);
  }
  return (at) => at % n;
}

function pool(record: VectorRecord, r: Reader): readonly number[] {
  const [, , h = 1, width = 1] = r.operand('x').extents;
  const out = r.operand('out');
  const [n = 1, channels = 1, oh = 1, ow = 1] = out.extents;
  const [[kh = 1, kw = 1], [sy = 1, sx = 1], [dy = 1, dx = 1]] = [
    pair(record, 'kernel'),
    pair(record, 'strides'),
    pair(record, 'dilations'),
  ];
  const [top = 0, left = 0, bottom = 0, right = 0] = pair(record, 'countBox');
  const x = r.read('x');
  const float = isFloat(r.operand('x').dtype);
  const one = (at: number): number => {
    const [plane, i, j] = [Math.floor(at / (oh * ow)), Math.floor(at / ow) % oh, at % ow];
    let [best, sum, counted] = [-Infinity, 0, 0];
    for (let tap = 0; tap < kh * kw; tap++) {
      const row = i * sy + Math.floor(tap / kw) * dy - number(record, 'padTop');
      const column = j * sx + (tap % kw) * dx - number(record, 'padLeft');
      if (row >= top && row < bottom && column >= left && column < right) counted++;
      if (row < 0 || row >= h || column < 0 || column >= width) continue;
      const v = x[(plane * h + row) * width + column] ?? 0;
      best = Math.max(best, v);
      sum = float ? f32(sum + v) : sum + v - number(record, 'xZero');
    }
    if (record.parameters['kind'] === 'max') return best;
    const mean = f32(f32(sum) / counted);
    return float ? mean : roundHalfEven(f32(mean * number(record, 'multiplier'))) + number(record, 'outZero');
  };
  const [lo, hi] = [number(record, 'lo'), number(record, 'hi')];
  const all = Array.from({ length: n * channels * oh * ow }, (_, at) => one(at)).map((v) => (v < lo ? lo : v > hi ? hi : v));
  return inFile(out, stored(out, all));
}

function reduce(record: VectorRecord, r: Reader): readonly number[] {
  const acc = r.operand('acc');
  const float = acc.dtype === 'float32';
  const kind = record.parameters['kind'];
  const before = record.parameters['mode'] === 'accumulate' ? fileOrder(acc, r.read('acc')) : null;
  const results: (number | undefined)[] = before === null ? [] : [...before];
  const join = (a: number | undefined, v: number): number => {
    if (kind === 'max') return a === undefined ? v : Math.max(a, v);
    if (kind === 'product') return float ? f32((a ?? 1) * v) : Math.imul(a ?? 1, v);
    const term = kind === 'sum' ? v : float ? f32(v * v) : Math.imul(v, v);
    return float ? f32((a ?? 0) + term) : ((a ?? 0) + term) | 0;
  };
  const x = r.read('x').map((v) => (float ? v : v - number(record, 'xZero')));
  places(acc.extents, denseStrides(acc.fileExtents, acc.extents)).forEach((at, i) => (results[at] = join(results[at], x[i] ?? 0)));
  return stored(
    acc,
    results.map((v) => v ?? NaN),
  );
}

function fileOrder(o: VectorOperand, list: readonly number[]): readonly number[] {
  return inFile(o, list);
}

function vector(record: VectorRecord, r: Reader): ReadonlyMap<string, readonly number[]> {
  const steps = record.parameters['steps'];
  const list = Array.isArray(steps) ? steps.map(stepOf) : fail('VECTOR has no steps');
  const inputs = record.operands.filter((o) => o.name.startsWith('inputs')).map((o) => r.read(o.name));
  const outs = record.operands.filter((o) => o.name.startsWith('outputs'));
  const count = outs[0]?.extents.reduce((n, e) => n * e, 1) ?? 0;
  const results = outs.map(() => new Array<number>(count).fill(NaN));
  for (let at = 0; at < count; at++) {
    const registers: number[] = [];
    for (const s of list) {
      if (s.op === 'store') (results[s.dst] ?? [])[at] = registers[s.a] ?? NaN;
      else if (s.op === 'load') registers[s.dst] = f32(inputs[s.a]?.[at] ?? NaN);
      else if (s.op === 'lookup') registers[s.dst] = inputs[s.immediate]?.[(registers[s.a] ?? 0) & 255] ?? NaN;
      else if (s.op === 'loadInt') registers[s.dst] = inputs[s.a]?.[at] ?? NaN;
      else registers[s.dst] = meaningOf(s, registers[s.a] ?? 0, registers[s.b] ?? 0, registers[s.c] ?? 0);
    }
  }
  return new Map(outs.map((o, i) => [o.name, inFile(o, stored(o, results[i] ?? []))]));
}
