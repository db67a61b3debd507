/** The parsed words of a command line, asked for by name and type. */
import { cliMessages, fail } from '../core/index.ts';
import type { OptionName } from './options.ts';

/** The command line itself is wrong: exit code 2 and a pointer to --help. */
export class UsageError extends Error {}

export interface Values {
  /** A positional argument; '' when left out. */
  positional(name: string): string;
  text(name: OptionName): string | undefined;
  texts(name: OptionName): readonly string[];
  flag(name: OptionName): boolean;
  /** `NAME=VALUE` options as a map. Throws SYS8043 where a name has several values. */
  assignments(name: OptionName): ReadonlyMap<string, string>;
}

/** @throws SYS8043 where the name has another value already */
export function putOnce(found: Map<string, string>, option: OptionName, name: string, value: string): void {
  const known = found.get(name);
  if (known !== undefined && known !== value) fail(cliMessages.givenTwice({ option, name, values: [known, value] }));
  found.set(name, value);
}

/** Stands for a lone "-" while the words are parsed: the parser takes one for an option without a name. */
const dash = '\u001f-';

export function hideDashes(words: readonly string[]): string[] {
  return words.map((word) => (word === '-' ? dash : word));
}

export function showDashes(text: string): string {
  return text.replaceAll(dash, '-');
}

/** Wraps what the parser found. Decoder: the only place that looks at untyped arguments. */
export function readValues(found: Readonly<Record<string, unknown>>): Values {
  const read = (name: string, called: string): readonly string[] => {
    const value = found[name];
    const all = value === undefined ? [] : (Array.isArray(value) ? value : [value]).map((v) => showDashes(String(v)));
    if (all.includes('')) throw new UsageError(`${called} is given without a value`);
    return all;
  };
  const texts = (name: OptionName): readonly string[] => read(name, `--${name}`);
  return {
    positional: (name) => read(name, name.toUpperCase())[0] ?? '',
    text: (name) => {
      const all = texts(name);
      if (all.length > 1) throw new UsageError(`--${name} is given ${all.length} times; it takes one value`);
      return all[0];
    },
    texts,
    flag: (name) => found[name] === true || (Array.isArray(found[name]) && found[name].includes(true)),
    assignments: (option) => {
      const found = new Map<string, string>();
      for (const text of texts(option)) {
        const split = text.indexOf('=');
        if (split <= 0) throw new UsageError(`--${option} ${text}: write it as NAME=VALUE`);
        putOnce(found, option, text.slice(0, split), text.slice(split + 1));
      }
      return found;
    },
  };
}

/** Assignments whose values are whole numbers, such as `--dim N=1`. */
export function wholeNumbers(assignments: ReadonlyMap<string, string>, option: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...assignments].map(([name, text]) => {
      if (/^\d{16,}$/.test(text)) throw new UsageError(`--${option} ${name}=${text}: ${text} is too large; 999999999999999 is the most`);
      if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--${option} ${name}=${text}: "${text}" is not a whole number`);
      return [name, Number(text)];
    }),
  );
}

/** Assignments whose values are numbers, such as `--param width=0.5`. */
export function numbers(assignments: ReadonlyMap<string, string>, option: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...assignments].map(([name, text]) => {
      if (text.trim() === '' || !Number.isFinite(Number(text)))
        throw new UsageError(`--${option} ${name}=${text}: "${text}" is not a number`);
      return [name, Number(text)];
    }),
  );
}
