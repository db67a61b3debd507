/**
 * A one-stage detector in the style of YOLOv8-n (Ultralytics 2023): CSP blocks with SiLU, spatial pyramid pooling, a path-aggregation
 * neck (Liu et al. 2018, arXiv:1803.01534), decoupled heads with distribution focal loss (Li et al. 2020, arXiv:2006.04388). Boxes come
 * out decoded, in pixels; non-maximum suppression is left to the application.
 */
import { createGraphWriter, type GraphWriter } from './graph-writer.ts';
import { parameter, silu } from './layers.ts';
import { imageNetParameters, widthParameter, type ModelBuilder } from './parameters.ts';

/** Bins of the distribution over one side's distance. */
const bins = 16;
const strides = [8, 16, 32] as const;

interface Plane {
  readonly value: string;
  readonly channels: number;
}

class Detector {
  readonly net: GraphWriter;
  constructor(net: GraphWriter) {
    this.net = net;
  }

  conv(scope: string, x: Plane, channels: number, kernel: number, stride: number, activate: boolean): Plane {
    const path = parameter(scope);
    const pad = (kernel - 1) / 2;
    const w = this.net.weight(
      `${path}.weight`,
      [channels, x.channels, kernel, kernel],
      Math.sqrt((activate ? 2.5 : 1) / (x.channels * kernel * kernel)),
    );
    const value = this.net.op(scope, 'Conv', [x.value, w, this.net.weight(`${path}.bias`, [channels], 0.05)], {
      dilations: [1, 1],
      group: 1,
      kernel_shape: [kernel, kernel],
      pads: [pad, pad, pad, pad],
      strides: [stride, stride],
    });
    return { value: activate ? silu(this.net, `${scope}/act`, value) : value, channels };
  }

  concat(scope: string, planes: readonly Plane[]): Plane {
    const value = this.net.op(
      scope,
      'Concat',
      planes.map((p) => p.value),
      { axis: 1 },
    );
    return { value, channels: planes.reduce((n, p) => n + p.channels, 0) };
  }

  /** Cross-stage partial block: half of the channels go through `depth` bottlenecks, every stage is kept. */
  csp(scope: string, x: Plane, channels: number, depth: number, residual: boolean): Plane {
    const half = channels / 2;
    const wide = this.conv(`${scope}/cv1/conv`, x, channels, 1, 1, true);
    const [a = '', b = ''] = this.net.ops(scope, 'Split', [wide.value, this.net.ints(scope, [half, half])], 2, { axis: 1 });
    const kept: Plane[] = [
      { value: a, channels: half },
      { value: b, channels: half },
    ];
    for (let i = 0; i < depth; i++) {
      const from = kept[kept.length - 1] ?? x;
      const inner = this.conv(`${scope}/m.${i}/cv1/conv`, from, half, 3, 1, true);
      const out = this.conv(`${scope}/m.${i}/cv2/conv`, inner, half, 3, 1, true);
      kept.push(residual ? { value: this.net.op(`${scope}/m.${i}`, 'Add', [from.value, out.value]), channels: half } : out);
    }
    return this.conv(`${scope}/cv2/conv`, this.concat(scope, kept), channels, 1, 1, true);
  }

  /** Three poolings of 5 in a row see 5, 9 and 13 pixels. */
  pyramid(scope: string, x: Plane): Plane {
    const half = this.conv(`${scope}/cv1/conv`, x, x.channels / 2, 1, 1, true);
    const pools: Plane[] = [half];
    for (let i = 0; i < 3; i++) {
      const from = pools[i] ?? half;
      const value = this.net.op(`${scope}/m`, 'MaxPool', [from.value], {
        ceil_mode: 0,
        dilations: [1, 1],
        kernel_shape: [5, 5],
        pads: [2, 2, 2, 2],
        strides: [1, 1],
      });
      pools.push({ value, channels: half.channels });
    }
    return this.conv(`${scope}/cv2/conv`, this.concat(scope, pools), x.channels, 1, 1, true);
  }

  upsample(scope: string, x: Plane): Plane {
    const scales = this.net.floats('upsample.scales', [4], Float32Array.of(1, 1, 2, 2));
    const attributes = { coordinate_transformation_mode: 'asymmetric', mode: 'nearest', nearest_mode: 'floor' };
    return { value: this.net.op(scope, 'Resize', [x.value, '', scales], attributes), channels: x.channels };
  }
}

/** Centres of all cells in units of their stride, and the strides: [1, 2, cells] and [1, cells]. */
function anchors(image: number): { readonly centres: Float32Array; readonly steps: Float32Array; readonly cells: number } {
  const cells = strides.reduce((n, s) => n + (image / s) ** 2, 0);
  const centres = new Float32Array(2 * cells);
  const steps = new Float32Array(cells);
  let at = 0;
  for (const stride of strides) {
    const side = image / stride;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        centres[at] = x + 0.5;
        centres[cells + at] = y + 0.5;
        steps[at++] = stride;
      }
    }
  }
  return { centres, steps, cells };
}

