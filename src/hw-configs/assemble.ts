/** Resolved description -> Machine: names of the YAML to names of the waist, defaults that depend on other fields, hashes. */
import { assertNever } from '../core/index.ts';
import type { CitedDescription, CoreDescription, Description, MatrixDescription, MemoryDescription } from './description.ts';
import { fieldHash } from './hash.ts';
import type { Cited, Core, Machine, MatrixEngine, Memory } from './machine.ts';

export function assembleMachine(d: Description): Machine {
  const body: Omit<Machine, 'planHash' | 'timingHash'> = {
    name: d.name,
    description: d.description,
    clocks: d.clocks,
    referenceClock: d.referenceClock,
    cores: mapValues(d.cores, assembleCore),
    memories: mapValues(d.memories, assembleMemory),
    host: { opsPerSecond: d.host.rate, handoverPs: d.host.handover, bytesPerSecond: d.host.bandwidth, memory: d.host.memory },
    placement: d.placement,
    technology: {
      nodeNm: d.technology.node,
      voltage: d.technology.voltage,
      energy: {
        macPj: mapValues(present(d.technology.energy.mac), cited),
        vectorOpPj: cited(d.technology.energy.vectorOp),
        memoryPjPerByte: mapValues(d.technology.energy.memory, cited),
        hostOpPj: cited(d.technology.energy.hostOp),
      },
      leakageWatts: cited(d.technology.leakage),
      areaMm2: mapValues(d.technology.area, cited),
    },
  };
  return { ...body, planHash: fieldHash(body, 'plan'), timingHash: fieldHash(body, 'timing') };
}

function assembleCore(d: CoreDescription): Core {
  return {
    count: d.count,
    clock: d.clock,
    scratchpad: d.scratchpad,
    accumulator: d.accumulator ?? d.scratchpad,
    matrix: assembleMatrix(d.matrix),
    vector: {
      lanes: d.vector.lanes,
      dtypes: d.vector.dtypes,
      ticksPerOp: d.vector.ticksPerOp,
      ...(d.vector.functions === 'table' ? { tableSteps: d.vector.tableSteps } : {}),
      startTicks: d.vector.start,
    },
    dma: { bytesPerTick: d.dma.bandwidth, startTicks: d.dma.start },
    semaphores: d.semaphores,
  };
}

function assembleMatrix(d: MatrixDescription): MatrixEngine {
  const common = {
    rates: present(d.rates),
    accumulatorBits: d.accumulatorBits,
    requantize: d.requantize,
    ...(d.rescale === 'fixed-point' ? { rescale: d.rescale } : {}),
    ports: d.ports,
    startTicks: d.start,
  };
  switch (d.kind) {
    case 'systolic':
      return { kind: d.kind, rows: d.rows, cols: d.cols, dataflow: d.dataflow, doubleBuffered: d.doubleBuffered, ...common };
    case 'dot-product':
      return { kind: d.kind, inputLanes: d.inputLanes, outputLanes: d.outputLanes, pixels: d.pixels, ...common };
    default:
      return assertNever(d);
  }
}

function assembleMemory(d: MemoryDescription): Memory {
  return {
    kind: d.kind,
    sizeBytes: d.size,
    // Structure checks have seen that one of the two is there.
    readBytesPerSecond: d.readBandwidth ?? d.bandwidth ?? 0,
    writeBytesPerSecond: d.writeBandwidth ?? d.bandwidth ?? 0,
    latencyPs: d.latency,
    burstBytes: d.burst,
    readOnly: d.readOnly,
    owner: d.owner,
    model: d.model,
  };
}

function cited(d: CitedDescription): Cited {
  return {
    value: d.value,
    source: d.source,
    ...(d.low === undefined ? {} : { low: d.low }),
    ...(d.high === undefined ? {} : { high: d.high }),
  };
}

function mapValues<Key extends string, From, To>(map: Readonly<Partial<Record<Key, From>>>, f: (value: From) => To): Record<Key, To> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, f(value as From)])) as Record<Key, To>;
}

/** Drops keys whose value is undefined. */
function present<Key extends string, Value>(map: Readonly<Partial<Record<Key, Value | undefined>>>): Partial<Record<Key, Value>> {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== undefined)) as Partial<Record<Key, Value>>;
}
