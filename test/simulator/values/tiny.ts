/** Tiny machines and programs, written by hand: one line a command. */
import { elementCount, bytesPerElement, rowMajorStrides, type DType, type Tensor } from '../../../src/core/index.ts';
import type { Machine } from '../../../src/hw-configs/machine.ts';
import { createCommandTable } from '../../../src/isa/index.ts';
import type { Command, QueueName, Ref } from '../../../src/isa/command.ts';
import type { Executable, HostSegment, Kernel, Region, TensorBinding } from '../../../src/isa/executable.ts';
import { execute, type ExecuteOptions, type Execution } from '../../../src/simulator/values/index.ts';

export const dram = 0;
export const spad = 1;

const cited = { value: 0, source: 'none' };
const memory = { readBytesPerSecond: 1e9, writeBytesPerSecond: 1e9, latencyPs: 0, burstBytes: 1, readOnly: false, model: 'fixed' } as const;

/** One core with a scratchpad of `scratchpadBytes`, and DRAM. */
export function tinyMachine(scratchpadBytes = 65536): Machine {
  const vectorTicks = { add: 1, mul: 1, div: 1, exp: 1, requantize: 1, reduce: 1, transpose: 1 };
  return {
    name: 'tiny',
    description: '',
    clocks: { core: 1e9 },
    referenceClock: 'core',
    cores: {
      npu: {
        count: 2,
        clock: 'core',
        scratchpad: 'scratchpad',
        accumulator: 'scratchpad',
        matrix: {
          kind: 'systolic',
          rows: 2,
          cols: 2,
          dataflow: 'ws',
          doubleBuffered: false,
          rates: { int8: 1 },
          accumulatorBits: 32,
          requantize: 'output-stage',
          ports: { activations: ['scratchpad'], weights: ['scratchpad'], results: ['scratchpad'] },
          startTicks: 0,
        },
        vector: { lanes: 1, dtypes: ['float32'], ticksPerOp: vectorTicks, startTicks: 0 },
        dma: { bytesPerTick: 1, startTicks: 0 },
        semaphores: 16,
      },
    },
    memories: {
      dram: { kind: 'dram', owner: 'external', sizeBytes: 2 ** 32, ...memory },
      scratchpad: { kind: 'scratchpad', owner: 'core', sizeBytes: scratchpadBytes, ...memory },
    },
    host: { opsPerSecond: 1, handoverPs: 0, bytesPerSecond: 1, memory: 'dram' },
    placement: { constants: 'dram', activations: 'dram', state: 'dram', inputs: 'dram', outputs: 'dram' },
    technology: {
      nodeNm: 1,
      voltage: 1,
      energy: { macPj: {}, vectorOpPj: cited, memoryPjPerByte: {}, hostOpPj: cited },
      leakageWatts: cited,
      areaMm2: {},
    },
    planHash: '',
    timingHash: '',
  };
}

/** A dense row-major reference. */
export function ref(space: number, region: number, dtype: DType, offset: number, extents: readonly number[], more: Partial<Ref> = {}): Ref {
  const strides = rowMajorStrides(extents).map((s) => s * bytesPerElement(dtype));
  return { space, region, dtype, offset, extents, strides, ...more };
}

/** In the local window. */
export function local(dtype: DType, offset: number, extents: readonly number[], more: Partial<Ref> = {}): Ref {
  return ref(spad, -1, dtype, offset, extents, more);
}

export function row(queue: QueueName, command: Command, more: { kernel?: number; core?: number } = {}): Row {
  return { slot: { core: more.core ?? 0, queue, kernel: more.kernel ?? 0 }, command };
}

export interface Row {
  readonly slot: { readonly core: number; readonly queue: QueueName; readonly kernel: number };
  readonly command: Command;
}

export const load = (src: Ref, dst: Ref): Command => ({ op: 'LOAD', src, dst, operand: 'inputs' });
export const store = (src: Ref, dst: Ref): Command => ({ op: 'STORE', src, dst, operand: 'outputs' });
export const copy = (src: Ref, dst: Ref): Command => ({ op: 'COPY', src, dst, operand: 'partials' });
export const signal = (id: number, count = 1): Command => ({ op: 'SIGNAL', core: 0, id, count });
export const wait = (id: number, count = 1): Command => ({ op: 'WAIT', core: 0, id, count });

