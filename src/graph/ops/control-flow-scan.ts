/** Scan: a body run along an axis. Opset 8 has a batch axis and lengths of its own for each batch entry; from 9 on axes are free. */
import { isTensor, zeros, type RuntimeValue, type Tensor } from '../../core/index.ts';
import { equalDim, type Dim } from '../dim.ts';
import type { Graph, TensorType } from '../ir.ts';
import { inferCarried } from './control-flow-carried.ts';
import { entryOf, runsOnValues, stacked } from './control-flow-parts.ts';
import { bodyOf, capturedInputs, checkBodyInputs, checkBodyOutputs, describeValue, ownInputs } from './control-flow-types.ts';
import { keepRows, tensorInput } from './control-flow.ts';
import { numbersOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  intAttribute,
  intsAttribute,
  misfit,
  normalizeAxis,
  printShape,
  type InferContext,
  type OpContext,
  type OpDef,
  type ValuesContext,
} from './op-def.ts';

interface ScanForm {
  readonly body: Graph;
  /** Opset 8: `sequence_lens` first, every operand with a batch axis. */
  readonly batched: boolean;
  /** First input of a state, number of states, number of scanned inputs, number of scanned outputs. */
  readonly first: number;
  readonly states: number;
  readonly scanned: number;
  readonly made: number;
  /** Axis of scanned input k, of rank r; of scanned output k, of rank r. Batch axes count. */
  inputAxis(k: number, rank: number): number;
  outputAxis(k: number, rank: number): number;
  /** Whether scanned input or output k runs from the end. */
  backward(side: 'input' | 'output', k: number): boolean;
}

function scanForm(context: OpContext & { readonly inputs: readonly unknown[] }): ScanForm {
  const body = bodyOf(context, 'body');
  const batched = context.opset < 9;
  const first = batched ? 1 : 0;
  const own = ownInputs(context).length - first;
  const scanned = intAttribute(context, 'num_scan_inputs', 0);
  if (scanned < 1 || scanned > own) badAttribute(context, 'num_scan_inputs', String(scanned), `1 to ${own}, how many inputs there are`);
  const states = own - scanned;
  checkBodyInputs(context, body, own);
  checkBodyOutputs(context, body, Math.max(states, context.node.outputs.length));
  const axis = (attribute: string, k: number, rank: number): number =>
    batched ? 1 : normalizeAxis(context, intsAttribute(context, attribute)?.[k] ?? 0, rank, attribute);
  return {
    body,
    batched,
    first,
    states,
    scanned,
    made: body.outputs.length - states,
    inputAxis: (k, rank) => axis('scan_input_axes', k, rank),
    outputAxis: (k, rank) => axis('scan_output_axes', k, rank),
    backward(side, k) {
      const attribute = batched ? 'directions' : side === 'input' ? 'scan_input_directions' : 'scan_output_directions';
      return (side === 'input' || !batched) && (intsAttribute(context, attribute)?.[k] ?? 0) !== 0;
    },
  };
}

function without(type: TensorType, axes: readonly number[]): TensorType {
  return type.unranked === true ? type : { ...type, shape: type.shape.filter((_, i) => !axes.includes(i)) };
}

/** The one size scanned inputs have along their axes. */
function scanLength(context: InferContext, form: ScanForm, types: readonly TensorType[]): Dim {
  let length: Dim | null = null;
  for (const [k, type] of types.entries()) {
    if (type.unranked === true) continue;
    if (type.shape.length <= form.first) misfit(context, `scanned input ${k} ${printShape(type.shape)} has no axis to run along`);
    const d = type.shape[form.inputAxis(k, type.shape.length)] ?? 1;
    if (typeof d === 'number' && typeof length === 'number' && d !== length) {
      misfit(context, `scanned inputs have ${length} and ${d} entries along their axes`, 'All must have the same number');
    }
    if (length === null || typeof length !== 'number') length = d;
  }
  return length ?? context.unknownDim(null, 'the shapes of the scanned inputs');
}

export const scan: OpDef = defineOp({
  name: 'Scan',
  since: [8, 9, 11, 16, 19, 21, 23, 24, 25],
  kernelClass: 'host',
  attributes: {
    body: 'required',
    num_scan_inputs: 'required',
    directions: 'computed',
    scan_input_axes: 'computed',
    scan_input_directions: 'computed',
    scan_output_axes: 'computed',
    scan_output_directions: 'computed',
  },
  infer(context) {
    const form = scanForm(context);
    const own = ownInputs(context)
      .slice(form.first)
      .map((type, i) => type ?? misfit(context, `input ${form.first + i} is left out`));
    const states = own.slice(0, form.states);
    const scanned = own.slice(form.states);
    const length = scanLength(context, form, scanned);
    const batch = form.batched ? (own.find((t) => t.unranked !== true)?.shape[0] ?? null) : null;
    const elements = scanned.map((type, k) =>
      type.unranked === true ? type : without(type, [...(form.batched ? [0] : []), form.inputAxis(k, type.shape.length)]),
    );
    const captured = capturedInputs(context);
    const { carried, each } = inferCarried(
      context,
      states.map((type) => (form.batched ? without(type, [0]) : type)),
      (types) => context.inferGraph(form.body, [...types, ...elements, ...captured]),
      { exact: length, most: length },
    );
    const outer = (type: TensorType): TensorType =>
      !form.batched || type.unranked === true ? type : { ...type, shape: [batch ?? 1, ...type.shape] };
    return [
      ...carried.map(outer),
      ...each.map((type, k): TensorType => {
        if (type.unranked === true) return type;
        const { shape } = outer(type);
        const axis = form.outputAxis(k, shape.length + 1);
        return { ...type, shape: [...shape.slice(0, axis), length, ...shape.slice(axis)] };
      }),
    ];
  },
  evaluate: runsOnValues,
  evaluateValues(context) {
    const form = scanForm(context);
    const states = Array.from({ length: form.states }, (_, i) => tensorInput(context, form.first + i, 'a state'));
    const scanned = Array.from({ length: form.scanned }, (_, i) => tensorInput(context, form.first + form.states + i, 'a scanned input'));
    return form.batched ? runBatched(context, form, states, scanned) : runOnce(context, form, states, scanned);
  },
});

