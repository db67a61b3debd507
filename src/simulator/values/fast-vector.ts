/**
 * VECTOR by the kernels of wasm/, four lanes at a time, where fp32 registers hold what the plain form holds in binary64: fp32 numbers, small
 * integers, and quantized results on their way to a byte. vector.ts elsewhere.
 */
import { bitsOf, elementCount, isEngineFloat, isNarrowFloat, type DType } from '../../core/index.ts';
import type { Ref, VectorCommand, VectorStep } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { countBytes, seenBytes } from './fast-drain.ts';
import { mapBytes } from './fast-table.ts';
import { decodeHalves, isHalf, writeFloats } from './fast-operands.ts';
import { readDense } from './numbers.ts';
import { gather, scatter } from './tile.ts';
import { compact, isScalar, saturates, sinkOf } from './vector.ts';
import type { Kernels } from './wasm/kernels.ts';

/** Elements per block: registers of a dozen steps stay in the first-level cache. */
const block = 512;

/**
 * What a register holds: any fp32 number; an integer of at most 17 bits; or a rounded number plus such an integer, which may need more
 * digits than fp32 has, but then lies beyond every byte: `wide` on both sides, `above` or `below` where a bound cut the other side off.
 */
type Kind = 'float' | 'small' | 'wide' | 'above' | 'below';

/** What max and min with a small integer leave. */
const bounded = {
  max: { float: 'float', small: 'small', wide: 'above', above: 'above', below: 'small' },
  min: { float: 'float', small: 'small', wide: 'below', above: 'small', below: 'below' },
} as const satisfies Readonly<Record<string, Readonly<Record<Kind, Kind>>>>;
/** Beyond this an integer is not small. */
const mostSmall = 65536;

/** Steps with a kernel of the same name, and what they make of registers that are not wide. */
const kernelSteps = {
  add: 'float',
  sub: 'float',
  mul: 'float',
  div: 'float',
  max: 'float',
  min: 'float',
  exp: 'float',
  tanh: 'float',
  erf: 'float',
  log: 'float',
  sigmoid: 'float',
  toFloat16: 'float',
  toBfloat16: 'float',
  neg: 'float',
  abs: 'float',
  sqrt: 'float',
  floor: 'float',
  dequantize: 'float',
  quantize: 'wide',
  requantize: 'wide',
  less: 'small',
  equal: 'small',
  select: 'float',
} as const satisfies Readonly<Record<string, Kind>>;

/** Steps of one operand. */
const unarySteps: ReadonlySet<string> = new Set([
  'exp',
  'tanh',
  'erf',
  'log',
  'sigmoid',
  'toFloat16',
  'toBfloat16',
  'neg',
  'abs',
  'sqrt',
  'floor',
]);

/** False, and nothing done, where the kernels do not fit the program, its types or its size. */
export function fastVector(cx: Context, kernels: Kernels, c: VectorCommand): boolean {
  if (mapBytes(cx, c)) return true;
  const count = elementCount(c.outputs[0]?.extents ?? []);
  const fits =
    c.outputs.every((ref) => elementCount(ref.extents) === count && (isByte(ref.dtype) || isLaneFloat(ref.dtype))) &&
    c.inputs.every((ref) => isScalar(ref) || elementCount(ref.extents) === count);
  const top = c.outputs.length > 0 && fits ? checkSteps(c) : -1;
  if (top < 0) return false;
  const areas = kernels.room([
    ...c.inputs.map((ref) => elementCount(compact(ref).extents) * 4),
    ...c.outputs.map(() => count * 4),
    (top + 1) * block * 4,
    seenBytes,
  ]);
  if (areas === null) return false;
  const inputs = areas.slice(0, c.inputs.length);
  const outputs = areas.slice(c.inputs.length, -2);
  const [registers = 0, seen = 0] = areas.slice(-2);
  for (const [i, ref] of c.inputs.entries()) {
    const exact = c.steps.some((s) => s.op === 'loadInt' && s.a === i);
    if (!readInput(cx, kernels, compact(ref), inputs[i] ?? 0, exact)) return false;
  }
  cx.tally.saturated += runSteps(kernels, c, { count, inputs, outputs, registers });
  for (const [i, ref] of c.outputs.entries())
    writeOutput(cx, kernels, ref, { at: outputs[i] ?? 0, count, seen, saturate: saturates(c.steps, i) });
  return true;
}

