/**
 * Planted races: synchronisation taken out or moved so that every count still balances. The verifier is silent, one run gives the right
 * numbers as often as not, but on some machine two commands meet at a byte; the sanitizer says so from addresses alone.
 */
import { expect, test } from 'vitest';
import { raceFaults } from './faults.ts';
import { caughtBy, mutantChooser, proveDifferent, summaryOf, tableOf, type Mutant } from './mutant.ts';
import { basePrograms } from './programs.ts';

const wanted = Number(process.env['SYSTOLE_MUTANTS'] ?? 16);

const programs = await basePrograms();

test(`${wanted} planted races, all found by the sanitizer without numbers, none by the verifier`, () => {
  const choose = mutantChooser(programs, ({ rows }, row, command) => raceFaults(rows, row, command));
  const found = new Map<string, { mutant: Mutant; proof: string }>();
  const ordered = new Set<string>();
  for (let seed = 90_000; found.size < wanted && ordered.size < wanted && seed < 100_000; seed++) {
    const mutant = choose(seed);
    if (found.has(mutant.name) || ordered.has(mutant.name)) continue;
    const proof = proveDifferent(mutant);
    if (proof === null) ordered.add(mutant.name);
    else found.set(mutant.name, { mutant, proof });
  }
  const results = [...found].map(([name, { mutant, proof }]) => ({ name, proof, caught: caughtBy(mutant) }));
  console.log(summaryOf('races', results, ordered.size));
  expect(results.length).toBe(wanted);
  expect(results.filter((r) => r.caught.has('verifier')).map((r) => r.name)).toEqual([]);
  expect(
    results.filter((r) => !r.caught.has('sanitizer')).map((r) => r.name),
    tableOf(results),
  ).toEqual([]);
  // What makes the sanitizer necessary: most of them one run on numbers does not show.
  expect(results.filter((r) => !r.caught.has('verify')).length).toBeGreaterThanOrEqual(wanted / 2);
});
