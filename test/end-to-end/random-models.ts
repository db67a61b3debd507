/** Random small graphs of the operators the engines run, with awkward shapes: ragged, asymmetric, grouped, dilated, broadcast. */
import { seededRandom, type Random } from '../../src/core/index.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import { bell, modelBuilder, type ModelBuilder } from './model-builder.ts';

interface Image {
  readonly name: string;
  readonly shape: readonly [number, number, number, number];
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.integer(0, items.length - 1)] as T;
}

function conv(b: ModelBuilder, random: Random, x: Image): Image {
  const [n, c, h, w] = x.shape;
  const kh = random.integer(1, Math.min(4, h));
  const kw = random.integer(1, Math.min(4, w));
  const dilations = [kh > 1 && (kh - 1) * 2 < h ? random.integer(1, 2) : 1, 1] as const;
  const strides = [random.integer(1, 3), random.integer(1, 2)] as const;
  const pads = [0, 1, 2, 3].map((i) => random.integer(0, Math.max(0, Math.min(2, (i % 2 === 0 ? kh : kw) - 1))));
  const divisors = [1, 2, 3, c].filter((g) => c % g === 0);
  const groups = pick(random, divisors);
  const perGroup = groups === c ? random.integer(1, 2) : random.integer(1, 12);
  const m = groups * perGroup;
  const weights = bell(random, m * (c / groups) * kh * kw, 1 / Math.sqrt((c / groups) * kh * kw));
  const inputs = [x.name, b.weight(`w${random.nextUint32()}`, [m, c / groups, kh, kw], weights)];
  if (random.next() < 0.7) inputs.push(b.weight(`b${random.nextUint32()}`, [m], bell(random, m, 0.3)));
  const name = b.node('Conv', inputs, { kernel_shape: [kh, kw], strides, dilations, pads, group: groups });
  const [t = 0, l = 0, bo = 0, r = 0] = pads;
  const oh = Math.floor((h + t + bo - (kh - 1) * dilations[0] - 1) / strides[0]) + 1;
  const ow = Math.floor((w + l + r - (kw - 1) * dilations[1] - 1) / strides[1]) + 1;
  return { name, shape: [n, m, oh, ow] };
}

function pool(b: ModelBuilder, random: Random, x: Image): Image {
  const [n, c, h, w] = x.shape;
  const kh = random.integer(1, Math.min(3, h));
  const kw = random.integer(1, Math.min(3, w));
  const strides = [random.integer(1, 2), random.integer(1, 2)] as const;
  const pads = [random.integer(0, kh - 1), random.integer(0, kw - 1), random.integer(0, kh - 1), random.integer(0, kw - 1)];
  const average = random.next() < 0.5;
  const name = b.node(average ? 'AveragePool' : 'MaxPool', [x.name], {
    kernel_shape: [kh, kw],
    strides,
    pads,
    ...(average ? { count_include_pad: random.integer(0, 1) } : {}),
  });
  const [t = 0, l = 0, bo = 0, r = 0] = pads;
  return { name, shape: [n, c, Math.floor((h + t + bo - kh) / strides[0]) + 1, Math.floor((w + l + r - kw) / strides[1]) + 1] };
}

function elementwise(b: ModelBuilder, random: Random, x: Image, others: readonly Image[]): Image {
  const same = others.filter((o) => o.shape.join() === x.shape.join());
  const [, c] = x.shape;
  switch (random.integer(0, 4)) {
    case 0:
      return { name: b.node('Relu', [x.name]), shape: x.shape };
    case 1: {
      const lo = b.weight(`lo${random.nextUint32()}`, [], [0]);
      const hi = b.weight(`hi${random.nextUint32()}`, [], [1.5]);
      return { name: b.node('Clip', [x.name, lo, hi]), shape: x.shape };
    }
    case 2:
      return { name: b.node('Mul', [x.name, b.weight(`s${random.nextUint32()}`, [c, 1, 1], bell(random, c, 1))]), shape: x.shape };
    case 3:
      return { name: b.node('Add', [x.name, b.weight(`t${random.nextUint32()}`, [1, c, 1, 1], bell(random, c, 1))]), shape: x.shape };
    default:
      return { name: b.node('Add', [x.name, pick(random, [...same, x]).name]), shape: x.shape };
  }
}

/** A graph of 2 to 6 image operators, sometimes with a concat, a mean and a classifier behind it. */
export function randomModel(seed: number): OnnxModel {
  const random = seededRandom(seed);
  const b = modelBuilder();
  const shape = [random.integer(1, 2), random.integer(1, 9), random.integer(3, 14), random.integer(3, 14)] as const;
  if (random.next() < 0.2) return randomProduct(random);
  let x: Image = { name: b.input('x', shape), shape };
  const seen: Image[] = [x];
  const steps = random.integer(2, 6);
  for (let i = 0; i < steps; i++) {
    const roll = random.next();
    if (roll < 0.45) x = conv(b, random, x);
    else if (roll < 0.6) x = pool(b, random, x);
    else if (roll < 0.68) {
      const other = pick(
        random,
        seen.filter((o) => o.shape[0] === x.shape[0] && o.shape[2] === x.shape[2] && o.shape[3] === x.shape[3]).concat(x),
      );
      x = {
        name: b.node('Concat', [x.name, other.name], { axis: 1 }),
        shape: [x.shape[0], x.shape[1] + other.shape[1], x.shape[2], x.shape[3]],
      };
    } else x = elementwise(b, random, x, seen);
    seen.push(x);
  }
  if (random.next() < 0.4) {
    const mean = b.node('GlobalAveragePool', [x.name]);
    const flat = b.node('Flatten', [mean], { axis: 1 });
    const classes = random.integer(2, 40);
    const w = b.weight('fc', [classes, x.shape[1]], bell(random, classes * x.shape[1], 0.5));
    return b.finish(b.node('Gemm', [flat, w, b.weight('fcb', [classes], bell(random, classes, 0.2))], { transB: 1 }));
  }
  return b.finish(b.node('Relu', [x.name]));
}

/** Matrix products: with constants, with run-time operands, batched and broadcast. */
function randomProduct(random: Random): OnnxModel {
  const b = modelBuilder();
  const m = random.integer(1, 40);
  const k = random.integer(1, 70);
  const n = random.integer(1, 50);
  const batch = random.integer(1, 3);
  const a = b.input('x', [batch, m, k]);
  if (random.next() < 0.5) {
    const y = b.node('MatMul', [a, b.weight('w', [k, n], bell(random, k * n, 1 / Math.sqrt(k)))]);
    const z = b.node('Add', [y, b.weight('bias', [n], bell(random, n, 0.3))]);
    return b.finish(b.node('Relu', [z]));
  }
  const other = b.input('y', random.next() < 0.5 ? [batch, k, n] : [1, k, n]);
  return b.finish(b.node('Mul', [b.node('MatMul', [a, other]), b.weight('half', [], [0.5])]));
}
