/** What a command is to this program, apart from yargs: its words, and what it does with them. */
import type { Values } from './values.ts';
import type { OptionName } from './options.ts';

export interface Command {
  readonly name: string;
  /** Positional arguments as the usage line shows them: '<model>', '[name]'. */
  readonly positionals: readonly Positional[];
  readonly summary: string;
  readonly options: readonly OptionName[];
  /** Options without which the command makes no sense. */
  readonly required?: readonly OptionName[];
  /** Command line and what it is for. */
  readonly examples: readonly (readonly [string, string])[];
  /** Everything heavy is imported in here, so that `--help` and mistakes are answered at once. */
  run(values: Values): Promise<void>;
}

export interface Positional {
  readonly name: string;
  readonly required: boolean;
  readonly summary: string;
}

export type { Values };
