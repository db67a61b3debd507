/**
 * The Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), seeded by one number as its authors' init_genrand does: the generator behind the expected
 * results of ONNX's own tests, which draw with numpy.
 */

const size = 624;
const middle = 397;

/** Numbers in [0, 1) with 53 bits, two words each. */
export function twister(seed: number): () => number {
  const state = new Uint32Array(size);
  state[0] = seed;
  for (let i = 1; i < size; i++) {
    const before = state[i - 1] ?? 0;
    state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
  }
  let at = size;
  const refill = (): void => {
    for (let i = 0; i < size; i++) {
      const mixed = ((state[i] ?? 0) & 0x80000000) | ((state[(i + 1) % size] ?? 0) & 0x7fffffff);
      state[i] = (state[(i + middle) % size] ?? 0) ^ (mixed >>> 1) ^ ((mixed & 1) === 0 ? 0 : 0x9908b0df);
    }
    at = 0;
  };
  const word = (): number => {
    if (at >= size) refill();
    let y = state[at++] ?? 0;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
  return () => {
    const high = word() >>> 5;
    const low = word() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  };
}
