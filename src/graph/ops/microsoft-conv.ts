/** Convolutions and pooling of com.microsoft: with an addend and an activation, and with channels last. */
import type { Tensor } from '../../core/index.ts';
import { elementCount } from '../../core/index.ts';
import { evaluateChannelsLast, inferChannelsLast } from './channels-last.ts';
import { conv } from './conv.ts';
import { evaluateAs, macsAs, withDtype, withInputs } from './delegate.ts';
import { fusedActivation } from './fused-activation.ts';
import { floatsOf, tensorOf } from './numbers.ts';
import {
  defineOp,
  intAttribute,
  outputType,
  requiredTensor,
  type AttributeDefault,
  type EvaluateContext,
  type InferContext,
  type MacsContext,
  type OpDef,
} from './op-def.ts';
import { maxPool } from './pool.ts';
import { convAttributes, eightBits, evaluateQLinearConv, optionalTensor, qLinearConv } from './quantized-ops.ts';

const round = Math.fround;

const activationParts = { activation: 'activation', list: 'activation_params' } as const;

const fusedAttributes: Readonly<Record<string, AttributeDefault>> = {
  ...convAttributes,
  activation: 'computed',
  activation_params: 'computed',
};

/** The activation of the result plus the addend of input 3. */
function finish(context: EvaluateContext, y: Tensor): Tensor {
  const addend = optionalTensor(context, 3);
  const f = fusedActivation(context, activationParts);
  const z = addend === null ? null : floatsOf(addend);
  if (z === null && f === null) return y;
  const out = floatsOf(y).map((v, i) => {
    const sum = z === null ? v : round(v + (z[i] ?? 0));
    return f === null ? sum : f(sum);
  });
  return tensorOf(y.dtype, y.shape, out);
}

/** activation(Conv(X, W, B) + Z) */
const fusedConv: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'FusedConv',
  since: [1],
  kernelClass: 'contraction',
  attributes: fusedAttributes,
  infer(context) {
    fusedActivation(context, activationParts);
    return conv.infer(withInputs(context, [0, 1, 2]));
  },
  evaluate(context) {
    const [y] = evaluateAs(conv, context, context.inputs.slice(0, 3));
    return y === undefined ? [] : [finish(context, y)];
  },
  macs: (context) => macsAs(conv, context, [0, 1, 2]),
});

/** Weights stay [outputs, inputs, kernel..]. */
function nhwcConv(name: string, attributes: Readonly<Record<string, AttributeDefault>>): OpDef {
  return defineOp({
    domain: 'com.microsoft',
    name,
    since: [1],
    kernelClass: 'contraction',
    attributes,
    infer(context) {
      fusedActivation(context, activationParts);
      return inferChannelsLast(conv, withInputs(context, [0, 1, 2]));
    },
    evaluate(context) {
      return [finish(context, evaluateChannelsLast(conv, { ...context, inputs: context.inputs.slice(0, 3) }))];
    },
    macs: macsOfWeights(1),
  });
}

/** Each output element takes all weights of one output channel. */
function macsOfWeights(index: number): (context: MacsContext) => number {
  return (context) => elementCount(context.outputs[0]?.shape ?? [0]) * elementCount(context.inputs[index]?.shape.slice(1) ?? []);
}

const nhwcMaxPool: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'NhwcMaxPool',
  since: [1],
  kernelClass: 'window',
  attributes: { auto_pad: 'NOTSET', ceil_mode: 0, dilations: 'computed', kernel_shape: 'required', pads: 'computed', strides: 'computed' },
  infer: (context) => inferChannelsLast(maxPool, { ...context, opset: 12 }).slice(0, 1),
  evaluate: (context) => [evaluateChannelsLast(maxPool, { ...context, opset: 12 })],
});

/** QLinearConv whose activations may lie channels-last (channels_last = 1). */
const microsoftQLinearConv: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'QLinearConv',
  since: [1],
  kernelClass: 'contraction',
  attributes: { ...convAttributes, channels_last: 0 },
  infer(context: InferContext) {
    if (intAttribute(context, 'channels_last', 0) === 0) return qLinearConv.infer(context);
    return withDtype(inferChannelsLast(conv, withInputs(context, [0, 3])), eightBits(context, 7, 'y_zero_point').dtype);
  },
  evaluate(context) {
    requiredTensor(context, 0, 'x');
    if (intAttribute(context, 'channels_last', 0) === 0) return [evaluateQLinearConv(context, outputType(context).shape)];
    return [evaluateChannelsLast(qLinearConv, context)];
  },
  macs: macsOfWeights(3),
});

export const microsoftConvOps: readonly OpDef[] = [
  fusedConv,
  nhwcConv('NhwcConv', convAttributes),
  nhwcConv('NhwcFusedConv', fusedAttributes),
  nhwcMaxPool,
  microsoftQLinearConv,
];
