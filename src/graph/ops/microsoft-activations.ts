/** Activations of com.microsoft, with the bias or the split exporters fuse into them. */
import { elementCount, erf32, exp32, sigmoid32, tanh32, type Tensor } from '../../core/index.ts';
import { floorDivDim } from '../dim.ts';
import { broadcastShapes, checkBroadcastsTo } from './broadcast.ts';
import { floatsOf, tensorOf } from './numbers.ts';
import {
  defineOp,
  floatAttribute,
  hasInput,
  intAttribute,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { addTensors } from './rms-normalization.ts';

const round = Math.fround;

type Function = (x: number) => number;

/** 0.5 · x · (1 + erf(x / √2)) */
export const geluErf: Function = (x) => round(round(0.5 * x) * round(1 + erf32(round(x * round(0.7071067811865476)))));

/** 0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) */
export const geluTanh: Function = (x) => {
  const cube = round(round(x * x) * x);
  const inner = round(round(0.7978845608028654) * round(x + round(round(0.044715) * cube)));
  return round(round(0.5 * x) * round(1 + tanh32(inner)));
};

export const silu: Function = (x) => round(x * sigmoid32(x));

interface ActivationParts {
  readonly domain?: string;
  readonly name: string;
  /** Input that is added first; null where there is none. */
  readonly bias: number | null;
  readonly biasRequired?: boolean;
  readonly make: (context: OpContext) => Function;
  readonly attributes?: Readonly<Record<string, number>>;
}

function activation(parts: ActivationParts): OpDef {
  const { bias } = parts;
  return defineOp({
    domain: parts.domain ?? 'com.microsoft',
    name: parts.name,
    since: [1],
    kernelClass: 'elementwise',
    attributes: parts.attributes ?? {},
    infer(context) {
      const x = requiredType(context, 0, 'X');
      if (bias === null || (parts.biasRequired !== true && (context.inputs[bias] ?? null) === null)) return [x];
      const b = requiredType(context, bias, 'bias');
      return [{ dtype: x.dtype, shape: broadcastShapes(context, [x.shape, b.shape]) }];
    },
    evaluate(context) {
      const x = requiredTensor(context, 0, 'X');
      const source =
        bias === null || !hasInput(context, bias) ? floatsOf(x) : addTensors(context, x, requiredTensor(context, bias, 'bias'));
      const f = parts.make(context);
      return [tensorOf(x.dtype, outputType(context).shape, source.map(f))];
    },
  });
}

/** A · GELU(B) of the halves of the last axis of X + bias. */
const biasSplitGelu: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'BiasSplitGelu',
  since: [1],
  // Takes pairs of elements: not one result per element.
  kernelClass: 'host',
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const width = x.shape.at(-1);
    if (width === undefined || (typeof width === 'number' && width % 2 !== 0))
      misfit(context, `the last axis of ${printShape(x.shape)} has no halves`);
    checkBroadcastsTo(context, x.shape, requiredType(context, 1, 'bias').shape, 'the bias');
    return [{ dtype: x.dtype, shape: x.shape.map((d, i) => (i === x.shape.length - 1 ? floorDivDim(d, 2) : d)) }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const type = outputType(context);
    const sum = addTensors(context, x, requiredTensor(context, 1, 'bias'));
    const half = type.shape.at(-1) ?? 1;
    const out = new Float32Array(elementCount(type.shape));
    for (let i = 0; i < out.length; i++) {
      const from = Math.floor(i / half) * 2 * half + (i % half);
      out[i] = (sum[from] ?? 0) * geluErf(sum[from + half] ?? 0);
    }
    return [tensorOf(x.dtype, type.shape, out)];
  },
});

/** X + bias + skip */
const biasAdd: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'BiasAdd',
  since: [1],
  kernelClass: 'elementwise',
  infer(context) {
    const x = requiredType(context, 0, 'X');
    checkBroadcastsTo(context, x.shape, requiredType(context, 1, 'bias').shape, 'the bias');
    checkBroadcastsTo(context, x.shape, requiredType(context, 2, 'skip').shape, 'skip');
    return [x];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const sum: Tensor = { dtype: 'float32', shape: x.shape, data: addTensors(context, x, requiredTensor(context, 1, 'bias')) };
    return [tensorOf(x.dtype, x.shape, addTensors(context, sum, requiredTensor(context, 2, 'skip')))];
  },
});

/** Softmax(data + bias) over the axes from `axis` on; the bias repeats over inner or outer axes before them. */
const biasSoftmax: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'BiasSoftmax',
  since: [1],
  kernelClass: 'softmax',
  attributes: { axis: 1, is_inner_broadcast: 'required' },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const bias = requiredType(context, 1, 'bias');
    if (x.shape.length === 0) misfit(context, `data ${printShape(x.shape)} is a scalar`);
    if (bias.shape.length > x.shape.length)
      misfit(context, `the bias ${printShape(bias.shape)} has more axes than data ${printShape(x.shape)}`);
    return [x];
  },
  evaluate: (context) => [evaluateBiasSoftmax(context)],
});

function evaluateBiasSoftmax(context: EvaluateContext): Tensor {
  const x = requiredTensor(context, 0, 'data');
  const bias = floatsOf(requiredTensor(context, 1, 'bias'));
  const source = floatsOf(x);
  const axis = intAttribute(context, 'axis', 1);
  const length = elementCount(x.shape.slice(axis));
  const rows = length === 0 ? 0 : source.length / length;
  const biasRows = Math.max(1, bias.length / Math.max(1, length));
  const repeat = Math.max(1, rows / biasRows);
  const inner = intAttribute(context, 'is_inner_broadcast', 1) !== 0;
  const out = new Float32Array(source.length);
  for (let r = 0; r < rows; r++) {
    // Inner: each row of the bias serves `repeat` rows in a row; outer: the rows of the bias come round again.
    const from = (inner ? Math.floor(r / repeat) : r % biasRows) * length;
    let max = -Infinity;
    for (let i = 0; i < length; i++) {
      const v = round((source[r * length + i] ?? 0) + (bias[from + i] ?? 0));
      out[r * length + i] = v;
      max = Math.max(max, v);
    }
    let sum = 0;
    for (let i = 0; i < length; i++) {
      const e = exp32(round((out[r * length + i] ?? 0) - max));
      out[r * length + i] = e;
      sum = round(sum + e);
    }
    for (let i = 0; i < length; i++) out[r * length + i] = (out[r * length + i] ?? 0) / sum;
  }
  return tensorOf(x.dtype, x.shape, out);
}

export const activationOps: readonly OpDef[] = [
  activation({ name: 'Gelu', bias: null, make: () => geluErf }),
  activation({ name: 'FastGelu', bias: 1, make: () => geluTanh }),
  activation({ name: 'BiasGelu', bias: 1, biasRequired: true, make: () => geluErf }),
  activation({
    name: 'QuickGelu',
    bias: null,
    attributes: { alpha: 1.702 },
    make: (context) => {
      const alpha = floatAttribute(context, 'alpha', 1.702);
      return (x) => round(x * sigmoid32(round(alpha * x)));
    },
  }),
  activation({ domain: 'com.example', name: 'Silu', bias: null, make: () => silu }),
  biasSplitGelu,
  biasAdd,
  biasSoftmax,
];
