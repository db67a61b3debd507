/**
 * Operators on sequences of tensors. What inference knows of a sequence: the element type and a shape that holds for each element
 * (unranked where they differ in rank); its length as the contents of the value, a list of one number.
 */
import { elementCount, isTensor, zeros, type RuntimeValue, type Tensor, type TensorSequence } from '../../core/index.ts';
import { addDim, maxDim, mulDim, type Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { dtypeAttribute } from './cast.ts';
import { entryOf, partOf, runsOnValues, scalar, scalarOf, stacked } from './control-flow-parts.ts';
import { bodyOf, capturedInputs, checkBodyInputs, checkBodyOutputs, describeValue, mergeTypes, ownInputs } from './control-flow-types.ts';
import { tensorInput } from './control-flow.ts';
import { joined } from './move.ts';
import { numbersOf, pick } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  hasInput,
  intAttribute,
  misfit,
  normalizeAxis,
  requiredType,
  type InferContext,
  type OpContext,
  type OpDef,
  type ValuesContext,
} from './op-def.ts';

const elementWhy = 'which element it is';

function sequenceType(context: InferContext, index: number): TensorType {
  const type = requiredType(context, index, 'input_sequence');
  if (type.container !== 'sequence') misfit(context, `input ${index} is ${type.container ?? 'a tensor'}, a sequence is needed`);
  return type;
}

/** The tensor type of an element. */
export function elementType(type: TensorType): TensorType {
  const { container: _, ...tensor } = type;
  return tensor;
}

export function sequenceInput(context: ValuesContext, index: number): TensorSequence {
  const value = context.inputs[index] ?? null;
  if (value !== null && !isTensor(value)) {
    if (value.kind === 'sequence') return value;
    if (value.value !== null && !isTensor(value.value)) return value.value;
  }
  return misfit(context, `input ${index} is ${value === null ? 'left out' : describeValue(value)}, a sequence is needed`);
}

/** Contents of a sequence are its length; null when that is not known. */
function lengthOf(context: InferContext, index: number = 0): Dim | null {
  return context.dims(index)?.[0] ?? null;
}

/** A position, counted from the end when negative. `past`: one behind the last is a position too. */
function position(context: ValuesContext, index: number, length: number, past: boolean): number {
  const given = scalarOf(context, tensorInput(context, index, 'position'), 'the position');
  const at = given < 0 ? given + length : given;
  if (at < 0 || at >= length + (past ? 1 : 0)) misfit(context, `position ${given} is outside a sequence of ${length}`);
  return at;
}

const sequenceEmpty: OpDef = defineOp({
  name: 'SequenceEmpty',
  since: [11],
  kernelClass: 'host',
  attributes: { dtype: 1 },
  infer: (context) => [{ dtype: dtypeAttribute(context, 'dtype') ?? 'float32', shape: [], unranked: true, container: 'sequence' }],
  evaluate: runsOnValues,
  evaluateValues: (context) => [{ kind: 'sequence', dtype: dtypeAttribute(context, 'dtype') ?? 'float32', elements: [] }],
  contents: () => [0],
});

const sequenceConstruct: OpDef = defineOp({
  name: 'SequenceConstruct',
  since: [11],
  kernelClass: 'host',
  infer(context) {
    if (context.inputs.length === 0) misfit(context, 'a sequence of no tensors has no element type', 'Use SequenceEmpty');
    const types = context.inputs.map((_, i) => requiredType(context, i, 'inputs'));
    return [{ ...mergeTypes(context, types, elementWhy), container: 'sequence' }];
  },
  evaluate: runsOnValues,
  evaluateValues(context) {
    const elements = context.inputs.map((_, i) => tensorInput(context, i, 'inputs'));
    const [first] = elements;
    if (first === undefined) return misfit(context, 'a sequence of no tensors has no element type', 'Use SequenceEmpty');
    return [sequenceOf(context, first.dtype, elements)];
  },
  contents: (context) => [context.inputs.length],
});

function sequenceOf(context: OpContext, dtype: Tensor['dtype'], elements: readonly Tensor[]): TensorSequence {
  const odd = elements.find((e) => e.dtype !== dtype);
  if (odd !== undefined) misfit(context, `a tensor of ${odd.dtype} does not go into a sequence of ${dtype}`);
  return { kind: 'sequence', dtype, elements };
}

