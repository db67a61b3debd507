/** What does not run on the NPU: by operator and reason, with what it costs and what to change. */
import { formatBytes, formatCount } from '../format.ts';
import { fit, wrap, type Paint, type SummaryStyle } from '../text.ts';
import type { CheckedNode, CheckReport } from './check.ts';

interface Group {
  readonly op: string;
  readonly fate: 'host' | 'unsupported' | 'part';
  readonly reason: string;
  readonly fix: string | null;
  readonly limit: CheckedNode['limit'];
  readonly nodes: CheckedNode[];
  /** Nodes in the bodies of these. */
  readonly inside: CheckedNode[];
}

const most = 12;

export function offTheNpu(report: CheckReport, style: SummaryStyle, paint: Paint): readonly string[] {
  const groups = groupsOf(report);
  if (groups.length === 0) return [];
  const shown = groups.slice(0, most);
  const lines = shown.flatMap((g) => [
    `  ${paint('warn', fit(titleOf(g), style.width - 2))}`,
    ...hanging('where', namesOf(g, style.width - 13), style.width, paint),
    ...hanging('why', g.reason, style.width, paint),
    ...(g.limit === null ? [] : hanging('limit', `${g.limit.what}: ${g.limit.actual}; allowed: ${g.limit.allowed}`, style.width, paint)),
    ...(g.fix === null ? [] : hanging('change', g.fix, style.width, paint)),
  ]);
  const rest = groups.length - shown.length;
  const more = rest > 0 ? [`  … and ${rest} more ${rest === 1 ? 'group' : 'groups'}: see --nodes or --json`] : [];
  return [paint('strong', 'Not on the NPU'), ...lines, ...more];
}

/** Unsupported ones first, then the costliest. */
function groupsOf(report: CheckReport): readonly Group[] {
  const groups = new Map<string, Group>();
  const groupOf = new Map<string, Group>();
  for (const node of report.nodes) {
    const fate = node.fate === 'host' || node.fate === 'unsupported' ? node.fate : node.fix === null ? null : 'part';
    if (fate === null) continue;
    // A body that runs as a whole is told by the node that has it.
    const outer = node.parent === null ? undefined : groupOf.get(node.parent);
    if (outer !== undefined && outer.fate === fate && node.fix === outer.fix && node.reason.endsWith(outer.reason)) {
      outer.inside.push(node);
      groupOf.set(node.name, outer);
      continue;
    }
    const op = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`;
    const key = JSON.stringify([op, fate, node.reason, node.fix, node.limit]);
    const group = groups.get(key) ?? { op, fate, reason: node.reason, fix: node.fix, limit: node.limit, nodes: [], inside: [] };
    groups.set(key, group);
    group.nodes.push(node);
    groupOf.set(node.name, group);
  }
  return [...groups.values()]
    .map((group) => ({ group, cycles: cyclesOf(group) }))
    .sort(
      (a, b) =>
        rank(a.group) - rank(b.group) ||
        b.cycles - a.cycles ||
        b.group.nodes.length - a.group.nodes.length ||
        (a.group.op < b.group.op ? -1 : 1),
    )
    .map(({ group }) => group);
}

function rank({ fate }: Group): number {
  return { unsupported: 0, host: 1, part: 2 }[fate];
}

/** Of a kernel shared with others, each node has its part. */
function cyclesOf({ nodes, inside }: Group): number {
  return [...nodes, ...inside].reduce((n, { cost }) => n + (cost === null ? 0 : cost.cycles / cost.sharedBy), 0);
}

function bytesOf({ nodes, inside }: Group): number {
  return [...nodes, ...inside].reduce((n, { cost }) => n + (cost === null ? 0 : cost.bytes / cost.sharedBy), 0);
}

function titleOf(g: Group): string {
  const where = { host: 'on the host', unsupported: 'unsupported', part: 'partly on the host' }[g.fate];
  const count = g.inside.length;
  const inside = count === 0 ? '' : ` with ${formatCount(count)} ${count === 1 ? 'node' : 'nodes'} inside`;
  const cycles = Math.round(cyclesOf(g));
  const each = g.nodes.some((n) => n.cost?.perIteration === true) ? ' per iteration' : '';
  const cost = cycles > 0 ? `: ${formatCount(cycles)} cycles${each}, ${formatBytes(Math.round(bytesOf(g)))}` : '';
  return `${formatCount(g.nodes.length)} × ${g.op} ${where}${inside}${cost}`;
}

/** The first names in full, cut in the middle where one alone would fill more than a line. */
function namesOf({ nodes }: Group, width: number): string {
  const names = nodes.slice(0, 3).map((n) => fit(n.name, width));
  return `${names.join(', ')}${nodes.length > 3 ? ', …' : ''}`;
}

function hanging(label: string, text: string, width: number, paint: Paint): readonly string[] {
  return wrap(text, width - 12).map((line, i) => `    ${paint('faint', (i === 0 ? label : '').padEnd(8))}${line}`);
}
