/**
 * Commands that make no products: how many elements a second each class goes through, against the loop anybody would write in JavaScript,
 * the plain form that defines the command, and ONNX Runtime on one thread where it can be loaded and has the operator in that type.
 */
import { loadMachine } from '../dist/hw-configs/index.js';
import { execute } from '../dist/simulator/index.js';
import { bytesOf, createProgram, fastest, floats, onnxOfNode, operand, runtimeMs, size } from './measure.mjs';

const rows = 256;
const columns = 1024;
const shape = [rows, columns];

/** A VECTOR program: what it loads, what it does, its last value stored. */
function vector(inputs, out, write) {
  const steps = [];
  const add = (op, a = -1, b = -1, c = -1, immediate = 0) => steps.push({ op, dst: steps.length, a, b, c, immediate }) - 1;
  const number = (value) => add('immediate', -1, -1, -1, value);
  const last = write({ add, number, load: (i) => add('load', i), loadInt: (i) => add('loadInt', i) });
  steps.push({ op: 'store', dst: 0, a: last, b: -1, c: -1, immediate: 0 });
  return { op: 'VECTOR', inputs, outputs: [out], steps };
}

/** One number a row, read along the whole row; and the same to be folded into. */
const alongRow = (ref) => ({ ...ref, extents: shape, strides: [4, 0] });

const gelu = ({ add, number }, x) =>
  add('mul', add('mul', x, number(0.5)), add('add', add('erf', add('mul', x, number(Math.SQRT1_2))), number(1)));

function errorFunction(x) {
  // Abramowitz and Stegun 7.1.26, as it is found in many a program.
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const y = 1 - ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * Math.exp(-x * x);
  return x < 0 ? -y : y;
}

const geluOf = (type) => ({
  name: `gelu-${type}`,
  inputs: { x: { dtype: type, shape } },
  output: { dtype: type, shape },
  emit: (p, { x }, y) =>
    p.emit(
      'vector',
      vector([x], y, (v) => gelu(v, v.load(0))),
    ),
  loop: ({ x }, y) => {
    for (let i = 0; i < x.length; i++) y[i] = 0.5 * x[i] * (1 + errorFunction(x[i] * Math.SQRT1_2));
  },
  node: { opType: 'Gelu', inputs: ['x'] },
});

const addOf = (type) => ({
  name: `add-${type}`,
  inputs: { a: { dtype: type, shape }, b: { dtype: type, shape } },
  output: { dtype: type, shape },
  emit: (p, { a, b }, y) =>
    p.emit(
      'vector',
      vector([a, b], y, (v) => v.add('add', v.load(0), v.load(1))),
    ),
  loop: ({ a, b }, y) => {
    for (let i = 0; i < a.length; i++) y[i] = a[i] + b[i];
  },
  node: { opType: 'Add', inputs: ['a', 'b'] },
});

const transposeOf = (type) => ({
  name: `transpose-${type}`,
  inputs: { x: { dtype: type, shape } },
  output: { dtype: type, shape: [columns, rows] },
  emit: (p, { x }, y) =>
    p.emit('dma-in', { op: 'COPY', src: { ...x, extents: [columns, rows], strides: x.strides.toReversed() }, dst: y, operand: 'partials' }),
  loop: ({ x }, y) => {
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) y[j * rows + i] = x[i * columns + j];
  },
  node: { opType: 'Transpose', inputs: ['x'], attributes: { perm: [1, 0] } },
});

const scales = [0.02, 0.03, 0.04];

