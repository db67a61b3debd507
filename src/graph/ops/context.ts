import { symbolDim } from '../dim.ts';
import { numbersOf } from './numbers.ts';
import type { EvaluateContext, InferContext } from './op-def.ts';

/** An inference context over the tensors at hand, to share what reads attributes or inputs. */
export function asInfer(context: EvaluateContext): InferContext {
  return {
    node: context.node,
    opset: context.opset,
    inputs: context.inputs,
    // How many elements there are is for the evaluator to find.
    unknownDim: () => symbolDim('?'),
    inferGraph: () => {
      throw new Error(`${context.node.op} "${context.node.name}": bodies are inferred before they run`);
    },
    contradicts: () => false,
    unknownRank: ([first]) => ({ dtype: first?.dtype ?? 'float32', shape: [], unranked: true }),
    tensor: (i) => context.inputs[i] ?? null,
    elements: (i) => {
      const t = context.inputs[i] ?? null;
      return t === null || t.dtype === 'string' ? null : [...numbersOf(t)];
    },
    dims: (i) => {
      const t = context.inputs[i] ?? null;
      return t === null || t.shape.length > 1 || t.dtype === 'string' ? null : [...numbersOf(t)];
    },
  };
}
