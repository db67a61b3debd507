/** From words to a command: the only file that knows yargs. */
import yargs, { type Argv } from 'yargs';
import { suggest, version } from '../core/index.ts';
import type { Command } from './command.ts';
import { asmCommand } from './commands/asm.ts';
import { compileCommand } from './commands/compile.ts';
import { disasmCommand } from './commands/disasm.ts';
import { explainCommand } from './commands/explain.ts';
import { modelsCommand } from './commands/models.ts';
import { reportCommand } from './commands/report.ts';
import { simulateCommand } from './commands/simulate.ts';
import { sweepCommand } from './commands/sweep.ts';
import { targetsCommand } from './commands/targets.ts';
import { options } from './options.ts';
import { UsageError, readValues } from './values.ts';

const commands: readonly Command[] = [
  compileCommand,
  simulateCommand,
  reportCommand,
  sweepCommand,
  targetsCommand,
  modelsCommand,
  asmCommand,
  disasmCommand,
  explainCommand,
];

const footer = 'MODEL is an ONNX file or a built-in name. Exit code: 0 fine, 1 the input is at fault, 2 usage, 70 our bug.';

/** Parses and runs one command. Usage mistakes are thrown as `UsageError`. */
export async function runProgram(words: readonly string[]): Promise<void> {
  const program = yargs([...words])
    .scriptName('systole')
    .usage('$0 COMMAND\n\nCompiles ONNX models for a neural processor you describe, runs the program, times and prices it.')
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
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .strict()
    .demandCommand(1, 'a command is needed')
    .fail(false)
    .exitProcess(false)
    .example('$0 simulate resnet50 --target edge-systolic-32', 'time a built-in network on a preset')
    .example('$0 targets', 'list the machines that come along')
    .epilogue(footer);
  for (const command of commands) register(program, command);
  const [first] = words;
  if (first !== undefined && /^[a-z]/i.test(first) && !commands.some((command) => command.name === first)) {
    const names = commands.map((command) => command.name);
    const near = suggest(first, names);
    throw new UsageError(`unknown command "${first}"${near === undefined ? '' : `; did you mean "${near}"?`} Commands: ${names.join(', ')}`);
  }
  try {
    await program.parseAsync();
  } catch (error) {
    // yargs throws its own type for mistakes in the words; whatever a command threw passes through.
    if (error instanceof Error && error.name === 'YError') throw new UsageError(tidy(error.message));
    throw error;
  }
}

function register(program: Argv, command: Command): void {
  const signature = [command.name, ...command.positionals.map((p) => (p.required ? `<${p.name}>` : `[${p.name}]`))].join(' ');
  program.command(
    signature,
    command.summary,
    (builder) => {
      for (const p of command.positionals) builder.positional(p.name, { type: 'string', describe: p.summary });
      for (const name of command.options) builder.option(name, options[name]);
      for (const name of command.required ?? []) builder.demandOption(name);
      for (const [line, why] of command.examples) builder.example(`$0 ${line}`, why);
      return builder.usage(`$0 ${signature} [options]\n\n${command.summary}`);
    },
    async (found) => command.run(readValues(found)),
  );
}

function tidy(message: string): string {
  return message.replace(/\s*\n\s*/g, ' ').trim();
}
