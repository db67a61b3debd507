import type { Command } from '../command.ts';
import { checkOutputs, readText, writeWhole } from '../files.ts';

export const asmCommand: Command = {
  name: 'asm',
  positionals: [{ name: 'file', required: true, summary: 'assembler text, as `systole disasm` prints it' }],
  summary: 'Assemble a program from text',
  options: ['output'],
  required: ['output'],
  examples: [['asm net.txt -o net.npu', 'the inverse of disasm']],
  async run(values) {
    const output = values.text('output') ?? '';
    checkOutputs([output], [values.positional('file')]);
    const { assemble, encodeExecutable } = await import('../../isa/index.ts');
    const file = values.positional('file');
    const text = await readText(file, 'program text, as `systole disasm` prints it');
    writeWhole(output, encodeExecutable(assemble(text, { file }), { weights: 'embed' }));
  },
};
