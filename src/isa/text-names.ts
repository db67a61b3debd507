/** How program text names memories and regions: by name where names are unique bare words, by `s3` and `r5` otherwise. */
import type { Executable } from './executable.ts';
import { printText } from './text-scanner.ts';

export interface Names {
  space(index: number): string;
  region(index: number): string;
  readonly spaces: ReadonlyMap<string, number>;
  readonly regions: ReadonlyMap<string, number>;
}

export function nameTable(e: { readonly spaces: Executable['spaces']; readonly regions: readonly { readonly name: string }[] }): Names {
  const spaces = shortNames(e.spaces, 's');
  const regions = shortNames(
    e.regions.map((r) => r.name),
    'r',
  );
  return {
    space: (i) => spaces[i] ?? `s${i}`,
    region: (i) => regions[i] ?? `r${i}`,
    spaces: new Map(spaces.map((name, i) => [name, i])),
    regions: new Map(regions.map((name, i) => [name, i])),
  };
}

function shortNames(names: readonly string[], letter: string): string[] {
  const numbered = new RegExp(`^${letter}\\d+$`);
  const times = new Map<string, number>();
  for (const name of names) times.set(name, (times.get(name) ?? 0) + 1);
  return names.map((name, i) => (times.get(name) === 1 && printText(name) === name && !numbered.test(name) ? name : `${letter}${i}`));
}

/** The index a name stands for; undefined when none. Out-of-table `s9`, `r9` are indices all the same: the verifier tells. */
export function resolve(name: string, names: ReadonlyMap<string, number>, letter: string): number | undefined {
  const known = names.get(name);
  if (known !== undefined) return known;
  return new RegExp(`^${letter}\\d+$`).test(name) ? Number(name.slice(1)) : undefined;
}
