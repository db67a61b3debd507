import { defineMessage, type Message } from '../diagnostics.ts';
import { formatBytes, formatCount } from '../units.ts';

/** SYS8060-8089: `systole verify`. */
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
    `output "${output}" on ${inputs}: ${what}. The table of kernels shows where the error grows; calibrate on better samples, take another --precision, or allow more with --tolerance.`,
);

export const unknownKernel: Message<{
  name: string;
  option: string;
  near: string | undefined;
  kernels: number;
  some: readonly string[];
}> = defineMessage(
  'SYS8064',
  'error',
  'no such kernel',
  'Kernels are named after the ONNX node they start with; the name of any node of a kernel will do. `systole compile --emit kernels` lists them.',
  ({ name, option, near, kernels, some }) =>
    `${option} ${name}: no kernel is called so or made of such a node.${near === undefined ? '' : ` Did you mean "${near}"?`} ` +
    `There ${kernels === 1 ? 'is' : 'are'} ${some.map((n) => `"${n}"`).join(', ')}${kernels > some.length ? ` and ${formatCount(kernels - some.length)} more: \`systole compile --emit kernels\` lists them` : ''}.`,
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

export const badTensorFile: Message<{ path: string; why: string }> = defineMessage(
  'SYS8070',
  'error',
  'not a serialized ONNX tensor',
  'A .pb file of ONNX test data is one serialized TensorProto with its numbers in it, as `onnx.numpy_helper.from_array(x).SerializeToString()` ' +
    'gives it. Sequences, optionals, text and sparse tensors cannot be compared.',
  ({ path, why }) =>
    `"${path}" cannot be used: ${why}. Write it with onnx.numpy_helper.from_array(x).SerializeToString(), or give an .npz.`,
);

export const unusedArrays: Message<{ file: string; names: readonly string[] }> = defineMessage(
  'SYS8071',
  'info',
  'arrays that no input takes',
  'A file of samples may hold more than the model takes. A name that was meant for an input would be missing there; one of a constant of the ' +
    'model has no effect: constants are part of the program.',
  ({ file, names }) =>
    `"${file}" also holds ${names.map((name) => `"${name}"`).join(', ')}, which no input of the model is called: not used.`,
);

export const oddInputs: Message<{ source: string; name: string; nan: number; infinite: number; elements: number }> = defineMessage(
  'SYS8072',
  'warning',
  'inputs with NaN or infinity',
  'NaN spreads to nearly everything behind it, and NaN is equal to NaN here, so such a run compares little. Infinities do the same where they meet a ' +
    'zero or each other. A mask of -infinity in front of a softmax is fine.',
  ({ source, name, nan, infinite, elements }) =>
    `input "${name}" of ${source} holds ${[...(nan > 0 ? [`${formatCount(nan)} NaN`] : []), ...(infinite > 0 ? [`${formatCount(infinite)} infinite number${infinite === 1 ? '' : 's'}`] : [])].join(' and ')} ` +
    `of ${formatCount(elements)}: what they reach is compared as NaN or infinite, which proves little. Give finite numbers.`,
);

export const severalSamples: Message<{ file: string; count: number }> = defineMessage(
  'SYS8073',
  'error',
  'several samples for one run',
  'A simulation with --values runs once. Arrays with a leading axis more than the input, or several times as long along its first axis, hold ' +
    'several samples: `systole verify --inputs` runs each.',
  ({ file, count }) =>
    `"${file}" holds ${formatCount(count)} samples, and one run takes one. Give the first alone, x[:1], or use \`systole verify --inputs\`.`,
);

export const fittingSizes: Message<{ sizes: readonly { readonly symbol: string; readonly size: number }[] }> = defineMessage(
  'SYS8075',
  'info',
  'sizes that fit',
  'Sizes of open dimensions may hang on each other: these were tried, and every shape of the model follows from them without a contradiction. ' +
    'They are guesses by name (one batch, sixteen positions, images of 224), so take those of your application where you know them.',
  ({ sizes }) =>
    `sizes that fit each other: ${sizes.map(({ symbol, size }) => `--dim ${/[^\w.:/-]/.test(symbol) ? `"${symbol}=${size}"` : `${symbol}=${size}`}`).join(' ')}.`,
);

