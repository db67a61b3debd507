/**
 * VECTOR: a short program per element, run over blocks of elements, one step at a time.
 *
 * Registers hold fp32 numbers, or integers exactly after `loadInt`, `quantize` and `requantize`. All inputs are read before any output is
 * written, so that a command may work in place. `store` saturates integers (NaN to the lowest value, fractions cut towards zero).
 */
import {
  acos64,
  acosh64,
  asin64,
  asinh64,
  assertNever,
  atan64,
  atanh64,
  bfloat16FromFloat32,
  cos64,
  cosh64,
  elementCount,
  erf32,
  exp32,
  float16FromFloat32,
  float32FromBfloat16,
  float32FromFloat16,
  integerRange,
  invariant,
  isFloat,
  log32,
  pow32,
  powInt32,
  rescaleFixed,
  roundHalfEven,
  sigmoid32,
  sin64,
  sinh64,
  tableFunctions,
  tan64,
  tanh32,
  type DType,
} from '../../core/index.ts';
import type { Ref, VectorCommand, VectorStep } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { countOutputs, integerBounds } from './stats.ts';
import { readDense, writeNumbers, type Dense } from './numbers.ts';
import type { Scratch } from './scratch.ts';

/** Elements per block: registers of a dozen steps stay in the first-level cache. */
const block = 512;

export function runVector(cx: Context, c: VectorCommand): void {
  const inputs = c.inputs.map((ref, i) => readDense(tile(cx, compact(ref)), cx.scratch, `input ${i}`));
  const broadcast = c.inputs.map(isScalar);
  const tables = new Set(c.steps.flatMap((s) => (s.op === 'lookup' ? [s.immediate] : [])));
  const outTiles = c.outputs.map((ref) => tile(cx, ref));
  const count = outTiles[0]?.count ?? 0;
  const shapesAgree =
    c.inputs.every((ref, i) => broadcast[i] === true || tables.has(i) || elementCount(ref.extents) === count) &&
    outTiles.every((t) => t.count === count);
  invariant(shapesAgree, `VECTOR on operands of ${[...c.inputs, ...c.outputs].map((r) => elementCount(r.extents)).join(', ')} elements`);
  const outputs = outTiles.map((t, i) => new Float64Array(cx.scratch(`output ${i}`, t.count * 8), 0, t.count));
  const sinks = c.outputs.map((ref, i) => sinkOf(c.steps, i, ref.dtype));
  cx.tally.saturated += runSteps(c.steps, { count, inputs, broadcast, outputs, sinks, outside: null }, cx.scratch);
  for (const [i, t] of outTiles.entries()) {
    const values = outputs[i];
    if (values === undefined) continue;
    writeNumbers(t, values, cx.scratch, saturates(c.steps, i));
    countOutputs(cx.tally, t.dtype, values);
  }
}

/** Whether floats of 8 bits that are too large are stored as the largest. */
export function saturates(steps: readonly VectorStep[], output: number): boolean {
  return !steps.some((s) => s.op === 'store' && s.dst === output && s.immediate !== 0);
}

/** Operands of a program as arrays. */
export interface Operands {
  readonly count: number;
  readonly inputs: readonly Dense[];
  /** One element read for all. */
  readonly broadcast: readonly boolean[];
  readonly outputs: readonly Float64Array[];
  readonly sinks: readonly Sink[];
  /** Where not null: grows by how many values of each element saturated. */
  readonly outside: Uint8Array | null;
}

