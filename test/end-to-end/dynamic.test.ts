/** Models whose operands are quantized while they run: bytes on the array, floats around, nothing on the host. */
import { describe, expect, it } from 'vitest';
import { calibrate, compile, lowerGraph, prepare, randomInputs, type Compilation } from '../../src/compiler/index.ts';
import { isTensor, type Tensor } from '../../src/core/index.ts';
import { interpret, numbersOf, type Graph } from '../../src/graph/index.ts';
import { loadMachine, type Machine } from '../../src/hw-configs/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { writeGraph } from '../compiler/lower/build.ts';
import { bytes, convolutions, encoderLayer, quantized, recurrent, type Recurrent } from './dynamic-models.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';
import { expectSameWrittenOut, expectSound, repeatsOf } from './region-programs.ts';

const encoder = encoderLayer({ length: 6, width: 16, heads: 2, inner: 24 });
const machines = ['tiny-8x8', 'tiny-dot', 'small', 'large'] as const;

/** Operators of each product that the array runs, in order. */
function products({ selection }: Compilation): readonly string[] {
  return selection.kernels.filter((k) => k.engine === 'matrix').map((k) => k.nodes.map((n) => n.op).join(' '));
}

function largestDifference(a: Tensor | undefined, b: Tensor | undefined): number {
  expect(a?.shape).toEqual(b?.shape);
  const [x, y] = [a, b].map((t) => (t === undefined ? [] : Array.from(numbersOf(t))));
  return Math.max(...(x ?? []).map((v, i) => Math.abs(v - (y?.[i] ?? NaN))));
}

function expectNear(graph: Graph, compilation: Compilation, machine: Machine, most: number): void {
  const inputs = randomInputs(graph, 3);
  const { outputs } = execute(compilation.executable, machine, inputs, { sanitize: false });
  for (const [name, tensor] of interpret(graph, inputs)) {
    if (!isTensor(tensor)) throw new Error(`${name} is no tensor`);
    expect(largestDifference(outputs.get(name), tensor)).toBeLessThan(most);
  }
}

describe('quantized while it runs:', () => {
  it.each(machines)('an encoder layer, on %s', async (name) => {
    const machine = await testMachine(name);
    const compilation = expectSound(encoder, machine, 'auto');
    const { kernels } = compilation.executable;
    expect(kernels.filter((k) => k.engine === 'host')).toEqual([]);
    const dense = 'MatMulInteger Sub Cast Mul Add';
    const attention = 'MatMul Mul Softmax MatMul';
    expect(products(compilation)).toEqual([dense, dense, dense, attention, `${dense} Add`, dense, `${dense} Add`]);
    // Queries, keys and values share the bytes of x: their range is found once.
    expect(kernels.filter((k) => k.name.includes('reducemin'))).toHaveLength(4);
    expectNear(encoder, compilation, machine, 1e-4);
  });

  it.each(machines)('convolutions, on %s', async (name) => {
    const machine = await testMachine(name);
    const graph = convolutions(4, 6);
    const compilation = expectSound(graph, machine, 'auto');
    expect(compilation.executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
    expect(products(compilation)).toEqual(['ConvInteger Sub Cast Mul Add Relu', 'ConvInteger Sub Cast Mul Add Relu']);
    expectNear(graph, compilation, machine, 1e-5);
  });

  it('an array of bytes alone keeps the floats around float, and asks for scales of products of floats', async () => {
    const machine = await loadMachine({ preset: 'edge-systolic-32' });
    const plain = compile(modelOf(convolutions(4, 6)), machine, { precision: 'auto', dims: {}, calibration: null });
    expect(plain.executable.diagnostics).toEqual([]);
    expectNear(convolutions(4, 6), plain, machine, 1e-5);

    const inputs = randomInputs(encoder, 3);
    const calibration = calibrate(lowerGraph(prepare(modelOf(encoder)).graph).graph, [inputs]);
    const attended = compile(modelOf(encoder), machine, { precision: 'auto', dims: {}, calibration });
    expect(attended.executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
    expect(attended.executable.diagnostics.map((d) => d.code)).toEqual(['SYS4260', 'SYS4220']);
    expectNear(encoder, attended, machine, 0.1);
  });
});

describe('products that ONNX Runtime joined', () => {
  const joined = (op: 'DynamicQuantizeMatMul' | 'MatMulIntegerToFloat'): Graph => {
    const b = writeGraph();
    const x = b.input('x', [3, 8]);
    const weights = [
      b.constant(bytes([8, 5])),
      b.constant({ dtype: 'float32', shape: [5], data: Float32Array.of(0.01, 0.02, 0.03, 0.02, 0.01) }),
    ];
    const [w = -1, scale = -1] = weights;
    const bias = b.weight([5]);
    if (op === 'DynamicQuantizeMatMul') return b.finish(...b.node(`com.microsoft.${op}`, [x, w, scale, null, bias]));
    const [q, unit, zero] = quantized(b, x);
    return b.finish(...b.node(`com.microsoft.${op}`, [q, w, unit, scale, zero, null, bias]));
  };

  it.each(['DynamicQuantizeMatMul', 'MatMulIntegerToFloat'] as const)('%s', async (op) => {
    for (const name of machines) {
      const machine = await testMachine(name);
      const compilation = expectSound(joined(op), machine, 'auto');
      expect(compilation.executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
      expect(products(compilation)).toEqual(['MatMulInteger Sub Cast Mul Add']);
      expectNear(joined(op), compilation, machine, 1e-5);
    }
  });
});

describe('DynamicQuantizeLSTM', () => {
  const layer: Recurrent = { steps: 18, batch: 2, features: 5, hidden: 6, direction: 'forward', columns: false };
  const layers: readonly Recurrent[] = [
    layer,
    { ...layer, direction: 'bidirectional', columns: true },
    { ...layer, steps: 3, direction: 'reverse', batch: 1 },
  ];
  it.each(layers)('$direction, $steps steps', async (one) => {
    const graph = recurrent(one);
    for (const name of one === layer ? machines : (['tiny-dot', 'small'] as const)) {
      const machine = await testMachine(name);
      const compilation = expectSound(graph, machine, 'auto');
      expect(compilation.executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
      expect(compilation.selection.kernels.filter((k) => k.engine === 'matrix').every((k) => k.dtype === 'uint8')).toBe(true);
      expect(repeatsOf(compilation.executable)).toHaveLength(one.steps < 17 ? 0 : one.direction === 'bidirectional' ? 2 : 1);
      if (name === 'small' && one === layer) expectSameWrittenOut(compilation.executable, machine);
      expectNear(graph, compilation, machine, 1e-4);
    }
  });

  it('reads no bytes as floats: the products of its input are one', async () => {
    const { selection } = compile(modelOf(recurrent(layer)), await testMachine('small'), {
      precision: 'auto',
      dims: {},
      calibration: null,
    });
    const [first, second] = selection.kernels.filter((k) => k.engine === 'matrix');
    expect([first?.out.shape, first?.region, second?.region]).toEqual([[36, 24], undefined, 0]);
  });
});
