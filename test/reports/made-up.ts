/** A made-up run with the shape of a real one: for tests of text and page that need no compiler. */
import { runsOn } from '../../src/isa/index.ts';
import { seededRandom } from '../../src/core/index.ts';
import type { Machine } from '../../src/hw-configs/machine.ts';
import type { Trace } from '../../src/simulator/observe/trace.ts';
import type { KernelResult, Result } from '../../src/simulator/result.ts';

export const madeUpMachine: Machine = {
  name: 'made-up-32',
  description: 'A made-up 32 × 32 array, for tests.',
  clocks: { npu: 1e9 },
  referenceClock: 'npu',
  cores: {
    npu: {
      count: 1,
      clock: 'npu',
      scratchpad: 'scratchpad',
      accumulator: 'accumulator',
      semaphores: 64,
      matrix: {
        kind: 'systolic',
        rows: 32,
        cols: 32,
        dataflow: 'ws',
        doubleBuffered: true,
        rates: { int8: 1, float32: 0.25 },
        accumulatorBits: 32,
        requantize: 'output-stage',
        ports: { activations: ['scratchpad'], weights: ['scratchpad'], results: ['accumulator'] },
        startTicks: 8,
      },
      vector: {
        lanes: 32,
        dtypes: ['int8', 'float32'],
        ticksPerOp: { add: 1, mul: 1, div: 4, exp: 4, requantize: 1, reduce: 1, transpose: 1 },
        startTicks: 8,
      },
      dma: { bytesPerTick: 64, startTicks: 16 },
    },
  },
  memories: {
    scratchpad: memory('scratchpad', 1 << 20, 64e9, 0),
    accumulator: memory('scratchpad', 1 << 17, 128e9, 0),
    dram: memory('dram', 1 << 30, 12.8e9, 80_000),
  },
  host: { opsPerSecond: 1e9, handoverPs: 5e6, bytesPerSecond: 4e9, memory: 'dram' },
  placement: { constants: 'dram', activations: 'dram', state: 'dram', inputs: 'dram', outputs: 'dram' },
  technology: {
    nodeNm: 16,
    voltage: 0.8,
    energy: {
      macPj: { int8: { value: 0.2, source: 'made up' } },
      vectorOpPj: { value: 0.5, source: 'made up' },
      memoryPjPerByte: { dram: { value: 20, source: 'made up' } },
      hostOpPj: { value: 100, source: 'made up' },
    },
    leakageWatts: { value: 0.05, source: 'made up' },
    areaMm2: {},
  },
  planHash: 'aa11bb22cc33dd44',
  timingHash: '0123456789abcdef',
};

function memory(kind: 'scratchpad' | 'dram', sizeBytes: number, bytesPerSecond: number, latencyPs: number): Machine['memories'][string] {
  return {
    kind,
    sizeBytes,
    readBytesPerSecond: bytesPerSecond,
    writeBytesPerSecond: bytesPerSecond,
    latencyPs,
    burstBytes: 64,
    readOnly: false,
    owner: kind === 'dram' ? 'external' : 'core',
    model: 'bandwidth',
  };
}

const limits = ['compute', 'memory:dram', 'compute', 'vector', 'memory:dram', 'latency'];

