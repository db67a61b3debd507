/** Floating types of a whole graph changed: to float32, which engines compute in, or to the 16-bit type the user asks for. */
import { bytesOf, compilerLowerMessages, isNarrowFloat, viewBytes, type DType, type Diagnostic } from '../../core/index.ts';
import { constantOf, dtypeCodes, floatsOf, tensorOf } from '../../graph/index.ts';
import type { Attribute, Constant, Graph, Node, TensorType, Value, ValueId } from '../../graph/ir.ts';
import { lazyBytes } from '../passes/constants.ts';
import { asPacked, roundedPacked } from '../passes/packed-numbers.ts';

/** Element types by their ONNX codes, turned around. */
const codes: ReadonlyMap<DType, number> = new Map(Object.entries(dtypeCodes).map(([code, dtype]) => [dtype, Number(code)]));

export interface Retyped {
  readonly graph: Graph;
  readonly diagnostics: readonly Diagnostic[];
}

const wide: readonly DType[] = ['float16', 'bfloat16', 'float64'];

/**
 * The same graph with every float16, bfloat16 and float64 value in float32, but those of the types in `kept`; constants are converted when
 * first read. A Cast from one of them to another moves nothing any more: it becomes an Identity. Numbers differ by what half precision
 * would have rounded away (and doubles by what float32 does).
 */
export function widenFloats(graph: Graph, kept: ReadonlySet<DType> = new Set()): Retyped {
  const from = new Set(wide.filter((dtype) => !kept.has(dtype)));
  const found = new Map<DType, string[]>();
  for (const v of graph.values) {
    if (!from.has(v.type.dtype)) continue;
    const names = found.get(v.type.dtype) ?? [];
    names.push(v.name);
    found.set(v.type.dtype, names);
  }
  if (found.size === 0 && !graph.nodes.some(hasBody)) return { graph, diagnostics: [] };
  const retyped = retype(graph, { from, to: 'float32', stays: none });
  if (retyped === null) return { graph, diagnostics: [] };
  return {
    graph: retyped,
    diagnostics: [...found].map(([dtype, names]) => compilerLowerMessages.widened({ dtype, count: names.length, first: names[0] ?? '' })),
  };
}

/**
 * The same graph with every floating value in `to`, constants rounded to nearest, ties to even; finite constants beyond its range become its
 * largest number. Operands that an operator takes in float32 alone stay.
 */
export function narrowFloats(graph: Graph, to: 'float16' | 'bfloat16'): Graph {
  const from = new Set<DType>((['float32', ...wide] as const).filter((dtype) => dtype !== to));
  const readBy = new Map<ValueId, boolean>();
  for (const node of graph.nodes)
    node.inputs.forEach((id, i) => {
      if (id !== null) readBy.set(id, (readBy.get(id) ?? true) && singleOnly(node, i));
    });
  const stays = new Set([...readBy].filter(([id, only]) => only && !graph.outputs.includes(id)).map(([id]) => id));
  return retype(graph, { from, to, stays }) ?? graph;
}

/** Whether an operand is float32 by the operator's definition, whatever the others are. */
function singleOnly(node: Node, index: number): boolean {
  if (node.domain !== '') return false;
  return (node.op === 'Resize' && index === 2) || (node.op === 'Upsample' && index === 1);
}

const none: ReadonlySet<ValueId> = new Set();

interface Change {
  readonly from: ReadonlySet<DType>;
  readonly to: DType;
  /** Values of the main graph that are left alone. */
  readonly stays: ReadonlySet<ValueId>;
}

function hasBody(node: Node): boolean {
  return Object.values(node.attributes).some((a) => a.kind === 'graph');
}

/** null where the graph looks at bits, which cannot be others: precision refuses such a model. */
function retype(graph: Graph, change: Change): Graph | null {
  if (graph.nodes.some((n) => n.op === 'BitCast' && n.domain === '')) return null;
  return retypeGraph(graph, change);
}

function retypeGraph(graph: Graph, change: Change): Graph {
  const values = graph.values.map((v) => (change.stays.has(v.id) ? v : retypeValue(v, change)));
  return { ...graph, values, nodes: graph.nodes.map((node) => retypeNode(node, graph.values, values, change)) };
}

