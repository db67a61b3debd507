import type { Command } from '../command.ts';
import { checkOutputs, inFile, readBytes, writeWhole } from '../files.ts';
import { print } from '../output.ts';

export const disasmCommand: Command = {
  name: 'disasm',
  positionals: [{ name: 'file', required: true, summary: 'a compiled program (.npu)' }],
  summary: 'Print a program as text, one command a line, weights by hash',
  options: ['output', 'weights'],
  examples: [
    ['disasm net.npu | less', 'read it'],
    ['disasm net.npu -o net.txt', 'write it to a file that `systole asm` takes; the program can then be timed'],
    ['disasm net.npu --weights -o net.txt', 'the same with its numbers, so that it can be run'],
  ],
  async run(values) {
    const output = values.text('output');
    checkOutputs([output], [values.positional('file')]);
    const { decodeExecutable, disassemble } = await import('../../isa/index.ts');
    const file = values.positional('file');
    const bytes = await readBytes(file);
    const text = disassemble(await inFile(file, () => decodeExecutable(bytes)), {
      weights: values.flag('weights') ? 'base64' : 'hash',
    });
    if (output === undefined) print(text);
    else writeWhole(output, text);
  },
};
