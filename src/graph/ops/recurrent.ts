/** RNN, GRU and LSTM: types, layout of sequences, directions. */
import { elementCount } from '../../core/index.ts';
import { mulDim, type Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  intAttribute,
  misfit,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type AttributeDefault,
  type EvaluateContext,
  type InferContext,
  type MacsContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { readActivations } from './recurrent-activations.ts';
import { gruCell, lstmCell, rnnCell, type Cell, type CellSizes, type CellWeights } from './recurrent-cells.ts';
import type { Tensor } from '../../core/index.ts';

interface Family {
  readonly name: 'RNN' | 'GRU' | 'LSTM';
  readonly gates: number;
  readonly activations: readonly string[];
  readonly cell: (sizes: CellSizes, weights: CellWeights) => Cell;
  readonly attributes: Readonly<Record<string, AttributeDefault>>;
}

export const common: Readonly<Record<string, AttributeDefault>> = {
  activation_alpha: 'computed',
  activation_beta: 'computed',
  activations: 'computed',
  clip: 'computed',
  direction: 'forward',
  hidden_size: 'computed',
  layout: 0,
};

export function directionsOf(context: OpContext): number {
  const direction = stringAttribute(context, 'direction', 'forward');
  if (!['forward', 'reverse', 'bidirectional'].includes(direction)) {
    badAttribute(context, 'direction', `"${direction}"`, 'forward, reverse, bidirectional');
  }
  return direction === 'bidirectional' ? 2 : 1;
}

/** batch_major: layout 1, since opset 14. */
export function batchMajor(context: OpContext): boolean {
  return intAttribute(context, 'layout', 0) !== 0;
}

function differ(a: Dim | undefined, b: Dim): boolean {
  return typeof a === 'number' && typeof b === 'number' && a !== b;
}

function inferFamily(family: Family, context: InferContext): readonly TensorType[] {
  const x = requiredType(context, 0, 'X');
  const w = requiredType(context, 1, 'W');
  const r = requiredType(context, 2, 'R');
  const directions = directionsOf(context);
  readActivations(context, directions, family.activations);
  for (const [what, type] of [
    ['X', x],
    ['W', w],
    ['R', r],
  ] as const) {
    if (type.shape.length !== 3) misfit(context, `${what} ${printShape(type.shape)} is not of rank 3`);
  }
  const hidden = r.shape[2] ?? 1;
  const stated = intAttribute(context, 'hidden_size', 0);
  if (stated !== 0 && differ(hidden, stated)) {
    badAttribute(context, 'hidden_size', String(stated), `${printShape([hidden])}, the size R ${printShape(r.shape)} has`);
  }
  for (const type of [w, r]) {
    if (differ(type.shape[0], directions)) {
      misfit(context, `the weights ${printShape(type.shape)} are for ${printShape(type.shape.slice(0, 1))} directions, not ${directions}`);
    }
    if (typeof hidden === 'number' && differ(type.shape[1], family.gates * hidden)) {
      misfit(context, `the weights ${printShape(type.shape)} do not have ${family.gates} × ${hidden} rows`);
    }
  }
  if (typeof x.shape[2] === 'number' && differ(w.shape[2], x.shape[2])) {
    misfit(context, `the input ${printShape(x.shape)} has ${x.shape[2]} features, the weights ${printShape(w.shape)} take others`);
  }
  const [first = 1, second = 1] = x.shape;
  const [length, batch] = batchMajor(context) ? [second, first] : [first, second];
  const state: TensorType = { dtype: x.dtype, shape: batchMajor(context) ? [batch, directions, hidden] : [directions, batch, hidden] };
  const y: TensorType = {
    dtype: x.dtype,
    shape: batchMajor(context) ? [batch, length, directions, hidden] : [length, directions, batch, hidden],
  };
  const rows = mulDim(family.gates, hidden);
  checkShape(context, 3, 'B', [directions, mulDim(2, rows)]);
  checkShape(context, 4, 'sequence_lens', [batch]);
  checkShape(context, 5, 'initial_h', state.shape);
  if (family.name === 'LSTM') {
    checkShape(context, 6, 'initial_c', state.shape);
    checkShape(context, 7, 'P', [directions, mulDim(3, hidden)]);
  }
  return family.name === 'LSTM' ? [y, state, state] : [y, state];
}

export function checkShape(context: InferContext, index: number, what: string, wanted: readonly Dim[]): void {
  const type = context.inputs[index] ?? null;
  if (type === null || (type.shape.length === wanted.length && !type.shape.some((d, i) => differ(d, wanted[i] ?? 1)))) return;
  misfit(context, `${what} is ${printShape(type.shape)}, ${printShape(wanted)} is needed`);
}

/** The part of direction `d` of an optional parameter; zeros of `size` where it is left out. */
export function partOf(context: EvaluateContext, index: number, d: number, size: number): Float32Array {
  const t = context.inputs[index] ?? null;
  return t === null ? new Float32Array(size) : floatsOf(t).subarray(d * size, (d + 1) * size);
}

function evaluateFamily(family: Family, context: EvaluateContext): readonly Tensor[] {
  const x = requiredTensor(context, 0, 'X');
  const w = requiredTensor(context, 1, 'W');
  const directions = directionsOf(context);
  const [first = 1, second = 1, input = 1] = x.shape;
  const [length, batch] = batchMajor(context) ? [second, first] : [first, second];
  const hidden = requiredTensor(context, 2, 'R').shape[2] ?? 1;
  const { gates } = family;
  const source = floatsOf(x);
  const activations = readActivations(context, directions, family.activations);
  const lengths = context.inputs[4] === null || context.inputs[4] === undefined ? null : numbersOf(context.inputs[4]);
  const isLstm = family.name === 'LSTM';
  const y = new Float32Array(length * directions * batch * hidden);
  const lastH = new Float32Array(directions * batch * hidden);
  const lastC = new Float32Array(directions * batch * hidden);
  // Where one row of the input, of Y and of a state starts.
  const [xStep, xBatch] = batchMajor(context) ? [input, length * input] : [batch * input, input];
  const yAt = (t: number, d: number, b: number): number =>
    (batchMajor(context) ? (b * length + t) * directions + d : (t * directions + d) * batch + b) * hidden;
  const stateAt = (d: number, b: number): number => (batchMajor(context) ? b * directions + d : d * batch + b) * hidden;
  for (let d = 0; d < directions; d++) {
    const reverse = d === 1 || stringAttribute(context, 'direction', 'forward') === 'reverse';
    const cell = family.cell(
      { input, hidden, gates },
      {
        w: floatsOf(w).subarray(d * gates * hidden * input, (d + 1) * gates * hidden * input),
        r: partOf(context, 2, d, gates * hidden * hidden),
        b: partOf(context, 3, d, 2 * gates * hidden),
        p: isLstm ? partOf(context, 7, d, 3 * hidden) : new Float32Array(0),
        activations: activations[d] ?? [],
        clip: floatAttribute(context, 'clip', 0),
        linearBeforeReset: intAttribute(context, 'linear_before_reset', 0) !== 0,
        inputForget: intAttribute(context, 'input_forget', 0) !== 0,
      },
    );
    for (let b = 0; b < batch; b++) {
      const at = stateAt(d, b);
      const initial = (index: number): Float32Array => {
        const t = context.inputs[index] ?? null;
        return t === null ? new Float32Array(hidden) : floatsOf(t).slice(at, at + hidden);
      };
      const h = initial(5);
      const c = isLstm ? initial(6) : new Float32Array(0);
      const steps = lengths === null ? length : Math.min(length, lengths[b] ?? length);
      for (let s = 0; s < steps; s++) {
        // A short sequence runs backward from its own end; Y stays zero behind it.
        const t = reverse ? steps - 1 - s : s;
        cell(source, t * xStep + b * xBatch, h, c);
        y.set(h, yAt(t, d, b));
      }
      lastH.set(h, at);
      if (isLstm) lastC.set(c, at);
    }
  }
  return [y, lastH, lastC].slice(0, context.outputs.length).map((data, i) => tensorOf(x.dtype, context.outputs[i]?.shape ?? [], data));
}

/** For each step and direction: gates · hidden · (input + hidden) of every sequence of the batch. */
function macsOfFamily(family: Family, context: MacsContext): number {
  const x = context.inputs[0];
  const r = context.inputs[2];
  if (x === null || x === undefined || r === null || r === undefined) return 0;
  const hidden = r.shape[2] ?? 1;
  const input = x.shape[2] ?? 1;
  return directionsOf(context) * family.gates * hidden * (input + hidden) * elementCount(x.shape.slice(0, 2));
}

function define(family: Family): OpDef {
  return defineOp({
    name: family.name,
    since: [1, 7, 14, 22],
    // Runs step by step; lowering makes matrix products of it.
    kernelClass: 'host',
    attributes: { ...common, ...family.attributes },
    infer: (context) => inferFamily(family, context),
    evaluate: (context) => evaluateFamily(family, context),
    macs: (context) => macsOfFamily(family, context),
  });
}

export const rnn: OpDef = define({ name: 'RNN', gates: 1, activations: ['Tanh'], cell: rnnCell, attributes: {} });

export const gru: OpDef = define({
  name: 'GRU',
  gates: 3,
  activations: ['Sigmoid', 'Tanh'],
  cell: gruCell,
  attributes: { linear_before_reset: 0 },
});

export const lstm: OpDef = define({
  name: 'LSTM',
  gates: 4,
  activations: ['Sigmoid', 'Tanh', 'Tanh'],
  cell: lstmCell,
  attributes: { input_forget: 0 },
});

export const recurrentOps: readonly OpDef[] = [rnn, gru, lstm];
