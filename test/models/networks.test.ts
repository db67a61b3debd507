/** Transformers, detector, segmentation, recurrent: sizes against published counts and formulas worked out here, not there. */
import { describe, expect, test } from 'vitest';
import { importModel } from '../../src/compiler/index.ts';
import { SystoleError } from '../../src/core/index.ts';
import { interpret, totalMacs } from '../../src/graph/index.ts';
import type { Graph } from '../../src/graph/ir.ts';
import { randomInputs } from '../../src/compiler/precision/index.ts';
import { buildModel, findModel } from '../../src/models/index.ts';

async function graphOf(name: string, parameters: Readonly<Record<string, number>> = {}): Promise<Graph> {
  return (await importModel(buildModel(name, parameters), { name })).graph;
}

function conv(from: number, to: number, kernel: number, size: number): number {
  return from * to * kernel * kernel * size * size;
}

describe('multiply-accumulates', () => {
  /** Per layer: four projections, two products of attention, two layers of the perceptron. */
  const encoder = (length: number, hidden: number, layers: number): number =>
    layers * (4 * hidden * hidden * length + 2 * length * length * hidden + 8 * hidden * hidden * length);

  test('bert: the encoder of BERT base at 128 tokens', async () => {
    expect(findModel('bert')?.macs).toBe(encoder(128, 768, 12));
    const small = await graphOf('bert', { layers: 2, hidden: 64, heads: 4, sequence: 10, vocabulary: 50 });
    expect(totalMacs(small)).toBe(encoder(10, 64, 2));
  });

  test('vit: 1.25 G at 224, DeiT-Ti is published with 1.3', async () => {
    const macs = conv(3, 192, 16, 14) + encoder(197, 192, 12) + 192 * 1000;
    expect(findModel('vit')?.macs).toBe(macs);
    expect(totalMacs(await graphOf('vit'))).toBe(macs);
  });

  test('llama: prefill and one decode step over a cache', async () => {
    const count = (tokens: number, past: number, hidden: number, kv: number, ff: number, layers: number, words: number): number =>
      layers * (tokens * (2 * hidden * hidden + 2 * hidden * kv + 3 * hidden * ff) + 2 * tokens * (past + tokens) * hidden) +
      tokens * hidden * words;
    expect(findModel('llama')?.macs).toBe(count(128, 0, 512, 256, 1376, 8, 32000));
    const small = { layers: 2, hidden: 64, heads: 8, kvHeads: 2, vocabulary: 100 };
    expect(totalMacs(await graphOf('llama', { ...small, sequence: 6 }))).toBe(count(6, 0, 64, 16, 192, 2, 100));
    expect(totalMacs(await graphOf('llama', { ...small, sequence: 1, past: 9 }))).toBe(count(1, 9, 64, 16, 192, 2, 100));
  });

  test('yolo: 8.7 GFLOPs are published for YOLOv8-n at 640', async () => {
    const macs = totalMacs(await graphOf('yolo'));
    expect(findModel('yolo')?.macs).toBe(macs);
    expect(Math.abs((2 * macs) / 8.7e9 - 1)).toBeLessThan(0.01);
  });

  test('unet: level by level', async () => {
    let macs = conv(32, 2, 1, 256);
    for (let level = 0; level < 4; level++) {
      const [c, size] = [32 * 2 ** level, 256 >> level];
      macs += conv(level === 0 ? 3 : c / 2, c, 3, size) + conv(c, c, 3, size); // down
      macs += conv(2 * c, c, 2, size / 2) + conv(2 * c, c, 3, size) + conv(c, c, 3, size); // up: each input pixel meets all four taps
    }
    macs += conv(256, 512, 3, 16) + conv(512, 512, 3, 16);
    expect(findModel('unet')?.macs).toBe(macs);
    expect(totalMacs(await graphOf('unet'))).toBe(macs);
  });

  test('lstm: four gates a step', async () => {
    const macs = 49 * 4 * 128 * (40 + 128 + 128 + 128) + 128 * 12;
    expect(findModel('lstm')?.macs).toBe(macs);
    expect(totalMacs(await graphOf('lstm'))).toBe(macs);
  });
});

describe('numbers', () => {
  test.each([
    ['bert', { layers: 3, hidden: 64, heads: 4, sequence: 12, vocabulary: 10 }],
    ['vit', { layers: 3, hidden: 48, heads: 3, image: 32, classes: 10 }],
    ['llama', { layers: 3, hidden: 64, heads: 4, kvHeads: 2, vocabulary: 10, sequence: 8 }],
    ['llama', { layers: 3, hidden: 64, heads: 4, kvHeads: 2, vocabulary: 10, sequence: 1, past: 7 }],
    ['unet', { image: 32, width: 0.25 }],
    ['lstm', { sequence: 9, hidden: 32 }],
  ] as const)('%s %j: neither fade nor grow, depend on the input', async (name, parameters) => {
    const graph = await graphOf(name, parameters);
    const outputs = [1, 2].map((seed) => {
      const first = interpret(graph, randomInputs(graph, seed)).values().next().value;
      return Array.from(first?.data ?? [], Number);
    });
    for (const numbers of outputs) {
      const power = Math.sqrt(numbers.reduce((n, x) => n + x * x, 0) / numbers.length);
      expect(power).toBeGreaterThan(0.02);
      expect(power).toBeLessThan(20);
    }
    expect(outputs[0]).not.toEqual(outputs[1]);
  });

  test('a decode step continues its prefill', async () => {
    const shared = { layers: 2, hidden: 32, heads: 4, kvHeads: 2, vocabulary: 11 };
    const ids = [3, 1, 4, 1, 5];
    const tokens = (list: readonly number[]) => ({
      dtype: 'int64' as const,
      shape: [1, list.length],
      data: BigInt64Array.from(list, BigInt),
    });
    const whole = interpret(await graphOf('llama', { ...shared, sequence: 5 }), new Map([['input_ids', tokens(ids)]]));
    const before = interpret(await graphOf('llama', { ...shared, sequence: 4 }), new Map([['input_ids', tokens(ids.slice(0, 4))]]));
    const caches = [...before].filter(([n]) => n !== 'logits').map(([n, t]) => [n.replace('present', 'past_key_values'), t] as const);
    const step = interpret(
      await graphOf('llama', { ...shared, sequence: 1, past: 4 }),
      new Map([['input_ids', tokens(ids.slice(4))], ...caches]),
    );
    const last = Array.from(whole.get('logits')?.data ?? [], Number).slice(-11);
    const next = Array.from(step.get('logits')?.data ?? [], Number);
    next.forEach((x, i) => expect(x).toBeCloseTo(last[i] ?? NaN, 4));
  });
});

describe('parameters', () => {
  test('same numbers, same bytes; wrong ones are told in words', () => {
    const small = { layers: 1, hidden: 32, heads: 4, sequence: 4, vocabulary: 5 };
    expect(Buffer.compare(buildModel('bert', small), buildModel('bert', small))).toBe(0);
    expect(() => buildModel('bert', { ...small, heads: 5 })).toThrow(SystoleError);
    expect(() => buildModel('bert', { ...small, heads: 5 })).toThrow('hidden = 32 is not a multiple of it');
    expect(() => buildModel('llama', { heads: 8, kvHeads: 3 })).toThrow('heads = 8 is not a multiple of it');
    expect(() => buildModel('unet', { image: 100 })).toThrow('multiple of 16');
    expect(() => buildModel('lstm', { image: 100 })).toThrow('image');
  });
});
