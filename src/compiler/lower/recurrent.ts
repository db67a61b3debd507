/**
 * RNN, GRU and LSTM: the input's products of all steps at once, then step by step the state's product and the gates.
 *
 *     %y, %h = RNN(%x, %w, %r, %b)
 *  =>
 *     %p = Gemm(%x2d, %wᵀ, %wb + %rb)                      all steps
 *     %h0 = Tanh(Add(Gemm(%h, %rᵀ), %p[0]))                one step
 *     %h1 = Tanh(Add(Gemm(%h0, %rᵀ), %p[1]))               ...
 *     %y = Concat(%h0, %h1, ...)
 *
 * More than a few steps are one repeated region: the step is written once, its part of %p handed out, its %h stacked.
 *
 * Sums are in another order than ONNX gives them (the bias joins the input's product), so results may differ in the last bits.
 */
import { attributeInt, attributeString } from '../../graph/index.ts';
import type { Node, ValueId } from '../../graph/ir.ts';
import type { NotHere } from '../kernels/context.ts';
import { unrollLimit, type Rule } from './rule.ts';
import { integerProducts } from './integer-products.ts';
import { readActivations, type Activation } from './recurrent-activations.ts';
import type { Writer } from './writer.ts';

interface Family {
  readonly gates: number;
  readonly activations: readonly string[];
  /** Nodes a step takes, roughly: for the limit. */
  readonly nodesPerStep: number;
  readonly cell: (w: Writer, p: Parameters) => Cell;
}

/** One direction. */
interface Parameters {
  readonly hidden: number;
  readonly batch: number;
  /** Rᵀ [hidden, gates · hidden] */
  readonly r: ValueId;
  /** The state times all of Rᵀ. */
  readonly times: (h: ValueId) => ValueId;
  /** Biases that stay with the state's product (GRU with linear_before_reset), [gates · hidden]; null: none. */
  readonly rb: ValueId | null;
  /** Peepholes of gate `k`, [hidden]; null: none. */
  readonly peephole: (k: number) => ValueId | null;
  readonly activations: readonly Activation[];
  readonly clip: number;
  readonly linearBeforeReset: boolean;
  readonly inputForget: boolean;
}

/** One step: `x` [batch, gates · hidden] is the input's part of the gates. */
type Cell = (x: ValueId, h: ValueId, c: ValueId | null) => { readonly h: ValueId; readonly c: ValueId | null };

const rnn: Family = {
  gates: 1,
  activations: ['Tanh'],
  nodesPerStep: 4,
  cell: (w, p) => (x, h) => {
    const [f] = p.activations;
    return { h: run(w, f, clipped(w, p, w.op('Add', [p.times(h), x]))), c: null };
  },
};

const gru: Family = {
  gates: 3,
  activations: ['Sigmoid', 'Tanh'],
  nodesPerStep: 14,
  cell: (w, p) => {
    const n = p.hidden;
    const gatesR = w.slice(p.r, 1, 0, 2 * n);
    const candidateR = w.slice(p.r, 1, 2 * n, 3 * n);
    const rb = p.rb === null ? null : w.slice(p.rb, 0, 2 * n, 3 * n);
    return (x, h) => {
      const [f, g] = p.activations;
      const gates = run(w, f, clipped(w, p, w.op('Add', [w.op('MatMul', [h, gatesR]), w.slice(x, 1, 0, 2 * n)])));
      const z = w.slice(gates, 1, 0, n);
      const r = w.slice(gates, 1, n, 2 * n);
      const xh = w.slice(x, 1, 2 * n, 3 * n);
      const state = (): ValueId => {
        const product = w.op('MatMul', [h, candidateR]);
        return w.op('Mul', [rb === null ? product : w.op('Add', [product, rb]), r]);
      };
      const fromH = p.linearBeforeReset ? state() : w.op('MatMul', [w.op('Mul', [r, h]), candidateR]);
      const candidate = run(w, g, clipped(w, p, w.op('Add', [fromH, xh])));
      const kept = w.op('Mul', [z, h]);
      return { h: w.op('Add', [w.op('Mul', [w.op('Sub', [w.float(1), z]), candidate]), kept]), c: null };
    };
  },
};