export const yolo: ModelBuilder = {
  name: 'yolo',
  summary: 'one-stage detector in the style of YOLOv8-n: CSP backbone, path-aggregation neck, decoupled heads, decoded boxes',
  parameters: [
    ...imageNetParameters.map((p) =>
      p.name === 'image' ? { ...p, default: 640, multipleOf: 32 } : p.name === 'classes' ? { ...p, default: 80 } : p,
    ),
    widthParameter,
  ],
  macs: 4_371_993_600,
  build({ batch, image, classes, seed, width }) {
    const net = createGraphWriter('yolo', seed);
    const d = new Detector(net);
    const c = (channels: number): number => Math.max(8, Math.round((channels * width) / 8) * 8);
    const at = (i: number): string => `/model.${i}`;
    const input: Plane = { value: net.input('images', [batch, 3, image, image]), channels: 3 };
    const stem = d.conv(`${at(1)}/conv`, d.conv(`${at(0)}/conv`, input, c(16), 3, 2, true), c(32), 3, 2, true);
    const p2 = d.csp(at(2), stem, c(32), 1, true);
    const p3 = d.csp(at(4), d.conv(`${at(3)}/conv`, p2, c(64), 3, 2, true), c(64), 2, true);
    const p4 = d.csp(at(6), d.conv(`${at(5)}/conv`, p3, c(128), 3, 2, true), c(128), 2, true);
    const p5 = d.pyramid(at(9), d.csp(at(8), d.conv(`${at(7)}/conv`, p4, c(256), 3, 2, true), c(256), 1, true));
    const n4 = d.csp(at(12), d.concat(at(11), [d.upsample(at(10), p5), p4]), c(128), 1, false);
    const n3 = d.csp(at(15), d.concat(at(14), [d.upsample(at(13), n4), p3]), c(64), 1, false);
    const m4 = d.csp(at(18), d.concat(at(17), [d.conv(`${at(16)}/conv`, n3, c(64), 3, 2, true), n4]), c(128), 1, false);
    const m5 = d.csp(at(21), d.concat(at(20), [d.conv(`${at(19)}/conv`, m4, c(128), 3, 2, true), p5]), c(256), 1, false);
    const result = detect(d, at(22), [n3, m4, m5], {
      batch,
      image,
      classes,
      boxWidth: Math.max(16, c(64) / 4, 4 * bins),
      classWidth: Math.max(c(64), Math.min(classes, 100)),
    });
    net.output(result, 'output0', [batch, 4 + classes, anchors(image).cells]);
    return net.finish();
  },
};

interface Head {
  readonly batch: number;
  readonly image: number;
  readonly classes: number;
  readonly boxWidth: number;
  readonly classWidth: number;
}

function detect(d: Detector, scope: string, levels: readonly Plane[], { batch, image, classes, boxWidth, classWidth }: Head): string {
  const { net } = d;
  const branch = (name: string, i: number, x: Plane, inner: number, out: number): Plane => {
    const a = d.conv(`${scope}/${name}.${i}/${name}.${i}.0/conv`, x, inner, 3, 1, true);
    const b = d.conv(`${scope}/${name}.${i}/${name}.${i}.1/conv`, a, inner, 3, 1, true);
    return d.conv(`${scope}/${name}.${i}/${name}.${i}.2`, b, out, 1, 1, false);
  };
  const flat = levels.map((x, i) => {
    const both = d.concat(scope, [branch('cv2', i, x, boxWidth, 4 * bins), branch('cv3', i, x, classWidth, classes)]);
    return net.op(scope, 'Reshape', [both.value, net.ints(scope, [batch, 4 * bins + classes, -1])]);
  });
  const { centres, steps, cells } = anchors(image);
  const all = net.op(scope, 'Concat', flat, { axis: 2 });
  const [box = '', scores = ''] = net.ops(scope, 'Split', [all, net.ints(scope, [4 * bins, classes])], 2, { axis: 1 });
  // The expected bin of each side's distribution.
  const dfl = `${scope}/dfl`;
  const sides = net.op(dfl, 'Transpose', [net.op(dfl, 'Reshape', [box, net.ints(dfl, [batch, 4, bins, cells])])], { perm: [0, 2, 1, 3] });
  const weights = net.floats(
    'model.22.dfl.conv.weight',
    [1, bins, 1, 1],
    Float32Array.from({ length: bins }, (_, i) => i),
  );
  const expected = net.op(`${dfl}/conv`, 'Conv', [net.op(dfl, 'Softmax', [sides], { axis: 1 }), weights], {
    dilations: [1, 1],
    group: 1,
    kernel_shape: [1, 1],
    pads: [0, 0, 0, 0],
    strides: [1, 1],
  });
  const distance = net.op(dfl, 'Reshape', [expected, net.ints(dfl, [batch, 4, cells])]);
  const cut = (from: number, to: number): string =>
    net.op(scope, 'Slice', [distance, net.ints(scope, [from]), net.ints(scope, [to]), net.ints(scope, [1]), net.ints(scope, [1])]);
  const points = net.floats('model.22.anchors', [1, 2, cells], centres);
  const low = net.op(scope, 'Sub', [points, cut(0, 2)]);
  const high = net.op(scope, 'Add', [points, cut(2, 4)]);
  const middle = net.op(scope, 'Div', [net.op(scope, 'Add', [low, high]), net.scalar(scope, 2)]);
  const boxes = net.op(scope, 'Concat', [middle, net.op(scope, 'Sub', [high, low])], { axis: 1 });
  const pixels = net.op(scope, 'Mul', [boxes, net.floats('model.22.strides', [1, cells], steps)]);
  return net.op(scope, 'Concat', [pixels, net.op(scope, 'Sigmoid', [scores])], { axis: 1 });
}
