/** Scales, zero points and integer constants of quantized models, as the passes need them. Large contents are read when asked for. */
import { elementCount, isFloat, type DType, type Tensor } from '../../core/index.ts';
import { constantFrom, constantOf, floatsOf, numbersOf, sameQuantization, tensorOf, type PackedNumbers } from '../../graph/index.ts';
import type { Constant, Quantization, TensorType, Value, ValueId } from '../../graph/ir.ts';
import { placeholderPerChannel, placeholderQuantization } from '../precision/placeholder.ts';
import { lazyBytes, staticCount, staticShape } from './constants.ts';
import { asPacked, packedByQuantization } from './packed-numbers.ts';

/** How integers stand for reals, and where the graph says so. */
export interface Meaning {
  readonly quantization: Quantization;
  /** Type of the integers. */
  readonly dtype: DType;
  readonly scale: ValueId;
  readonly zero: ValueId | null;
}

/** Integers that kernels hold quantized activations in. */
export function isNarrowInteger(dtype: DType): boolean {
  return dtype === 'int8' || dtype === 'uint8' || dtype === 'int16' || dtype === 'uint16';
}

export function isByte(dtype: DType): boolean {
  return dtype === 'int8' || dtype === 'uint8';
}

export function sameMeaning(a: Meaning, b: Meaning): boolean {
  return a.dtype === b.dtype && sameQuantization(a.quantization, b.quantization);
}

/**
 * The quantization that a scale and a zero point give integers of `dtype`; null where it is known at run time only, or one scale does
 * not belong to a whole index of one axis (blocks).
 * @param axis of a vector of scales, as written in the node
 */
export function readMeaning(
  value: (id: ValueId) => Value,
  integers: TensorType,
  scale: ValueId | null | undefined,
  zero: ValueId | null | undefined,
  axis: number,
): Meaning | null {
  if (scale === null || scale === undefined) return null;
  const scales = value(scale);
  const zeros = zero === null || zero === undefined ? null : value(zero);
  const count = staticCount(scales.type);
  // No scale at all says nothing of any number.
  if (
    scales.constant === null ||
    count === null ||
    count === 0 ||
    !isFloat(scales.type.dtype) ||
    (zeros !== null && zeros.constant === null)
  )
    return null;
  const rank = integers.shape.length;
  const at = axis < 0 ? axis + rank : axis;
  if (count > 1 && (scales.type.shape.length !== 1 || integers.shape[at] !== count)) return null;
  const perAxis = count > 1;
  const meaning = { dtype: integers.dtype, scale, zero: zero ?? null };
  if (scales.constant.kind === 'absent' || zeros?.constant?.kind === 'absent')
    return { ...meaning, quantization: perAxis ? placeholderPerChannel(count, at) : placeholderQuantization };
  const factors = Float32Array.from(floatsOf(constantOf(scales.type, scales.constant, scales.name, '')));
  const offsets = new Int32Array(count);
  if (zeros !== null && zeros.constant !== null) {
    const given = numbersOf(constantOf(zeros.type, zeros.constant, zeros.name, ''));
    if (given.length !== count && given.length !== 1) return null;
    for (let i = 0; i < count; i++) offsets[i] = given[given.length === 1 ? 0 : i] ?? 0;
  }
  if (factors.some((s) => !(s > 0) || s === Infinity)) return null;
  return { ...meaning, quantization: { scale: factors, zeroPoint: offsets, axis: perAxis ? at : null, source: 'model' } };
}

/** An integer constant with a type kernels know: packed types become bytes. null where contents cannot be integers. */
export function unpacked(type: TensorType, constant: Constant): { readonly type: TensorType; readonly constant: Constant } | null {
  const wide = widened(type.dtype);
  if (wide === null || constant.kind === 'strings') return null;
  if (wide === type.dtype) return { type, constant };
  const next: TensorType = { ...type, dtype: wide };
  if (constant.kind === 'absent') return { type: next, constant };
  const fits = type.dtype === 'int4' || type.dtype === 'uint4' ? type.dtype : undefined;
  const contents = lazyBytes(() => bytesFrom(tensorOf(wide, staticShape(type) ?? [], numbersOf(constantOf(type, constant, '', '')))), fits);
  return { type: next, constant: contents };
}

function widened(dtype: DType): DType | null {
  switch (dtype) {
    case 'int2':
    case 'int4':
      return 'int8';
    case 'uint2':
    case 'uint4':
      return 'uint8';
    case 'int8':
    case 'uint8':
    case 'int16':
    case 'uint16':
    case 'int32':
      return dtype;
    default:
      return null;
  }
}

