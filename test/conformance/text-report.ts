/** The run for a terminal: one line for each failure, then what is demanded and what is reached. */
import { thresholdsOf, type ConformanceDocument } from './document.ts';

export function textReport(document: ConformanceDocument): string {
  const { inference, evaluators, models, transforms, nodeTests } = document;
  const lines: string[] = [];
  for (const f of inference?.unbound ?? []) lines.push(`(a) ${f.pack} ${f.name} ${f.output}: ${f.what} [${f.reason}]`);
  for (const f of inference?.bound ?? []) lines.push(`(b) ${f.pack} ${f.name} ${f.output}: ${f.what} [${f.reason}]`);
  for (const f of evaluators?.failures ?? []) lines.push(`(c) ${f.pack} ${f.name} ${f.kind}: ${f.what} [${f.reason}]`);
  for (const m of models?.rows ?? []) {
    const problem = (what: string): void => void lines.push(`(d) ${m.name}: ${what}`);
    if (m.importFailure !== null) {
      problem(`does not import: ${m.importFailure}`);
      continue;
    }
    if (m.fateFailure !== null) problem(`no fates: ${m.fateFailure}`);
    else if (m.rows !== m.indexNodes) problem(`${m.rows} rows of check for ${m.indexNodes} nodes`);
    if (m.unnamed.length > 0) problem(`${m.unnamed.length} nodes on an engine without a kernel: ${m.unnamed.slice(0, 3).join(', ')}`);
    if (m.run === null) {
      problem(`does not run: ${m.runFailure ?? ''} [${m.runReason ?? ''}]`);
      continue;
    }
    const { run } = m;
    if ((m.npuShare ?? 1) < 0.95) problem(`${run.npuMacs} MACs on the NPU of ${Math.max(run.macs, m.indexMacs ?? 0)}`);
    if (run.macs < (m.indexMacs ?? 0)) problem(`${run.macs} MACs, but the index counts ${m.indexMacs ?? 0}`);
    if (run.unpriced.length > 0) problem(`${run.unpriced.length} nodes without kernel or cost: ${run.unpriced.slice(0, 3).join(', ')}`);
    if (run.underpriced.length > 0) problem(`underpriced on the host: ${run.underpriced.slice(0, 3).join('; ')}`);
    if (run.foldedAway.length > 0) problem(`outputs that hang on no input: ${run.foldedAway.slice(0, 3).join(', ')}`);
  }
  for (const f of transforms?.failures ?? []) lines.push(`(e) ${f.name}: ${f.what} [${f.reason}]`);
  for (const [what, { graphs, count }] of Object.entries(transforms?.recovered ?? {})) {
    lines.push(`(e) ${what}: ${count} recovered in ${graphs} graphs`);
  }
  for (const t of nodeTests?.tests ?? []) if (t.reason !== null) lines.push(`(f) ${t.class} ${t.name} ${t.result}: ${t.reason}`);
  for (const t of thresholdsOf(document)) lines.push(`${t.ok ? 'ok  ' : 'FAIL'} ${t.what}: ${t.reached}, demanded ${t.demanded}`);
  return `${lines.join('\n')}\n`;
}
