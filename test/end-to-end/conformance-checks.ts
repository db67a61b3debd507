/** What holds for every result document, and the least memory a network can need: computed from shapes alone, sharing nothing with the compiler. */
import { expect } from 'vitest';
import { elementCount, type Diagnostic } from '../../src/core/index.ts';
import type { Graph, ValueId } from '../../src/graph/ir.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import type { Executable } from '../../src/isa/index.ts';
import type { CommandResult, KernelResult, Result } from '../../src/simulator/index.ts';

/** Sums and orders that no run may break. `result` has detail `commands`. */
export function expectConsistent(result: Result, machine: Machine): void {
  expectTimeAddsUp(result);
  expectKernelsPlausible(result);
  expectBytesAddUp(result, machine);
  const classes = Object.values(result.energy).reduce((n, joules) => n + joules, 0);
  expect(classes / result.totals.energyJoules).toBeCloseTo(1, 9);
}

function expectTimeAddsUp({ totals, engines, kernels }: Result): void {
  for (const engine of engines) {
    const stalled = Object.values(engine.stalledCycles).reduce((n, cycles) => n + cycles, 0);
    expect({ engine: engine.name, cycles: engine.busyCycles + stalled + engine.idleCycles }).toEqual({
      engine: engine.name,
      cycles: totals.cycles,
    });
  }
  expect(sum(kernels, (k) => k.attributedCycles)).toBe(totals.cycles);
  expect(totals.boundCycles).toBeGreaterThan(0);
  expect(totals.boundCycles).toBeLessThanOrEqual(totals.mappingBoundCycles);
  expect(totals.mappingBoundCycles).toBeLessThanOrEqual(totals.cycles);
}

function expectKernelsPlausible({ totals, kernels, memories }: Result): void {
  expect(sum(kernels, (k) => k.macs)).toBe(totals.macs);
  expect(sum(kernels, (k) => k.issuedMacs)).toBe(totals.issuedMacs);
  expect(
    sum(
      kernels.filter((k) => k.engine !== 'host'),
      (k) => k.macs,
    ),
  ).toBeGreaterThanOrEqual(0.99 * totals.macs);
  const limits = new Set(['compute', 'vector', 'latency', 'host', ...memories.map((m) => `memory:${m.name}`)]);
  const faults = kernels.filter(
    (k) =>
      !(k.spanCycles > 0 && k.boundCycles <= k.spanCycles && k.startCycle + k.spanCycles <= totals.cycles) ||
      !(k.issuedMacs >= k.macs && k.macUtilization >= 0 && k.macUtilization <= 1) ||
      !(k.attributedCycles >= 0 && k.energyJoules > 0 && k.tiles > 0 && k.origin.length > 0 && limits.has(k.limit)),
  );
  expect(faults).toEqual([]);
}

function expectBytesAddUp({ totals, kernels, memories }: Result, machine: Machine): void {
  for (const { name, readBytes, writeBytes, peakBytes } of memories) {
    const rows = kernels.flatMap((k) => Object.values(k.traffic[name] ?? {}));
    const shown = { name, readBytes: sum(rows, (t) => t.readBytes), writeBytes: sum(rows, (t) => t.writeBytes) };
    expect(shown).toEqual({ name, readBytes, writeBytes });
    expect(peakBytes).toBeLessThanOrEqual(machine.memories[name]?.sizeBytes ?? 0);
  }
  const offChip = memories.filter((m) => machine.memories[m.name]?.owner === 'external');
  expect(totals.dramReadBytes).toBe(sum(offChip, (m) => m.readBytes));
  expect(totals.dramWriteBytes).toBe(sum(offChip, (m) => m.writeBytes));
  expect(totals.compulsoryBytes).toBeLessThanOrEqual(totals.dramReadBytes + totals.dramWriteBytes);
}

/** Every node of the file is folded, a view, or part of a kernel that names it and whose engine worked for it. */
export function expectEveryNodeAccountedFor(result: Result, nodes: Executable['nodes']): void {
  const kernels = new Map(result.kernels.map((k) => [k.name, k]));
  const busy = busyByKernel(result);
  expect(result.nodes.map((n) => n.name)).toEqual(nodes.map((n) => n.name));
  const lost = result.nodes.filter(({ name, fate, nothingToRun, kernel }) => {
    if (nothingToRun !== null) return nothingToRun === 'dead' || kernel !== null || fate !== 'folded';
    const k = kernels.get(kernel ?? '');
    if (k === undefined) return true;
    return (k.engine === 'host') !== (fate === 'host') || !k.origin.includes(name) || !((busy.get(k.name) ?? 0) > 0);
  });
  expect(lost).toEqual([]);
}