const sequenceInsert: OpDef = defineOp({
  name: 'SequenceInsert',
  since: [11],
  kernelClass: 'host',
  infer(context) {
    const sequence = sequenceType(context, 0);
    const tensor = requiredType(context, 1, 'tensor');
    // Whatever an empty sequence was to hold, afterwards it holds this.
    if (lengthOf(context) === 0 && tensor.dtype === sequence.dtype) return [{ ...tensor, container: 'sequence' }];
    return [{ ...mergeTypes(context, [sequence, tensor], elementWhy), container: 'sequence' }];
  },
  evaluate: runsOnValues,
  evaluateValues(context) {
    const sequence = sequenceInput(context, 0);
    const tensor = tensorInput(context, 1, 'tensor');
    const length = sequence.elements.length;
    const at = (context.inputs[2] ?? null) === null ? length : position(context, 2, length, true);
    return [sequenceOf(context, sequence.dtype, [...sequence.elements.slice(0, at), tensor, ...sequence.elements.slice(at)])];
  },
  contents(context) {
    const length = lengthOf(context);
    return length === null ? null : [addDim(length, 1)];
  },
});

const sequenceErase: OpDef = defineOp({
  name: 'SequenceErase',
  since: [11],
  kernelClass: 'host',
  infer: (context) => [sequenceType(context, 0)],
  evaluate: runsOnValues,
  evaluateValues(context) {
    const sequence = sequenceInput(context, 0);
    const length = sequence.elements.length;
    const at = (context.inputs[1] ?? null) === null ? length - 1 : position(context, 1, length, false);
    return [{ ...sequence, elements: sequence.elements.filter((_, i) => i !== at) }];
  },
  contents(context) {
    const length = lengthOf(context);
    return length === null ? null : [addDim(length, -1)];
  },
});

const sequenceAt: OpDef = defineOp({
  name: 'SequenceAt',
  since: [11],
  kernelClass: 'host',
  infer: (context) => [elementType(sequenceType(context, 0))],
  evaluate: runsOnValues,
  evaluateValues(context) {
    const sequence = sequenceInput(context, 0);
    const element = sequence.elements[position(context, 1, sequence.elements.length, false)];
    return element === undefined ? [] : [element];
  },
});

const sequenceLength: OpDef = defineOp({
  name: 'SequenceLength',
  since: [11],
  kernelClass: 'host',
  infer(context) {
    sequenceType(context, 0);
    return [{ dtype: 'int64', shape: [] }];
  },
  evaluate: runsOnValues,
  evaluateValues: (context) => [scalar('int64', sequenceInput(context, 0).elements.length)],
  contents: (context) => context.dims(0),
});

/** How SplitToSequence cuts an axis. */
interface Cut {
  readonly count: number;
  /** Size of all parts but the last, where they are equal; else of each. */
  readonly sizes: number | readonly number[];
  readonly last: number;
}

function cutOf(context: OpContext, total: number, split: Tensor | null): Cut {
  if (split === null) return { count: total, sizes: 1, last: 1 };
  const numbers = [...numbersOf(split)];
  if (split.shape.length > 0) {
    const sum = numbers.reduce((a, b) => a + b, 0);
    if (sum !== total || numbers.some((n) => n < 0))
      misfit(context, `the parts [${numbers.join(', ')}] do not make up an axis of ${total}`);
    return { count: numbers.length, sizes: numbers, last: numbers.at(-1) ?? 0 };
  }
  const size = numbers[0] ?? 1;
  if (!(size > 0)) misfit(context, `parts of ${size} are asked for`);
  const count = Math.ceil(total / size);
  return { count, sizes: Math.min(size, total), last: count === 0 ? 0 : total - (count - 1) * size };
}

/** Of all parts; null where they differ. */
function commonSize({ sizes, last }: Cut): number | null {
  if (typeof sizes === 'number') return sizes === last ? last : null;
  return sizes.every((n) => n === last) ? last : null;
}

