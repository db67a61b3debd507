/** What is in memory before a run, and what is read from it after. */
import {
  bfloat16FromFloat32,
  bytesOf,
  bytesPerElement,
  dataLength,
  elementCount,
  fail,
  float16FromFloat32,
  integerRange,
  invariant,
  quantize,
  simulatorMessages,
  suggest,
  tensorBytes,
  viewBytes,
  type DType,
  type Diagnostic,
  type Tensor,
} from '../../core/index.ts';
import type { Ref } from '../../isa/command.ts';
import type { EntryPoint, Executable, TensorBinding } from '../../isa/executable.ts';
import { eachRun } from './follow.ts';
import type { Memory } from './memory.ts';
import type { InitialBytes } from './shadow.ts';
import { gather, scatter, tileOf } from './tile.ts';

export function entryPointOf(executable: Executable, name: string | undefined): EntryPoint {
  const entry = name === undefined ? executable.entryPoints[0] : executable.entryPoints.find((e) => e.name === name);
  if (entry !== undefined) return entry;
  const known = executable.entryPoints.map((e) => e.name);
  return fail(simulatorMessages.unknownEntryPoint({ name: name ?? '', known, near: suggest(name ?? '', known) }));
}

/** Throws when the program has no numbers to run on: absent weights, or scales that mean nothing. */
export function requireNumbers(executable: Executable, entry: EntryPoint): void {
  const problems: Diagnostic[] = [];
  const { absent } = executable.weights;
  if (absent !== null) problems.push(simulatorMessages.noWeightNumbers({ model: executable.model.name, reason: absent }));
  const names = [...entry.inputs, ...entry.outputs].filter((b) => b.quantization?.placeholder === true).map((b) => b.name);
  if (names.length > 0) problems.push(simulatorMessages.placeholderScales({ names }));
  if (problems.length > 0) fail(...problems);
}

/**
 * Bytes that mean something when the program starts. Of a state region that outputs are bound to that is what inputs are bound to: the rest
 * of it holds what the run before left, and this run has to write it before it reads it.
 */
export function initialBytes(executable: Executable, entry: EntryPoint): readonly InitialBytes[] {
  const { weights } = executable;
  const grown = new Set(entry.outputs.map((b) => b.region));
  return [
    ...weights.segments.map((s) => ({ region: weights.region, start: s.offset, end: s.offset + s.bytes })),
    ...entry.inputs.flatMap((b) => boundBytes(executable, b)),
    ...executable.regions.flatMap((r, region) => (r.kind === 'state' && !grown.has(region) ? [{ region, start: 0, end: r.bytes }] : [])),
  ];
}

/** The bytes a tensor is bound to: one stretch, or one for each run of what has strides. */
export function boundBytes(executable: Executable, b: TensorBinding): readonly InitialBytes[] {
  const ref = strided(executable, b);
  if (ref === null) return [{ region: b.region, start: b.offset, end: b.offset + tensorBytes(b.dtype, elementCount(b.shape)) }];
  const found: InitialBytes[] = [];
  eachRun(ref, ({ from, to }) => found.push({ region: b.region, start: from, end: to }));
  return found;
}

/** A binding with strides as a reference; null where it lies in one piece. */
function strided(executable: Pick<Executable, 'regions'>, b: TensorBinding): Ref | null {
  const { region, dtype, offset, shape: extents, strides } = b;
  return strides === undefined ? null : { space: executable.regions[region]?.space ?? -1, region, dtype, offset, extents, strides };
}

/** What the run before left in the state regions, by their names. */
export type State = ReadonlyMap<string, Uint8Array>;

/** A copy of every state region. */
export function readState(memory: Memory, executable: Executable): State {
  return new Map(
    executable.regions.flatMap((r, i) => (r.kind === 'state' ? [[r.name, bytesAt(memory, i, 0, r.bytes).slice()] as const] : [])),
  );
}

/** Weights, state (of the run before, or zeros) and inputs into memory. An input that lies in the state is not needed where there was a run before. */
export function fill(
  memory: Memory,
  executable: Executable,
  entry: EntryPoint,
  inputs: ReadonlyMap<string, Tensor>,
  state: State | null,
): void {
  const problems: Diagnostic[] = [];
  const known = entry.inputs.map((b) => b.name);
  for (const name of inputs.keys()) {
    if (!known.includes(name)) problems.push(simulatorMessages.unknownInput({ name, known, near: suggest(name, known) }));
  }
  for (const binding of entry.inputs) {
    const given = inputs.get(binding.name);
    const isKept = state !== null && given === undefined && executable.regions[binding.region]?.kind === 'state';
    const problem = isKept ? null : inputProblem(binding, given);
    if (problem !== null) problems.push(problem);
  }
  for (const { name, kind, bytes } of executable.regions) {
    const kept = kind === 'state' ? state?.get(name) : undefined;
    if (kept !== undefined && kept.byteLength !== bytes)
      problems.push(simulatorMessages.otherState({ region: name, given: kept.byteLength, bytes }));
  }
  if (problems.length > 0) fail(...problems);

  for (const [region, { name, kind, bytes }] of executable.regions.entries()) {
    if (kind !== 'state') continue;
    const kept = state?.get(name);
    if (kept === undefined) bytesAt(memory, region, 0, bytes).fill(0);
    else bytesAt(memory, region, 0, bytes).set(kept);
  }
  for (const segment of executable.weights.segments) {
    bytesAt(memory, executable.weights.region, segment.offset, segment.bytes).set(segment.read());
  }
  for (const binding of entry.inputs) {
    const tensor = inputs.get(binding.name);
    if (tensor === undefined) continue;
    const stored =
      tensor.dtype === binding.dtype
        ? bytesOf(tensor)
        : isHalf(binding.dtype)
          ? rounded(binding.dtype, tensor)
          : quantized(binding, tensor);
    const ref = strided(executable, binding);
    if (ref === null) bytesAt(memory, binding.region, binding.offset, stored.byteLength).set(stored);
    else scatter(tileOf(memory, 0, ref), stored.slice().buffer, 0);
  }
}

