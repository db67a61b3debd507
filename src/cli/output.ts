/** What people see: text on standard output, progress on standard error and only where a person watches. */
import { printable } from '../core/index.ts';
import { terminalWidth, type Environment } from './environment.ts';
import { fold } from './wrap.ts';

export function print(text: string): void {
  const shown = printable(text);
  process.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`);
}

/** For things a person should know that are not the output asked for; on a terminal as wide as it is. */
export function note(text: string): void {
  const width = terminalWidth(process.stderr);
  const shown = width === Infinity ? printable(text) : fold(printable(text), width);
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
      if (watched) process.stderr.write(`\r\u001b[K${inOneLine(what)}`);
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

/** A line that does not reach the edge of the terminal, where it would become two that cannot be taken away. */
function inOneLine(text: string): string {
  const [line = ''] = fold(printable(text).replace(/\s+/g, ' '), terminalWidth(process.stderr) - 2, 0).split('\n');
  return line;
}
