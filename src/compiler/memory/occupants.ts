/** Who had which bytes last: whoever takes bytes over asks here, in the order in which they are taken. */

export interface Occupants {
  /** `who` takes [lo, hi). @returns those who had some of it, each once */
  take(lo: number, hi: number, who: number): ReadonlySet<number>;
}

interface Stretch {
  readonly lo: number;
  readonly hi: number;
  readonly who: number;
}

export function createOccupants(): Occupants {
  /** Disjoint, by address. */
  const stretches: Stretch[] = [];
  const firstBehind = (at: number): number => {
    let [low, high] = [0, stretches.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((stretches[middle] as Stretch).hi <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    take(lo, hi, who) {
      const before = new Set<number>();
      if (hi <= lo) return before;
      const begin = firstBehind(lo);
      const left: Stretch[] = [];
      let end = begin;
      for (let s = stretches[end]; s !== undefined && s.lo < hi; s = stretches[++end]) {
        before.add(s.who);
        if (s.lo < lo) left.push({ ...s, hi: lo });
        if (s.hi > hi) left.push({ ...s, lo: hi });
      }
      left.push({ lo, hi, who });
      stretches.splice(begin, end - begin, ...left.sort((a, b) => a.lo - b.lo));
      return before;
    },
  };
}
