/** Small graphs with sizes known, written node by node; types follow from the operators. */
import { seededRandom, zeros, type DType, type Tensor } from '../../../src/core/index.ts';
import { constantFrom, opDef, startInference, type Attribute, type Graph, type Node, type Value } from '../../../src/graph/index.ts';
import type { TensorType } from '../../../src/graph/ir.ts';

type Plain = number | string | readonly number[] | readonly string[] | { readonly float: number } | Graph;

export interface GraphWriter {
  input(name: string, shape: readonly number[], dtype?: DType): number;
  constant(tensor: Tensor): number;
  /** A constant of bell-shaped numbers. */
  weight(shape: readonly number[], scale?: number): number;
  ints(list: readonly number[]): number;
  /** `op`: "Add", or "com.microsoft.Gelu". @returns its outputs */
  node(op: string, inputs: readonly (number | null)[], attributes?: Readonly<Record<string, Plain>>, more?: More): readonly number[];
  shape(id: number): readonly number[];
  dtype(id: number): DType;
  finish(...outputs: readonly number[]): Graph;
}

interface More {
  readonly outputs?: number;
  readonly captures?: number;
}

export function writeGraph(opset = 21, seed = 1): GraphWriter {
  const values: Value[] = [];
  const inputs: number[] = [];
  const nodes: Node[] = [];
  const random = seededRandom(seed);
  const inference = startInference(opset, (id) => values[id] as Value);
  const add = (name: string, type: TensorType, tensor: Tensor | null = null): number => {
    const constant = tensor === null ? null : constantFrom(tensor);
    values.push({ id: values.length, name, type, layout: 'row-major', quantization: null, constant });
    return values.length - 1;
  };
  const w: GraphWriter = {
    input(name, shape, dtype = 'float32') {
      const id = add(name, { dtype, shape });
      inputs.push(id);
      return id;
    },
    constant: (tensor) => add(`c${values.length}`, { dtype: tensor.dtype, shape: tensor.shape }, tensor),
    weight(shape, scale = 0.5) {
      const tensor = zeros('float32', shape);
      const data = Float32Array.from(tensor.data as Float32Array, () => random.bell() * scale);
      return w.constant({ ...tensor, data });
    },
    ints: (list) => w.constant({ dtype: 'int64', shape: [list.length], data: BigInt64Array.from(list, BigInt) }),
    node(op, given, attributes = {}, { outputs = 1, captures } = {}) {
      const at = op.lastIndexOf('.');
      const domain = at < 0 ? '' : op.slice(0, at);
      const name = `${op.slice(at + 1).toLowerCase()}${nodes.length}`;
      const first = values.length;
      const node: Node = {
        op: op.slice(at + 1),
        domain,
        name,
        inputs: given,
        outputs: Array.from({ length: outputs }, (_, i) => first + i),
        attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)])),
        origin: [name],
        ...(captures === undefined ? {} : { captures }),
      };
      const types = opDef(domain, node.op) === undefined ? [] : inference.infer(node);
      const ids = node.outputs.map((_, i) => add(`${name}_${i}`, types[i] ?? { dtype: 'float32', shape: [], unranked: true }));
      nodes.push(node);
      return ids;
    },
    shape: (id) => (values[id] as Value).type.shape.map(Number),
    dtype: (id) => (values[id] as Value).type.dtype,
    finish: (...outputs) => ({ name: 'test', opset, inputs, outputs, values, nodes, retired: {} }),
  };
  return w;
}

function attributeOf(value: Plain): Attribute {
  if (typeof value === 'number') return { kind: 'int', value };
  if (typeof value === 'string') return { kind: 'string', value };
  if ('nodes' in value) return { kind: 'graph', value };
  if ('float' in value) return { kind: 'float', value: value.float };
  return typeof value[0] === 'string'
    ? { kind: 'strings', value: value as readonly string[] }
    : { kind: 'ints', value: value as readonly number[] };
}
