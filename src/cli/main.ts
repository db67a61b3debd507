#!/usr/bin/env node
/**
 * cli: words in, text and files out. Parses, calls the library, prints. Exit codes: 0 fine, 1 the input is at fault, 2 usage, 70 our bug.
 * Always: user errors show coded messages and no stack; output files appear whole or not at all; heavy modules load inside commands.
 * Must not know: anything the library rooms decide.
 */
import { SystoleError, formatDiagnostic, printable } from '../core/index.ts';
import { readEnvironment } from './environment.ts';
import { note } from './output.ts';
import { commandNames, runProgram } from './program.ts';
import { UsageError } from './values.ts';

// A reader that has seen enough (`| head`) is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    // A full disk behind a redirection, say: the input of nobody, but not our bug either.
    if (stream === process.stdout) process.stderr.write(`systole: cannot write the output: ${error.code ?? error.message}\n`);
    process.exit(1);
  });
}

const words = process.argv.slice(2);
try {
  await runProgram(words);
} catch (error) {
  process.exitCode = await report(error);
}

/** One line for each problem, for whoever reads it with a program; on a terminal as wide as it is. */
async function tell(problems: readonly string[]): Promise<void> {
  const { isTTY, columns } = process.stderr;
  if (isTTY !== true) return note(problems.join('\n'));
  const { wrap } = await import('../reports/index.ts');
  const width = Math.max(20, columns);
  note(problems.map((text) => wrap(printable(text), width - 2).join('\n  ')).join('\n'));
}

async function report(error: unknown): Promise<number> {
  if (error instanceof SystoleError) {
    await tell(error.diagnostics.map(formatDiagnostic));
    return 1;
  }
  if (error instanceof UsageError) {
    note(`systole: ${error.message}\nSee \`systole ${helpFor(words[0])}--help\`.`);
    return 2;
  }
  const { debug } = readEnvironment();
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    `systole: internal error: ${message}\n` +
      `This is a bug of ours, not of your input. To reproduce it:\n  systole ${words.map(quote).join(' ')}\n` +
      (debug ? `${error instanceof Error ? (error.stack ?? '') : ''}\n` : 'SYSTOLE_DEBUG=1 shows where it happened.\n'),
  );
  return 70;
}

function helpFor(word: string | undefined): string {
  return word !== undefined && commandNames.includes(word) ? `${word} ` : '';
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