/** Runs the program over all elements; returns how many values saturated. */
export function runSteps(steps: readonly VectorStep[], o: Operands, scratch: Scratch): number {
  const registers = registersOf(scratch, steps);
  let saturated = 0;
  for (let from = 0; from < o.count; from += block) {
    const n = Math.min(block, o.count - from);
    for (const step of steps) {
      if (step.op === 'load' || step.op === 'loadInt') {
        const source = o.inputs[step.a];
        const target = registers[step.dst];
        if (source !== undefined && target !== undefined) load(source, o.broadcast[step.a] === true ? -1 : from, target, n, step.op);
      } else if (step.op === 'lookup') {
        const [table, at, target] = [o.inputs[step.immediate], registers[step.a], registers[step.dst]];
        if (table !== undefined && at !== undefined && target !== undefined)
          for (let i = 0; i < n; i++) target[i] = table[(at[i] ?? 0) & 255] ?? 0;
      } else if (step.op === 'store') {
        const [target, sink, source] = [o.outputs[step.dst], o.sinks[step.dst], registers[step.a]];
        if (target === undefined || sink === undefined || source === undefined) continue;
        saturated += store(source, target, from, n, sink);
        if (o.outside !== null)
          for (let i = 0; i < n; i++) if (isOutside(source[i] ?? 0, sink)) o.outside[from + i] = (o.outside[from + i] ?? 0) + 1;
      } else {
        compute(step, registers, n);
      }
    }
  }
  return saturated;
}

function isOutside(x: number, sink: Sink): boolean {
  const v = Math.trunc(x);
  return sink.integer && (v < sink.saturatedBelow || v > sink.saturatedAbove);
}

/** One element read for all: extents of 1. */
export function isScalar(ref: Ref): boolean {
  return ref.strides.every((s, i) => s === 0 || ref.extents[i] === 1);
}

export function compact(ref: Ref): Ref {
  return isScalar(ref) ? { ...ref, extents: [1], strides: [0] } : ref;
}

function registersOf(scratch: Scratch, steps: readonly VectorStep[]): Float64Array[] {
  let top = 0;
  for (const s of steps) top = Math.max(top, s.op === 'store' ? 0 : s.dst, s.op === 'load' || s.op === 'loadInt' ? 0 : s.a, s.b, s.c);
  const buffer = scratch('registers', (top + 1) * block * 8);
  return Array.from({ length: top + 1 }, (_, i) => new Float64Array(buffer, i * block * 8, block));
}

function load(source: Dense, from: number, target: Float64Array, n: number, op: 'load' | 'loadInt'): void {
  if (from < 0) target.fill(source[0] ?? 0, 0, n);
  else target.set(source.subarray(from, from + n));
  // Only 32-bit integers can fail to be fp32 numbers.
  if (op === 'load' && (source instanceof Int32Array || source instanceof Uint32Array))
    for (let i = 0; i < n; i++) target[i] = Math.fround(target[i] ?? 0);
}

export interface Sink {
  readonly integer: boolean;
  readonly lo: number;
  readonly hi: number;
  readonly saturatedBelow: number;
  readonly saturatedAbove: number;
}

export function sinkOf(steps: readonly VectorStep[], output: number, dtype: DType): Sink {
  if (isFloat(dtype)) return { integer: false, lo: -Infinity, hi: Infinity, saturatedBelow: -Infinity, saturatedAbove: Infinity };
  const zero = zeroPointOf(steps, output) ?? integerRange(dtype === 'int64' ? 'int32' : dtype)[0] + 1;
  return { integer: true, ...integerBounds(dtype, -Infinity, Infinity, zero) };
}

/** The zero point of a stored register, where the step that made it says so. */
function zeroPointOf(steps: readonly VectorStep[], output: number): number | null {
  const at = steps.findLastIndex((s) => s.op === 'store' && s.dst === output);
  const made = lastWriter(steps, at, steps[at]?.a ?? -1);
  const maker = steps[made];
  if (maker === undefined || (maker.op !== 'quantize' && maker.op !== 'requantize')) return null;
  const zero = steps[lastWriter(steps, made, maker.c)];
  return zero?.op === 'immediate' ? zero.immediate : null;
}

function lastWriter(steps: readonly VectorStep[], before: number, register: number): number {
  for (let i = before - 1; i >= 0; i--) if (steps[i]?.op !== 'store' && steps[i]?.dst === register) return i;
  return -1;
}

