/** One node on tensors. */
import { elementCount, fail, graphMessages, SystoleError, tensorBytes, zeros, type Tensor } from '../core/index.ts';
import { definitionOf } from './infer.ts';
import { checkSizes } from './infer-checks.ts';
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
  const types = def.infer(asInfer(context)).slice(0, node.outputs.length);
  checkSizes(node, types, String);
  const outputs = types.map((type): ConcreteType => ({
    dtype: type.dtype,
    // What only the evaluator can tell (how many elements are not zero) is -1.
    shape: type.shape.map((d) => (typeof d === 'number' ? d : -1)),
  }));
  const tooLarge = outputs.find(({ dtype, shape }) => tensorBytes(dtype, elementCount(shape)) > mostBytes);
  if (tooLarge !== undefined) {
    const { dtype, shape } = tooLarge;
    const bytes = tensorBytes(dtype, elementCount(shape));
    fail(graphMessages.tooLargeToRun({ op: node.op, node: node.name, shape, bytes, limit: mostBytes }, { origin: node.origin }));
  }
  // Nothing to compute, however long the other axes are.
  if (outputs.length > 0 && outputs.every(({ shape }) => shape.includes(0) && shape.every((d) => d >= 0)))
    return outputs.map(({ dtype, shape }) => zeros(dtype, shape));
  try {
    return def.evaluate({ node, opset: version, inputs, outputs });
  } catch (error) {
    if (error instanceof SystoleError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return fail(graphMessages.evaluationBroke({ op: node.op, node: node.name, reason }, { origin: node.origin }));
  }
}

/** What arrays of JavaScript engines hold at most (V8: 2^32 elements and more; others 2^31 bytes). */
const mostBytes = 2 ** 31;