function retypeType(type: TensorType, { from, to }: Change): TensorType {
  return from.has(type.dtype) ? { ...type, dtype: to } : type;
}

function retypeValue(value: Value, change: Change): Value {
  const type = retypeType(value.type, change);
  if (type === value.type) return value;
  // A value that stands for reals keeps the numbers it is held in.
  const constant = value.constant === null ? null : convertConstant(value.type, value.constant, change.to, value.name);
  return { ...value, type, constant };
}

/** The numbers of a floating constant in another floating type; computed when first read. */
export function convertConstant(type: TensorType, constant: Constant, to: DType, name: string): Constant {
  const bytes = (count: number, from: Constant): Uint8Array => {
    const numbers = floatsOf(constantOf({ dtype: type.dtype, shape: [count] }, from, name, ''));
    return bytesOf(tensorOf(to, [count], isNarrowFloat(to) ? numbers.map((x) => inRange(x, to)) : numbers));
  };
  const held = constant.kind === 'bytes' || constant.kind === 'absent' ? constant.packed : undefined;
  const packed = held === undefined ? undefined : roundedPacked(held, to);
  switch (constant.kind) {
    case 'absent':
      return asPacked({ kind: 'absent', reason: constant.reason }, packed);
    case 'strings':
      return constant;
    case 'splat':
      return { kind: 'splat', element: bytes(1, { kind: 'bytes', bytes: constant.element }) };
    case 'bytes':
      return lazyBytes(() => bytes(viewBytes(type.dtype, constant.bytes).length, constant), undefined, packed);
  }
}

const largest = { float16: 65504, bfloat16: 3.3895313892515355e38 } as const;

function inRange(x: number, to: DType): number {
  if ((to !== 'float16' && to !== 'bfloat16') || !Number.isFinite(x)) return x;
  return Math.min(Math.max(x, -largest[to]), largest[to]);
}

function retypeNode(node: Node, before: readonly Value[], after: readonly Value[], change: Change): Node {
  const [input = null] = node.inputs;
  const [output] = node.outputs;
  if (node.op === 'Cast' && node.domain === '' && input !== null && output !== undefined) {
    const same = after[input]?.type.dtype === change.to && after[output]?.type.dtype === change.to;
    const changed = before[input]?.type.dtype !== change.to || before[output]?.type.dtype !== change.to;
    if (same && changed) return { ...node, op: 'Identity', attributes: {} };
  }
  const attributes = Object.entries(node.attributes).map(([name, a]) => [name, retypeAttribute(node, name, a, change)] as const);
  const body = node.body?.map((n) => retypeNode(n, before, after, change));
  if (body === undefined && attributes.every(([name, a]) => a === node.attributes[name])) return node;
  return { ...node, attributes: Object.fromEntries(attributes), ...(body === undefined ? {} : { body }) };
}

/** Attributes that name the element type of an output. */
const typeAttributes: ReadonlySet<string> = new Set(['to', 'dtype', 'output_dtype', 'output_datatype']);
/** Attributes that name the type inner steps are computed in, where it is no narrower than what is read. */
const stepAttributes: ReadonlySet<string> = new Set(['softmax_precision', 'stash_type']);

function retypeAttribute(node: Node, name: string, attribute: Attribute, change: Change): Attribute {
  switch (attribute.kind) {
    case 'int': {
      const isType = typeAttributes.has(name) || (stepAttributes.has(name) && change.to === 'float32');
      const named = isType && [...change.from].some((dtype) => codes.get(dtype) === attribute.value);
      return named ? { kind: 'int', value: codes.get(change.to) ?? attribute.value } : attribute;
    }
    case 'tensor': {
      const type = retypeType(attribute.type, change);
      return type === attribute.type
        ? attribute
        : { ...attribute, type, constant: convertConstant(attribute.type, attribute.constant, change.to, node.name) };
    }
    case 'graph':
      return { ...attribute, value: retypeGraph(attribute.value, { ...change, stays: none }) };
    default:
      return attribute;
  }
}

/** What `to` of a Cast holds. */
export function dtypeCode(dtype: DType): number {
  const code = codes.get(dtype);
  if (code === undefined) throw new Error(`${dtype} has no code`);
  return code;
}
