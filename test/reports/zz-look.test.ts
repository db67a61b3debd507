import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'vitest';
import { renderReport, renderScatter, renderSummary } from '../../src/reports/index.ts';
import { madeUpMachine, madeUpResult, madeUpTrace } from './made-up.ts';
test('look', () => {
  const chartLibrary = readFileSync(createRequire(import.meta.url).resolve('echarts/dist/echarts.common.min.js'), 'utf8');
  const result = madeUpResult(57);
  writeFileSync('/tmp/report.html', renderReport(result, { machine: madeUpMachine, trace: madeUpTrace(result, 40), chartLibrary }));
  writeFileSync('/tmp/report-big.html', renderReport(result, { machine: madeUpMachine, trace: madeUpTrace(result, 450), chartLibrary }));
  const points = [8,16,32,64].flatMap((rows) => [128, 256, 512, 1024, 2048].flatMap((kib) => [6.4, 12.8, 25.6].map((bw) => ({ rows, kib, bw })))).map((p, i) => ({
    model: 'resnet50', target: 'edge-systolic-32', parameters: { 'cores.npu.matrix.rows': p.rows, 'memories.scratchpad.size': `${p.kib} KiB`, 'memories.dram.bandwidth': `${p.bw} GB/s` },
    figures: i === 7 ? null : [4e9 / (p.rows * 32 * 1e9) + 0.03 / p.bw + 0.5 / p.kib, 1e-3 + p.kib * 1e-6 + p.rows * 1e-5, p.rows * 0.02 + p.kib * 0.001], error: i === 7 ? { code: 'SYS4001', message: 'does not fit' } : null, onFront: i % 9 === 0 }));
  writeFileSync('/tmp/scatter.html', renderScatter({ name: 'array-scratchpad-bandwidth', toolVersion: '0.1.0', objectives: [{ name: 'seconds', direction: 'min' }, { name: 'energyJoules', direction: 'min' }, { name: 'areaMm2', direction: 'min' }], points }, chartLibrary));
  writeFileSync('/tmp/summary.txt', renderSummary(result, { width: 80, color: false }));
});
