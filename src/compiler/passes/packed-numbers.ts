/** What is known of how few bits hold a constant of floats, kept beside its numbers and handed on where they are moved or rounded. */
import { bytesOf, isNarrowFloat, bitsOf, type DType, type Tensor } from '../../core/index.ts';
import { attributeInt, constantOf, numbersOf, type LazyNumbers, type PackedNumbers } from '../../graph/index.ts';
import type { Constant, Node, Quantization, TensorType, Value } from '../../graph/ir.ts';
import { staticShape } from './constants.ts';

/** The type that memory holds codes in; null where they are no codes of 8 bits or less. */
function heldAs(dtype: DType): DType | null {
  switch (dtype) {
    case 'int2':
    case 'int4':
      return 'int4';
    case 'uint2':
    case 'uint4':
      return 'uint4';
    case 'int8':
    case 'uint8':
      return dtype;
    default:
      return isNarrowFloat(dtype) && bitsOf(dtype) === 8 ? dtype : null;
  }
}

function lazily(dtype: DType, make: () => Uint8Array): LazyNumbers {
  let bytes: Uint8Array | null = null;
  return { dtype, read: () => (bytes ??= make()) };
}

/** Codes one to a byte, two's complement. */
function codesOf(value: Value, constant: Constant, dtype: DType): LazyNumbers {
  const tensor = (): Tensor => constantOf(value.type, constant, value.name, '');
  if (isNarrowFloat(dtype)) return lazily(dtype, () => bytesOf(tensor()));
  return lazily(dtype, () => {
    const numbers = numbersOf(tensor());
    const bytes = new Uint8Array(numbers.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = numbers[i] ?? 0;
    return bytes;
  });
}

/** What a DequantizeLinear, or a Cast, of constants makes, in the numbers it makes it of; undefined where they are not kept so. */
export function packedByNode(node: Node, operands: readonly (Value | null)[], result: TensorType): PackedNumbers | undefined {
  const [q = null, scale = null, zero = null] = operands;
  const shape = staticShape(result);
  const dtype = q === null ? null : heldAs(q.type.dtype);
  if (q === null || q.constant === null || shape === null || dtype === null) return undefined;
  const common = { shape, codes: codesOf(q, q.constant, dtype), rounded: roundings(result.dtype) };
  if (node.op === 'Cast') {
    const one = lazily('float32', () => bytesOf({ dtype: 'float32', shape: [], data: Float32Array.of(1) }));
    return { ...common, per: shape.map((d) => d), scales: one, zeros: 0 };
  }
  const grid = scale === null ? null : staticShape(scale.type);
  if (scale === null || scale.constant === null || grid === null || !isScale(scale.type.dtype)) return undefined;
  const per = blocksOf(node, shape, grid);
  if (per === null) return undefined;
  const { constant } = scale;
  const scales = lazily(scale.type.dtype, () => bytesOf(constantOf(scale.type, constant, scale.name, node.name)));
  if (zero === null || isNarrowFloat(dtype)) return { ...common, per, scales, zeros: 0 };
  const held = heldAs(zero.type.dtype);
  if (held === null || zero.constant === null || staticShape(zero.type)?.join() !== grid.join()) return undefined;
  return { ...common, per, scales, zeros: codesOf(zero, zero.constant, held) };
}

function isScale(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float16' || dtype === 'bfloat16';
}

function roundings(dtype: DType): PackedNumbers['rounded'] {
  return dtype === 'float16' || dtype === 'bfloat16' ? [{ dtype, clamps: false }] : [];
}

/** How many elements along each axis share a scale of this shape. */
function blocksOf(node: Node, shape: readonly number[], grid: readonly number[]): readonly number[] | null {
  const single = shape.map((d) => Math.max(1, d));
  if (grid.every((d) => d === 1) && grid.length < 2) return single;
  const axis = (attributeInt(node, 'axis', 1) + shape.length) % shape.length;
  if (grid.length === 1) return single.map((d, i) => (i === axis ? 1 : d));
  const block = attributeInt(node, 'block_size', 0);
  return block < 1 || grid.length !== shape.length ? null : shape.map((_, i) => (i === axis ? block : 1));
}

/** Integers of one scale, or one for each index of an axis, as the float32 numbers they stand for. */
export function packedByQuantization(value: Value, constant: Constant, q: Quantization): PackedNumbers | undefined {
  const shape = staticShape(value.type);
  const fits = constant.kind === 'bytes' ? constant.fits : undefined;
  const dtype = heldAs(value.type.dtype);
  if (shape === null || dtype === null) return undefined;
  const scales = lazily('float32', () => bytesOf({ dtype: 'float32', shape: [q.scale.length], data: q.scale }));
  const [first = 0] = q.zeroPoint;
  const zeros = q.zeroPoint.every((z) => z === first) ? first : lazily(fits ?? dtype, () => Uint8Array.from(q.zeroPoint, (z) => z & 255));
  const per = shape.map((d, axis) => (axis === q.axis ? 1 : Math.max(1, d)));
  return { shape, codes: { ...codesOf(value, constant, dtype), dtype: fits ?? dtype }, per, scales, zeros, rounded: [] };
}

/** Absent numbers, with what is known of how they are held, and nothing else. */
export function asPacked(constant: Constant, packed: PackedNumbers | undefined): Constant {
  if (constant.kind !== 'absent') return constant;
  return { kind: 'absent', reason: constant.reason, ...(packed === undefined ? {} : { packed }) };
}

/** The numbers of a constant as they are held, where it still has the shape that was said of. */
export function packedOf({ type, constant }: Value): PackedNumbers | null {
  const packed = constant?.kind === 'bytes' || constant?.kind === 'absent' ? constant.packed : undefined;
  return packed === undefined || packed.shape.join() !== staticShape(type)?.join() ? null : packed;
}

/** How few bits hold the result of a Transpose of what they held; undefined of other nodes. */
export function packedByMove(node: Node, operand: Value | null | undefined): PackedNumbers | undefined {
  const packed = operand === null || operand === undefined || node.op !== 'Transpose' || node.domain !== '' ? null : packedOf(operand);
  if (packed === null) return undefined;
  const { perm } = node.attributes;
  return turnedPacked(packed, perm?.kind === 'ints' ? perm.value : packed.shape.map((_, i) => packed.shape.length - 1 - i));
}

function turnedPacked(p: PackedNumbers, perm: readonly number[]): PackedNumbers {
  const turn = (list: readonly number[]): readonly number[] => perm.map((axis) => list[axis] ?? 1);
  const moved = (numbers: LazyNumbers, shape: readonly number[], size: number): LazyNumbers =>
    lazily(numbers.dtype, () => turnedBytes(numbers.read(), shape, perm, size));
  const grid = p.shape.map((d, axis) => Math.ceil(d / (p.per[axis] ?? 1)));
  return {
    ...p,
    shape: turn(p.shape),
    per: turn(p.per),
    codes: moved(p.codes, p.shape, 1),
    scales: moved(p.scales, grid, bitsOf(p.scales.dtype) / 8),
    zeros: typeof p.zeros === 'number' ? p.zeros : moved(p.zeros, grid, 1),
  };
}

function turnedBytes(from: Uint8Array, shape: readonly number[], perm: readonly number[], size: number): Uint8Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((n, d) => n * d, size));
  const extents = perm.map((axis) => shape[axis] ?? 1);
  const steps = perm.map((axis) => strides[axis] ?? size);
  const out = new Uint8Array(from.length);
  const index = extents.map(() => 0);
  let at = 0;
  for (let to = 0; to < out.length; to += size) {
    for (let b = 0; b < size; b++) out[to + b] = from[at + b] ?? 0;
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] ?? 0) + 1;
      at += steps[axis] ?? 0;
      if ((index[axis] ?? 0) < (extents[axis] ?? 1)) break;
      at -= (extents[axis] ?? 1) * (steps[axis] ?? 0);
      index[axis] = 0;
    }
  }
  return out;
}

/** Rounded to another type of floats, which is exact where that is wider; undefined of types that are none of lanes. */
export function roundedPacked(p: PackedNumbers, to: DType): PackedNumbers | undefined {
  if (to === 'float32') return p;
  return to === 'float16' || to === 'bfloat16' ? { ...p, rounded: [...p.rounded, { dtype: to, clamps: true }] } : undefined;
}