/** Floats that registers hold, those of 8 bits by a table. */
function isLaneFloat(dtype: DType): boolean {
  return isEngineFloat(dtype) || (isNarrowFloat(dtype) && bitsOf(dtype) === 8);
}

function isByte(dtype: DType): boolean {
  return dtype === 'int8' || dtype === 'uint8' || dtype === 'bool';
}

/** Bytes as they are, everything else as fp32; false where an `exact` integer is not small. */
function readInput(cx: Context, kernels: Kernels, ref: Ref, to: number, exact: boolean): boolean {
  const t = tile(cx, ref);
  if (isByte(ref.dtype) || ref.dtype === 'float32') {
    gather(t, kernels.buffer(), to);
    return true;
  }
  if (isHalf(ref.dtype)) {
    gather(t, kernels.buffer(), to + 2 * t.count);
    decodeHalves(kernels, ref.dtype, to + 2 * t.count, to, t.count);
    return true;
  }
  const dense = readDense(t, cx.scratch, 'input');
  new Float32Array(kernels.buffer(), to, t.count).set(dense);
  if (!exact || !(dense instanceof Int32Array)) return true;
  for (let i = 0; i < dense.length; i++) if (Math.abs(dense[i] ?? 0) > mostSmall) return false;
  return true;
}

interface Stored {
  readonly at: number;
  readonly count: number;
  readonly seen: number;
  readonly saturate: boolean;
}

function writeOutput(cx: Context, kernels: Kernels, ref: Ref, { at, count, seen, saturate }: Stored): void {
  if (isByte(ref.dtype)) scatter(tile(cx, ref), kernels.buffer(), at);
  else writeFloats(cx, kernels, ref, at, saturate);
  if (ref.dtype === 'int8' || ref.dtype === 'uint8') countBytes(cx.tally, kernels, at, count, seen);
  else cx.tally.outputs += count;
}

/** The highest register, or -1 where some register would not hold what the plain form holds. */
function checkSteps(c: VectorCommand): number {
  const kinds: Kind[] = [];
  for (const step of c.steps) {
    if (step.op === 'store') {
      const kind = kinds[step.a];
      const ref = c.outputs[step.dst];
      const any = kind === 'float' || kind === 'small';
      if (kind === undefined || ref === undefined || !(any || isByte(ref.dtype))) return -1;
      continue;
    }
    const made = kindOf(step, kinds, c);
    if (made === null) return -1;
    kinds[step.dst] = made;
  }
  return kinds.length - 1;
}

function kindOf(step: VectorStep, kinds: readonly Kind[], c: VectorCommand): Kind | null {
  const { op } = step;
  const is = (register: number, kind: Kind): boolean => kinds[register] === kind;
  const narrow = (...registers: readonly number[]): boolean => registers.every((r) => is(r, 'float') || is(r, 'small'));
  switch (op) {
    case 'load':
    case 'loadInt': {
      const dtype = c.inputs[step.a]?.dtype;
      if (dtype === undefined) return null;
      if (isByte(dtype) || dtype === 'int16' || dtype === 'uint16') return 'small';
      if (dtype === 'int4' || dtype === 'uint4') return 'small';
      if (dtype === 'int32') return op === 'load' ? 'float' : 'small';
      return op === 'load' && isLaneFloat(dtype) ? 'float' : null;
    }
    case 'unpack':
      return kinds[step.a] ?? null;
    case 'immediate':
      return Number.isInteger(step.immediate) && Math.abs(step.immediate) <= mostSmall ? 'small' : 'float';
    case 'dequantize':
      return is(step.a, 'small') && is(step.b, 'small') && narrow(step.c) ? 'float' : null;
    case 'quantize':
    case 'requantize':
      return narrow(step.a, step.b) && is(step.c, 'small') ? 'wide' : null;
    case 'select':
      if (!narrow(step.a, step.b, step.c)) return null;
      return is(step.b, 'small') && is(step.c, 'small') ? 'small' : 'float';
    case 'max':
    case 'min': {
      const [a, b] = [kinds[step.a], kinds[step.b]];
      if (a === undefined || b === undefined) return null;
      if (b === 'small') return bounded[op][a];
      if (a === 'small') return bounded[op][b];
      return narrow(step.a, step.b) ? 'float' : null;
    }
    default:
      if (!isKernelStep(op)) return null;
      return narrow(step.a) && (unarySteps.has(op) || narrow(step.b)) ? kernelSteps[op] : null;
  }
}

