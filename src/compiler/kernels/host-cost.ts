/** What a node costs the host: elementary operations and bytes. Rough on purpose: hand-over and bytes dominate a fallback. */
import { elementCount, tensorBytes } from '../../core/index.ts';
import { macsOf, opDef, type Graph, type Node, type TensorType, type Value } from '../../graph/index.ts';
import { bodiesOf, tripsOf } from './trips.ts';

/**
 * Elementary operations per output element, by operator; 4 for the rest. LRN: square, 5-wide sum, power; Softmax: exp, sum, divide;
 * normalizations: two sums, root, scale; transcendental functions about 20.
 */
const opsPerElement: Readonly<Record<string, number>> = {
  LRN: 30,
  Softmax: 25,
  LogSoftmax: 30,
  Pow: 20,
  Erf: 20,
  Gelu: 30,
  Mish: 40,
  Resize: 16,
  GridSample: 30,
  RoiAlign: 60,
  LayerNormalization: 12,
  RMSNormalization: 8,
  InstanceNormalization: 12,
  GroupNormalization: 12,
  TopK: 40,
  NonMaxSuppression: 200,
  Unique: 40,
  Identity: 1,
  Gather: 2,
  Transpose: 2,
  Concat: 1,
  Slice: 1,
  Shape: 1,
};

/** Operators that read of their first operand only what they give. */
const picking: ReadonlySet<string> = new Set(['Gather', 'GatherElements', 'GatherND', 'Slice', 'GatherBlockQuantized', 'Shape', 'Size']);

/** Elements of a value; 0 where it is a sequence or its size is not known. */
export function elementsOf(type: TensorType): number {
  if (type.container !== undefined || type.unranked === true || type.shape.some((d) => typeof d !== 'number')) return 0;
  return elementCount(type.shape.map(Number));
}

function bytesOfType(type: TensorType): number {
  return tensorBytes(type.dtype, elementsOf(type));
}

/** MACs of a node with those of its bodies: an If counts its larger branch, loops as often as they are known to run. */
export function hostMacs(graph: Graph, node: Node): number {
  const bodies = bodiesOf(node);
  if (bodies.length === 0) return isBound(graph, node) && opDef(node.domain, node.op) !== undefined ? macsOf(graph, node) : 0;
  const each = bodies.map((body) => body.nodes.reduce((n, inner) => n + hostMacs(body, inner), 0));
  return tripsOf(graph, node).counted * Math.max(...each);
}

export function hostOps(graph: Graph, node: Node): number {
  const bodies = bodiesOf(node);
  if (bodies.length > 0) {
    const each = bodies.map((body) => body.nodes.reduce((n, inner) => n + hostOps(body, inner), 0));
    return tripsOf(graph, node).counted * Math.max(...each);
  }
  const elements = node.outputs.reduce((n, id) => n + elementsOf(valueAt(graph, id).type), 0);
  return 2 * hostMacs(graph, node) + elements * (opsPerElement[node.op] ?? 4);
}

/** Bytes of all operands, constants too: the host reads them all, but of what it picks from (a table of embeddings) only what it takes. */
export function hostBytes(graph: Graph, node: Node): number {
  const written = node.outputs.reduce((n, id) => n + bytesOfType(valueAt(graph, id).type), 0);
  const ids = [...new Set(node.inputs.filter((id) => id !== null))];
  const read = ids.reduce((n, id) => {
    const bytes = bytesOfType(valueAt(graph, id).type);
    return n + (picking.has(node.op) && id === node.inputs[0] ? Math.min(bytes, written) : bytes);
  }, 0);
  return read + written;
}

function valueAt(graph: Graph, id: number): Value {
  const value = graph.values[id];
  if (value === undefined) throw new Error(`no value ${id}`);
  return value;
}

function isBound(graph: Graph, node: Node): boolean {
  return [...node.inputs, ...node.outputs].every((id) => {
    if (id === null) return true;
    const { type } = valueAt(graph, id);
    return type.container === undefined && type.unranked !== true && type.shape.every((d) => typeof d === 'number');
  });
}
