import { catalogue, cliMessages, fail, suggest } from '../../core/index.ts';
import type { Command } from '../command.ts';
import { terminalWidth } from '../environment.ts';
import { print } from '../output.ts';
import { columns, fold } from '../wrap.ts';

export const explainCommand: Command = {
  name: 'explain',
  positionals: [{ name: 'code', required: false, summary: 'a code such as SYS2001' }],
  summary: 'Tell what a message means and what to change',
  options: ['json'],
  examples: [
    ['explain SYS2001', 'one message'],
    ['explain', 'all of them'],
  ],
  async run(values) {
    const width = terminalWidth(process.stdout);
    const asked = values.positional('code').trim();
    // 2001 and sys2001 are SYS2001; what is no code at all is told as it was written.
    const wanted = /^(sys)?\d+$/i.test(asked) ? asked.toUpperCase().replace(/^(\d)/, 'SYS$1') : asked;
    const messages = catalogue
      .map(({ code, severity, title, explanation }) => ({ code, severity, title, explanation }))
      .sort((a, b) => (a.code < b.code ? -1 : 1));
    const chosen = wanted === '' ? messages : messages.filter((message) => message.code === wanted);
    if (chosen.length === 0)
      fail(
        cliMessages.unknownCode({
          code: wanted,
          near: suggest(
            wanted.toUpperCase(),
            messages.map((message) => message.code),
          ),
        }),
      );
    if (values.flag('json')) print(JSON.stringify(chosen, null, 2));
    else if (wanted === '')
      print(
        columns(
          chosen.map((message) => [message.code, message.severity, message.title]),
          width,
        ),
      );
    else {
      for (const message of chosen)
        print(
          `${fold(`${message.code} (${message.severity}): ${message.title}`, width)}\n\n${fold(message.explanation, Math.min(width, 78), 0)}`,
        );
    }
  },
};
