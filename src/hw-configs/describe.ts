/** A machine for people: what `systole targets NAME` prints. */
import { assertNever, formatBytes, formatCount } from '../core/index.ts';
import { clockHz, memoryClockHz, peakMacsPerSecond, peakMacsPerTick } from './access.ts';
import type { Cited, Core, Machine, MatrixEngine, Memory } from './machine.ts';

const width = 80;

/** Lines of at most 80 columns: peaks, clocks, cores, memories, placement, host, energy and area with their sources. No trailing newline. */
export function describeMachine(machine: Machine): string {
  return [
    machine.name,
    ...wrapped(machine.description, '  '),
    '',
    ...table('Peak', peaks(machine)),
    ...table('Clocks', clocks(machine)),
    ...Object.entries(machine.cores).flatMap(([name, core]) => ['', ...describeCore(name, core)]),
    '',
    ...memories(machine),
    '',
    ...table('Placement', Object.entries(machine.placement)),
    ...table('Host', [
      ['rate', `${si(machine.host.opsPerSecond, 'OPS')}, operands in ${machine.host.memory} at ${si(machine.host.bytesPerSecond, 'B/s')}`],
      ['hand-over', time(machine.host.handoverPs)],
    ]),
    '',
    ...technology(machine),
    '',
    `planHash ${machine.planHash}   timingHash ${machine.timingHash}`,
  ].join('\n');
}

function peaks(machine: Machine): (readonly [string, string])[] {
  const dtypes = [
    ...new Set(Object.values(machine.cores).flatMap((core) => Object.keys(core.matrix.rates))),
  ] as (keyof MatrixEngine['rates'])[];
  return dtypes.map((dtype) => {
    const perTick = Object.entries(machine.cores)
      .filter(([, core]) => core.matrix.rates[dtype] !== undefined)
      .map(([name, core]) => {
        const each = `${formatNumber(core.count * peakMacsPerTick(core.matrix, dtype))} MACs/cycle at ${si(clockHz(machine, name), 'Hz')}`;
        return Object.keys(machine.cores).length > 1 ? `${name}: ${each}` : each;
      });
    // One multiply-accumulate counts as two operations, as data sheets do.
    return [dtype, `${si(2 * peakMacsPerSecond(machine, dtype), 'OPS')} (${perTick.join('; ')})`];
  });
}

function clocks(machine: Machine): (readonly [string, string])[] {
  return Object.entries(machine.clocks).map(([name, hertz]) => [
    name,
    `${si(hertz, 'Hz')}${name === machine.referenceClock ? ' (reference: results count its cycles)' : ''}`,
  ]);
}

function describeCore(name: string, core: Core): readonly string[] {
  const { matrix, vector, dma } = core;
  const { activations, weights, results } = matrix.ports;
  const costs = Object.entries(vector.ticksPerOp).map(([op, ticks]) => `${op} ${ticks}`);
  return [
    `Core ${name}${core.count === 1 ? '' : ` × ${core.count}`}, clock ${core.clock}`,
    ...hanging('  matrix    ', engineText(matrix)),
    ...hanging(
      '            ',
      `activations from ${activations.join(', ')}; weights from ${weights.join(', ')}; results to ${results.join(', ')}`,
    ),
    ...hanging('            ', `sums of ${matrix.accumulatorBits} bits in ${core.accumulator}; int8 made ${requantizeText(matrix)}`),
    ...hanging('  vector    ', `${vector.lanes} lanes: ${vector.dtypes.join(', ')}`),
    ...hanging('            ', `ticks per operation: ${costs.join(', ')}`),
    ...(vector.tableSteps === undefined ? [] : hanging('            ', `functions looked up in tables of ${vector.tableSteps} steps`)),
    ...hanging('  dma       ', `${formatNumber(dma.bytesPerTick)} B/cycle each way`),
    ...hanging(
      '  start     ',
      `matrix ${matrix.startTicks}, vector ${vector.startTicks}, dma ${dma.startTicks} cycles; ${core.semaphores} semaphores`,
    ),
  ];
}

