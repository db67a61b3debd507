/** VGG-16 (Simonyan and Zisserman 2014, arXiv:1409.1556, configuration D) as torchvision has it, without BatchNorm. */
import { createNetwork } from './network.ts';
import { imageNetParameters, type ModelBuilder } from './parameters.ts';

const channelsOfStages: readonly (readonly number[])[] = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];

export const vgg16: ModelBuilder = {
  name: 'vgg16',
  summary: 'image classifier, plain 3×3 convolutions and three large linear layers',
  // AdaptiveAvgPool2d(7) exports only where the feature map is a multiple of 7: a five times halved image of 224, 448, …
  parameters: imageNetParameters.map((p) => (p.name === 'image' ? { ...p, min: 224, multipleOf: 224 } : p)),
  macs: 15_470_264_320,
  build: ({ batch, image, classes, seed }) => {
    const net = createNetwork('vgg16', seed, [batch, 3, image, image]);
    let x = net.input;
    let index = 0;
    for (const stage of channelsOfStages) {
      for (const channels of stage) {
        x = net.conv(`/features/features.${index++}`, x, { channels, kernel: 3, feeds: 'relu' });
        x = net.relu(`/features/features.${index++}`, x);
      }
      x = net.maxPool(`/features/features.${index++}`, x, 2, 2, 0);
    }
    // At 224 a pooling of 1×1, which the exporter writes all the same.
    x = net.flatten(net.averagePool('/avgpool', x, (x.shape[2] ?? 0) / 7));
    x = net.relu('/classifier/classifier.1', net.linear('/classifier/classifier.0', x, 4096, 'relu'));
    x = net.relu('/classifier/classifier.4', net.linear('/classifier/classifier.3', x, 4096, 'relu'));
    return net.finish(net.linear('/classifier/classifier.6', x, classes, 'linear'));
  },
};
