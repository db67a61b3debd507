/** From words to a command: the only file that knows yargs. */
import yargs, { type Argv } from 'yargs';
import { suggest, version } from '../core/index.ts';
import { terminalWidth } from './environment.ts';
import type { Command } from './command.ts';
import { asmCommand } from './commands/asm.ts';
import { checkCommand } from './commands/check.ts';
import { compileCommand } from './commands/compile.ts';
import { disasmCommand } from './commands/disasm.ts';
import { explainCommand } from './commands/explain.ts';
import { modelsCommand } from './commands/models.ts';
import { reportCommand } from './commands/report.ts';
import { simulateCommand } from './commands/simulate.ts';
import { sweepCommand } from './commands/sweep.ts';
import { targetsCommand } from './commands/targets.ts';
import { verifyCommand } from './commands/verify.ts';
import { options } from './options.ts';
import { UsageError, hideDashes, readValues, showDashes } from './values.ts';
import { fold } from './wrap.ts';

const commands: readonly Command[] = [
  checkCommand,
  compileCommand,
  simulateCommand,
  verifyCommand,
  reportCommand,
  sweepCommand,
  targetsCommand,
  modelsCommand,
  asmCommand,
  disasmCommand,
  explainCommand,
];

export const commandNames: readonly string[] = commands.map((command) => command.name);

const firstSteps: Command['examples'] = [
  ['check model.onnx --target edge-systolic-32', 'where every operator of your model runs, why, and what to change'],
  ['simulate resnet50 --target edge-systolic-32', 'time a built-in network on a preset'],
  ['targets', 'list the machines that come along'],
  ['report resnet50 --target edge-systolic-32 -o resnet50.html', 'a page with everything about that run'],
];

const purpose = 'Compiles ONNX models for a neural processor you describe, runs the program, times and prices it.';

/** Columns of help, where the terminal has as many; in a file or a pipe 80 are. */
const widestHelp = 80;

const footer = 'MODEL is an ONNX file or a built-in name. Exit code: 0 fine, 1 the input is at fault, 2 usage, 70 our bug.';

/** Parses and runs one command. Usage mistakes are thrown as `UsageError`. */
export async function runProgram(given: readonly string[]): Promise<void> {
  const width = Math.min(terminalWidth(process.stdout), widestHelp);
  const words = inLongForm(given);
  refuseFlagValues(words);
  const program = yargs(hideDashes(words))
    .scriptName('systole')
    .usage(`$0 COMMAND\n\n${fold(purpose, width, 0)}`)
    .locale('en')
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'strip-aliased': true,
    })
    .help()
    .alias('help', 'h')
    .version(version)
    .wrap(width)
    .strict()
    .demandCommand(1, 'a command is needed')
    .fail(false)
    .exitProcess(false)
    .epilogue(`${examplesText(firstSteps)}\n\n${fold(footer, width, 0)}`);
  let running = false;
  const start = (): void => {
    running = true;
  };
  for (const command of commands) register(program, command, width, start);
  const [first] = words;
  if (first !== undefined && /^[a-z]/i.test(first) && !commandNames.includes(first)) {
    const near = suggest(first, commandNames);
    throw new UsageError(
      `unknown command "${first}"${near === undefined ? '.' : `; did you mean "${near}"?`} Commands: ${commandNames.join(', ')}`,
    );
  }
  try {
    await program.parseAsync();
  } catch (error) {
    // Before a command began, whatever yargs throws is about the words.
    if (!running && error instanceof Error) throw new UsageError(inOurWords(error.message, first));
    throw error;
  }
}

/** `help compile` and `version` are what people try first. */
function inLongForm(words: readonly string[]): readonly string[] {
  const [first, ...rest] = words;
  if (first === 'help') return [...rest, '--help'];
  return first === 'version' ? ['--version'] : words;
}

