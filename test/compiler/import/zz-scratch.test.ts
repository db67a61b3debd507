import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { importModel } from '../../../src/compiler/import/index.ts';
import { fusePasses, preparePasses, runPasses } from '../../../src/compiler/passes/index.ts';
import { assignPrecision } from '../../../src/compiler/precision/index.ts';
import { bindDims, printGraph } from '../../../src/graph/index.ts';
import { writeFileSync } from 'node:fs';
test('time', async () => {
  for (const name of ['light_resnet50', 'light_densenet121']) {
    const bytes = readFileSync(`/work/shared/data/onnx/models/${name}/model.onnx`);
    let line = '';
    for (let i = 0; i < 40; i++) {
      const t0 = performance.now();
      const m = await importModel(bytes, { name });
      const t1 = performance.now();
      let last = performance.now();
      const per: string[] = [];
      const g = runPasses(m.graph, preparePasses, { dump: (p) => { const n = performance.now(); per.push(`${p.name} ${(n - last).toFixed(1)}`); last = n; } });
      const b = bindDims(g, {});
      const t2 = performance.now();
      const q = assignPrecision(b, { mode: 'int8', calibration: null }).graph;
      const t3 = performance.now();
      const f = runPasses(q, fusePasses);
      const t4 = performance.now();
      line = `${name}: import ${(t1 - t0).toFixed(1)} prepare ${(t2 - t1).toFixed(1)} (${per.join(', ')}) precision ${(t3 - t2).toFixed(1)} fuse ${(t4 - t3).toFixed(1)} nodes ${m.graph.nodes.length} -> ${g.nodes.length} -> ${f.nodes.length}`;
      if (i === 39) writeFileSync(`/tmp/scr/${name}.txt`, printGraph(f, { contents: 'hash' }));
    }
    console.log(line);
  }
}, 60000);
