/**
 * Models whose int8 tensors go straight into Conv, Gemm or MatMul, which ONNX forbids: shape studies do that. They are taken as
 * already quantized with placeholder scales. That can be timed; values would be meaningless and are refused.
 */
import { compilerMessages, type Diagnostic } from '../../core/index.ts';
import type { Node, Quantization, TensorType, Value } from '../../graph/ir.ts';
import { weightSlot } from '../precision/contraction.ts';
import { placeholderPerChannel, placeholderQuantization } from '../precision/placeholder.ts';

export interface IntegerUse {
  /** Gives the node's int8 operands placeholder scales, if it is one that ONNX allows no integers in. */
  mark(node: Node): void;
  /** How an output is held: what quantized operands make of real numbers is quantized with placeholder scales too. */
  hold(node: Node, type: TensorType): { readonly type: TensorType; readonly quantization: Quantization | null };
  /** One warning for all. */
  diagnostics(): readonly Diagnostic[];
}

const floatOnly = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** @param values the growing list of the graph under construction; operands are replaced in it */
export function integersWithoutScales(values: Value[]): IntegerUse {
  const found: Node[] = [];
  let dtype = 'int8';
  const change = (id: number, quantization: Quantization): void => {
    const value = values[id];
    if (value !== undefined && isByte(value.type) && value.quantization === null) values[id] = { ...value, quantization };
  };
  return {
    mark(node) {
      const [x] = node.inputs;
      const type = x === null || x === undefined ? undefined : values[x]?.type;
      if (!floatOnly.has(node.op) || node.domain !== '' || type === undefined || !isByte(type)) return;
      found.push(node);
      dtype = type.dtype;
      node.inputs.forEach((id, index) => {
        const value = id === null ? undefined : values[id];
        if (id === null || value === undefined) return;
        const axis = value.constant === null ? null : weightSlot(node, index, value.type)?.axis;
        const channels = axis === null || axis === undefined ? undefined : value.type.shape[axis];
        change(
          id,
          typeof channels === 'number' && typeof axis === 'number' ? placeholderPerChannel(channels, axis) : placeholderQuantization,
        );
      });
    },
    hold(node, type) {
      const source = node.inputs
        .map((id) => (id === null ? undefined : values[id]))
        .find((v) => v !== undefined && v.quantization !== null);
      if (source === undefined || type.dtype !== 'float32') return { type, quantization: null };
      return { type: { ...type, dtype: source.type.dtype }, quantization: placeholderQuantization };
    },
    diagnostics() {
      const [first] = found;
      if (first === undefined) return [];
      const nodes = found.map((node) => node.name);
      return [compilerMessages.preQuantized({ operator: first.op, dtype, nodes }, { origin: nodes })];
    },
  };
}

function isByte(type: TensorType): boolean {
  return type.dtype === 'int8' || type.dtype === 'uint8';
}