export interface Tiny {
  readonly rows: readonly Row[];
  readonly inputs?: readonly Tensor[];
  readonly outputs?: readonly { readonly dtype: DType; readonly shape: readonly number[] }[];
  readonly kernels?: number;
  readonly segments?: readonly HostSegment[];
  /** Bytes of a region named "arena", the last one. */
  readonly arena?: number;
  readonly binding?: Partial<TensorBinding>;
}

/** Regions: one per input, one per output, then the arena. Inputs are called in0, in1 …, outputs out0, …; kernels k0 from node_0, … */
export function tinyExecutable(tiny: Tiny): Executable {
  const table = createCommandTable();
  for (const { slot, command } of tiny.rows) table.emit(slot, command);
  const regions: Region[] = [];
  const bindings = (
    kind: 'input' | 'output',
    list: readonly { readonly dtype: DType; readonly shape: readonly number[] }[],
  ): TensorBinding[] =>
    list.map(({ dtype, shape }, i) => {
      const name = `${kind === 'input' ? 'in' : 'out'}${i}`;
      const bytes = elementCount(shape) * bytesPerElement(dtype);
      regions.push({ name, kind, space: dram, bytes, alignment: 16 });
      return { name, region: regions.length - 1, offset: 0, dtype, shape, quantization: null, ...(kind === 'input' ? tiny.binding : {}) };
    });
  const inputs = bindings('input', tiny.inputs ?? []);
  const outputs = bindings('output', tiny.outputs ?? []);
  if (tiny.arena !== undefined) regions.push({ name: 'arena', kind: 'arena', space: dram, bytes: tiny.arena, alignment: 64 });
  return {
    formatVersion: 1,
    model: { name: 'tiny', sha256: '', macs: 0, parameterBytes: 0, opset: 17 },
    target: { name: 'tiny', planHash: '' },
    options: {},
    spaces: ['dram', 'scratchpad'],
    regions,
    programs: [{ name: 'main', commands: table.finish() }],
    entryPoints: [{ name: 'main', program: 0, inputs, outputs, scalars: [] }],
    kernels: Array.from({ length: tiny.kernels ?? 1 }, (_, i) => kernel(i)),
    nodes: [],
    hostSegments: tiny.segments ?? [],
    weights: { region: -1, bytes: 0, segments: [], absent: null },
    diagnostics: [],
  };
}

function kernel(i: number): Kernel {
  const work = { kind: 'none' } as const;
  const sizes = { macs: 0, work, cold: [], mapping: '', tiles: 1, estimateCycles: 0 };
  return { name: `k${i}`, origin: [`node_${i}`], class: 'move', engine: 'dma', dtype: 'int8', ...sizes };
}

export function run(tiny: Tiny, options: Partial<ExecuteOptions> = {}): Execution {
  const inputs = new Map((tiny.inputs ?? []).map((t, i) => [`in${i}`, t]));
  return execute(tinyExecutable(tiny), tinyMachine(), inputs, { sanitize: false, ...options });
}

/** Numbers of an output. */
export function output(execution: Execution, name = 'out0'): number[] {
  return Array.from((execution.outputs.get(name)?.data ?? []) as ArrayLike<number>);
}

/** Bits of fp32 numbers, so that NaN and -0 compare. */
export function bitsOf32(numbers: readonly number[]): number[] {
  return [...new Uint32Array(Float32Array.from(numbers).buffer)];
}

export function int8(shape: readonly number[], values: readonly number[]): Tensor {
  return { dtype: 'int8', shape, data: Int8Array.from(values) };
}

export function float32(shape: readonly number[], values: readonly number[]): Tensor {
  return { dtype: 'float32', shape, data: Float32Array.from(values) };
}

export function int32(shape: readonly number[], values: readonly number[]): Tensor {
  return { dtype: 'int32', shape, data: Int32Array.from(values) };
}
