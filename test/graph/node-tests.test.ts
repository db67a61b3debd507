/**
 * Conformance: ONNX's own operator tests, for every operator that has a definition. Looks for the tests in SYSTOLE_DATA.
 * What is known not to be supported is listed here, by reason; everything else must agree (rtol 1e-3, atol 1e-7, as the ONNX runner).
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { viewBytes, type Tensor } from '../../src/core/index.ts';
import { evaluateNode, numbersOf, opDef, type Attribute } from '../../src/graph/index.ts';
import { decodeModel, decodeTensor } from '../../src/onnx/index.ts';
import type { OnnxAttribute, OnnxNode, OnnxTensor } from '../../src/onnx/model.ts';

const archive = join(process.env['SYSTOLE_DATA'] ?? '../shared/data', 'onnx/node-tests.tar.gz');

const unsupported: readonly (readonly [string, RegExp])[] = [
  ['4-bit, 2-bit and 8-bit float elements', /INT[24]|FLOAT8|FLOAT4|_u?int[24]|_e4m3fn|_e5m2|float4e2m1/],
  ['strings as numbers', /_string|_STRING/],
  ['sequences and optionals', /identity_(sequence|opt)/],
  ['training', /training/],
  ['cubic and antialiased Resize, crop_and_resize', /resize_.*(cubic|antialias|crop_and_resize)/],
];

/** Files of a tar archive by name: ustar headers of 512 bytes, contents padded to 512; a long name stands before its file, as type L or as `path` of type x. */
function untar(bytes: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const text = (from: number, length: number): string =>
    new TextDecoder().decode(bytes.subarray(from, from + length)).replace(/\0.*$/s, '');
  let longName: string | undefined;
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    const prefix = text(at + 345, 155);
    const type = text(at + 156, 1);
    if (type === 'L') longName = text(at + 512, size);
    else if (type === 'x') longName = / path=([^\n]*)\n/.exec(text(at + 512, size))?.[1];
    else {
      files.set(longName ?? (prefix === '' ? text(at, 100) : `${prefix}/${text(at, 100)}`), bytes.subarray(at + 512, at + 512 + size));
      longName = undefined;
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

function tensorFrom(t: OnnxTensor): Tensor {
  switch (t.data.kind) {
    case 'bytes':
      return { dtype: t.dtype, shape: t.dims, data: viewBytes(t.dtype, t.data.bytes) };
    case 'strings':
      return { dtype: t.dtype, shape: t.dims, data: t.data.strings.map((s) => new TextDecoder().decode(s)) };
    case 'external':
    case 'absent':
      throw new Error('a tensor without data in a node test');
  }
}

function attributeFrom(a: OnnxAttribute): Attribute {
  switch (a.kind) {
    case 'int':
    case 'float':
      return { kind: a.kind, value: a.value };
    case 'ints':
    case 'floats':
      return { kind: a.kind, value: a.value };
    case 'string':
      return { kind: 'string', value: new TextDecoder().decode(a.value) };
    case 'strings':
      return { kind: 'strings', value: a.value.map((s) => new TextDecoder().decode(s)) };
    case 'tensor':
      if (a.value.data.kind !== 'bytes') throw new Error('a tensor attribute without bytes');
      return {
        kind: 'tensor',
        type: { dtype: a.value.dtype, shape: a.value.dims },
        constant: { kind: 'bytes', bytes: a.value.data.bytes },
      };
    default:
      throw new Error(`attribute ${a.name} of kind ${a.kind}`);
  }
}

function runNode(n: OnnxNode, opset: number, values: Map<string, Tensor>): void {
  const results = evaluateNode(
    {
      op: n.opType,
      domain: n.domain,
      name: n.name,
      inputs: n.inputs.map((name, i) => (name === '' ? null : i)),
      outputs: n.outputs.map((_, i) => n.inputs.length + i),
      attributes: Object.fromEntries(n.attributes.map((a) => [a.name, attributeFrom(a)])),
      origin: [],
    },
    opset,
    n.inputs.map((name) => values.get(name) ?? null),
  );
  for (const [i, name] of n.outputs.entries()) {
    const result = results[i];
    if (result !== undefined) values.set(name, result);
  }
}

function difference(got: Tensor | undefined, want: Tensor): string | null {
  if (got === undefined) return 'no output';
  if (got.dtype !== want.dtype || got.shape.join() !== want.shape.join()) {
    return `${got.dtype}[${got.shape.join()}] instead of ${want.dtype}[${want.shape.join()}]`;
  }
  const [a, b] = [numbersOf(got), numbersOf(want)];
  // Two bfloat16 neighbours differ by up to 2^-7.
  const tolerance = want.dtype === 'bfloat16' ? 1e-2 : 1e-3;
  for (const [i, w] of b.entries()) {
    const g = a[i] ?? NaN;
    if (g === w || (g !== g && w !== w)) continue;
    if (!(Math.abs(g - w) <= tolerance * Math.abs(w) + 1e-7)) return `element ${i}: ${g} instead of ${w}`;
  }
  return null;
}

/** null when it passes, 'none' when an operator has no definition. */
function runTest(name: string, files: ReadonlyMap<string, Uint8Array>): string | null {
  const file = (path: string): Uint8Array => files.get(`${name}/${path}`) ?? files.get(`./${name}/${path}`) ?? new Uint8Array();
  const { model } = decodeModel(file('model.onnx'));
  if (model.graph.nodes.some((n) => opDef(n.domain, n.opType) === undefined)) return 'none';
  const opset = model.opsetImports.find((o) => o.domain === '')?.version ?? 1;
  const values = new Map(model.graph.initializers.map((t) => [t.name, tensorFrom(t)]));
  const inputs = model.graph.inputs.filter((i) => !values.has(i.name));
  for (const [i, input] of inputs.entries()) values.set(input.name, tensorFrom(decodeTensor(file(`test_data_set_0/input_${i}.pb`))));
  for (const n of model.graph.nodes) runNode(n, opset, values);
  for (const [i, output] of model.graph.outputs.entries()) {
    const problem = difference(values.get(output.name), tensorFrom(decodeTensor(file(`test_data_set_0/output_${i}.pb`))));
    if (problem !== null) return problem;
  }
  return null;
}

describe('ONNX node tests', () => {
  test.skipIf(!existsSync(archive))(`agree for every operator defined (${archive})`, { timeout: 120_000 }, () => {
    const files = untar(gunzipSync(readFileSync(archive)));
    const names = [
      ...new Set([...files.keys()].filter((f) => f.endsWith('/model.onnx')).map((f) => f.replace(/^\.\//, '').split('/')[0] ?? '')),
    ];
    let passed = 0;
    const failures: string[] = [];
    for (const name of names) {
      if (unsupported.some(([, pattern]) => pattern.test(name))) continue;
      try {
        const problem = runTest(name, files);
        if (problem === null) passed++;
        else if (problem !== 'none') failures.push(`${name}: ${problem}`);
      } catch (error) {
        failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    expect(failures).toEqual([]);
    expect(passed).toBeGreaterThan(750);
  });
});
