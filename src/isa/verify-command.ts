/** What one command must satisfy by itself: operands agree, references lie in bounds, the machine computes its dtypes. */
import {
  assertNever,
  bitsOf,
  isaMessages,
  isFloat,
  isInteger,
  isTableSize,
  lanesTake,
  ofOperands,
  type Diagnostic,
  type DType,
} from '../core/index.ts';
import type { Core, Machine } from '../hw-configs/machine.ts';
import type { Command, CommandOp, Drain, MoveCommand, PoolCommand, QueueName, Ref } from './command.ts';
import type { Executable } from './executable.ts';
import { isScatter } from './traffic.ts';
import { separateRefs, sharesBytes } from './verify-alias.ts';

/** Queue each op runs on; null: any. */
const queueOf: Readonly<Record<CommandOp, QueueName | null>> = {
  CONV: 'matrix',
  DWCONV: 'matrix',
  MATMUL: 'matrix',
  POOL: 'vector',
  VECTOR: 'vector',
  REDUCE: 'vector',
  LOAD: 'dma-in',
  STORE: 'dma-out',
  COPY: 'dma-in',
  HOST: 'host',
  SIGNAL: null,
  WAIT: null,
  BARRIER: null,
  REPEAT: null,
};

/** How far REPEATs move offsets into a region, at least and at most. */
export type Drift = ReadonlyMap<number, { readonly low: number; readonly high: number }>;

export interface CommandContext {
  readonly executable: Executable;
  readonly machine: Machine | null;
  /** The core it runs on, where the machine is known. */
  readonly core: Core | null;
  readonly where: string;
  readonly origin: readonly string[];
  readonly drift: Drift;
  report(diagnostic: Diagnostic): void;
}

/** The references of a command with the names the text form gives them. */
export function namedRefs(c: Command): readonly (readonly [string, Ref])[] {
  switch (c.op) {
    case 'CONV':
    case 'DWCONV':
    case 'MATMUL':
      return [['x', c.x], ['w', c.w], ['acc', c.acc], ...drainRefs(c.drain)];
    case 'POOL':
      return [
        ['x', c.x],
        ['out', c.out],
      ];
    case 'REDUCE':
      return [
        ['x', c.x],
        ['acc', c.acc],
      ];
    case 'VECTOR':
    case 'HOST':
      return [...c.inputs.map((r, i) => [`in ${i}`, r] as const), ...c.outputs.map((r, i) => [`out ${i}`, r] as const)];
    case 'LOAD':
    case 'STORE':
    case 'COPY':
      return [['src', c.src], ['dst', c.dst], ...(c.index === undefined ? [] : [['index', c.index] as const])];
    case 'SIGNAL':
    case 'WAIT':
    case 'BARRIER':
    case 'REPEAT':
      return [];
    default:
      return assertNever(c);
  }
}

function drainRefs(d: Drain | null): readonly (readonly [string, Ref])[] {
  if (d === null) return [];
  return [
    ['out', d.out],
    ...(d.bias === null ? [] : [['bias', d.bias] as const]),
    ...(d.multiplier === null ? [] : [['multiplier', d.multiplier] as const]),
  ];
}

export function checkQueue(command: Command, queue: QueueName, cx: CommandContext): void {
  const allowed = queueOf[command.op];
  if (allowed !== null && allowed !== queue) cx.report(isaMessages.wrongQueue({ where: cx.where, queue, allowed }, cx));
}

/** Bytes [first, last] a reference touches, counted from the start of its region or window; null when it touches none. */
function span(ref: Ref): readonly [number, number] | null {
  const bits = bitsOf(ref.dtype);
  let low = 0;
  let high = 0;
  for (let axis = 0; axis < ref.extents.length; axis++) {
    const extent = ref.extents[axis] ?? 1;
    if (extent === 0) return null;
    const reach = (extent - 1) * (ref.strides[axis] ?? 0);
    low += Math.min(0, reach);
    high += Math.max(0, reach);
  }
  // Strides of packed elements count elements.
  if (bits < 8) return [ref.offset + Math.floor((low * bits) / 8), ref.offset + Math.ceil(((high + 1) * bits) / 8) - 1];
  return [ref.offset + low, ref.offset + high + bits / 8 - 1];
}

/** Every reference: in a memory and region that exist, within its bounds. */
export function checkRefs(command: Command, cx: CommandContext): void {
  for (const [operand, ref] of namedRefs(command)) checkRef(operand, ref, cx);
}

