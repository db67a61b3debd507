/** What a quantization can be handed on to: backwards to the maker of a value, or along a copy to another axis. */
import type { DType } from '../../core/index.ts';
import type { Node, TensorType, ValueId } from '../../graph/ir.ts';
import { biasIndex } from '../precision/contraction.ts';
import type { Edit } from './edit.ts';
import { isArithmetic, isClamp, isConcat, isContraction, isCopy, isMaximum, isSummary, needsPlainValues } from './quantization-rules.ts';
import { isByte, isNarrowInteger } from './quantization-values.ts';

/** Where the axis of the scales is after a copy; undefined where it is nowhere. */
export function movedAxis(node: Node, from: TensorType, to: TensorType, axis: number): number | undefined {
  if (node.op === 'Transpose') {
    const rank = from.shape.length;
    const perm = node.attributes['perm'];
    const order = perm?.kind === 'ints' ? perm.value : Array.from({ length: rank }, (_, i) => rank - 1 - i);
    const at = order.indexOf(axis);
    return at < 0 ? undefined : at;
  }
  if (!['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity'].includes(node.op)) return undefined;
  const before = (shape: readonly unknown[], end: number): number => shape.slice(0, end).reduce((n: number, d) => n * Number(d), 1);
  const at = to.shape.findIndex((d, i) => d === from.shape[axis] && before(to.shape, i) === before(from.shape, axis));
  return at < 0 ? undefined : at;
}

/** The values between the maker of `id` and `id` that can be held in the quantization of what comes; null: the maker gives floats. */
export function carriers(id: ValueId, edit: Edit): readonly ValueId[] | null {
  const maker = edit.producer(id);
  if (maker === null || maker.outputs.length !== 1 || edit.isOutput(id)) return null;
  const behind = (input: ValueId | null | undefined): readonly ValueId[] | null => {
    if (input === null || input === undefined) return null;
    const value = edit.value(input);
    const isPrivate = value.constant === null && value.quantization === null && value.type.dtype === 'float32' && edit.uses(input) === 1;
    return isPrivate ? carriers(input, edit) : null;
  };
  const isHeld = (input: ValueId | null | undefined, fits: (dtype: DType) => boolean = isNarrowInteger): boolean =>
    input !== null && input !== undefined && edit.value(input).quantization !== null && fits(edit.value(input).type.dtype);
  const [first, second] = maker.inputs;
  if (isCopy(maker) || isMaximum(maker)) {
    const chain = behind(first);
    return chain === null ? null : [...chain, id];
  }
  if (isClamp(maker)) return [...(behind(first) ?? []), id];
  if (isContraction(maker)) {
    return isHeld(first, isByte) && isHeld(second, isByte) && usableBias(maker, edit) ? [id] : null;
  }
  if (isSummary(maker)) return isHeld(first) ? [id] : null;
  if (isConcat(maker)) {
    const chains = maker.inputs.map((input) => (isHeld(input) ? [] : behind(input)));
    return chains.every((c) => c !== null) ? [...chains.flatMap((c) => c ?? []), id] : null;
  }
  return isArithmetic(maker) && !needsPlainValues(maker) ? [id] : null;
}

/** A bias that is added to the sums as they are. */
function usableBias(node: Node, edit: Edit): boolean {
  const at = biasIndex(node);
  const bias = at === null ? null : (node.inputs[at] ?? null);
  return bias === null || edit.value(bias).type.dtype === 'int32';
}
