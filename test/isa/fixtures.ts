/** A small machine whose numbers are easy to compute with by hand: 1 GHz, ports so wide that only compute counts unless a test narrows them. */
import {
  createCommandTable,
  type Command,
  type Executable,
  type Kernel,
  type KernelWork,
  type Ref,
  type Slot,
} from '../../src/isa/index.ts';
import type { DType } from '../../src/core/index.ts';
import type { Core, DotProductArray, Machine, MatrixEngine, Memory, SystolicArray } from '../../src/hw-configs/machine.ts';

const cited = (value: number) => ({ value, source: 'test' });
const ports = { activations: ['scratchpad'], weights: ['scratchpad'], results: ['accumulator'] };

export const systolic = (rows: number, cols: number, more: Partial<SystolicArray> = {}): SystolicArray => ({
  kind: 'systolic',
  rows,
  cols,
  dataflow: 'ws',
  doubleBuffered: true,
  rates: { int8: 1, float32: 0.25 },
  accumulatorBits: 32,
  requantize: 'output-stage',
  ports,
  startTicks: 0,
  ...more,
});

export const dotProduct = (inputLanes: number, outputLanes: number, pixels: number): DotProductArray => ({
  kind: 'dot-product',
  inputLanes,
  outputLanes,
  pixels,
  rates: { int8: 1, float32: 0.25 },
  accumulatorBits: 32,
  requantize: 'output-stage',
  ports,
  startTicks: 0,
});

const memory = (more: Partial<Memory>): Memory => ({
  kind: 'scratchpad',
  sizeBytes: 1 << 20,
  readBytesPerSecond: 1e15,
  writeBytesPerSecond: 1e15,
  latencyPs: 0,
  burstBytes: 1,
  readOnly: false,
  owner: 'core',
  model: 'fixed',
  ...more,
});

export function machineWith(
  matrix: MatrixEngine,
  more: { core?: Partial<Core>; memories?: Record<string, Partial<Memory>> } = {},
): Machine {
  const core: Core = {
    count: 1,
    clock: 'main',
    scratchpad: 'scratchpad',
    accumulator: 'accumulator',
    matrix,
    vector: {
      lanes: 16,
      dtypes: ['int8', 'int32', 'float32'],
      ticksPerOp: { add: 1, mul: 1, div: 4, exp: 8, requantize: 2, reduce: 1, transpose: 1 },
      startTicks: 0,
    },
    dma: { bytesPerTick: 16, startTicks: 0 },
    semaphores: 16,
    ...more.core,
  };
  return {
    name: 'test',
    description: '',
    clocks: { main: 1e9, slow: 5e8 },
    referenceClock: 'main',
    cores: { npu: core },
    memories: {
      scratchpad: memory({ ...more.memories?.['scratchpad'] }),
      accumulator: memory({ ...more.memories?.['accumulator'] }),
      dram: memory({
        kind: 'dram',
        owner: 'external',
        sizeBytes: 1 << 30,
        readBytesPerSecond: 16e9,
        writeBytesPerSecond: 16e9,
        burstBytes: 64,
        latencyPs: 100_000,
        model: 'bandwidth',
        ...more.memories?.['dram'],
      }),
    },
    host: { opsPerSecond: 1e9, handoverPs: 1_000_000, bytesPerSecond: 1e9, memory: 'dram' },
    placement: { constants: 'dram', activations: 'dram', state: 'dram', inputs: 'dram', outputs: 'dram' },
    technology: {
      nodeNm: 28,
      voltage: 0.9,
      energy: { macPj: {}, vectorOpPj: cited(1), memoryPjPerByte: {}, hostOpPj: cited(1) },
      leakageWatts: cited(0),
      areaMm2: {},
    },
    planHash: 'plan',
    timingHash: 'timing',
  };
}

export const spaces: readonly string[] = ['dram', 'scratchpad', 'accumulator'];
export const dram = 0;
export const scratchpad = 1;
export const accumulator = 2;

const bytes: Partial<Record<DType, number>> = { int8: 1, uint8: 1, int32: 4, float32: 4 };

/** A dense row-major reference. */
export function dense(space: number, dtype: DType, extents: readonly number[], more: Partial<Ref> = {}): Ref {
  const strides: number[] = [];
  let step = bytes[dtype] ?? 1;
  for (const e of [...extents].reverse()) {
    strides.unshift(step);
    step *= e;
  }
  return { space, region: -1, dtype, offset: 0, extents, strides, ...more };
}

export const slot = (queue: Slot['queue'], kernel = 0): Slot => ({ core: 0, queue, kernel });

export function kernel(more: Partial<Kernel> & { work: KernelWork }): Kernel {
  return {
    name: 'k',
    origin: ['node'],
    class: 'contraction',
    engine: 'matrix',
    dtype: 'int8',
    macs: 0,
    cold: [],
    mapping: '',
    tiles: 1,
    estimateCycles: 0,
    ...more,
  };
}

export function executableOf(commands: readonly (readonly [Slot, Command])[], more: Partial<Executable> = {}): Executable {
  const builder = createCommandTable();
  for (const [at, command] of commands) builder.emit(at, command);
  return {
    formatVersion: 1,
    model: { name: 'tiny', sha256: '00', macs: 0, parameterBytes: 0, opset: 17 },
    target: { name: 'test', planHash: 'plan' },
    options: {},
    spaces,
    regions: [],
    programs: [{ name: 'main', commands: builder.finish() }],
    entryPoints: [],
    kernels: [kernel({ work: { kind: 'none' } })],
    nodes: [],
    hostSegments: [],
    weights: { region: -1, bytes: 0, segments: [], absent: null },
    diagnostics: [],
    ...more,
  };
}
