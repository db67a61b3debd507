/** SYS1xxx: the ONNX file, and the models we build ourselves. */
import { defineMessage, type Message } from '../diagnostics.ts';
import type { FileKind } from '../file-kinds.ts';

/** Both ends of a long path tell where it is. */
function shortPath(path: string): string {
  return path.length <= 160 ? path : `${path.slice(0, 80)} … ${path.slice(-60)}`;
}

export const notOnnx: Message<{ size: number; kind: FileKind | undefined; detail: string }> = defineMessage(
  'SYS1001',
  'error',
  'not an ONNX file',
  'An ONNX file is a protobuf ModelProto. The file given is something else: an empty file, text, an archive, another framework’s format, a pointer left by Git LFS instead of the file itself. Export the model to ONNX, or fetch the file, and give that.',
  ({ size, kind, detail }) =>
    kind === undefined
      ? `this is not an ONNX model (${size} bytes): ${detail}. Give a file written by an ONNX exporter.`
      : `this is ${kind.what}, not an ONNX model (${size} bytes). ${kind.toOnnx}`,
);

export const damagedFile: Message<{ size: number; offset: number; path: string; reason: string }> = defineMessage(
  'SYS1002',
  'error',
  'damaged ONNX file',
  'The file begins like ONNX but cannot be read to its end. The message names the byte and the field (as in onnx.proto) where reading stopped. A field that ends past the end of the file usually means an interrupted download or copy: fetch the file again.',
  ({ size, offset, path, reason }) =>
    `the file is damaged at byte ${offset} of ${size}${path === '' ? '' : `, in ${shortPath(path)}`}: ${reason}. Fetch or export it again.`,
);

export const noGraph: Message<{ size: number }> = defineMessage(
  'SYS1003',
  'error',
  'model without a graph',
  'The file reads as protobuf but has no `graph` field, which every ONNX model must have. It may be another ONNX message (a test tensor, say) or not ONNX at all.',
  ({ size }) => `the file (${size} bytes) holds no graph. Every ONNX model has one: is this another kind of file?`,
);

export const unknownElementType: Message<{ where: string; type: number; newest: number }> = defineMessage(
  'SYS1004',
  'error',
  'unknown element type',
  'Element types are numbers in an ONNX file (1 is float32). This one is not in the ONNX specification Systole follows, or is 0, which ONNX forbids for tensors with data.',
  ({ where, type, newest }) =>
    `${where} has element type ${type}; ONNX defines 1 to ${newest}. ${type === 0 ? 'Export the model again: the type was never set.' : 'The file is newer than this version of Systole, or damaged.'}`,
);

export const unsafeInteger: Message<{ where: string; value: string }> = defineMessage(
  'SYS1005',
  'error',
  'integer too large',
  'ONNX integers have 64 bits; sizes, axes and attributes beyond ±(2^53 − 1) mean nothing to any operator and cannot be handled exactly. (Values near ±2^63, which exporters write for "to the end", are fine.)',
  ({ where, value }) => `${where} is ${value}, beyond ±(2^53 − 1). No such size or index exists: correct the exporter’s output.`,
);

export const badDimension: Message<{ where: string; value: number }> = defineMessage(
  'SYS1006',
  'error',
  'negative size of stored data',
  'The dimensions of a tensor stored in the file must be known and not negative.',
  ({ where, value }) => `${where} has a dimension of ${value}; stored tensors need sizes of 0 or more.`,
);

export const tensorSize: Message<{ where: string; dtype: string; dims: readonly number[]; expected: string; actual: string }> =
  defineMessage(
    'SYS1007',
    'error',
    'tensor data of the wrong size',
    'The shape and element type of a stored tensor say how much data it must have. What is stored is more, less, or in a field meant for another type.',
    ({ where, dtype, dims, expected, actual }) =>
      `${where} is ${dtype} [${dims.join(', ')}], which takes ${expected}, but has ${actual}. The file is damaged or its writer is at fault.`,
  );

export const badExternalData: Message<{ where: string; why: string }> = defineMessage(
  'SYS1008',
  'error',
  'unusable reference to external data',
  'Large models keep tensors in files beside the model, each named by location, offset and length. One of these is missing or is no number.',
  ({ where, why }) => `${where} keeps its data outside the model file, but ${why}. Save the model again with its external data.`,
);