export const sizesFromInputs: Message<{ sizes: Readonly<Record<string, number>> }> = defineMessage(
  'SYS8082',
  'info',
  'sizes taken from inputs',
  'The model leaves dimensions open, and the arrays given with --inputs have them. The program is compiled for these sizes; --dim fixes others, which the ' +
    'arrays then have to fit.',
  ({ sizes }) =>
    `compiled for the sizes of the inputs: ${Object.entries(sizes)
      .map(([symbol, size]) => `${symbol} = ${size}`)
      .join(', ')}.`,
);

export const calibrationUnused: Message<{ options: readonly string[]; precision: string }> = defineMessage(
  'SYS8076',
  'warning',
  'calibration without effect',
  'Calibration finds the ranges of float values that become int8. A program in floats has none, and one whose model brings its own ' +
    'quantization keeps that.',
  ({ options, precision }) =>
    `${options.join(' and ')} ${options.length === 1 ? 'has' : 'have'} no effect: no value of this ${precision} program gets its scale from a calibration. ` +
    `Leave ${options.length === 1 ? 'it' : 'them'} out, or ask for --precision int8.`,
);

export const cacheNotFull: Message<{ source: string; name: string; full: number; found: number }> = defineMessage(
  'SYS8081',
  'warning',
  'a cache that is not full',
  'A program is made for fixed sizes, with every entry of a cache in use and every token of the query new. Models say how long sequences really are by ' +
    'a mask or by lengths that GroupQueryAttention reads; a program does not read them.',
  ({ source, name, full, found }) =>
    `input "${name}" of ${source} holds ${found} where the program, made for full caches, takes ${full} for granted: its outputs are not what the model means. ` +
    `Give ${full} throughout, and sizes (--dim) as long as the sequences are.`,
);

export const inputIsNoTensor: Message<{ name: string; kind: string }> = defineMessage(
  'SYS8078',
  'error',
  'model input is not a tensor',
  'Inputs of a program are tensors. A sequence or an optional has no numbers of a fixed shape to compare with.',
  ({ name, kind }) =>
    `the input "${name}" is ${kind.startsWith('optional') ? 'an optional' : `a ${kind}`}, a tensor is needed. Export the model with a tensor there.`,
);

export const tooLargeToRun: Message<{ bytes: number; available: number; what: string }> = defineMessage(
  'SYS8079',
  'error',
  'more memory than this computer has',
  'A run on numbers holds them: a verification every value of the model, in float and as the program has it, a simulation with --values the memories ' +
    'of the program. Timing needs none of that.',
  ({ bytes, available, what }) =>
    `this needs at least ${formatBytes(bytes)} of memory for ${what}; there are ${formatBytes(available)} here. ` +
    'Give smaller sizes (--dim, --shape, a smaller batch), or time it without numbers (`systole simulate`).',
);

export const longRun: Message<{ macs: number; passes: number; minutes: number }> = defineMessage(
  'SYS8080',
  'warning',
  'a run of minutes',
  'The interpreter that verification and calibration compare with is plain TypeScript, some 0.85 GMAC/s on one quiet core. It runs the model in ' +
    'float and after precision for every sample, and once more for every sample to calibrate on.',
  ({ macs, passes, minutes }) =>
    `this takes about ${minutes < 10 ? minutes.toFixed(1) : formatCount(Math.round(minutes))} minutes: the interpreter computes ${formatCount(macs)} MACs ${formatCount(passes)} times. ` +
    'Fewer samples, smaller sizes (--dim, --shape) or a part of the model take less; `systole simulate` needs no numbers.',
);

export const unusableFolder: Message<{ path: string; reason: string }> = defineMessage(
  'SYS8074',
  'error',
  'directory cannot be written',
  'Commands that write several files put them into the directory that --out names (sweep, verify --dump) or --vectors. It is made where it does not exist. Nothing was written.',
  ({ path, reason }) => `cannot write into "${path}": ${reason}. Name a directory that does not exist yet, or one that can be written.`,
);
