/** What some lowerings write, to be read. */
import { describe, expect, it } from 'vitest';
import { lower, unrollBodies, widenFloats } from '../../../src/compiler/lower/index.ts';
import { absorbQuantization } from '../../../src/compiler/passes/absorb-quantization.ts';
import { zeros } from '../../../src/core/index.ts';
import { interpret, printGraph, printShape, type Graph } from '../../../src/graph/index.ts';
import { f32, i64 } from '../../graph/helpers.ts';
import { writeGraph } from './build.ts';

/** Operators and the shapes of what they make. */
function outline(graph: Graph): string[] {
  return graph.nodes.map((n) => `${n.op} ${n.outputs.map((id) => printShape(graph.values[id]?.type.shape ?? [])).join(' ')}`);
}

const unrolled = (graph: Graph): Graph => unrollBodies.run(graph, { report: () => undefined });

describe('lower', () => {
  it('an RNN: one product for all steps, then one for each', () => {
    const w = writeGraph();
    const inputs = [w.input('x', [2, 1, 3]), w.weight([1, 4, 3]), w.weight([1, 4, 4]), null, null, w.input('h', [1, 1, 4])];
    const { graph } = lower(w.finish(...w.node('RNN', inputs, { hidden_size: 4 }, { outputs: 2 })));
    expect(outline(graph)).toEqual([
      'Reshape [2, 3]',
      'Gemm [2, 4]',
      'Reshape [2, 1, 4]',
      'Reshape [1, 4]',
      'Slice [1, 1, 4]',
      'Reshape [1, 4]',
      'MatMul [1, 4]',
      'Add [1, 4]',
      'Tanh [1, 4]',
      'Slice [1, 1, 4]',
      'Reshape [1, 4]',
      'MatMul [1, 4]',
      'Add [1, 4]',
      'Tanh [1, 4]',
      'Reshape [1, 1, 4]',
      'Reshape [1, 1, 4]',
      'Concat [2, 1, 4]',
      'Reshape [2, 1, 1, 4]',
      'Reshape [1, 1, 4]',
    ]);
    expect(new Set(graph.nodes.flatMap((n) => n.origin))).toEqual(new Set(['rnn0']));
  });

  it('a transposed convolution: stride² small ones, woven', () => {
    const w = writeGraph();
    const inputs = [w.input('x', [1, 3, 4, 4]), w.weight([3, 2, 2, 2])];
    const { graph } = lower(w.finish(...w.node('ConvTranspose', inputs, { strides: [2, 2] })));
    expect(outline(graph).filter((line) => !line.startsWith('Reshape'))).toEqual([
      'Conv [1, 2, 4, 4]',
      'Conv [1, 2, 4, 4]',
      'Conv [1, 2, 4, 4]',
      'Conv [1, 2, 4, 4]',
      'Concat [4, 1, 2, 4, 4]',
      'Transpose [1, 2, 4, 2, 4, 2]',
    ]);
  });

  it('writes weights only as rules for making them', () => {
    const w = writeGraph();
    const inputs = [w.input('x', [1, 64, 4, 4]), w.weight([64, 64, 2, 2])];
    const before = w.finish(...w.node('ConvTranspose', inputs, { strides: [2, 2] }));
    const unread = before.values.map((v) =>
      v.constant === null
        ? v
        : {
            ...v,
            constant: {
              kind: 'bytes' as const,
              get bytes(): Uint8Array {
                throw new Error(`${v.name} was read`);
              },
            },
          },
    );
    expect(() => lower({ ...before, values: unread })).not.toThrow();
  });
});

