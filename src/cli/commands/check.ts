import type { CheckReport } from '../../reports/index.ts';
import type { Command } from '../command.ts';
import { readEnvironment } from '../environment.ts';
import { startProgress, print } from '../output.ts';
import { checkNamedModel, programOptions } from '../session.ts';

export const checkCommand: Command = {
  name: 'check',
  positionals: [{ name: 'model', required: true, summary: 'an ONNX file or a built-in name' }],
  summary: 'Say where every operator of a model runs, why, what it costs and what to change',
  options: [...programOptions.filter((name) => name !== 'calibrate' && name !== 'calibration'), 'nodes', 'json', 'quiet'],
  examples: [
    ['check model.onnx -t edge-systolic-32', 'where each operator runs; costs once all sizes are known'],
    ['check bert.onnx -t edge-systolic-32 --dim batch=1 --dim seq=128', 'fix symbolic dimensions'],
    ['check net.onnx -t mine.yaml --shape image:1x3x256x256', 'give an input another shape'],
    ['check net.onnx -t mine.yaml --input-value sizes=[1,3,64,64]', 'fix what a shape-carrying input holds'],
    ['check net.onnx -t mine.yaml --json', 'one row for each node of the file, bodies included'],
  ],
  async run(values) {
    const environment = readEnvironment();
    const progress = startProgress(environment, values.flag('quiet'));
    let report: CheckReport;
    try {
      report = await checkNamedModel(values, progress);
    } finally {
      progress.done();
    }
    if (values.flag('json')) return print(JSON.stringify(report, null, 2));
    if (values.flag('quiet')) return;
    const { renderCheck } = await import('../../reports/index.ts');
    print(renderCheck(report, { ...environment, allNodes: values.flag('nodes') }));
  },
};
