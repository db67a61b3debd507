import { defineMessage, type Message } from '../diagnostics.ts';
import { formatBytes } from '../units.ts';

/** SYS40xx import · SYS42xx precision. (SYS45xx and up, mapping onto a machine, are in compiler-mapping.ts.) */

/** The first few names of a list: `a, b, c and 12 more`. */
function some(names: readonly string[], shown = 5): string {
  const head = names.slice(0, shown).map((name) => `"${name}"`);
  const rest = names.length - head.length;
  return rest > 0 ? `${head.join(', ')} and ${rest} more` : head.join(', ');
}

export const graphHasCycle: Message<{ cycles: readonly (readonly string[])[] }> = defineMessage(
  'SYS4001',
  'error',
  'the graph has a cycle',
  'ONNX graphs are acyclic: a node may only read what earlier nodes wrote. A cycle usually comes from an editing script that renamed a tensor onto itself. Recurrence is written with Loop, Scan, RNN, GRU or LSTM.',
  ({ cycles }) =>
    `${cycles.length === 1 ? 'these nodes wait' : `${cycles.length} groups of nodes wait`} for each other and can never run: ${cycles
      .slice(0, 3)
      .map((nodes) => some(nodes, 8))
      .join('; ')}. Break the cycle by giving one of these outputs a new name.`,
);

export const unknownOperator: Message<{
  operator: string;
  count: number;
  nodes: readonly string[];
  near: string | undefined;
}> = defineMessage(
  'SYS4002',
  'error',
  'unknown operator',
  'The importer has no definition of this operator, so neither its shapes nor its cost are known. All unknown operators of a model are listed at once.',
  ({ operator, count, nodes, near }) =>
    `${operator} is not an operator this compiler knows; ${count} ${count === 1 ? 'node uses' : 'nodes use'} it: ${some(nodes, 3)}.${near === undefined ? '' : ` Did you mean ${near}?`} Replace it, or export it as a model-local function of standard operators.`,
);

export const weightsAbsent: Message<{ count: number; bytes: number; names: readonly string[] }> = defineMessage(
  'SYS4003',
  'warning',
  'weights are absent',
  'ONNX can keep large tensors in files beside the model. Where such a file is not there, shapes are still known, so the model can be compiled and timed; computing values is refused.',
  ({ count, bytes, names }) =>
    `${count} ${count === 1 ? 'tensor lies' : 'tensors lie'} in external files that are not there (${formatBytes(bytes)}): ${some(names, 3)}. Timing works; to compute values, put the data files beside the model.`,
);

export const controlFlow: Message<{ operator: string; nodes: readonly string[] }> = defineMessage(
  'SYS4004',
  'error',
  'control flow is not compiled yet',
  'If, Loop, Scan and operators on sequences, maps and optional values need several programs; this version compiles one straight program per model.',
  ({ operator, nodes }) =>
    `${operator} is control flow, which is not compiled yet (${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}: ${some(nodes, 3)}). Export the model with fixed conditions and unrolled loops.`,
);

export const preQuantized: Message<{ operator: string; dtype: string; nodes: readonly string[] }> = defineMessage(
  'SYS4005',
  'warning',
  'integer tensors without scales',
  'ONNX wants float operands here; integers go through QLinearConv, ConvInteger or QuantizeLinear/DequantizeLinear, which carry scales. The model is read as already quantized, with placeholder scales: right for timing, meaningless for values.',
  ({ operator, dtype, nodes }) =>
    `${nodes.length} ${operator} ${nodes.length === 1 ? 'node reads' : 'nodes read'} ${dtype} tensors, which ONNX forbids: ${some(nodes, 3)}. Taken as already quantized with placeholder scales: the model can be timed, not run.`,
);

export const valueDefinedTwice: Message<{ value: string; nodes: readonly string[] }> = defineMessage(
  'SYS4006',
  'error',
  'a tensor is written twice',
  'ONNX graphs are in single assignment form: every name is written once, by one node, one input or one initializer.',
  ({ value, nodes }) => `tensor "${value}" is written more than once: by ${some(nodes)}. Give each output its own name.`,
);

export const valueUndefined: Message<{ value: string; readers: readonly string[] }> = defineMessage(
  'SYS4007',
  'error',
  'a tensor is read but never written',
  'Every tensor a node reads must be a graph input, an initializer or the output of a node. Cutting a model in two often leaves such ends.',
  ({ value, readers }) =>
    `tensor "${value}" is read by ${some(readers, 3)}, but nothing writes it. Declare it as a graph input or add the node that makes it.`,
);

