/** The words of a runner outside the test framework: what is wrong with them is told in a line, with exit code 2. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;

/** Prints `usage` and ends for --help; ends with exit code 2 where a word is not in `options`. */
export function readWords<Known extends Options>(
  usage: string,
  options: Known,
): ReturnType<typeof parseArgs<{ options: Known }>>['values'] {
  if (process.argv.includes('--help') || process.argv.includes('-h')) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    const told = error instanceof Error ? error.message.split('. To specify')[0] : String(error);
    return refuse(`${told ?? ''}\n${usage}`);
  }
}

export function refuse(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(2);
}

/** A whole number above zero. */
export function countOf(option: string, text: string): number {
  return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : refuse(`--${option} ${text}: write a whole number above 0`);
}

export function patternOf(option: string, text: string | undefined): RegExp {
  try {
    return new RegExp(text ?? '');
  } catch {
    return refuse(`--${option} ${text ?? ''}: this is no regular expression`);
  }
}

/** One of `known`. */
export function choiceOf<Name extends string>(option: string, text: string, known: readonly Name[]): Name {
  return known.find((name) => name === text) ?? refuse(`--${option} ${text}: choose ${known.join(', ')}`);
}
