import type { Compilation } from '../../compiler/index.ts';
import { formatBytes, formatCount, formatDiagnostic } from '../../core/index.ts';
import type { Command } from '../command.ts';
import { readEnvironment } from '../environment.ts';
import { checkOutputs, standardStream, writeWhole } from '../files.ts';
import { stages } from '../options.ts';
import { note, print, startProgress } from '../output.ts';
import { compileModel, inputFiles, programOptions } from '../session.ts';
import { columns } from '../wrap.ts';

export const compileCommand: Command = {
  name: 'compile',
  positionals: [{ name: 'model', required: true, summary: 'an ONNX file or a built-in name' }],
  summary: 'Compile a model into a program for a machine',
  options: [...programOptions, 'output', 'emit', 'no-weights', 'quiet'],
  required: ['target'],
  examples: [
    ['compile resnet50 -t edge-systolic-32 -o resnet50.npu', 'a program to simulate or disassemble'],
    ['compile net.onnx -t mine.yaml --dim batch=1 --emit kernels', 'what became of the operators'],
    ['compile net.onnx -t mine.yaml --calibrate random:1 -o net.npu', 'with int8 scales that can be run'],
  ],
  async run(values) {
    const output = values.text('output');
    checkOutputs([output], inputFiles(values));
    const progress = startProgress(readEnvironment(), values.flag('quiet'));
    const { compilation } = await compileModel(values, progress, 'compile').finally(() => progress.done());
    const { executable } = compilation;
    // What goes to standard output goes there alone.
    const tell = output === standardStream ? note : print;
    const stage = stages.find((name) => name === values.text('emit'));
    if (output !== undefined) {
      const { encodeExecutable } = await import('../../isa/index.ts');
      writeWhole(output, encodeExecutable(executable, { weights: values.flag('no-weights') ? 'hash' : 'embed' }));
    }
    if (!values.flag('quiet')) for (const d of executable.diagnostics) note(formatDiagnostic(d));
    if (stage !== undefined) tell(compilation.stages[stage]());
    else if (!values.flag('quiet')) tell(describe(compilation, output));
  },
};

function describe({ executable }: Compilation, output: string | undefined): string {
  const commands = executable.programs.reduce((sum, program) => sum + program.commands.length, 0);
  return `${executable.model.name} for ${executable.target.name}\n${columns([
    ['  kernels', formatCount(executable.kernels.length)],
    ['  commands', formatCount(commands)],
    ['  MACs', formatCount(executable.model.macs)],
    ...executable.regions.map((region) => [
      `  ${region.kind}`,
      `${formatBytes(region.bytes)} in ${executable.spaces[region.space] ?? '?'}`,
    ]),
    ['  written to', output ?? 'nothing; -o FILE keeps the program'],
  ])}`;
}
