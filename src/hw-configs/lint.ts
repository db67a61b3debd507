/** Does a well-formed machine make sense? One rule a function; each looks at the whole machine and says what it found. */
import {
  fewestTableSteps,
  isTableSize,
  mostTableSteps,
  bitsOf,
  hwMessages as messages,
  type Diagnostic,
  type DType,
  type Location,
} from '../core/index.ts';
import { localMemories, memoryClockHz, memoryNamed } from './access.ts';
import type { Cited, Core, Machine, MatrixEngine } from './machine.ts';

type Locate = (path: readonly string[]) => Location;
type Rule = (machine: Machine, locate: Locate) => readonly Diagnostic[];

/** A program needs room for a row of operands, results, bias and scales; below this nothing was ever seen to fit. */
const smallestScratchpad = 1024;

export function lintMachine(machine: Machine, locate: Locate): readonly Diagnostic[] {
  return rules.flatMap((rule) => rule(machine, locate));
}

/** What programs and host write at run time must be writable. */
const writableHomes: Rule = (machine, locate) => {
  const writable = Object.keys(machine.memories).filter((name) => !memoryNamed(machine, name).readOnly);
  const { activations, state, inputs, outputs } = machine.placement;
  const homes = {
    'placement.activations': activations,
    'placement.state': state,
    'placement.inputs': inputs,
    'placement.outputs': outputs,
  };
  return Object.entries({ ...homes, 'host.memory': machine.host.memory })
    .filter(([, memory]) => memoryNamed(machine, memory).readOnly)
    .map(([path, memory]) => messages.noWritableHome({ path, memory, writable }, { location: locate(path.split('.')) }));
};

const homesOutsideManyCores: Rule = (machine, locate) => {
  const cores = Object.values(machine.cores).reduce((sum, core) => sum + core.count, 0);
  if (cores === 1) return [];
  return (Object.keys(machine.placement) as (keyof Machine['placement'])[])
    .filter((what) => memoryNamed(machine, machine.placement[what]).owner === 'core')
    .map((what) => messages.placementInCores({ what, memory: machine.placement[what], cores }, { location: locate(['placement', what]) }));
};

const enginesWorkLocally: Rule = (machine, locate) =>
  eachCore(machine, (name, core) => {
    const local = Object.keys(machine.memories).filter((memory) => memoryNamed(machine, memory).owner === 'core');
    const named: (readonly [readonly string[], string])[] = [
      [['scratchpad'], core.scratchpad],
      [['accumulator'], core.accumulator],
      ...(['activations', 'weights', 'results'] as const).flatMap((port) =>
        core.matrix.ports[port].map((memory, i) => [['matrix', 'ports', port, String(i)], memory] as const),
      ),
    ];
    // An accumulator that is left out is the scratchpad: say it once.
    const written = named.filter(([path]) => path[0] !== 'accumulator' || core.accumulator !== core.scratchpad);
    return written
      .filter(([, memory]) => memoryNamed(machine, memory).owner !== 'core')
      .map(([path, memory]) => {
        const full = ['cores', name, ...path];
        const owner = memoryNamed(machine, memory).owner;
        return messages.memoryNotLocal({ path: full.join('.'), memory, owner, local }, { location: locate(full) });
      });
  });

const oneCorePerMemory: Rule = (machine, locate) =>
  Object.keys(machine.memories).flatMap((memory) => {
    const cores = Object.keys(machine.cores).filter((name) => localMemories(machine.cores[name] as Core).includes(memory));
    if (cores.length < 2 || memoryNamed(machine, memory).owner !== 'core') return [];
    return [messages.memoryOfTwoCores({ memory, cores }, { location: locate(['memories', memory]) })];
  });

const roomForTiles: Rule = (machine, locate) =>
  eachCore(machine, (_, core) => {
    const diagnostics: Diagnostic[] = [];
    const scratchpad = memoryNamed(machine, core.scratchpad).sizeBytes;
    if (scratchpad < smallestScratchpad) {
      diagnostics.push(
        messages.scratchpadTooSmall(
          { memory: core.scratchpad, has: scratchpad, needs: smallestScratchpad },
          { location: locate(['memories', core.scratchpad, 'size']) },
        ),
      );
    }
    const has = memoryNamed(machine, core.accumulator).sizeBytes;
    const { sums, text } = rowOfResults(core.matrix);
    const needs = (sums * core.matrix.accumulatorBits) / 8;
    if (has < needs) {
      const row = `${text}, ${core.matrix.accumulatorBits} bits each`;
      diagnostics.push(
        messages.accumulatorTooSmall(
          { memory: core.accumulator, has, needs, row },
          { location: locate(['memories', core.accumulator, 'size']) },
        ),
      );
    }
    return diagnostics;
  });

