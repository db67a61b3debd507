/** Conformance with the packs of models and tests that lie under SYSTOLE_DATA: `npm run conformance`. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { allSections, runConformance, thresholdsOf } from './document.ts';
import type { Job } from './job.ts';
import { markdownReport } from './markdown-report.ts';
import { dataFolder, missingPacks } from './packs.ts';
import { runJobs } from './pool.ts';
import { textReport } from './text-report.ts';
import { choiceOf, countOf, patternOf, readWords } from './words.ts';

const usage = `npm run conformance -- [options]
  --json           one JSON document in place of text
  --only a,b       sections: ${allSections.join(', ')}
  --name PATTERN   only tests and models whose name fits (regular expression)
  --threads N      worker threads (2)
  --check          leave docs/conformance.md as it is, and fail when a run would write another
A whole run writes docs/conformance.md. Exit code 0: all that is demanded holds; 1: it does not; 2: no packs, or wrong words.`;

const values = readWords(usage, {
  json: { type: 'boolean', default: false },
  only: { type: 'string' },
  name: { type: 'string' },
  threads: { type: 'string', default: '2' },
  check: { type: 'boolean', default: false },
});
const asked = values.only?.split(',').map((name) => choiceOf('only', name, allSections));
const pattern = patternOf('name', values.name);
const threads = countOf('threads', values.threads);

const folder = dataFolder();
const missing = missingPacks(folder);
if (missing.length > 0) {
  process.stderr.write(
    `no packs to test with: ${missing.join(', ')} not found in ${folder}; set SYSTOLE_DATA to the folder that holds onnx/\n`,
  );
  process.exit(2);
}

const limitMs: Readonly<Record<Job['kind'], number>> = { infer: 20_000, evaluate: 20_000, transform: 20_000, node: 60_000, model: 120_000 };
const document = await runConformance({
  folder,
  sections: allSections.filter((section) => asked?.includes(section) ?? true),
  keep: (name) => pattern.test(name),
  run: (jobs) => runJobs(jobs, { folder, threads, limitMs: (job) => limitMs[job.kind] }),
});

// Only a whole run: a part must not pass for the whole.
const page = 'docs/conformance.md';
const isWhole = asked === undefined && values.name === undefined;
const text = markdownReport(document);
const isStale = isWhole && values.check && !(existsSync(page) && readFileSync(page, 'utf8') === text);
if (isStale) process.stderr.write(`${page} is not what this run writes: run npm run conformance and commit it\n`);
if (isWhole && !values.check) writeFileSync(page, text);

process.stdout.write(values.json ? `${JSON.stringify(document, null, 1)}\n` : textReport(document));
process.exitCode = !isStale && thresholdsOf(document).every((t) => t.ok) ? 0 : 1;