const splitToSequence: OpDef = defineOp({
  name: 'SplitToSequence',
  since: [11, 24],
  kernelClass: 'host',
  attributes: { axis: 0, keepdims: 1 },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    if (x.unranked === true) return [{ ...x, container: 'sequence' }];
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
    const total = x.shape[axis] ?? 1;
    if (!hasInput(context, 1)) {
      const keep = intAttribute(context, 'keepdims', 1) !== 0;
      return [{ dtype: x.dtype, shape: x.shape.flatMap((d, i) => (i !== axis ? [d] : keep ? [1] : [])), container: 'sequence' }];
    }
    const split = context.tensor(1);
    const cut = split === null || typeof total !== 'number' ? null : cutOf(context, total, split);
    const most = cut === null ? total : typeof cut.sizes === 'number' ? cut.sizes : cut.sizes.reduce<Dim>(maxDim, 0);
    const size = (cut === null ? null : commonSize(cut)) ?? context.unknownDim(most, elementWhy);
    return [{ dtype: x.dtype, shape: x.shape.map((d, i) => (i === axis ? size : d)), container: 'sequence' }];
  },
  evaluate: runsOnValues,
  evaluateValues(context) {
    const x = tensorInput(context, 0, 'input');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
    const split = (context.inputs[1] ?? null) === null ? null : tensorInput(context, 1, 'split');
    const keep = split !== null || intAttribute(context, 'keepdims', 1) !== 0;
    let start = 0;
    const { count, sizes, last } = cutOf(context, x.shape[axis] ?? 1, split);
    const elements = Array.from({ length: count }, (_, i) => {
      const size = i === count - 1 ? last : typeof sizes === 'number' ? sizes : (sizes[i] ?? 0);
      const part = keep ? partOf(x, axis, start, size) : entryOf(x, axis, start);
      start += size;
      return part;
    });
    return [{ kind: 'sequence', dtype: x.dtype, elements }];
  },
  contents(context) {
    const x = context.inputs[0] ?? null;
    if (x === null || x.unranked === true) return null;
    const total = x.shape[normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length)] ?? 1;
    if (!hasInput(context, 1)) return [total];
    const given = context.inputs[1]?.shape ?? [];
    if (given.length === 1 && context.inputs[1]?.unranked !== true) return [given[0] ?? 0];
    const split = context.tensor(1);
    return split === null || typeof total !== 'number' ? null : [cutOf(context, total, split).count];
  },
});

const concatFromSequence: OpDef = defineOp({
  name: 'ConcatFromSequence',
  since: [11],
  kernelClass: 'host',
  attributes: { axis: 'required', new_axis: 0 },
  infer(context) {
    const type = elementType(sequenceType(context, 0));
    if (type.unranked === true) return [type];
    const length = lengthOf(context);
    const given = intAttribute(context, 'axis', 0);
    const why = 'how many tensors the sequence holds';
    if (intAttribute(context, 'new_axis', 0) !== 0) {
      const axis = normalizeAxis(context, given, type.shape.length + 1);
      return [{ ...type, shape: [...type.shape.slice(0, axis), length ?? context.unknownDim(null, why), ...type.shape.slice(axis)] }];
    }
    const axis = normalizeAxis(context, given, type.shape.length);
    const size = type.shape[axis] ?? 1;
    // The size may be a different one for each element unless it is a number.
    const all = length !== null && typeof size === 'number' ? mulDim(length, size) : context.unknownDim(null, why);
    return [{ ...type, shape: type.shape.map((d, i) => (i === axis ? all : d)) }];
  },
  evaluate: runsOnValues,
  evaluateValues(context) {
    const { elements } = sequenceInput(context, 0);
    const [first] = elements;
    if (first === undefined) return misfit(context, 'the sequence is empty, nothing can be put together');
    const rank = first.shape.length;
    const given = intAttribute(context, 'axis', 0);
    if (intAttribute(context, 'new_axis', 0) !== 0) return [stacked(context, elements, normalizeAxis(context, given, rank + 1))];
    const axis = normalizeAxis(context, given, rank);
    let total = 0;
    for (const e of elements) {
      if (e.shape.length !== rank || e.shape.some((d, i) => i !== axis && d !== first.shape[i])) {
        misfit(context, `elements of shape [${first.shape.join(', ')}] and [${e.shape.join(', ')}] differ beside axis ${axis}`);
      }
      total += e.shape[axis] ?? 1;
    }
    const shape = first.shape.map((d, i) => (i === axis ? total : d));
    return [elementCount(shape) === 0 ? zeros(first.dtype, shape) : joined(elements, axis, shape)];
  },
});

