import { defineMessage, type Message } from '../diagnostics.ts';

/** SYS30xx: the graph: dimensions, operators, its textual form, running it. */

export const badDimension: Message<{ text: string; found: string }> = defineMessage(
  'SYS3001',
  'error',
  'dimension not understood',
  'A dimension is an integer or an expression of symbols: sums, products, floor(a/b), ceil(a/b) and max(a,b), for example "2*seq+1".',
  ({ text, found }) => `"${text}" is not a dimension: unexpected "${found}". Write for example 2*seq+1 or floor(h/2).`,
);

export const unboundDimension: Message<{ symbol: string; node: string; op: string; value: string; shape: string }> = defineMessage(
  'SYS3002',
  'error',
  'dimension left open',
  'Models may leave dimensions such as the batch or the sequence length open. A program is made for fixed sizes, so every open dimension needs a number: --dim NAME=N.',
  ({ symbol, node, op, value, shape }) =>
    `dimension "${symbol}" has no number: ${node === '' ? `the model input "${value}"` : `${op} "${node}"`} needs it (${value}: [${shape}]). Give one, for example with --dim ${symbol}=1.`,
);

export const badBinding: Message<{ symbol: string; given: number }> = defineMessage(
  'SYS3003',
  'error',
  'dimension cannot have this size',
  'A dimension is a whole number, zero or more.',
  ({ symbol, given }) => `--dim ${symbol}=${given}: a dimension is a whole number, zero or more.`,
);

export const inputsDoNotFit: Message<{ op: string; node: string; problem: string; change: string }> = defineMessage(
  'SYS3010',
  'error',
  'operands do not fit the operator',
  'The shapes, element types or attributes of a node contradict what ONNX says the operator does.',
  ({ op, node, problem, change }) => `${op} "${node}": ${problem}.${change === '' ? '' : ` ${change}.`}`,
);

export const missingInput: Message<{ op: string; node: string; index: number; what: string }> = defineMessage(
  'SYS3011',
  'error',
  'required input missing',
  'The operator needs this input and the node leaves it out.',
  ({ op, node, index, what }) => `${op} "${node}" has no input ${index} (${what}), which the operator requires.`,
);

export const contentsNotKnown: Message<{ op: string; node: string; index: number; what: string }> = defineMessage(
  'SYS3012',
  'error',
  'shape depends on run-time values',
  'The output shape of some operators follows from the numbers of an input. A program has fixed shapes, so those numbers must be constants or follow from shapes.',
  ({ op, node, index, what }) =>
    `${op} "${node}": its output shape depends on the numbers of input ${index} (${what}), which are only known at run time. Make that input a constant, or export the model with fixed sizes.`,
);

export const badAttribute: Message<{ op: string; node: string; attribute: string; given: string; allowed: string }> = defineMessage(
  'SYS3013',
  'error',
  'attribute value not allowed',
  'The attribute has a value that ONNX does not define for this operator, or that this version does not implement.',
  ({ op, node, attribute, given, allowed }) => `${op} "${node}": attribute ${attribute} is ${given}; allowed: ${allowed}.`,
);

export const unknownOperator: Message<{ op: string; domain: string; node: string; near: string | undefined }> = defineMessage(
  'SYS3014',
  'error',
  'operator without a definition',
  'Every operator a graph uses needs a definition: its shape inference and its meaning.',
  ({ op, domain, node, near }) =>
    `${domain === '' ? '' : `${domain}.`}${op} "${node}": there is no definition of this operator.${near === undefined ? '' : ` Did you mean ${near}?`}`,
);

export const textSyntax: Message<{ expected: string; found: string }> = defineMessage(
  'SYS3020',
  'error',
  'graph text not understood',
  'The textual form of a graph is described in ARCHITECTURE.md; print any graph with `systole compile --emit graph` to see one.',
  ({ expected, found }) => `expected ${expected}, found ${found}.`,
);

export const textUndefinedValue: Message<{ name: string; near: string | undefined }> = defineMessage(
  'SYS3021',
  'error',
  'value used before it is defined',
  'In the textual form every value is defined once, above its uses.',
  ({ name, near }) => `%${name} is not defined above this line.${near === undefined ? '' : ` Did you mean %${near}?`}`,
);

export const textRedefinedValue: Message<{ name: string }> = defineMessage(
  'SYS3022',
  'error',
  'value defined twice',
  'In the textual form every value is defined once.',
  ({ name }) => `%${name} is already defined above.`,
);

export const textBadContents: Message<{ problem: string }> = defineMessage(
  'SYS3023',
  'error',
  'constant contents not readable',
  'Contents of constants are a list of numbers, a splat of one element, or base64 of the little-endian bytes; elided contents cannot be read back.',
  ({ problem }) => `${problem}.`,
);

export const brokenGraph: Message<{ rule: string; where: string; problem: string }> = defineMessage(
  'SYS3030',
  'error',
  'graph breaks a rule',
  'Graphs hold to rules between passes: single assignment, topological order, unique names, types as inferred. A graph that breaks one comes from a faulty pass or a hand-written text.',
  ({ rule, where, problem }) => `${where}: ${problem} (rule: ${rule}).`,
);

export const absentContents: Message<{ value: string; node: string; reason: string }> = defineMessage(
  'SYS3040',
  'error',
  'numbers of a constant are not there',
  'The model can be compiled and timed without its weights, but running values needs them.',
  ({ value, node, reason }) =>
    `the numbers of "${value}"${node === '' ? '' : `, needed by "${node}",`} are not there: ${reason}. Put the data file next to the model; timing works without it.`,
);

export const placeholderScales: Message<{ value: string; node: string }> = defineMessage(
  'SYS3041',
  'error',
  'scales are placeholders',
  'An fp32 model compiled for int8 gets placeholder scales, good for timing only. Running values needs scales from data.',
  ({ value, node }) =>
    `"${value}"${node === '' ? '' : ` of "${node}"`} has placeholder scales, which can be timed but not run. Give data with --calibrate FILE.npz or --calibrate random:SEED.`,
);

export const inputNotGiven: Message<{ name: string; shape: string; given: readonly string[] }> = defineMessage(
  'SYS3042',
  'error',
  'model input not given',
  'Running values needs a tensor for every model input, under its name.',
  ({ name, shape, given }) =>
    `no values for the model input "${name}" (${shape}). Given: ${given.length === 0 ? 'nothing' : given.join(', ')}.`,
);

export const inputOfWrongType: Message<{ name: string; expected: string; given: string }> = defineMessage(
  'SYS3043',
  'error',
  'model input of the wrong shape or type',
  'The tensor given for a model input must have the input’s element type and shape; a quantized input may be given as float32 too.',
  ({ name, expected, given }) => `the model input "${name}" is ${expected}, but ${given} was given.`,
);
