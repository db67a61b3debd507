/** The whole conformance run, when the packs lie under SYSTOLE_DATA: what is demanded holds, and docs/conformance.md is current. */
import { execFile } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { thresholdsOf, type ConformanceDocument } from './document.ts';
import { knownFailures, unexplained } from './known-failures.ts';
import { dataFolder, missingPacks } from './packs.ts';

const folder = dataFolder();
const missing = missingPacks(folder);
if (missing.length > 0) {
  console.warn(`SKIPPED: no ${missing[0]} in ${folder}; set SYSTOLE_DATA to run the conformance tests`);
}

interface Run {
  readonly document: ConformanceDocument;
  readonly complaints: string;
}

function runAll(): Promise<Run> {
  return new Promise((resolve, reject) => {
    const command = ['scripts/conformance.mjs', '--json', '--check'];
    execFile(process.execPath, command, { maxBuffer: 2 ** 28 }, (error, stdout, complaints) => {
      // Exit code 1 is told by the document.
      if (error !== null && error.code !== 1) reject(new Error(complaints));
      else resolve({ document: JSON.parse(stdout) as ConformanceDocument, complaints });
    });
  });
}

describe.skipIf(missing.length > 0)('conformance', () => {
  let run: Run | null = null;
  const document = (): ConformanceDocument => {
    if (run === null) throw new Error('the conformance run did not come to an end');
    return run.document;
  };
  beforeAll(async () => {
    run = await runAll();
  }, 300_000);

  test('everything demanded is reached', () => {
    const missed = thresholdsOf(document()).filter((t) => !t.ok);
    expect(missed).toEqual([]);
  });

  test('every failure has its reason, every reason its failure', () => {
    const { inference, evaluators, models, transforms } = document();
    const failures = [
      ...[...(inference?.unbound ?? []), ...(inference?.bound ?? [])].map((f) => ({ section: 'inference', ...f })),
      ...(evaluators?.failures ?? []).map((f) => ({ section: 'evaluators', ...f })),
      ...(models?.rows ?? []).flatMap((m) =>
        m.runFailure === null ? [] : [{ section: 'models', name: m.name, what: m.runFailure, reason: m.runReason ?? unexplained }],
      ),
      ...(transforms?.failures ?? []).map((f) => ({ section: 'transforms', ...f })),
    ];
    expect(failures.filter((f) => f.reason === unexplained)).toEqual([]);
    const idle = knownFailures.filter((k) => !failures.some((f) => f.section === k.section && f.reason === k.reason));
    expect(idle).toEqual([]);
  });

  test('docs/conformance.md is what the run writes', () => {
    expect(run?.complaints).toBe('');
  });
});
