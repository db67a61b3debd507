/** Shape and type inference over a graph, node by node in topological order. */
import { elementCount, fail, graphMessages, SystoleError, type Tensor } from '../core/index.ts';
import { constantOf } from './constant.ts';
import type { Dim } from './dim.ts';
import type { Node, TensorType, Value, ValueId } from './ir.ts';
import { opDef, suggestOp } from './ops/index.ts';
import { numbersOf, tensorOf } from './ops/numbers.ts';
import type { InferContext, OpDef } from './ops/op-def.ts';

export interface Inference {
  /**
   * The types of a node's outputs, one for each. Call it for nodes in order: it remembers the contents of small integer values,
   * so that shapes computed from shapes are known, symbols included. Throws coded errors. Not for `Fused`: infer its body.
   */
  infer(node: Node): readonly TensorType[];
  /** Integers of a value of rank 0 or 1 where known; null otherwise. */
  dims(id: ValueId): readonly Dim[] | null;
}

/** Contents longer than this are data, not shapes. */
const longestShape = 1024;

/** @param value  the current state of a value: its type must be known when a node that reads it is inferred */
export function startInference(opset: number, value: (id: ValueId) => Value): Inference {
  const contents = new Map<ValueId, readonly Dim[]>();
  /** Small values computed from constants and shapes only. */
  const computed = new Map<ValueId, Tensor>();
  const dims = (id: ValueId): readonly Dim[] | null => {
    const known = contents.get(id);
    if (known !== undefined) return known;
    const v = value(id);
    const count = v.type.shape.length === 0 ? 1 : v.type.shape[0];
    const constant = computed.get(id) ?? (v.constant === null || v.constant.kind === 'absent' ? null : v.constant);
    if (constant === null || v.type.shape.length > 1 || v.type.dtype === 'string') return null;
    if (typeof count !== 'number' || count > longestShape) return null;
    const read = [...numbersOf('kind' in constant ? constantOf(v.type, constant, v.name, '') : constant)];
    if (!read.every(Number.isInteger)) return null;
    contents.set(id, read);
    return read;
  };
  const tensor = (id: ValueId): Tensor | null => {
    const made = computed.get(id);
    if (made !== undefined) return made;
    const v = value(id);
    if (v.constant !== null) return v.constant.kind === 'absent' ? null : constantOf(v.type, v.constant, v.name, '');
    const known = contents.get(id);
    const numbers = known?.filter((d) => typeof d === 'number');
    if (known === undefined || numbers === undefined || numbers.length !== known.length) return null;
    return tensorOf(v.type.dtype, v.type.shape.length === 0 ? [] : [numbers.length], numbers);
  };
  /** Output 0 where all inputs are small and known; null otherwise. */
  const compute = (def: OpDef, node: Node, types: readonly TensorType[]): Tensor | null => {
    const small = (shape: readonly Dim[]): boolean =>
      shape.every((d) => typeof d === 'number') && elementCount(shape.map(Number)) <= longestShape;
    if (!types.every((t) => small(t.shape))) return null;
    const inputs: (Tensor | null)[] = [];
    for (const id of node.inputs) {
      const known = id === null || !small(value(id).type.shape) || value(id).quantization !== null ? null : tensor(id);
      if (id !== null && known === null) return null;
      inputs.push(known);
    }
    const outputs = types.map((t) => ({ dtype: t.dtype, shape: t.shape.map(Number) }));
    try {
      return def.evaluate({ node, opset, inputs, outputs })[0] ?? null;
    } catch (error) {
      // Whoever runs the node will report it.
      if (error instanceof SystoleError) return null;
      throw error;
    }
  };
  return {
    dims,
    infer(node) {
      const def = definitionOf(node);
      const context: InferContext = {
        node,
        opset,
        inputs: node.inputs.map((id) => (id === null ? null : meaningType(value(id)))),
        tensor: (i) => atInput(node, i, tensor),
        dims: (i) => atInput(node, i, dims),
        unknownDim: (_upper, why) =>
          fail(graphMessages.contentsNotKnown({ op: node.op, node: node.name, index: 0, what: why }, { origin: node.origin })),
        inferGraph: (graph) => graph.outputs.map((id) => graph.values[id]?.type ?? { dtype: 'float32', shape: [], unranked: true }),
      };
      const types = def.infer(context).slice(0, node.outputs.length);
      const [output] = node.outputs;
      const [type] = types;
      if (output === undefined || type === undefined) return types;
      const found = type.shape.length > 1 ? null : (def.contents?.(context) ?? null);
      if (found !== null && found.length <= longestShape) contents.set(output, found);
      if (found === null || found.some((d) => typeof d !== 'number')) {
        const made = compute(def, node, types);
        if (made !== null) computed.set(output, made);
      }
      return types;
    },
  };
}

function atInput<T>(node: Node, index: number, read: (id: ValueId) => T | null): T | null {
  const id = node.inputs[index] ?? null;
  return id === null ? null : read(id);
}

/** Quantized values stand for real numbers: operators see them as float32. */
export function meaningType(value: Value): TensorType {
  return value.quantization === null ? value.type : { dtype: 'float32', shape: value.type.shape };
}

/** The definition of a node's operator; a coded error names the nearest one where there is none. */
export function definitionOf(node: Node): OpDef {
  return (
    opDef(node.domain, node.op) ??
    fail(
      graphMessages.unknownOperator(
        { op: node.op, domain: node.domain, node: node.name, near: suggestOp(node.op) },
        { origin: node.origin },
      ),
    )
  );
}

/** The nodes that compute: bodies in place of `Fused` nodes, order kept. */
export function leafNodes(nodes: readonly Node[]): readonly Node[] {
  return nodes.some((n) => n.body !== undefined) ? nodes.flatMap((n) => (n.body === undefined ? [n] : leafNodes(n.body))) : nodes;
}
