/**
 * A long network to measure how work grows with nodes: blocks of ten nodes, a residual branch in each, a reshape whose sizes are
 * computed from shapes in every fifth, a dimension that only a run decides in every hundredth.
 */
import { encodeModel } from '../dist/onnx/index.js';

const width = 32;

const int = (name, value) => ({ name, refName: '', kind: 'int', value });
const ints = (name, value) => ({ name, refName: '', kind: 'ints', value });

/** An ONNX file of at least `count` nodes: x [batch, length, 32] -> y, with `batch` and `length` open. */
export function largeGraph(count) {
  const nodes = [];
  const node = (opType, inputs, attributes = []) => {
    const name = `${opType}_${nodes.length}`;
    nodes.push({ name, opType, domain: '', overload: '', inputs, outputs: [`${name}_out`], attributes });
    return `${name}_out`;
  };
  const linear = (x, w) => node('Add', [node('MatMul', [x, w]), 'bias']);
  let x = 'x';
  for (let block = 0; nodes.length < count - 1; block++) {
    if (block % 100 === 99) x = node('Mul', [x, meanOfCount(node, x)]);
    if (block % 5 === 4) x = throughShape(node, x);
    const wide = node('Relu', [linear(x, `w${block % 4}`)]);
    const gate = node('Sigmoid', [linear(x, `w${(block + 1) % 4}`)]);
    const joined = node('Mul', [wide, gate]);
    x = node('Add', [linear(joined, `w${(block + 2) % 4}`), x]);
  }
  node('Identity', [x]);
  const output = nodes.at(-1).outputs[0];
  const tensor = (name, shape) => ({ name, type: { kind: 'tensor', dtype: 'float32', shape } });
  return encodeModel({
    irVersion: 8,
    producerName: 'systole bench',
    producerVersion: '',
    opsetImports: [{ domain: '', version: 17 }],
    functions: [],
    metadata: {},
    graph: {
      name: `large${count}`,
      nodes,
      initializers: [
        ...[0, 1, 2, 3].map((i) => floats(`w${i}`, [width, width], i)),
        floats('bias', [width], 4),
        int64s('one', [1]),
        int64s('rest', [-1]),
        int64s('width', [width]),
        int64s('zero', [0]),
        int64s('first', [0, 1]),
      ],
      sparseInitializers: [],
      inputs: [tensor('x', ['batch', 'length', width])],
      outputs: [tensor(output, null)],
      valueInfos: [],
    },
  });
}

/** [batch, length, w] -> [batch · length, w] -> back, by sizes taken from the shape. */
function throughShape(node, x) {
  const sizes = node('Shape', [x]);
  const flat = node('Reshape', [x, node('Concat', ['rest', 'width'], [int('axis', 0)])]);
  const leading = node('Gather', [sizes, 'first'], [int('axis', 0)]);
  return node('Reshape', [flat, node('Concat', [leading, 'width'], [int('axis', 0)])]);
}

/** The mean of a tensor whose length a run decides: [1]. */
function meanOfCount(node, x) {
  const positions = node('Cast', [node('NonZero', [x])], [int('to', 1)]);
  return node('ReduceMean', [positions], [ints('axes', [0, 1]), int('keepdims', 0)]);
}

function floats(name, dims, seed) {
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => (((i * 37 + seed * 11) % 41) - 20) / 100);
  return { name, dtype: 'float32', dims, data: { kind: 'bytes', bytes: new Uint8Array(data.buffer) } };
}

function int64s(name, values) {
  const data = BigInt64Array.from(values.map(BigInt));
  return { name, dtype: 'int64', dims: [values.length], data: { kind: 'bytes', bytes: new Uint8Array(data.buffer) } };
}
