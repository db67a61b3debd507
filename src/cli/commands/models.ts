import { formatBytes, formatCount } from '../../core/index.ts';
import type { Command } from '../command.ts';
import { checkWritable, writeWhole } from '../files.ts';
import { terminalWidth } from '../environment.ts';
import { note, print } from '../output.ts';
import { columns, fold } from '../wrap.ts';
import { UsageError, numbers } from '../values.ts';

export const modelsCommand: Command = {
  name: 'models',
  positionals: [{ name: 'name', required: false, summary: 'a built-in network' }],
  summary: 'List the networks that come along, or write one as an ONNX file',
  options: ['output', 'param', 'json'],
  examples: [
    ['models', 'list them'],
    ['models resnet50', 'its parameters'],
    ['models resnet18 --param image=96 --param classes=10 -o small.onnx', 'write one of another size'],
  ],
  async run(values) {
    const { buildModel, findModel, models } = await import('../../models/index.ts');
    const width = terminalWidth(process.stdout);
    const name = values.positional('name');
    const output = values.text('output');
    const parameters = numbers(values.assignments('param'), 'param');
    if (name === '') {
      if (output !== undefined) throw new UsageError('-o needs the name of a network to write');
      if (Object.keys(parameters).length > 0) throw new UsageError('--param needs the name of a network to shape');
      const listed = models.map((m) => ({ name: m.name, summary: m.summary, macs: m.macs }));
      print(
        values.flag('json')
          ? JSON.stringify(listed, null, 2)
          : columns(
              listed.map((m) => [m.name, `${formatCount(m.macs)} MACs`, m.summary]),
              width,
            ),
      );
      return;
    }
    const builder = findModel(name);
    if (output === undefined && builder !== undefined && Object.keys(parameters).length === 0) {
      const { macs, summary } = builder;
      if (values.flag('json')) return print(JSON.stringify({ name: builder.name, summary, macs, parameters: builder.parameters }, null, 2));
      return print(
        fold(`${builder.name}: ${summary}`, width) +
          `\n${formatCount(macs)} MACs at the defaults\n\n` +
          columns(
            builder.parameters.map((p) => [`  --param ${p.name}=${p.default}`, p.summary]),
            width,
          ),
      );
    }
    if (output !== undefined && values.flag('json')) throw new UsageError('--json describes a network, -o writes it: give one of them');
    if (output !== undefined) checkWritable(output);
    const bytes = buildModel(name, parameters);
    if (output === undefined) throw new UsageError('say where to write the network: -o FILE');
    writeWhole(output, bytes);
    note(`${output}: ${formatBytes(bytes.length)}`);
  },
};
