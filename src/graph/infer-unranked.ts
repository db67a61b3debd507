/** Operators on tensors of unknown rank: what their rule says for every rank it could be. */
import { SystoleError } from '../core/index.ts';
import { equalDim, symbolDim, symbolsOf, type Dim } from './dim.ts';
import type { TensorType } from './ir.ts';
import type { InferContext, OpDef } from './ops/op-def.ts';
import { isPlaceholder } from './unknowns.ts';

/** Tensors of more axes do not occur in practice; an operator that all these ranks agree on is taken at its word. */
const ranks: readonly number[] = [0, 1, 2, 3, 4, 5, 6];

export function isUnranked(type: TensorType | null): boolean {
  return type?.unranked === true && type.container === undefined;
}

/**
 * Types of a node some of whose inputs have no known rank: what the operator says with fresh symbols in every rank, as far as
 * the ranks it accepts agree. Where it accepts none: the element type of the first input; an error where that has nothing to do with ranks.
 */
export function inferUnranked(def: OpDef, context: InferContext, outputs: number): readonly TensorType[] {
  const open = context.inputs.flatMap((type, i) => (isUnranked(type) ? [i] : []));
  let agreed: readonly TensorType[] | null = null;
  let successes = 0;
  const problems = new Set<string>();
  let refusal: SystoleError | null = null;
  for (const chosen of rankChoices(open.length)) {
    const attempt = tryRanks(def, context, open, chosen);
    if (attempt instanceof SystoleError) {
      refusal = attempt;
      problems.add(attempt.message);
      continue;
    }
    const types: readonly TensorType[] = attempt.slice(0, outputs);
    agreed = agreed === null ? types : agreed.map((type, i) => common(type, types[i]));
    // Nothing is left that another rank could contradict.
    if (++successes > 1 && agreed.every((type) => type.unranked === true)) break;
  }
  if (agreed === null) {
    // What is said of every rank alike has nothing to do with ranks.
    if (refusal !== null && problems.size === 1 && !refusal.message.includes('\0')) throw refusal;
    const dtype = context.inputs.find((type) => type !== null)?.dtype ?? 'float32';
    return Array.from({ length: outputs }, (): TensorType => ({ dtype, shape: [], unranked: true }));
  }
  return agreed.map((type) => ({
    ...type,
    shape: type.shape.map((d) => (isOurs(d) ? context.unknownDim(null, 'the shape of an input whose rank is not known') : d)),
  }));
}

/** All combinations for one or two tensors, from large to small: large ranks fail seldom. The same rank for all where there are more. */
function rankChoices(count: number): readonly (readonly number[])[] {
  const falling = [...ranks].reverse();
  if (count === 2) return falling.flatMap((a) => falling.map((b) => [a, b]));
  return falling.map((rank) => new Array<number>(count).fill(rank));
}

function tryRanks(
  def: OpDef,
  context: InferContext,
  open: readonly number[],
  chosen: readonly number[],
): readonly TensorType[] | SystoleError {
  const inputs = context.inputs.map((type, i) => {
    const at = open.indexOf(i);
    if (at < 0 || type === null) return type;
    return { dtype: type.dtype, shape: triedDims(i).slice(0, chosen[at] ?? 0) };
  });
  let asked = 0;
  try {
    return def.infer({ ...context, inputs, unknownDim: () => symbolDim(`\0try.${asked++}`) });
  } catch (error) {
    if (error instanceof SystoleError) return error;
    throw error;
  }
}

/** By input: the symbols it is tried with. Made once, since what is known of an expression is kept with it. */
const tried: Dim[][] = [];

function triedDims(input: number): readonly Dim[] {
  return (tried[input] ??= Array.from({ length: Math.max(...ranks) }, (_, axis) => symbolDim(`\0try${input}.${axis}`)));
}

function common(a: TensorType, b: TensorType | undefined): TensorType {
  if (a.unranked === true) return a;
  if (b === undefined || b.unranked === true || a.shape.length !== b.shape.length) return { ...a, shape: [], unranked: true };
  // An attempt's own symbols never equal what another attempt says.
  return { ...a, shape: a.shape.map((d, i) => (equalDim(d, b.shape[i] ?? 0) ? d : symbolDim('\0try'))) };
}

function isOurs(dim: Dim): boolean {
  return symbolsOf(dim).some(isPlaceholder);
}
