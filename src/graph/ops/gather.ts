/** Operators that read elements where other numbers say: Gather, GatherElements, ArgMax, ArgMin, Resize, Upsample. */
import { elementCount, rowMajorStrides, type Tensor } from '../../core/index.ts';
import { mulDim, floorDivDim, type Dim } from '../dim.ts';
import { asInfer } from './context.ts';
import { floatsOf, numbersOf, pick, pickAxes, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  hasInput,
  intAttribute,
  intsAttribute,
  knownDims,
  misfit,
  normalizeAxis,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type EvaluateContext,
  type InferContext,
  type OpDef,
} from './op-def.ts';

function checkIndex(context: EvaluateContext, index: number, size: number): number {
  const i = index < 0 ? index + size : index;
  if (i < 0 || i >= size) misfit(context, `index ${index} is outside an axis of ${size}`);
  return i;
}

export const gather: OpDef = defineOp({
  name: 'Gather',
  since: [1, 11, 13],
  kernelClass: 'gather',
  attributes: { axis: 0 },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const indices = requiredType(context, 1, 'indices');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'data');
    const indices = numbersOf(requiredTensor(context, 1, 'indices'));
    const type = outputType(context);
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
    const size = x.shape[axis] ?? 1;
    const inner = elementCount(x.shape.slice(axis + 1));
    const outer = elementCount(x.shape.slice(0, axis));
    const from = new Int32Array(elementCount(type.shape));
    let at = 0;
    for (let o = 0; o < outer; o++) {
      for (let k = 0; k < indices.length; k++) {
        const base = (o * size + checkIndex(context, indices[k] ?? 0, size)) * inner;
        for (let i = 0; i < inner; i++) from[at++] = base + i;
      }
    }
    return [pick(x, type.shape, from)];
  },
  contents(context) {
    const x = context.dims(0);
    const indices = context.dims(1);
    if (x === null || indices === null || (context.inputs[0]?.shape.length ?? 0) !== 1) return null;
    const found = indices.map((i) => (typeof i === 'number' ? x[i < 0 ? i + x.length : i] : undefined));
    return found.every((d) => d !== undefined) ? found : null;
  },
});

export const gatherElements: OpDef = defineOp({
  name: 'GatherElements',
  since: [11, 13],
  kernelClass: 'gather',
  attributes: { axis: 0 },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const indices = requiredType(context, 1, 'indices');
    normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
    return [{ dtype: x.dtype, shape: indices.shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'data');
    const indexTensor = requiredTensor(context, 1, 'indices');
    const indices = numbersOf(indexTensor);
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
    const strides = rowMajorStrides(x.shape);
    const own = rowMajorStrides(indexTensor.shape);
    const from = Int32Array.from(indices, (value, flat) => {
      let at = checkIndex(context, value, x.shape[axis] ?? 1) * (strides[axis] ?? 1);
      for (let i = 0; i < own.length; i++) {
        if (i !== axis) at += (Math.floor(flat / (own[i] ?? 1)) % (indexTensor.shape[i] ?? 1)) * (strides[i] ?? 0);
      }
      return at;
    });
    return [pick(x, indexTensor.shape, from)];
  },
});

function argOp(name: 'ArgMax' | 'ArgMin'): OpDef {
  return defineOp({
    name,
    since: [1, 11, 12, 13],
    kernelClass: 'host',
    attributes: { axis: 0, keepdims: 1, select_last_index: 0 },
    infer(context) {
      const x = requiredType(context, 0, 'data');
      const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
      const keep = intAttribute(context, 'keepdims', 1) !== 0;
      return [{ dtype: 'int64', shape: x.shape.flatMap((d, i): Dim[] => (i !== axis ? [d] : keep ? [1] : [])) }];
    },
    evaluate(context) {
      const x = requiredTensor(context, 0, 'data');
      const type = outputType(context);
      const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
      const last = intAttribute(context, 'select_last_index', 0) !== 0;
      const sign = name === 'ArgMax' ? 1 : -1;
      const source = numbersOf(x);
      const size = x.shape[axis] ?? 1;
      const inner = elementCount(x.shape.slice(axis + 1));
      const out = new Float64Array(elementCount(type.shape));
      for (let i = 0; i < out.length; i++) {
        const start = Math.floor(i / inner) * size * inner + (i % inner);
        let best = -Infinity;
        for (let k = 0; k < size; k++) {
          const v = sign * (source[start + k * inner] ?? 0);
          if (v > best || (last && v === best)) {
            best = v;
            out[i] = k;
          }
        }
      }
      return [tensorOf('int64', type.shape, out)];
    },
  });
}

/** Scales of Resize and Upsample in every form: input 2 (opset 11), input 1 (opset 10), attribute (Upsample 7). */
function scalesInput(context: InferContext): number {
  return context.node.op === 'Resize' && context.opset >= 11 ? 2 : 1;
}

interface ResizePlan {
  readonly shape: readonly Dim[];
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
      lengths: x.shape.map((d, i) => (scales[i] ?? 1) * Number(d)),
      shape: x.shape.map((d, i) => scaled(d, scales[i] ?? 1)),
    };
  }
  if (at === 1 || !hasInput(context, 3)) {
    knownDims(context, at, 'scales');
    return misfit(context, 'neither scales nor sizes are given');
  }
  const sizes = knownDims(context, 3, 'sizes');
  if (sizes.length !== axes.length) misfit(context, `${sizes.length} sizes for ${axes.length} axes of ${printShape(x.shape)}`);
  const policy = stringAttribute(context, 'keep_aspect_ratio_policy', 'stretch');
  const ratios = axes.map((axis, i) => Number(sizes[i]) / Number(x.shape[axis]));
  const shape: Dim[] = [...x.shape];
  const scales = x.shape.map(() => 1);
  axes.forEach((axis, i) => {
    const common = policy === 'not_larger' ? Math.min(...ratios) : policy === 'not_smaller' ? Math.max(...ratios) : null;
    scales[axis] = common ?? ratios[i] ?? 1;
    shape[axis] = common === null ? (sizes[i] ?? 1) : Math.floor(common * Number(x.shape[axis]) + 0.5);
  });
  return { shape, scales, lengths: shape.map(Number) };
}

