import { fail, formatDiagnostic } from '../../core/index.ts';
import type { Command } from '../command.ts';
import { readEnvironment } from '../environment.ts';
import { print, startProgress } from '../output.ts';
import { programOptions } from '../session.ts';
import type { VerifyDocument } from '../verify.ts';

export const verifyCommand: Command = {
  name: 'verify',
  positionals: [{ name: 'model', required: true, summary: 'an ONNX file or a built-in name' }],
  summary: 'Run the program on numbers and compare it, kernel by kernel, with what the model means',
  options: [...programOptions, 'inputs', 'tolerance', 'program', 'dump', 'out', 'vectors', 'kernels', 'count', 'json', 'quiet'],
  examples: [
    ['verify model.onnx -t edge-systolic-32', 'on seeded inputs; int8 scales are found on the same inputs'],
    ['verify model.onnx -t edge-systolic-32 --inputs test_data_set_0', 'on ONNX test data, with the outputs it expects'],
    ['verify net.onnx -t mine.yaml --calibrate train.npz --inputs test.npz', 'scales from some samples, judged on others'],
    ['verify net.onnx -t mine.yaml --dump conv1 --out dump', 'operands and results of one kernel as .npy'],
    ['verify net.onnx -t mine.yaml --vectors rtl --kernels conv1 --count 4', 'stimulus and result of four commands, for bring-up'],
  ],
  async run(values) {
    const environment = readEnvironment();
    const progress = startProgress(environment, values.flag('quiet'));
    const { verifyModel } = await import('../verify.ts');
    const { document, faults } = await verifyModel(values, progress).finally(() => progress.done());
    if (values.flag('json')) print(JSON.stringify(document, null, 2));
    else if (!values.flag('quiet')) print(await describe(document, environment));
    if (faults.length > 0) fail(...faults);
  },
};

async function describe(document: VerifyDocument, style: { readonly width: number; readonly color: boolean }): Promise<string> {
  const { renderVerification } = await import('../../reports/index.ts');
  const { model, target, precision, judge, notes, files } = document;
  const told = [...(judge === null ? [] : [`Also compared with ONNX Runtime (${judge}).`]), ...new Set(notes.map(formatDiagnostic))];
  const runs = document.runs.map((run, i) =>
    renderVerification(run, { model: model.name, target: target.name, precision, inputs: run.inputs, notes: i === 0 ? told : [] }, style),
  );
  const [first] = files;
  const written = first === undefined ? [] : [`${files.length} file${files.length === 1 ? '' : 's'} written, from ${first} on.\n`];
  return [...runs, ...written].join('\n');
}