function checkRef(operand: string, ref: Ref, cx: CommandContext): void {
  const { executable, machine } = cx;
  const nowhere = (what: string): void => cx.report(isaMessages.refNowhere({ where: cx.where, operand, what }, cx));
  const space = executable.spaces[ref.space];
  if (space === undefined) return nowhere(`names memory ${ref.space} of ${executable.spaces.length}`);
  const memory = machine?.memories[space];
  const region = executable.regions[ref.region];
  if (ref.region !== -1) {
    if (region === undefined) return nowhere(`names region ${ref.region} of ${executable.regions.length}`);
    if (region.space !== ref.space)
      return nowhere(
        `looks for region "${region.name}" in memory ${space}, but it lies in ${executable.spaces[region.space] ?? region.space}`,
      );
  } else if (memory !== undefined && memory.owner !== 'core') return nowhere(`is a window of ${space}, which no core owns; name a region`);
  if (ref.extents.some((e) => e < 0)) return nowhere(`has a negative extent: [${ref.extents.join(', ')}]`);

  const bytes = region?.bytes ?? memory?.sizeBytes ?? Infinity;
  const touched = ref.ring === undefined ? span(ref) : ringSpan(operand, ref, cx);
  if (touched === null) return;
  const drift = cx.drift.get(ref.region);
  const first = touched[0] + (drift?.low ?? 0);
  const last = touched[1] + (drift?.high ?? 0);
  if (first >= 0 && last < bytes) return;
  const place = region === undefined ? `the window of ${space}` : `region "${region.name}"`;
  cx.report(isaMessages.refOutOfBounds({ where: cx.where, operand, first, last, place, bytes }, cx));
}

/** A ring touches itself, if it is one. */
function ringSpan(operand: string, ref: Ref, cx: CommandContext): readonly [number, number] | null {
  const ring = ref.ring;
  if (ring === undefined) return null;
  const wrong = (what: string): null => {
    cx.report(isaMessages.ringMalformed({ where: cx.where, operand, what }, cx));
    return null;
  };
  const stride = ref.strides[ring.axis];
  if (stride === undefined || stride <= 0) return wrong(`axis ${ring.axis} does not step through the ring`);
  if (ring.bytes % stride !== 0) return wrong(`its ${ring.bytes} bytes are not whole steps of ${stride}`);
  if (ref.strides.some((s) => s > stride)) return wrong(`axis ${ring.axis} wraps, but another has a larger stride`);
  if ((ref.extents[ring.axis] ?? 0) * stride > ring.bytes)
    return wrong(`${ref.extents[ring.axis]} steps of ${stride} overtake the ${ring.bytes} bytes of the ring`);
  if (ref.offset < ring.base || ref.offset >= ring.base + ring.bytes)
    return wrong(`offset ${ref.offset} is outside the ring [${ring.base}, ${ring.base + ring.bytes})`);
  return [ring.base, ring.base + ring.bytes - 1];
}

const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((v, i) => v === b[i]);
const show = (ref: Ref): string => `${ref.dtype}[${ref.extents.join(', ')}]`;