const sequenceMap: OpDef = defineOp({
  name: 'SequenceMap',
  since: [17],
  kernelClass: 'host',
  attributes: { body: 'required' },
  infer(context) {
    const body = bodyOf(context, 'body');
    const own = ownInputs(context).map((_, i) => requiredType(context, i, 'inputs'));
    sequenceType(context, 0);
    checkBodyInputs(context, body, own.length);
    checkBodyOutputs(context, body, context.node.outputs.length);
    return context
      .inferGraph(body, [...own.map((t) => (t.container === 'sequence' ? elementType(t) : t)), ...capturedInputs(context)])
      .map((t): TensorType => ({ ...t, container: 'sequence' }));
  },
  evaluate: runsOnValues,
  evaluateValues(context) {
    const body = bodyOf(context, 'body');
    const own = ownInputs(context).map((x, i) => x ?? misfit(context, `input ${i} is left out`));
    const captured = capturedInputs(context);
    const { length } = sequenceInput(context, 0).elements;
    const results = body.outputs.map((): Tensor[] => []);
    for (let i = 0; i < length; i++) {
      const inputs = own.map((x, k): RuntimeValue => {
        if (isTensor(x) || x.kind !== 'sequence') return x;
        return x.elements[i] ?? misfit(context, `input ${k} holds ${x.elements.length} tensors, input 0 holds ${length}`);
      });
      context.runGraph(body, [...inputs, ...captured]).forEach((value, k) => {
        if (!isTensor(value)) misfit(context, `its body makes ${describeValue(value)}, only tensors go into a sequence`);
        results[k]?.push(value);
      });
    }
    return results.map((elements, k) => {
      const id = body.outputs[k];
      const declared = id === undefined ? undefined : body.values[id]?.type.dtype;
      return sequenceOf(context, elements[0]?.dtype ?? declared ?? 'float32', elements);
    });
  },
  contents: (context) => context.dims(0),
});

/** Entries of each batch entry in reverse, as many of them as `sequence_lens` says. */
const reverseSequence: OpDef = defineOp({
  name: 'ReverseSequence',
  since: [10],
  kernelClass: 'gather',
  attributes: { batch_axis: 1, time_axis: 0 },
  infer(context) {
    const x = requiredType(context, 0, 'input');
    requiredType(context, 1, 'sequence_lens');
    if (x.shape.length < 2) misfit(context, `an input of rank ${x.shape.length} has no batch and time axis`);
    reverseAxes(context);
    return [x];
  },
  evaluate(context) {
    const [x = null, lens = null] = context.inputs;
    if (x === null || lens === null) return misfit(context, 'the input and sequence_lens are needed');
    const { batch, time } = reverseAxes(context);
    const lengths = numbersOf(lens);
    const inner = elementCount(x.shape.slice(2));
    const [n0 = 1, n1 = 1] = x.shape;
    const from = new Int32Array(elementCount(x.shape));
    for (let i = 0, at = 0; i < n0; i++) {
      for (let j = 0; j < n1; j++) {
        const [b, t] = batch === 0 ? [i, j] : [j, i];
        const length = lengths[b] ?? 1;
        if (length < 0 || length > (x.shape[time] ?? 1))
          misfit(context, `sequence_lens says ${length}, the time axis has ${x.shape[time]}`);
        const source = t < length ? length - 1 - t : t;
        const base = (batch === 0 ? b * n1 + source : source * n1 + b) * inner;
        for (let k = 0; k < inner; k++) from[at++] = base + k;
      }
    }
    return [pick(x, x.shape, from)];
  },
});

function reverseAxes(context: OpContext): { readonly batch: number; readonly time: number } {
  const batch = intAttribute(context, 'batch_axis', 1);
  const time = intAttribute(context, 'time_axis', 0);
  if (batch + time !== 1 || batch * time !== 0)
    badAttribute(context, 'batch_axis', `${batch} with time_axis ${time}`, '0 and 1, in either order');
  return { batch, time };
}

export const sequenceOps: readonly OpDef[] = [
  sequenceEmpty,
  sequenceConstruct,
  sequenceInsert,
  sequenceErase,
  sequenceAt,
  sequenceLength,
  splitToSequence,
  concatFromSequence,
  sequenceMap,
  reverseSequence,
];
