import { defineMessage, type Message } from '../diagnostics.ts';

/** SYS8xxx: the command line and the files it touches. */
export const unknownModel: Message<{ name: string; known: readonly string[]; near: string | undefined }> = defineMessage(
  'SYS8001',
  'error',
  'unknown model',
  'MODEL is the path of an ONNX file, the path of a compiled program (.npu), or the name of a built-in network (see `systole models`).',
  ({ name, known, near }) =>
    `"${name.length > 160 ? `${name.slice(0, 160)}…` : name}" is neither a file nor a built-in model. ${near === undefined ? '' : `Did you mean "${near}"? `}Built-in: ${known.join(', ')}.`,
);

export const unreadableFile: Message<{ path: string; reason: string }> = defineMessage(
  'SYS8002',
  'error',
  'file cannot be read',
  'The operating system refused to read a file that was named on the command line. Check the path and its permissions.',
  ({ path, reason }) => `cannot read "${path}": ${reason}.`,
);

export const unwritableOutput: Message<{ path: string; reason: string }> = defineMessage(
  'SYS8003',
  'error',
  'output cannot be written',
  'Outputs are checked before anything is computed and written as a whole: a temporary file in the same directory, then renamed. ' +
    'So the directory must exist and be writable, and the path must not be a directory. Nothing was written.',
  ({ path, reason }) => `cannot write "${path}": ${reason}. Name another file, in a directory that exists and may be written.`,
);

export const notText: Message<{ path: string; what: string; wanted: string; size: number }> = defineMessage(
  'SYS1082',
  'error',
  'another kind of file where text is needed',
  'Machine descriptions and studies are YAML, programs are assembled from text. The bytes of the file given tell that it is something else.',
  ({ path, what, wanted, size }) => `"${path}" (${size} bytes) is ${what}, not ${wanted}. Name another file.`,
);

export const malformedArray: Message<{ file: string; reason: string }> = defineMessage(
  'SYS8004',
  'error',
  'not a readable .npy or .npz file',
  'Input values are read from numpy files: one .npy array for a model with a single input, or an .npz archive with one array per input name, ' +
    'compressed or not, in either order and byte order, of a boolean, integer or floating-point type.',
  ({ file, reason }) => `"${file}" cannot be used as input values: ${reason}.`,
);

export const missingInputs: Message<{ file: string; missing: readonly string[]; found: readonly string[]; change: string }> = defineMessage(
  'SYS8005',
  'error',
  'input values missing',
  'A file of input values must hold an array for every input of the model, under the same name. A file with one array fits a model with one input.',
  ({ file, missing, found, change }) =>
    `"${file}" has no values for ${missing.join(', ')}; it holds ${found.length === 0 ? 'nothing' : found.join(', ')}. ${change}.`,
);

export const mismatchedInput: Message<{ file: string; name: string; found: string; expected: string; change: string }> = defineMessage(
  'SYS8006',
  'error',
  'input values of another type or shape',
  'The array for a model input must have its shape, with symbolic dimensions fixed by --dim, and its element type; floats of another width are ' +
    'rounded, and integers of another width are taken where all numbers fit.',
  ({ file, name, found, expected, change }) => `"${file}" holds ${found} for input "${name}", the model takes ${expected}. ${change}.`,
);

export const unknownCode: Message<{ code: string; near: string | undefined }> = defineMessage(
  'SYS8007',
  'error',
  'unknown message code',
  'Every message carries a code like SYS2001; `systole explain CODE` tells what it means and what to change, `systole explain` lists all.',
  ({ code, near }) =>
    `there is no message "${code}". ${near === undefined ? '' : `Did you mean ${near}? `}\`systole explain\` lists all codes.`,
);

export const escapingExternalData: Message<{ model: string; location: string }> = defineMessage(
  'SYS8008',
  'error',
  'external data outside the directory of the model',
  'An ONNX file may keep tensors in files beside it. For safety such a file must lie in the directory of the model or below it.',
  ({ model, location }) =>
    `"${model}" refers to tensor data at "${location}", outside its own directory: not read. Put the data beside the model.`,
);

export const programNotModel: Message<{ path: string; command: string }> = defineMessage(
  'SYS8009',
  'error',
  'a compiled program where a model is needed',
  'A .npu file holds a finished program: it can be simulated, reported on and disassembled, but not compiled again or calibrated.',
  ({ path, command }) => `"${path}" is a compiled program, and ${command} starts from a model. Name the ONNX file it was compiled from.`,
);

export const missingTarget: Message<{ known: readonly string[] }> = defineMessage(
  'SYS8010',
  'error',
  'no target named',
  'A model is compiled for a machine: --target takes a preset (see `systole targets`) or the path of a YAML description.',
  ({ known }) => `say for which machine: --target NAME or --target machine.yaml. Presets: ${known.join(', ')}.`,
);

export const givenTwice: Message<{ option: string; name: string; values: readonly string[] }> = defineMessage(
  'SYS8043',
  'error',
  'one name given several values',
  'Options of the form NAME=VALUE may be repeated for different names. The same name with different values leaves open which one is meant.',
  ({ option, name, values }) => `--${option} gives "${name}" as ${values.join(' and as ')}. Give it once.`,
);

export const inputValueType: Message<{ name: string; value: number; dtype: string }> = defineMessage(
  'SYS8042',
  'error',
  'input value does not fit the element type',
  'Contents of a model input must be numbers that its element type holds as they are written. Whole numbers of 2^53 and more are not exact in JSON: give them in a .npy file.',
  ({ name, value, dtype }) =>
    `${value} is no ${dtype}, the element type of input "${name}". Write numbers of that type, or name a .npy or .pb file.`,
);

export const badInputValue: Message<{ name: string; text: string }> = defineMessage(
  'SYS8040',
  'error',
  'input value cannot be read',
  'The contents of a model input are given as --input-value NAME=VALUE, where VALUE is a .npy or .npz file, a .pb file of ONNX test data, ' +
    'or numbers as JSON writes them: 5, 1,2,3 or [[1,2],[3,4]]; rows must have equal lengths.',
  ({ name, text }) =>
    `"${text}" is neither a file nor numbers for input "${name}". Write numbers like [1,3,224,224], rows of equal lengths like [[1,2],[3,4]], or name a .npy or .pb file.`,
);

export const unknownInput: Message<{ name: string; inputs: readonly string[]; near: string | undefined }> = defineMessage(
  'SYS8041',
  'error',
  'no such input',
  '--input-value and --shape name inputs of the model as its file does.',
  ({ name, inputs, near }) =>
    `the model has no input "${name}".${near === undefined ? '' : ` Did you mean "${near}"?`} Its inputs: ${inputs.length === 0 ? 'none' : inputs.map((n) => `"${n}"`).join(', ')}.`,
);
