/**
 * A model with numbers in place of its weights: those made by ConstantOfShape, which are all the same and prove nothing, and those whose data
 * are not there. Scaled so that activations neither fade nor grow: by the fan-in of products, near 1 for factors, positive for variances.
 */
import { hashName, seededRandom } from '../../src/core/index.ts';
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from '../../src/onnx/model.ts';

type Role = 'weight' | 'bias' | 'factor' | 'variance';

/** Operators that show their first operand in another shape. */
const views: ReadonlySet<string> = new Set(['Unsqueeze', 'Squeeze', 'Reshape', 'Identity']);

/** Sizes in bits that Stream notes at its nodes: no attributes of ONNX. */
const foreign: ReadonlySet<string> = new Set(['act_size', 'weight_size', 'output_size']);

export function withSeededWeights(model: OnnxModel, seed: number): OnnxModel {
  const { graph } = model;
  const shapes = new Map(graph.initializers.map((t) => [t.name, t]));
  const made = new Map<string, OnnxTensor>();
  const rest: OnnxNode[] = [];
  for (const node of graph.nodes) {
    const [shape, output] = [shapes.get(node.inputs[0] ?? ''), node.outputs[0] ?? ''];
    const dims = node.opType === 'ConstantOfShape' && shape !== undefined ? integersOf(shape) : null;
    if (dims === null) rest.push({ ...node, attributes: node.attributes.filter(({ name }) => !foreign.has(name)) });
    else made.set(output, drawn(graph, output, dims, seed));
  }
  const initializers = graph.initializers.map((t) => (isAbsent(t) ? drawn(graph, t.name, t.dims, seed) : t));
  const outputs = [...graph.outputs, ...logitsOf(graph)];
  return { ...model, graph: { ...graph, nodes: rest, outputs, initializers: [...initializers, ...made.values()] } };
}

/** What a last Softmax reads is an output as well: behind it one class has it all, and nothing is left to compare. */
function logitsOf(graph: OnnxGraph): readonly OnnxValueInfo[] {
  return graph.nodes
    .filter((n) => n.opType === 'Softmax' && graph.outputs.some(({ name }) => n.outputs.includes(name)))
    .map((n) => ({ name: n.inputs[0] ?? '', type: { kind: 'tensor', dtype: 'float32', shape: null } }));
}

function isAbsent({ data, dtype, dims }: OnnxTensor): boolean {
  if (dtype !== 'float32') return false;
  return data.kind === 'external' || (data.kind === 'bytes' && data.bytes.length === 0 && dims.every((d) => d > 0));
}

function integersOf({ dtype, data }: OnnxTensor): readonly number[] | null {
  if (dtype !== 'int64' || data.kind !== 'bytes') return null;
  const view = new DataView(data.bytes.buffer, data.bytes.byteOffset, data.bytes.byteLength);
  return Array.from({ length: data.bytes.length / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
}

function drawn(graph: OnnxGraph, name: string, dims: readonly number[], seed: number): OnnxTensor {
  const random = seededRandom((hashName(name) ^ seed) >>> 0);
  const { role, fanIn } = roleOf(graph, name, dims);
  const next: Readonly<Record<Role, () => number>> = {
    weight: () => random.bell() * Math.sqrt(1.5 / fanIn),
    bias: () => random.bell() * 0.1,
    factor: () => 1 + random.bell() * 0.1,
    variance: () => 1 + random.next() * 0.5,
  };
  const data = Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, next[role]);
  return { name, dtype: 'float32', dims, data: { kind: 'bytes', bytes: new Uint8Array(data.buffer) } };
}

/** What the first reader takes a value for, through changes of its shape. */
function roleOf(graph: OnnxGraph, name: string, dims: readonly number[]): { readonly role: Role; readonly fanIn: number } {
  let value = name;
  for (;;) {
    const at = value;
    const node = graph.nodes.find((n) => n.inputs.includes(at));
    const index = node?.inputs.indexOf(at) ?? 0;
    const all = dims.reduce((n, d) => n * d, 1);
    switch (node?.opType) {
      case undefined:
        return { role: 'bias', fanIn: 1 };
      case 'Conv':
        return index === 1 ? { role: 'weight', fanIn: all / (dims[0] ?? 1) } : { role: 'bias', fanIn: 1 };
      case 'ConvTranspose':
        return index === 1 ? { role: 'weight', fanIn: all / (dims[1] ?? 1) } : { role: 'bias', fanIn: 1 };
      case 'Gemm':
      case 'MatMul':
        return index === 1 && dims.length > 1 ? { role: 'weight', fanIn: Math.sqrt(all) } : { role: 'bias', fanIn: 1 };
      case 'BatchNormalization':
        return { role: index === 4 ? 'variance' : index === 1 ? 'factor' : 'bias', fanIn: 1 };
      case 'Mul':
      case 'PRelu':
        return { role: 'factor', fanIn: 1 };
      default:
        if (!views.has(node?.opType ?? '') || index !== 0) return { role: 'bias', fanIn: 1 };
        value = node?.outputs[0] ?? '';
    }
  }
}
