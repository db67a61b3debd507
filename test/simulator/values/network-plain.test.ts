/** A whole network on numbers: the WebAssembly kernels give the bytes of the plain form, command by command until the end. */
import { expect, test } from 'vitest';
import { compile, importModel, lowerGraph, prepare, randomInputs } from '../../../src/compiler/index.ts';
import { bindDims } from '../../../src/graph/index.ts';
import { loadMachine } from '../../../src/hw-configs/index.ts';
import { buildModel } from '../../../src/models/index.ts';
import { execute } from '../../../src/simulator/index.ts';

test('ResNet-50 in int8 on edge-systolic-32, small images: the same bytes', async () => {
  const machine = await loadMachine({ preset: 'edge-systolic-32' });
  const model = await importModel(buildModel('resnet50', { image: 32, classes: 10 }), { name: 'resnet50' });
  const graph = lowerGraph(bindDims(prepare(model).graph, {})).graph;
  // Any ranges will do: what is compared are bytes.
  const ranges = graph.values.filter((v) => v.type.dtype === 'float32').map((v) => [v.name, { min: -4, max: 4 }] as const);
  const { executable } = compile(model, machine, { precision: 'int8', dims: {}, calibration: new Map(ranges) });
  const inputs = randomInputs(graph, 1);
  const fast = execute(executable, machine, inputs, { sanitize: false });
  const plain = execute(executable, machine, inputs, { sanitize: false, plain: true });
  expect(fast.commandsExecuted).toBe(plain.commandsExecuted);
  expect(fast.outputs).toEqual(plain.outputs);
  const [logits] = [...fast.outputs.values()];
  expect(new Set(logits?.data as Iterable<number>).size).toBeGreaterThan(5);
});
