/** What is demanded of a run. */
import type { NodeClass } from './node-classes.ts';

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

/** How many node tests must run on the engines alone: of all, and of each class. No demand of its own on what is no work of an engine. */
export const nodeShare: Readonly<Record<Exclude<NodeClass, 'other'> | 'all', number> & { readonly other: null }> = {
  all: 0.85,
  contraction: 0.9,
  window: 0.9,
  elementwise: 0.9,
  reduction: 0.9,
  movement: 0.9,
  other: null,
};

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
