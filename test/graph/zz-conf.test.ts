import { test } from 'vitest';
import { readdirSync, readFileSync, existsSync, writeFileSync } from 'node:fs';
import { decodeModel, decodeTensor } from '../../src/onnx/index.ts';
import { evaluateNode, opDef, type Attribute } from '../../src/graph/index.ts';
import { viewBytes, type Tensor } from '../../src/core/index.ts';

function toTensor(t: any): Tensor {
  const d = t.data;
  if (d.kind === 'strings') return { dtype: t.dtype, shape: t.dims, data: d.strings.map((s: Uint8Array) => new TextDecoder().decode(s)) };
  return { dtype: t.dtype, shape: t.dims, data: viewBytes(t.dtype, d.bytes) };
}
function toAttr(a: any): Attribute {
  const dec = (s: Uint8Array) => new TextDecoder().decode(s);
  switch (a.kind) {
    case 'string': return { kind: 'string', value: dec(a.value) };
    case 'strings': return { kind: 'strings', value: a.value.map(dec) };
    case 'tensor': return { kind: 'tensor', type: { dtype: a.value.dtype, shape: a.value.dims }, constant: { kind: 'bytes', bytes: a.value.data.bytes } };
    case 'int': case 'float': case 'ints': case 'floats': return { kind: a.kind, value: a.value } as any;
    default: throw new Error('attr ' + a.kind);
  }
}
const f16 = (t: Tensor) => { const { numbersOf } = g; return numbersOf(t); };
import * as g from '../../src/graph/index.ts';
test('conf', () => {
  const out: string[] = []; let pass = 0, fails = 0, skip = 0; const missing: Record<string, number> = {};
  for (const name of readdirSync('/tmp/nt')) {
    const dir = `/tmp/nt/${name}`;
    try {
      const m = (decodeModel(readFileSync(`${dir}/model.onnx`)) as any).model;
      const ns = m.graph.nodes;
      const bad = ns.filter((n: any) => !opDef(n.domain, n.opType));
      if (bad.length) { for (const b of bad) missing[b.opType] = (missing[b.opType] ?? 0) + 1; skip++; continue; }
      const opset = m.opsetImports.find((o: any) => o.domain === '').version;
      const env = new Map<string, Tensor>();
      for (const i of m.graph.initializers) env.set(i.name, toTensor(i));
      const ins = m.graph.inputs.filter((i: any) => !env.has(i.name));
      ins.forEach((i: any, k: number) => { const p = `${dir}/test_data_set_0/input_${k}.pb`; if (existsSync(p)) { const r: any = decodeTensor(readFileSync(p)); env.set(i.name, toTensor(r.tensor ?? r)); } });
      for (const n of ns) {
        const node: any = { op: n.opType, domain: n.domain, name: n.name || name, inputs: n.inputs.map((x: string, i: number) => x === '' ? null : i), outputs: n.outputs.map((_: string, i: number) => 100 + i), origin: [], attributes: Object.fromEntries(n.attributes.map((a: any) => [a.name, toAttr(a)])) };
        const r = evaluateNode(node, opset, n.inputs.map((x: string) => env.get(x) ?? null));
        n.outputs.forEach((o: string, i: number) => env.set(o, r[i]!));
      }
      m.graph.outputs.forEach((o: any, k: number) => {
        const r: any = decodeTensor(readFileSync(`${dir}/test_data_set_0/output_${k}.pb`)); const want = toTensor(r.tensor ?? r); const got = env.get(o.name)!;
        if (want.dtype !== got.dtype || JSON.stringify(want.shape) !== JSON.stringify(got.shape)) throw new Error(`type ${got.dtype}${JSON.stringify(got.shape)} want ${want.dtype}${JSON.stringify(want.shape)}`);
        if (want.dtype === 'string') { if (JSON.stringify(want.data) !== JSON.stringify(got.data)) throw new Error('strings'); return; }
        const a = f16(want), b = f16(got); const tol = want.dtype === 'bfloat16' ? 1e-2 : 1e-3;
        for (let i = 0; i < a.length; i++) { const x = a[i]!, y = b[i]!; if (x !== x && y !== y) continue; if (x === y) continue; if (!(Math.abs(x - y) <= tol * Math.abs(x) + 1e-7)) throw new Error(`at ${i}: got ${y} want ${x}`); }
      });
      pass++;
    } catch (e: any) { fails++; out.push(`${name}: ${String(e.message).split('\n')[0].slice(0, 220)}`); }
  }
  writeFileSync('/tmp/conf.txt', `pass ${pass} fail ${fails} skip ${skip}\n` + out.join('\n') + '\n\n' + JSON.stringify(missing));
}, 120000);
