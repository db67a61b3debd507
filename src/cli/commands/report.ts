import type { Command } from '../command.ts';
import { readChartLibrary } from '../chart-library.ts';
import { readEnvironment } from '../environment.ts';
import { checkOutputs, writeWhole } from '../files.ts';
import { note, startProgress } from '../output.ts';
import { inputFiles, prepareProgram, programOptions } from '../session.ts';

export const reportCommand: Command = {
  name: 'report',
  positionals: [{ name: 'model', required: true, summary: 'an ONNX file, a built-in name or a compiled program (.npu)' }],
  summary: 'Write a page with everything about a run: one offline HTML file',
  options: [...programOptions, 'output', 'quiet'],
  required: ['output'],
  examples: [
    ['report resnet50 -t edge-systolic-32 -o resnet50.html', 'the page of a built-in network'],
    ['report net.npu -o net.html', 'of a program compiled before'],
  ],
  async run(values) {
    const output = values.text('output') ?? '';
    checkOutputs([output], inputFiles(values));
    const progress = startProgress(readEnvironment(), values.flag('quiet'));
    try {
      const { executable, machine } = await prepareProgram(values, progress);
      progress.say('simulating');
      const { simulateWithTrace } = await import('../simulation.ts');
      const { result, trace } = simulateWithTrace(executable, machine);
      progress.say('drawing');
      const { renderReport } = await import('../../reports/index.ts');
      writeWhole(output, renderReport(result, { machine, trace, chartLibrary: await readChartLibrary() }));
    } finally {
      progress.done();
    }
    if (!values.flag('quiet')) note(`wrote ${output}`);
  },
};