export const badAttribute: Message<{ where: string; why: string }> = defineMessage(
  'SYS1009',
  'error',
  'attribute without a readable value',
  'Every attribute says of which type it is and has a value of that type (or, in a function, refers to the caller’s attribute).',
  ({ where, why }) => `${where} ${why}. The file is newer than this version of Systole, or damaged.`,
);

export const tensorSegment: Message<{ where: string }> = defineMessage(
  'SYS1010',
  'error',
  'tensor stored in pieces',
  'ONNX once planned tensors stored as segments. No writer uses them and the specification never said how to join them.',
  ({ where }) => `${where} is one segment of a larger tensor, which cannot be put together. Save the model with whole tensors.`,
);

export const newerThanKnown: Message<{ what: string; version: number; newest: number }> = defineMessage(
  'SYS1011',
  'warning',
  'model newer than this version of Systole',
  'The model declares a version of the format or of the operators that was published after this version of Systole. Operators that did not change are read as before; an operator that did change may be misread, so results deserve a check.',
  ({ what, version, newest }) =>
    `the model declares ${what} ${version}; this version of Systole knows up to ${newest}. It is read as ${newest}: operators changed since may be misread.`,
);

export const trainingIgnored: Message<{ count: number }> = defineMessage(
  'SYS1012',
  'info',
  'training information ignored',
  'The model carries training graphs besides its inference graph. Systole compiles inference only.',
  ({ count }) => `the model carries ${count} training ${count === 1 ? 'graph' : 'graphs'}; only its inference graph is used.`,
);

export const moreProblems: Message<{ count: number }> = defineMessage(
  'SYS1013',
  'error',
  'more problems of the same file',
  'A damaged file can break in thousands of places at once; the first ones are shown.',
  ({ count }) => `… and ${count} more ${count === 1 ? 'problem' : 'problems'} in this file.`,
);

export const fileTooLarge: Message<{ size: number }> = defineMessage(
  'SYS1040',
  'error',
  'file larger than its format allows',
  'ONNX files are protocol buffers, which end at 2 GiB. Larger models keep their weights in external data files beside the model, which may be of any size.',
  ({ size }) =>
    `the file has ${size} bytes, and an ONNX file can have at most 2147483647. Save the model with external data (onnx.save_model(model, path, save_as_external_data=True)).`,
);

export const tensorTooLarge: Message<{ where: string; dims: readonly number[] }> = defineMessage(
  'SYS1041',
  'error',
  'tensor too large for any memory',
  'The dimensions of a stored tensor multiply to more elements than can be counted. The file is damaged, or its writer is at fault.',
  ({ where, dims }) => `${where} has the shape [${dims.join(', ')}], more elements than any memory holds. Correct its dimensions.`,
);

export const badContainer: Message<{ where: string; why: string }> = defineMessage(
  'SYS1042',
  'error',
  'unreadable sequence, map or optional',
  'Test data of sequence, map and optional type say what they hold (elem_type) and hold just that.',
  ({ where, why }) => `${where} ${why}. The file is damaged, or is another kind of value: was a tensor meant?`,
);

export const unknownModel: Message<{ name: string; near: string | undefined; known: readonly string[] }> = defineMessage(
  'SYS1901',
  'error',
  'unknown model',
  'A model is the path of an ONNX file, or the name of a network Systole builds itself (see `systole models`).',
  ({ name, near, known }) =>
    `unknown model "${name}".${near === undefined ? '' : ` Did you mean "${near}"?`} Give the path of an ONNX file or one of: ${known.join(', ')}.`,
);

export const unknownModelParameter: Message<{ model: string; name: string; near: string | undefined; known: readonly string[] }> =
  defineMessage(
    'SYS1902',
    'error',
    'unknown model parameter',
    'Built models take named numbers; `systole models NAME` lists them with their defaults.',
    ({ model, name, near, known }) =>
      `${model} has no parameter "${name}".${near === undefined ? '' : ` Did you mean "${near}"?`} It takes: ${known.join(', ')}.`,
  );

export const badModelParameter: Message<{ model: string; name: string; value: number; why: string }> = defineMessage(
  'SYS1903',
  'error',
  'model parameter out of range',
  'The value asks for a network that cannot be built: an image smaller than the strides, a batch of zero, more weights than a file can hold.',
  ({ model, name, value, why }) => `${model} cannot be built with ${name} = ${value}: ${why}.`,
);
