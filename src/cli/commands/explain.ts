import { catalogue, cliMessages, fail, suggest } from '../../core/index.ts';
import type { Command } from '../command.ts';
import { columns, print } from '../output.ts';

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
    const wanted = values.positional('code').toUpperCase().replace(/^(\d)/, 'SYS$1');
    const messages = catalogue
      .map(({ code, severity, title, explanation }) => ({ code, severity, title, explanation }))
      .sort((a, b) => (a.code < b.code ? -1 : 1));
    const chosen = wanted === '' ? messages : messages.filter((message) => message.code === wanted);
    if (chosen.length === 0)
      fail(
        cliMessages.unknownCode({
          code: wanted,
          near: suggest(
            wanted,
            messages.map((message) => message.code),
          ),
        }),
      );
    if (values.flag('json')) print(JSON.stringify(chosen, null, 2));
    else if (wanted === '') print(columns(chosen.map((message) => [message.code, message.severity, message.title])));
    else {
      const { wrap } = await import('../../reports/index.ts');
      for (const message of chosen)
        print(`${message.code} (${message.severity}): ${message.title}\n\n${wrap(message.explanation, 78).join('\n')}`);
    }
  },
};