export const functionRecursion: Message<{ chain: readonly string[] }> = defineMessage(
  'SYS4010',
  'error',
  'a function calls itself',
  'Model-local functions are inlined where they are called, so they may not call themselves, directly or in a ring.',
  ({ chain }) =>
    `model-local functions call each other in a ring: ${chain.join(' -> ')}. Functions are inlined and so cannot be recursive.`,
);

export const externalDataShort: Message<{ tensor: string; location: string; expected: number; found: number }> = defineMessage(
  'SYS4011',
  'error',
  'external data has the wrong length',
  'A tensor kept in an external file states offset and length; what was read has to hold exactly the elements its shape promises.',
  ({ tensor, location, expected, found }) =>
    `tensor "${tensor}" needs ${expected} bytes, and "${location}" gave ${found}. The file is truncated or belongs to another model.`,
);

export const tensorSizeWrong: Message<{ tensor: string; shape: readonly number[]; dtype: string; expected: number; found: number }> =
  defineMessage(
    'SYS4012',
    'error',
    'a tensor does not match its shape',
    'The data of an initializer or constant must hold exactly the elements its dims promise.',
    ({ tensor, shape, dtype, expected, found }) =>
      `tensor "${tensor}" is ${dtype}[${shape.join(',')}], which is ${expected} bytes, but holds ${found}. The file is damaged or was written wrongly.`,
  );

export const noOutputs: Message<{ name: string }> = defineMessage(
  'SYS4014',
  'error',
  'the graph has no outputs',
  'A model without outputs computes nothing that anybody can see, so there is nothing to compile.',
  ({ name }) => `model "${name}" declares no outputs, so there is nothing to compute. Declare at least one.`,
);

export const inputNotThere: Message<{ name: string; inputs: readonly string[]; near: string | undefined }> = defineMessage(
  'SYS4020',
  'error',
  'no such input',
  'Shapes and contents are given to graph inputs by name. Names are as in the ONNX file; inputs that have an initializer are constants, whose shape is fixed.',
  ({ name, inputs, near }) =>
    `the model has no input "${name}".${near === undefined ? '' : ` Did you mean "${near}"?`} Its inputs are ${inputs.length === 0 ? 'none' : some(inputs, 8)}.`,
);

export const shapeContradicts: Message<{ input: string; declared: string; given: string }> = defineMessage(
  'SYS4021',
  'error',
  'a given shape contradicts the model',
  'A shape may settle what the model leaves open: names and unknown sizes, or the rank where the file gives none. Sizes the file states are part of the model.',
  ({ input, declared, given }) =>
    `input "${input}" is ${declared} in the model and cannot be ${given}. Give the sizes the model fixes as they are; only named or unknown ones are free.`,
);

export const contentsContradict: Message<{ input: string; declared: string; given: string }> = defineMessage(
  'SYS4022',
  'error',
  'given contents contradict the model',
  'The contents bound to a graph input must have the element type and the shape that the model declares for it.',
  ({ input, declared, given }) =>
    `input "${input}" is ${declared}, and the contents given are ${given}. Give contents of that type and shape.`,
);

export const constantRepeated: Message<{ names: readonly string[] }> = defineMessage(
  'SYS4023',
  'warning',
  'constants share a name',
  'Several initializers or Constant nodes give the same name a value, which ONNX forbids. The last one in the file counts, as in ONNX Runtime.',
  ({ names }) =>
    `${names.length} ${names.length === 1 ? 'constant is' : 'constants are'} defined more than once: ${some(names, 3)}. The last definition counts, as in ONNX Runtime.`,
);

export const tooManyOutputs: Message<{ op: string; node: string; outputs: number; most: number }> = defineMessage(
  'SYS4024',
  'error',
  'more outputs than the operator has',
  'A node may leave out outputs at the end, but not name more than its operator defines.',
  ({ op, node, outputs, most }) =>
    `${op} "${node}" names ${outputs} outputs; the operator has ${most} here. Remove the names behind those.`,
);

export const constantWithoutValue: Message<{ node: string }> = defineMessage(
  'SYS4025',
  'error',
  'a Constant without a value',
  'A Constant node holds its value in one attribute: value, sparse_value, value_float, value_floats, value_int, value_ints, value_string or value_strings.',
  ({ node }) => `Constant "${node}" has no value attribute. Give it one (value, value_int, value_floats, …).`,
);

export const badSparseTensor: Message<{ tensor: string; why: string }> = defineMessage(
  'SYS4026',
  'error',
  'a sparse tensor contradicts itself',
  'A sparse tensor lists values and where they stand: element numbers (one dimension) or one tuple of coordinates for each value (two). It is made dense when somebody reads it.',
  ({ tensor, why }) => `sparse tensor "${tensor}" cannot be read: ${why}. Store it densely or correct it.`,
);

