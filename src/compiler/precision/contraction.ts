/** Which operands of a contraction are weights and bias, and along which axis their output channels run. */
import { attributeInt } from '../../graph/index.ts';
import type { Node, TensorType } from '../../graph/ir.ts';

export interface WeightSlot {
  /** Axis of the output channels; null: one scale for the whole tensor. */
  readonly axis: number | null;
}

/** Says whether constant operand `index` is a weight. */
export function weightSlot(node: Node, index: number, type: TensorType): WeightSlot | null {
  if (node.domain !== '') return null;
  switch (node.op) {
    case 'Conv':
      return index === 1 ? { axis: 0 } : null;
    case 'ConvTranspose':
      return index === 1 ? { axis: 1 } : null;
    case 'Gemm':
      if (index === 1) return { axis: attributeInt(node, 'transB', 0) === 0 ? 1 : 0 };
      return index === 0 ? { axis: null } : null;
    case 'MatMul':
      if (index === 1) return { axis: type.shape.length >= 2 ? type.shape.length - 1 : null };
      return index === 0 ? { axis: null } : null;
    default:
      return null;
  }
}

/** Where the bias of a contraction stands; null for operators without one. */
export function biasIndex(node: Node): number | null {
  return node.domain === '' && (node.op === 'Conv' || node.op === 'ConvTranspose' || node.op === 'Gemm') ? 2 : null;
}
