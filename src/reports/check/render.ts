/** The check report as text: reads without a manual at 80 columns. First where, then what is wrong and what to change, then the rest. */
import { compilerMessages, formatDiagnostic } from '../../core/index.ts';
import { fateNames } from '../fate-names.ts';
import { columnCount, formatBytes, formatCount, formatShare, formatSi, share } from '../format.ts';
import { fit, fitAll, keepTogether, pad, painter, wrap, type Paint, type SummaryStyle } from '../text.ts';
import { isRecovery, type CheckedNode, type CheckReport } from './check.ts';
import { offTheNpu } from './off-npu.ts';

export interface CheckStyle extends SummaryStyle {
  /** Also a line for every node of the file. */
  readonly allNodes: boolean;
}

const shortNames: Readonly<Record<CheckedNode['fate'], string>> = {
  matrix: 'matrix',
  vector: 'vector',
  movement: 'data',
  host: 'host',
  unsupported: '–',
  folded: '–',
};

/** Several lines, each ended by a newline and none wider than `style.width`. */
export function renderCheck(report: CheckReport, style: CheckStyle): string {
  const paint = painter(style.color);
  const blocks = [
    ...opening(report, style, paint),
    where(report, style, paint),
    offTheNpu(report, style, paint),
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

/** What it is about, and how it stands; what prevents a program comes before that. */
function opening(report: CheckReport, style: SummaryStyle, paint: Paint): readonly (readonly string[])[] {
  const title = paint('strong', fit(`${report.model.name} on ${report.target.name}`, style.width));
  const story = standing(report).flatMap((text) => wrap(text, style.width - 2).map((line) => `  ${line}`));
  return report.problems.length === 0 ? [[title, ...story]] : [[title], problems(report, style, paint), story];
}

function standing(report: CheckReport): readonly string[] {
  const { totals, nodes } = report.summary;
  const off = report.nodes.filter((n) => n.fate === 'host' || n.fate === 'unsupported').length;
  const every = report.problems.length === 0 ? 'runs' : 'would run';
  const some = report.problems.length > 0 ? 'would run' : nodes - off === 1 ? 'runs' : 'run';
  const story =
    off === 0
      ? nodes === 1
        ? `Its one node ${every} on the NPU or needs no run.`
        : `Every one of the ${formatCount(nodes)} nodes ${every} on the NPU or needs no run.`
      : `${formatCount(nodes - off)} of ${formatCount(nodes)} nodes ${some} on the NPU or need no run; ${formatCount(off)} ${off === 1 ? 'does' : 'do'} not.`;
  const cost =
    totals === null
      ? []
      : [
          `${formatSi(totals.seconds, 's')} per run, ${
            totals.handovers === 0
              ? 'nothing of it on the host'
              : `${formatSi(totals.hostSeconds, 's')} of it on the host in ${formatCount(totals.handovers)} hand-over${totals.handovers === 1 ? '' : 's'}`
          }.` +
            (totals.macs > 0
              ? ` ${formatShare(share(totals.npuMacs, totals.macs))} of ${formatCount(totals.macs)} MACs run on the NPU.`
              : ''),
        ];
  return [story, ...cost, ...caches(report), ...openSizes(report)];
}

/** How much of its past a decoder carries from run to run. */
function caches(report: CheckReport): readonly string[] {
  const { caches: all, totals } = report.summary;
  const [first] = all;
  if (first === undefined || totals === null) return [];
  const bytes = all.reduce((n, c) => n + c.bytes, 0);
  const [which, keep] = all.length === 1 ? ['Its KV cache', 'stays'] : [`Its ${formatCount(all.length)} KV caches`, 'stay'];
  return [
    `${which} (${formatBytes(bytes)}) ${keep} in ${first.memory} from run to run: a run reads ${formatBytes(totals.stateReadBytes)} and writes the new rows, ${formatBytes(totals.stateWriteBytes)}.`,
  ];
}

function openSizes(report: CheckReport): readonly string[] {
  const { openDims } = report.summary;
  if (openDims.length === 0) return [];
  const flags = openDims.map((d) => keepTogether(`--dim ${d.symbol}=${d.assumed}`)).join(' ');
  const decided = new Map<string, string[]>();
  for (const { symbol, why, input } of openDims) {
    if (why === null) continue;
    const values = input === null ? '' : `; ${keepTogether(`--input-value ${input}=…`)} settles it too`;
    const text = `decided by a run (${why})${values}.`;
    const list = decided.get(text);
    if (list === undefined) decided.set(text, [symbol]);
    else list.push(symbol);
  }
  return [
    report.problems.length === 0
      ? `Without sizes there are no costs. Fates are judged at ${flags}: give these, or sizes of your own.`
      : `Fates are judged at ${flags}.`,
    ...[...decided].map(([text, symbols]) => `${symbols.map((s) => `"${s}"`).join(', ')} ${symbols.length === 1 ? 'is' : 'are'} ${text}`),
  ];
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
  const cells = (n: number, columns: number): string => (n === 0 ? '–'.padStart(columns) : columnCount(n, columns));
  return [
    `${paint('strong', 'Where'.padEnd(width + 2))}${paint('faint', head)}`,
    ...fates.map((f) => {
      const start = `  ${fateNames[f.fate].padEnd(width)}${formatCount(f.nodes).padStart(9)}`;
      if (totals === null) return start;
      // Kernels that take no time of their own run all the same.
      if (f.kernels > 0 && f.attributedCycles === 0)
        return `${start}${cells(f.kernels, 9)}${cells(f.macs, 17)}${'0'.padStart(12)}${'0.0 %'.padStart(9)}`;
      const time = f.attributedCycles === 0 ? '–' : formatShare(share(f.attributedCycles, totals.cycles));
      return `${start}${cells(f.kernels, 9)}${cells(f.macs, 17)}${cells(f.attributedCycles, 12)}${time.padStart(9)}`;
    }),
    ...(totals === null ? [] : fates.flatMap((f) => overlapped(f, style, paint))),
  ];
}

/** Where time is hidden behind other engines, how much that is. */
function overlapped(f: CheckReport['summary']['fates'][number], style: SummaryStyle, paint: Paint): readonly string[] {
  if (f.kernels === 0 || f.attributedCycles > 0 || f.spanCycles === 0) return [];
  const whose = f.fate === 'host' ? 'the host' : fateNames[f.fate];
  const text = `The ${formatCount(f.spanCycles)} cycles of ${whose} add no time: others run meanwhile.`;
  return wrap(text, style.width - 2).map((line) => paint('faint', `  ${line}`));
}

const shownCaches = 2;

function recovered(report: CheckReport, style: SummaryStyle, paint: Paint): readonly string[] {
  const recoveries = report.diagnostics.filter(isRecovery);
  if (recoveries.length === 0) return [];
  // Of caches, which are many and alike, the first ones.
  const alike = recoveries.filter((d) => d.code === compilerMessages.cacheInPlace.code);
  const left = new Set(alike.length > shownCaches + 1 ? alike.slice(shownCaches) : []);
  const lines = recoveries.filter((d) => !left.has(d)).map((d) => d.message);
  if (left.size > 0) lines.push(`… and ${left.size} more KV caches in place: see --json.`);
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
  const lines = alike([...groups.values()]).slice(0, 8);
  if (lines.length === 0) return [];
  const width = style.width - 43;
  const room = width - 1 - Math.max(0, ...lines.map((l) => times(l).length));
  const names = fitAll(
    lines.map(({ first }) => first.composite?.name ?? first.name),
    room,
  );
  return [
    `${paint('strong', 'Costliest nodes'.padEnd(width + 2))}${paint('faint', 'on      operator        cycles     time')}`,
    ...lines.map((line, i) => {
      const { first, cycles } = line;
      const name = pad(`${times(line)}${names[i] ?? ''}`, width);
      const op = pad(fit(first.composite?.op ?? first.opType, 11), 12);
      return `  ${name}${shortNames[first.fate].padEnd(8)}${op}${columnCount(cycles, 12)}${formatShare(share(cycles, totals.cycles)).padStart(9)}`.trimEnd();
    }),
  ];
}

/** Nodes of one cost whose names differ in one number in their middle: the layers of a transformer. */
interface Alike {
  readonly first: CheckedNode;
  readonly numbers: readonly string[];
  /** Which number differs; null while there is one node. */
  varying: number | null;
  count: number;
  cycles: number;
}

function times({ count }: Alike): string {
  return count > 1 ? `${formatCount(count)} × ` : '';
}

/** How far costs of layers that are the same may lie apart, by what runs around them. */
const sameCost = 0.05;

/** Only so many groups of one pattern are looked at, so that the work does not grow with their square. */
const recent = 32;

/** Costliest first. */
function alike(nodes: readonly CheckedNode[]): readonly Alike[] {
  const groups = new Map<string, Alike[]>();
  for (const first of nodes.toSorted((a, b) => (b.cost?.attributedCycles ?? 0) - (a.cost?.attributedCycles ?? 0))) {
    const cycles = first.cost?.attributedCycles ?? 0;
    const name = first.composite?.name ?? first.name;
    const tail = /\d*$/.exec(name)?.[0] ?? '';
    const middle = name.slice(0, name.length - tail.length);
    const numbers = middle.match(/\d+/g) ?? [];
    const key = JSON.stringify([middle.replaceAll(/\d+/g, '0'), tail, first.composite?.op ?? first.opType, first.fate]);
    const known = groups.get(key) ?? [];
    groups.set(key, known);
    const fitting = known.slice(-recent).find((g) => {
      const different = numbers.flatMap((n, i) => (n === g.numbers[i] ? [] : [i]));
      const [at] = different;
      return (
        different.length === 1 &&
        (g.varying === null || g.varying === at) &&
        cycles >= (1 - sameCost) * (g.first.cost?.attributedCycles ?? 0)
      );
    });
    if (fitting === undefined) {
      known.push({ first, numbers, varying: null, count: 1, cycles });
      continue;
    }
    fitting.varying = numbers.findIndex((n, i) => n !== fitting.numbers[i]);
    fitting.count++;
    fitting.cycles += cycles;
  }
  return [...groups.values()].flat().toSorted((a, b) => b.cycles - a.cycles);
}

function allNodes(report: CheckReport, style: SummaryStyle, paint: Paint): readonly string[] {
  const width = style.width - 46;
  const names = fitAll(
    report.nodes.map((n) => n.name),
    width - 1,
  );
  return [
    `${paint('strong', 'All nodes'.padEnd(width + 2))}${paint('faint', 'operator         fate                cycles')}`,
    ...report.nodes.map((n, i) =>
      `  ${pad(names[i] ?? '', width)}${pad(fit(n.opType, 16), 17)}${fateNames[n.fate].padEnd(14)}${n.cost === null ? '–'.padStart(12) : columnCount(n.cost.cycles, 12)}`.trimEnd(),
    ),
  ];
}

function notes(report: CheckReport, style: SummaryStyle, paint: Paint): readonly string[] {
  // Fallbacks and recoveries have their own blocks; placeholder scales change no fate and no cost.
  const shown = report.diagnostics.filter((d) => !['SYS4202', 'SYS4504', 'SYS4510'].includes(d.code) && !isRecovery(d));
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