const lstm: Family = {
  gates: 4,
  activations: ['Sigmoid', 'Tanh', 'Tanh'],
  nodesPerStep: 16,
  cell: (w, p) => {
    const n = p.hidden;
    const peepholes = [0, 1, 2].map((k) => p.peephole(k));
    return (x, h, c) => {
      const [f, g, last] = p.activations;
      if (c === null) throw new Error('an LSTM without a cell');
      const sums = w.op('Add', [p.times(h), x]);
      const part = (k: number, count = 1): ValueId => w.slice(sums, 1, k * n, (k + count) * n);
      const gate = (k: number, peephole: number, state: ValueId): ValueId => {
        const seen = peepholes[peephole] ?? null;
        const sum = seen === null ? part(k) : w.op('Add', [part(k), w.op('Mul', [state, seen])]);
        return run(w, f, clipped(w, p, sum));
      };
      // Without peepholes the three gates are one elementwise kernel.
      const together = peepholes.every((q) => q === null) ? run(w, f, clipped(w, p, part(0, 3))) : null;
      const i = together === null ? gate(0, 0, c) : w.slice(together, 1, 0, n);
      const forget = p.inputForget ? w.op('Sub', [w.float(1), i]) : together === null ? gate(2, 2, c) : w.slice(together, 1, 2 * n, 3 * n);
      const kept = w.op('Mul', [forget, c]);
      const now = w.op('Add', [kept, w.op('Mul', [i, run(w, g, clipped(w, p, part(3)))])]);
      const o = together === null ? gate(1, 1, now) : w.slice(together, 1, n, 2 * n);
      return { h: w.op('Mul', [o, run(w, last, now)]), c: now };
    };
  },
};

function run(w: Writer, activation: Activation | undefined, x: ValueId): ValueId {
  return activation === undefined ? x : activation(w, x);
}

function clipped(w: Writer, p: Parameters, x: ValueId): ValueId {
  return p.clip > 0 ? w.op('Clip', [x, w.float(-p.clip), w.float(p.clip)]) : x;
}

/** What multiplies the input and the state. */
export interface Products {
  readonly directions: number;
  readonly hidden: number;
  /** The products of all steps, [steps · batch, gates · hidden]. `bias`: [gates · hidden], or none. */
  input(sequence: ValueId, direction: number, bias: ValueId | null): ValueId;
  /** Rᵀ of one direction, [hidden, gates · hidden], and how a state is multiplied with it. */
  state(direction: number): Pick<Parameters, 'r' | 'times'>;
}

/** W and R of ONNX: transposed. */
function floatProducts(w: Writer, node: Node): Products | null {
  const [, weights = null, recurrent = null] = node.inputs;
  if (weights === null || recurrent === null) return null;
  const [directions = 1, rows = 1, hidden = 1] = w.shape(recurrent);
  const [, , features = 1] = w.shape(weights);
  const turned = (id: ValueId, d: number, columns: number): ValueId =>
    w.transpose(w.reshape(w.slice(id, 0, d, d + 1), [rows, columns]), [1, 0]);
  return {
    directions,
    hidden,
    input: (sequence, d, bias) => w.op('Gemm', [sequence, turned(weights, d, features), ...(bias === null ? [] : [bias])]),
    state(d) {
      const r = turned(recurrent, d, hidden);
      return { r, times: (h) => w.op('MatMul', [h, r]) };
    },
  };
}

