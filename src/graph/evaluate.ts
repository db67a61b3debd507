/** One node on tensors. */
import { type Tensor } from '../core/index.ts';
import { definitionOf } from './infer.ts';
import type { Node } from './ir.ts';
import { asInfer } from './ops/context.ts';
import type { ConcreteType } from './ops/op-def.ts';

/**
 * The outputs of a node, one for each it has, by its reference evaluator. Quantization is not looked at: numbers are taken as
 * they stand. Throws coded errors where operands do not fit or there is no definition.
 * @param opset  version of ai.onnx the graph imports
 */
export function evaluateNode(node: Node, opset: number, inputs: readonly (Tensor | null)[]): readonly Tensor[] {
  const def = definitionOf(node);
  const version = node.version ?? opset;
  const context = { node, opset: version, inputs, outputs: [] };
  const outputs = def
    .infer(asInfer(context))
    .slice(0, node.outputs.length)
    .map((type): ConcreteType => ({
      dtype: type.dtype,
      // What only the evaluator can tell (how many elements are not zero) is -1.
      shape: type.shape.map((d) => (typeof d === 'number' ? d : -1)),
    }));
  return def.evaluate({ node, opset: version, inputs, outputs });
}