/** Returns how many values saturated. */
function store(source: Float64Array, target: Float64Array, from: number, n: number, sink: Sink): number {
  if (!sink.integer) {
    for (let i = 0; i < n; i++) target[from + i] = source[i] ?? 0;
    return 0;
  }
  const { lo, hi, saturatedBelow, saturatedAbove } = sink;
  let saturated = 0;
  for (let i = 0; i < n; i++) {
    const v = Math.trunc(source[i] ?? 0);
    if (v < saturatedBelow || v > saturatedAbove) saturated++;
    target[from + i] = v >= lo ? (v > hi ? hi : v) : lo;
  }
  return saturated;
}

const none = new Float64Array(block);

function roundToFloat16(x: number): number {
  return float32FromFloat16(float16FromFloat32(x));
}

/** Of fp32 numbers, in binary64: rounded once. Beyond 2⁵¹ there are only integers. */
const functions = {
  round: (x: number): number => (Math.abs(x) < 2251799813685248 ? roundHalfEven(x) : x),
  sin: sin64,
  cos: cos64,
  tan: tan64,
  asin: asin64,
  acos: acos64,
  atan: atan64,
  sinh: sinh64,
  cosh: cosh64,
  asinh: asinh64,
  acosh: acosh64,
  atanh: atanh64,
} as const;

const functionOf = {
  expTable: 'exp',
  sigmoidTable: 'sigmoid',
  tanhTable: 'tanh',
  erfTable: 'erf',
  inverseRootTable: 'inverseRoot',
} as const;

/** NaN is below every number that clamps know. */
function orSmallest(q: number): number {
  return q === q ? q : -Infinity;
}

