/** What is demanded of a run. */
export interface Threshold {
  readonly what: string;
  readonly demanded: string;
  readonly reached: string;
  readonly ok: boolean;
}

/** At least `share` of `total`. Nothing out of nothing is enough. */
export function atLeast(what: string, count: number, total: number, share: number): Threshold {
  return {
    what,
    demanded: share === 1 ? 'all' : `≥ ${percent(share)}`,
    reached: `${count} of ${total} (${percent(total === 0 ? 1 : count / total)})`,
    ok: count >= share * total,
  };
}

export function none(what: string, count: number): Threshold {
  return { what, demanded: 'none', reached: String(count), ok: count === 0 };
}

/** Parts that must make up a whole. */
export function addsUp(what: string, parts: readonly number[], total: number): Threshold {
  const sum = parts.reduce((n, part) => n + part, 0);
  return { what, demanded: `${total}`, reached: parts.length === 1 ? `${sum}` : `${parts.join(' + ')} = ${sum}`, ok: sum === total };
}

/** Rounded down: 99.96 % is not 100 %. */
export function percent(share: number): string {
  return `${Math.floor(share * 1000) / 10} %`;
}
