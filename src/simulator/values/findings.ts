/** Findings of the sanitizer, one per pair of commands, in the order first met; the first twenty are shown. */
import { simulatorMessages, type Diagnostic } from '../../core/index.ts';

export const shownFindings = 20;

export interface Findings {
  /** Counts `key`; the first time, `make` remembers what to say, given how often it happened. */
  add(key: string, make: () => (count: number) => Diagnostic): void;
  list(): readonly Diagnostic[];
}

export function createFindings(): Findings {
  const counts = new Map<string, number>();
  const shown: { readonly key: string; readonly text: (count: number) => Diagnostic }[] = [];
  return {
    add(key, make) {
      const count = counts.get(key) ?? 0;
      counts.set(key, count + 1);
      if (count === 0 && shown.length < shownFindings) shown.push({ key, text: make() });
    },
    list() {
      const list = shown.map(({ key, text }) => text(counts.get(key) ?? 1));
      return counts.size > shown.length ? [...list, simulatorMessages.sanitizerTotal({ shown: shown.length, total: counts.size })] : list;
    },
  };
}
