/**
 * The program computes the right numbers: whole networks on a machine with an 8×8 array and 64 KiB of scratchpad, against the interpreter
 * on the imported graph before any pass. The two share no kernel.
 */
import { describe, expect, it } from 'vitest';
import { seededRandom, type Tensor } from '../../src/core/index.ts';
import {
  calibrate,
  compile,
  importDecoded,
  importModel,
  randomInputs,
  type Compilation,
  type ImportedModel,
} from '../../src/compiler/index.ts';
import { assignPrecision, type CalibrationTable, type Precision } from '../../src/compiler/precision/index.ts';
import { attributeInt, attributeInts, interpret, type Graph, type Node } from '../../src/graph/index.ts';
import type { TensorBinding } from '../../src/isa/index.ts';
import { buildModel } from '../../src/models/index.ts';
import { execute, type Execution } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { modelBuilder } from './model-builder.ts';

const networks = ['resnet18', 'mobilenetv2'] as const;

interface Run {
  readonly model: ImportedModel;
  readonly compilation: Compilation;
  readonly execution: Execution;
  readonly reference: ReadonlyMap<string, Tensor>;
  /** Outputs of kernels as the program left them, and its inputs. */
  readonly values: ReadonlyMap<string, Tensor>;
}

async function run(model: ImportedModel, precision: Precision, inputs: ReadonlyMap<string, Tensor>): Promise<Run> {
  const machine = await testMachine('tiny-8x8');
  const calibration: CalibrationTable | null = precision === 'int8' ? calibrate(model.graph, [inputs]) : null;
  const compilation = compile(model, machine, { precision, dims: {}, calibration });
  const before = assignPrecision(model.graph, { mode: precision, calibration }).graph;
  const reference = interpret(before, inputs);
  const values = new Map<string, Tensor>(inputs);
  const byKernel = outputsByKernel(compilation);
  const execution = execute(compilation.executable, machine, inputs, {
    sanitize: true,
    onKernel: (kernel, read) => {
      for (const tensor of byKernel.get(kernel) ?? []) values.set(tensor.name, read(tensor));
    },
  });
  return { model, compilation, execution, reference, values };
}

/** Which tensors each kernel writes, found through the last node of its origin. */
function outputsByKernel(compilation: Compilation): Map<number, TensorBinding[]> {
  const { quantizedGraph: graph, executable } = compilation;
  const tensors = compilation.tensors();
  const kernelOf = new Map<string, number>();
  executable.kernels.forEach((k, i) => k.origin.forEach((name) => kernelOf.set(name, i)));
  const outputs = new Map<number, TensorBinding[]>();
  for (const node of graph.nodes) {
    const tensor = tensors.get(graph.values[node.outputs[0] ?? -1]?.name ?? '');
    const kernel = kernelOf.get(node.origin[0] ?? '');
    if (tensor !== undefined && kernel !== undefined) outputs.set(kernel, [...(outputs.get(kernel) ?? []), tensor]);
  }
  return outputs;
}

function expectNoHost(compilation: Compilation): void {
  expect(compilation.executable.kernels.filter((k) => k.engine === 'host')).toEqual([]);
}

describe.each(networks)('%s on 8×8 and 64 KiB', (network) => {
  it('int8: the program equals the interpreter on the graph before passes, bit for bit', { timeout: 240_000 }, async () => {
    const model = await importModel(buildModel(network), { name: network });
    const r = await run(model, 'int8', randomInputs(model.graph, 1));
    expectNoHost(r.compilation);
    expect(r.execution.diagnostics).toEqual([]);
    for (const [name, expected] of r.reference) expect(r.execution.outputs.get(name)).toEqual(expected);
    r.execution.kernelStats.forEach((stats, i) => {
      const kernel = r.compilation.executable.kernels[i]?.name;
      expect({ kernel, share: stats.saturated / stats.outputs }).toEqual({ kernel, share: expect.toSatisfy((s: number) => s < 0.01) });
      if (stats.outputs >= 1000)
        expect({ kernel, distinct: stats.distinctValues }).toEqual({ kernel, distinct: expect.toSatisfy((n: number) => n > 50) });
    });
  });

  it('fp32: every kernel within K·2⁻²⁴·Σ|a·b| on its own inputs, end to end within 1e-5', { timeout: 240_000 }, async () => {
    const model = await importModel(buildModel(network), { name: network });
    const r = await run(model, 'fp32', randomInputs(model.graph, 2));
    expectNoHost(r.compilation);
    expect(r.execution.diagnostics).toEqual([]);
    for (const [name, expected] of r.reference) expect(relativeError(r.execution.outputs.get(name), expected)).toBeLessThanOrEqual(1e-5);
    expect(checkContractions(r)).toBeGreaterThan(15);
  });

  it('fp32: bit-equal to exact integers for every layer shape, on integers whose sums stay below 2²⁴', { timeout: 240_000 }, async () => {
    const model = await importModel(buildModel(network), { name: network });
    const layers = distinctLayers(model.graph);
    expect(layers.length).toBeGreaterThan(8);
    for (const layer of layers) {
      const single = importDecoded(integerLayer(model.graph, layer), { name: layer.name, sha256: '' });
      const machine = await testMachine('tiny-8x8');
      const { executable } = compile(single, machine, { precision: 'fp32', dims: {}, calibration: null });
      const inputs = integerInputs(single.graph);
      const { outputs } = execute(executable, machine, inputs, { sanitize: false });
      for (const [name, expected] of interpret(single.graph, inputs)) expect(outputs.get(name), layer.name).toEqual(expected);
    }
  });
});

