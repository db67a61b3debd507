/** Operators defined by another one: its rules on some of the inputs. */
import type { Tensor } from '../../core/index.ts';
import type { TensorType } from '../ir.ts';
import type { ConcreteType, EvaluateContext, InferContext, MacsContext, OpDef } from './op-def.ts';

/** The context an operator sees that gets these inputs in order; null leaves one out. */
export function withInputs(context: InferContext, indices: readonly (number | null)[]): InferContext {
  const at = <T>(i: number, read: (index: number) => T | null): T | null => {
    const index = indices[i] ?? null;
    return index === null ? null : read(index);
  };
  return {
    ...context,
    inputs: indices.map((i) => (i === null ? null : (context.inputs[i] ?? null))),
    tensor: (i) => at(i, (index) => context.tensor(index)),
    dims: (i) => at(i, (index) => context.dims(index)),
    elements: (i) => at(i, (index) => context.elements(index)),
  };
}

/** Types of inputs with their element types taken as float32. */
export function asReal(context: InferContext): InferContext {
  return { ...context, inputs: context.inputs.map((t) => (t === null ? null : { ...t, dtype: 'float32' as const })) };
}

/** Runs another operator on tensors; `outputs` are the types it should make. */
export function evaluateAs(
  def: OpDef,
  context: EvaluateContext,
  inputs: readonly (Tensor | null)[],
  outputs: readonly ConcreteType[] = context.outputs,
): readonly Tensor[] {
  return def.evaluate({ ...context, inputs, outputs });
}

/** MACs of another operator on some of the inputs. */
export function macsAs(def: OpDef, context: MacsContext, indices: readonly number[]): number {
  return def.macs({ ...context, inputs: indices.map((i) => context.inputs[i] ?? null) });
}

export function withDtype(types: readonly TensorType[], dtype: TensorType['dtype']): readonly TensorType[] {
  return types.map((t) => ({ ...t, dtype }));
}