export function bytesFrom(tensor: Tensor): Uint8Array {
  const made = constantFrom(tensor);
  return made.kind === 'bytes' ? made.bytes : new Uint8Array();
}

/** The float32 numbers of a quantized constant, each f32((q - zeroPoint) · scale). */
export function realConstant(value: Value, constant: Constant, quantization: Quantization): Constant {
  if (constant.kind === 'strings') return constant;
  const packed = packedByQuantization(value, constant, quantization);
  if (constant.kind === 'absent') return asPacked(constant, packed);
  const compute = (): Uint8Array => {
    const shape = staticShape(value.type) ?? [];
    const q = numbersOf(constantOf(value.type, constant, value.name, ''));
    const { axis, scale, zeroPoint } = quantization;
    const inner = axis === null ? Math.max(1, q.length) : elementCount(shape.slice(axis + 1));
    const out = new Float32Array(q.length);
    for (let i = 0; i < out.length; i++) {
      const c = axis === null ? 0 : Math.floor(i / inner) % scale.length;
      out[i] = ((q[i] ?? 0) - (zeroPoint[c] ?? 0)) * (scale[c] ?? 1);
    }
    return bytesFrom({ dtype: 'float32', shape, data: out });
  };
  return lazyBytes(compute, undefined, packed);
}

/** The result of a node on constants alone, computed when first read. */
export function lazyResult(evaluate: () => readonly Tensor[], packed?: PackedNumbers): Constant {
  const compute = (): Uint8Array => {
    const [result] = evaluate();
    return result === undefined ? new Uint8Array() : bytesFrom(result);
  };
  return lazyBytes(compute, undefined, packed);
}

/**
 * Weights whose channels have zero points of their own, written with one: q' = q - zero[c] + z for the z that keeps every q' in the
 * type's range. The array subtracts one zero point from all weights. null where the channels reach too far apart.
 */
export function withOneZeroPoint(value: Value): { readonly constant: Constant; readonly quantization: Quantization } | null {
  const { quantization: q, constant, type } = value;
  if (q === null || constant === null || constant.kind === 'strings') return null;
  const [first = 0] = q.zeroPoint;
  if (q.axis === null || q.zeroPoint.every((z) => z === first)) return { constant, quantization: q };
  if (!isByte(type.dtype)) return null;
  if (constant.kind === 'absent') return { constant, quantization: { ...q, zeroPoint: new Int32Array(q.zeroPoint.length) } };
  const shape = staticShape(type) ?? [];
  const source = numbersOf(constantOf(type, constant, value.name, ''));
  const inner = elementCount(shape.slice(q.axis + 1));
  const channels = q.zeroPoint.length;
  const centred = Int32Array.from(source, (x, i) => x - (q.zeroPoint[Math.floor(i / inner) % channels] ?? 0));
  let least = 0;
  let most = 0;
  for (const x of centred) {
    if (x < least) least = x;
    if (x > most) most = x;
  }
  const [lo, hi] = type.dtype === 'uint8' ? [0, 255] : [-128, 127];
  // The nearest zero point to the first one that fits.
  const zero = Math.min(Math.max(first, lo - least), hi - most);
  if (zero < lo - least || zero > hi || zero < lo) return null;
  const moved = tensorOf(
    type.dtype,
    shape,
    centred.map((x) => x + zero),
  );
  return {
    constant: { kind: 'bytes', bytes: bytesFrom(moved) },
    quantization: { ...q, zeroPoint: new Int32Array(channels).fill(zero) },
  };
}

/** f32(sx · sw[c]): what one unit of the sums of a contraction stands for. */
export function sumScales(x: Quantization, w: Quantization): Float32Array {
  return w.scale.map((s) => (x.scale[0] ?? 1) * s);
}

/** True where integers of scale `given` are in units of the sums, up to the rounding of the tool that wrote them (2^-20). */
export function isInUnitsOf(sums: Float32Array, given: Quantization): boolean {
  if (given.zeroPoint.some((z) => z !== 0)) return false;
  const count = Math.max(sums.length, given.scale.length);
  for (let c = 0; c < count; c++) {
    const unit = sums[sums.length === 1 ? 0 : c] ?? 1;
    const own = given.scale[given.scale.length === 1 ? 0 : c] ?? 1;
    if (Math.abs(own - unit) > unit * 2 ** -20) return false;
  }
  return true;
}

/** Names a quantization for the copies made for it. */
export function meaningKey({ scale, zeroPoint, axis }: Quantization): string {
  return `${axis ?? ''}:${scale.join()}:${zeroPoint.join()}`;
}