/** `name` goes into every kernel name, to see what odd names do to the output. */
export function madeUpResult(kernelCount: number, name = 'resnet50'): Result {
  const random = seededRandom(7);
  let start = 0;
  const kernels: KernelResult[] = Array.from({ length: kernelCount }, (_, i) => {
    const attributedCycles = random.integer(2000, 120_000);
    const spanCycles = Math.round(attributedCycles * 1.15);
    const macs = i % 6 === 3 ? 0 : attributedCycles * random.integer(150, 900);
    const startCycle = start;
    start += attributedCycles;
    return {
      name: `${name}/layer${1 + (i >> 4)}.${(i >> 2) & 3}/conv${1 + (i % 3)}`,
      origin: [`/layer${1 + (i >> 4)}/Conv_${i}`, `/layer${1 + (i >> 4)}/Relu_${i}`],
      class: i % 6 === 3 ? 'elementwise' : 'contraction',
      engine: i % 6 === 3 ? 'vector' : 'matrix',
      startCycle,
      spanCycles,
      attributedCycles,
      macs,
      issuedMacs: Math.round(macs * 1.1),
      macUtilization: macs / (spanCycles * 1024),
      boundCycles: Math.round(attributedCycles * 0.7),
      estimateCycles: attributedCycles,
      limit: limits[i % limits.length] ?? 'compute',
      traffic: {
        dram: {
          weights: { readBytes: random.integer(1000, 900_000), writeBytes: 0 },
          inputs: { readBytes: random.integer(1000, 400_000), writeBytes: 0 },
          outputs: { readBytes: 0, writeBytes: random.integer(1000, 300_000) },
        },
        scratchpad: {
          weights: { readBytes: 500_000, writeBytes: 400_000 },
          inputs: { readBytes: 900_000, writeBytes: 300_000 },
          partials: { readBytes: 100_000, writeBytes: 100_000 },
        },
      },
      energyJoules: attributedCycles * 1.1e-9,
      tiles: 1 + (i % 9),
      mapping: `m${64 << (i % 3)}×c128×7×56, weights outer, 2 buffers`,
    };
  });
  const cycles = start;
  const macs = kernels.reduce((sum, k) => sum + k.macs, 0);
  const seconds = cycles / 1e9;
  const sum = (of: (k: KernelResult) => number): number => kernels.reduce((total, k) => total + of(k), 0);
  const dramRead = sum((k) => (k.traffic['dram']?.['weights']?.readBytes ?? 0) + (k.traffic['dram']?.['inputs']?.readBytes ?? 0));
  const dramWrite = sum((k) => k.traffic['dram']?.['outputs']?.writeBytes ?? 0);
  return {
    schemaVersion: 1,
    tool: { name: 'systole', version: '0.0.0' },
    model: { name, sha256: 'feed'.repeat(16), macs, parameterBytes: 102_228_128, opset: 17 },
    target: { name: madeUpMachine.name, planHash: madeUpMachine.planHash, timingHash: madeUpMachine.timingHash },
    options: { precision: 'int8' },
    totals: {
      cycles,
      seconds,
      inferencesPerSecond: 1 / seconds,
      macs,
      issuedMacs: Math.round(macs * 1.1),
      macUtilization: macs / (cycles * 1024),
      boundCycles: Math.round(cycles * 0.62),
      mappingBoundCycles: Math.round(cycles * 0.81),
      efficiency: 0.62,
      scheduleEfficiency: 0.81,
      dramReadBytes: dramRead,
      dramWriteBytes: dramWrite,
      compulsoryBytes: Math.round(dramRead * 0.7),
      stateReadBytes: 0,
      stateWriteBytes: 0,
      scratchpadPeakBytes: 987_136,
      hostSeconds: 0,
      hostOps: 0,
      energyJoules: 3.27e-3,
      averageWatts: 3.27e-3 / seconds,
      areaMm2: 0,
      commands: 4200,
    },
    engines: [
      engine('npu.matrix', cycles, 0.66, { data: 0.18, drain: 0.03 }),
      engine('npu.vector', cycles, 0.12, { operands: 0.3 }),
      engine('npu.dma-in', cycles, 0.54, { buffer: 0.21, bandwidth: 0.11 }),
      engine('npu.dma-out', cycles, 0.21, {}),
    ],
    memories: [
      {
        name: 'scratchpad',
        readBytes: sum(() => 1_500_000),
        writeBytes: sum(() => 800_000),
        movedBytes: sum(() => 2_300_000),
        peakBytes: 987_136,
        busyCycles: Math.round(cycles * 0.5),
      },
      {
        name: 'dram',
        readBytes: dramRead,
        writeBytes: dramWrite,
        movedBytes: dramRead + dramWrite,
        peakBytes: 41_000_000,
        busyCycles: Math.round(cycles * 0.71),
      },
    ],
    kernels,
    nodes: kernels.flatMap((k, i) => [
      { name: k.origin[0] ?? '', opType: 'Conv', fate: runsOn(k.engine), nothingToRun: null, kernel: k.name },
      {
        name: k.origin[1] ?? '',
        opType: i % 2 === 0 ? 'Relu' : 'BatchNormalization',
        fate: runsOn(i % 2 === 0 ? k.engine : undefined),
        nothingToRun: i % 2 === 0 ? null : ('folded' as const),
        kernel: i % 2 === 0 ? k.name : null,
      },
    ]),
    energy: { matrix: 1.1e-3, vector: 9e-5, scratchpad: 5.2e-4, accumulator: 1.3e-4, dram: 1.2e-3, noc: 0, host: 0, leakage: 2.3e-4 },
    diagnostics: [
      {
        code: 'SYS3002',
        severity: 'warning',
        message:
          'the model holds fp32 values and the machine computes in int8: scales are placeholders, so this run can be timed but not executed on numbers. Give --calibrate for values.',
        origin: [],
      },
    ],
  };
}

function engine(name: string, cycles: number, busy: number, stalled: Readonly<Record<string, number>>): Result['engines'][number] {
  const busyCycles = Math.round(cycles * busy);
  const stalledCycles = Object.fromEntries(Object.entries(stalled).map(([reason, part]) => [reason, Math.round(cycles * part)]));
  return { name, busyCycles, stalledCycles, idleCycles: cycles - busyCycles - Object.values(stalledCycles).reduce((a, b) => a + b, 0) };
}

/** `perKernel` slices a queue for each kernel, back to back with small gaps. */
export function madeUpTrace(result: Result, perKernel: number): Trace {
  const queues = ['npu.dma-in', 'npu.matrix', 'npu.vector', 'npu.dma-out'];
  const ops = [6, 0, 4, 7];
  const rows: { queue: number; start: number; end: number; kernel: number; op: number }[] = [];
  queues.forEach((_, queue) => {
    result.kernels.forEach((kernel, k) => {
      const step = (kernel.attributedCycles * 1000) / perKernel;
      for (let i = 0; i < perKernel; i++) {
        const start = kernel.startCycle * 1000 + step * (i + queue * 0.07);
        rows.push({ queue, start, end: start + step * (0.9 - queue * 0.15), kernel: k, op: ops[queue] ?? 0 });
      }
    });
  });
  return {
    queues,
    kernels: result.kernels.map((k) => k.name),
    length: rows.length,
    queue: Int32Array.from(rows, (r) => r.queue),
    start: Float64Array.from(rows, (r) => r.start),
    end: Float64Array.from(rows, (r) => r.end),
    retire: Float64Array.from(rows, (r) => r.end),
    kernel: Int32Array.from(rows, (r) => r.kernel),
    op: Uint8Array.from(rows, (r) => r.op),
    waitedFor: new Int32Array(rows.length).fill(-1),
    totalPs: result.totals.cycles * 1000,
  };
}
