/** A model of 3 GB, its weights in a file beside it with nothing but holes: checked without reading them, in little memory. */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeModel } from '../../src/onnx/index.ts';
import type { OnnxNode, OnnxTensor, OnnxValueInfo } from '../../src/onnx/model.ts';
import { build, projectRoot, temporaryFolder } from './run-cli.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());
beforeAll(build, 120_000);

const size = 8192;
const layers = 12;
const bytes = size * size * 4;

function info(name: string): OnnxValueInfo {
  return { name, type: { kind: 'tensor', dtype: 'float32', shape: [4, size] } };
}

function node(name: string, opType: string, inputs: readonly string[]): OnnxNode {
  return { name, opType, domain: '', overload: '', inputs, outputs: [`${name}_out`], attributes: [] };
}

test('3 GB of weights: checked in under 1 GiB, none of them read', { timeout: 120_000 }, () => {
  const initializers: OnnxTensor[] = [];
  const nodes: OnnxNode[] = [];
  for (let i = 0; i < layers; i++) {
    const data = { kind: 'external' as const, location: 'weights.bin', offset: i * bytes, length: bytes };
    initializers.push({ name: `w${i}`, dtype: 'float32', dims: [size, size], data });
    // Every other weight is transposed by a node, as exporters leave it: folding must not read it either.
    const weight = i % 2 === 0 ? `w${i}` : `t${i}_out`;
    if (i % 2 === 1) nodes.push(node(`t${i}`, 'Transpose', [`w${i}`]));
    nodes.push(node(`layer${i}`, 'MatMul', [i === 0 ? 'x' : `layer${i - 1}_out`, weight]));
  }
  const graph = {
    name: 'wide',
    nodes,
    initializers,
    sparseInitializers: [],
    inputs: [info('x')],
    outputs: [info(`layer${layers - 1}_out`)],
    valueInfos: [],
  };
  const model = {
    irVersion: 8,
    producerName: 'test',
    producerVersion: '',
    opsetImports: [{ domain: '', version: 17 }],
    functions: [],
    metadata: {},
    graph,
  };
  writeFileSync(join(folder.path, 'wide.onnx'), encodeModel(model));
  const file = openSync(join(folder.path, 'weights.bin'), 'w');
  ftruncateSync(file, layers * bytes);
  closeSync(file);

  const main = join(projectRoot, 'dist/cli/main.js');
  // Not what the process inherits: where Linux tells, the peak of this program alone, for maxRSS begins with that of its parent.
  const watch = `import { readFileSync } from 'node:fs';
    const own = () => process.platform === 'linux' ? /VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1] : process.resourceUsage().maxRSS;
    process.on('exit', () => process.stderr.write('peak ' + own()));
    process.argv = [process.execPath, ${JSON.stringify(main)}, 'check', 'wide.onnx', '-t', 'edge-systolic-32', '--json'];
    await import(${JSON.stringify(main)});`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', watch], { cwd: folder.path, encoding: 'utf8' });
  expect(run.status).toBe(0);
  const report: unknown = JSON.parse(run.stdout);
  expect(report).toMatchObject({ summary: { nodes: 18, totals: { macs: 4 * size * size * layers, npuMacs: 4 * size * size * layers } } });
  const peakKib = Number(/peak (\d+)/.exec(run.stderr)?.[1]);
  expect(peakKib).toBeGreaterThan(0);
  expect(peakKib).toBeLessThan(1024 * 1024);
});