function relativeError(actual: Tensor | undefined, expected: Tensor): number {
  const a = actual?.data as Float32Array;
  const e = expected.data as Float32Array;
  let error = 0;
  let norm = 0;
  for (let i = 0; i < e.length; i++) {
    error += ((a[i] as number) - (e[i] as number)) ** 2;
    norm += (e[i] as number) ** 2;
  }
  return Math.sqrt(error / norm);
}

/**
 * Recomputes sampled outputs of every contraction kernel in binary64 from the inputs the program itself had. Bias and residual are terms
 * of the sum like any product.
 * @returns how many kernels were checked
 */
function checkContractions({ compilation, values }: Run): number {
  const { quantizedGraph: graph, executable } = compilation;
  const random = seededRandom(7);
  let checked = 0;
  for (const kernel of executable.kernels) {
    if (kernel.class !== 'contraction') continue;
    const nodes = graph.nodes.filter((n) => n.origin.some((name) => kernel.origin.includes(name)));
    const anchor = nodes[0] as Node;
    const last = nodes[nodes.length - 1] as Node;
    const out = values.get(graph.values[last.outputs[0] as number]?.name ?? '');
    if (out === undefined) throw new Error(`no output of ${kernel.name}`);
    const at = contractionAt(graph, anchor, values);
    const data = out.data as Float32Array;
    for (let sample = 0; sample < 400; sample++) {
      const index = random.integer(0, data.length - 1);
      let { sum, magnitude, terms } = at(index);
      for (const node of nodes.slice(1)) {
        if (node.op === 'Add') {
          const other = node.inputs
            .map((id) => graph.values[id as number]?.name ?? '')
            .find((name) => name !== nameOf(graph, previous(nodes, node)));
          const residual = floats(values.get(other ?? ''))[index] as number;
          sum += residual;
          magnitude += Math.abs(residual);
          terms++;
        } else if (node.op === 'Relu') sum = Math.max(sum, 0);
        else if (node.op === 'Clip') sum = Math.min(Math.max(sum, 0), 6);
        else throw new Error(`an epilogue of ${node.op}`);
      }
      expect(Math.abs((data[index] as number) - sum), `${kernel.name}[${index}]`).toBeLessThanOrEqual(terms * 2 ** -24 * magnitude);
    }
    checked++;
  }
  return checked;
}

function floats(tensor: Tensor | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new Error('no fp32 tensor');
  return tensor.data;
}

function previous(nodes: readonly Node[], node: Node): Node {
  return nodes[nodes.indexOf(node) - 1] as Node;
}

function nameOf(graph: Graph, node: Node): string {
  return graph.values[node.outputs[0] as number]?.name ?? '';
}

interface Sum {
  readonly sum: number;
  readonly magnitude: number;
  readonly terms: number;
}