/** Ranks, extents, dtypes and steps of the operands; depends on the form alone, so that one row of each form is enough. */
export function checkOperands(c: Command, cx: CommandContext): void {
  const wrong = (what: string): void => cx.report(isaMessages.operandsDisagree({ where: cx.where, what }, cx));
  for (const [name, ref] of separateRefs(c)) {
    if (sharesBytes(ref)) wrong(`elements of ${name} = ${show(ref)} with strides [${ref.strides.join(', ')}] lie on top of each other`);
  }
  const expectRank = (name: string, ref: Ref, rank: number): boolean => {
    if (ref.extents.length === rank) return true;
    wrong(`${name} = ${show(ref)} has ${ref.extents.length} axes where ${rank} belong`);
    return false;
  };
  switch (c.op) {
    case 'CONV':
    case 'DWCONV': {
      if (![expectRank('x', c.x, 4), expectRank('w', c.w, 4), expectRank('acc', c.acc, 4)].every(Boolean)) return;
      const [batch, channels = 0] = c.x.extents;
      const [outChannels = 0, perGroup = 0] = c.w.extents;
      if (c.op === 'CONV' && (c.groups < 1 || channels !== perGroup * c.groups || outChannels % c.groups !== 0)) {
        wrong(`${c.groups} group${c.groups === 1 ? '' : 's'} of w = ${show(c.w)} do not fit x = ${show(c.x)}`);
      }
      if (c.op === 'DWCONV' && (perGroup !== 1 || channels < 1 || outChannels % channels !== 0))
        wrong(`w = ${show(c.w)} is not depthwise over x = ${show(c.x)}`);
      if (c.acc.extents[0] !== batch || c.acc.extents[1] !== outChannels)
        wrong(`acc = ${show(c.acc)} does not hold ${String(batch)} × ${outChannels} channels`);
      if (c.strides.some((s) => s < 1) || c.dilations.some((d) => d < 1)) wrong('strides and dilations are at least 1');
      return checkContraction(c, outChannels, wrong, cx);
    }
    case 'MATMUL': {
      const rank = c.acc.extents.length;
      if (rank < 2) return wrong(`acc = ${show(c.acc)} is no matrix`);
      if (![expectRank('x', c.x, rank), expectRank('w', c.w, rank)].every(Boolean)) return;
      const batch = (r: Ref): readonly number[] => r.extents.slice(0, -2);
      const [m, n] = c.acc.extents.slice(-2);
      const [xm, xk] = c.x.extents.slice(-2);
      const [wk, wn] = c.w.extents.slice(-2);
      if (!same(batch(c.x), batch(c.acc)) || !same(batch(c.w), batch(c.acc)) || xm !== m || wn !== n || xk !== wk) {
        wrong(`x = ${show(c.x)} times w = ${show(c.w)} is not acc = ${show(c.acc)}`);
      }
      return checkContraction(c, n ?? 0, wrong, cx);
    }
    case 'POOL':
      return checkPool(c, wrong, expectRank, cx);
    case 'VECTOR': {
      const [first] = c.outputs;
      if (first === undefined) return wrong('a VECTOR command writes nothing');
      const tables = new Set(c.steps.flatMap((s) => (s.op === 'lookup' ? [s.immediate] : [])));
      for (const [i, ref] of [...c.inputs, ...c.outputs].entries()) {
        if (i < c.inputs.length && tables.has(i)) {
          if (!same(ref.extents, [256]) || bitsOf(ref.dtype) !== 8) wrong(`${show(ref)} is no table of 256 bytes`);
        } else if (!same(ref.extents, first.extents))
          wrong(`${show(ref)} beside ${show(first)}: all operands have the extents of the first output`);
        checkVectorDType(ref.dtype === 'int64' ? 'int32' : ref.dtype, cx);
      }
      for (const s of c.steps) {
        const reads = s.op === 'load' || s.op === 'loadInt';
        if (reads && c.inputs[s.a] === undefined) wrong(`a step loads input ${s.a} of ${c.inputs.length}`);
        if (s.op.endsWith('Table') && !isTableSize(s.immediate))
          wrong(`a step looks up a table of ${s.immediate} steps; a power of two is one`);
        if (s.op === 'lookup' && c.inputs[s.immediate] === undefined) wrong(`a step looks up input ${s.immediate} of ${c.inputs.length}`);
        if (s.op === 'store' && c.outputs[s.dst] === undefined) wrong(`a step stores output ${s.dst} of ${c.outputs.length}`);
      }
      return;
    }
    case 'REDUCE':
      if (!same(c.x.extents, c.acc.extents))
        wrong(`x = ${show(c.x)} and acc = ${show(c.acc)} differ; reduced axes have stride 0, not another extent`);
      checkVectorDType(c.x.dtype, cx);
      return checkSums(c.x, c.acc, wrong);
    case 'LOAD':
    case 'STORE':
    case 'COPY':
      return checkMove(c, wrong);
    case 'HOST':
      if (cx.executable.hostSegments[c.segment] === undefined) wrong(`host segment ${c.segment} of ${cx.executable.hostSegments.length}`);
      return;
    case 'SIGNAL':
    case 'WAIT':
      if (c.count < 1) wrong(`a count of ${c.count} means nothing; at least 1`);
      if (cx.core !== null && (c.id < 0 || c.id >= cx.core.semaphores)) wrong(`semaphore ${c.id} of ${cx.core.semaphores}`);
      return;
    case 'BARRIER':
    case 'REPEAT':
      return;
    default:
      return assertNever(c);
  }
}

type Wrong = (what: string) => void;

