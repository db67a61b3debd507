/** The check report as text: reads without a manual at 80 columns. First where, then what is wrong and what to change, then the rest. */
import { formatDiagnostic } from '../../core/index.ts';
import { fit, formatBytes, formatCount, formatShare, formatSi, share } from '../format.ts';
import { painter, wrap, type Paint, type SummaryStyle } from '../text.ts';
import { isRecovery, type CheckedNode, type CheckReport } from './check.ts';

export interface CheckStyle extends SummaryStyle {
  /** Also a line for every node of the file. */
  readonly allNodes: boolean;
}

const fateNames: Readonly<Record<CheckedNode['fate'], string>> = {
  matrix: 'matrix engine',
  vector: 'vector engine',
  movement: 'data movement',
  host: 'host',
  unsupported: 'unsupported',
  folded: 'nothing to run',
};

/** Several lines, each ended by a newline and none wider than `style.width`. */
export function renderCheck(report: CheckReport, style: CheckStyle): string {
  const paint = painter(style.color);
  const blocks = [
    headline(report, style, paint),
    problems(report, style, paint),
    where(report, style, paint),
    attention(report, style, paint),
    recovered(report, style, paint),
    costliest(report, style, paint),
    style.allNodes ? allNodes(report, style, paint) : [],
    notes(report, style, paint),
    hint(report, style, paint),
  ];
  return `${blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join('\n'))
    .join('\n\n')}\n`;
}

function headline(report: CheckReport, style: SummaryStyle, paint: Paint): readonly string[] {
  const { totals, nodes, openDims, assumedDims } = report.summary;
  const title = paint('strong', `${report.model.name} on ${report.target.name}`);
  const off = report.nodes.filter((n) => n.fate === 'host' || n.fate === 'unsupported').length;
  const story =
    off === 0
      ? `Every one of the ${formatCount(nodes)} nodes runs on the NPU or needs no run.`
      : `${formatCount(nodes - off)} of ${formatCount(nodes)} nodes run on the NPU or need no run; ${formatCount(off)} ${off === 1 ? 'does' : 'do'} not.`;
  const cost =
    totals === null
      ? []
      : [
          `${formatSi(totals.seconds, 's')} per run, ${formatSi(totals.hostSeconds, 's')} of it on the host in ${formatCount(totals.handovers)} hand-over${totals.handovers === 1 ? '' : 's'}.` +
            (totals.macs > 0
              ? ` ${formatShare(share(totals.npuMacs, totals.macs))} of ${formatCount(totals.macs)} MACs run on the NPU.`
              : ''),
        ];
  const open =
    openDims.length === 0
      ? []
      : [
          `Costs need sizes: ${openDims.map((d) => `--dim ${d}=N`).join(' ')}. Fates are judged at ${openDims.map((d) => `${d}=${assumedDims[d]}`).join(', ')}.`,
        ];
  return [title, ...[story, ...cost, ...open].flatMap((text) => wrap(text, style.width - 2).map((line) => `  ${line}`))];
}

function problems(report: CheckReport, style: SummaryStyle, paint: Paint): readonly string[] {
  if (report.problems.length === 0) return [];
  return [
    paint('strong', 'No program'),
    ...report.problems.slice(0, 5).flatMap((d) => wrap(formatDiagnostic(d), style.width - 2).map((line) => `  ${paint('warn', line)}`)),
    ...(report.problems.length > 5 ? [`  … and ${report.problems.length - 5} more of these`] : []),
  ];
}

function where(report: CheckReport, style: SummaryStyle, paint: Paint): readonly string[] {
  const { fates, totals } = report.summary;
  const width = style.width - 62;
  const head = totals === null ? '    nodes' : '    nodes  kernels             MACs      cycles     time';
  const cells = (n: number): string => (n === 0 ? '–' : formatCount(n));
  return [
    `${paint('strong', 'Where'.padEnd(width + 2))}${paint('faint', head)}`,
    ...fates.map((f) => {
      const start = `  ${fateNames[f.fate].padEnd(width)}${formatCount(f.nodes).padStart(9)}`;
      if (totals === null) return start;
      const time = f.attributedCycles === 0 ? '–' : formatShare(share(f.attributedCycles, totals.cycles));
      return `${start}${cells(f.kernels).padStart(9)}${cells(f.macs).padStart(17)}${cells(f.attributedCycles).padStart(12)}${time.padStart(9)}`;
    }),
  ];
}

interface Group {
  readonly op: string;
  readonly fate: CheckedNode['fate'];
  readonly reason: string;
  readonly fix: string | null;
  readonly limit: CheckedNode['limit'];
  readonly nodes: CheckedNode[];
}

