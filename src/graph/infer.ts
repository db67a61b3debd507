/** Shape and type inference over a graph, node by node in topological order. */
import { fail, graphMessages, isInteger, type Tensor } from '../core/index.ts';
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
  const dims = (id: ValueId): readonly Dim[] | null => {
    const known = contents.get(id);
    if (known !== undefined) return known;
    const v = value(id);
    const count = v.type.shape.length === 0 ? 1 : v.type.shape[0];
    if (
      v.constant === null ||
      v.constant.kind === 'absent' ||
      v.type.shape.length > 1 ||
      !(isInteger(v.type.dtype) || v.type.dtype === 'bool')
    )
      return null;
    if (typeof count !== 'number' || count > longestShape) return null;
    const read = [...numbersOf(constantOf(v.type, v.constant, v.name, ''))];
    contents.set(id, read);
    return read;
  };
  const tensor = (id: ValueId): Tensor | null => {
    const v = value(id);
    if (v.constant !== null) return v.constant.kind === 'absent' ? null : constantOf(v.type, v.constant, v.name, '');
    const known = contents.get(id);
    const numbers = known?.filter((d) => typeof d === 'number');
    if (known === undefined || numbers === undefined || numbers.length !== known.length) return null;
    return tensorOf(v.type.dtype, v.type.shape.length === 0 ? [] : [numbers.length], numbers);
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
      };
      const types = def.infer(context);
      const [output] = node.outputs;
      const found = output === undefined || types[0] === undefined || types[0].shape.length > 1 ? null : (def.contents?.(context) ?? null);
      if (output !== undefined && found !== null && found.length <= longestShape) contents.set(output, found);
      return types.slice(0, node.outputs.length);
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
