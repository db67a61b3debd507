/** Resize and Upsample: sizes, and what each axis takes from where. */
import { type Tensor } from '../../core/index.ts';
import { floorDivDim, mulDim, type Dim } from '../dim.ts';
import type { Node } from '../ir.ts';
import { listElements, listLength, valuesOf } from './contents.ts';
import { asInfer } from './context.ts';
import { floatsOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  hasInput,
  intAttribute,
  intsAttribute,
  misfit,
  normalizeAxis,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type ConcreteType,
  type Element,
  type EvaluateContext,
  type InferContext,
  type OpDef,
} from './op-def.ts';
import { axisSums, resized, type ResizeAxis, type ResizeOptions, type ResizeSums } from './resize.ts';

/** Scales of Resize and Upsample in every form: input 2 (opset 11), input 1 (opset 10), attribute (Upsample 7). */
function scalesInput(context: InferContext): number {
  return context.node.op === 'Resize' && context.opset >= 11 ? 2 : 1;
}

interface ResizePlan {
  /** null where only the run tells. */
  readonly shape: readonly Element[];
  /** Output over input size of each axis, as the coordinate transformation uses it. */
  readonly scales: readonly number[];
  /** Output sizes before they are rounded down: scale · input, or the wanted size. */
  readonly lengths: readonly number[];
}

function resizePlan(context: InferContext): ResizePlan {
  const x = requiredType(context, 0, 'X');
  const rank = x.shape.length;
  const axes =
    intsAttribute(context, 'axes')?.map((a) => normalizeAxis(context, a, rank, 'axes')) ?? Array.from({ length: rank }, (_, i) => i);
  if (new Set(axes).size !== axes.length) badAttribute(context, 'axes', `[${axes.join(', ')}]`, 'each axis once');
  const at = scalesInput(context);
  const fromAttribute = context.node.attributes['scales'];
  const given = hasInput(context, at) ? context.tensor(at) : null;
  const list = given !== null ? [...floatsOf(given)] : fromAttribute?.kind === 'floats' ? [...fromAttribute.value] : [];
  if (list.length > 0) {
    if (list.length !== axes.length) misfit(context, `${list.length} scales for ${axes.length} axes of ${printShape(x.shape)}`);
    const scales = x.shape.map(() => 1);
    axes.forEach((axis, i) => (scales[axis] = Math.fround(list[i] ?? 1)));
    return {
      scales,
      lengths: x.shape.map((d, i) => Math.fround((scales[i] ?? 1) * Number(d))),
      shape: x.shape.map((d, i) => scaled(d, scales[i] ?? 1)),
    };
  }
  const unknown = (only: (axis: number) => boolean): ResizePlan => ({
    scales: [],
    lengths: [],
    shape: x.shape.map((d, i) => (only(i) ? null : d)),
  });
  // An empty list of scales stands for none where sizes are given.
  if (at === 1 || !hasInput(context, 3)) {
    if (hasInput(context, at) && given === null && listLength(context, at) !== 0) return unknown((i) => axes.includes(i));
    return misfit(context, 'neither scales nor sizes are given');
  }
  const sizes = listElements(context, 3);
  if (sizes === null) return unknown((i) => axes.includes(i));
  if (sizes.length !== axes.length) misfit(context, `${sizes.length} sizes for ${axes.length} axes of ${printShape(x.shape)}`);
  const policy = stringAttribute(context, 'keep_aspect_ratio_policy', 'stretch');
  const ratios = axes.map((axis, i) => Number(sizes[i] ?? NaN) / Number(x.shape[axis]));
  if (policy !== 'stretch' && ratios.some(Number.isNaN)) return unknown((i) => axes.includes(i));
  const shape: Element[] = [...x.shape];
  const scales = x.shape.map(() => 1);
  axes.forEach((axis, i) => {
    const common = policy === 'not_larger' ? Math.min(...ratios) : policy === 'not_smaller' ? Math.max(...ratios) : null;
    scales[axis] = Math.fround(common ?? ratios[i] ?? 1);
    shape[axis] = common === null ? (sizes[i] ?? null) : Math.floor(common * Number(x.shape[axis]) + 0.5);
  });
  return { shape, scales, lengths: shape.map(Number) };
}

/** floor(f32(size · scale)), as ONNX infers shapes; an fp32 scale is a whole number over a power of two, or meant as a fraction of small numbers. */
function scaled(size: Dim, scale: number): Dim {
  if (typeof size === 'number') return Math.floor(Math.fround(size * scale));
  if (Number.isInteger(scale)) return mulDim(size, scale);
  for (let q = 2; q <= 64; q++) {
    const p = Math.round(scale * q);
    if (Math.fround(p / q) === scale) return floorDivDim(mulDim(size, p), q);
  }
  let denominator = 1;
  while (!Number.isInteger(scale * denominator)) denominator *= 2;
  return floorDivDim(mulDim(size, scale * denominator), denominator);
}

