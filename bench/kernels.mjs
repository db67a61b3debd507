/**
 * Commands on numbers: how many products a second each class of kernel makes, against three others on the same operands: the plain loop
 * anybody would write, the plain form that defines the command, and ONNX Runtime on one thread where one of its packages can be loaded.
 */
import { loadMachine } from '../dist/hw-configs/index.js';
import { execute } from '../dist/simulator/index.js';
import { bytesOf, createProgram, fastest, floats, onnxOfNode, operand, runtimeMs, size } from './measure.mjs';

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
  conv('conv-3x3-bf16', 'bfloat16', 64, 28, 64, 3),
  matmul('matmul-bf16', 'bfloat16', 128, 512, 512),
  matmul('vector-by-matrix-bf16', 'bfloat16', 1, 1024, 1024),
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
  // 16-bit floats have no arrays on this platform: the loop anybody would write has them as float32.
  const [loopX, loopW] = c.type.endsWith('float16') ? [floats(c.x, 1), floats(c.w, 2)] : [x, w];
  const loop = speed(() => repeat(times, () => plainLoop(c, loopX, loopW, sums))) * times;
  const runtime = await runtimeMs(onnxOf(c, w), { x: { dtype: c.type, data: x, shape: c.x } }, times);
  const toOnnxRuntime = runtime === null ? null : fast / (c.products / (runtime.ms * 1e6));
  return { value: fast, toPlainLoop: fast / loop, toPlainForm: fast / form, toOnnxRuntime, onnxRuntime: runtime?.name ?? null };
}

/** The command `times` times over, results requantized where they are integers. */
function programOf(c, times) {
  const integer = c.type === 'int8';
  const program = createProgram(c.name);
  const x = program.place('x', 'input', c.type, c.x);
  const w = program.place('w', 'input', c.type, c.w);
  const acc = program.place('sums', 'arena', integer ? 'int32' : 'float32', c.out);
  const out = program.place('y', 'output', c.type, c.out);
  const scales = integer ? program.constant('scales', [c.out[1]], 1 / 1024) : null;
  const drain = { out, bias: null, multiplier: scales, outZero: 0, lo: -Infinity, hi: Infinity };
  const common = { mode: 'overwrite', x, w, acc, drain, xZero: integer ? 3 : 0, wZero: 0 };
  const { groups, pad } = c;
  const command =
    groups === undefined
      ? { op: 'MATMUL', ...common }
      : { op: groups === 1 ? 'CONV' : 'DWCONV', groups, strides: [1, 1], dilations: [1, 1], padTop: pad, padLeft: pad, ...common };
  for (let i = 0; i < times; i++) program.emit('matrix', command);
  return program.finish();
}

/** One node, weights constant as a model has them: QLinearConv, QLinearMatMul, Conv, MatMul. */
function onnxOf(c, w) {
  const integer = c.type === 'int8';
  const number = (name, value) => ({ name, dtype: 'float32', shape: [], data: Float32Array.of(value) });
  const zero = (name, value) => ({ name, dtype: 'int8', shape: [], data: Int8Array.of(value) });
  const parameters = integer
    ? [number('x_scale', 1), zero('x_zero', 3), number('w_scale', 1), zero('w_zero', 0), number('y_scale', 1024), zero('y_zero', 0)]
    : [];
  const convolution = c.groups !== undefined;
  return onnxOfNode({
    node: {
      opType: `${integer ? 'QLinear' : ''}${convolution ? 'Conv' : 'MatMul'}`,
      inputs: integer ? ['x', 'x_scale', 'x_zero', 'w', 'w_scale', 'w_zero', 'y_scale', 'y_zero'] : ['x', 'w'],
      attributes: convolution ? { group: c.groups, pads: [c.pad, c.pad, c.pad, c.pad] } : {},
    },
    inputs: { x: { dtype: c.type, shape: c.x } },
    constants: [{ name: 'w', dtype: c.type, shape: c.w, data: w }, ...parameters],
    output: { dtype: c.type, shape: c.out },
  });
}

function repeat(times, work) {
  for (let i = 0; i < times; i++) work();
}
