/**
 * Builds a network layer by layer, as torch.onnx.export (opset 17) writes a torchvision model in eval mode: BatchNorm folded into
 * the convolution before it, attributes in alphabetical order, values named after the node that makes them. Weights are named by
 * module path (`layer1.0.conv1.weight`); the exporter's own names for folded ones (`onnx::Conv_193`) say nothing.
 */
import { elementCount } from '../core/index.ts';
import { writeOnnx, type AttributeValue, type NodeRecord, type TensorRecord } from './onnx-file.ts';
import { bellShaped } from './weights.ts';

/** A value of the network under construction: its ONNX name and shape, [N, C, H, W] until `flatten`. */
export interface Feature {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface ConvOptions {
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  /** Default: (kernel − 1) / 2, which keeps the size at stride 1. */
  readonly padding?: number;
  readonly groups?: number;
  /**
   * What follows decides how large the weights are, so that activations keep their size through any depth:
   * `relu` halves the power, so weights have twice that (He et al. 2015, arXiv:1502.01852, fan-in); `linear` keeps it;
   * `residual` brings a quarter, so that a sum with the skipped value grows slowly.
   */
  readonly feeds: 'relu' | 'linear' | 'residual';
}

const powerGain = { relu: 2, linear: 1, residual: 0.25 } as const;

/** A depthwise filter has few taps, all of one sign of input: the rule above loses a fifth of the power to dead channels (measured). */
const depthwiseGain = 1.25;

/** Folded BatchNorm gives every convolution a bias; this is about the size of trained ones. */
const biasDeviation = 0.1;

export interface Network {
  readonly input: Feature;
  /** @param module  scope path of the module, `/layer1/layer1.0/conv1` */
  conv(module: string, x: Feature, options: ConvOptions): Feature;
  relu(module: string, x: Feature): Feature;
  /** Clip to [0, 6], its bounds two Constant nodes as the exporter leaves them. */
  relu6(module: string, x: Feature): Feature;
  add(scope: string, a: Feature, b: Feature): Feature;
  maxPool(module: string, x: Feature, kernel: number, stride: number, padding: number): Feature;
  /** Kernel and stride `kernel`, no padding: what adaptive pooling becomes when the size divides. */
  averagePool(module: string, x: Feature, kernel: number): Feature;
  globalAveragePool(scope: string, x: Feature): Feature;
  flatten(x: Feature): Feature;
  linear(module: string, x: Feature, features: number, feeds: 'relu' | 'linear'): Feature;
  /** Makes `x`, the last value made, the output and writes the file. */
  finish(x: Feature): Uint8Array;
}

export function createNetwork(name: string, seed: number, inputShape: readonly number[]): Network {
  const nodes: NodeRecord[] = [];
  const initializers: TensorRecord[] = [];
  const input: Feature = { name: 'input', shape: inputShape };

  const node = (
    scope: string,
    op: string,
    inputs: readonly string[],
    shape: readonly number[],
    attributes: readonly AttributeValue[] = [],
    suffix = '',
  ): Feature => {
    const path = `${scope}/${op}${suffix}`;
    const output = `${path}_output_0`;
    nodes.push({ name: path, opType: op, inputs, outputs: [output], attributes });
    return { name: output, shape };
  };

  const weight = (parameter: string, dims: readonly number[], deviation: number): string => {
    initializers.push({ name: parameter, dims, data: bellShaped(parameter, seed, elementCount(dims), deviation) });
    return parameter;
  };

  const scalar = (scope: string, value: number, suffix: string): string => {
    const tensor = { name: '', dims: [], data: Float32Array.of(value) };
    return node(scope, 'Constant', [], [], [{ name: 'value', tensor }], suffix).name;
  };

  return {
    input,
    conv: (module, x, { channels, kernel, stride = 1, padding = (kernel - 1) / 2, groups = 1, feeds }) => {
      const [batch = 0, inChannels = 0, height = 0, width = 0] = x.shape;
      const perGroup = inChannels / groups;
      const path = parameterPath(module);
      const gain = powerGain[feeds] * (perGroup === 1 && groups > 1 ? depthwiseGain : 1);
      const deviation = Math.sqrt(gain / (perGroup * kernel * kernel));
      const w = weight(`${path}.weight`, [channels, perGroup, kernel, kernel], deviation);
      const b = weight(`${path}.bias`, [channels], biasDeviation);
      const extent = (n: number): number => pooledExtent(n, kernel, stride, padding);
      return node(
        module,
        'Conv',
        [x.name, w, b],
        [batch, channels, extent(height), extent(width)],
        [
          { name: 'dilations', ints: [1, 1] },
          { name: 'group', int: groups },
          { name: 'kernel_shape', ints: [kernel, kernel] },
          { name: 'pads', ints: [padding, padding, padding, padding] },
          { name: 'strides', ints: [stride, stride] },
        ],
      );
    },
    relu: (module, x) => node(module, 'Relu', [x.name], x.shape),
    relu6: (module, x) => {
      const low = scalar(module, 0, '');
      const high = scalar(module, 6, '_1');
      return node(module, 'Clip', [x.name, low, high], x.shape);
    },
    add: (scope, a, b) => node(scope, 'Add', [a.name, b.name], a.shape),
    maxPool: (module, x, kernel, stride, padding) => {
      const [batch = 0, channels = 0, height = 0, width = 0] = x.shape;
      const extent = (n: number): number => pooledExtent(n, kernel, stride, padding);
      return node(
        module,
        'MaxPool',
        [x.name],
        [batch, channels, extent(height), extent(width)],
        [
          { name: 'ceil_mode', int: 0 },
          { name: 'dilations', ints: [1, 1] },
          { name: 'kernel_shape', ints: [kernel, kernel] },
          { name: 'pads', ints: [padding, padding, padding, padding] },
          { name: 'strides', ints: [stride, stride] },
        ],
      );
    },
    averagePool: (module, x, kernel) => {
      const [batch = 0, channels = 0, height = 0, width = 0] = x.shape;
      return node(
        module,
        'AveragePool',
        [x.name],
        [batch, channels, height / kernel, width / kernel],
        [
          { name: 'ceil_mode', int: 0 },
          { name: 'kernel_shape', ints: [kernel, kernel] },
          { name: 'strides', ints: [kernel, kernel] },
        ],
      );
    },
    globalAveragePool: (scope, x) => node(scope, 'GlobalAveragePool', [x.name], [x.shape[0] ?? 0, x.shape[1] ?? 0, 1, 1]),
    flatten: (x) => node('', 'Flatten', [x.name], [x.shape[0] ?? 0, elementCount(x.shape.slice(1))], [{ name: 'axis', int: 1 }]),
    linear: (module, x, features, feeds) => {
      const [batch = 0, inFeatures = 0] = x.shape;
      const path = parameterPath(module);
      const w = weight(`${path}.weight`, [features, inFeatures], Math.sqrt(powerGain[feeds] / inFeatures));
      const b = weight(`${path}.bias`, [features], biasDeviation);
      return node(
        module,
        'Gemm',
        [x.name, w, b],
        [batch, features],
        [
          { name: 'alpha', float: 1 },
          { name: 'beta', float: 1 },
          { name: 'transB', int: 1 },
        ],
      );
    },
    finish: (x) => {
      const renamed = nodes.map((n) => (n.outputs[0] === x.name ? { ...n, outputs: ['output'] } : n));
      return writeOnnx({ name, nodes: renamed, initializers, inputs: [input], outputs: [{ name: 'output', shape: x.shape }] });
    },
  };
}

/** floor((n + 2 padding − kernel) / stride) + 1 */
function pooledExtent(n: number, kernel: number, stride: number, padding: number): number {
  return Math.floor((n + 2 * padding - kernel) / stride) + 1;
}

/**
 * torch's dotted name of a module: `/layer2/layer2.0/downsample/downsample.0` -> `layer2.0.downsample.0`. A child of a Sequential
 * repeats its parent's name in the scope path.
 */
function parameterPath(module: string): string {
  const scopes = module.split('/').slice(1);
  return scopes.filter((scope, i) => !(scopes[i + 1] ?? '').startsWith(`${scope}.`)).join('.');
}
