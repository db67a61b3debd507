import { test } from 'vitest';
import { readdirSync, readFileSync, existsSync, writeFileSync } from 'node:fs';
import { importModel } from '../../src/compiler/import/index.ts';
import { decodeTensor } from '../../src/onnx/index.ts';
import { bindDims, compactGraph, interpret, numbersOf, parseGraph, printGraph, symbolsOf, totalMacs, verifyGraph } from '../../src/graph/index.ts';
import { viewBytes } from '../../src/core/index.ts';
test('models', async () => {
  const out: string[] = [];
  const root = '/work/shared/data/onnx/models';
  for (const name of readdirSync(root)) {
    let line = name + ': ';
    try {
      const r = await importModel(readFileSync(`${root}/${name}/model.onnx`), { name });
      line += `${r.graph.nodes.length} nodes `;
      const v = verifyGraph(r.graph);
      if (v.length) line += `VERIFY ${v.length} ${v[0]!.message.slice(0, 200)} `;
      let t = performance.now();
      const text = printGraph(r.graph); const back = parseGraph(text);
      line += `text ${(text.length / 1e6).toFixed(1)}MB ${(performance.now() - t).toFixed(0)}ms ${printGraph(back) === text ? 'ok' : 'DIFF'} `;
      const dims: Record<string, number> = {};
      for (const i of r.graph.inputs) for (const d of r.graph.values[i]!.type.shape) for (const s of symbolsOf(d)) dims[s] = /batch|^N$/i.test(s) ? 1 : 16;
      t = performance.now();
      const b = bindDims(r.graph, dims); line += `bind ${(performance.now() - t).toFixed(1)}ms `;
      line += `macs ${totalMacs(b)} `;
      if (existsSync(`${root}/${name}/test_data_set_0`)) {
        const g = compactGraph(r.graph);
        const ins = new Map(g.inputs.map((id, k) => { const q = decodeTensor(readFileSync(`${root}/${name}/test_data_set_0/input_${k}.pb`)); return [g.values[id]!.name, { dtype: q.dtype, shape: q.dims, data: viewBytes(q.dtype, (q.data as any).bytes) }] as const; }));
        t = performance.now();
        const o = interpret(g, ins); line += `run ${(performance.now() - t).toFixed(0)}ms `;
        [...o.values()].forEach((got, k) => {
          const p = `${root}/${name}/test_data_set_0/output_${k}.pb`; if (!existsSync(p)) return;
          const q = decodeTensor(readFileSync(p)); const want = numbersOf({ dtype: q.dtype, shape: q.dims, data: viewBytes(q.dtype, (q.data as any).bytes) }); const a = numbersOf(got);
          let e = 0, m = 0; for (let i = 0; i < want.length; i++) { e = Math.max(e, Math.abs(a[i]! - want[i]!)); m = Math.max(m, Math.abs(want[i]!)); }
          line += `err ${e.toExponential(1)} of ${m.toPrecision(3)} ${want.length === a.length ? '' : 'LENGTH'}; `;
        });
      }
    } catch (e: any) { line += 'ERROR ' + String(e.stack).slice(0, 300).replace(/\n/g, ' | '); }
    out.push(line);
    writeFileSync('/tmp/models.txt', out.join('\n'));
  }
}, 300000);
