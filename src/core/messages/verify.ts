import { defineMessage, type Message } from '../diagnostics.ts';
import { formatCount } from '../units.ts';

/** SYS8060-8079: `systole verify`. */
export const runtimeAbsent: Message<{ reason: string }> = defineMessage(
  'SYS8060',
  'info',
  'ONNX Runtime is not installed',
  'Where the package onnxruntime-node, or else onnxruntime-web, can be loaded, `systole verify` also compares with ONNX Runtime: a judge ' +
    'that shares nothing with this project. It is never needed otherwise, so it does not come along. `npm install onnxruntime-node` beside ' +
    'systole, or in the folder you run it from, is enough; onnxruntime-web is slower and needs no install script.',
  ({ reason }) => `not compared with ONNX Runtime: ${reason}. To have that too: npm install onnxruntime-node (or onnxruntime-web).`,
);

export const runtimeFailed: Message<{ reason: string }> = defineMessage(
  'SYS8061',
  'warning',
  'ONNX Runtime did not run the model',
  'ONNX Runtime refused the model, or its inputs. The comparison with the interpreter is not touched by that.',
  ({ reason }) => `not compared with ONNX Runtime, which failed: ${reason}`,
);

export const kernelDiffers: Message<{ kernel: string; wrong: number; kernels: number; inputs: string; what: string }> = defineMessage(
  'SYS8062',
  'error',
  'a kernel computes something else than its nodes mean',
  'Every kernel is compared with the interpreter on the ONNX nodes it was made from, both fed with the operands the program itself had. ' +
    'So errors of earlier kernels do not count, and the first kernel named is where the program goes wrong. Integers and all operators but ' +
    'products of floats must agree bit for bit (docs/verify.md). With a program straight from the compiler this is a bug of ours: please report it.',
  ({ kernel, wrong, kernels, inputs, what }) =>
    `${formatCount(wrong)} of ${formatCount(kernels)} kernels compute something else on ${inputs}; the first is "${kernel}": ${what}. ` +
    'See its operands with --dump, and its commands with `systole disasm`.',
);

export const outputDiffers: Message<{ output: string; inputs: string; what: string }> = defineMessage(
  'SYS8063',
  'error',
  'an output misses the tolerance',
  'Outputs are compared with the graph after precision (bits), with the model in float (SQNR, --tolerance sqnr=DB) and, where there are ' +
    'any, the float model with outputs that others computed (--tolerance reference=DB). The kernels show where the error comes from.',
  ({ output, inputs, what }) =>
    `output "${output}" on ${inputs}: ${what}. Look for the kernel at which the error jumps; calibrate on better samples or allow more with --tolerance.`,
);

export const unknownKernel: Message<{ name: string; option: string; near: string | undefined; kernels: number }> = defineMessage(
  'SYS8064',
  'error',
  'no such kernel',
  'Kernels are named after the ONNX node they start with; the name of any node of a kernel will do. `systole compile --emit kernels` lists them.',
  ({ name, option, near, kernels }) =>
    `${option} ${name}: none of the ${formatCount(kernels)} kernels is called so or made of such a node.${near === undefined ? '' : ` Did you mean "${near}"?`}`,
);

export const badDataSet: Message<{ path: string; why: string }> = defineMessage(
  'SYS8065',
  'error',
  'not a set of ONNX test data',
  'A data set is a folder with input_0.pb, input_1.pb, … (serialized TensorProto, in the order of the model inputs) and, where results are ' +
    'known, output_0.pb, …; or a folder of such folders named test_data_set_0, test_data_set_1, …',
  ({ path, why }) => `"${path}" cannot be used as inputs: ${why}.`,
);

export const unevenSamples: Message<{ file: string; counts: readonly string[] }> = defineMessage(
  'SYS8066',
  'error',
  'inputs with different numbers of samples',
  'Several samples stand along a leading axis, one more than the input has, or along its first axis, several times as long. All inputs of ' +
    'a file must hold equally many samples, or one for all.',
  ({ file, counts }) => `"${file}" holds ${counts.join(', ')}. Store equally many of each, or one.`,
);

export const otherProgram: Message<{ path: string; why: string }> = defineMessage(
  'SYS8067',
  'error',
  'the program was not compiled from this model in this way',
  'A program is compared kernel by kernel with what the model compiles to, so both must have the same kernels, and inputs and outputs of the ' +
    'same scales: give --target, --precision, --dim, --calibrate and --calibration as they were when it was compiled.',
  ({ path, why }) => `"${path}" is another program than this model gives: ${why}. Compile it with the same options.`,
);

export const sanitizerFaults: Message<{ count: number; inputs: string }> = defineMessage(
  'SYS8068',
  'error',
  'the sanitizer found faults',
  'The program read or wrote memory in a way a machine could get wrong. Each finding has a code of its own and names the commands.',
  ({ count, inputs }) =>
    `the sanitizer found ${formatCount(count)} fault${count === 1 ? '' : 's'} in the run on ${inputs}; they are told above.`,
);
