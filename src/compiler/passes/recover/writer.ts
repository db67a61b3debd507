/** Nodes written around a composite: operands turned, masks joined, results given back in the form that was there. */
import type { Attributes, Constant, Node, TensorType, ValueId } from '../../../graph/ir.ts';
import type { Maker } from './recovery.ts';

export interface NodeWriter {
  readonly nodes: readonly Node[];
  /** Appends a node with one result of this type. */
  op(op: string, inputs: readonly ValueId[], type: TensorType, attributes?: Attributes, result?: ValueId): ValueId;
  constant(what: string, type: TensorType, constant: Constant): ValueId;
  /** A vector of int64. */
  ints(what: string, numbers: readonly number[]): ValueId;
  float(what: string, number: number): ValueId;
}

/** Forms of opset 13 whatever the graph's: axes of Unsqueeze and Squeeze as attributes, as the graph has them after canonicalising. */
const version = 13;

/** @param near  a node of the pattern, after which the new ones are named */
export function createNodeWriter(make: Maker, near: Node): NodeWriter {
  const nodes: Node[] = [];
  const constant = (what: string, type: TensorType, value: Constant): ValueId => make.constant(`${near.name}/${what}`, type, value);
  return {
    nodes,
    op(op, inputs, type, attributes = {}, result) {
      const name = `${near.name}/${op.toLowerCase()}${nodes.length === 0 ? '' : nodes.length}`;
      const id = result ?? make.value(name, type);
      nodes.push({ op, domain: '', name, inputs, outputs: [id], attributes, version, origin: near.origin });
      return id;
    },
    constant,
    ints: (what, numbers) =>
      constant(
        what,
        { dtype: 'int64', shape: [numbers.length] },
        { kind: 'bytes', bytes: new Uint8Array(BigInt64Array.from(numbers, BigInt).buffer) },
      ),
    float: (what, number) => constant(what, { dtype: 'float32', shape: [] }, floatSplat(number)),
  };
}

/** Every element this float32. */
export function floatSplat(number: number): Constant {
  return { kind: 'splat', element: new Uint8Array(Float32Array.of(number).buffer) };
}
