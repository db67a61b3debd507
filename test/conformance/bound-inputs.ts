/** Which graph inputs a program may know before it runs: those that carry shapes, axes, how many, and quantization parameters. */
import type { OnnxModel } from '../../src/onnx/model.ts';
import { shapeCarryingInputs } from './shape-inputs.ts';

/** Operator -> inputs (by index) that are an axis, a diagonal, or scales and zero points. */
const parameters: Readonly<Record<string, readonly number[]>> = {
  ConvInteger: [2, 3],
  CumProd: [1],
  CumSum: [1],
  DequantizeLinear: [1, 2],
  MatMulInteger: [2, 3],
  QLinearConv: [1, 2, 4, 5, 6, 7],
  QLinearMatMul: [1, 2, 4, 5, 6, 7],
  QuantizeLinear: [1, 2],
  Trilu: [1],
};

/** Names, in graph order. Data and weights are not among them. */
export function boundInputs(model: OnnxModel): readonly string[] {
  const found = new Set(shapeCarryingInputs(model));
  for (const node of model.graph.nodes) for (const i of parameters[node.opType] ?? []) found.add(node.inputs[i] ?? '');
  return model.graph.inputs.map((i) => i.name).filter((name) => found.has(name));
}
