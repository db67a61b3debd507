/** Tables of docs/conformance.md. */
import type { Threshold } from './threshold.ts';

export type Cell = string | number;

export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]): string => `| ${cells.map((c) => String(c).replaceAll('|', '\\|')).join(' | ')} |`;
  const isNumber = (column: number): boolean => rows.length > 0 && rows.every((r) => typeof r[column] === 'number');
  const rule = header.map((_, i) => (isNumber(i) ? '---:' : '---'));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

export function thresholdTable(list: readonly Threshold[]): string {
  return table(
    ['what', 'demanded', 'reached', ''],
    list.map((t) => [t.what, t.demanded, t.reached, t.ok ? 'yes' : '**no**']),
  );
}
