/** Operators of com.microsoft that are ai.onnx operators joined: taken apart again. */
import { elementCount } from '../../core/index.ts';
import { attributeFloat, attributeInt, attributeInts, attributeString } from '../../graph/index.ts';
import type { Attribute, Node, ValueId } from '../../graph/ir.ts';
import type { NotHere } from '../kernels/context.ts';
import { multiplied, realProduct } from './integer-products.ts';
import type { Rule, Rules } from './rule.ts';
import type { Writer } from './writer.ts';

function plus(w: Writer, x: ValueId, y: ValueId | null | undefined): ValueId {
  return y === null || y === undefined ? x : w.op('Add', [x, y]);
}

const gelu =
  (approximate: 'none' | 'tanh'): Rule =>
  (w, node) => {
    const [x = null, bias = null] = node.inputs;
    return x === null ? null : [w.op('Gelu', [plus(w, x, bias)], { approximate })];
  };

const quickGelu: Rule = (w, node) => {
  const [x = null] = node.inputs;
  if (x === null) return null;
  const alpha = Math.fround(attributeFloat(node, 'alpha', 1.702));
  return [w.op('Mul', [x, w.op('Sigmoid', [alpha === 1 ? x : w.op('Mul', [x, w.float(alpha)])])])];
};

/** Mean and deviation are of use in training only: a node that hands them out stays whole. */
function training(node: Node): NotHere | null {
  return node.outputs.length > 1 ? { reason: 'its statistics (mean, inverse deviation) are read' } : null;
}

const skipNormalization =
  (kind: 'LayerNormalization' | 'RMSNormalization'): Rule =>
  (w, node) => {
    const [x = null, skip = null, gamma = null] = node.inputs;
    if (x === null || skip === null || gamma === null) return null;
    const beta = kind === 'LayerNormalization' ? (node.inputs[3] ?? null) : null;
    const bias = node.inputs[kind === 'LayerNormalization' ? 4 : 3] ?? null;
    const sum = plus(w, w.op('Add', [x, skip]), bias);
    const y = w.op(kind, beta === null ? [sum, gamma] : [sum, gamma, beta], {
      axis: -1,
      epsilon: { float: attributeFloat(node, 'epsilon', kind === 'LayerNormalization' ? 1e-12 : 1e-5) },
    });
    return [y, null, null, sum].slice(0, node.outputs.length);
  };

const simplifiedNormalization: Rule = (w, node) => {
  const [x = null, scale = null] = node.inputs;
  if (x === null || scale === null) return null;
  const { epsilon, axis } = node.attributes;
  return (
    training(node) ?? [
      w.op('RMSNormalization', [x, scale], {
        axis: axis?.kind === 'int' ? axis.value : -1,
        epsilon: { float: epsilon?.kind === 'float' ? epsilon.value : 1e-5 },
      }),
    ]
  );
};

const embedNormalization: Rule = (w, node) => {
  const [ids = null, segments = null, words = null, positions = null, kinds = null, gamma = null, beta = null, mask = null, places = null] =
    node.inputs;
  if (ids === null || words === null || positions === null || gamma === null || beta === null) return null;
  const [batch = 1, length = 1] = w.shape(ids);
  const word = w.op('Gather', [words, ids], { axis: 0 });
  const place = places === null ? w.slice(positions, 0, 0, length) : w.op('Gather', [positions, places], { axis: 0 });
  const kind = segments === null || kinds === null ? null : w.op('Gather', [kinds, segments], { axis: 0 });
  const sum = plus(w, w.op('Add', [word, place]), kind);
  const y = w.op('LayerNormalization', [sum, gamma, beta], { axis: -1, epsilon: { float: attributeFloat(node, 'epsilon', 1e-12) } });
  const index = (): ValueId =>
    mask === null
      ? w.lazy({ dtype: 'int32', shape: [batch] }, { kind: 'splat', element: new Uint8Array(4) })
      : w.op('ReduceSum', [mask, w.ints([1])], { keepdims: 0 });
  return [y, node.outputs.length > 1 ? index() : null, sum].slice(0, node.outputs.length);
};

