import { test } from 'vitest';
import { simulate } from '../../../src/simulator/index.ts';
import { bindProgram } from '../../../src/simulator/engines/bind.ts';
import { runEvents } from '../../../src/simulator/engines/event-loop.ts';
import { accumulators, executable, inRegion, kernel, local, tinyMachine, type Line } from './machine.ts';
test('speed', () => {
  const lines: Line[] = [];
  const n = 5000;
  for (let i = 0; i < n; i++) {
    const k = Math.floor(i / 100);
    const o = (i % 2) * 512;
    if (i >= 2) lines.push(['dma-in', k, { op: 'WAIT', core: 0, id: 2, count: 1 }]);
    lines.push(['dma-in', k, { op: 'LOAD', src: inRegion(1, 0, 8, 8), dst: local(o, 8, 8), operand: 'inputs' }]);
    lines.push(['dma-in', k, { op: 'LOAD', src: inRegion(0, 0, 8, 4), dst: local(o + 64, 8, 4), operand: 'weights' }]);
    lines.push(['dma-in', k, { op: 'SIGNAL', core: 0, id: 0, count: 1 }]);
    lines.push(['matrix', k, { op: 'WAIT', core: 0, id: 0, count: 1 }]);
    if (i >= 2) lines.push(['matrix', k, { op: 'WAIT', core: 0, id: 3, count: 1 }]);
    lines.push(['matrix', k, { op: 'MATMUL', mode: 'overwrite', x: local(o, 8, 8), w: local(o + 64, 8, 4), acc: accumulators(0, 8, 4), drain: { out: local(o + 128, 8, 4), bias: null, multiplier: null, outZero: 0, lo: -128, hi: 127 }, xZero: 0, wZero: 0 }]);
    lines.push(['matrix', k, { op: 'SIGNAL', core: 0, id: 2, count: 1 }]);
    lines.push(['matrix', k, { op: 'SIGNAL', core: 0, id: 1, count: 1 }]);
    lines.push(['dma-out', k, { op: 'WAIT', core: 0, id: 1, count: 1 }]);
    lines.push(['dma-out', k, { op: 'STORE', src: local(o + 128, 8, 4), dst: inRegion(2, 0, 8, 4), operand: 'outputs' }]);
    lines.push(['dma-out', k, { op: 'SIGNAL', core: 0, id: 3, count: 1 }]);
  }
  const exe = executable(lines, Array.from({ length: 50 }, (_, i) => kernel(`k${i}`)));
  const m = tinyMachine();
  console.log('rows', lines.length);
  for (let r = 0; r < 8; r++) {
    const t0 = performance.now();
    const p = bindProgram(exe, m, 0);
    const t1 = performance.now();
    const tl = runEvents(p.workload);
    const t2 = performance.now();
    const res = simulate(exe, m);
    const t3 = performance.now();
    console.log((t1 - t0).toFixed(1), (t2 - t1).toFixed(1), 'all', (t3 - t2).toFixed(1), tl.total, res.totals.cycles);
  }
});
