/** What the benchmarks of commands on numbers share: time, operands, programs written by hand, and ONNX Runtime where it can be loaded. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import onnxProto from 'onnx-proto';
import { bfloat16FromFloat32, float16FromFloat32 } from '../dist/core/index.js';
import { createCommandTable } from '../dist/isa/index.js';

/** Milliseconds of processor time: the fastest of several, as others use the computer too. */
export function fastest(work) {
  let best = Infinity;
  const until = performance.now() + 600;
  for (let i = 0; i < 5 || performance.now() < until; i++) {
    const began = process.cpuUsage();
    work();
    best = Math.min(best, milliseconds(began));
  }
  return best;
}

function milliseconds(began) {
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
}

const mix = (i, seed) => Math.imul(Math.imul(i + 1, 0x9e3779b1) ^ (seed * 0x85ebca6b), 0xc2b2ae35);

export function floats(shape, seed) {
  return Float32Array.from({ length: size(shape) }, (_, i) => mix(i, seed) / 2 ** 31);
}

export function operand(type, shape, seed) {
  if (type === 'float32') return floats(shape, seed);
  if (type === 'float16') return Uint16Array.from(floats(shape, seed), float16FromFloat32);
  if (type === 'bfloat16') return Uint16Array.from(floats(shape, seed), bfloat16FromFloat32);
  if (type === 'int32') return Int32Array.from({ length: size(shape) }, (_, i) => mix(i, seed) >>> 22);
  return Int8Array.from({ length: size(shape) }, (_, i) => mix(i, seed) >> 24);
}

export function size(shape) {
  return shape.reduce((n, e) => n * e, 1);
}

export function bytesOf({ outputs }) {
  const { data } = outputs.get('y');
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

const bytes = { int8: 1, float16: 2, bfloat16: 2, int32: 4, float32: 4 };

/** A program of commands on tensors placed in one memory; the inputs, in order, and the output `y` are what its entry point binds. */
export function createProgram(name) {
  const regions = [];
  const table = createCommandTable();
  const inputs = [];
  const outputs = [];
  const weights = { region: -1, bytes: 0, segments: [], absent: null };
  const binding = (label, ref) => ({
    name: label,
    region: ref.region,
    offset: 0,
    dtype: ref.dtype,
    shape: ref.extents,
    quantization: null,
  });
  const place = (label, kind, dtype, shape) => {
    regions.push({ name: label, kind, space: 0, bytes: size(shape) * bytes[dtype], alignment: 64 });
    const strides = shape.map((_, i) => size(shape.slice(i + 1)) * bytes[dtype]);
    const ref = { space: 0, region: regions.length - 1, dtype, offset: 0, extents: shape, strides };
    if (kind === 'input') inputs.push(binding(label, ref));
    if (kind === 'output') outputs.push(binding(label, ref));
    return ref;
  };
  return {
    place,
    /** fp32 numbers that are all the same, as weights; a program has one such tensor at most. */
    constant(label, shape, value) {
      const ref = place(label, 'weights', 'float32', shape);
      const read = () => new Uint8Array(new Float32Array(size(shape)).fill(value).buffer);
      Object.assign(weights, { region: ref.region, bytes: size(shape) * 4, segments: [{ offset: 0, bytes: size(shape) * 4, read }] });
      return ref;
    },
    emit: (queue, command) => table.emit({ core: 0, queue, kernel: 0 }, command),
    finish: () => ({
      formatVersion: 1,
      model: { name, sha256: '', macs: 0, parameterBytes: 0, opset: 17 },
      target: { name: 'bench', planHash: '' },
      options: {},
      spaces: ['dram'],
      regions,
      programs: [{ name: 'main', commands: table.finish() }],
      entryPoints: [{ name: 'main', program: 0, inputs, outputs, scalars: [] }],
      kernels: [],
      nodes: [],
      hostSegments: [],
      weights,
      diagnostics: [],
    }),
  };
}

/** Milliseconds of processor time of one run of a model in ONNX Runtime and which it is; null without it, or where it lacks the operator. */
export async function runtimeMs(model, feeds, times) {
  const found = await loadRuntime();
  if (found === null) return null;
  const { runtime, name } = found;
  try {
    const session = await runtime.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 });
    const tensors = Object.fromEntries(
      Object.entries(feeds).map(([input, { dtype, data, shape }]) => [input, new runtime.Tensor(dtype, data, shape)]),
    );
    let best = Infinity;
    const until = performance.now() + 600;
    for (let i = 0; i < 3 || performance.now() < until; i++) {
      const began = process.cpuUsage();
      // As many in a row as the program has: short runs are below the clock's grain.
      for (let k = 0; k < times; k++) await session.run(tensors);
      best = Math.min(best, milliseconds(began) / times);
    }
    await session.release();
    return { ms: best, name };
  } catch {
    return null;
  }
}

/** The native package, else the one of WebAssembly, beside this project or on NODE_PATH. */
async function loadRuntime() {
  for (const name of ['onnxruntime-node', 'onnxruntime-web']) {
    try {
      const loaded = await import(pathToFileURL(createRequire(import.meta.url).resolve(name)).href);
      const runtime = loaded.default ?? loaded;
      if (runtime.env?.wasm !== undefined && name === 'onnxruntime-web') runtime.env.wasm.numThreads = 1;
      return { runtime, name: `${name} ${runtime.env?.versions?.common ?? ''}`.trim() };
    } catch {
      // Not there: the next may be.
    }
  }
  return null;
}

/** A model of one node: inputs by name with element type and shape, constants, and an output `y`. */
export function onnxOfNode({ node, domain = '', inputs, constants = [], output }) {
  const { onnx } = onnxProto;
  const { FLOAT, FLOAT16, BFLOAT16, INT8, INT32, INT64 } = onnx.TensorProto.DataType;
  const types = { float32: FLOAT, float16: FLOAT16, bfloat16: BFLOAT16, int8: INT8, int32: INT32, int64: INT64 };
  const { INT, INTS } = onnx.AttributeProto.AttributeType;
  const value = (name, { dtype, shape }) => ({
    name,
    type: { tensorType: { elemType: types[dtype], shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
  });
  const attribute = ([name, given]) => (Array.isArray(given) ? { name, type: INTS, ints: given } : { name, type: INT, i: given });
  const { opType, attributes = {} } = node;
  const model = onnx.ModelProto.create({
    irVersion: 8,
    opsetImport: [
      { domain: '', version: 20 },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: opType,
      node: [{ opType, domain, input: node.inputs, output: ['y'], attribute: Object.entries(attributes).map(attribute) }],
      initializer: constants.map(({ name, dtype, shape, data }) => ({
        name,
        dims: shape,
        dataType: types[dtype],
        rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      })),
      input: Object.entries(inputs).map(([name, tensor]) => value(name, tensor)),
      output: [value('y', output)],
    },
  });
  return onnx.ModelProto.encode(model).finish();
}
