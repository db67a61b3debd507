/**
 * What a program does, counted: integers by kernel, before any price. Demands do not depend on time, so this needs no event; every
 * executed row counts once.
 */
import { operands, type DemandColumns } from '../../isa/index.ts';
import type { DType } from '../../core/index.ts';
import type { BoundProgram } from '../engines/bind.ts';
import { add, int, real, uint } from '../kernel/columns.ts';

export interface Counters {
  /** Kernels, and one row more for commands of none. */
  readonly kernelRows: number;
  readonly memoryCount: number;
  /** Useful bytes, `[kernel][memory][operand][read, write]`: see `trafficIndex`. */
  readonly traffic: Float64Array;
  /** Bytes that cross, whole bursts, `[kernel][memory][read, write]`. */
  readonly moved: Float64Array;
  readonly issuedMacs: Float64Array;
  /** Useful MACs, by operand dtype: `[kernel][dtype]`. */
  readonly macDTypes: readonly DType[];
  readonly macs: Float64Array;
  readonly vectorOps: Float64Array;
  readonly hostOps: Float64Array;
}

const directions = 2;

export function trafficIndex(
  counters: Pick<Counters, 'memoryCount'>,
  kernel: number,
  memory: number,
  operand: number,
  isWrite: 0 | 1,
): number {
  return ((kernel * counters.memoryCount + memory) * operands.length + operand) * directions + isWrite;
}

export function movedIndex(counters: Pick<Counters, 'memoryCount'>, kernel: number, memory: number, isWrite: 0 | 1): number {
  return (kernel * counters.memoryCount + memory) * directions + isWrite;
}

export function count(program: BoundProgram, kernels: number, memoryOf: readonly number[]): Counters {
  const { workload, demand, source } = program;
  const kernelRows = kernels + 1;
  const memoryCount = workload.memories.length;
  const macDTypes = [...new Set(demand.distinct.flatMap((d) => (d.actions.macDType === null ? [] : [d.actions.macDType])))];
  const counters: Counters = {
    kernelRows,
    memoryCount,
    traffic: new Float64Array(kernelRows * memoryCount * operands.length * directions),
    moved: new Float64Array(kernelRows * memoryCount * directions),
    issuedMacs: new Float64Array(kernelRows),
    macDTypes,
    macs: new Float64Array(kernelRows * macDTypes.length),
    vectorOps: new Float64Array(kernelRows),
    hostOps: new Float64Array(kernelRows),
  };
  const flat = flatten(demand, counters, memoryOf);
  for (let i = 0; i < workload.rows; i++) {
    if (workload.action[i] !== 0) continue;
    const own = int(workload.kernel, i);
    const kernel = own < 0 ? kernels : own;
    const d = int(demand.id, int(source, i));
    for (let t = uint(flat.start, d); t < uint(flat.start, d + 1); t++) {
      add(counters.traffic, kernel * memoryCount * operands.length * directions + uint(flat.trafficAt, t), real(flat.bytes, t));
      add(counters.moved, kernel * memoryCount * directions + uint(flat.movedAt, t), real(flat.moved, t));
    }
    add(counters.issuedMacs, kernel, real(demand.issuedMacs, int(source, i)));
    const dtype = uint(flat.dtype, d);
    if (dtype < macDTypes.length) add(counters.macs, kernel * macDTypes.length + dtype, real(flat.macs, d));
    add(counters.vectorOps, kernel, real(flat.vectorOps, d));
    if (program.op[i] === program.hostCode && own >= 0) add(counters.hostOps, kernel, real(program.hostOps, own));
  }
  return counters;
}

/** Distinct demands as columns: their bytes in rows `start[d] .. start[d + 1]`, with where each is counted within its kernel. */
function flatten(demand: DemandColumns, counters: Counters, memoryOf: readonly number[]) {
  const entries = demand.distinct.map((d) => [...d.local.map((t) => ({ ...t, movedBytes: t.bytes })), ...d.external]);
  const total = entries.reduce((n, list) => n + list.length, 0);
  const start = new Uint32Array(entries.length + 1);
  const trafficAt = new Uint32Array(total);
  const movedAt = new Uint32Array(total);
  const bytes = new Float64Array(total);
  const moved = new Float64Array(total);
  let at = 0;
  entries.forEach((list, d) => {
    for (const t of list) {
      const memory = memoryOf[t.space] ?? 0;
      const isWrite = t.direction === 'write' ? 1 : 0;
      trafficAt[at] = trafficIndex(counters, 0, memory, operands.indexOf(t.operand), isWrite);
      movedAt[at] = movedIndex(counters, 0, memory, isWrite);
      bytes[at] = t.bytes;
      moved[at++] = t.movedBytes;
    }
    start[d + 1] = at;
  });
  const none = counters.macDTypes.length;
  return {
    start,
    trafficAt,
    movedAt,
    bytes,
    moved,
    dtype: Uint32Array.from(demand.distinct, (d) => (d.actions.macDType === null ? none : counters.macDTypes.indexOf(d.actions.macDType))),
    macs: Float64Array.from(demand.distinct, (d) => d.actions.macs),
    vectorOps: Float64Array.from(demand.distinct, (d) => d.actions.vectorOps),
  };
}
