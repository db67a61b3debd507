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
    `dimension "${symbol}" has no number: ${node === '' ? `the model input "${value}"` : `${op} "${node}"`} needs it (${value}: [${shape}]). Give one with --dim ${symbol}=N.`,
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

export const outputIsNoTensor: Message<{ name: string; kind: 'sequence' | 'optional' }> = defineMessage(
  'SYS3060',
  'error',
  'model output is not a tensor',
  'Sequences and optionals can be computed inside of a model and by the interpreter, but not be handed over as one tensor.',
  ({ name, kind }) =>
    `the output "${name}" is ${kind === 'sequence' ? 'a sequence of tensors' : 'an optional'}, a tensor is needed. Let the model end in ConcatFromSequence, SequenceAt or OptionalGetElement.`,
);

export const runsOnValues: Message<{ op: string; node: string }> = defineMessage(
  'SYS3061',
  'error',
  'operator does not run on tensors alone',
  'Operators with bodies, and those on sequences and optionals, are run by the interpreter.',
  ({ op, node }) => `${op} "${node}" works on sequences, optionals or bodies: it is run as part of a graph, not on tensors alone.`,
);

export const endlessLoop: Message<{ node: string; limit: number }> = defineMessage(
  'SYS3062',
  'error',
  'loop does not end',
  'A Loop without a trip count runs until its condition is false. One that goes on beyond any sensible count is taken to be endless.',
  ({ node, limit }) =>
    `Loop "${node}" has no trip count and its condition was still true after ${limit} iterations. Give it a trip count, or let its body make the condition false.`,
);

export const emptyOptional: Message<{ op: string; node: string }> = defineMessage(
  'SYS3063',
  'error',
  'optional holds nothing',
  'OptionalGetElement takes the element out of an optional, which must hold one; OptionalHasElement tells.',
  ({ op, node }) => `${op} "${node}": the optional holds nothing. Ask OptionalHasElement before taking the element.`,
);

export const notEvaluated: Message<{ op: string; node: string; why: string }> = defineMessage(
  'SYS3064',
  'error',
  'operator is not evaluated',
  'Types are inferred for this operator, but there is no reference evaluation of it: a model with it can be checked, not run.',
  ({ op, node, why }) => `${op} "${node}" can be checked, but not run: ${why}.`,
);

export const badPattern: Message<{ op: string; node: string; pattern: string; problem: string }> = defineMessage(
  'SYS3065',
  'error',
  'regular expression not understood',
  'Patterns are of the syntax of RE2: no references back and no looking around.',
  ({ op, node, pattern, problem }) => `${op} "${node}": the pattern "${pattern}" is not an RE2 regular expression: ${problem}.`,
);

export const unknownTakesUpper: Message<{ symbol: string; size: number; node: string; op: string; why: string }> = defineMessage(
  'SYS3050',
  'warning',
  'dimension only a run decides takes its upper bound',
  'How many elements some operators give depends on numbers that only a run knows. Without a size the program is made for the most there can be.',
  ({ symbol, size, node, op, why }) =>
    `${op} "${node}": its dimension "${symbol}" hangs on ${why}; it is taken as ${size}, the most it can be. Give another size with --dim ${symbol}=N.`,
);

export const unknownRankTakesLargest: Message<{ node: string; op: string; why: string; taken: string; others: readonly string[] }> =
  defineMessage(
    'SYS3057',
    'warning',
    'number of dimensions only a run decides is taken from the largest result',
    'Branches may give results of different rank. The program is made for the one of most elements; a run in which another branch is taken is refused when values are executed.',
    ({ node, op, why, taken, others }) =>
      `${op} "${node}": its result is ${[taken, ...others].join(' or ')}, by ${why}; the program is made for ${taken}. Export with the condition fixed if it is the other.`,
  );

