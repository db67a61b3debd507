import type { Node } from './ir.ts';

const viewOps: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity', 'Dropout']);

/**
 * True for nodes whose output is input 0 under another shape: row-major elements in the same order, so nothing moves. A Dropout that
 * is told whether to train is none; canonicalise takes away an operand that says no.
 */
export function isView(node: Node): boolean {
  if ((node.domain !== '' && node.domain !== 'ai.onnx') || !viewOps.has(node.op) || node.outputs.length !== 1) return false;
  return node.op !== 'Dropout' || (node.inputs[2] ?? null) === null;
}
