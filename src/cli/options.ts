/** Every option there is, described once; commands name the ones they take. */
import type { Options } from 'yargs';

const text: Pick<Options, 'type' | 'requiresArg'> = { type: 'string', requiresArg: true };
const list: Pick<Options, 'type' | 'array' | 'requiresArg'> = { type: 'string', array: true, requiresArg: true };

/** The stages of a compilation that can be printed. */
export const stages = ['graph', 'kernels', 'schedule', 'memory', 'asm'] as const;

export type OptionName =
  | 'target'
  | 'set'
  | 'precision'
  | 'dim'
  | 'shape'
  | 'input-value'
  | 'nodes'
  | 'calibrate'
  | 'calibration'
  | 'inputs'
  | 'tolerance'
  | 'dump'
  | 'vectors'
  | 'kernels'
  | 'count'
  | 'program'
  | 'output'
  | 'emit'
  | 'json'
  | 'values'
  | 'sanitize'
  | 'trace'
  | 'no-weights'
  | 'weights'
  | 'quiet'
  | 'out'
  | 'validate'
  | 'yaml'
  | 'param';

export const options: Readonly<Record<OptionName, Options>> = {
  target: { ...text, alias: 't', describe: 'machine: a preset (see `systole targets`) or a YAML file' },
  set: { ...list, describe: 'override a field of the machine: path=value, e.g. cores.npu.matrix.rows=16' },
  precision: {
    ...text,
    choices: ['auto', 'int8', 'fp8', 'fp32', 'fp16', 'bf16'],
    default: 'auto',
    describe: 'numbers to compute in; auto takes int8 where the machine has it',
  },
  dim: { ...list, describe: 'fix a symbolic dimension of the model: NAME=NUMBER' },
  shape: { ...list, describe: 'shape of an input, names for what stays open: NAME:1x3x224x224' },
  'input-value': { ...list, describe: 'fix what an input holds: NAME=FILE.npy, NAME=FILE.pb, NAME=[1,2,3] or NAME=5' },
  nodes: { type: 'boolean', describe: 'a line for every node of the file' },
  calibrate: {
    ...list,
    describe: 'find int8 scales on inputs: random:SEED, .npz, .npy, or ONNX test data; several times for several samples',
  },
  calibration: { ...text, describe: 'how ranges come from samples: min-max (default), percentile:99.99 or mse' },
  inputs: { ...list, describe: 'inputs to compare on: random:SEED, .npz, .npy, .pb, or a folder of ONNX test data (default random:0)' },
  tolerance: { ...list, describe: 'least SQNR in dB: sqnr=DB against the model in float, reference=DB of that against others' },
  dump: { ...list, describe: 'write operands and results of this kernel or ONNX node as .npy files to --out' },
  vectors: { ...text, describe: 'write stimulus and result of commands, for bring-up, to this directory' },
  kernels: { ...list, describe: 'with --vectors: only of these kernels or ONNX nodes' },
  count: { ...text, describe: 'with --vectors: commands of each kernel (default 8)' },
  program: { ...text, describe: 'compare this program (.npu) in place of the one that is compiled' },
  output: { ...text, alias: 'o', describe: 'file to write' },
  emit: { ...text, choices: stages, describe: 'print one stage of the compilation as text' },
  json: { type: 'boolean', describe: 'print the result document as JSON' },
  values: { ...text, describe: 'also run on numbers: inputs from a .npz file, or random:SEED' },
  sanitize: { type: 'boolean', describe: 'also check every access: uninitialised reads, races, overlaps' },
  trace: { ...text, describe: 'write a trace for ui.perfetto.dev' },
  'no-weights': { type: 'boolean', describe: 'leave weights out of the program: it can be timed, not run' },
  weights: { type: 'boolean', describe: 'print weights in full (base64) instead of their hashes' },
  quiet: { type: 'boolean', alias: 'q', describe: 'no progress and no text but errors' },
  out: { ...text, describe: 'directory for the results; made when it is not there' },
  validate: { ...text, describe: 'check a machine description without using it' },
  yaml: { type: 'boolean', describe: 'print the description itself, to start one of your own' },
  param: { ...list, describe: 'parameter of a built-in model: NAME=NUMBER, e.g. image=96' },
};