export const elementCases = [
  addOf('float32'),
  addOf('float16'),
  {
    name: 'add-int8',
    inputs: { a: { dtype: 'int8', shape }, b: { dtype: 'int8', shape } },
    output: { dtype: 'int8', shape },
    emit: (p, { a, b }, y) =>
      p.emit(
        'vector',
        vector([a, b], y, (v) => {
          const [zero, sa, sb, sy] = [0, ...scales].map(v.number);
          const sum = v.add('add', v.add('dequantize', v.loadInt(0), zero, sa), v.add('dequantize', v.loadInt(1), zero, sb));
          return v.add('quantize', sum, sy, zero);
        }),
      ),
    loop: ({ a, b }, y) => {
      const [sa, sb, sy] = scales;
      for (let i = 0; i < a.length; i++) y[i] = Math.max(-128, Math.min(127, Math.round((a[i] * sa + b[i] * sb) / sy)));
    },
    node: { opType: 'QLinearAdd', inputs: ['a', 'sa', 'zero', 'b', 'sb', 'zero', 'sy', 'zero'] },
    domain: 'com.microsoft',
    constants: [
      ...scales.map((scale, i) => ({ name: ['sa', 'sb', 'sy'][i], dtype: 'float32', shape: [], data: Float32Array.of(scale) })),
      { name: 'zero', dtype: 'int8', shape: [], data: Int8Array.of(0) },
    ],
  },
  geluOf('float32'),
  geluOf('float16'),
  {
    ...geluOf('int8'),
    emit: (p, { x }, y) =>
      p.emit(
        'vector',
        vector([x], y, (v) => {
          const [zero, scale] = [v.number(0), v.number(0.02)];
          return v.add('quantize', gelu(v, v.add('dequantize', v.loadInt(0), zero, scale)), scale, zero);
        }),
      ),
    loop: ({ x }, y) => {
      for (let i = 0; i < x.length; i++) {
        const number = x[i] * 0.02;
        y[i] = Math.max(-128, Math.min(127, Math.round((0.5 * number * (1 + errorFunction(number * Math.SQRT1_2))) / 0.02)));
      }
    },
    node: null,
  },
  {
    name: 'softmax-float32',
    inputs: { x: { dtype: 'float32', shape } },
    output: { dtype: 'float32', shape },
    emit: (p, { x }, y) => {
      const [most, sum] = ['most', 'sum'].map((name) => p.place(name, 'arena', 'float32', [rows, 1]));
      p.emit('vector', { op: 'REDUCE', kind: 'max', mode: 'overwrite', x, acc: alongRow(most), xZero: 0 });
      p.emit(
        'vector',
        vector([x, alongRow(most)], y, (v) => v.add('exp', v.add('sub', v.load(0), v.load(1)))),
      );
      p.emit('vector', { op: 'REDUCE', kind: 'sum', mode: 'overwrite', x: y, acc: alongRow(sum), xZero: 0 });
      p.emit(
        'vector',
        vector([y, alongRow(sum)], y, (v) => v.add('div', v.load(0), v.load(1))),
      );
    },
    loop: ({ x }, y) => {
      for (let at = 0; at < x.length; at += columns) {
        let most = -Infinity;
        for (let j = at; j < at + columns; j++) most = Math.max(most, x[j]);
        let sum = 0;
        for (let j = at; j < at + columns; j++) sum += y[j] = Math.exp(x[j] - most);
        for (let j = at; j < at + columns; j++) y[j] /= sum;
      }
    },
    node: { opType: 'Softmax', inputs: ['x'], attributes: { axis: -1 } },
  },
  {
    name: 'norm-float32',
    inputs: { x: { dtype: 'float32', shape } },
    output: { dtype: 'float32', shape },
    emit: (p, { x }, y) => {
      const [sum, squares] = ['sum', 'squares'].map((name) => p.place(name, 'arena', 'float32', [rows, 1]));
      const mean = (v, i) => v.add('div', v.load(i), v.number(columns));
      p.emit('vector', { op: 'REDUCE', kind: 'sum', mode: 'overwrite', x, acc: alongRow(sum), xZero: 0 });
      p.emit(
        'vector',
        vector([x, alongRow(sum)], y, (v) => v.add('sub', v.load(0), mean(v, 1))),
      );
      p.emit('vector', { op: 'REDUCE', kind: 'sumSquares', mode: 'overwrite', x: y, acc: alongRow(squares), xZero: 0 });
      p.emit(
        'vector',
        vector([squares], squares, (v) => v.add('sqrt', v.add('add', mean(v, 0), v.number(1e-5)))),
      );
      p.emit(
        'vector',
        vector([y, alongRow(squares)], y, (v) => v.add('div', v.load(0), v.load(1))),
      );
    },
    loop: ({ x }, y) => {
      for (let at = 0; at < x.length; at += columns) {
        let sum = 0;
        for (let j = at; j < at + columns; j++) sum += x[j];
        let squares = 0;
        for (let j = at; j < at + columns; j++) squares += (y[j] = x[j] - sum / columns) ** 2;
        const root = Math.sqrt(squares / columns + 1e-5);
        for (let j = at; j < at + columns; j++) y[j] /= root;
      }
    },
    node: { opType: 'LayerNormalization', inputs: ['x', 'one'], attributes: { axis: -1 } },
    constants: [{ name: 'one', dtype: 'float32', shape: [columns], data: new Float32Array(columns).fill(1) }],
  },
  {
    name: 'sum-float32',
    inputs: { x: { dtype: 'float32', shape } },
    output: { dtype: 'float32', shape: [rows, 1] },
    emit: (p, { x }, y) => p.emit('vector', { op: 'REDUCE', kind: 'sum', mode: 'overwrite', x, acc: alongRow(y), xZero: 0 }),
    loop: ({ x }, y) => {
      for (let i = 0; i < rows; i++) {
        let sum = 0;
        for (let j = 0; j < columns; j++) sum += x[i * columns + j];
        y[i] = sum;
      }
    },
    node: { opType: 'ReduceSum', inputs: ['x', 'axes'] },
    constants: [{ name: 'axes', dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) }],
  },
  {
    name: 'max-pool-int8',
    inputs: { x: { dtype: 'int8', shape: [1, 64, 56, 56] } },
    output: { dtype: 'int8', shape: [1, 64, 28, 28] },
    emit: (p, { x }, y) =>
      p.emit('vector', {
        op: 'POOL',
        kind: 'max',
        x,
        out: y,
        kernel: [3, 3],
        strides: [2, 2],
        dilations: [1, 1],
        padTop: 1,
        padLeft: 1,
        countBox: [0, 0, 56, 56],
        xZero: 0,
        outZero: 0,
        multiplier: 1,
        lo: -Infinity,
        hi: Infinity,
      }),
    loop: ({ x }, y) => {
      let k = 0;
      for (let c = 0; c < 64; c++)
        for (let i = 0; i < 56; i += 2)
          for (let j = 0; j < 56; j += 2) {
            let most = -128;
            for (let r = Math.max(0, i - 1); r < Math.min(56, i + 2); r++)
              for (let s = Math.max(0, j - 1); s < Math.min(56, j + 2); s++) most = Math.max(most, x[(c * 56 + r) * 56 + s]);
            y[k++] = most;
          }
    },
    node: { opType: 'MaxPool', inputs: ['x'], attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] } },
  },
  transposeOf('int8'),
  transposeOf('float32'),
  {
    name: 'lookup-float32',
    inputs: { x: { dtype: 'float32', shape: [1024, columns] }, at: { dtype: 'int32', shape: [rows, 1] } },
    output: { dtype: 'float32', shape },
    // One row for each index: the index stands still along a row, the table's columns go along.
    emit: (p, { x, at }, y) =>
      p.emit('dma-in', {
        op: 'COPY',
        src: { ...x, extents: [rows, columns, 1024], strides: [0, 4, columns * 4] },
        dst: y,
        index: alongRow(at),
        operand: 'inputs',
      }),
    loop: ({ x, at }, y) => {
      for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) y[i * columns + j] = x[at[i] * columns + j];
    },
    node: { opType: 'GatherND', inputs: ['x', 'at'] },
  },
];