/** Cycles that the engine of each kernel spent on its commands. */
function busyByKernel({ kernels, commands = [] }: Result): ReadonlyMap<string, number> {
  const engineOf = new Map(kernels.map((k) => [k.name, k.engine]));
  const busy = new Map<string, number>();
  for (const c of commands) {
    const engine = engineOf.get(c.kernel ?? '');
    if (engine === undefined || !runsOn(c, engine)) continue;
    busy.set(c.kernel ?? '', (busy.get(c.kernel ?? '') ?? 0) + c.endCycle - c.startCycle);
  }
  return busy;
}

/** Queues are called `npu.matrix`, `npu.dma-in`, … and `host`. */
function runsOn({ engine }: CommandResult, kernel: KernelResult['engine']): boolean {
  return kernel === 'dma' ? /dma-(in|out)$/.test(engine) : engine.endsWith(kernel);
}

function sum<T>(rows: readonly T[], figure: (row: T) => number): number {
  return rows.reduce((n, row) => n + figure(row), 0);
}

/** What a refusal says: how much of which memory, how much there is, and what it is made of. */
export interface Shortfall {
  readonly code: string;
  readonly memory: string;
  readonly demandBytes: number;
  readonly capacityBytes: number;
  readonly terms: readonly { readonly what: string; readonly bytes: number }[];
}

export function readShortfall({ code, message }: Diagnostic): Shortfall {
  const found = /needs at least ([\d,]+) B .*? of (\S+), which has ([\d,]+) B.*Made of: (.*?) B\. /.exec(message);
  if (found === null) throw new Error(`no shortfall in: ${message}`);
  const bytes = (text: string | undefined): number => Number(text?.replaceAll(',', ''));
  const terms = (found[4] ?? '')
    .split(' B + ')
    .map((term) => ({ what: term.replace(/ [\d,]+$/, ''), bytes: bytes(/[\d,]+$/.exec(term)?.[0]) }));
  return { code, memory: found[2] ?? '', demandBytes: bytes(found[1]), capacityBytes: bytes(found[3]), terms };
}

/** Bytes of a value that the program computes or is given, one byte an element; 0 of what constants alone determine. */
export function activationBytes(graph: Graph): ReadonlyMap<ValueId, number> {
  const constant = new Set(graph.values.filter((v) => v.constant !== null).map((v) => v.id));
  for (const node of graph.nodes) {
    if (node.inputs.every((id) => id === null || constant.has(id))) for (const id of node.outputs) constant.add(id);
  }
  return new Map(
    graph.values.map((v) => [v.id, constant.has(v.id) ? 0 : elementCount(v.type.shape.map((d) => (typeof d === 'number' ? d : 1)))]),
  );
}

/** Operators that read a value again and again while they write another: neither can take the other's place. */
const needsBoth = new Set(['Conv', 'Gemm', 'MatMul', 'MaxPool', 'AveragePool']);

/**
 * The least bytes of `memory` any placement of whole tensors needs: the largest sum, over contractions and pools, of the tensors they read and
 * write, one byte an element. Elementwise operators may run in place, views cost nothing, and what else is alive then is left out.
 */
export function leastActivationBytes(graph: Graph, machine: Machine, memory: string): number {
  const { placement } = machine;
  const home = (id: ValueId): string =>
    graph.inputs.includes(id) ? placement.inputs : graph.outputs.includes(id) ? placement.outputs : placement.activations;
  const bytes = activationBytes(graph);
  let most = 0;
  for (const node of graph.nodes) {
    if (!needsBoth.has(node.op)) continue;
    const touched = new Set([...node.inputs, ...node.outputs].filter((id) => id !== null && home(id) === memory));
    most = Math.max(
      most,
      sum([...touched], (id) => bytes.get(id ?? -1) ?? 0),
    );
  }
  return most;
}
