import { test } from 'vitest';
import { evaluateNode, evaluateQuantizedNode, type Quantization } from '../../src/graph/index.ts';
import { node, randomTensor } from './helpers.ts';
test('perf', () => {
  for (const [c, hw, o, k, g, s] of [[64, 56, 64, 3, 1, 1], [64, 56, 256, 1, 1, 1], [512, 7, 512, 3, 1, 1], [128, 56, 128, 3, 128, 1], [3, 224, 64, 7, 1, 2]] as const) {
    const x = randomTensor([1, c, hw, hw], 1), w = randomTensor([o, c / g, k, k], 2);
    const n = node('Conv', 2, { pads: [k >> 1, k >> 1, k >> 1, k >> 1], group: g, strides: [s, s] });
    let best = 1e9; let r;
    for (let i = 0; i < 3; i++) { const t = performance.now(); r = evaluateNode(n, 13, [x, w]); best = Math.min(best, performance.now() - t); }
    const macs = r![0]!.data.length * (c / g) * k * k;
    const q: Quantization = { scale: Float32Array.of(0.1), zeroPoint: Int32Array.of(0), axis: null, source: 'model' };
    const xi = { tensor: { dtype: 'int8' as const, shape: x.shape, data: Int8Array.from(x.data as Float32Array, (v) => v * 30) }, quantization: q };
    const wi = { tensor: { dtype: 'int8' as const, shape: w.shape, data: Int8Array.from(w.data as Float32Array, (v) => v * 30) }, quantization: q };
    let bi = 1e9;
    for (let i = 0; i < 3; i++) { const t = performance.now(); evaluateQuantizedNode(n, 13, [xi, wi], [{ dtype: 'int8', quantization: q }]); bi = Math.min(bi, performance.now() - t); }
    console.log(c, hw, o, k, g, (macs / best / 1e6).toFixed(2), 'fp32 GMAC/s', (macs / bi / 1e6).toFixed(2), 'int8', best.toFixed(1), 'ms');
  }
  for (const op of ['Add', 'Mul', 'Relu', 'Sigmoid', 'Exp', 'Erf', 'Tanh', 'Softmax', 'GlobalAveragePool', 'Transpose']) {
    const x = randomTensor([1, 64, 112, 112], 1);
    const n = node(op, op === 'Add' || op === 'Mul' ? 2 : 1);
    let best = 1e9;
    for (let i = 0; i < 3; i++) { const t = performance.now(); evaluateNode(n, 13, n.inputs.map(() => x)); best = Math.min(best, performance.now() - t); }
    console.log(op, ((best * 1e6) / 802816).toFixed(1), 'ns/element');
  }
  const x = randomTensor([1, 64, 112, 112], 1);
  const n = node('MaxPool', 1, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  const t = performance.now(); evaluateNode(n, 13, [x]); console.log('MaxPool', performance.now() - t);
}, 60000);