/** Gigaelements of the (first) input a second, and how many times that of the others. */
export async function measureElements(c) {
  const machine = await loadMachine({ preset: 'edge-systolic-32' });
  const tensors = Object.entries(c.inputs).map(([name, { dtype, shape: s }], i) => [
    name,
    { dtype, shape: s, data: operand(dtype, s, i + 1) },
  ]);
  const inputs = new Map(tensors);
  const count = Math.max(
    ...tensors.map(([name]) => (name === 'at' ? 0 : size(c.name.startsWith('lookup') ? c.output.shape : c.inputs[name].shape))),
  );
  const times = 8;
  const program = createProgram(c.name);
  const refs = Object.fromEntries(Object.entries(c.inputs).map(([name, t]) => [name, program.place(name, 'input', t.dtype, t.shape)]));
  const y = program.place('y', 'output', c.output.dtype, c.output.shape);
  for (let i = 0; i < times; i++) c.emit(program, refs, y);
  const executable = program.finish();
  const run = (plain) => execute(executable, machine, inputs, { sanitize: false, plain });
  if (Buffer.compare(bytesOf(run(false)), bytesOf(run(true))) !== 0) throw new Error(`${c.name}: the kernels and the plain form differ`);
  const speed = (work) => (count * times) / (fastest(work) * 1e6);
  const fast = speed(() => run(false));
  const form = speed(() => run(true));
  const asNumbers = (dtype, s, seed) => (dtype === 'float16' ? floats(s, seed) : operand(dtype, s, seed));
  const arrays = Object.fromEntries(Object.entries(c.inputs).map(([name, { dtype, shape: s }], i) => [name, asNumbers(dtype, s, i + 1)]));
  const target = asNumbers(c.output.dtype, c.output.shape, 0);
  const loop = speed(() => {
    for (let i = 0; i < times; i++) c.loop(arrays, target);
  });
  const runtime = c.node === null ? null : await runtimeMs(onnxOfNode(c), Object.fromEntries(tensors), times);
  const toOnnxRuntime = runtime === null ? null : fast / (count / (runtime.ms * 1e6));
  return { value: fast, toPlainLoop: fast / loop, toPlainForm: fast / form, toOnnxRuntime, onnxRuntime: runtime?.name ?? null };
}
