/** What people see: text on standard output, progress on standard error and only where a person watches. */
import stringWidth from 'string-width';
import { printable } from '../core/index.ts';
import type { Environment } from './environment.ts';

export function print(text: string): void {
  const shown = printable(text);
  process.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`);
}

/** For things a person should know that are not the output asked for. */
export function note(text: string): void {
  const shown = printable(text);
  process.stderr.write(shown.endsWith('\n') ? shown : `${shown}\n`);
}

export interface Progress {
  /** Replaces the line with what is going on now. */
  say(what: string): void;
  /** Takes the line away; with SYSTOLE_DEBUG the steps and their wall times stay. */
  done(): void;
}

export function startProgress(environment: Environment, quiet: boolean): Progress {
  const watched = environment.progress && !quiet;
  let step: { readonly what: string; readonly since: number } | null = null;
  const finishStep = (): void => {
    if (step !== null && environment.debug) note(`${(performance.now() - step.since).toFixed(0).padStart(7)} ms  ${step.what}`);
    step = null;
  };
  return {
    say(what) {
      if (watched) process.stderr.write(`\r\u001b[K${what}`);
      if (environment.debug) {
        if (watched) process.stderr.write('\r\u001b[K');
        finishStep();
      }
      step = { what, since: performance.now() };
    },
    done() {
      if (watched) process.stderr.write('\r\u001b[K');
      finishStep();
    },
  };
}

/** Rows as aligned columns, two spaces apart; the last column is free. */
export function columns(rows: readonly (readonly string[])[]): string {
  const sized = rows.map((row) => row.map((cell, i) => ({ cell, width: i === row.length - 1 ? 0 : stringWidth(cell) })));
  const widths: number[] = [];
  for (const row of sized) row.forEach(({ width }, i) => (widths[i] = Math.max(widths[i] ?? 0, width)));
  const line = (row: (typeof sized)[number]): string =>
    row.map(({ cell, width }, i) => cell + ' '.repeat(Math.max(0, (widths[i] ?? 0) - width))).join('  ');
  return sized.map((row) => `${line(row).trimEnd()}\n`).join('');
}
