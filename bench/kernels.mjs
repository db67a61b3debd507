/**
 * Commands on numbers: how many products a second each class of kernel makes, against three others on the same operands: the plain loop
 * anybody would write, the plain form that defines the command, and ONNX Runtime on one thread where one of its packages can be loaded.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import onnxProto from 'onnx-proto';
import { float16FromFloat32 } from '../dist/core/index.js';
import { loadMachine } from '../dist/hw-configs/index.js';
import { createCommandTable } from '../dist/isa/index.js';
import { execute } from '../dist/simulator/index.js';

const conv = (name, type, channels, size, outChannels, kernel, groups = 1) => ({
  name,
  type,
  x: [1, channels, size, size],
  w: [outChannels, channels / groups, kernel, kernel],
  out: [1, outChannels, size, size],
  pad: (kernel - 1) / 2,
  groups,
  products: outChannels * (channels / groups) * kernel * kernel * size * size,
});
const matmul = (name, type, m, k, n) => ({ name, type, x: [m, k], w: [k, n], out: [m, n], products: m * k * n });

export const cases = [
  conv('conv-3x3-int8', 'int8', 64, 28, 64, 3),
  conv('conv-1x1-int8', 'int8', 256, 14, 256, 1),
  conv('depthwise-3x3-int8', 'int8', 96, 56, 96, 3, 96),
  matmul('matmul-int8', 'int8', 128, 512, 512),
  matmul('vector-by-matrix-int8', 'int8', 1, 1024, 1024),
  conv('conv-3x3-fp32', 'float32', 64, 28, 64, 3),
  conv('conv-1x1-fp32', 'float32', 256, 14, 256, 1),
  conv('depthwise-3x3-fp32', 'float32', 96, 56, 96, 3, 96),
  matmul('matmul-fp32', 'float32', 128, 512, 512),
  matmul('vector-by-matrix-fp32', 'float32', 1, 1024, 1024),
  conv('conv-3x3-fp16', 'float16', 64, 28, 64, 3),
  conv('conv-1x1-fp16', 'float16', 256, 14, 256, 1),
  conv('depthwise-3x3-fp16', 'float16', 96, 56, 96, 3, 96),
  matmul('matmul-fp16', 'float16', 128, 512, 512),
  matmul('vector-by-matrix-fp16', 'float16', 1, 1024, 1024),
];

/** Gigaproducts a second of one case, and how many times that of the others; null without ONNX Runtime. */
export async function measureKernel(c) {
  const machine = await loadMachine({ preset: 'edge-systolic-32' });
  const x = operand(c.type, c.x, 1);
  const w = operand(c.type, c.w, 2);
  const speed = (work) => c.products / (fastest(work) * 1e6);
  // Repeated inside one program, so that its start does not count.
  const times = Math.max(4, Math.ceil(4e7 / c.products));
  const program = programOf(c, times);
  const inputs = new Map([
    ['x', { dtype: c.type, shape: c.x, data: x }],
    ['w', { dtype: c.type, shape: c.w, data: w }],
  ]);
  const run = (plain) => execute(program, machine, inputs, { sanitize: false, plain });
  const same = Buffer.compare(bytesOf(run(false)), bytesOf(run(true))) === 0;
  if (!same) throw new Error(`${c.name}: the kernels and the plain form differ`);
  const fast = speed(() => run(false)) * times;
  const form = speed(() => run(true)) * times;
  const { plainLoop } = await import(`./plain-loop.mjs?${c.type}`);
  const sums = c.type === 'int8' ? new Int32Array(size(c.out)) : new Float32Array(size(c.out));
  // Half floats have no arrays on this platform: the loop anybody would write has them as float32.
  const [loopX, loopW] = c.type === 'float16' ? [floats(c.x, 1), floats(c.w, 2)] : [x, w];
  const loop = speed(() => repeat(times, () => plainLoop(c, loopX, loopW, sums))) * times;
  const runtime = await runtimeSpeed(c, x, w);
  const toOnnxRuntime = runtime === null ? null : fast / runtime.speed;
  return { value: fast, toPlainLoop: fast / loop, toPlainForm: fast / form, toOnnxRuntime, onnxRuntime: runtime?.name ?? null };
}

