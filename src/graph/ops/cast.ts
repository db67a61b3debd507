/** Conversion between element types, and the numbers ONNX has for them. */
import { bitsOf, encodeFloat, isFloat, isNarrowFloat, type DType, type RoundMode, type Tensor } from '../../core/index.ts';
import { allocate, narrowBits, numbersOf, tensorOf, type Numbers } from './numbers.ts';
import { badAttribute, type OpContext } from './op-def.ts';

/** Element types of ONNX TensorProto.DataType, by number. */
export const dtypeCodes: Readonly<Record<number, DType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
  14: 'complex64',
  15: 'complex128',
  16: 'bfloat16',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
  21: 'uint4',
  22: 'int4',
  23: 'float4e2m1',
  24: 'float8e8m0',
  25: 'uint2',
  26: 'int2',
};

/** The element type an attribute names, by number or (in graph text) by name; undefined where it is left out, 0 or unknown. */
export function dtypeAttribute(context: OpContext, attribute: string): DType | undefined {
  const a = context.node.attributes[attribute];
  if (a?.kind === 'string') return Object.values(dtypeCodes).find((d) => d === a.value);
  return a?.kind === 'int' ? dtypeCodes[a.value] : undefined;
}

/** The same for an attribute that has a default, or must be there. */
export function requiredDtype(context: OpContext, attribute: string, otherwise?: DType): DType {
  const given = context.node.attributes[attribute];
  const found = dtypeAttribute(context, attribute) ?? (given === undefined ? otherwise : undefined);
  if (found !== undefined) return found;
  const text = given?.kind === 'int' ? `type number ${given.value}` : given?.kind === 'string' ? `"${given.value}"` : 'missing';
  return badAttribute(context, attribute, text, Object.values(dtypeCodes).join(', '));
}

/**
 * x in another element type. Floats become integers by truncation, larger integers smaller ones by keeping the low bits; a number
 * outside the range of a narrow integer becomes the nearest one there is (ONNX leaves that open).
 * @param saturate  for float8: what is too large becomes the largest number rather than infinity or NaN
 * @param mode      for float8e8m0
 */
export function castTensor(x: Tensor, dtype: DType, saturate: boolean = true, mode: RoundMode = 'up'): Tensor {
  if (x.dtype === dtype) return x;
  if (dtype === 'string') return { dtype, shape: x.shape, data: textOf(x) };
  if (x.data instanceof BigInt64Array && dtype === 'uint64') return { dtype, shape: x.shape, data: new BigUint64Array(x.data) };
  if (x.data instanceof BigUint64Array && dtype === 'int64') return { dtype, shape: x.shape, data: new BigInt64Array(x.data) };
  const source = x.dtype === 'string' ? numbersOfText(x) : wrapped(x, dtype);
  if (dtype === 'bool') return tensorOf('bool', x.shape, source);
  if (dtype === 'float8e8m0' || (isNarrowFloat(dtype) && bitsOf(dtype) <= 8)) {
    return { dtype, shape: x.shape, data: narrowBits(dtype, source, saturate, mode) };
  }
  if (source instanceof Float64Array && (dtype === 'float16' || dtype === 'bfloat16')) {
    return { dtype, shape: x.shape, data: Uint16Array.from(source, (v) => encodeFloat(dtype, v, false)) };
  }
  const out = allocate(dtype, source.length);
  if (isFloat(dtype) || !(isFloat(x.dtype) || x.dtype === 'string')) for (let i = 0; i < out.length; i++) out[i] = source[i] ?? 0;
  else for (let i = 0; i < out.length; i++) out[i] = Math.trunc(source[i] ?? 0);
  return tensorOf(dtype, x.shape, out);
}

/** The numbers, 64-bit integers already cut to the low bits of a smaller integer type. */
function wrapped(x: Tensor, dtype: DType): Numbers {
  const { data } = x;
  if (!(data instanceof BigInt64Array || data instanceof BigUint64Array) || isFloat(dtype) || dtype === 'bool') return numbersOf(x);
  const out = new Float64Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = Number(BigInt.asIntN(32, data[i] ?? 0n));
  return out;
}

const specials: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, '+inf': Infinity, '-inf': -Infinity };

/** Decimal, scientific, "INF", "-INF", "NaN" (any case, also spelled out). */
function numbersOfText(x: Tensor): Float64Array {
  return Float64Array.from(x.data as readonly string[], (text) => {
    const t = text.trim().toLowerCase().replace('infinity', 'inf');
    return specials[t] ?? Number(t);
  });
}

function textOf(x: Tensor): readonly string[] {
  const { data } = x;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Array.from(data, String);
  if (x.dtype === 'bool') return Array.from(numbersOf(x), (v) => (v === 0 ? 'False' : 'True'));
  return Array.from(numbersOf(x), (v) => (isFloat(x.dtype) ? floatText(v, x.dtype) : String(v)));
}

/** The shortest decimal that reads back as the same number of the type: 8 digits of fp32 suffice, but for some that take 9. */
function floatText(v: number, dtype: DType): string {
  if (v !== v) return 'NaN';
  if (Math.abs(v) === Infinity) return v > 0 ? 'INF' : '-INF';
  const same = (t: number): boolean =>
    dtype === 'float64' ? t === v : dtype === 'float32' || !isNarrowFloat(dtype) ? Math.fround(t) === v : roundsTo(t, v, dtype);
  for (let digits = 1; digits < 17; digits++) {
    const t = Number(v.toPrecision(digits));
    if (same(t)) return plainText(t);
  }
  return plainText(v);
}

function roundsTo(t: number, v: number, dtype: DType): boolean {
  return isNarrowFloat(dtype) && encodeFloat(dtype, t, true) === encodeFloat(dtype, v, true);
}

/** As numpy writes it, which ONNX's tests expect: "1.0", "1e-05", "1e+16". */
function plainText(t: number): string {
  const a = Math.abs(t);
  if (a !== 0 && (a < 1e-4 || a >= 1e16)) {
    const [mantissa = '', exponent = '0'] = t.toExponential().split('e');
    const e = Number(exponent);
    return `${mantissa}e${e < 0 ? '-' : '+'}${String(Math.abs(e)).padStart(2, '0')}`;
  }
  const text = Object.is(t, -0) ? '-0' : String(t);
  return text.includes('.') ? text : `${text}.0`;
}
