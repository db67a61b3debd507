/** The result as text for a terminal: reads well at 80 columns, says first what matters. */
import { formatDiagnostic } from '../core/index.ts';
import type { EngineResult, Result } from '../simulator/result.ts';
import { columnCount, formatBytes, formatCount, formatRate, formatShare, formatSi, share } from './format.ts';
import { kernelsByCost, limitShares, stalledTotal, verdict } from './insight.ts';
import { fit, fitAll, pad, painter, wrap, type Paint, type SummaryStyle } from './text.ts';

/** Several lines, each ended by a newline and none wider than `style.width`. */
export function renderSummary(result: Result, style: SummaryStyle): string {
  const paint = painter(style.color);
  const blocks = [
    headline(result, paint),
    limits(result, style, paint),
    engines(result, style, paint),
    memories(result, style, paint),
    kernels(result, style, paint),
    diagnostics(result, style, paint),
  ];
  return `${blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join('\n'))
    .join('\n\n')}\n`;
}

function headline(result: Result, paint: Paint): readonly string[] {
  const t = result.totals;
  const precision = result.options['precision'];
  const title = `${result.model.name} on ${result.target.name}${precision === undefined ? '' : ` · ${String(precision)}`}`;
  const row = (name: string, figure: string, more: string): string => `  ${name.padEnd(11)}${figure.padStart(11)}   ${more}`.trimEnd();
  return [
    paint('strong', title),
    row('time', formatSi(t.seconds, 's'), `${formatCount(t.cycles)} cycles · ${formatRate(t.inferencesPerSecond)} inferences/s`),
    row('MAC use', formatShare(t.macUtilization), `${formatCount(t.macs)} MACs of the model`),
    row(
      'bound',
      formatSi(share(t.boundCycles * t.seconds, t.cycles), 's'),
      `reached ${formatShare(t.efficiency)} · of this mapping ${formatShare(t.scheduleEfficiency)}`,
    ),
    row('energy', formatSi(t.energyJoules, 'J'), `${formatSi(t.averageWatts, 'W')} on average`),
    row(
      'off chip',
      formatBytes(t.dramReadBytes + t.dramWriteBytes),
      `${formatBytes(t.dramReadBytes)} read, ${formatBytes(t.dramWriteBytes)} written; at least ${formatBytes(t.compulsoryBytes)}`,
    ),
    ...(t.stateReadBytes + t.stateWriteBytes > 0
      ? [
          row(
            'state',
            formatBytes(t.stateReadBytes + t.stateWriteBytes),
            `${formatBytes(t.stateReadBytes)} of caches read, ${formatBytes(t.stateWriteBytes)} written`,
          ),
        ]
      : []),
    row('scratchpad', formatBytes(t.scratchpadPeakBytes), 'at its fullest'),
    ...(t.hostOps > 0 ? [row('host', formatSi(t.hostSeconds, 's'), `${formatCount(t.hostOps)} operations fall back`)] : []),
  ];
}

function limits(result: Result, style: SummaryStyle, paint: Paint): readonly string[] {
  const bar = style.width - 40;
  return [
    paint('strong', 'What limits it'),
    ...limitShares(result).map((entry) => {
      const filled = Math.round(entry.share * bar);
      return `  ${pad(fit(entry.limit, 24), 25)}${'█'.repeat(filled)}${paint('faint', '·'.repeat(Math.max(0, bar - filled)))} ${formatShare(entry.share).padStart(8)}`;
    }),
    ...wrap(verdict(result), style.width - 2).map((line) => `  ${paint('faint', line)}`),
  ];
}

function engines(result: Result, style: SummaryStyle, paint: Paint): readonly string[] {
  const width = style.width - 56;
  const line = (engine: EngineResult): string => {
    const stalled = stalledTotal(engine.stalledCycles);
    const [worst] = Object.entries(engine.stalledCycles).toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const part = (n: number): string => formatShare(share(n, result.totals.cycles)).padStart(9);
    const reason = worst === undefined || worst[1] === 0 ? '' : worst[0];
    return `  ${pad(fit(engine.name, width - 1), width)}${part(engine.busyCycles)}${part(stalled)}${part(engine.idleCycles)}   ${fit(reason, 24)}`.trimEnd();
  };
  return [
    `${paint('strong', 'Engines'.padEnd(width + 2))}${paint('faint', '     busy  stalled     idle   mostly waiting for')}`,
    ...result.engines.map(line),
  ];
}

function memories(result: Result, style: SummaryStyle, paint: Paint): readonly string[] {
  const width = style.width - 56;
  return [
    `${paint('strong', 'Memories'.padEnd(width + 2))}${paint('faint', '         read      written   most in use     busy')}`,
    ...result.memories.map(
      (memory) =>
        `  ${pad(fit(memory.name, width - 1), width)}${formatBytes(memory.readBytes).padStart(13)}${formatBytes(memory.writeBytes).padStart(13)}` +
        `${formatBytes(memory.peakBytes).padStart(14)}${(memory.busyCycles > 0 ? formatShare(share(memory.busyCycles, result.totals.cycles)) : '–').padStart(9)}`,
    ),
  ];
}

function kernels(result: Result, style: SummaryStyle, paint: Paint): readonly string[] {
  const shown = kernelsByCost(result).slice(0, 10);
  const width = style.width - 50;
  const names = fitAll(
    shown.map((k) => k.name),
    width - 1,
  );
  const more = result.kernels.length > shown.length ? `Kernels (${shown.length} of ${result.kernels.length})` : 'Kernels';
  return [
    `${paint('strong', more.padEnd(width + 2))}${paint('faint', '     cycles     time  MAC use   limit')}`,
    ...shown.map((kernel, i) =>
      (
        `  ${pad(names[i] ?? '', width)}${columnCount(kernel.attributedCycles, 11)}` +
        `${formatShare(share(kernel.attributedCycles, result.totals.cycles)).padStart(9)}` +
        `${(kernel.macs > 0 ? formatShare(kernel.macUtilization) : '–').padStart(9)}   ${fit(kernel.limit, 16)}`
      ).trimEnd(),
    ),
  ];
}

function diagnostics(result: Result, style: SummaryStyle, paint: Paint): readonly string[] {
  if (result.diagnostics.length === 0) return [];
  return [
    paint('strong', 'Notes'),
    ...result.diagnostics.flatMap((d) => {
      const [first, ...others] = wrap(formatDiagnostic(d), style.width - 4);
      return [`  ${paint('warn', first ?? '')}`, ...others.map((line) => `    ${line}`)];
    }),
  ];
}