export const functionsTooLarge: Message<{ function: string; nodes: number; deep: number }> = defineMessage(
  'SYS4027',
  'error',
  'functions expand without end',
  'Model-local functions are put in place of their calls. Functions that call others several times each grow exponentially.',
  ({ function: name, nodes, deep }) =>
    `inlining model-local functions passes ${nodes} nodes or ${deep} levels at "${name}". Inline some of them in the exporter, or share less.`,
);

export const noOperatorSet: Message<{ assumed: number }> = defineMessage(
  'SYS4028',
  'warning',
  'no operator set is named',
  'Since IR version 3 a model says which version of the operators it uses (opset_import). This one does not, so the newest version known is assumed; operators that changed may be misread.',
  ({ assumed }) => `the model names no operator set; version ${assumed} is assumed. Export it again with opset_import set.`,
);

export const inputWithoutType: Message<{ inputs: readonly string[] }> = defineMessage(
  'SYS4029',
  'warning',
  'an input without a type',
  'The file gives no element type for a graph input. It is taken for float32 of unknown rank; giving its shape settles the rank.',
  ({ inputs }) =>
    `${inputs.length === 1 ? 'input' : 'inputs'} ${some(inputs, 3)} ${inputs.length === 1 ? 'has' : 'have'} no type in the file; float32 of unknown rank is assumed. Give the shape with --shape ${inputs[0] ?? ''}:1x3x224x224, say.`,
);

export const inferenceBroke: Message<{ op: string; node: string; reason: string }> = defineMessage(
  'SYS4030',
  'error',
  'a node could not be understood',
  'The definition of an operator stumbled over a node that does not look like any it knows. The node is likely malformed; that it was not told in better words is a fault of Systole worth reporting.',
  ({ op, node, reason }) =>
    `${op} "${node}" could not be understood (${reason}). Check its inputs and attributes, and please report the model.`,
);

export const bodyLeftOpen: Message<{ node: string; problem: string }> = defineMessage(
  'SYS4031',
  'info',
  'a node in a branch or loop was left open',
  'Exporters write branches for shapes the model never has. Operands that do not fit inside a body are therefore no error of the model: the types of such outputs are left open until it is known whether the branch runs.',
  ({ node, problem }) => `the types of "${node}", in or around a body, are left open: ${problem}`,
);

export const symbolDisputed: Message<{ symbol: string; sizes: readonly number[] }> = defineMessage(
  'SYS4032',
  'warning',
  'one name, several sizes',
  'The file uses one name for dimensions of several inputs, and the shapes given differ in them. Each input gets its own; elsewhere the name stays open.',
  ({ symbol, sizes }) => `the dimension "${symbol}" is given as ${sizes.join(' and ')} for different inputs; elsewhere it stays open.`,
);

export const outputsInferred: Message<{ outputs: readonly string[] }> = defineMessage(
  'SYS4034',
  'warning',
  'the graph declares no outputs',
  'A model without declared outputs computes nothing that anybody asked for. What no node reads is taken for its outputs, as ONNX Runtime does.',
  ({ outputs }) => `the graph declares no outputs; what nobody reads is taken for them: ${some(outputs, 5)}.`,
);

export const moreProblems: Message<{ count: number }> = defineMessage(
  'SYS4033',
  'error',
  'more problems of the same model',
  'One wrong tensor can make thousands of nodes contradict each other; the first ones are shown.',
  ({ count }) => `… and ${count} more ${count === 1 ? 'problem' : 'problems'} in this model.`,
);

export const halfPrecision: Message<{ dtype: string; values: readonly string[] }> = defineMessage(
  'SYS4201',
  'error',
  'floating type not compiled yet',
  'Precision is chosen among int8 and float32 for now, starting from a float32 model.',
  ({ dtype, values }) =>
    `${values.length} ${values.length === 1 ? 'tensor is' : 'tensors are'} ${dtype}, which is not compiled yet: ${some(values, 3)}. Export the model in float32.`,
);

export const placeholderScales: Message<{ count: number }> = defineMessage(
  'SYS4202',
  'warning',
  'int8 scales are placeholders',
  'Going to int8 needs the range of every activation. Without a calibration all scales are placeholders: time, traffic and energy are right, since they do not depend on values; running the program on numbers is refused.',
  ({ count }) =>
    `${count} activations became int8 with placeholder scales, because no calibration was given. Timing hardly depends on them; to compute values, calibrate (--calibrate random:1, or an .npz of inputs).`,
);

