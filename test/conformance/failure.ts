/** What an error says, in one line that does not change from run to run. */
import { SystoleError } from '../../src/core/index.ts';

export interface Failure {
  /** The first code of the diagnostics; null for an exception without one, which is a crash. */
  readonly code: string | null;
  readonly what: string;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof SystoleError) {
    const first = error.diagnostics[0];
    return { code: first?.code ?? null, what: `${first?.code ?? ''} ${oneLine(first?.message ?? error.message)}`.trim() };
  }
  // Our own checks tell what is broken in the second line.
  const [first = '', second = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return { code: null, what: `crash: ${oneLine(`${first} ${second}`.trim())}` };
}

export function oneLine(text: string): string {
  const line = text.split('\n')[0] ?? '';
  return line.length > 240 ? `${line.slice(0, 239)}…` : line;
}
