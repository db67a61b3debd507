/** Half, brain and double precision as float32: what the engines compute in, and what evaluators round to anyway. */
import { bytesOf, compilerLowerMessages, viewBytes, type DType, type Diagnostic, type TensorData } from '../../core/index.ts';
import { constantOf, floatsOf } from '../../graph/index.ts';
import type { Attribute, Constant, Graph, Node, TensorType, Value } from '../../graph/ir.ts';
import { lazyBytes } from '../passes/constants.ts';

const widened: ReadonlySet<DType> = new Set<DType>(['float16', 'bfloat16', 'float64']);

/** ONNX codes of the element types above, and of float32. */
const codes: ReadonlySet<number> = new Set([10, 11, 16]);
const float32Code = 1;

export interface Widened {
  readonly graph: Graph;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The same graph with every float16, bfloat16 and float64 value in float32; constants are converted when first read. A Cast from one of
 * them to another moves nothing any more: it becomes an Identity. Numbers differ by what half precision would have rounded away (and
 * doubles by what float32 does).
 */
export function widenFloats(graph: Graph): Widened {
  const found = new Map<DType, string[]>();
  for (const v of graph.values) {
    if (!widened.has(v.type.dtype)) continue;
    const names = found.get(v.type.dtype) ?? [];
    names.push(v.name);
    found.set(v.type.dtype, names);
  }
  // What looks at bits cannot have others: precision refuses such a model.
  if (graph.nodes.some((n) => n.op === 'BitCast' && n.domain === '')) return { graph, diagnostics: [] };
  const inBodies = graph.nodes.some((n) => hasBody(n));
  if (found.size === 0 && !inBodies) return { graph, diagnostics: [] };
  return {
    graph: widenGraph(graph),
    diagnostics: [...found].map(([dtype, names]) => compilerLowerMessages.widened({ dtype, count: names.length, first: names[0] ?? '' })),
  };
}

function hasBody(node: Node): boolean {
  return Object.values(node.attributes).some((a) => a.kind === 'graph');
}

function widenGraph(graph: Graph): Graph {
  const values = graph.values.map(widenValue);
  return { ...graph, values, nodes: graph.nodes.map((node) => widenNode(node, graph.values, values)) };
}

function widenType(type: TensorType): TensorType {
  return widened.has(type.dtype) ? { ...type, dtype: 'float32' } : type;
}

function widenValue(value: Value): Value {
  const type = widenType(value.type);
  if (type === value.type) return value;
  // A value that stands for reals keeps the numbers it is held in.
  return { ...value, type, constant: value.constant === null ? null : widenConstant(value.type, value.constant, value.name) };
}

function widenConstant(type: TensorType, constant: Constant, name: string): Constant {
  const bytes = (shape: readonly number[], from: Constant): Uint8Array => {
    const data: TensorData = floatsOf(constantOf({ dtype: type.dtype, shape }, from, name, ''));
    return bytesOf({ dtype: 'float32', shape, data });
  };
  switch (constant.kind) {
    case 'absent':
    case 'strings':
      return constant;
    case 'splat':
      return { kind: 'splat', element: bytes([1], { kind: 'bytes', bytes: constant.element }) };
    case 'bytes': {
      return lazyBytes(() => {
        const count = viewBytes(type.dtype, constant.bytes).length;
        return bytes([count], constant);
      });
    }
  }
}

function widenNode(node: Node, before: readonly Value[], after: readonly Value[]): Node {
  const [input = null] = node.inputs;
  const [output] = node.outputs;
  if (node.op === 'Cast' && node.domain === '' && input !== null && output !== undefined) {
    const isFloat = after[input]?.type.dtype === 'float32' && after[output]?.type.dtype === 'float32';
    const changed = before[input]?.type.dtype !== 'float32' || before[output]?.type.dtype !== 'float32';
    if (isFloat && changed) return { ...node, op: 'Identity', attributes: {} };
  }
  const attributes = Object.entries(node.attributes).map(([name, a]) => [name, widenAttribute(node, name, a)] as const);
  const body = node.body?.map((n) => widenNode(n, before, after));
  if (body === undefined && attributes.every(([name, a]) => a === node.attributes[name])) return node;
  return { ...node, attributes: Object.fromEntries(attributes), ...(body === undefined ? {} : { body }) };
}

/** Attributes that name an element type. */
const typeAttributes: ReadonlySet<string> = new Set(['to', 'dtype', 'output_dtype', 'output_datatype', 'softmax_precision', 'stash_type']);

function widenAttribute(node: Node, name: string, attribute: Attribute): Attribute {
  switch (attribute.kind) {
    case 'int':
      return typeAttributes.has(name) && codes.has(attribute.value) ? { kind: 'int', value: float32Code } : attribute;
    case 'tensor': {
      const type = widenType(attribute.type);
      return type === attribute.type
        ? attribute
        : { ...attribute, type, constant: widenConstant(attribute.type, attribute.constant, node.name) };
    }
    case 'graph':
      return { ...attribute, value: widenGraph(attribute.value) };
    default:
      return attribute;
  }
}