function lowerRecurrent(
  family: Family,
  w: Writer,
  node: Node,
  productsOf: (w: Writer, node: Node) => Products | null,
): readonly (ValueId | null)[] | NotHere | null {
  const [x = null, , , bias = null, lengths = null, h0 = null, c0 = null, p = null] = node.inputs;
  const multiply = productsOf(w, node);
  if (x === null || multiply === null) return null;
  const isLstm = family === lstm;
  const batchMajor = attributeInt(node, 'layout', 0) !== 0;
  const [first = 1, second = 1, features = 1] = w.shape(x);
  const [steps, batch] = batchMajor ? [second, first] : [first, second];
  const { directions, hidden } = multiply;
  if (steps === 0 || batch === 0) return { reason: 'the sequence has no elements' };
  if (lengths !== null && !(w.numbers(lengths)?.every((n) => n === steps) ?? false)) {
    return {
      reason: `the lengths of the sequences (sequence_lens) are computed at run time`,
      fix: 'leave sequence_lens out: every sequence then has the full length',
    };
  }
  const repeats = w.canRepeat(steps, directions * family.nodesPerStep);
  const nodes = steps * directions * family.nodesPerStep;
  if (!repeats && nodes > unrollLimit) {
    return {
      reason: `${steps} steps in ${directions === 1 ? 'one direction' : 'two directions'} would be about ${nodes} nodes${w.isInside ? ', and it is in a loop that is a repeated region, which holds no other' : ''}`,
      limit: { what: 'nodes written for one node', actual: String(nodes), allowed: String(unrollLimit) },
      fix: w.isInside
        ? 'shorten the loop around it so that it is written out, or these sequences'
        : 'run the model on shorter sequences and carry the state from one to the next',
    };
  }
  const activations = readActivations(node, directions, family.activations);
  if ('reason' in activations) return activations;
  const rows = family.gates * hidden;
  const linearBeforeReset = attributeInt(node, 'linear_before_reset', 0) !== 0;
  const clip = node.attributes['clip']?.kind === 'float' ? node.attributes['clip'].value : 0;
  const sequence = w.reshape(batchMajor ? w.transpose(x, [1, 0, 2]) : x, [steps * batch, features]);
  const part = (id: ValueId, d: number, shape: readonly number[]): ValueId => w.reshape(w.slice(id, 0, d, d + 1), shape);
  const initial = (id: ValueId | null, d: number): ValueId => {
    if (id === null) return w.lazy({ dtype: 'float32', shape: [batch, hidden] }, { kind: 'splat', element: new Uint8Array(4) });
    return w.reshape(w.slice(id, batchMajor ? 1 : 0, d, d + 1), [batch, hidden]);
  };
  const outputs: ValueId[][] = Array.from({ length: steps }, () => []);
  /** [steps, batch, hidden] of each direction, where steps are a region. */
  const sequences: ValueId[] = [];
  const lastH: ValueId[] = [];
  const lastC: ValueId[] = [];
  for (let d = 0; d < directions; d++) {
    const reverse = d === 1 || attributeString(node, 'direction', 'forward') === 'reverse';
    const wb = bias === null ? null : w.slice(part(bias, d, [2 * rows]), 0, 0, rows);
    const rb = bias === null ? null : w.slice(part(bias, d, [2 * rows]), 0, rows, 2 * rows);
    // With linear_before_reset the state's bias of the candidate is inside the reset's product.
    const kept = linearBeforeReset && rb !== null ? rb : null;
    const joined =
      wb === null || rb === null
        ? null
        : kept === null
          ? w.op('Add', [wb, rb])
          : w.op('Add', [wb, w.concat([w.slice(rb, 0, 0, 2 * hidden), zeros(w, hidden)], 0)]);
    const gates = w.reshape(multiply.input(sequence, d, joined), [steps, batch, rows]);
    const cell = family.cell(w, {
      hidden,
      batch,
      ...multiply.state(d),
      rb: kept,
      peephole: (k) => (p === null ? null : w.slice(part(p, d, [3 * hidden]), 0, k * hidden, (k + 1) * hidden)),
      activations: activations[d] ?? [],
      clip,
      linearBeforeReset,
      inputForget: attributeInt(node, 'input_forget', 0) !== 0,
    });
    let state: { readonly h: ValueId; readonly c: ValueId | null } = { h: initial(h0, d), c: isLstm ? initial(c0, d) : null };
    if (repeats) {
      const done = w.repeat({
        trips: steps,
        initial: state.c === null ? [state.h] : [state.h, state.c],
        scanned: [{ whole: gates, reversed: reverse }],
        body([h = -1, c = null], [x = -1]) {
          const next = cell(x, h, c);
          return { next: next.c === null ? [next.h] : [next.h, next.c], made: [{ entry: next.h, reversed: reverse }] };
        },
      });
      const [h, c] = done?.final ?? [];
      const [sequence] = done?.stacked ?? [];
      if (h === undefined || sequence === undefined) throw new Error(`the state of "${node.name}" changes its type`);
      sequences.push(sequence);
      lastH.push(h);
      if (c !== undefined) lastC.push(c);
      continue;
    }
    for (let s = 0; s < steps; s++) {
      const t = reverse ? steps - 1 - s : s;
      state = cell(w.reshape(w.slice(gates, 0, t, t + 1), [batch, rows]), state.h, state.c);
      outputs[t]?.push(state.h);
    }
    lastH.push(state.h);
    if (state.c !== null) lastC.push(state.c);
  }
  const joined = (list: readonly ValueId[]): ValueId =>
    w.concat(
      list.map((h) => w.reshape(h, batchMajor ? [batch, 1, hidden] : [1, batch, hidden])),
      batchMajor ? 1 : 0,
    );
  const whole = (): ValueId => {
    if (repeats) {
      const y = w.concat(
        sequences.map((s) => w.reshape(s, [steps, 1, batch, hidden])),
        1,
      );
      return batchMajor ? w.transpose(y, [2, 0, 1, 3]) : y;
    }
    const y = w.concat(
      outputs.flat().map((h) => w.reshape(h, [1, batch, hidden])),
      0,
    );
    const shaped = w.reshape(y, [steps, directions, batch, hidden]);
    return batchMajor ? w.transpose(shaped, [2, 0, 1, 3]) : shaped;
  };
  const results = [whole(), node.outputs.length > 1 ? joined(lastH) : null, node.outputs.length > 2 && isLstm ? joined(lastC) : null];
  return results.slice(0, node.outputs.length);
}

function zeros(w: Writer, count: number): ValueId {
  return w.lazy({ dtype: 'float32', shape: [count] }, { kind: 'splat', element: new Uint8Array(4) });
}

const ruleOf =
  (family: Family, products: (w: Writer, node: Node) => Products | null = floatProducts): Rule =>
  (w, node) =>
    lowerRecurrent(family, w, node, products);

export const microsoftRecurrentRules: Readonly<Record<string, Rule>> = { DynamicQuantizeLSTM: ruleOf(lstm, integerProducts) };

export const recurrentRules: Readonly<Record<string, Rule>> = { RNN: ruleOf(rnn), GRU: ruleOf(gru), LSTM: ruleOf(lstm) };