describe('at the edge of sense', () => {
  it('a norm over no positions is taken of each element', () => {
    const w = writeGraph();
    const { graph } = lower(w.finish(...w.node('GlobalLpPool', [w.input('x', [4, 3])], { p: 3 })));
    expect(outline(graph)).toEqual(['Abs [4, 3]', 'Pow [4, 3]', 'Pow [4, 3]']);
  });

  it('rows of one value alone are not written out', () => {
    const w = writeGraph();
    const { graph, declined } = lower(w.finish(...w.node('OneHot', [w.input('at', [4]), w.ints([3]), w.input('values', [1])])));
    expect(graph.nodes.map((n) => n.op)).toEqual(['OneHot']);
    expect([...declined.values()][0]?.reason).toMatch(/not given two values/);
  });

  it('a rounding that widens what it rounds stays whole', () => {
    const w = writeGraph();
    const number = (x: number): number => w.constant({ dtype: 'float32', shape: [], data: Float32Array.of(x) });
    const operands = [w.input('x', [1, 3]), number(0.5), number(0), number(4), w.input('more', [4, 1])];
    const graph = absorbQuantization.run(w.finish(...w.node('onnx.brevitas.Quant', operands)), { report: () => undefined });
    expect(graph.nodes.map((n) => n.op)).toEqual(['Quant']);
  });

  it('a quantized product whose scale is empty stays whole', () => {
    const w = writeGraph();
    const numbers = (dtype: 'int8' | 'float32', shape: readonly number[]): number => w.constant(zeros(dtype, shape));
    const inputs = [w.input('a', [2, 3], 'int8'), numbers('float32', [1]), numbers('int8', [1])];
    const weights = [numbers('int8', [3, 2]), numbers('float32', [0]), numbers('int8', [1]), numbers('float32', [1]), numbers('int8', [1])];
    const graph = absorbQuantization.run(w.finish(...w.node('QLinearMatMul', [...inputs, ...weights])), { report: () => undefined });
    expect(graph.nodes.map((n) => n.op)).toEqual(['QLinearMatMul']);
  });

  it('attention whose mask no memory holds stays whole, with the reason', () => {
    const w = writeGraph(23);
    const [q, k, v] = ['q', 'k', 'v'].map((name) => w.input(name, [1, 1, 2 ** 20, 8]));
    const { graph, declined } = lower(w.finish(...w.node('Attention', [q ?? 0, k ?? 0, v ?? 0], { is_causal: 1 })));
    expect(graph.nodes.map((n) => n.op)).toEqual(['Attention']);
    expect(declined.get('attention0')?.reason).toContain('[1048576, 1048576]');
  });
});

