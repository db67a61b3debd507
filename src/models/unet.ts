/** U-Net (Ronneberger et al. 2015, arXiv:1505.04597), padded so that the output has the size of the input, BatchNorm folded. */
import { createGraphWriter, type GraphWriter } from './graph-writer.ts';
import { parameter } from './layers.ts';
import { imageNetParameters, widthParameter, type ModelBuilder } from './parameters.ts';

const depth = 4;
const baseChannels = 32;

function conv(net: GraphWriter, scope: string, x: string, from: number, to: number, kernel: number, gain: number): string {
  const path = parameter(scope);
  const pad = (kernel - 1) / 2;
  const w = net.weight(`${path}.weight`, [to, from, kernel, kernel], Math.sqrt(gain / (from * kernel * kernel)));
  return net.op(scope, 'Conv', [x, w, net.weight(`${path}.bias`, [to], 0.05)], {
    dilations: [1, 1],
    group: 1,
    kernel_shape: [kernel, kernel],
    pads: [pad, pad, pad, pad],
    strides: [1, 1],
  });
}

function double(net: GraphWriter, scope: string, x: string, from: number, to: number): string {
  const a = net.op(scope, 'Relu', [conv(net, `${scope}/conv1`, x, from, to, 3, 2)]);
  return net.op(scope, 'Relu', [conv(net, `${scope}/conv2`, a, to, to, 3, 2)]);
}

export const unet: ModelBuilder = {
  name: 'unet',
  summary: 'image segmentation, four levels down and up with skips and transposed convolutions',
  parameters: [
    ...imageNetParameters.map((p) =>
      p.name === 'image' ? { ...p, default: 256, multipleOf: 2 ** depth } : p.name === 'classes' ? { ...p, default: 2 } : p,
    ),
    widthParameter,
  ],
  macs: 12_073_304_064,
  build({ batch, image, classes, seed, width }) {
    const net = createGraphWriter('unet', seed);
    const channels = (level: number): number => Math.max(1, Math.round(baseChannels * width)) * 2 ** level;
    let x = net.input('input', [batch, 3, image, image]);
    let from = 3;
    const skips: string[] = [];
    for (let level = 0; level < depth; level++) {
      const kept = double(net, `/down${level + 1}`, x, from, channels(level));
      skips.push(kept);
      from = channels(level);
      x = net.op(`/pool${level + 1}`, 'MaxPool', [kept], {
        ceil_mode: 0,
        dilations: [1, 1],
        kernel_shape: [2, 2],
        pads: [0, 0, 0, 0],
        strides: [2, 2],
      });
    }
    x = double(net, '/bottom', x, from, channels(depth));
    for (let level = depth - 1; level >= 0; level--) {
      const scope = `/up${level + 1}`;
      const [wide, narrow] = [channels(level + 1), channels(level)];
      const path = parameter(`${scope}/conv_transpose`);
      const w = net.weight(`${path}.weight`, [wide, narrow, 2, 2], Math.sqrt(1 / wide));
      const raised = net.op(`${scope}/conv_transpose`, 'ConvTranspose', [x, w, net.weight(`${path}.bias`, [narrow], 0.05)], {
        dilations: [1, 1],
        group: 1,
        kernel_shape: [2, 2],
        pads: [0, 0, 0, 0],
        strides: [2, 2],
      });
      x = double(net, scope, net.op(scope, 'Concat', [raised, skips[level] ?? ''], { axis: 1 }), wide, narrow);
    }
    net.output(conv(net, '/head', x, channels(0), classes, 1, 1), 'output', [batch, classes, image, image]);
    return net.finish();
  },
};