function isKernelStep(op: string): op is keyof typeof kernelSteps {
  return Object.hasOwn(kernelSteps, op);
}

interface Places {
  readonly count: number;
  /** Byte addresses. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly registers: number;
}

/** Runs the program over all elements; returns how many values saturated. */
function runSteps(kernels: Kernels, c: VectorCommand, at: Places): number {
  const { run } = kernels;
  const memory = new Float32Array(kernels.buffer());
  const home = (register: number): number => at.registers + register * block * 4;
  /** Where each register is now: its home, or in the midst of an input of fp32 numbers. */
  const places: number[] = [];
  const place = (register: number, otherwise: number): number => places[register] ?? otherwise;
  const bounds = c.outputs.map((ref, i) => boundsOf(c, i, ref.dtype));
  const once = c.steps.filter((step) => isConstant(c, step) && c.steps.every((s) => s === step || s.op === 'store' || s.dst !== step.dst));
  const steps = c.steps.filter((step) => !once.includes(step));
  let saturated = 0;

  const runStep = (step: VectorStep, from: number, n: number): void => {
    const { op } = step;
    const to = home(step.dst);
    if (op === 'store') {
      const source = place(step.a, 0);
      const target = at.outputs[step.dst] ?? 0;
      const bound = bounds[step.dst] ?? null;
      if (bound !== null) saturated += run.storeBytes(source, target + from, n, ...bound);
      else memory.copyWithin(target / 4 + from, source / 4, source / 4 + n);
      return;
    }
    places[step.dst] = to;
    if (op === 'immediate') memory.fill(step.immediate, to / 4, to / 4 + n);
    else if (op === 'load' || op === 'loadInt') {
      const source = at.inputs[step.a] ?? 0;
      const ref = c.inputs[step.a];
      if (ref === undefined) return;
      const scalar = isScalar(ref);
      if (isByte(ref.dtype)) run[ref.dtype === 'int8' ? 'loadS' : 'loadU'](scalar ? source : source + from, to, scalar ? 1 : n);
      else if (!scalar) places[step.dst] = source + from * 4;
      if (scalar) memory.fill(memory[(isByte(ref.dtype) ? to : source) / 4] ?? 0, to / 4, to / 4 + n);
    } else if (op === 'unpack') {
      places[step.dst] = place(step.a, to);
    } else if (isKernelStep(op)) {
      const a = place(step.a, to);
      run[op](to, a, place(step.b, a), place(step.c, a), n);
    }
  };

  for (const step of once) runStep(step, 0, block);
  for (let from = 0; from < at.count; from += block) {
    const n = Math.min(block, at.count - from);
    for (const step of steps) runStep(step, from, n);
  }
  return saturated;
}

/** The same for all elements. */
function isConstant(c: VectorCommand, step: VectorStep): boolean {
  if (step.op === 'immediate') return true;
  const ref = step.op === 'load' || step.op === 'loadInt' ? c.inputs[step.a] : undefined;
  return ref !== undefined && isScalar(ref);
}

/** lo, hi, below, above of a byte; null for numbers. */
function boundsOf(c: VectorCommand, output: number, dtype: DType): readonly number[] | null {
  if (!isByte(dtype)) return null;
  const { lo, hi, saturatedBelow, saturatedAbove } = sinkOf(c.steps, output, dtype);
  return [lo, hi, Math.max(saturatedBelow, -2147483648), Math.min(saturatedAbove, 2147483647)];
}