describe('bodies', () => {
  it('the branch an If takes', () => {
    const branch = (op: string): Graph => {
      const b = writeGraph();
      return b.finish(...b.node(op, [b.input('captured', [2])]));
    };
    const w = writeGraph();
    const condition = w.constant({ dtype: 'bool', shape: [], data: Uint8Array.of(0) });
    const inputs = [condition, w.input('x', [2])];
    const graph = w.finish(...w.node('If', inputs, { then_branch: branch('Relu'), else_branch: branch('Neg') }, { captures: 1 }));
    expect(unrolled(graph).nodes.map((n) => n.op)).toEqual(['Neg']);
  });

  it('the iterations of a Loop, with what each leaves behind', () => {
    const b = writeGraph();
    const [, condition, sum] = [b.input('i', [], 'int64'), b.input('go', [], 'bool'), b.input('sum', [2])];
    const step = b.input('step', [2]);
    const [next = 0] = b.node('Add', [sum, step]);
    const body = b.finish(condition, next, ...b.node('Mul', [next, next]));
    const w = writeGraph();
    const trips = w.constant(i64([], [3]));
    const inputs = [trips, null, w.input('start', [2]), w.input('x', [2])];
    const graph = w.finish(...w.node('Loop', inputs, { body }, { outputs: 2, captures: 1 }));
    const after = unrolled(graph);
    expect(outline(after)).toEqual([
      'Add [2]',
      'Mul [2]',
      'Add [2]',
      'Mul [2]',
      'Add [2]',
      'Mul [2]',
      'Unsqueeze [1, 2]',
      'Unsqueeze [1, 2]',
      'Unsqueeze [1, 2]',
      'Concat [3, 2]',
    ]);
    const given = new Map([
      ['start', f32([2], [1, 2])],
      ['x', f32([2], [10, 20])],
    ]);
    expect(interpret(after, given)).toEqual(interpret(graph, given));
  });

  it('a Loop whose end only the run knows stays, with the reason', () => {
    const b = writeGraph();
    b.input('i', [], 'int64');
    const [condition, x] = [b.input('go', [], 'bool'), b.input('x', [2])];
    const body = b.finish(condition, ...b.node('Neg', [x]));
    const w = writeGraph();
    const inputs = [w.input('trips', [], 'int64'), null, w.input('x', [2])];
    const { graph, declined } = lower(w.finish(...w.node('Loop', inputs, { body })));
    expect(graph.nodes.map((n) => n.op)).toEqual(['Loop']);
    expect(declined.get('loop0')?.reason).toBe('its trip count is computed at run time');
  });

  it('more iterations than the limit stay, with actual and allowed', () => {
    const b = writeGraph();
    b.input('i', [], 'int64');
    const [condition, x] = [b.input('go', [], 'bool'), b.input('x', [2])];
    const body = b.finish(condition, ...b.node('Neg', [x]));
    const w = writeGraph();
    const inputs = [w.constant(i64([], [5000])), null, w.input('x', [2])];
    expect(lower(w.finish(...w.node('Loop', inputs, { body }))).declined.get('loop0')?.limit).toEqual({
      what: 'nodes of a body unrolled',
      actual: '5000',
      allowed: '4096',
    });
  });

  it('iterations of loops in loops count as often as they run', () => {
    const inside = writeGraph();
    inside.input('i', [], 'int64');
    const [go, y] = [inside.input('go', [], 'bool'), inside.input('y', [2])];
    const inner = inside.finish(go, ...inside.node('Neg', [y]));
    const b = writeGraph();
    b.input('i', [], 'int64');
    const [condition, x] = [b.input('go', [], 'bool'), b.input('x', [2])];
    const body = b.finish(condition, ...b.node('Loop', [b.constant(i64([], [100])), null, x], { body: inner }));
    const w = writeGraph();
    const inputs = [w.constant(i64([], [100])), null, w.input('x', [2])];
    const { graph, declined } = lower(w.finish(...w.node('Loop', inputs, { body })));
    expect(graph.nodes.map((n) => n.op)).toEqual(['Loop']);
    expect(declined.get('loop0')?.limit?.actual).toBe('10100');
  });

  it('a transposed convolution of more phases than the limit stays', () => {
    const w = writeGraph();
    const y = w.node('ConvTranspose', [w.input('x', [1, 1, 2, 2]), w.weight([1, 1, 3, 3])], { strides: [300, 300] });
    const { graph, declined } = lower(w.finish(...y));
    expect(graph.nodes.map((n) => n.op)).toEqual(['ConvTranspose']);
    expect(declined.get('convtranspose0')?.limit?.actual).toBe('90000');
  });
});

describe('widening', () => {
  it('half precision is float32, and casts between them move nothing', () => {
    const w = writeGraph();
    const half = w.constant({ dtype: 'float16', shape: [2], data: Uint16Array.of(0x3c00, 0xc000) });
    const [cast = 0] = w.node('Cast', [w.input('x', [2])], { to: 10 });
    const [sum = 0] = w.node('Add', [cast, half]);
    const { graph, diagnostics } = widenFloats(w.finish(...w.node('Cast', [sum], { to: 1 })));
    expect(graph.nodes.map((n) => n.op)).toEqual(['Identity', 'Add', 'Identity']);
    expect(new Set(graph.values.map((v) => v.type.dtype))).toEqual(new Set(['float32']));
    expect(interpret(graph, new Map([['x', f32([2], [0.1, 1])]])).get('cast2_0')?.data).toEqual(Float32Array.of(Math.fround(1.1), -1));
    expect(diagnostics.map((d) => d.code)).toEqual(['SYS4240']);
    expect(printGraph(graph)).toContain('float32[2]');
  });
});
