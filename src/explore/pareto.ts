/** The Pareto front: points that no other point beats everywhere. */

/** Figures of the totals that are better when larger; all others are better when smaller. */
const largerIsBetter: ReadonlySet<string> = new Set(['inferencesPerSecond', 'macUtilization', 'efficiency', 'scheduleEfficiency']);

export type Direction = 'min' | 'max';

export interface Objective {
  readonly name: string;
  readonly direction: Direction;
}

export function objectiveOf(name: string): Objective {
  return { name, direction: largerIsBetter.has(name) ? 'max' : 'min' };
}

/**
 * Indices of the rows on the front, ascending. A row is beaten by one that is at least as good in every
 * objective and better in one; equal rows stay together. Rows with a missing or non-finite figure are never on it.
 * @param rows  one row per point, one figure per objective
 */
export function paretoFront(rows: readonly (readonly number[])[], directions: readonly Direction[]): readonly number[] {
  const cost = rows.map((row) => row.map((figure, i) => (directions[i] === 'max' ? -figure : figure)));
  const eligible = [...cost.keys()].filter((i) => cost[i]?.length === directions.length && cost[i].every(Number.isFinite));
  // Sorted by the first cost (then the next), only earlier rows can beat a later one: each row meets the front alone.
  eligible.sort((a, b) => compareRows(cost[a] ?? [], cost[b] ?? []) || a - b);
  const front: number[] = [];
  for (const i of eligible) {
    if (!front.some((other) => beats(cost[other] ?? [], cost[i] ?? []))) front.push(i);
  }
  return front.sort((a, b) => a - b);
}

function compareRows(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function beats(a: readonly number[], b: readonly number[]): boolean {
  return a.every((figure, i) => figure <= (b[i] ?? 0)) && a.some((figure, i) => figure < (b[i] ?? 0));
}
