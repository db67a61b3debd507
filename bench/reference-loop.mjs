/**
 * A fixed piece of work that looks like ours: integer columns, a heap-like walk, some floating point. Its time says how fast this
 * computer is right now, so that bench results of different computers and days compare as ratios. Never change it.
 */
const size = 1 << 16;
const column = Int32Array.from({ length: size }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 4);

export function referenceLoopMs() {
  const began = performance.now();
  let sum = 0;
  let at = 1;
  for (let i = 0; i < 4_000_000; i++) {
    const value = column[at] ?? 0;
    sum = (sum + Math.fround(value * 1.5)) % 1048573;
    at = (at * 2 + (value & 1)) & (size - 1);
    if (at === 0) at = 1 + (i & 255);
  }
  if (sum < 0) throw new Error('unreachable: keeps the loop from being optimised away');
  return performance.now() - began;
}