function compute(step: VectorStep, registers: readonly Float64Array[], n: number): void {
  const f32 = Math.fround;
  const d = registers[step.dst] ?? none;
  const a = registers[step.a] ?? none;
  const b = registers[step.b] ?? none;
  const c = registers[step.c] ?? none;
  switch (step.op) {
    case 'immediate':
      d.fill(f32(step.immediate), 0, n);
      return;
    case 'add':
      for (let i = 0; i < n; i++) d[i] = f32((a[i] ?? 0) + (b[i] ?? 0));
      return;
    case 'sub':
      for (let i = 0; i < n; i++) d[i] = f32((a[i] ?? 0) - (b[i] ?? 0));
      return;
    case 'mul':
      for (let i = 0; i < n; i++) d[i] = f32((a[i] ?? 0) * (b[i] ?? 0));
      return;
    case 'div':
      for (let i = 0; i < n; i++) d[i] = f32((a[i] ?? 0) / (b[i] ?? 0));
      return;
    case 'max':
      for (let i = 0; i < n; i++) d[i] = f32(Math.max(a[i] ?? 0, b[i] ?? 0));
      return;
    case 'min':
      for (let i = 0; i < n; i++) d[i] = f32(Math.min(a[i] ?? 0, b[i] ?? 0));
      return;
    case 'neg':
      for (let i = 0; i < n; i++) d[i] = f32(-(a[i] ?? 0));
      return;
    case 'abs':
      for (let i = 0; i < n; i++) d[i] = f32(Math.abs(a[i] ?? 0));
      return;
    case 'sqrt':
      for (let i = 0; i < n; i++) d[i] = f32(Math.sqrt(a[i] ?? 0));
      return;
    case 'exp':
      for (let i = 0; i < n; i++) d[i] = exp32(a[i] ?? 0);
      return;
    case 'tanh':
      for (let i = 0; i < n; i++) d[i] = tanh32(a[i] ?? 0);
      return;
    case 'erf':
      for (let i = 0; i < n; i++) d[i] = erf32(a[i] ?? 0);
      return;
    case 'log':
      for (let i = 0; i < n; i++) d[i] = log32(a[i] ?? 0);
      return;
    case 'sigmoid':
      for (let i = 0; i < n; i++) d[i] = sigmoid32(a[i] ?? 0);
      return;
    case 'floor':
      for (let i = 0; i < n; i++) d[i] = f32(Math.floor(a[i] ?? 0));
      return;
    case 'dequantize':
      for (let i = 0; i < n; i++) d[i] = f32(((a[i] ?? 0) - (b[i] ?? 0)) * (c[i] ?? 0));
      return;
    case 'quantize':
      for (let i = 0; i < n; i++) d[i] = orSmallest(roundHalfEven(f32((a[i] ?? 0) / (b[i] ?? 0))) + (c[i] ?? 0));
      return;
    case 'requantize':
      for (let i = 0; i < n; i++) d[i] = orSmallest(roundHalfEven(f32(f32(a[i] ?? 0) * (b[i] ?? 0))) + (c[i] ?? 0));
      return;
    case 'addInt':
      for (let i = 0; i < n; i++) d[i] = ((a[i] ?? 0) + (b[i] ?? 0)) | 0;
      return;
    case 'mulInt':
      for (let i = 0; i < n; i++) d[i] = Math.imul(a[i] ?? 0, b[i] ?? 0);
      return;
    case 'divInt':
      // 0 where b is 0: infinities and NaN become 0 as int32.
      for (let i = 0; i < n; i++) d[i] = ((a[i] ?? 0) / (b[i] ?? 0)) | 0;
      return;
    case 'bitAnd':
      for (let i = 0; i < n; i++) d[i] = (a[i] ?? 0) & (b[i] ?? 0);
      return;
    case 'bitOr':
      for (let i = 0; i < n; i++) d[i] = (a[i] ?? 0) | (b[i] ?? 0);
      return;
    case 'bitXor':
      for (let i = 0; i < n; i++) d[i] = (a[i] ?? 0) ^ (b[i] ?? 0);
      return;
    case 'less':
      for (let i = 0; i < n; i++) d[i] = (a[i] ?? 0) < (b[i] ?? 0) ? 1 : 0;
      return;
    case 'equal':
      for (let i = 0; i < n; i++) d[i] = a[i] === b[i] ? 1 : 0;
      return;
    case 'select':
      for (let i = 0; i < n; i++) d[i] = (a[i] !== 0 ? b[i] : c[i]) ?? 0;
      return;
    case 'remainder':
      for (let i = 0; i < n; i++) d[i] = (a[i] ?? 0) % (b[i] ?? 0);
      return;
    case 'pow':
      for (let i = 0; i < n; i++) d[i] = pow32(a[i] ?? 0, b[i] ?? 0);
      return;
    case 'powInt':
      for (let i = 0; i < n; i++) d[i] = powInt32(a[i] ?? 0, b[i] ?? 0);
      return;
    case 'round':
    case 'sin':
    case 'cos':
    case 'tan':
    case 'asin':
    case 'acos':
    case 'atan':
    case 'sinh':
    case 'cosh':
    case 'asinh':
    case 'acosh':
    case 'atanh': {
      const f = functions[step.op];
      for (let i = 0; i < n; i++) d[i] = f32(f(a[i] ?? 0));
      return;
    }
    case 'expTable':
    case 'sigmoidTable':
    case 'tanhTable':
    case 'erfTable':
    case 'inverseRootTable': {
      const f = tableFunctions(step.immediate)[functionOf[step.op]];
      for (let i = 0; i < n; i++) d[i] = f(a[i] ?? 0);
      return;
    }
    case 'rescale':
      for (let i = 0; i < n; i++) d[i] = rescaleFixed(a[i] ?? 0, b[i] ?? 0, c[i] ?? 0);
      return;
    case 'toFloat16':
      for (let i = 0; i < n; i++) d[i] = roundToFloat16(a[i] ?? 0);
      return;
    case 'toBfloat16':
      for (let i = 0; i < n; i++) d[i] = float32FromBfloat16(bfloat16FromFloat32(a[i] ?? 0));
      return;
    case 'unpack':
      d.set(a.subarray(0, n));
      return;
    case 'load':
    case 'loadInt':
    case 'lookup':
    case 'store':
      return;
    default:
      assertNever(step.op);
  }
}
