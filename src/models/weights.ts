import { hashName, seededRandom } from '../core/index.ts';

/** Standard deviation of the sum of four independent uniform bytes: sqrt(4 (256² − 1) / 12). */
const deviationOfByteSum = Math.sqrt(21845);

/**
 * `count` bell-shaped numbers of mean 0 and the given deviation, bounded by ±3.45 deviations. Each is the sum of the four bytes of
 * one draw: a quarter of the draws of `bell()`, which is what lets VGG16's 138 million weights be made in about a second.
 * The stream depends on name and seed alone, so a layer keeps its weights when the network around it changes.
 */
export function bellShaped(name: string, seed: number, count: number, deviation: number): Float32Array {
  const random = seededRandom(hashName(name) ^ seed);
  const scale = deviation / deviationOfByteSum;
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const r = random.nextUint32();
    values[i] = ((r & 255) + ((r >>> 8) & 255) + ((r >>> 16) & 255) + (r >>> 24) - 510) * scale;
  }
  return values;
}
