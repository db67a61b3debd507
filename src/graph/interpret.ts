/** Runs a graph on real numbers: the definition of what a model means. */
import { dataLength, fail, graphMessages, isTensor, type Diagnostic, type RuntimeValue, type Tensor } from '../core/index.ts';
import { evaluateNodeValues, planOf, startLive, valueOf } from './evaluate-values.ts';
import { runRegion } from './evaluate-region.ts';
import type { Graph, Node, Quantization, TensorType, Value, ValueId } from './ir.ts';
import { opDef } from './ops/index.ts';
import { printShape } from './ops/op-def.ts';
import { dequantizeTensor, evaluateQuantizedNode, quantizeTensor } from './quantized.ts';
import { printType } from './text-type.ts';

export interface InterpretOptions {
  /** Called with every input and every computed value that is a tensor as it comes to be; values inside of bodies are not seen. */
  readonly observe?: (value: Value, tensor: Tensor) => void;
}

/**
 * The outputs of a graph for these inputs, by name.
 * @param inputs  by input name; a quantized input may be given as float32 and is then quantized with its own scale
 * Throws coded errors for inputs that are missing or do not fit, absent constants, placeholder scales, and outputs that are not
 * tensors: `interpretValues` has those.
 */
export function interpret(graph: Graph, inputs: ReadonlyMap<string, Tensor>, options: InterpretOptions = {}): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [name, value] of interpretValues(graph, inputs, options)) {
    if (!isTensor(value)) return fail(graphMessages.outputIsNoTensor({ name, kind: value.kind }));
    tensors.set(name, value);
  }
  return tensors;
}

/** Like `interpret`, for inputs and outputs that may be sequences and optionals too. */
export function interpretValues(
  graph: Graph,
  inputs: ReadonlyMap<string, RuntimeValue>,
  options: InterpretOptions = {},
): Map<string, RuntimeValue> {
  const observe = options.observe ?? (() => undefined);
  const plan = planOf(graph);
  refusePlaceholders(graph, plan.nodes);
  const given = readInputs(graph, inputs);
  for (const [id, value] of given) if (isTensor(value)) observe(valueOf(graph, id), value);
  const live = startLive(graph, plan, given);
  const see = (node: Node, results: readonly RuntimeValue[]): void => {
    for (const [i, id] of node.outputs.entries()) {
      const result = results[i];
      if (result !== undefined && isTensor(result)) observe(valueOf(graph, id), result);
    }
  };
  const run = (node: Node, last: boolean): void => {
    const operands = node.inputs.map((id) => (id === null ? null : live.read(id, node.name)));
    const results = evaluateInGraph(graph, node, operands);
    see(node, results);
    if (last) live.settle(node, results);
    else live.put(node, results);
  };
  for (let at = 0; at < plan.nodes.length; at++) {
    const node = plan.nodes[at] as Node;
    const region = plan.regions.get(at);
    if (region === undefined) run(node, true);
    else {
      runRegion(plan.nodes.slice(at, region.end + 1), region.form, live, { see, run });
      at = region.end;
    }
  }
  return new Map(graph.outputs.map((id) => [valueOf(graph, id).name, live.read(id, '')]));
}

/** A node with the quantization its operands and results have in the graph. */
function evaluateInGraph(graph: Graph, node: Node, operands: readonly (RuntimeValue | null)[]): readonly RuntimeValue[] {
  const form = (id: ValueId | null): Quantization | null => (id === null ? null : valueOf(graph, id).quantization);
  const quantized = node.inputs.some((id) => form(id) !== null) || node.outputs.some((id) => form(id) !== null);
  if (!quantized) return evaluateNodeValues(node, graph.opset, operands);
  const tensors = operands.map((x) => (x === null || isTensor(x) ? x : undefined));
  if (opDef(node.domain, node.op)?.evaluateValues === undefined && tensors.every((x) => x !== undefined)) {
    return evaluateQuantizedNode(
      node,
      graph.opset,
      tensors.map((tensor, i) => (tensor === null ? null : { tensor, quantization: form(node.inputs[i] ?? null) })),
      node.outputs.map((id) => ({ dtype: valueOf(graph, id).type.dtype, quantization: form(id) })),
    );
  }
  // Bodies are plain: they see the numbers that quantized values stand for.
  const real = operands.map((x, i) => {
    const quantization = form(node.inputs[i] ?? null);
    return x === null || !isTensor(x) || quantization === null ? x : dequantizeTensor({ tensor: x, quantization });
  });
  return evaluateNodeValues(node, graph.opset, real).map((result, i) => {
    const id = node.outputs[i];
    const quantization = id === undefined ? null : form(id);
    if (id === undefined || quantization === null || !isTensor(result)) return result;
    return quantizeTensor(result, quantization, valueOf(graph, id).type.dtype);
  });
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

function readInputs(graph: Graph, given: ReadonlyMap<string, RuntimeValue>): readonly (readonly [ValueId, RuntimeValue])[] {
  const problems: Diagnostic[] = [];
  const result: (readonly [ValueId, RuntimeValue])[] = [];
  for (const id of graph.inputs) {
    const value = valueOf(graph, id);
    const { type, name, quantization } = value;
    const found = given.get(name);
    if (found === undefined) {
      if (value.constant === null) {
        problems.push(graphMessages.inputNotGiven({ name, shape: describe(type), given: [...given.keys()] }));
      }
      continue;
    }
    const asFloat = quantization !== null && isTensor(found) && found.dtype === 'float32' && type.dtype !== 'float32';
    if (!fits(type, found, asFloat)) {
      const expected = `${describe(type)}${quantization === null ? '' : ' (or float32)'}`;
      const what = isTensor(found)
        ? `${found.dtype} ${printShape(found.shape)} of ${found.data.length} elements`
        : `${found.kind === 'sequence' ? `a sequence of ${found.elements.length} ${found.dtype}` : 'an optional'}`;
      problems.push(graphMessages.inputOfWrongType({ name, expected, given: what }));
      continue;
    }
    const quantize = asFloat && isTensor(found) && quantization !== null;
    result.push([id, quantize ? quantizeTensor(found, quantization, type.dtype) : found]);
  }
  if (problems.length > 0) fail(...problems);
  return result;
}

function describe(type: TensorType): string {
  return type.container === undefined && type.unranked === undefined ? `${type.dtype} ${printShape(type.shape)}` : printType(type);
}

/** @param asFloat  numbers in place of the quantized integers of the type */
function fits(type: TensorType, value: RuntimeValue, asFloat: boolean): boolean {
  if (isTensor(value)) {
    const { shape } = value;
    const ranked = type.unranked !== true;
    // A tensor is welcome where an optional one is asked for.
    if (type.container !== undefined && type.container !== 'optional') return false;
    if (ranked && (shape.length !== type.shape.length || type.shape.some((d, i) => typeof d === 'number' && d !== shape[i]))) return false;
    return (asFloat || value.dtype === type.dtype) && value.data.length === dataLength(value.dtype, shape);
  }
  if (value.kind === 'optional') return type.container === 'optional' || type.container === 'optional-sequence';
  return (type.container === 'sequence' || type.container === 'optional-sequence') && value.dtype === type.dtype;
}
