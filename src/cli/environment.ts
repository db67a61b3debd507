/**
 * Every environment switch there is, declared once. docs/debugging.md describes them; a test keeps the two in step.
 * Nothing else in the project reads the environment.
 */
export interface EnvironmentSwitch {
  readonly name: string;
  readonly summary: string;
}

export const environmentSwitches: readonly EnvironmentSwitch[] = [
  { name: 'SYSTOLE_DEBUG', summary: 'any value but 0: internal errors print their stack, and each step of a command prints its wall time' },
  { name: 'NO_COLOR', summary: 'any value: no colour, also on a terminal' },
  { name: 'FORCE_COLOR', summary: 'any value but 0: colour, also in a file or a pipe; stronger than NO_COLOR' },
  { name: 'TERM', summary: 'dumb: no colour and no progress' },
  { name: 'COLUMNS', summary: 'columns to wrap at on a terminal, in place of what the terminal says' },
];

export interface Environment {
  readonly debug: boolean;
  /** Colour on standard output. */
  readonly color: boolean;
  /** Progress on standard error: only where a person watches. */
  readonly progress: boolean;
  /** Columns of text output; 80 where standard output is not a terminal. */
  readonly width: number;
}

export function readEnvironment(): Environment {
  const isDumb = process.env['TERM'] === 'dumb';
  const forced = process.env['FORCE_COLOR'];
  const forces = forced !== undefined && forced !== '0' && forced !== 'false';
  const noColor = (process.env['NO_COLOR'] ?? '') !== '' || isDumb || forced === '0' || forced === 'false';
  const columns = terminalWidth(process.stdout);
  return {
    debug: isOn('SYSTOLE_DEBUG'),
    color: forces || (process.stdout.isTTY && !noColor),
    progress: process.stderr.isTTY && !isDumb,
    width: columns === Infinity ? 80 : Math.max(76, Math.min(columns, 120)),
  };
}

function isOn(name: string): boolean {
  const value = process.env[name] ?? '';
  return value !== '' && value !== '0';
}

/** Columns of the terminal behind a stream, 80 where it does not know; Infinity where there is none: what programs read is not wrapped. */
export function terminalWidth(stream: { readonly isTTY?: boolean; readonly columns?: number }): number {
  if (stream.isTTY !== true) return Infinity;
  const given = Number(process.env['COLUMNS']);
  const columns = Number.isInteger(given) && given > 0 ? given : (stream.columns ?? 0);
  return columns > 0 ? Math.max(20, columns) : 80;
}