/** What a Resize does along each axis, and how; input 0 need not have elements. */
function resizeCase(context: EvaluateContext): { readonly axes: readonly ResizeAxis[]; readonly options: ResizeOptions } {
  const plan = resizePlan(asInfer(context));
  const x = requiredTensor(context, 0, 'X');
  const old = context.node.op === 'Upsample' || context.opset < 11;
  const mode = stringAttribute(context, 'mode', 'nearest');
  const crops = old ? [] : cropsOf(context, x.shape.length);
  const axes = outputType(context).shape.map((output, i) => ({
    input: x.shape[i] ?? 1,
    output,
    scale: plan.scales[i] ?? 1,
    length: plan.lengths[i] ?? 1,
    crop: crops[i] ?? ([0, 1] as const),
  }));
  const options: ResizeOptions = {
    mode: mode === 'nearest' || mode === 'cubic' ? mode : 'linear',
    coordinates: old ? 'asymmetric' : stringAttribute(context, 'coordinate_transformation_mode', 'half_pixel'),
    nearestMode: old ? 'floor' : stringAttribute(context, 'nearest_mode', 'round_prefer_floor'),
    cubicA: floatAttribute(context, 'cubic_coeff_a', -0.75),
    antialias: intAttribute(context, 'antialias', 0) !== 0,
    excludeOutside: intAttribute(context, 'exclude_outside', 0) !== 0,
    extrapolation: floatAttribute(context, 'extrapolation_value', 0),
  };
  return { axes, options };
}

/**
 * A Resize or Upsample as sums over neighbours, axis by axis. Its scales or sizes must be known.
 * @param x         shape and element type of the image
 * @param operands  the other inputs; null where they are left out
 */
export function resizeSums(
  node: Node,
  opset: number,
  x: ConcreteType,
  operands: readonly (Tensor | null)[],
  shape: readonly number[],
): ResizeSums {
  const image: Tensor = { dtype: x.dtype, shape: x.shape, data: new Float32Array() };
  const context = { node, opset: node.version ?? opset, inputs: [image, ...operands], outputs: [{ dtype: x.dtype, shape }] };
  const { axes, options } = resizeCase(context);
  return { extrapolation: options.extrapolation, axes: axisSums(axes, options) };
}

/** Starts, then ends, of the resized axes (input 1, roi): what tf_crop_and_resize reads. */
function cropsOf(context: EvaluateContext, rank: number): readonly (readonly [number, number])[] {
  const crops = Array.from({ length: rank }, (): readonly [number, number] => [0, 1]);
  const roi = context.inputs[1] ?? null;
  if (roi === null) return crops;
  const numbers = floatsOf(roi);
  const axes = intsAttribute(context, 'axes')?.map((a) => normalizeAxis(context, a, rank, 'axes')) ?? crops.map((_, i) => i);
  if (numbers.length === 2 * axes.length) {
    axes.forEach((axis, i) => (crops[axis] = [numbers[i] ?? 0, numbers[i + axes.length] ?? 1]));
  }
  return crops;
}

function resizeOp(name: 'Resize' | 'Upsample', since: readonly number[]): OpDef {
  return defineOp({
    name,
    since,
    kernelClass: 'gather',
    attributes: {
      mode: 'nearest',
      coordinate_transformation_mode: 'half_pixel',
      nearest_mode: 'round_prefer_floor',
      axes: 'computed',
      scales: 'computed',
      antialias: 0,
      cubic_coeff_a: -0.75,
      exclude_outside: 0,
      extrapolation_value: 0,
      keep_aspect_ratio_policy: 'stretch',
    },
    infer(context) {
      const mode = stringAttribute(context, 'mode', 'nearest');
      if (!['nearest', 'linear', 'bilinear', 'cubic'].includes(mode)) badAttribute(context, 'mode', `"${mode}"`, 'nearest, linear, cubic');
      const coordinates = stringAttribute(context, 'coordinate_transformation_mode', 'half_pixel');
      const known = ['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric', 'tf_half_pixel_for_nn'];
      if (![...known, 'tf_crop_and_resize'].includes(coordinates)) {
        badAttribute(context, 'coordinate_transformation_mode', `"${coordinates}"`, [...known, 'tf_crop_and_resize'].join(', '));
      }
      const { shape } = resizePlan(context);
      const at = hasInput(context, 3) ? 3 : scalesInput(context);
      const why = valuesOf(at, at === 3 ? 'sizes' : 'scales');
      return [{ dtype: requiredType(context, 0, 'X').dtype, shape: shape.map((d) => d ?? context.unknownDim(null, why)) }];
    },
    evaluate(context) {
      const { axes, options } = resizeCase(context);
      return [resized(requiredTensor(context, 0, 'X'), outputType(context).shape, axes, options)];
    },
  });
}

export const resizeOps: readonly OpDef[] = [resizeOp('Resize', [10, 11, 13, 18, 19]), resizeOp('Upsample', [7, 9])];