/** `--json=no` would be read as no `--json`, and `--json false` too: a flag is given or left out. */
function refuseFlagValues(words: readonly string[]): void {
  const end = words.indexOf('--');
  for (const [i, word] of words.slice(0, end === -1 ? words.length : end).entries()) {
    const [, name = '', value = words[i + 1] ?? ''] = /^--?([a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const isFlag = Object.entries(options).some(([long, { type, alias }]) => type === 'boolean' && (long === name || alias === name));
    if (isFlag && (word.includes('=') || value === 'true' || value === 'false'))
      throw new UsageError(`${name.length === 1 ? '-' : '--'}${name} takes no value: give it, or leave it out`);
  }
}

function register(program: Argv, command: Command, width: number, start: () => void): void {
  const signature = [command.name, ...command.positionals.map((p) => (p.required ? `<${p.name}>` : `[${p.name}]`))].join(' ');
  program.command(
    signature,
    command.summary,
    (builder) => {
      for (const p of command.positionals) builder.positional(p.name, { type: 'string', describe: p.summary });
      for (const name of command.options) builder.option(name, options[name]);
      for (const name of command.required ?? []) builder.demandOption(name);
      return builder.usage(`$0 ${signature} [options]\n\n${fold(command.summary, width, 0)}`).epilogue(examplesText(command.examples));
    },
    async (found) => {
      const [, ...more] = found._;
      // Words behind a `--` get past the parser.
      if (more.length > 0) throw new UsageError(`unknown argument: ${showDashes(more.join(', '))}`);
      start();
      await command.run(readValues(found));
    },
  );
}

function examplesText(examples: Command['examples']): string {
  return `Examples:\n${examples.map(([line, why]) => `  systole ${line}\n      ${why}`).join('\n')}`;
}

function inOurWords(found: string, command: string | undefined): string {
  const message = showDashes(found);
  if (message.startsWith('Not enough non-option arguments')) {
    const named = commands.find((c) => c.name === command)?.positionals.find((p) => p.required);
    return named === undefined ? 'an argument is missing' : `${named.name.toUpperCase()} is missing: ${named.summary}`;
  }
  const missing = /^Missing required arguments?: (.*)$/.exec(message)?.[1];
  if (missing !== undefined)
    return `${missing
      .split(', ')
      .map((name) => `--${name}`)
      .join(' and ')} must be given`;
  const unknown = /^Unknown arguments?: (.*)$/.exec(message)?.[1];
  if (unknown !== undefined) return [`unknown option or argument: ${unknown}`, ...hints(unknown.split(', '), command)].join('. ');
  const valueless = /^Not enough arguments following: (.*)$/.exec(message)?.[1];
  if (valueless !== undefined) return `${valueless.length === 1 ? '-' : '--'}${valueless} is given without a value`;
  const choice = /Argument: ([\w-]+), Given: "?(.*?)"?, Choices: (.*)$/s.exec(message);
  if (choice !== null) return chooseFrom(choice[1] ?? '', choice[2] ?? '', (choice[3] ?? '').replaceAll('"', '').trim().split(', '));
  return message.replace(/\s*\n\s*/g, ' ').trim();
}

function chooseFrom(option: string, given: string, choices: readonly string[]): string {
  if (given === '') return `--${option} is given without a value: choose ${choices.join(', ')}`;
  const near = suggest(given, choices);
  return `--${option} takes no "${given}": ${near === undefined ? '' : `did you mean "${near}"? `}Choose ${choices.join(', ')}`.replace(
    ': Choose',
    ': choose',
  );
}

/** What a word that a command does not know may have meant. */
function hints(words: readonly string[], name: string | undefined): readonly string[] {
  const own = commands.find((c) => c.name === name)?.options ?? [];
  return words.flatMap((word) => {
    const elsewhere = commands.filter((c) => c.options.some((o) => o === word)).map((c) => c.name);
    if (word === 'param')
      return ['--param shapes built-in models: write one with "systole models NAME --param image=96 -o small.onnx" and give that file'];
    if (elsewhere.length > 0) return [`--${word} is an option of ${elsewhere.join(', ')}`];
    const near = suggest(word, own);
    return near === undefined ? [] : [`Did you mean --${near}?`];
  });
}
