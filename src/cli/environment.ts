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
  const debug = process.env['SYSTOLE_DEBUG'] ?? '';
  const noColor = (process.env['NO_COLOR'] ?? '') !== '';
  return {
    debug: debug !== '' && debug !== '0',
    color: process.stdout.isTTY && !noColor,
    progress: process.stderr.isTTY,
    width: process.stdout.isTTY ? Math.max(76, Math.min(process.stdout.columns, 120)) : 80,
  };
}