export const calibrationIncomplete: Message<{ values: readonly string[]; given: number }> = defineMessage(
  'SYS4203',
  'error',
  'calibration does not cover the model',
  'A calibration holds the range of every activation of one graph. It is made by running that graph; a table of another model or another version lacks values.',
  ({ values, given }) =>
    `the calibration has ranges of ${given} values, but none of ${values.length} that the model needs: ${some(values, 3)}. Calibrate this very model.`,
);

export const alreadyInteger: Message<{ values: readonly string[] }> = defineMessage(
  'SYS4204',
  'error',
  'the model is already quantized',
  'A model whose tensors are int8 cannot be compiled at fp32.',
  ({ values }) =>
    `fp32 was asked for, but ${values.length} ${values.length === 1 ? 'tensor is' : 'tensors are'} already int8: ${some(values, 3)}. Compile with --precision int8 or auto.`,
);

export const noPrecisionFits: Message<{ supported: readonly string[] }> = defineMessage(
  'SYS4205',
  'error',
  'no precision fits the machine',
  'The compiler runs models in int8 or float32; the matrix engine has to list a rate for one of them.',
  ({ supported }) =>
    `the matrix engine supports ${supported.length === 0 ? 'no element type' : supported.join(', ')}, and models are compiled to int8 or float32. Add a rate for one of these to the machine.`,
);

export const calibrationWithoutNumbers: Message<{ values: readonly string[] }> = defineMessage(
  'SYS4206',
  'error',
  'calibration found no finite numbers',
  'Ranges come from running the float model on calibration inputs. Where every element of an activation is NaN or infinite there is no range to take.',
  ({ values }) =>
    `${values.length === 1 ? 'this activation has' : `${values.length} activations have`} no finite number in the calibration run: ${some(values, 3)}. Look for NaN or infinity in the inputs and in the weights.`,
);

export const recovered: Message<{ what: string; count: number; nodes: readonly string[] }> = defineMessage(
  'SYS4260',
  'info',
  'composite operator recovered',
  'Exporters write many operators as several simple ones. Where such a group is recognised it is one operator again: it is then mapped, priced and ' +
    'reported as what it is. Meaning does not change beyond the rounding of its parts; only for a query of an attention that may see no key at all, ' +
    'where no mask has a meaning, may the numbers be others.',
  ({ what, count, nodes }) =>
    `${count} × ${what}: ${nodes
      .slice(0, 3)
      .map((n) => `"${n}"`)
      .join(', ')}${nodes.length > 3 ? ', …' : ''}.`,
);

export const floatProductsForced: Message<{ nodes: readonly string[]; calibrated: boolean }> = defineMessage(
  'SYS4220',
  'warning',
  'float products of a quantized model run in int8',
  'A quantized model may leave some products in float32. An array that multiplies only int8 runs them with int8 operands: weights by their own range, activations by the calibration, or with placeholder scales, which can be timed and not run on numbers.',
  ({ nodes, calibrated }) =>
    `${nodes.length} ${nodes.length === 1 ? 'product is' : 'products are'} float32 in this quantized model, and the matrix engine has no float32: ${some(nodes, 3)}. Their operands became int8 ${
      calibrated
        ? 'by the calibration'
        : 'with placeholder scales. Timing hardly depends on them; to compute values, calibrate (--calibrate random:1, or an .npz of inputs), or quantize these operators in the model'
    }.`,
);

export const cacheInPlace: Message<{ past: string; present: string; rows: number; appended: number }> = defineMessage(
  'SYS4270',
  'info',
  'a cache grows in place',
  'An input that the model only appends to and gives out again (past and present keys and values) is one tensor of the state region: the input is its ' +
    'first rows, the output all of it, and only the new rows are written.',
  ({ past, present, rows, appended }) => `KV cache ${past} → ${present}: in place, appends ${appended} of ${rows} rows.`,
);

export const cacheCopied: Message<{ caches: readonly { readonly past: string; readonly present: string }[]; reason: string }> =
  defineMessage(
    'SYS4281',
    'info',
    'a cache is copied',
    'An input that the model appends to and gives out again could grow in place. Where that is not possible, every run reads and writes all of it.',
    ({ caches, reason }) => {
      const shown = caches.slice(0, 2).map(({ past, present }) => `${past} → ${present}`);
      const which =
        caches.length === 1
          ? `KV cache ${shown[0]} is`
          : `${caches.length} KV caches (${shown.join(', ')}${caches.length > 2 ? ', …' : ''}) are`;
      return `${which} copied in every run: ${reason}.`;
    },
  );