function engineText(matrix: MatrixEngine): string {
  switch (matrix.kind) {
    case 'systolic': {
      const dataflow = { ws: 'weight-stationary', os: 'output-stationary', is: 'input-stationary' }[matrix.dataflow];
      return `systolic ${matrix.rows} × ${matrix.cols}, ${dataflow}${matrix.doubleBuffered ? ', double-buffered' : ''}`;
    }
    case 'dot-product':
      return `dot-product, ${matrix.inputLanes} input lanes × ${matrix.outputLanes} output lanes × ${matrix.pixels} pixels`;
    default:
      return assertNever(matrix);
  }
}

function requantizeText(matrix: MatrixEngine): string {
  const how = matrix.rescale === 'fixed-point' ? ', scales in fixed point' : '';
  return `${matrix.requantize === 'vector' ? 'by vector commands' : 'at the output stage'}${how}`;
}

function memories(machine: Machine): readonly string[] {
  const rows = Object.entries(machine.memories).map(([name, memory]) => [
    name,
    memory.kind,
    formatBytes(memory.sizeBytes),
    si(memory.readBytesPerSecond, 'B/s'),
    memory.readOnly ? 'none' : memory.writeBytesPerSecond === memory.readBytesPerSecond ? 'same' : si(memory.writeBytesPerSecond, 'B/s'),
    latencyText(machine, name, memory),
    `${formatCount(memory.burstBytes)} B`,
    memory.owner,
  ]);
  const header = ['Memory', 'kind', 'size', 'read', 'write', 'latency', 'burst', 'owner'];
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  return [header, ...rows].map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function latencyText(machine: Machine, name: string, memory: Memory): string {
  // Memories in a core are specified in its cycles; the picoseconds were rounded down from them.
  return memory.owner === 'core' ? `${Math.ceil((memory.latencyPs * memoryClockHz(machine, name)) / 1e12)} cyc` : time(memory.latencyPs);
}

function technology(machine: Machine): readonly string[] {
  const { energy, leakageWatts, areaMm2, nodeNm, voltage } = machine.technology;
  const area = Object.values(areaMm2).reduce((sum, part) => sum + part.value, 0);
  return [
    `Technology ${nodeNm} nm, ${voltage} V`,
    ...Object.entries(energy.macPj).flatMap(([dtype, value]) => citedLines(`${dtype} MAC`, value, 'pJ')),
    ...citedLines('vector op', energy.vectorOpPj, 'pJ'),
    ...Object.entries(energy.memoryPjPerByte).flatMap(([name, value]) => citedLines(name, value, 'pJ/B')),
    ...citedLines('host op', energy.hostOpPj, 'pJ'),
    ...citedLines('leakage', leakageWatts, 'W'),
    `Area ${formatNumber(area)} mm2`,
    ...Object.entries(areaMm2).flatMap(([part, value]) => citedLines(part, value, 'mm2')),
  ];
}

function citedLines(name: string, { value, source, low, high }: Cited, unit: string): readonly string[] {
  const range = low === undefined && high === undefined ? '' : ` (${formatNumber(low ?? value)} to ${formatNumber(high ?? value)})`;
  return [`  ${name.padEnd(14)}${formatNumber(value)} ${unit}${range}`, ...wrapped(source, '      ')];
}

function table(title: string, rows: Iterable<readonly [string, string]>): readonly string[] {
  return [...rows].flatMap(([name, text], i) => hanging(`${(i === 0 ? title : '').padEnd(12)}${name.padEnd(13)}`, text));
}

/** `text` after `label`, further lines indented below where it begins. */
function hanging(label: string, text: string): readonly string[] {
  const [first = '', ...rest] = wrapped(text, ' '.repeat(label.length));
  return [label + first.slice(label.length), ...rest];
}

function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}

/** 12_800_000_000 with 'B/s' -> "12.8 GB/s": decimal prefixes, at most four digits. */
function si(value: number, unit: string): string {
  const prefixes = ['', 'k', 'M', 'G', 'T', 'P'];
  let scaled = value;
  let i = 0;
  while (scaled >= 1000 && i < prefixes.length - 1) {
    scaled /= 1000;
    i++;
  }
  return `${Number(scaled.toPrecision(4))} ${prefixes[i]}${unit}`;
}

function time(ps: number): string {
  const units = ['ps', 'ns', 'us', 'ms', 's'];
  let scaled = ps;
  let i = 0;
  while (scaled >= 1000 && i < units.length - 1) {
    scaled /= 1000;
    i++;
  }
  return `${Number(scaled.toPrecision(4))} ${units[i]}`;
}

function formatNumber(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : String(Number(value.toPrecision(4)));
}
