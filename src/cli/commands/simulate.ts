import type { Command } from '../command.ts';
import { readEnvironment } from '../environment.ts';
import { checkOutputs, standardStream, writeWhole } from '../files.ts';
import { note, print, startProgress } from '../output.ts';
import { inputFiles, prepareProgram, programOptions } from '../session.ts';
import type { simulateWithTrace } from '../simulation.ts';
import { UsageError } from '../values.ts';

export const simulateCommand: Command = {
  name: 'simulate',
  positionals: [{ name: 'model', required: true, summary: 'an ONNX file, a built-in name or a compiled program (.npu)' }],
  summary: 'Run a model on a machine in simulated time: cycles, traffic, energy, and what limits them',
  options: [...programOptions, 'json', 'values', 'sanitize', 'output', 'trace', 'quiet'],
  examples: [
    ['simulate resnet50 -t edge-systolic-32', 'a summary for people'],
    ['simulate net.npu --set memories.dram.bandwidth="25.6 GB/s" --json', 'the result document of a changed machine'],
    ['simulate net.npu --trace run.json', 'a compiled program, with a trace for ui.perfetto.dev'],
    ['simulate net.npu --values in.npz -o out.npz', 'run a calibrated program on numbers and keep the outputs'],
  ],
  async run(values) {
    const traceFile = values.text('trace');
    const outputFile = values.text('output');
    const source = values.text('values');
    if (outputFile !== undefined && source === undefined)
      throw new UsageError('-o keeps the outputs of a run on numbers: give inputs with --values');
    const written = [traceFile, outputFile].filter((file) => file !== undefined);
    if (written.includes(standardStream) && values.flag('json'))
      throw new UsageError('--json is printed on standard output: write the other output to a file');
    checkOutputs(written, inputFiles(values));
    // What goes to standard output goes there alone.
    const tell = written.includes(standardStream) ? note : print;
    const environment = readEnvironment();
    const progress = startProgress(environment, values.flag('quiet'));
    try {
      const { executable, machine } = await prepareProgram(values, progress);
      progress.say('simulating');
      const { result, trace } = await timed(executable, machine, traceFile !== undefined);
      if (traceFile !== undefined && trace !== null) {
        const { perfettoJson } = await import('../../simulator/index.ts');
        writeWhole(traceFile, perfettoJson(trace, `${result.model.name} on ${result.target.name}`));
      }
      let outputs = '';
      if (source !== undefined || values.flag('sanitize')) {
        progress.say('running on numbers');
        const { runOnValues } = await import('../execution.ts');
        outputs = await runOnValues(executable, machine, { source, sanitize: values.flag('sanitize'), outputFile });
      }
      progress.done();
      if (values.flag('json')) return print(JSON.stringify(result, null, 2));
      if (values.flag('quiet')) return;
      const { renderSummary } = await import('../../reports/index.ts');
      tell(renderSummary(result, environment) + (outputs === '' ? '' : `\n${outputs}`));
    } finally {
      progress.done();
    }
  },
};

/** Without a trace nothing is kept but the result. */
async function timed(
  ...[executable, machine, traced]: [...Parameters<typeof simulateWithTrace>, boolean]
): Promise<ReturnType<typeof simulateWithTrace>> {
  if (traced) return (await import('../simulation.ts')).simulateWithTrace(executable, machine);
  const { simulate } = await import('../../simulator/index.ts');
  return { result: simulate(executable, machine), trace: null };
}
