/**
 * What a page does with the library: two networks built, compiled and run on numbers, by the kernels and in the plain form, and interpreted.
 * The same file runs in Node: imports are relative, so that a page finds what it serves.
 */
import { calibrate, compile, importModel, lowerGraph, prepare, randomInputs } from '../../dist/compiler/index.js';
import { bindDims, interpret } from '../../dist/graph/index.js';
import { loadMachine } from '../../dist/hw-configs/index.js';
import { buildModel } from '../../dist/models/index.js';
import { programInputs } from '../../dist/reports/index.js';
import { execute, simulate } from '../../dist/simulator/index.js';

/** Bytes of all outputs as hexadecimal digits, by case and by how they came to be; cycles of the simulation. @param yaml a machine with floats */
export async function story(yaml) {
  const images = await run('resnet18', { image: 32, classes: 10 }, 'int8', { preset: 'edge-systolic-32' });
  const text = await run('bert', { layers: 1, sequence: 8, hidden: 32, heads: 4, vocabulary: 50 }, 'fp16', { yaml, file: 'machine.yaml' });
  return { images, text };
}

async function run(name, parameters, precision, source) {
  const machine = await loadMachine(source);
  const model = await importModel(buildModel(name, parameters), { name });
  const { graph } = lowerGraph(bindDims(prepare(model).graph, {}));
  const drawn = randomInputs(graph, 1);
  const calibration = precision === 'int8' ? calibrate(graph, [drawn]) : null;
  const { executable, quantizedGraph } = compile(model, machine, { precision, dims: {}, calibration });
  const inputs = programInputs(executable, drawn);
  const outputs = (options) => hex(execute(executable, machine, inputs, { sanitize: false, ...options }).outputs);
  return {
    fast: outputs({}),
    plain: outputs({ plain: true }),
    interpreted: hex(interpret(quantizedGraph, inputs)),
    cycles: simulate(executable, machine).totals.cycles,
  };
}

function hex(tensors) {
  const bytes = [...tensors].flatMap(([, { data }]) => [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
  return bytes.map((b) => b.toString(16).padStart(2, '0')).join('');
}