function inputProblem(binding: TensorBinding, tensor: Tensor | undefined): Diagnostic | null {
  const { name, dtype, shape, quantization } = binding;
  if (tensor === undefined) return simulatorMessages.missingInput({ name, dtype, shape });
  const sameShape = tensor.shape.length === shape.length && tensor.shape.every((d, i) => d === shape[i]);
  const typeFits = tensor.dtype === dtype || (tensor.dtype === 'float32' && (quantization !== null || isHalf(dtype)));
  if (sameShape && typeFits && tensor.data.length === dataLength(tensor.dtype, shape)) {
    if (dtype !== 'string') return null;
    return simulatorMessages.hasNoBytes({ value: name, kind: 'text', segment: 'main' });
  }
  const given = `${tensor.dtype} [${tensor.shape.join(', ')}]`;
  const wanted = `${dtype}${quantization === null && !isHalf(dtype) ? '' : ' (or float32)'} [${shape.join(', ')}]`;
  return simulatorMessages.wrongInput({ name, given, wanted });
}

function isHalf(dtype: DType): dtype is 'float16' | 'bfloat16' {
  return dtype === 'float16' || dtype === 'bfloat16';
}

/** Ties to even. */
function rounded(dtype: 'float16' | 'bfloat16', tensor: Tensor): Uint8Array {
  invariant(tensor.data instanceof Float32Array, 'the input is float32');
  const bits = Uint16Array.from(tensor.data, dtype === 'float16' ? float16FromFloat32 : bfloat16FromFloat32);
  return new Uint8Array(bits.buffer);
}

function quantized(binding: TensorBinding, tensor: Tensor): Uint8Array {
  const { data } = tensor;
  const q = binding.quantization;
  invariant(data instanceof Float32Array && q !== null, `input "${binding.name}" is float32 and quantized`);
  const [lo, hi] = integerRange(binding.dtype);
  const buffer = new Uint8Array(data.length * bytesPerElement(binding.dtype));
  const stored = viewBytes(binding.dtype, buffer);
  invariant(!(stored instanceof BigInt64Array) && !(stored instanceof BigUint64Array), `${binding.dtype} holds quantized values`);
  for (let i = 0; i < data.length; i++) stored[i] = quantize(data[i] ?? 0, q.scale, q.zeroPoint, lo, hi);
  return buffer;
}

/** The outputs as they lie in memory, in their stored dtype. */
export function readOutputs(memory: Memory, executable: Executable, entry: EntryPoint): Map<string, Tensor> {
  return new Map(entry.outputs.map((b): [string, Tensor] => [b.name, readBinding(memory, executable, b)]));
}

/** A copy of one tensor as it stands in its region. */
export function readBinding(memory: Memory, executable: Executable, b: TensorBinding): Tensor {
  const ref = strided(executable, b);
  if (ref !== null) return readReference(memory, 0, ref);
  const raw = bytesAt(memory, b.region, b.offset, tensorBytes(b.dtype, elementCount(b.shape))).slice();
  return { dtype: b.dtype, shape: b.shape, data: viewBytes(b.dtype, raw) };
}

/**
 * A copy of what a reference names, dense in the order of its extents. Axes of stride 0 have extent 1 in it: all their elements are the
 * same bytes.
 */
export function readReference(memory: Memory, core: number, ref: Ref): Tensor {
  const extents = ref.extents.map((extent, axis) => (ref.strides[axis] === 0 && extent > 1 ? 1 : extent));
  const from = tileOf(memory, core, { ...ref, extents });
  const raw = new Uint8Array(from.count * bytesPerElement(ref.dtype));
  gather(from, raw.buffer, 0);
  return { dtype: ref.dtype, shape: extents, data: viewBytes(ref.dtype, raw) };
}

function bytesAt(memory: Memory, region: number, offset: number, bytes: number): Uint8Array {
  const area = memory.map.regions[region];
  invariant(area !== undefined && offset >= 0 && offset + bytes <= area.bytes, `${bytes} bytes at ${offset} of region ${region}`);
  return memory.storageOf(area).bytes.subarray(area.base + offset, area.base + offset + bytes);
}