/** Milliseconds of processor time: the fastest of several, as others use the computer too. */
function fastest(work) {
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

function floats(shape, seed) {
  return Float32Array.from({ length: size(shape) }, (_, i) => mix(i, seed) / 2 ** 31);
}

function operand(type, shape, seed) {
  if (type === 'float32') return floats(shape, seed);
  if (type === 'float16') return Uint16Array.from(floats(shape, seed), float16FromFloat32);
  return Int8Array.from({ length: size(shape) }, (_, i) => mix(i, seed) >> 24);
}

function size(shape) {
  return shape.reduce((n, e) => n * e, 1);
}

function bytesOf({ outputs }) {
  const { data } = outputs.get('y');
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** The command `times` times over, results requantized where they are integers. */
function programOf(c, times) {
  const integer = c.type === 'int8';
  const channels = c.out[1];
  const bytes = { int8: 1, float16: 2, int32: 4, float32: 4 };
  const regions = [];
  const place = (name, kind, dtype, shape) => {
    regions.push({ name, kind, space: 0, bytes: size(shape) * bytes[dtype], alignment: 64 });
    const strides = shape.map((_, i) => size(shape.slice(i + 1)) * bytes[dtype]);
    return { space: 0, region: regions.length - 1, dtype, offset: 0, extents: shape, strides };
  };
  const x = place('x', 'input', c.type, c.x);
  const w = place('w', 'input', c.type, c.w);
  const acc = place('sums', 'arena', integer ? 'int32' : 'float32', c.out);
  const out = place('y', 'output', c.type, c.out);
  const scales = integer ? place('scales', 'weights', 'float32', [channels]) : null;
  const drain = { out, bias: null, multiplier: scales, outZero: 0, lo: -Infinity, hi: Infinity };
  const common = { mode: 'overwrite', x, w, acc, drain, xZero: integer ? 3 : 0, wZero: 0 };
  const { groups, pad } = c;
  const command =
    groups === undefined
      ? { op: 'MATMUL', ...common }
      : { op: groups === 1 ? 'CONV' : 'DWCONV', groups, strides: [1, 1], dilations: [1, 1], padTop: pad, padLeft: pad, ...common };
  const table = createCommandTable();
  for (let i = 0; i < times; i++) table.emit({ core: 0, queue: 'matrix', kernel: 0 }, command);
  const binding = (name, ref) => ({ name, region: ref.region, offset: 0, dtype: ref.dtype, shape: ref.extents, quantization: null });
  const read = () => new Uint8Array(new Float32Array(channels).fill(1 / 1024).buffer);
  return {
    formatVersion: 1,
    model: { name: c.name, sha256: '', macs: 0, parameterBytes: 0, opset: 17 },
    target: { name: 'bench', planHash: '' },
    options: {},
    spaces: ['dram'],
    regions,
    programs: [{ name: 'main', commands: table.finish() }],
    entryPoints: [{ name: 'main', program: 0, inputs: [binding('x', x), binding('w', w)], outputs: [binding('y', out)], scalars: [] }],
    kernels: [],
    nodes: [],
    hostSegments: [],
    weights: {
      region: scales?.region ?? -1,
      bytes: channels * 4,
      segments: scales === null ? [] : [{ offset: 0, bytes: channels * 4, read }],
      absent: null,
    },
    diagnostics: [],
  };
}

/** Gigaproducts a second of ONNX Runtime and which it is, or null. */
async function runtimeSpeed(c, x, w) {
  const found = await loadRuntime();
  if (found === null) return null;
  const { runtime, name } = found;
  const session = await runtime.InferenceSession.create(onnxOf(c, w), { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const feeds = { x: new runtime.Tensor(c.type, x, c.x) };
  let best = Infinity;
  // As many in a row as the program has: short runs are below the clock's grain.
  const times = Math.max(1, Math.ceil(4e7 / c.products));
  const until = performance.now() + 600;
  for (let i = 0; i < 3 || performance.now() < until; i++) {
    const began = process.cpuUsage();
    for (let k = 0; k < times; k++) await session.run(feeds);
    best = Math.min(best, milliseconds(began) / times);
  }
  await session.release();
  return { speed: c.products / (best * 1e6), name };
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

/** One node, weights constant as a model has them: QLinearConv, QLinearMatMul, Conv, MatMul. */
export function onnxOf(c, w) {
  const { onnx } = onnxProto;
  const { FLOAT, FLOAT16, INT8 } = onnx.TensorProto.DataType;
  const { INT, INTS } = onnx.AttributeProto.AttributeType;
  const integer = c.type === 'int8';
  const elemType = integer ? INT8 : c.type === 'float16' ? FLOAT16 : FLOAT;
  const tensor = (name, dims, dataType, data) => ({
    name,
    dims,
    dataType,
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  });
  const scale = (name, value) => tensor(name, [], FLOAT, Float32Array.of(value));
  const zero = (name, value) => tensor(name, [], INT8, Int8Array.of(value));
  const parameters = integer
    ? [scale('x_scale', 1), zero('x_zero', 3), scale('w_scale', 1), zero('w_zero', 0), scale('y_scale', 1024), zero('y_zero', 0)]
    : [];
  const convolution = c.groups !== undefined;
  const value = (name, shape) => ({ name, type: { tensorType: { elemType, shape: { dim: shape.map((dimValue) => ({ dimValue })) } } } });
  const model = onnx.ModelProto.create({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    graph: {
      name: c.name,
      node: [
        {
          opType: `${integer ? 'QLinear' : ''}${convolution ? 'Conv' : 'MatMul'}`,
          input: integer ? ['x', 'x_scale', 'x_zero', 'w', 'w_scale', 'w_zero', 'y_scale', 'y_zero'] : ['x', 'w'],
          output: ['y'],
          attribute: convolution
            ? [
                { name: 'group', type: INT, i: c.groups },
                { name: 'pads', type: INTS, ints: [c.pad, c.pad, c.pad, c.pad] },
              ]
            : [],
        },
      ],
      initializer: [tensor('w', c.w, elemType, w), ...parameters],
      input: [value('x', c.x)],
      output: [value('y', c.out)],
    },
  });
  return onnx.ModelProto.encode(model).finish();
}

function repeat(times, work) {
  for (let i = 0; i < times; i++) work();
}
