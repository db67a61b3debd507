/**
 * Quantizers of QONNX (https://github.com/fastmachinelearning/qonnx, docs/qonnx-custom-ops): real numbers rounded to integers of any
 * width and back. Brevitas and FINN export them under domains of their own.
 */
import { clamp, elementCount, log64, roundHalfEven, type Tensor } from '../../core/index.ts';
import { broadcastRows, broadcastShapes } from './broadcast.ts';
import { floatsOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  intAttribute,
  outputType,
  requiredTensor,
  requiredType,
  stringAttribute,
  type AttributeDefault,
  type EvaluateContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';

const round = Math.fround;

const domains = ['onnx.brevitas', 'finn.custom_op.general', 'qonnx.custom_op.general'] as const;

const away =
  (f: (size: number) => number) =>
  (x: number): number =>
    x < 0 ? -f(-x) : f(x);

const roundings: Readonly<Record<string, (x: number) => number>> = {
  ROUND: roundHalfEven,
  HALF_EVEN: roundHalfEven,
  CEIL: (x) => Math.ceil(x),
  FLOOR: (x) => Math.floor(x),
  UP: away((x) => Math.ceil(x)),
  DOWN: (x) => Math.trunc(x),
  ROUND_TO_ZERO: (x) => Math.trunc(x),
  HALF_UP: away((x) => Math.floor(x + 0.5)),
  HALF_DOWN: away((x) => Math.ceil(x - 0.5)),
};

function roundingOf(context: OpContext, otherwise: string): (x: number) => number {
  const name = stringAttribute(context, 'rounding_mode', otherwise).toUpperCase();
  return roundings[name] ?? badAttribute(context, 'rounding_mode', `"${name}"`, Object.keys(roundings).join(', '));
}

/** Least and largest integer of so many bits. */
function rangeOf(bits: number, signed: boolean, narrow: boolean): readonly [number, number] {
  if (signed) return [-(2 ** (bits - 1)) + (narrow ? 1 : 0), 2 ** (bits - 1) - 1];
  return [0, 2 ** bits - 1 - (narrow ? 1 : 0)];
}

/** f of element i of the first input and of the matching elements of the others, which broadcast to it. */
function eachElement(context: EvaluateContext, names: readonly string[], f: (x: number, ...others: readonly number[]) => number): Tensor {
  const inputs = names.map((name, i) => requiredTensor(context, i, name));
  const type = outputType(context);
  const data = inputs.map(floatsOf);
  const loop = broadcastRows(
    type.shape,
    inputs.map((t) => t.shape),
  );
  const out = new Float32Array(elementCount(type.shape));
  for (let r = 0, at = 0; r < loop.rows && out.length > 0; r++) {
    for (let n = 0; n < loop.length; n++, at++) {
      const [x = 0, ...others] = data.map((d, k) => d[(loop.base[k]?.[r] ?? 0) + n * (loop.step[k] ?? 0)] ?? 0);
      out[at] = f(x, ...others);
    }
  }
  return tensorOf(type.dtype, type.shape, out);
}

interface QuantizerParts {
  readonly name: string;
  readonly since: readonly number[];
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeDefault>>;
  readonly evaluate: (context: EvaluateContext) => Tensor;
}

function define(parts: QuantizerParts): readonly OpDef[] {
  return domains.map((domain) =>
    defineOp({
      domain,
      name: parts.name,
      since: parts.since,
      kernelClass: 'elementwise',
      attributes: parts.attributes,
      infer(context) {
        const x = requiredType(context, 0, parts.inputs[0] ?? 'X');
        parts.inputs.forEach((name, i) => requiredType(context, i, name));
        const shape = broadcastShapes(
          context,
          context.inputs.flatMap((t) => (t === null ? [] : [t.shape])),
        );
        // Scales of one channel each broadcast to the input, whose open sizes stay as they are.
        const kept = shape.length === x.shape.length ? shape.map((d, i) => (x.shape[i] === 1 ? d : (x.shape[i] ?? d))) : shape;
        return [{ dtype: x.dtype, shape: kept }];
      },
      evaluate: (context) => [parts.evaluate(context)],
    }),
  );
}

/** y = (round(clamp(x / scale + zero point)) - zero point) · scale; of one signed bit the sign. */
const quant: readonly OpDef[] = define({
  name: 'Quant',
  since: [1],
  inputs: ['X', 'scale', 'zeropt', 'bitwidth'],
  attributes: { narrow: 0, rounding_mode: 'ROUND', signed: 1 },
  evaluate(context) {
    const rounding = roundingOf(context, 'ROUND');
    const signed = intAttribute(context, 'signed', 1) !== 0;
    const narrow = intAttribute(context, 'narrow', 0) !== 0;
    return eachElement(context, ['X', 'scale', 'zeropt', 'bitwidth'], (x, scale = 1, zero = 0, bits = 8) => {
      const scaled = round(round(x / scale) + zero);
      const [lo, hi] = rangeOf(bits, signed, narrow);
      const q = signed && bits === 1 ? (scaled >= 0 ? 1 : -1) : rounding(clamp(scaled, lo, hi));
      return round(q - zero) * scale;
    });
  },
});

/** y = scale where x >= 0, -scale elsewhere. */
const bipolarQuant: readonly OpDef[] = define({
  name: 'BipolarQuant',
  since: [1],
  inputs: ['X', 'scale'],
  attributes: {},
  evaluate: (context) => eachElement(context, ['X', 'scale'], (x, scale = 1) => (x >= 0 ? scale : -scale)),
});

/**
 * Drops low bits of a quantized value. Version 1 (x, scale, zeropt, in_bitwidth, out_bitwidth) keeps the scale; version 2
 * (x, scale, zeropt, in_bitwidth, out_scale, out_bitwidth) states the new one and clamps to the new width.
 */
const trunc: readonly OpDef[] = define({
  name: 'Trunc',
  since: [1, 2],
  inputs: ['X', 'scale', 'zeropt', 'in_bitwidth'],
  attributes: { narrow: 0, rounding_mode: 'FLOOR', signed: 1 },
  evaluate(context) {
    const rounding = roundingOf(context, 'FLOOR');
    const signed = intAttribute(context, 'signed', 1) !== 0;
    const narrow = intAttribute(context, 'narrow', 0) !== 0;
    const common = ['X', 'scale', 'zeropt', 'in_bitwidth'];
    if (context.inputs.length < 6) {
      return eachElement(context, [...common, 'out_bitwidth'], (x, scale = 1, zero = 0, from = 8, to = 8) => {
        const q = roundHalfEven(round(round(x / scale) + zero));
        return round(rounding(q / 2 ** (from - to)) - zero) * scale;
      });
    }
    return eachElement(context, [...common, 'out_scale', 'out_bitwidth'], (x, scale = 1, zero = 0, _from = 8, outScale = 1, to = 8) => {
      const q = roundHalfEven(round(round(x / scale) + zero));
      const factor = 2 ** roundHalfEven(log64(outScale / scale) / log64(2));
      const [lo, hi] = rangeOf(to, signed, narrow);
      return round(rounding(clamp(q / factor, lo, hi)) - zero / factor) * outScale;
    });
  },
});

export const qonnxOps: readonly OpDef[] = [...quant, ...bipolarQuant, ...trunc];
