/** Nodes and attributes that raising old forms adds. */
import type { OnnxAttribute } from '../../onnx/model.ts';
import type { NamedNode } from './names.ts';

export function integer(node: NamedNode, name: string): number | null {
  const a = node.attributes.find((x) => x.name === name);
  return a?.kind === 'int' ? a.value : null;
}

export function ints(name: string, value: readonly number[]): OnnxAttribute {
  return { name, refName: '', kind: 'ints', value };
}

export interface Added {
  readonly node: NamedNode;
  /** The value it writes. */
  readonly output: string;
}

/** `input` with dimensions of one put in at these places of the result. */
export function reshaped(node: NamedNode, input: string, axes: readonly number[]): Added {
  const output = `${node.name}:aligned`;
  return {
    output,
    node: { ...node, name: output, opType: 'Unsqueeze', inputs: [input], outputs: [output], attributes: [ints('axes', axes)] },
  };
}

/** A constant of int64 numbers; it comes from no node of the file. */
export function constantInts(node: NamedNode, name: string, numbers: readonly number[]): Added {
  const output = `${node.name}:${name}`;
  const attribute: OnnxAttribute = ints('value_ints', numbers);
  return {
    output,
    node: { ...node, name: output, opType: 'Constant', inputs: [], outputs: [output], attributes: [attribute], origin: [] },
  };
}
