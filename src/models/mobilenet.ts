/** MobileNet V1 (arXiv:1704.04861) and V2 (arXiv:1801.04381), both with ReLU6. */
import { createNetwork, type Feature, type Network } from './network.ts';
import { imageNetParameters, widthParameter, type ModelBuilder } from './parameters.ts';

/** Channels out and stride of the thirteen depthwise-separable blocks of V1 (its table 1). */
const separableBlocks: readonly (readonly [channels: number, stride: number])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
];

/** torchvision has no V1: the module names are those of the Sequential that most PyTorch ports of it use. */
export const mobilenetv1: ModelBuilder = {
  name: 'mobilenetv1',
  summary: 'image classifier, depthwise-separable convolutions',
  parameters: [...imageNetParameters, widthParameter],
  macs: 568_740_352,
  build: ({ batch, image, classes, seed, width }) => {
    const scaled = (channels: number): number => Math.max(1, Math.floor(channels * width));
    const net = createNetwork('mobilenetv1', seed, [batch, 3, image, image]);
    const first = '/features/features.0';
    let x = net.conv(`${first}/features.0.0`, net.input, { channels: scaled(32), kernel: 3, stride: 2, feeds: 'relu' });
    x = net.relu6(`${first}/features.0.2`, x);
    separableBlocks.forEach(([channels, stride], i) => {
      const scope = `/features/features.${i + 1}/features.${i + 1}`;
      x = net.relu6(`${scope}.2`, depthwise(net, `${scope}.0`, x, stride));
      x = net.relu6(`${scope}.5`, net.conv(`${scope}.3`, x, { channels: scaled(channels), kernel: 1, feeds: 'relu' }));
    });
    return net.finish(net.linear('/classifier', net.flatten(net.globalAveragePool('', x)), classes, 'linear'));
  },
};

/** Expansion, channels out, repeats and first stride of V2's inverted residuals (its table 2). */
const invertedResiduals: readonly (readonly [expansion: number, channels: number, repeats: number, stride: number])[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

export const mobilenetv2: ModelBuilder = {
  name: 'mobilenetv2',
  summary: 'image classifier, inverted residuals with linear bottlenecks',
  parameters: [...imageNetParameters, widthParameter],
  macs: 300_774_272,
  build: ({ batch, image, classes, seed, width }) => {
    const net = createNetwork('mobilenetv2', seed, [batch, 3, image, image]);
    let x = convClip(net, '/features/features.0/features.0', net.input, { channels: multipleOf8(32 * width), kernel: 3, stride: 2 });
    let index = 1;
    for (const [expansion, channels, repeats, firstStride] of invertedResiduals) {
      for (let i = 0; i < repeats; i++) {
        x = invertedResidual(net, `/features/features.${index++}`, x, expansion, multipleOf8(channels * width), i === 0 ? firstStride : 1);
      }
    }
    // The last layer does not shrink with the width (section 3 of the paper).
    x = convClip(net, `/features/features.${index}/features.${index}`, x, {
      channels: multipleOf8(1280 * Math.max(1, width)),
      kernel: 1,
      stride: 1,
    });
    return net.finish(net.linear('/classifier/classifier.1', net.flatten(net.globalAveragePool('', x)), classes, 'linear'));
  },
};

function invertedResidual(net: Network, scope: string, x: Feature, expansion: number, channels: number, stride: number): Feature {
  const keeps = stride === 1 && x.shape[1] === channels;
  let inner = x;
  let layer = 0;
  if (expansion !== 1) {
    const hidden = (x.shape[1] ?? 0) * expansion;
    inner = convClip(net, `${scope}/conv/conv.${layer}/conv.${layer}`, inner, { channels: hidden, kernel: 1, stride: 1 });
    layer++;
  }
  const block = `${scope}/conv/conv.${layer}/conv.${layer}`;
  inner = net.relu6(`${block}.2`, depthwise(net, `${block}.0`, inner, stride));
  const projected = net.conv(`${scope}/conv/conv.${layer + 1}`, inner, { channels, kernel: 1, feeds: keeps ? 'residual' : 'linear' });
  return keeps ? net.add(scope, x, projected) : projected;
}

interface ConvClip {
  readonly channels: number;
  readonly kernel: number;
  readonly stride: number;
}

/** torchvision's Conv2dNormActivation: modules 0 (convolution), 1 (BatchNorm, folded away) and 2 (ReLU6). */
function convClip(net: Network, scope: string, x: Feature, { channels, kernel, stride }: ConvClip): Feature {
  return net.relu6(`${scope}.2`, net.conv(`${scope}.0`, x, { channels, kernel, stride, feeds: 'relu' }));
}

function depthwise(net: Network, module: string, x: Feature, stride: number): Feature {
  const channels = x.shape[1] ?? 0;
  return net.conv(module, x, { channels, kernel: 3, stride, groups: channels, feeds: 'relu' });
}

/** The nearest multiple of 8, but not below 90 % of `channels`: `_make_divisible` of the reference implementation. */
function multipleOf8(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}
