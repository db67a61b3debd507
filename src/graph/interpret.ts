/** Runs a graph on real numbers: the definition of what a model means. */
import { elementCount, fail, graphMessages, type Diagnostic, type Tensor } from '../core/index.ts';
import { constantOf } from './constant.ts';
import { evaluateNode } from './evaluate.ts';
import { leafNodes } from './infer.ts';
import type { Graph, Node, Value, ValueId } from './ir.ts';
import { printShape } from './ops/op-def.ts';
import { evaluateQuantizedNode, quantizeTensor, type QuantizedTensor } from './quantized.ts';

export interface InterpretOptions {
  /** Called with every input and every computed value as it comes to be. */
  readonly observe?: (value: Value, tensor: Tensor) => void;
}

/**
 * The outputs of a graph for these inputs, by name.
 * @param inputs  by input name; a quantized input may be given as float32 and is then quantized with its own scale
 * Throws coded errors for inputs that are missing or do not fit, absent constants, and placeholder scales.
 */
export function interpret(graph: Graph, inputs: ReadonlyMap<string, Tensor>, options: InterpretOptions = {}): Map<string, Tensor> {
  const observe = options.observe ?? (() => undefined);
  const nodes = leafNodes(graph.nodes);
  refusePlaceholders(graph, nodes);
  const live = new Map<ValueId, Tensor>();
  for (const [id, tensor] of readInputs(graph, inputs)) {
    live.set(id, tensor);
    observe(valueOf(graph, id), tensor);
  }
  const uses = countUses(graph, nodes);
  const read = (id: ValueId, node: string): Tensor => {
    const found = live.get(id);
    if (found !== undefined) return found;
    const value = valueOf(graph, id);
    if (value.constant === null) throw new Error(`value "${value.name}" is used before it is computed`);
    return constantOf(value.type, value.constant, value.name, node);
  };
  for (const node of nodes) {
    const operands = node.inputs.map((id): QuantizedTensor | null =>
      id === null ? null : { tensor: read(id, node.name), quantization: valueOf(graph, id).quantization },
    );
    const forms = node.outputs.map((id) => valueOf(graph, id));
    const quantized = operands.some((x) => x !== null && x.quantization !== null) || forms.some((v) => v.quantization !== null);
    const results = quantized
      ? evaluateQuantizedNode(
          node,
          graph.opset,
          operands,
          forms.map((v) => ({ dtype: v.type.dtype, quantization: v.quantization })),
        )
      : evaluateNode(
          node,
          graph.opset,
          operands.map((x) => x?.tensor ?? null),
        );
    for (const [i, id] of node.outputs.entries()) {
      const tensor = results[i];
      if (tensor === undefined) throw new Error(`${node.op} "${node.name}" did not compute its output ${i}`);
      live.set(id, tensor);
      observe(valueOf(graph, id), tensor);
    }
    for (const id of node.inputs) {
      if (id === null) continue;
      const left = (uses.get(id) ?? 0) - 1;
      uses.set(id, left);
      if (left === 0) live.delete(id);
    }
    for (const id of node.outputs) if (!uses.has(id)) live.delete(id);
  }
  return new Map(graph.outputs.map((id) => [valueOf(graph, id).name, read(id, '')]));
}

function valueOf(graph: Graph, id: ValueId): Value {
  const value = graph.values[id];
  if (value === undefined) throw new Error(`graph "${graph.name}" has no value ${id}`);
  return value;
}

/** Reads of each value; graph outputs count as one that never ends. */
function countUses(graph: Graph, nodes: readonly Node[]): Map<ValueId, number> {
  const uses = new Map<ValueId, number>();
  for (const id of graph.outputs) uses.set(id, 1);
  for (const node of nodes) for (const id of node.inputs) if (id !== null) uses.set(id, (uses.get(id) ?? 0) + 1);
  return uses;
}

function refusePlaceholders(graph: Graph, nodes: readonly Node[]): void {
  const problems: Diagnostic[] = [];
  for (const node of nodes) {
    for (const id of [...node.inputs, ...node.outputs]) {
      const value = id === null ? undefined : graph.values[id];
      if (value?.quantization?.source === 'placeholder') {
        problems.push(graphMessages.placeholderScales({ value: value.name, node: node.name }, { origin: node.origin }));
      }
    }
    // One is enough: every quantized value of such a graph has placeholders.
    if (problems.length > 0) fail(...problems.slice(0, 1));
  }
}

function readInputs(graph: Graph, given: ReadonlyMap<string, Tensor>): readonly (readonly [ValueId, Tensor])[] {
  const problems: Diagnostic[] = [];
  const result: (readonly [ValueId, Tensor])[] = [];
  for (const id of graph.inputs) {
    const value = valueOf(graph, id);
    const { type, name, quantization } = value;
    const tensor = given.get(name);
    if (tensor === undefined) {
      if (value.constant === null) {
        problems.push(graphMessages.inputNotGiven({ name, shape: `${type.dtype} ${printShape(type.shape)}`, given: [...given.keys()] }));
      }
      continue;
    }
    const fits = tensor.shape.length === type.shape.length && type.shape.every((d, i) => typeof d !== 'number' || d === tensor.shape[i]);
    const asFloat = quantization !== null && tensor.dtype === 'float32' && type.dtype !== 'float32';
    if (!fits || !(asFloat || tensor.dtype === type.dtype) || tensor.data.length !== elementCount(tensor.shape)) {
      const expected = `${type.dtype} ${printShape(type.shape)}${quantization === null ? '' : ' (or float32)'}`;
      problems.push(
        graphMessages.inputOfWrongType({
          name,
          expected,
          given: `${tensor.dtype} ${printShape(tensor.shape)} of ${tensor.data.length} elements`,
        }),
      );
      continue;
    }
    result.push([id, asFloat && quantization !== null ? quantizeTensor(tensor, quantization, type.dtype) : tensor]);
  }
  if (problems.length > 0) fail(...problems);
  return result;
}
