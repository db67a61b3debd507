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
const block = 1024;

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

/** Where a register is: at its home, or `moving` along with the elements in the midst of an input or output of fp32 numbers. */
interface Place {
  readonly base: number;
  readonly moving: boolean;
}

/** One step on elements from `from` on, `n` of them; returns how many values saturated. */
type Action = (from: number, n: number) => number;

const addressOf = ({ base, moving }: Place, from: number): number => (moving ? base + from * 4 : base);

/** Runs the program over all elements; returns how many values saturated. */
function runSteps(kernels: Kernels, c: VectorCommand, at: Places): number {
  const places: Place[] = [];
  const once: Action[] = [];
  const actions: Action[] = [];
  for (const step of c.steps) {
    const { place, action } = actionOf(kernels, c, at, step, places);
    if (place !== null) places[step.dst] = place;
    const constant = isConstant(c, step) && c.steps.every((s) => s === step || s.op === 'store' || s.dst !== step.dst);
    if (action !== null) (constant ? once : actions).push(action);
  }
  for (const action of once) action(0, block);
  let saturated = 0;
  for (let from = 0; from < at.count; from += block) {
    const n = Math.min(block, at.count - from);
    for (const action of actions) saturated += action(from, n);
  }
  return saturated;
}

/** Where the register of a step is from then on, and what the step does: null where it only says where a register is. */
function actionOf(
  { run, buffer }: Kernels,
  c: VectorCommand,
  at: Places,
  step: VectorStep,
  places: readonly Place[],
): { readonly place: Place | null; readonly action: Action | null } {
  const { op } = step;
  const home: Place = { base: at.registers + step.dst * block * 4, moving: false };
  const memory = new Float32Array(buffer());
  const to = home.base / 4;
  if (op === 'store') {
    const source = places[step.a] ?? home;
    const target: Place = { base: at.outputs[step.dst] ?? 0, moving: true };
    const bound = boundsOf(c, step.dst, c.outputs[step.dst]?.dtype ?? 'float32');
    if (bound !== null)
      return { place: null, action: (from, n) => run.storeBytes(addressOf(source, from), target.base + from, n, ...bound) };
    if (source.base === target.base) return { place: null, action: null };
    const copy: Action = (from, n) => {
      const first = addressOf(source, from) / 4;
      memory.copyWithin(addressOf(target, from) / 4, first, first + n);
      return 0;
    };
    return { place: null, action: copy };
  }
  if (op === 'immediate') return { place: home, action: (_, n) => (memory.fill(step.immediate, to, to + n), 0) };
  if (op === 'unpack') return { place: places[step.a] ?? home, action: null };
  const ref = c.inputs[step.a];
  if ((op === 'load' || op === 'loadInt') && ref !== undefined) {
    const source = at.inputs[step.a] ?? 0;
    const bytes = isByte(ref.dtype) ? (ref.dtype === 'int8' ? run.loadS : run.loadU) : null;
    if (isScalar(ref)) {
      const fill: Action = (_, n) => {
        bytes?.(source, home.base, 1);
        memory.fill(memory[(bytes === null ? source : home.base) / 4] ?? 0, to, to + n);
        return 0;
      };
      return { place: home, action: fill };
    }
    if (bytes === null) return { place: { base: source, moving: true }, action: null };
    return { place: home, action: (from, n) => (bytes(source + from, home.base, n), 0) };
  }
  if (!isKernelStep(op)) return { place: home, action: null };
  const kernel = run[op];
  const place = straightToOutput(c, step, at) ?? home;
  const a = places[step.a] ?? home;
  const [b, d] = [places[step.b] ?? a, places[step.c] ?? a];
  const work: Action = (from, n) => {
    kernel(addressOf(place, from), addressOf(a, from), addressOf(b, from), addressOf(d, from), n);
    return 0;
  };
  return { place, action: work };
}

/** A register that is made once and stored once, as fp32, is made in its output. */
function straightToOutput(c: VectorCommand, step: VectorStep, at: Places): Place | null {
  const stores = c.steps.filter((s) => s.op === 'store' && s.a === step.dst);
  const output = stores[0]?.dst ?? -1;
  const dtype = c.outputs[output]?.dtype;
  const alone =
    stores.length === 1 &&
    c.steps.every((s) => s === step || s === stores[0] || s.dst !== (s.op === 'store' ? output : step.dst)) &&
    c.steps.indexOf(step) < c.steps.findIndex((s) => s === stores[0]);
  return alone && dtype !== undefined && !isByte(dtype) ? { base: at.outputs[output] ?? 0, moving: true } : null;
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