const soundEngines: Rule = (machine, locate) =>
  eachCore(machine, (name, core) => {
    const diagnostics: Diagnostic[] = [];
    const nonsense = (path: readonly string[], problem: string, change: string): void => {
      const full = ['cores', name, ...path];
      diagnostics.push(messages.matrixNonsense({ path: full.join('.'), problem, change }, { location: locate(full) }));
    };
    const { matrix, vector } = core;
    const rates = Object.entries(matrix.rates);
    if (rates.length === 0) nonsense(['matrix', 'rates'], 'no operand type is supported', 'List at least one, such as int8: 1');
    for (const [dtype, rate] of rates) {
      if (rate > 64 || rate < 1 / 1024) {
        nonsense(
          ['matrix', 'rates', dtype],
          `a rate of ${rate} multiply-accumulates per element and tick is not a rate`,
          '1 is the full rate, 0.25 one in four ticks',
        );
      }
    }
    if (matrix.accumulatorBits < 32 || matrix.accumulatorBits > 48) {
      nonsense(
        ['matrix', 'accumulatorBits'],
        `sums are ${matrix.accumulatorBits} bits wide, but programs add in int32, float32 or integers of up to 48 bits`,
        'Set it to 32, or to as many bits as 16-bit integers are added in, up to 48',
      );
    }
    if (vector.tableSteps !== undefined && !isTableSize(vector.tableSteps)) {
      nonsense(
        ['vector', 'tableSteps'],
        `a table of ${vector.tableSteps} steps`,
        `Set it to a power of two from ${fewestTableSteps} to ${mostTableSteps}`,
      );
    }
    if (new Set(vector.dtypes).size !== vector.dtypes.length) nonsense(['vector', 'dtypes'], 'an element type stands twice', 'Remove one');
    if (matrix.requantize === 'vector' && !vector.dtypes.includes('int32')) {
      nonsense(
        ['matrix', 'requantize'],
        'int32 sums go to the vector engine, which does not take int32',
        'Add int32 to vector.dtypes, or choose output-stage',
      );
    }
    if (memoryNamed(machine, core.scratchpad).readOnly)
      nonsense(['scratchpad'], `"${core.scratchpad}" is read-only`, 'Tiles are written there');
    if (core.accumulator !== core.scratchpad && memoryNamed(machine, core.accumulator).readOnly) {
      nonsense(['accumulator'], `"${core.accumulator}" is read-only`, 'Sums are written there');
    }
    return diagnostics;
  });

const valuesInTheirRange: Rule = (machine, locate) => {
  const { energy, leakageWatts, areaMm2 } = machine.technology;
  const all: (readonly [string, Cited])[] = [
    ...Object.entries(energy.macPj).map(([key, value]) => [`energy.mac.${key}`, value] as const),
    ['energy.vectorOp', energy.vectorOpPj],
    ...Object.entries(energy.memoryPjPerByte).map(([key, value]) => [`energy.memory.${key}`, value] as const),
    ['energy.hostOp', energy.hostOpPj],
    ['leakage', leakageWatts],
    ...Object.entries(areaMm2).map(([key, value]) => [`area.${key}`, value] as const),
  ];
  return all.flatMap(([path, { value, low = value, high = value }]) => {
    if (low <= value && value <= high) return [];
    const full = ['technology', ...path.split('.')];
    return [messages.sourceRange({ path: full.join('.'), value, low, high }, { location: locate(full) })];
  });
};

/** Per tick at full rate the array takes a new operand for each row (or pixel × input lane) and gives a row of sums. */
const portsFeedTheArray: Rule = (machine, locate) =>
  eachCore(machine, (_, core) => {
    const diagnostics: Diagnostic[] = [];
    const fastest = bytesPerTickAtPeak(core.matrix);
    if (fastest === null) return [];
    const check = (memory: string, direction: 'read' | 'write', port: string, needs: number): void => {
      const { readBytesPerSecond, writeBytesPerSecond } = memoryNamed(machine, memory);
      const has = (direction === 'read' ? readBytesPerSecond : writeBytesPerSecond) / memoryClockHz(machine, memory);
      if (has >= needs * (1 - 1e-9)) return;
      diagnostics.push(
        messages.portTooNarrow({ memory, port, has, needs, dtype: fastest.dtype }, { location: locate(['memories', memory]) }),
      );
    };
    check(core.matrix.ports.activations[0] ?? core.scratchpad, 'read', 'activations', fastest.activations);
    check(core.accumulator, 'write', 'sums', fastest.sums);
    if (core.accumulator !== core.scratchpad) check(core.accumulator, 'read', 'sums', fastest.sums);
    return diagnostics;
  });

