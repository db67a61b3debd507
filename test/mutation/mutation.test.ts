/**
 * Faults planted by seed, each shown to make another program (without using any of our detectors), each caught by what `systole verify` asks:
 * verifier, sanitizer, comparison with the interpreter. Mutants without a proof of difference are replaced by the next seed.
 */
import { expect, test } from 'vitest';
import { faultKinds, faultsOf, type FaultKind } from './faults.ts';
import { caughtBy, mutantChooser, proveDifferent, summaryOf, tableOf, type Mutant } from './mutant.ts';
import { basePrograms } from './programs.ts';

const perKind = Number(process.env['SYSTOLE_MUTANTS'] ?? 8);
/** Places in programs that the faults of one kind are at. */
const fewestSites = 5;
/** Of the tries for one kind, at most so many may stay without proof: else the sites are badly chosen. */
const mostEquivalent = perKind;

const programs = await basePrograms();

interface Planted {
  readonly mutant: Mutant;
  readonly proof: string;
}

function plant(kind: FaultKind): { readonly planted: readonly Planted[]; readonly same: readonly string[] } {
  const planted: Planted[] = [];
  const same: string[] = [];
  const seen = new Set<string>();
  const choose = mutantChooser(programs, faultsOf[kind]);
  const first = faultKinds.indexOf(kind) * 10_000;
  for (let seed = first; planted.length < perKind && same.length <= mostEquivalent && seed < first + 10_000; seed++) {
    const mutant = choose(seed);
    if (seen.has(mutant.name)) continue;
    seen.add(mutant.name);
    const proof = proveDifferent(mutant);
    if (proof === null) same.push(mutant.name);
    else planted.push({ mutant, proof });
  }
  return { planted, same };
}

test.each(faultKinds)(`${perKind} faults of kind %s, all caught by verify or sanitizer`, (kind) => {
  const { planted, same } = plant(kind);
  const results = planted.map(({ mutant, proof }) => ({ name: mutant.name, proof, caught: caughtBy(mutant) }));
  console.log(summaryOf(kind, results, same.length));
  expect(planted.length, same.join('\n')).toBe(perKind);
  expect(new Set(planted.map((p) => p.mutant.site)).size).toBeGreaterThanOrEqual(fewestSites);
  const missed = results.filter((r) => r.caught.size === 0).map((r) => r.name);
  expect(missed, tableOf(results)).toEqual([]);
});