/** The activation of a fused product, by the name of its ai.onnx operator. */
function activated(w: Writer, node: Node, x: ValueId): ValueId | NotHere {
  const name = attributeString(node, 'activation', '');
  const list = node.attributes['activation_params'];
  const parameters = list?.kind === 'floats' || list?.kind === 'ints' ? list.value : [];
  const parameter = (key: string, i: number, otherwise: number): { float: number } => ({
    float: parameters[i] ?? attributeFloat(node, `activation_${key}`, otherwise),
  });
  switch (name) {
    case '':
      return x;
    case 'Relu':
    case 'Sigmoid':
    case 'Tanh':
      return w.op(name, [x]);
    case 'LeakyRelu':
      return w.op(name, [x], { alpha: parameter('alpha', 0, 0.01) });
    case 'HardSigmoid':
      return w.op(name, [x], { alpha: parameter('alpha', 0, 0.2), beta: parameter('beta', 1, 0.5) });
    case 'Clip':
      return w.op(name, [x, w.float(parameters[0] ?? -3.4028234663852886e38), w.float(parameters[1] ?? 3.4028234663852886e38)]);
    default:
      return { reason: `its activation ${name} is not known` };
  }
}

/** Attributes that the plain operator has too. */
function kept(node: Node, names: readonly string[]): Record<string, Attribute> {
  return Object.fromEntries(Object.entries(node.attributes).filter(([name]) => names.includes(name)));
}

const convAttributes = ['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides'];

const fusedConv: Rule = (w, node) => {
  const [x = null, weights = null, bias = null, z = null] = node.inputs;
  if (x === null || weights === null) return null;
  const { version: _, ...rest } = node;
  const [y] = w.node({
    ...rest,
    op: 'Conv',
    domain: '',
    inputs: bias === null ? [x, weights] : [x, weights, bias],
    attributes: kept(node, convAttributes),
  });
  const result = activated(w, node, plus(w, y as ValueId, z));
  return typeof result === 'number' ? [result] : result;
};

const fusedGemm: Rule = (w, node) => {
  const { version: _, ...rest } = node;
  const [y] = w.node({ ...rest, op: 'Gemm', domain: '', attributes: kept(node, ['alpha', 'beta', 'transA', 'transB']) });
  const result = activated(w, node, y as ValueId);
  return typeof result === 'number' ? [result] : result;
};

const fusedMatMul: Rule = (w, node) => {
  const [a = null, b = null] = node.inputs;
  if (a === null || b === null) return null;
  const turned = (x: ValueId, matrix: boolean, batch: boolean): ValueId => {
    const rank = w.shape(x).length;
    if (rank < 2) return x;
    let perm = Array.from({ length: rank }, (_, i) => i);
    // transBatch: the first axis is moved behind the other batch axes.
    if (batch) perm = [...perm.slice(1, -1), 0, rank - 1];
    if (matrix) perm = [...perm.slice(0, -2), perm[rank - 1] ?? 0, perm[rank - 2] ?? 0];
    return w.transpose(x, perm);
  };
  const flag = (name: string): boolean => attributeInt(node, name, 0) !== 0;
  const y = w.op('MatMul', [turned(a, flag('transA'), flag('transBatchA')), turned(b, flag('transB'), flag('transBatchB'))]);
  const alpha = Math.fround(attributeFloat(node, 'alpha', 1));
  return [alpha === 1 ? y : w.op('Mul', [y, w.float(alpha)])];
};

/** Integers with their scale as real numbers. */
function dequantized(w: Writer, x: ValueId, scale: ValueId, zero: ValueId | null, axis: number): ValueId {
  return w.op('DequantizeLinear', zero === null ? [x, scale] : [x, scale, zero], { axis });
}