/** Nodes off the NPU by operator and reason, the costliest first. */
function groupsOf(report: CheckReport): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const node of report.nodes) {
    if (node.fate !== 'host' && node.fate !== 'unsupported') continue;
    const op = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`;
    const key = `${op}\0${node.reason}\0${node.fix ?? ''}`;
    const known = groups.get(key);
    if (known !== undefined) known.nodes.push(node);
    else groups.set(key, { op, fate: node.fate, reason: node.reason, fix: node.fix, limit: node.limit, nodes: [node] });
  }
  const cost = (g: Group): number => Math.max(0, ...g.nodes.map((n) => n.cost?.attributedCycles ?? 0));
  return [...groups.values()].sort(
    (a, b) =>
      Number(b.fate === 'unsupported') - Number(a.fate === 'unsupported') ||
      cost(b) - cost(a) ||
      b.nodes.length - a.nodes.length ||
      (a.op < b.op ? -1 : 1),
  );
}

function attention(report: CheckReport, style: SummaryStyle, paint: Paint): readonly string[] {
  const groups = groupsOf(report);
  if (groups.length === 0) return [];
  const shown = groups.slice(0, 12);
  const width = style.width - 4;
  const lines = shown.flatMap((g) => {
    const names = g.nodes.slice(0, 3).map((n) => n.name);
    const list = `${names.join(', ')}${g.nodes.length > 3 ? ', …' : ''}`;
    const bytes = g.nodes.reduce((n, node) => n + (node.cost?.bytes ?? 0), 0);
    const cycles = g.nodes.reduce((n, node) => n + (node.cost?.cycles ?? 0) / (node.cost?.sharedBy ?? 1), 0);
    const cost = cycles > 0 ? ` · ${formatCount(Math.round(cycles))} cycles, ${formatBytes(bytes)}` : '';
    const title = `${g.nodes.length} × ${g.op} ${g.fate === 'unsupported' ? 'unsupported' : 'on the host'}${cost}`;
    const limit = g.limit === null ? '' : ` (${g.limit.what}: ${g.limit.actual}, allowed ${g.limit.allowed})`;
    return [
      `  ${paint('warn', fit(title, style.width - 2))}`,
      ...hanging('where', list, width, paint),
      ...hanging('why', `${g.reason}${limit}`, width, paint),
      ...(g.fix === null ? [] : hanging('change', g.fix, width, paint)),
    ];
  });
  const more = groups.length > shown.length ? [`  … and ${groups.length - shown.length} more groups: see --nodes or --json`] : [];
  return [paint('strong', 'Not on the NPU'), ...lines, ...more];
}

function hanging(label: string, text: string, width: number, paint: Paint): readonly string[] {
  return wrap(text, width - 8).map((line, i) => `    ${paint('faint', (i === 0 ? label : '').padEnd(8))}${line}`);
}

function recovered(report: CheckReport, style: SummaryStyle, paint: Paint): readonly string[] {
  const lines = report.summary.recovered;
  if (lines.length === 0) return [];
  return [
    paint('strong', 'Recovered'),
    ...lines.flatMap((text) => wrap(text, style.width - 4).map((line, i) => `  ${i === 0 ? '' : '  '}${line}`)),
  ];
}

function costliest(report: CheckReport, style: SummaryStyle, paint: Paint): readonly string[] {
  const { totals } = report.summary;
  if (totals === null) return [];
  // Nodes of one composite, or of one kernel, are one line.
  const groups = new Map<string, CheckedNode>();
  for (const node of report.nodes) {
    if (node.cost === null || node.cost.attributedCycles === 0) continue;
    const key = node.composite?.name ?? node.kernel ?? node.name;
    const known = groups.get(key);
    if ((known?.cost?.attributedCycles ?? -1) < node.cost.attributedCycles) groups.set(key, node);
  }
  const kernels = [...groups.values()].toSorted((a, b) => (b.cost?.attributedCycles ?? 0) - (a.cost?.attributedCycles ?? 0)).slice(0, 8);
  if (kernels.length === 0) return [];
  const width = style.width - 54;
  return [
    `${paint('strong', 'Costliest nodes'.padEnd(width + 2))}${paint('faint', 'runs on          operator        cycles     time')}`,
    ...kernels.map((n) =>
      `  ${fit(n.composite?.name ?? n.name, width - 1).padEnd(width)}${fateNames[n.fate].padEnd(15)}  ${fit(n.composite?.op ?? n.opType, 12).padEnd(12)}${formatCount(n.cost?.attributedCycles ?? 0).padStart(12)}${formatShare(share(n.cost?.attributedCycles ?? 0, totals.cycles)).padStart(9)}`.trimEnd(),
    ),
  ];
}

function allNodes(report: CheckReport, style: SummaryStyle, paint: Paint): readonly string[] {
  const width = style.width - 46;
  return [
    `${paint('strong', 'All nodes'.padEnd(width + 2))}${paint('faint', 'operator         fate                cycles')}`,
    ...report.nodes.map((n) =>
      `  ${fit(n.name, width - 1).padEnd(width)}${fit(n.opType, 16).padEnd(17)}${fateNames[n.fate].padEnd(14)}${(n.cost === null ? '–' : formatCount(n.cost.cycles)).padStart(12)}`.trimEnd(),
    ),
  ];
}

function notes(report: CheckReport, style: SummaryStyle, paint: Paint): readonly string[] {
  // Fallbacks and recoveries have their own blocks.
  const shown = report.diagnostics.filter((d) => d.code !== 'SYS4510' && !isRecovery(d));
  if (shown.length === 0) return [];
  return [
    paint('strong', 'Notes'),
    ...shown.slice(0, 12).flatMap((d) => wrap(formatDiagnostic(d), style.width - 4).map((line, i) => `  ${i === 0 ? '' : '  '}${line}`)),
    ...(shown.length > 12 ? [`  … and ${shown.length - 12} more: see --json`] : []),
  ];
}

function hint(report: CheckReport, style: CheckStyle, paint: Paint): readonly string[] {
  if (style.allNodes) return [];
  return wrap(`${formatCount(report.nodes.length)} nodes in all: one line for each with --nodes, everything with --json.`, style.width).map(
    (line) => paint('faint', line),
  );
}
