/** Seeded randomness: splitmix32 over a 32-bit state, the same on every platform. */
export interface Random {
  /** Uniform integer in [0, 2^32). */
  nextUint32(): number;
  /** Uniform in [0, 1) with 32 random bits. */
  next(): number;
  /** Uniform integer in [lo, hi]. */
  integer(lo: number, hi: number): number;
  /** Sum of 4 uniforms, centred and scaled to unit variance: bell-shaped, bounded by ±3.47, exactly reproducible. */
  bell(): number;
}

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const nextUint32 = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  const next = (): number => nextUint32() / 4294967296;
  return {
    nextUint32,
    next,
    integer: (lo, hi) => lo + Math.floor(next() * (hi - lo + 1)),
    bell: () => (next() + next() + next() + next() - 2) * Math.sqrt(3),
  };
}

/** FNV-1a of a string: turns a name into a seed. */
export function hashName(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
