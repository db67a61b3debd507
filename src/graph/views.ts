import type { Node } from './ir.ts';

const viewOps: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity', 'Dropout']);

/** True for nodes whose output is input 0 under another shape: row-major elements in the same order, so nothing moves. */
export function isView(node: Node): boolean {
  return (node.domain === '' || node.domain === 'ai.onnx') && viewOps.has(node.op) && node.outputs.length === 1;
}
