/** A part of the 2,000 cases: files run side by side. */
import { expect, test } from 'vitest';
import { describeFailure, runCase } from './run.ts';

/**
 * SYSTOLE_RANDOM=FROM:COUNT runs other numbers: all in the first shard, none in the others.
 *
 *     SYSTOLE_RANDOM=731:1 npx vitest run test/random/first.test.ts      repeats case 731
 */
const asked = process.env['SYSTOLE_RANDOM']?.split(':').map(Number) ?? null;

export const casesPerShard = 500;

/** Of cases, those that may be refused because a memory is too small. */
const mostRefused = 0.05;
/** Failures that are made small before they are shown: that takes a while. */
const mostDescribed = 2;

export function runShard(shard: number): void {
  const [from = 0, count = 0] = asked === null ? [shard * casesPerShard, casesPerShard] : shard === 0 ? asked : [0, 0];
  test.skipIf(count === 0)(`random cases ${from} to ${from + count - 1}`, { timeout: 300_000 + count * 1000 }, async () => {
    const counts = new Map<string, number>();
    const wrong: number[] = [];
    let onHost = 0;
    for (let number = from; number < from + count; number++) {
      const { outcome } = await runCase(number);
      counts.set(outcome.kind, (counts.get(outcome.kind) ?? 0) + 1);
      if (outcome.kind === 'wrong') wrong.push(number);
      if (outcome.kind === 'right' && outcome.compilation.executable.kernels.some((k) => k.engine === 'host')) onHost++;
    }
    const [right = 0, refused = 0] = [counts.get('right'), counts.get('refused')];
    console.log(`random cases ${from} to ${from + count - 1}: ${right} right (${onHost} of them partly on the host), ${refused} refused`);
    const described = await Promise.all(wrong.slice(0, mostDescribed).map(describeFailure));
    expect(wrong, described.join('\n\n')).toEqual([]);
    expect(refused).toBeLessThanOrEqual(Math.max(1, mostRefused * count));
    expect(onHost).toBeLessThanOrEqual(0.3 * count + 1);
  });
}
