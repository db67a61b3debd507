/**
 * VECTOR from bytes to bytes: where one operand alone differs from element to element, the program runs once for each of its 256 codes, in the
 * plain form, and the elements are looked up.
 */
import { elementCount, type DType } from '../../core/index.ts';
import type { VectorCommand } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { readDense, viewAs, type Dense } from './numbers.ts';
import { gather, scatter } from './tile.ts';
import { compact, isScalar, runSteps, sinkOf } from './vector.ts';

const codes = 256;
/** With fewer elements there is nothing to save. */
const fewest = 256;

/** What a program makes of every code. */
export interface ByteMap {
  /** Codes of each output. */
  readonly outputs: readonly Uint8Array[];
  /** How many of the outputs saturate. */
  readonly outside: Uint8Array;
}

/** False, and nothing done, where that is not what the command does. */
export function mapBytes(cx: Context, c: VectorCommand): boolean {
  const count = elementCount(c.outputs[0]?.extents ?? []);
  if (count < fewest || !c.outputs.every((ref) => isByte(ref.dtype) && elementCount(ref.extents) === count)) return false;
  const tables = new Set(c.steps.flatMap((step) => (step.op === 'lookup' ? [step.immediate] : [])));
  const varying = c.inputs.flatMap((ref, i) => (isScalar(ref) || tables.has(i) ? [] : [i]));
  const [at = -1] = varying;
  const source = c.inputs[at];
  if (varying.length !== 1 || source === undefined || !isByte(source.dtype) || elementCount(source.extents) !== count) return false;

  const others = c.inputs.map((ref, i) => (i === at ? null : readDense(tile(cx, compact(ref)), cx.scratch, `input ${i}`)));
  const map = tables.size > 0 ? makeMap(cx, c, others) : knownMap(cx, c, others);
  const from = new Uint8Array(cx.scratch('codes', count), 0, count);
  gather(tile(cx, source), from.buffer, 0);
  const times = new Int32Array(codes);
  for (let i = 0; i < count; i++) times[from[i] ?? 0] = (times[from[i] ?? 0] ?? 0) + 1;
  for (let code = 0; code < codes; code++) cx.tally.saturated += (times[code] ?? 0) * (map.outside[code] ?? 0);
  for (const [i, ref] of c.outputs.entries()) {
    const table = map.outputs[i] ?? new Uint8Array(codes);
    const to = new Uint8Array(cx.scratch('mapped', count), 0, count);
    for (let k = 0; k < count; k++) to[k] = table[from[k] ?? 0] ?? 0;
    scatter(tile(cx, ref), to.buffer, 0);
    cx.tally.outputs += count;
    if (ref.dtype === 'bool') continue;
    const seen = (cx.tally.seen ??= new Uint8Array(codes));
    for (let code = 0; code < codes; code++) if (times[code] !== 0) seen[table[code] ?? 0] = 1;
  }
  return true;
}

/** Operands by input, null for the one that varies. */
type Others = readonly (Dense | null)[];

/** Tiles of a kernel share their program and its constants. */
function knownMap(cx: Context, c: VectorCommand, others: Others): ByteMap {
  const steps = c.steps.map((s) => `${s.op} ${s.dst} ${s.a} ${s.b} ${s.c} ${textOf(s.immediate)}`);
  const key = [...[...c.inputs, ...c.outputs].map((ref) => ref.dtype), ...others.map((o) => textOf(o?.[0])), ...steps].join();
  let map = cx.byteMaps.get(key);
  if (map === undefined) cx.byteMaps.set(key, (map = makeMap(cx, c, others)));
  return map;
}

/** Tells the zeros apart. */
const textOf = (x: number | undefined): string => (Object.is(x, -0) ? '-0' : String(x));

function makeMap(cx: Context, c: VectorCommand, others: Others): ByteMap {
  const source = c.inputs[others.indexOf(null)]?.dtype ?? 'uint8';
  const everyCode = viewAs(source, Uint8Array.from({ length: codes }, (_, code) => code).buffer, codes);
  const outside = new Uint8Array(codes);
  const values = c.outputs.map(() => new Float64Array(codes));
  const operands = {
    count: codes,
    inputs: others.map((other) => other ?? everyCode),
    broadcast: c.inputs.map(isScalar),
    outputs: values,
    sinks: c.outputs.map((ref, i) => sinkOf(c.steps, i, ref.dtype)),
    outside,
  };
  runSteps(c.steps, operands, cx.scratch);
  const outputs = c.outputs.map((ref, i) => {
    const table = new Uint8Array(codes);
    viewAs(ref.dtype, table.buffer, codes).set(values[i] ?? []);
    return table;
  });
  return { outputs, outside };
}

function isByte(dtype: DType): boolean {
  return dtype === 'int8' || dtype === 'uint8' || dtype === 'bool';
}