export const unknownDimension: Message<{ symbol: string; node: string; op: string; why: string; input: string | null }> = defineMessage(
  'SYS3051',
  'error',
  'dimension only a run decides',
  'The output shape of some operators follows from numbers that only a run knows, and nothing bounds it. A program is made for fixed sizes: give the size, or the numbers it follows from.',
  ({ symbol, node, op, why, input }) =>
    `${op} "${node}": its dimension "${symbol}" hangs on ${why}, known only at run time. Give the size with --dim ${symbol}=N${input === null ? '' : `, or the numbers with --input-value ${input}=FILE`}.`,
);

export const unknownRank: Message<{ node: string; op: string; value: string; input: string | null }> = defineMessage(
  'SYS3052',
  'error',
  'number of dimensions not known',
  'Not even the rank of some values follows from the file. A program needs it: give the input its shape, or the numbers that decide the rank.',
  ({ node, op, value, input }) =>
    node === ''
      ? `the model input "${value}" has no stated rank. Give its shape, for example with --shape ${value}:1x3x224x224.`
      : `${op} "${node}": the number of dimensions of its output "${value}" is known only at run time. Give the numbers its shape follows from with --input-value ${input ?? 'INPUT'}=FILE${input === null ? ', INPUT a model input they come from' : ''}.`,
);

export const hostResultSize: Message<{ segment: number; output: number; shape: readonly number[]; expected: number }> = defineMessage(
  'SYS3066',
  'error',
  'result of another size than compiled for',
  'Some operators decide the size of their results by the values they see: NonZero, Compress, Unique, loops with a condition, branches. A program has fixed sizes and takes the largest; values can be run only where that is what comes out.',
  ({ segment, output, shape, expected }) =>
    `output ${output} of host segment ${segment} is [${shape.join(', ')}], ${shape.reduce((n, d) => n * d, 1)} elements; the program was compiled for ${expected}. Its size hangs on values: bind the dimension to what the model makes with --dim, or give the inputs that decide it with --input-value.`,
);

export const tensorTooLarge: Message<{ op: string; node: string; value: string; shape: string; elements: string }> = defineMessage(
  'SYS3053',
  'error',
  'tensor too large to exist',
  'A tensor of more than 2^40 elements (a terabyte of int8) fits into no machine; sizes like that come from damaged files or from a wrong number for a dimension.',
  ({ op, node, value, shape, elements }) =>
    `${node === '' ? `the tensor "${value}"` : `${op} "${node}": its output ${value}`} would have the shape ${shape}, ${elements} elements; 2^40 is the most a tensor can have. Check the numbers the shape follows from.`,
);

export const unknownAttribute: Message<{ op: string; nodes: readonly string[]; attribute: string; near: string | undefined }> =
  defineMessage(
    'SYS3054',
    'warning',
    'attribute the operator does not have',
    'Attributes that no version of the operator defines are ignored, as other runtimes do. It may be a misspelt one, whose default then holds.',
    ({ op, nodes, attribute, near }) =>
      `${op} "${nodes[0] ?? ''}"${nodes.length < 2 ? '' : ` (and ${nodes.length - 1} more)`}: "${attribute}" is no attribute of ${op} and is ignored.${near === undefined ? '' : ` Did you mean ${near}?`}`,
  );

export const tooLargeToRun: Message<{ op: string; node: string; shape: readonly number[]; bytes: number; limit: number }> = defineMessage(
  'SYS3055',
  'error',
  'result too large to compute here',
  'Running values keeps every tensor in one array, whose length JavaScript engines limit. Compiling and timing do not need the numbers.',
  ({ op, node, shape, bytes, limit }) =>
    `${op} "${node}": its result [${shape.join(', ')}] takes ${bytes} bytes; ${limit} is the most that can be run. Bind dimensions to smaller sizes with --dim, or leave values out: timing works without them.`,
);

export const evaluationBroke: Message<{ op: string; node: string; reason: string }> = defineMessage(
  'SYS3056',
  'error',
  'a node could not be computed',
  'The definition of an operator stumbled over operands that do not look like any it knows. They likely do not fit; that it was not told in better words is a fault of Systole worth reporting.',
  ({ op, node, reason }) =>
    `${op} "${node}" could not be computed (${reason}). Check its operands and attributes, and please report the model.`,
);