/** floor(size · scale); a symbolic size needs a scale that is a whole number or one over one. */
function scaled(size: Dim, scale: number): Dim {
  if (typeof size === 'number') return Math.floor(size * scale);
  if (Number.isInteger(scale)) return mulDim(size, scale);
  return floorDivDim(size, Math.max(1, Math.round(1 / scale)));
}

/** Input coordinate of output position i. Modes of the ONNX specification, `coordinate_transformation_mode`. */
function sourceCoordinate(mode: string, i: number, scale: number, input: number, output: number): number {
  switch (mode) {
    case 'asymmetric':
      return i / scale;
    case 'align_corners':
      return output === 1 ? 0 : (i * (input - 1)) / (output - 1);
    case 'pytorch_half_pixel':
      return output > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case 'half_pixel_symmetric': {
      const adjustment = Math.floor(output) / (scale * input);
      const offset = (input / 2) * (1 - adjustment);
      return offset + (i + 0.5) / scale - 0.5;
    }
    case 'tf_half_pixel_for_nn':
      return (i + 0.5) / scale;
    default:
      return (i + 0.5) / scale - 0.5;
  }
}

function nearest(mode: string, x: number): number {
  switch (mode) {
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5);
    case 'floor':
      return Math.floor(x);
    case 'ceil':
      return Math.ceil(x);
    default:
      return Math.ceil(x - 0.5);
  }
}

function evaluateResize(context: EvaluateContext, plan: ResizePlan): Tensor {
  const x = requiredTensor(context, 0, 'X');
  const type = outputType(context);
  const old = context.node.op === 'Upsample' || context.opset < 11;
  const coordinates = old ? 'asymmetric' : stringAttribute(context, 'coordinate_transformation_mode', 'half_pixel');
  const rounding = old ? 'floor' : stringAttribute(context, 'nearest_mode', 'round_prefer_floor');
  if (stringAttribute(context, 'mode', 'nearest') === 'nearest') {
    const strides = rowMajorStrides(x.shape);
    const tables = type.shape.map((extent, axis) => {
      const size = x.shape[axis] ?? 1;
      return Int32Array.from({ length: extent }, (_, i) => {
        const at = nearest(rounding, sourceCoordinate(coordinates, i, plan.scales[axis] ?? 1, size, plan.lengths[axis] ?? 1));
        return Math.min(size - 1, Math.max(0, at)) * (strides[axis] ?? 0);
      });
    });
    return pickAxes(x, type.shape, tables);
  }
  // Linear is separable: interpolate one axis after the other, in fp32.
  let values = floatsOf(x);
  const shape = [...x.shape];
  for (const [axis, extent] of type.shape.entries()) {
    const size = shape[axis] ?? 1;
    if (extent === size && plan.scales[axis] === 1) continue;
    const inner = elementCount(shape.slice(axis + 1));
    const outer = elementCount(shape.slice(0, axis));
    const next = new Float32Array(outer * extent * inner);
    for (let i = 0; i < extent; i++) {
      const at = sourceCoordinate(coordinates, i, plan.scales[axis] ?? 1, size, plan.lengths[axis] ?? 1);
      const below = Math.floor(at);
      const weight = Math.fround(at - below);
      const keep = Math.fround(1 - weight);
      const low = Math.min(size - 1, Math.max(0, below)) * inner;
      const high = Math.min(size - 1, Math.max(0, below + 1)) * inner;
      for (let o = 0; o < outer; o++) {
        const base = o * size * inner;
        const to = (o * extent + i) * inner;
        for (let k = 0; k < inner; k++) {
          next[to + k] = Math.fround((values[base + low + k] ?? 0) * keep) + Math.fround((values[base + high + k] ?? 0) * weight);
        }
      }
    }
    values = next;
    shape[axis] = extent;
  }
  return tensorOf(type.dtype, type.shape, values);
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
      if (!['nearest', 'linear', 'bilinear'].includes(mode)) badAttribute(context, 'mode', `"${mode}"`, 'nearest, linear');
      const coordinates = stringAttribute(context, 'coordinate_transformation_mode', 'half_pixel');
      const known = ['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric', 'tf_half_pixel_for_nn'];
      if (!known.includes(coordinates)) badAttribute(context, 'coordinate_transformation_mode', `"${coordinates}"`, known.join(', '));
      if (intAttribute(context, 'antialias', 0) !== 0) badAttribute(context, 'antialias', '1', '0');
      const { shape } = resizePlan(context);
      return [{ dtype: requiredType(context, 0, 'X').dtype, shape }];
    },
    evaluate(context) {
      const tensors = context.inputs;
      const plan = resizePlan({
        ...asInfer(context),
        dims: (i) => {
          const t = tensors[i] ?? null;
          return t === null ? null : [...numbersOf(t)];
        },
      });
      return [evaluateResize(context, plan)];
    },
  });
}

export const gatherOps: readonly OpDef[] = [
  gather,
  gatherElements,
  argOp('ArgMax'),
  argOp('ArgMin'),
  resizeOp('Resize', [10, 11, 13, 18, 19]),
  resizeOp('Upsample', [7, 9]),
];
