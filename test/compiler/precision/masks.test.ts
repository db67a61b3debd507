/** Masks in int8 programs: what hides a score takes no steps from it, and hides it wholly. */
import { describe, expect, it } from 'vitest';
import { calibrate, compile, lowerGraph, prepare, randomInputs, type CompileOptions } from '../../../src/compiler/index.ts';
import { assignPrecision } from '../../../src/compiler/precision/index.ts';
import { seededRandom, type Tensor } from '../../../src/core/index.ts';
import { interpret, type Graph } from '../../../src/graph/index.ts';
import { execute } from '../../../src/simulator/index.ts';
import { writeGraph, type GraphWriter } from '../lower/build.ts';
import { testMachine } from '../../end-to-end/machines.ts';
import { modelOf } from '../../end-to-end/model-of-graph.ts';

const queries = 6;
const keys = 8;

/** Softmax of q·kᵀ with something done to it, times v. */
function attention(mask: (w: GraphWriter, scores: number) => number): Graph {
  const w = writeGraph();
  const [q, k, v] = [w.input('q', [2, queries, 8]), w.input('k', [2, 8, keys]), w.input('v', [2, keys, 8])];
  const [product = 0] = w.node('MatMul', [q, k]);
  const [scores = 0] = w.node('Mul', [product, w.constant(float([], [0.35]))]);
  const [weights = 0] = w.node('Softmax', [mask(w, scores)], { axis: -1 });
  return w.finish(w.node('MatMul', [weights, v])[0] ?? 0);
}

const float = (shape: readonly number[], data: readonly number[]): Tensor => ({ dtype: 'float32', shape, data: Float32Array.from(data) });

const numbers = (t: Tensor | undefined): readonly number[] => Array.from(t?.data ?? [], Number);

/** Hides about half the keys of every query with `low`, and none of the first key's. */
function pattern(low: number): readonly number[] {
  const random = seededRandom(5);
  return Array.from({ length: queries * keys }, (_, i) => (i % keys > 0 && random.next() < 0.5 ? low : 0));
}

async function compiled(
  graph: Graph,
  inputs: ReadonlyMap<string, Tensor>,
  settings: Partial<CompileOptions> = {},
): Promise<ReturnType<typeof compile>> {
  const model = modelOf(graph);
  const calibration = calibrate(lowerGraph(prepare(model).graph).graph, [inputs]);
  return compile(model, await testMachine('tiny-8x8'), { precision: 'int8', dims: {}, calibration, ...settings });
}

