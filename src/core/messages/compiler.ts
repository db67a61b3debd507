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

export const notATensor: Message<{ value: string; kind: string }> = defineMessage(
  'SYS4008',
  'error',
  'not a tensor',
  'Inputs and outputs must be dense tensors with a known element type and rank; sequences, maps, optional and sparse values are not compiled.',
  ({ value, kind }) =>
    `graph input "${value}" is ${kind}, and only dense tensors of known rank are compiled. Export it as a tensor with a shape.`,
);

export const opsetTooOld: Message<{ opset: number }> = defineMessage(
  'SYS4009',
  'error',
  'operator set too old',
  'Operator sets before 7 broadcast and number attributes differently. The ONNX version converter brings old models forward.',
  ({ opset }) =>
    `the model uses operator set ${opset}; 7 is the oldest that is read. Convert it with onnx.version_converter.convert_version(model, 13).`,
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

export const sparseNotSupported: Message<{ tensors: readonly string[] }> = defineMessage(
  'SYS4013',
  'error',
  'sparse tensors are not read',
  'Sparse initializers and sparse constants are not compiled; store the tensor densely.',
  ({ tensors }) =>
    `${tensors.length} sparse ${tensors.length === 1 ? 'tensor is' : 'tensors are'} not read: ${some(tensors, 3)}. Store ${tensors.length === 1 ? 'it' : 'them'} densely.`,
);

export const noOutputs: Message<{ name: string }> = defineMessage(
  'SYS4014',
  'error',
  'the graph has no outputs',
  'A model without outputs computes nothing that anybody can see, so there is nothing to compile.',
  ({ name }) => `model "${name}" declares no outputs, so there is nothing to compute. Declare at least one.`,
);

export const stringTensors: Message<{ nodes: readonly string[] }> = defineMessage(
  'SYS4015',
  'error',
  'string tensors are not compiled',
  'Text is tokenised before the network runs; string tensors have no place on an accelerator.',
  ({ nodes }) => `string tensors at ${some(nodes, 3)} are not compiled. Do text processing outside the model.`,
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
    `${count} activations became int8 with placeholder scales, because no calibration was given. Timing is right; to compute values, calibrate (--calibrate random:1, or an .npz of inputs).`,
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
