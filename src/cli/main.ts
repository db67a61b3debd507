#!/usr/bin/env node
/**
 * cli: words in, text and files out. Parses, calls the library, prints. Exit codes: 0 fine, 1 the input is at fault, 2 usage, 70 our bug.
 * Always: user errors show coded messages and no stack; output files appear whole or not at all; heavy modules load inside commands.
 * Must not know: anything the library rooms decide.
 */
import { SystoleError, cliMessages, formatDiagnostic, visible } from '../core/index.ts';
import { readEnvironment } from './environment.ts';
import { reasonOf } from './files.ts';
import { note } from './output.ts';
import { commandNames, runProgram } from './program.ts';
import { UsageError } from './values.ts';

/** Problems one wants to read at once. */
const mostProblems = 20;

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
  // A full disk behind a redirection, say.
  note(formatDiagnostic(cliMessages.unwritableOutput({ path: 'standard output', reason: reasonOf(error) })));
  process.exit(1);
});
// Nobody reads what goes wrong: the exit code still tells.
process.stderr.on('error', () => undefined);

const words = process.argv.slice(2);
try {
  await runProgram(words);
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof SystoleError) {
    // One line each, whatever the names in it hold.
    note(listed(error.diagnostics.map((d) => visible(formatDiagnostic(d)))).join('\n'));
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

function listed(lines: readonly string[]): readonly string[] {
  const distinct = [...new Set(lines)];
  const more = distinct.length - mostProblems;
  return more > 0 ? [...distinct.slice(0, mostProblems), `… and ${more} more`] : distinct;
}

function helpFor(word: string | undefined): string {
  return word !== undefined && commandNames.includes(word) ? `${word} ` : '';
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