/** Zero points of rows have no place in integer products. */
function isOfColumns(w: Writer, id: ValueId | null): boolean {
  return id === null || elementCount(w.shape(id)) === 1;
}

const matMulIntegerToFloat: Rule = (w, node) => {
  const [a = null, b = null, scaleA = null, scaleB = null, zeroA = null, zeroB = null, bias = null] = node.inputs;
  if (a === null || b === null || scaleA === null || scaleB === null) return null;
  if (w.value(scaleA).type.dtype === 'float32' && isOfColumns(w, scaleA) && isOfColumns(w, zeroA)) {
    const left = { weights: a, scale: scaleA, zero: zeroA };
    return [plus(w, realProduct(w, left, { weights: b, scale: scaleB, zero: zeroB }), bias)];
  }
  const x = dequantized(w, a, scaleA, zeroA, -1);
  const y = dequantized(w, b, scaleB, zeroB, -1);
  return [plus(w, w.op('MatMul', [x, y]), bias)];
};

/** The left side is quantized while the model runs. */
const dynamicMatMul: Rule = (w, node) => {
  const [a = null, b = null, scale = null, zero = null, bias = null] = node.inputs;
  if (a === null || b === null || scale === null) return null;
  if (w.value(a).type.dtype === 'float32') return [plus(w, multiplied(w, node, a, { weights: b, scale, zero }), bias)];
  return [plus(w, w.op('MatMul', [a, dequantized(w, b, scale, zero, -1)]), bias)];
};

const biasAdd: Rule = (w, node) => {
  const [x = null, bias = null, skip = null] = node.inputs;
  return x === null || bias === null ? null : [plus(w, w.op('Add', [x, bias]), skip)];
};

/** Layout of a convolution in [N, H, W, C]. */
const nhwcConv: Rule = (w, node) => {
  const [x = null, weights = null, bias = null] = node.inputs;
  if (x === null || weights === null) return null;
  const rank = w.shape(x).length;
  const spatial = Array.from({ length: rank - 2 }, (_, i) => i);
  const y = w.op(
    'Conv',
    [
      w.transpose(x, [0, rank - 1, ...spatial.map((i) => i + 1)]),
      w.transpose(weights, [0, rank - 1, ...spatial.map((i) => i + 1)]),
      ...(bias === null ? [] : [bias]),
    ],
    {
      group: attributeInt(node, 'group', 1),
      strides: attributeInts(
        node,
        'strides',
        spatial.map(() => 1),
      ),
      dilations: attributeInts(
        node,
        'dilations',
        spatial.map(() => 1),
      ),
      pads: attributeInts(
        node,
        'pads',
        [...spatial, ...spatial].map(() => 0),
      ),
    },
  );
  return [w.transpose(y, [0, ...spatial.map((i) => i + 2), 1])];
};

export const microsoftRules: Rules = {
  Gelu: gelu('none'),
  BiasGelu: gelu('none'),
  FastGelu: gelu('tanh'),
  QuickGelu: quickGelu,
  SkipLayerNormalization: skipNormalization('LayerNormalization'),
  SkipSimplifiedLayerNormalization: skipNormalization('RMSNormalization'),
  SimplifiedLayerNormalization: simplifiedNormalization,
  EmbedLayerNormalization: embedNormalization,
  FusedConv: fusedConv,
  FusedGemm: fusedGemm,
  FusedMatMul: fusedMatMul,
  MatMulIntegerToFloat: matMulIntegerToFloat,
  DynamicQuantizeMatMul: dynamicMatMul,
  BiasAdd: biasAdd,
  NhwcConv: nhwcConv,
  NhwcFusedConv: nhwcConv,
};

/** What ONNX Runtime puts into the domain of ai.onnx. */
export const runtimeRules: Rules = { SimplifiedLayerNormalization: simplifiedNormalization };