/** The scanned inputs along their axes, one entry an iteration. */
function iterate(
  context: ValuesContext,
  form: ScanForm,
  states: readonly Tensor[],
  scanned: readonly Tensor[],
  axisOf: (k: number, rank: number) => number,
  length: number,
): { readonly states: readonly Tensor[]; readonly rows: readonly Tensor[][] } {
  const captured = capturedInputs(context);
  const rows = Array.from({ length: form.made }, (): Tensor[] => []);
  let current = states;
  for (let i = 0; i < length; i++) {
    const entries = scanned.map((x, k) => entryOf(x, axisOf(k, x.shape.length), form.backward('input', k) ? length - 1 - i : i));
    const results: readonly RuntimeValue[] = context.runGraph(form.body, [...current, ...entries, ...captured]);
    current = results.slice(0, form.states).map((x, j) => (isTensor(x) ? x : misfit(context, `state ${j} becomes ${describeValue(x)}`)));
    keepRows(context, rows, results.slice(form.states));
  }
  rows.forEach((row, k) => {
    if (form.backward('output', k)) row.reverse();
  });
  return { states: current, rows };
}

/** The shape of one entry of scanned output k where no iteration made one. */
function entryShape(form: ScanForm, k: number): { readonly dtype: Tensor['dtype']; readonly shape: readonly number[] } {
  const id = form.body.outputs[form.states + k];
  const type = id === undefined ? undefined : form.body.values[id]?.type;
  return { dtype: type?.dtype ?? 'float32', shape: (type?.shape ?? []).map((d) => (typeof d === 'number' ? d : 0)) };
}

function lengthOf(context: OpContext, scanned: readonly Tensor[], axisOf: (k: number, rank: number) => number): number {
  const lengths = scanned.map((x, k) => x.shape[axisOf(k, x.shape.length)] ?? 0);
  const [length = 0] = lengths;
  if (lengths.some((n) => !equalDim(n, length))) misfit(context, `scanned inputs have ${lengths.join(', ')} entries along their axes`);
  return length;
}

function runOnce(context: ValuesContext, form: ScanForm, states: readonly Tensor[], scanned: readonly Tensor[]): readonly Tensor[] {
  const axisOf = (k: number, rank: number): number => form.inputAxis(k, rank);
  const done = iterate(context, form, states, scanned, axisOf, lengthOf(context, scanned, axisOf));
  const made = done.rows.map((row, k) => {
    const [first] = row;
    const rank = (first?.shape.length ?? entryShape(form, k).shape.length) + 1;
    const axis = form.outputAxis(k, rank);
    if (first !== undefined) return stacked(context, row, axis);
    const { dtype, shape } = entryShape(form, k);
    return zeros(dtype, [...shape.slice(0, axis), 0, ...shape.slice(axis)]);
  });
  return [...done.states, ...made];
}

/** Opset 8: each batch entry by itself, as long as `sequence_lens` says; what lies beyond is 0. */
function runBatched(context: ValuesContext, form: ScanForm, states: readonly Tensor[], scanned: readonly Tensor[]): readonly Tensor[] {
  const longest = lengthOf(context, scanned, () => 1);
  const batch = [...states, ...scanned][0]?.shape[0] ?? 0;
  const given = context.inputs[0] ?? null;
  const lengths = given !== null && isTensor(given) ? [...numbersOf(given)] : null;
  const runs = Array.from({ length: batch }, (_, b) => {
    const length = lengths?.[b] ?? longest;
    if (!Number.isInteger(length) || length < 0 || length > longest) {
      misfit(context, `sequence_lens says ${length} for batch entry ${b}, the inputs have ${longest}`);
    }
    const at = (x: Tensor): Tensor => entryOf(x, 0, b);
    return iterate(context, form, states.map(at), scanned.map(at), () => 0, length);
  });
  const finals = states.map((x, j) => {
    const parts = runs.flatMap((r) => r.states[j] ?? []);
    return parts.length === 0 ? x : stacked(context, parts, 0);
  });
  const made = Array.from({ length: form.made }, (_, k) => {
    const some = runs.flatMap((r) => r.rows[k] ?? [])[0] ?? entryShape(form, k);
    const parts = runs.map((r) => {
      const row = r.rows[k] ?? [];
      const rest = Array.from({ length: longest - row.length }, () => zeros(some.dtype, some.shape));
      return longest === 0 ? zeros(some.dtype, [0, ...some.shape]) : stacked(context, [...row, ...rest], 0);
    });
    return parts.length === 0 ? zeros(some.dtype, [0, longest, ...some.shape]) : stacked(context, parts, 0);
  });
  return [...finals, ...made];
}
