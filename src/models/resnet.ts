/** ResNet (He et al. 2015, arXiv:1512.03385) as torchvision has it: stride on the 3×3 convolution of a bottleneck. */
import { createNetwork, type Feature, type Network } from './network.ts';
import { imageNetParameters, type ModelBuilder } from './parameters.ts';

const stageChannels = [64, 128, 256, 512] as const;

interface Residual {
  /** Channels out of a block over those inside. */
  readonly expansion: number;
  readonly body: (net: Network, scope: string, x: Feature, channels: number, stride: number) => Feature;
  /** The activation after the sum: `relu` is called once per convolution before it. */
  readonly lastRelu: string;
}

const basic: Residual = {
  expansion: 1,
  body: (net, scope, x, channels, stride) => {
    const a = net.relu(`${scope}/relu`, net.conv(`${scope}/conv1`, x, { channels, kernel: 3, stride, feeds: 'relu' }));
    return net.conv(`${scope}/conv2`, a, { channels, kernel: 3, feeds: 'residual' });
  },
  lastRelu: 'relu_1',
};

const bottleneck: Residual = {
  expansion: 4,
  body: (net, scope, x, channels, stride) => {
    const a = net.relu(`${scope}/relu`, net.conv(`${scope}/conv1`, x, { channels, kernel: 1, feeds: 'relu' }));
    const b = net.relu(`${scope}/relu_1`, net.conv(`${scope}/conv2`, a, { channels, kernel: 3, stride, feeds: 'relu' }));
    return net.conv(`${scope}/conv3`, b, { channels: channels * 4, kernel: 1, feeds: 'residual' });
  },
  lastRelu: 'relu_2',
};

function resnet(name: string, residual: Residual, blocks: readonly number[], macs: number): ModelBuilder {
  return {
    name,
    summary: `image classifier, ${residual === basic ? 'basic' : 'bottleneck'} residual blocks ${blocks.join('-')}`,
    parameters: imageNetParameters,
    macs,
    build: ({ batch, image, classes, seed }) => {
      const net = createNetwork(name, seed, [batch, 3, image, image]);
      const stem = net.relu('/relu', net.conv('/conv1', net.input, { channels: 64, kernel: 7, stride: 2, feeds: 'relu' }));
      let x = net.maxPool('/maxpool', stem, 3, 2, 1);
      blocks.forEach((count, stage) => {
        const channels = stageChannels[stage] ?? 0;
        for (let block = 0; block < count; block++) {
          const scope = `/layer${stage + 1}/layer${stage + 1}.${block}`;
          const stride = block === 0 && stage > 0 ? 2 : 1;
          const out = channels * residual.expansion;
          const body = residual.body(net, scope, x, channels, stride);
          const changes = stride !== 1 || x.shape[1] !== out;
          const skip = changes ? net.conv(`${scope}/downsample/downsample.0`, x, { channels: out, kernel: 1, stride, feeds: 'linear' }) : x;
          x = net.relu(`${scope}/${residual.lastRelu}`, net.add(scope, body, skip));
        }
      });
      return net.finish(net.linear('/fc', net.flatten(net.globalAveragePool('/avgpool', x)), classes, 'linear'));
    },
  };
}

export const resnet18: ModelBuilder = resnet('resnet18', basic, [2, 2, 2, 2], 1_814_073_344);
export const resnet50: ModelBuilder = resnet('resnet50', bottleneck, [3, 4, 6, 3], 4_089_184_256);