const everythingPriced: Rule = (machine, locate) => {
  const { energy } = machine.technology;
  const dtypes = new Set(Object.values(machine.cores).flatMap((core) => Object.keys(core.matrix.rates) as DType[]));
  return [
    ...[...dtypes]
      .filter((dtype) => energy.macPj[dtype] === undefined)
      .map((dtype) => ['mac', dtype, `${dtype} multiply-accumulates`] as const),
    ...Object.keys(machine.memories)
      .filter((memory) => energy.memoryPjPerByte[memory] === undefined)
      .map((memory) => ['memory', memory, `traffic of ${memory}`] as const),
  ].map(([group, key, what]) => {
    const path = ['technology', 'energy', group, key];
    return messages.unpricedPart({ path: path.join('.'), what }, { location: locate(path.slice(0, -1)) });
  });
};

const everyMemoryUsed: Rule = (machine, locate) => {
  const used = new Set([
    ...Object.values(machine.cores).flatMap(localMemories),
    ...Object.values<string>({ ...machine.placement }),
    machine.host.memory,
  ]);
  return Object.keys(machine.memories)
    .filter((memory) => !used.has(memory))
    .map((memory) => messages.unusedMemory({ memory }, { location: locate(['memories', memory]) }));
};

/** Simulated time must stay far from the end of 53-bit picoseconds. */
const withinTime: Rule = (machine, locate) =>
  Object.entries(machine.memories).flatMap(([name, memory]) => {
    const path = ['memories', name];
    const diagnostics: Diagnostic[] = [];
    for (const [key, rate] of [
      ['readBandwidth', memory.readBytesPerSecond],
      ['writeBandwidth', memory.writeBytesPerSecond],
    ] as const) {
      if (rate < 1000 && !(key === 'writeBandwidth' && memory.readOnly)) {
        const full = `${path.join('.')}.${key}`;
        diagnostics.push(messages.beyondTime({ path: full, given: `${rate} B/s`, allowed: 'at least 1 kB/s' }, { location: locate(path) }));
      }
    }
    if (memory.latencyPs > 1e12) {
      const full = `${path.join('.')}.latency`;
      diagnostics.push(
        messages.beyondTime(
          { path: full, given: `${memory.latencyPs / 1e12} s`, allowed: 'at most 1 s' },
          { location: locate([...path, 'latency']) },
        ),
      );
    }
    return diagnostics;
  });

const rules: readonly Rule[] = [
  withinTime,
  writableHomes,
  homesOutsideManyCores,
  enginesWorkLocally,
  oneCorePerMemory,
  roomForTiles,
  soundEngines,
  valuesInTheirRange,
  portsFeedTheArray,
  everythingPriced,
  everyMemoryUsed,
];

function eachCore(machine: Machine, f: (name: string, core: Core) => readonly Diagnostic[]): readonly Diagnostic[] {
  return Object.entries(machine.cores).flatMap(([name, core]) => f(name, core));
}

/** Sums that leave the array together. */
function rowOfResults(matrix: MatrixEngine): { readonly sums: number; readonly text: string } {
  return matrix.kind === 'systolic'
    ? { sums: matrix.cols, text: `${matrix.cols} columns` }
    : { sums: matrix.outputLanes * matrix.pixels, text: `${matrix.outputLanes} output lanes × ${matrix.pixels} pixels` };
}

/** Bytes per tick at the operand type that asks most. */
function bytesPerTickAtPeak(matrix: MatrixEngine): { readonly dtype: string; readonly activations: number; readonly sums: number } | null {
  const operands = matrix.kind === 'systolic' ? matrix.rows : matrix.inputLanes * matrix.pixels;
  let most: { dtype: string; activations: number; sums: number } | null = null;
  for (const [dtype, rate] of Object.entries(matrix.rates) as [DType, number][]) {
    const activations = (operands * bitsOf(dtype) * rate) / 8;
    const sums = (rowOfResults(matrix).sums * matrix.accumulatorBits * rate) / 8;
    if (most === null || activations + sums > most.activations + most.sums) most = { dtype, activations, sums };
  }
  return most;
}