function checkMove(c: MoveCommand, wrong: Wrong): void {
  const { src, dst, index } = c;
  if (src.dtype !== dst.dtype) return wrong(`${show(src)} cannot be copied to ${show(dst)}`);
  if (index === undefined) {
    if (!same(src.extents, dst.extents)) wrong(`${show(src)} cannot be copied to ${show(dst)}`);
    return;
  }
  const [looked, plain] = isScatter(c) ? [dst, src] : [src, dst];
  if (!same(plain.extents, index.extents) || !same(looked.extents.slice(0, -1), index.extents))
    wrong(`index = ${show(index)} does not look up one axis more between ${show(src)} and ${show(dst)}`);
  if (index.dtype !== 'int32') wrong(`an index is int32, not ${index.dtype}`);
}

function checkPool(c: PoolCommand, wrong: Wrong, expectRank: (name: string, ref: Ref, rank: number) => boolean, cx: CommandContext): void {
  if (![expectRank('x', c.x, 4), expectRank('out', c.out, 4)].every(Boolean)) return;
  if (!same(c.x.extents.slice(0, 2), c.out.extents.slice(0, 2))) wrong(`out = ${show(c.out)} has other channels than x = ${show(c.x)}`);
  if ([...c.kernel, ...c.strides, ...c.dilations].some((v) => v < 1)) wrong('kernel, strides and dilations are at least 1');
  checkVectorDType(c.x.dtype, cx);
}

function checkSums(x: Ref, acc: Ref, wrong: Wrong): void {
  const expected = isInteger(x.dtype) || x.dtype === 'bool' ? 'int32' : 'float32';
  if (acc.dtype !== expected) wrong(`sums of ${x.dtype} are ${expected}, not ${acc.dtype}`);
}

function checkContraction(
  c: { readonly x: Ref; readonly w: Ref; readonly acc: Ref; readonly drain: Drain | null },
  channels: number,
  wrong: Wrong,
  cx: CommandContext,
): void {
  if (isFloat(c.x.dtype) !== isFloat(c.w.dtype)) wrong(`x is ${c.x.dtype} and w ${c.w.dtype}`);
  const isWide = c.acc.dtype === 'int64' && /^u?int16$/.test(c.x.dtype);
  if (!isWide) checkSums(c.x, c.acc, wrong);
  else if (cx.core !== null && cx.core.matrix.accumulatorBits <= 32)
    wrong(`sums are wider than the ${cx.core.matrix.accumulatorBits} bits of the accumulators`);
  const rates = cx.core?.matrix.rates;
  if (rates !== undefined && ofOperands(rates, c.x.dtype) === undefined) {
    cx.report(isaMessages.dtypeUnsupported({ where: cx.where, engine: 'matrix', dtype: c.x.dtype, supported: Object.keys(rates) }, cx));
  }
  const d = c.drain;
  if (d === null) return;
  if (!same(d.out.extents, c.acc.extents)) wrong(`out = ${show(d.out)} does not have the extents of acc = ${show(c.acc)}`);
  if (d.bias !== null && (!same(d.bias.extents, [channels]) || d.bias.dtype !== (isWide ? 'int32' : c.acc.dtype)))
    wrong(`bias = ${show(d.bias)} where ${c.acc.dtype}[${channels}] belongs`);
  const fixed = d.multiplier?.dtype === 'int32';
  if (
    d.multiplier !== null &&
    (!same(d.multiplier.extents, fixed ? [channels, 2] : [channels]) || !(fixed || d.multiplier.dtype === 'float32'))
  ) {
    wrong(`multiplier = ${show(d.multiplier)} where float32[${channels}] or int32[${channels}, 2] belongs`);
  }
  if (d.multiplier === null && isInteger(d.out.dtype) && d.out.dtype !== 'int32')
    wrong(`sums become ${d.out.dtype} only through a multiplier`);
  if (isWide ? d.multiplier === null || fixed : isInteger(d.out.dtype) !== isInteger(c.acc.dtype))
    wrong(`sums of ${c.acc.dtype} drain to ${d.out.dtype}`);
}

function checkVectorDType(dtype: DType, cx: CommandContext): void {
  const supported = cx.core?.vector.dtypes;
  if (supported === undefined || lanesTake(supported, dtype)) return;
  cx.report(isaMessages.dtypeUnsupported({ where: cx.where, engine: 'vector', dtype, supported }, cx));
}
