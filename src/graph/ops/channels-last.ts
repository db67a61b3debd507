/** Operators on [batch, spatial.., channels] by those on [batch, channels, spatial..]. */
import type { Tensor } from '../../core/index.ts';
import type { TensorType } from '../ir.ts';
import { evaluateAs } from './delegate.ts';
import { transposed } from './move.ts';
import { outputType, type EvaluateContext, type InferContext, type OpDef } from './op-def.ts';

/** Axes of the channels-first form, in the order they have in the channels-last form, and back. */
function toFirst(rank: number): readonly number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
}

function toLast(rank: number): readonly number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
}

/** `which` says which inputs lie channels-last; the others are taken as they are. */
export function inferChannelsLast(def: OpDef, context: InferContext, which: readonly number[] = [0]): readonly TensorType[] {
  const inputs = context.inputs.map((t, i) =>
    t === null || !which.includes(i) ? t : { ...t, shape: toFirst(t.shape.length).map((p) => t.shape[p] ?? 1) },
  );
  return def.infer({ ...context, inputs }).map((t) => ({ ...t, shape: toLast(t.shape.length).map((p) => t.shape[p] ?? 1) }));
}

export function evaluateChannelsLast(def: OpDef, context: EvaluateContext, which: readonly number[] = [0]): Tensor {
  const type = outputType(context);
  const shape = toFirst(type.shape.length).map((p) => type.shape[p] ?? 1);
  const inputs = context.inputs.map((t, i) => (t === null || !which.includes(i) ? t : transposed(t, toFirst(t.shape.length))));
  const [y] = evaluateAs(def, context, inputs, [{ dtype: type.dtype, shape }]);
  if (y === undefined) throw new Error(`${def.name} made no output`);
  return transposed(y, toLast(y.shape.length));
}
