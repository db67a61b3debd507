/** A machine small enough to do sums on, and executables written command by command. */
import type { Machine, Memory } from '../../../src/hw-configs/machine.ts';
import {
  createCommandTable,
  type Command,
  type Executable,
  type Kernel,
  type QueueName,
  type Ref,
  type Region,
} from '../../../src/isa/index.ts';
import { memory } from './workload.ts';

const cited = (value: number): { value: number; source: string } => ({ value, source: 'made up for tests' });

/**
 * 1 GHz: a tick is a nanosecond. 4 × 4 weight-stationary array, 4 lanes, a DMA of 16 B per tick that takes 10 ticks to start; DRAM of
 * 4 B/ns, 100 ns away, in bursts of 16 B. The scratchpad is too fast to matter.
 */
export function tinyMachine(dram: Partial<Memory> = {}): Machine {
  const local = memory({ kind: 'scratchpad', owner: 'core', sizeBytes: 65536, readBytesPerSecond: 1e15, writeBytesPerSecond: 1e15 });
  return {
    name: 'tiny',
    description: '',
    clocks: { core: 1e9 },
    referenceClock: 'core',
    cores: {
      npu: {
        count: 1,
        clock: 'core',
        scratchpad: 'scratchpad',
        accumulator: 'accumulator',
        matrix: {
          kind: 'systolic',
          rows: 4,
          cols: 4,
          dataflow: 'ws',
          doubleBuffered: true,
          rates: { int8: 1 },
          accumulatorBits: 32,
          requantize: 'output-stage',
          ports: { activations: ['scratchpad'], weights: ['scratchpad'], results: ['scratchpad'] },
          startTicks: 2,
        },
        vector: {
          lanes: 4,
          dtypes: ['int8', 'int32', 'float32'],
          ticksPerOp: { add: 1, mul: 1, div: 4, exp: 4, requantize: 2, reduce: 1, transpose: 1 },
          startTicks: 3,
        },
        dma: { bytesPerTick: 16, startTicks: 10 },
        semaphores: 16,
      },
    },
    memories: {
      scratchpad: local,
      accumulator: local,
      dram: memory({ readBytesPerSecond: 4e9, writeBytesPerSecond: 4e9, latencyPs: 100_000, burstBytes: 16, ...dram }),
    },
    host: { opsPerSecond: 1e9, handoverPs: 500_000, bytesPerSecond: 2e9, memory: 'dram' },
    placement: { constants: 'dram', activations: 'dram', state: 'dram', inputs: 'dram', outputs: 'dram' },
    technology: {
      nodeNm: 16,
      voltage: 0.8,
      energy: {
        macPj: { int8: cited(0.5) },
        vectorOpPj: cited(0.25),
        memoryPjPerByte: { scratchpad: cited(1), accumulator: cited(0.1), dram: cited(10) },
        hostOpPj: cited(20),
      },
      leakageWatts: cited(0.001),
      areaMm2: { npu: cited(2), scratchpad: cited(0.5) },
    },
    planHash: 'plan',
    timingHash: 'timing',
  };
}

export const spaces: readonly string[] = ['scratchpad', 'accumulator', 'dram'];
export const regions: readonly Region[] = [
  { name: 'weights', kind: 'weights', space: 2, bytes: 4096, alignment: 64 },
  { name: 'input', kind: 'input', space: 2, bytes: 4000, alignment: 64 },
  { name: 'output', kind: 'output', space: 2, bytes: 4096, alignment: 64 },
];

/** int8 rows × columns in the scratchpad (window) or densely in a region of the DRAM. */
export function local(offset: number, rows: number, columns: number): Ref {
  return { space: 0, region: -1, dtype: 'int8', offset, extents: [rows, columns], strides: [columns, 1] };
}
export function inRegion(region: number, offset: number, rows: number, columns: number, pitch: number = columns): Ref {
  return { space: 2, region, dtype: 'int8', offset, extents: [rows, columns], strides: [pitch, 1] };
}
export function accumulators(offset: number, rows: number, columns: number): Ref {
  return { space: 1, region: -1, dtype: 'int32', offset, extents: [rows, columns], strides: [columns * 4, 4] };
}

export type Line = readonly [queue: QueueName, kernel: number, command: Command, core?: number];

export function kernel(name: string, fields: Partial<Kernel> = {}): Kernel {
  return {
    name,
    origin: [name],
    class: 'contraction',
    engine: 'matrix',
    dtype: 'int8',
    macs: 0,
    work: { kind: 'none' },
    cold: [],
    mapping: '',
    tiles: 1,
    estimateCycles: 0,
    ...fields,
  };
}

export function executable(lines: readonly Line[], kernels: readonly Kernel[]): Executable {
  const table = createCommandTable();
  for (const [queue, index, command, core = 0] of lines) table.emit({ core, queue, kernel: index }, command);
  const input = { name: 'x', region: 1, offset: 0, dtype: 'int8', shape: [2, 4], quantization: null } as const;
  return {
    formatVersion: 1,
    model: { name: 'hand', sha256: '', macs: kernels.reduce((n, k) => n + k.macs, 0), parameterBytes: 0, opset: 17 },
    target: { name: 'tiny', planHash: 'plan' },
    options: {},
    spaces,
    regions,
    programs: [{ name: 'main', commands: table.finish() }],
    entryPoints: [{ name: 'main', program: 0, inputs: [input], outputs: [], scalars: [] }],
    kernels,
    nodes: [{ name: 'n', opType: 'MatMul', fate: 'kernel', kernel: 0 }],
    hostSegments: [],
    weights: { region: 0, bytes: 0, segments: [], absent: 'test' },
    diagnostics: [],
  };
}