/** Signal to noise of the int8 program against the float graph, in dB; the program equals what its graph means. */
async function quality(graph: Graph, inputs: ReadonlyMap<string, Tensor>): Promise<number> {
  const { executable, quantizedGraph } = await compiled(graph, inputs);
  const { outputs, diagnostics } = execute(executable, await testMachine('tiny-8x8'), inputs, { sanitize: true });
  expect(diagnostics).toEqual([]);
  expect(outputs).toEqual(interpret(quantizedGraph, inputs));
  const [binding] = executable.entryPoints[0]?.outputs ?? [];
  const [want] = interpret(graph, inputs).values();
  const [got] = outputs.values();
  const { scale, zeroPoint } = binding?.quantization ?? { scale: 1, zeroPoint: 0 };
  let [signal, noise] = [0, 0];
  for (const [i, x] of [...numbers(want)].entries()) {
    const y = (Number(got?.data[i]) - zeroPoint) * scale;
    signal += x * x;
    noise += (x - y) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

const kinds: Readonly<Record<string, (w: GraphWriter, scores: number) => number>> = {
  'a constant of minus infinity': (w, s) => w.node('Add', [s, w.constant(float([queries, keys], pattern(-Infinity)))])[0] ?? 0,
  'a constant of −10⁹': (w, s) => w.node('Add', [s, w.constant(float([queries, keys], pattern(-1e9)))])[0] ?? 0,
  'an input': (w, s) => w.node('Add', [w.input('mask', [queries, keys]), s])[0] ?? 0,
  'zeros and ones of an input times −10⁴': (w, s) => {
    const [seen = 0] = w.node('Cast', [w.input('seen', [1, keys], 'int64')], { to: 1 });
    const [absent = 0] = w.node('Sub', [w.constant(float([], [1])), seen]);
    return w.node('Add', [s, w.node('Mul', [absent, w.constant(float([], [-10000]))])[0] ?? 0])[0] ?? 0;
  },
  'a condition': (w, s) => w.node('Where', [w.input('hide', [queries, keys], 'bool'), w.constant(float([], [-1e9])), s])[0] ?? 0,
  'two of them': (w, s) => {
    const [one = 0] = w.node('Add', [s, w.constant(float([queries, keys], pattern(-10000)))]);
    return w.node('Add', [one, w.input('mask', [1, keys])])[0] ?? 0;
  },
};

function inputsOf(graph: Graph): Map<string, Tensor> {
  const inputs = randomInputs(graph, 2);
  const mask = inputs.get('mask');
  if (mask !== undefined) inputs.set('mask', float(mask.shape, pattern(-Infinity).slice(0, mask.data.length)));
  return inputs;
}

describe('scores under a mask', () => {
  it.each(Object.keys(kinds))('keep their resolution: %s', async (kind) => {
    const graph = attention(kinds[kind] ?? ((_, s) => s));
    const bare = attention((_, s) => s);
    const free = await quality(bare, randomInputs(bare, 2));
    expect(await quality(graph, inputsOf(graph))).toBeGreaterThan(free - 6);
  });

  it('are float32 from the mask to the softmax, and int8 before and behind', () => {
    const graph = attention(kinds['two of them'] ?? ((_, s) => s));
    const quantizedGraph = assignPrecision(graph, { mode: 'int8', calibration: null }).graph;
    const types = Object.fromEntries(quantizedGraph.values.filter((v) => v.constant === null).map((v) => [v.name, v.type.dtype]));
    expect(types).toEqual({
      q: 'int8',
      k: 'int8',
      v: 'int8',
      mask: 'float32',
      matmul0_0: 'int8',
      mul1_0: 'int8',
      add2_0: 'float32',
      add3_0: 'float32',
      softmax4_0: 'int8',
      matmul5_0: 'int8',
    });
  });

  it('a bias that hides nothing is a number like others', async () => {
    const graph = attention((w, s) => w.node('Add', [s, w.weight([queries, keys])])[0] ?? 0);
    const { quantizedGraph } = await compiled(graph, inputsOf(graph));
    expect(quantizedGraph.values.filter((v) => v.constant === null && v.type.dtype === 'float32')).toEqual([]);
  });

  it('a query that sees no key gives zeros, in int8 as in float32', async () => {
    const w = writeGraph();
    const [q, k, v] = ['q', 'k', 'v'].map((name) => w.input(name, [1, 2, 4, 8])) as [number, number, number];
    const graph = w.finish(...w.node('Attention', [q, k, v, w.input('mask', [4, 4])]));
    const inputs = randomInputs(graph, 1);
    inputs.set(
      'mask',
      float(
        [4, 4],
        Array.from({ length: 16 }, (_, i) => (i >> 2 === 1 || i % 4 > i >> 2 ? -Infinity : 0)),
      ),
    );
    const machine = await testMachine('tiny-8x8');
    for (const precision of ['int8', 'fp32'] as const) {
      const { executable } = await compiled(graph, inputs, { precision });
      const [y] = execute(executable, machine, inputs, { sanitize: true }).outputs.values();
      const zero = executable.entryPoints[0]?.outputs[0]?.quantization?.zeroPoint ?? 0;
      const rows = [0, 1].map((head) => numbers(y).slice((head * 4 + 1) * 8, (head * 4 + 2) * 8));
      expect(rows).toEqual(rows.map((row) => row.map(() => zero)));
    }
  });
});
