/** Scales and shifts of norms: constants in the shape and type the operator wants, converted when read and not before. */
import { bytesOf } from '../../../core/index.ts';
import { constantOf, floatsOf, tensorOf } from '../../../graph/index.ts';
import type { Constant, TensorType, Value, ValueId } from '../../../graph/ir.ts';
import { lazyBytes, staticCount } from '../constants.ts';
import type { Pattern } from './match.ts';
import type { Maker } from './recovery.ts';
import { floatSplat } from './writer.ts';

/**
 * A constant that is broadcast along the last axes, as a constant of exactly this type.
 * @param id    null: ones
 * @param ones  what a constant of ones is called
 * @returns null where it holds other numbers of elements, or is broadcast in a way that does not repeat one number
 */
export function parameter(p: Pattern, make: Maker, id: ValueId | null, type: TensorType, ones: string | null): ValueId | null {
  if (id === null) return make.constant(ones ?? 'ones', type, converted({ dtype: 'float32', shape: [] }, floatSplat(1), type));
  const value = p.value(id);
  if (value.constant === null || value.type.unranked === true) return null;
  if (sameType(value.type, type)) return id;
  const { shape } = value.type;
  const isOne = shape.every((d) => d === 1);
  const lead = shape.length - type.shape.length;
  const fits = shape.length >= type.shape.length && shape.every((d, i) => (i < lead ? d === 1 : d === type.shape[i - lead]));
  if (!isOne && !fits) return null;
  const made = isOne ? spread(value, type) : converted(value.type, value.constant, type);
  return made === null ? null : make.constant(`${value.name}/parameter`, type, made);
}

/** A constant [channels, 1, …, 1] with any number of ones before it, as [channels]: one number for each channel of a tensor of this rank. */
export function channelVector(p: Pattern, make: Maker, id: ValueId, rank: number, channels: number): ValueId | null {
  const { constant, type, name } = p.value(id);
  if (constant === null || type.dtype !== 'float32') return null;
  const at = type.shape.length - (rank - 1);
  const isVector = at >= 0 && type.shape.every((d, i) => d === (i === at ? channels : 1));
  return isVector ? make.constant(`${name}/vector`, { dtype: 'float32', shape: [channels] }, constant) : null;
}

function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((d, i) => d === b.shape[i]);
}

/** One number for all elements. */
function spread(value: Value, type: TensorType): Constant | null {
  const { constant } = value;
  if (constant === null) return null;
  if (constant.kind === 'splat' || constant.kind === 'absent') return converted(value.type, constant, type);
  return constant.kind === 'bytes' ? converted(value.type, { kind: 'splat', element: constant.bytes }, type) : null;
}

/** The same numbers in another element type; `shape` may differ in leading ones. */
function converted(from: TensorType, constant: Constant, to: TensorType): Constant {
  if (constant.kind === 'absent' || from.dtype === to.dtype) return constant;
  const one: TensorType = { dtype: from.dtype, shape: [] };
  const read = (type: TensorType, contents: Constant, shape: readonly number[]): Uint8Array =>
    bytesOf(tensorOf(to.dtype, shape, floatsOf(constantOf(type, contents, '', ''))));
  if (constant.kind === 'splat') return { kind: 'splat', element: read(one, constant, []) };
  const count = staticCount(to) ?? 0;
  return lazyBytes(() => read({ dtype: from.dtype, shape: [count] }, constant, [count]));
}
