import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'vitest';
import { renderReport, renderSummary } from '../../src/reports/index.ts';
import { madeUpMachine, madeUpResult, madeUpTrace } from './made-up.ts';
test('look', () => {
  const chartLibrary = readFileSync(createRequire(import.meta.url).resolve('echarts/dist/echarts.common.min.js'), 'utf8');
  const result = madeUpResult(57);
  writeFileSync('/tmp/report.html', renderReport(result, { machine: madeUpMachine, trace: madeUpTrace(result, 40), chartLibrary }));
  writeFileSync('/tmp/report-big.html', renderReport(result, { machine: madeUpMachine, trace: madeUpTrace(result, 450), chartLibrary }));
  writeFileSync('/tmp/summary.txt', renderSummary(result, { width: 80, color: false }));
});
