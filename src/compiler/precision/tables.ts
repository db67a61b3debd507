/** On a machine whose vector engine looks functions up, nodes say so: what they mean is then the table. */
import { opDef } from '../../graph/index.ts';
import type { Attribute, Graph, Node, ValueId } from '../../graph/ir.ts';

/** Operators whose definition has an exponential, logistic, tangent, error function or inverse root. */
const withFunctions: ReadonlySet<string> = new Set([
  'Exp',
  'Sigmoid',
  'Tanh',
  'Erf',
  'Gelu',
  'Swish',
  'SwiGLU',
  'Mish',
  'Softplus',
  'Elu',
  'Celu',
  'Selu',
  'Softmax',
  'LogSoftmax',
  'LayerNormalization',
  'RMSNormalization',
  'InstanceNormalization',
  'GroupNormalization',
]);

/** Of one operand, and a step or two: no table is faster. */
const simple: ReadonlySet<string> = new Set(['Relu', 'Clip', 'Neg', 'Abs', 'Identity', 'Cast', 'QuantizeLinear', 'DequantizeLinear']);

/**
 * The same graph with functions as tables of `steps` steps (attribute `table`); as it is where the machine has exact ones (null). From bytes to bytes
 * there is a table with an entry for each (attribute `lookup`), which is exact.
 */
export function withTables(graph: Graph, steps: number | null): Graph {
  if (steps === null) return graph;
  const marked = (node: Node, name: 'table' | 'lookup', value: number): Node => {
    const attribute: Attribute = { kind: 'int', value };
    return { ...node, attributes: { ...node.attributes, [name]: attribute } };
  };
  const nodes = graph.nodes.map((node) => {
    if (node.domain !== '') return node;
    if (isOfBytes(graph, node)) return simple.has(node.op) ? node : marked(node, 'lookup', 1);
    return withFunctions.has(node.op) ? marked(node, 'table', steps) : node;
  });
  return nodes.every((node, i) => node === graph.nodes[i]) ? graph : { ...graph, nodes };
}

/** One operand and one result, elementwise, both bytes of one scale. */
function isOfBytes(graph: Graph, node: Node): boolean {
  const [x = null, ...rest] = node.inputs;
  const [y] = node.outputs;
  if (x === null || y === undefined || rest.length > 0 || node.outputs.length > 1) return false;
  if (opDef(node.domain, node.op)?.kernelClass !== 'elementwise') return false;
  return [x, y].every((id) => isByte(graph, id));
}

function isByte(graph: Graph, id: ValueId): boolean {
  const value = graph.values[id];
  return (
    value !== undefined && (value.type.dtype === 'int8' || value.type.dtype === 'uint8') && (value.quantization?.scale.length ?? 0) === 1
  );
}