/** One output of a Conv or Gemm (transB) in binary64. */
function contractionAt(graph: Graph, node: Node, values: ReadonlyMap<string, Tensor>): (index: number) => Sum {
  const [x, w, b] = node.inputs.map((id) => graph.values[id as number]);
  if (x === undefined || w === undefined) throw new Error('a contraction without operands');
  const producer = viewSource(graph, x.name, values);
  const xs = producer.data as Float32Array;
  const weights = numbers(w);
  const bias = b === undefined ? null : numbers(b);
  const outShape = graph.values[node.outputs[0] as number]?.type.shape as number[];
  const term = (state: { sum: number; magnitude: number; terms: number }, p: number): void => {
    state.sum += p;
    state.magnitude += Math.abs(p);
    state.terms++;
  };
  if (node.op === 'Gemm') {
    const [n = 1, k = 1] = w.type.shape as number[];
    return (index) => {
      const state = { sum: 0, magnitude: 0, terms: 0 };
      const column = index % n;
      const row = Math.floor(index / n);
      for (let i = 0; i < k; i++) term(state, (xs[row * k + i] as number) * (weights[column * k + i] as number));
      if (bias !== null) term(state, bias[column] as number);
      return state;
    };
  }
  const [, cin = 1, ih = 1, iw = 1] = x.type.shape as number[];
  const [cout = 1, cg = 1, kh = 1, kw = 1] = w.type.shape as number[];
  const [, , oh = 1, ow = 1] = outShape;
  const groups = attributeInt(node, 'group', 1);
  const [sh = 1, sw = 1] = attributeInts(node, 'strides', [1, 1]);
  const [top = 0, left = 0] = attributeInts(node, 'pads', [0, 0, 0, 0]);
  return (index) => {
    const state = { sum: 0, magnitude: 0, terms: 0 };
    const ox = index % ow;
    const oy = Math.floor(index / ow) % oh;
    const m = Math.floor(index / (ow * oh)) % cout;
    const n = Math.floor(index / (ow * oh * cout));
    const first = Math.floor(m / (cout / groups)) * cg;
    for (let c = 0; c < cg; c++) {
      for (let r = 0; r < kh; r++) {
        for (let s = 0; s < kw; s++) {
          const y = oy * sh + r - top;
          const z = ox * sw + s - left;
          const inside = y >= 0 && y < ih && z >= 0 && z < iw;
          term(
            state,
            inside ? (xs[((n * cin + first + c) * ih + y) * iw + z] as number) * (weights[((m * cg + c) * kh + r) * kw + s] as number) : 0,
          );
        }
      }
    }
    if (bias !== null) term(state, bias[m] as number);
    return state;
  };
}

function numbers(value: { readonly constant: unknown }): Float32Array {
  const constant = value.constant as { kind: 'bytes'; bytes: Uint8Array };
  return new Float32Array(constant.bytes.slice().buffer);
}

/** The tensor under a name, looking through reshapes. */
function viewSource(graph: Graph, name: string, values: ReadonlyMap<string, Tensor>): Tensor {
  const known = values.get(name);
  if (known !== undefined) return known;
  const node = graph.nodes.find((n) => nameOf(graph, n) === name);
  return viewSource(graph, graph.values[node?.inputs[0] as number]?.name ?? '', values);
}

/** One node for each distinct layer shape. */
function distinctLayers(graph: Graph): Node[] {
  const seen = new Map<string, Node>();
  for (const node of graph.nodes) {
    if (node.op !== 'Conv' && node.op !== 'Gemm') continue;
    const shapes = node.inputs.map((id) => graph.values[id as number]?.type.shape);
    const key = JSON.stringify([shapes, node.attributes]);
    if (!seen.has(key)) seen.set(key, node);
  }
  return [...seen.values()];
}

/** The same layer with weights in −3 … 3: |sum| ≤ 4,608 · 3 · 7 + 9 < 2²⁴. */
function integerLayer(graph: Graph, node: Node) {
  const random = seededRandom(11);
  const b = modelBuilder();
  const shapes = node.inputs.map((id) => graph.values[id as number]?.type.shape as number[]);
  const integers = (shape: readonly number[], bound: number): number[] =>
    Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => random.integer(-bound, bound));
  const [x = [], w = [], bias = []] = shapes;
  const inputs = [b.input('x', x), b.weight('w', w, integers(w, 3)), b.weight('b', bias, integers(bias, 9))];
  const ints = (name: string, otherwise: readonly number[]): readonly number[] => attributeInts(node, name, otherwise);
  const attributes =
    node.op === 'Gemm'
      ? { transB: 1 }
      : {
          kernel_shape: ints('kernel_shape', []),
          strides: ints('strides', [1, 1]),
          pads: ints('pads', [0, 0, 0, 0]),
          group: attributeInt(node, 'group', 1),
        };
  return b.finish(b.node(node.op, inputs, attributes));
}

function integerInputs(graph: Graph): Map<string, Tensor> {
  const random = seededRandom(13);
  const value = graph.values[graph.inputs[0] as number];
  const shape = value?.type.shape as number[];
  const data = Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => random.integer(-7, 7));
  return new Map([[value?.name ?? '', { dtype: 'float32', shape, data }]]);
}
